"""Evidence that stays valid however often one looks, and whenever one stops.

In: successes and trials so far, and a threshold. Out: an e-value: its reciprocal is a p-value at
every moment of the run. Looking after every tenth of 400 samples with an ordinary interval says
"above" falsely in 14 % of cases instead of 2.5 %; this stays below.

The e-value is the likelihood of the trials under a uniform mixture of all rates above the
threshold, divided by that at the threshold. For every true rate at or below it, this is a
supermartingale that starts at 1.
Source: Ville 1939; Robbins 1970; Howard et al. 2021 (mixture confidence sequences).
"""

import math

from clearhouse.bench.statistics.special import beta_sf, log_beta

_STEPS = 60


def log_evidence_above(successes: float, trials: float, threshold: float) -> float:
    """Return the logarithm of the e-value against a true rate of at most `threshold`."""
    if not 0 < threshold < 1:
        raise ValueError("a threshold for sequential evidence lies strictly between 0 and 1")
    failures = trials - successes
    if trials <= 0:
        return 0.0
    tail = beta_sf(threshold, successes + 1, failures + 1)
    if tail <= 0:
        return -math.inf
    at_threshold = successes * math.log(threshold) + failures * math.log1p(-threshold)
    prior = math.log1p(-threshold)
    return log_beta(successes + 1, failures + 1) + math.log(tail) - prior - at_threshold


def log_evidence_below(successes: float, trials: float, threshold: float) -> float:
    """Return the logarithm of the e-value against a true rate of at least `threshold`."""
    return log_evidence_above(trials - successes, trials, 1 - threshold)


def p_value(log_evidence: float) -> float:
    """Return the p-value that an e-value is worth at any moment."""
    return min(1.0, math.exp(-log_evidence)) if log_evidence > 0 else 1.0


def lower_bound(successes: float, trials: float, alpha: float) -> float:
    """Return the bound of the confidence sequence: the smallest rate not refuted at `alpha`."""
    if trials <= 0 or successes <= 0:
        return 0.0
    low, high, wanted = 0.0, successes / trials, -math.log(alpha)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if 0 < middle < 1 and log_evidence_above(successes, trials, middle) >= wanted:
            low = middle
        else:
            high = middle
    return low


def upper_bound(successes: float, trials: float, alpha: float) -> float:
    """Return the largest rate that is not refuted at `alpha`."""
    return 1 - lower_bound(trials - successes, trials, alpha)
