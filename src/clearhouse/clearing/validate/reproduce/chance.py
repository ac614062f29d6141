"""Say how many runs it takes until chance cannot have made a proof agree: pure.

The runs of both sides stand in an order that is drawn at random and that the proof cannot know.
Whatever else a proof goes by, a coin, a clock or the number of runs before, it fires on exactly the
vulnerable runs in at most one of all orders: with n and m runs, once in C(n + m, n). No assumption
about the proof is needed for that, so the numbers may follow what its runs cost: where one side is
slow, many runs of the other do as well.

Source: the permutation test; R. A. Fisher, The Design of Experiments (1935), II.
"""

from math import comb

MOST = 1e-5
"""Greatest chance that all series of one bundle together leave to a proof that does not know its
side. At a million such proofs a year that would be ten; at three runs a side it was one in twenty.
"""
SLOW_MOST = 1e-3
"""The same for proofs whose runs are so long that more of them would hold up everybody else. The
verdict says so."""
PATIENCE_S = 60.0
"""Processor seconds that more runs may take before a proof counts as slow."""
_LEAST, _MOST_RUNS = 3, 64
"""Runs on one side beside the first: fewer show no spread, more cost more than they tell."""


def agreement(vulnerable: int, fixed: int) -> float:
    """Return the chance that so many runs tell the sides apart without knowing them."""
    return 1 / comb(vulnerable + fixed, fixed)


def more_runs(
    left: float, share: float, vulnerable_s: float, fixed_s: float
) -> tuple[tuple[int, int], float]:
    """Return how many more runs of each side to make, and the chance that they leave.

    `left` is the chance that the runs so far leave, `share` this series' part of what all series
    may leave; `vulnerable_s` and `fixed_s` are the seconds that a run of each side takes.
    """

    def cost(pair: tuple[int, int]) -> float:
        return pair[0] * vulnerable_s + pair[1] * fixed_s

    def cheapest(most: float) -> tuple[int, int]:
        enough = [pair for pair in pairs if left * agreement(*pair) <= most * share]
        return min(enough, key=lambda pair: (cost(pair), abs(pair[0] - pair[1])))

    sizes = range(_LEAST, _MOST_RUNS + 1)
    pairs = [(n, m) for n in sizes for m in sizes]
    chosen = cheapest(MOST)
    if cost(chosen) > PATIENCE_S:
        chosen = cheapest(SLOW_MOST)
    return chosen, left * agreement(*chosen)
