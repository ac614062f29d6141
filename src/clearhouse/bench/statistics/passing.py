"""Success in at least one of k attempts, and in all of k, without bias.

In: attempts, how many succeeded, and k. Out: the probability for k attempts drawn from them.
Refused with `ValueError`: fewer attempts than k, since that would be a guess.
Source: Chen et al. 2021, arXiv 2107.03374 §2.1 (pass@k); Yao et al. 2024, arXiv 2406.12045
(pass^k).
"""

import math


def pass_at_k(attempts: int, successes: int, k: int) -> float:
    """Return the unbiased estimate that at least one of `k` attempts succeeds."""
    _check(attempts, successes, k)
    return 1.0 - math.comb(attempts - successes, k) / math.comb(attempts, k)


def all_of_k(attempts: int, successes: int, k: int) -> float:
    """Return the unbiased estimate that all of `k` attempts succeed."""
    _check(attempts, successes, k)
    return math.comb(successes, k) / math.comb(attempts, k)


def _check(attempts: int, successes: int, k: int) -> None:
    if not 1 <= k <= attempts or not 0 <= successes <= attempts:
        raise ValueError(f"{k} of {attempts} attempts cannot be estimated; run at least {k}")
