"""Laws of the embargo: the tightest rule wins, and nothing but the facts matters."""

import zoneinfo
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from clearhouse.clearing.coordinate.embargo import Channel, EmbargoFacts, ProjectPolicy, compute
from clearhouse.clearing.coordinate.embargo_policy import Kind, load
from clearhouse.clearing.intake.record import Tooling

POLICY = load(Path(__file__).parents[2] / "policies" / "embargo" / "clearhouse-1.yaml")
OPEN_ENDED = replace(POLICY, no_embargo_when=())

ZONES = st.sampled_from(
    [
        UTC,
        *(
            zoneinfo.ZoneInfo(name)
            for name in (
                "Europe/Berlin",
                "America/New_York",
                "Asia/Kathmandu",
                "Australia/Lord_Howe",
            )
        ),
    ]
)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=ZONES)  # noqa: DTZ001 (Hypothesis adds the zone)
MAYBE = st.none() | INSTANTS
LENGTHS = st.integers(1, 400).map(lambda days: timedelta(days=days))
CHANNELS = st.builds(
    Channel,
    name=st.sampled_from(["linux-distros", "linux-kernel", "cert-cc", "elsewhere"]),
    contacted_at=INSTANTS,
)
FACTS = st.builds(
    EmbargoFacts,
    received_at=INSTANTS,
    project_policies=st.lists(
        st.builds(ProjectPolicy, length=LENGTHS, source=st.just("SECURITY.md")), max_size=3
    ).map(tuple),
    negotiated=MAYBE,
    inherited=MAYBE,
    channels=st.lists(CHANNELS, max_size=3).map(tuple),
    finder_policies=st.lists(st.sampled_from(["google", "anthropic", "x"]), max_size=3).map(tuple),
    exploited_since=MAYBE,
    public_since=MAYBE,
    exploit_public_since=MAYBE,
    fix_ready_at=MAYBE,
    fix_released_at=MAYBE,
    tooling=st.sampled_from(Tooling),
)
SUBSETS = st.sets(st.sampled_from([rule.id for rule in POLICY.rules]))


def with_rules(ids):
    """Return the policy with some of its rules; the fallback always stays."""
    kept = tuple(r for r in POLICY.rules if r.id in ids or r.kind is Kind.FALLBACK)
    return replace(OPEN_ENDED, rules=kept)


def has_term(policy, facts):
    terms = {rule.id for rule in policy.rules if rule.kind is Kind.TERM}
    return any(line.rule in terms and line.instant for line in compute(policy, facts).considered)


@given(facts=FACTS, few=SUBSETS, more=SUBSETS)
def test_adding_a_rule_never_moves_the_instant_later(facts, few, more):
    before, after = with_rules(few), with_rules(few | more)
    # The one exception is named in the policy: the first term replaces the fallback.
    assume(has_term(before, facts) == has_term(after, facts))
    assert compute(after, facts).instant <= compute(before, facts).instant


@given(facts=FACTS, rules=SUBSETS, extra=CHANNELS)
def test_going_through_one_more_channel_never_moves_the_instant_later(facts, rules, extra):
    policy = with_rules(rules)
    longer = replace(facts, channels=(*facts.channels, extra))
    assert compute(policy, longer).instant <= compute(policy, facts).instant


@given(facts=FACTS, since=INSTANTS)
def test_learning_of_exploitation_never_moves_the_instant_later(facts, since):
    quiet = replace(facts, exploited_since=None)
    known = replace(facts, exploited_since=since)
    assert compute(OPEN_ENDED, known).instant <= compute(OPEN_ENDED, quiet).instant


@given(facts=FACTS)
def test_an_instant_is_utc_in_whole_seconds_and_there_exactly_when_eligible(facts):
    result = compute(POLICY, facts)
    assert result.eligible == (result.instant is not None)
    if result.instant is not None:
        assert result.instant.tzinfo is UTC
        assert result.instant.microsecond == 0


@given(facts=FACTS)
def test_the_named_rule_is_the_one_whose_instant_stands(facts):
    result = compute(POLICY, facts)
    winners = [line for line in result.considered if line.effect == "won"]
    assert [(line.rule, line.instant) for line in winners] == [(result.rule, result.instant)]


@given(facts=FACTS)
def test_no_candidate_that_counts_is_earlier_than_the_instant(facts):
    result = compute(OPEN_ENDED, facts)
    counted = [line.instant for line in result.considered if line.effect in {"won", "later"}]
    assert result.instant == min(counted)


@given(facts=FACTS, zone=ZONES, data=st.data())
def test_neither_time_zone_nor_order_of_facts_matters(facts, zone, data):
    same = replace(
        facts,
        received_at=facts.received_at.astimezone(zone),
        negotiated=facts.negotiated and facts.negotiated.astimezone(zone),
        channels=tuple(data.draw(st.permutations(facts.channels))),
        project_policies=tuple(data.draw(st.permutations(facts.project_policies))),
    )
    first, second = compute(POLICY, facts), compute(POLICY, same)
    assert (first.instant, first.rule, first.reason) == (second.instant, second.rule, second.reason)


@given(facts=FACTS, data=st.data())
def test_the_order_of_the_rules_in_the_file_does_not_matter(facts, data):
    shuffled = replace(POLICY, rules=tuple(data.draw(st.permutations(POLICY.rules))))
    first, second = compute(POLICY, facts), compute(shuffled, facts)
    assert (first.instant, first.rule) == (second.instant, second.rule)


@given(days=st.integers(1, 365), start=INSTANTS)
def test_a_length_of_days_is_always_that_many_times_24_hours(days, start):
    facts = EmbargoFacts(
        received_at=start,
        project_policies=(ProjectPolicy(length=timedelta(days=days), source="x"),),
    )
    result = compute(OPEN_ENDED, facts)
    assert (result.instant - facts.received_at).total_seconds() == days * 86_400
