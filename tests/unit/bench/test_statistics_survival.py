import random

import pytest
import scipy  # its parts are loaded when they are named

from clearhouse.bench.statistics.counts import daily_interval, gamma_cdf, poisson_interval
from clearhouse.bench.statistics.survival import kaplan_meier, median, restricted_mean


def test_the_curve_agrees_with_scipy_also_with_ties_and_censoring():
    draw = random.Random(3)
    waits = [(float(draw.randrange(1, 12)), draw.random() < 0.6) for _ in range(60)]
    ours = kaplan_meier(waits)
    data = scipy.stats.CensoredData(
        uncensored=[t for t, seen in waits if seen], right=[t for t, seen in waits if not seen]
    )
    theirs = scipy.stats.ecdf(data).sf
    bounds = theirs.confidence_interval(method="log-log")
    for step in ours[1:]:
        place = list(theirs.quantiles).index(step.time)
        assert step.surviving == pytest.approx(theirs.probabilities[place])
        if 0 < step.surviving < 1:
            assert step.low == pytest.approx(bounds.low.probabilities[place])
            assert step.high == pytest.approx(bounds.high.probabilities[place])


def test_missing_more_never_looks_faster():
    seen = [(10.0, True)] * 5
    missed = [(10.0, True)] * 4 + [(3600.0, False)]
    assert restricted_mean(kaplan_meier(missed), 3600) > restricted_mean(kaplan_meier(seen), 3600)


def test_the_mean_within_a_horizon_is_the_plain_mean_when_all_are_seen():
    waits = [(1.0, True), (2.0, True), (6.0, True)]
    assert restricted_mean(kaplan_meier(waits), 100) == pytest.approx(3.0)
    assert restricted_mean(kaplan_meier(waits), 1.5) == pytest.approx((1 + 1.5 + 1.5) / 3)


def test_there_is_no_median_when_fewer_than_half_are_ever_seen():
    assert median(kaplan_meier([(1.0, True), (9.0, False), (9.0, False)])) is None
    assert median(kaplan_meier([(1.0, True), (2.0, True), (9.0, False)])) == 2.0


@pytest.mark.parametrize("waits", [[], [(-1.0, True)]])
def test_waits_that_cannot_be_are_refused(waits):
    with pytest.raises(ValueError, match="survival"):
        kaplan_meier(waits)


@pytest.mark.parametrize("count", [1, 3, 17, 400])
def test_the_interval_of_a_count_is_exact(count):
    found = poisson_interval(count, 2.0)
    assert found.low == pytest.approx(scipy.stats.gamma.ppf(0.025, count) / 2, rel=1e-9)
    assert found.high == pytest.approx(scipy.stats.gamma.ppf(0.975, count + 1) / 2, rel=1e-9)


def test_nothing_seen_in_ten_days_leaves_three_in_ten_possible():
    assert poisson_interval(0, 10).high == pytest.approx(0.2996, abs=1e-4)
    with pytest.raises(ValueError, match="time"):
        poisson_interval(0, 0)


def test_days_that_differ_widen_the_interval():
    even, uneven = [10] * 7, [0, 0, 0, 70, 0, 0, 0]
    assert daily_interval(uneven, 7).high > daily_interval(even, 7).high
    assert daily_interval([1, 2], 2) == poisson_interval(3, 2)


@pytest.mark.parametrize(("x", "shape"), [(0, 1), (0.5, 3), (30, 3), (5, 5.5), (900, 1000)])
def test_the_gamma_distribution_is_right(x, shape):
    assert gamma_cdf(x, shape) == pytest.approx(scipy.stats.gamma.cdf(x, shape), abs=1e-12)
