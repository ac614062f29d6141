"""Several claims at once: what remains significant when any one of them would do.

In: p-values. Out: p-values that account for their number. "All of" needs no correction: the
largest p-value speaks for all (intersection-union). "Any of" does (Holm).
Source: Holm 1979; Berger 1982.
"""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order of the given ones."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def any_of(p_values: Sequence[float]) -> float:
    """Return the p-value of the claim that at least one of the claims is true."""
    return min(holm(p_values), default=1.0)


def all_of(p_values: Sequence[float]) -> float:
    """Return the p-value of the claim that all claims are true."""
    return max(p_values, default=0.0)
