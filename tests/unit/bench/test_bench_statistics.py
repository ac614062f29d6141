"""The numbers of honest decisions, held against exact values, scipy, and simulation."""

import math
import random
from fractions import Fraction
from functools import cache

import pytest
import scipy  # its parts are loaded when they are named

from clearhouse.bench.statistics import intervals, sequential, several
from clearhouse.bench.statistics.bootstrap import bootstrap, percentiles
from clearhouse.bench.statistics.clusters import clustered
from clearhouse.bench.statistics.horizon import horizon
from clearhouse.bench.statistics.missing import manski
from clearhouse.bench.statistics.paired import fisher, mcnemar, paired_difference
from clearhouse.bench.statistics.passing import all_of_k, pass_at_k
from clearhouse.bench.statistics.power import at_least, power, successes_needed, trials_needed
from clearhouse.bench.statistics.special import beta_cdf, beta_quantile, beta_sf, t_quantile

Z = 1.959963984540054


def usual_interval(successes, trials):
    """The normal interval that most tables print; here only to show what it costs."""
    rate = successes / trials
    half = Z * math.sqrt(rate * (1 - rate) / trials)
    return intervals.Interval(low=rate - half, high=rate + half, confidence=0.95)


def coverage(method, trials, rate):
    """Exact probability that an interval holds the true rate."""
    return sum(
        scipy.stats.binom.pmf(k, trials, rate)
        for k in range(trials + 1)
        if method(k, trials).holds(rate)
    )


@pytest.mark.parametrize(
    ("method", "trials", "covers"),
    [
        (usual_interval, 39, 0.694),
        (usual_interval, 10, 0.262),
        (intervals.wilson, 39, 0.971),
        (intervals.wilson, 10, 0.965),
        (intervals.clopper_pearson, 39, 0.994),
        (intervals.clopper_pearson, 10, 0.997),
    ],
)
def test_intervals_cover_a_rate_of_97_percent_as_often_as_is_known(method, trials, covers):
    assert coverage(method, trials, 0.97) == pytest.approx(covers, abs=5e-4)


@pytest.mark.parametrize("trials", [1, 5, 10, 39, 100])
def test_the_deciding_interval_never_covers_less_than_it_promises(trials):
    assert (
        min(coverage(intervals.clopper_pearson, trials, rate / 15) for rate in range(1, 15)) >= 0.95
    )


def test_the_deciding_interval_is_exact_to_the_fraction():
    """At the lower bound, so many successes are exactly as likely as the error allows."""
    low = Fraction(intervals.lower_bound(7, 12, 0.025))
    tail = sum(math.comb(12, k) * low**k * (1 - low) ** (12 - k) for k in range(7, 13))
    assert float(tail) == pytest.approx(0.025, rel=1e-12)


def test_a_perfect_score_is_no_certainty():
    assert intervals.clopper_pearson(35, 35).low == pytest.approx(0.900, abs=5e-4)
    assert intervals.clopper_pearson(35, 35).high == 1.0
    assert intervals.jeffreys(35, 35).low < 1
    assert intervals.wilson(0, 35).high > 0
    assert clustered([[1.0]] * 35).interval().low == pytest.approx(0.900, abs=5e-4)


def test_three_of_ten_against_six_of_ten_shows_no_improvement():
    low, high = intervals.clopper_pearson(3, 10), intervals.clopper_pearson(6, 10)
    assert (round(low.low, 2), round(low.high, 2)) == (0.07, 0.65)
    assert (round(high.low, 2), round(high.high, 2)) == (0.26, 0.88)
    assert fisher(3, 10, 6, 10) == pytest.approx(0.37, abs=5e-3)


def test_none_of_twelve_against_seven_of_twelve_shows_a_broken_harness():
    assert fisher(0, 12, 7, 12) == pytest.approx(0.0046, abs=5e-5)


@pytest.mark.parametrize(
    ("rate", "threshold", "trials"),
    [(0.6, 0.5, 199), (0.7, 0.5, 49), (0.8, 0.5, 20), (0.9, 0.8, 107), (0.95, 0.8, 41)],
)
def test_the_trials_needed_for_80_percent_power_are_those_that_are_known(rate, threshold, trials):
    assert trials_needed(rate, threshold, 0.025) == trials
    assert power(trials, rate, threshold, 0.025) >= 0.8 > power(trials - 1, rate, threshold, 0.025)


def test_what_no_number_of_trials_can_show_needs_none():
    assert trials_needed(0.5, 0.5, 0.025) is None
    assert successes_needed(3, 0.5, 0.025) is None
    assert trials_needed(0.501, 0.5, 0.025) > 100_000


@pytest.mark.parametrize("seed", range(40))
def test_beta_and_t_agree_with_scipy(seed):
    draw = random.Random(seed)
    a, b, x = 10 ** draw.uniform(-1, 5), 10 ** draw.uniform(-1, 5), draw.random()
    assert beta_cdf(x, a, b) == pytest.approx(scipy.stats.beta.cdf(x, a, b), rel=1e-8, abs=1e-14)
    assert beta_sf(x, a, b) == pytest.approx(scipy.stats.beta.sf(x, a, b), rel=1e-8, abs=1e-14)
    middle = min(max(x, 0.001), 0.999)
    assert beta_quantile(middle, a, b) == pytest.approx(
        scipy.stats.beta.ppf(middle, a, b), rel=1e-8
    )
    freedom = draw.randint(1, 500)
    assert t_quantile(middle, freedom) == pytest.approx(
        scipy.stats.t.ppf(middle, freedom), rel=1e-7, abs=1e-8
    )


@pytest.mark.parametrize("seed", range(20))
def test_tests_of_two_groups_agree_with_scipy(seed):
    draw = random.Random(seed)
    n, m = draw.randint(1, 40), draw.randint(1, 40)
    k, j = draw.randint(0, n), draw.randint(0, m)
    assert fisher(k, n, j, m) == pytest.approx(
        scipy.stats.fisher_exact([[k, n - k], [j, m - j]])[1]
    )
    b, c = draw.randint(0, 20), draw.randint(1, 20)
    assert mcnemar(b, c) == pytest.approx(scipy.stats.binomtest(min(b, c), b + c, 0.5).pvalue)
    assert at_least(k, n, 0.3) == pytest.approx(scipy.stats.binom.sf(k - 1, n, 0.3))


def test_impossible_counts_are_refused():
    for bad in ((0, 0), (3, 2), (-1, 5)):
        with pytest.raises(ValueError, match="at least one trial"):
            intervals.clopper_pearson(*bad)
    for shapes in ((0, 1), (1, -1)):
        with pytest.raises(ValueError, match="shapes"):
            beta_cdf(0.5, *shapes)
    with pytest.raises(ValueError, match="between 0 and 1"):
        beta_quantile(1.5, 1, 1)


def attempts(draw, shape):
    """40 tasks of 10 attempts whose rates scatter around one half, more with a small shape."""
    rates = [draw.betavariate(shape, shape) if shape else 0.5 for _ in range(40)]
    return [[float(draw.random() < rate) for _ in range(10)] for rate in rates]


@pytest.mark.parametrize(("shape", "naive_says"), [(0.37, 0.218), (1.0, 0.156), (4.0, 0.062)])
def test_attempts_counted_as_independent_raise_false_alarms_and_clusters_do_not(shape, naive_says):
    draw, runs, naive, honest = random.Random(11), 400, 0, 0
    for _ in range(runs):
        groups = attempts(draw, shape)
        naive += intervals.lower_bound(sum(map(sum, groups)), 400, 0.025) > 0.5
        honest += clustered(groups).interval().low > 0.5
    assert naive / runs == pytest.approx(naive_says, abs=0.06)
    assert honest / runs <= 0.048  # 0.025, and three standard errors of the simulation


def test_an_outer_cluster_widens_the_interval_and_few_groups_more_so():
    scores = [1.0] * 30 + [0.0] * 30
    alone = clustered([[score] for score in scores]).interval()
    by_family = clustered([scores[i : i + 10] for i in range(0, 60, 10)]).interval()
    assert by_family.low < alone.low < alone.high < by_family.high
    assert clustered([scores]).interval().low < 0.05  # one family is one trial


def test_p_values_of_clusters_are_the_levels_at_which_the_bound_clears():
    one = clustered([[1.0, 1.0, 0.0], [1.0] * 3, [1.0, 0.0, 1.0], [1.0] * 3] * 5)
    p = one.p_above(0.6)
    assert one.interval(1 - 2 * p * 1.01).low >= 0.6 > one.interval(1 - 2 * p * 0.99).low
    assert one.p_below(0.6) == 1.0
    assert clustered([[0.0]] * 50).p_below(0.5) < 1e-9
    single = clustered([[1.0]] * 7 + [[0.0]] * 5)
    assert single.p_above(0.3) == pytest.approx(scipy.stats.binom.sf(6, 12, 0.3), rel=1e-6)


def test_scores_outside_0_to_1_and_no_scores_are_refused():
    with pytest.raises(ValueError, match="outside 0 to 1"):
        clustered([[1.5]])
    with pytest.raises(ValueError, match="no score"):
        clustered([[], []])


def looking(draw, rate, shows):
    """Look after every tenth of 400 trials; return whether and when it was shown."""
    hits = 0
    for trials in range(1, 401):
        hits += draw.random() < rate
        if trials % 10 == 0 and shows(hits, trials):
            return True, trials
    return False, 400


def test_peeking_fools_an_interval_and_not_the_e_process():
    draw = random.Random(5)
    wilson = cache(lambda k, n: intervals.wilson(k, n).low > 0.5)
    evidence = cache(lambda k, n: sequential.log_evidence_above(k, n, 0.5) >= math.log(40))
    fooled = [looking(draw, 0.5, wilson)[0] for _ in range(1000)]
    safe = [looking(draw, 0.5, evidence)[0] for _ in range(1000)]
    assert sum(fooled) / 1000 == pytest.approx(0.141, abs=0.03)
    assert sum(safe) / 1000 <= 0.025
    found = [looking(draw, 0.6, evidence) for _ in range(300)]
    assert sum(one for one, _ in found) / 300 == pytest.approx(0.777, abs=0.08)
    quick = [looking(draw, 0.7, evidence) for _ in range(300)]
    assert sum(one for one, _ in quick) / 300 > 0.995
    assert sum(trials for _, trials in quick) / 300 == pytest.approx(68, abs=10)


def test_the_e_process_is_a_martingale_at_the_threshold():
    """Its expectation after any number of trials at the threshold is exactly 1."""
    for trials in (1, 5, 30):
        expected = sum(
            scipy.stats.binom.pmf(k, trials, 0.4)
            * math.exp(sequential.log_evidence_above(k, trials, 0.4))
            for k in range(trials + 1)
        )
        assert expected == pytest.approx(1.0, rel=1e-9)


def test_sequential_bounds_enclose_the_exact_ones():
    exact = intervals.clopper_pearson(70, 100)
    assert 0 < sequential.lower_bound(70, 100, 0.025) < exact.low
    assert exact.high < sequential.upper_bound(70, 100, 0.025) < 1
    assert sequential.lower_bound(0, 10, 0.025) == 0
    assert sequential.p_value(0.0) == 1.0
    assert sequential.log_evidence_above(0, 0, 0.5) == 0
    assert sequential.log_evidence_below(5, 50, 0.5) > math.log(40)
    with pytest.raises(ValueError, match="strictly between"):
        sequential.log_evidence_above(1, 2, 1.0)


def test_pass_at_k_is_the_share_of_draws_and_refuses_to_guess():
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)
    assert pass_at_k(10, 3, 2) == pytest.approx(1 - (7 * 6) / (10 * 9))
    assert pass_at_k(10, 9, 2) == 1.0
    assert all_of_k(10, 3, 2) == pytest.approx((3 * 2) / (10 * 9))
    for function in (pass_at_k, all_of_k):
        with pytest.raises(ValueError, match="run at least 5"):
            function(4, 1, 5)


def test_holm_rejects_more_than_bonferroni_and_never_less_than_it_may():
    assert several.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert several.any_of([0.02, 0.9]) == pytest.approx(0.04)
    assert several.all_of([0.02, 0.9]) == 0.9
    assert (several.any_of([]), several.all_of([])) == (1.0, 0.0)


def test_missing_scores_open_the_whole_range():
    bounds = manski([1.0, 1.0, 0.0], 2)
    assert (bounds.low, bounds.high) == (0.4, 0.8)
    with pytest.raises(ValueError, match="no trial"):
        manski([], 0)


def test_paired_differences_by_every_sign_and_by_drawn_signs():
    assert paired_difference([1, 1, 1, 1, 1]) == pytest.approx(2 / 32)
    assert paired_difference([]) == 1.0
    many = [1.0] * 14 + [-1.0] * 6
    exact = scipy.stats.binomtest(6, 20, 0.5).pvalue
    assert paired_difference(many) == pytest.approx(exact, abs=0.02)


def planted(level, slope, tasks=60, runs=8, seed=2):
    draw = random.Random(seed)
    families = {}
    for task in range(tasks):
        log2_minutes = (task % 12) - 1.0
        rate = 1 / (1 + math.exp(-(level + slope * log2_minutes)))
        hits = sum(draw.random() < rate for _ in range(runs))
        families.setdefault(f"family {task % 15}", []).append((log2_minutes, runs, hits))
    return families


def test_the_horizon_is_where_the_planted_curve_crosses_and_the_bootstrap_holds_it():
    families = planted(4.0, -0.8)
    tasks = [task for family in families.values() for task in family]
    assert horizon(tasks, 0.5) == pytest.approx(2**5, rel=0.35)
    assert horizon(tasks, 0.8) < horizon(tasks, 0.5)
    values = bootstrap(families, lambda some: horizon(some, 0.5), count=200, seed=1)
    held = percentiles(values)
    assert held.low < 2**5 < held.high
    assert values == bootstrap(families, lambda some: horizon(some, 0.5), count=200, seed=1)


def test_there_is_no_horizon_where_success_does_not_fall_with_length():
    assert horizon([(1.0, 4, 4), (5.0, 4, 4)], 0.5) is None
    assert horizon([(1.0, 4, 2)], 0.5) is None
    assert horizon([(1.0, 4, 4), (5.0, 4, 0)], 0.5) is not None
    with pytest.raises(ValueError, match="no resample"):
        percentiles([])
