from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from clearhouse.clearing.coordinate.embargo import (
    Channel,
    Effect,
    EmbargoFacts,
    News,
    ProjectPolicy,
    compute,
    learned,
)
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.intake.record import Tooling

POLICY = load(Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml")
DAY_0 = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
PLAIN = EmbargoFacts(received_at=DAY_0)


def day(number):
    return DAY_0 + timedelta(days=number)


def embargo(**facts):
    return compute(POLICY, replace(PLAIN, **facts))


def effects(result):
    return {line.rule: line.effect for line in result.considered}


def project(days):
    return (ProjectPolicy(length=timedelta(days=days), source="SECURITY.md"),)


def test_without_any_other_term_the_default_is_thirty_days():
    result = embargo()
    assert (result.instant, result.rule) == (day(30), "default-30")
    assert (result.policy, result.version) == ("clearhouse-embargo", 1)
    assert not result.needs_rationale


@pytest.mark.parametrize(
    ("facts", "rule", "expected"),
    [
        ({"project_policies": project(10)}, "project-policy", 10),
        ({"project_policies": project(90)}, "project-policy", 90),
        ({"negotiated": day(21)}, "negotiated", 21),
        ({"inherited": day(21)}, "merged-earliest", 21),
        ({"inherited": day(40)}, "default-30", 30),
        (
            {"channels": (Channel(name="linux-distros", contacted_at=day(3)),)},
            "linux-distros-14",
            17,
        ),
        ({"channels": (Channel(name="cert-cc", contacted_at=day(1)),)}, "default-30", 30),
        (
            {
                "channels": (Channel(name="linux-kernel", contacted_at=day(0)),),
                "fix_ready_at": day(5),
            },
            "kernel-7",
            12,
        ),
        ({"finder_policies": ("google",)}, "google-90-30", 90),
        ({"finder_policies": ("google",), "fix_released_at": day(85)}, "google-90-30", 115),
        ({"finder_policies": ("google",), "fix_released_at": day(91)}, "google-90-30", 90),
        ({"finder_policies": ("anthropic",), "fix_released_at": day(10)}, "anthropic-90-45", 55),
        ({"exploited_since": day(2)}, "exploited-7", 9),
        ({"exploited_since": day(-200)}, "exploited-7", 7),
        ({"project_policies": project(3650)}, "one-year", 365),
        ({"project_policies": (*project(60), *project(20))}, "project-policy", 20),
    ],
)
def test_each_rule_fires_on_its_own_facts(facts, rule, expected):
    result = embargo(**facts)
    assert (result.rule, result.instant) == (rule, day(expected))


def test_the_tightest_rule_wins_whatever_its_precedence():
    result = embargo(
        project_policies=project(90),
        negotiated=day(40),
        channels=(Channel(name="linux-distros", contacted_at=day(2)),),
    )
    assert (result.rule, result.instant) == ("linux-distros-14", day(16))
    assert effects(result) | {
        "project-policy": Effect.LATER,
        "negotiated": Effect.LATER,
        "default-30": Effect.NOT_NEEDED,
    } == effects(result)


def test_precedence_names_the_rule_when_two_give_the_same_instant():
    assert embargo(project_policies=project(20), negotiated=day(20)).rule == "project-policy"


def test_a_rule_whose_clock_has_not_started_waits_and_says_for_what():
    result = embargo(channels=(Channel(name="linux-kernel", contacted_at=day(0)),))
    line = next(line for line in result.considered if line.rule == "kernel-7")
    assert (line.effect, line.instant) == (Effect.WAITING, None)
    assert "fix-ready" in line.reason
    assert result.rule == "default-30"


def test_every_rule_and_bar_of_the_policy_is_accounted_for():
    named = [line.rule for line in embargo().considered]
    assert sorted(named) == sorted(
        [rule.id for rule in POLICY.rules] + [bar.id for bar in POLICY.no_embargo_when]
    )
    assert all(line.reason for line in embargo().considered)


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"public_since": day(1)}, "already-public"),
        ({"exploit_public_since": day(1)}, "exploit-public"),
        ({"tooling": Tooling.PUBLIC}, "public-tooling"),
    ],
)
def test_a_bar_leaves_no_instant_and_says_why(facts, rule):
    result = embargo(**facts, negotiated=day(4))
    assert (result.instant, result.eligible, result.rule) == (None, False, rule)
    assert effects(result)[rule] is Effect.WON
    assert effects(result)["negotiated"] is Effect.BARRED
    assert not result.holds(day(0))


def test_two_bars_at_once_are_both_named():
    result = embargo(public_since=day(1), tooling=Tooling.PUBLIC)
    assert effects(result)["already-public"] is Effect.WON
    assert effects(result)["public-tooling"] is Effect.BARRED


def test_a_policy_may_ignore_public_tooling_because_that_is_data():
    lenient = replace(POLICY, no_embargo_when=POLICY.no_embargo_when[:2])
    result = compute(lenient, replace(PLAIN, tooling=Tooling.PUBLIC))
    assert (result.eligible, result.rule) == (True, "default-30")


def test_an_embargo_longer_than_the_policy_allows_asks_for_a_rationale():
    assert embargo(project_policies=project(31)).needs_rationale
    assert not embargo(project_policies=project(30)).needs_rationale


def test_a_channel_or_finder_policy_that_the_policy_does_not_know_is_not_ignored_silently():
    result = embargo(
        channels=(Channel(name="my-list", contacted_at=day(0)),), finder_policies=("nobody",)
    )
    unknown = [line.rule for line in result.considered if line.effect is Effect.UNKNOWN]
    assert unknown == ["channel:my-list", "finder-policy:nobody"]


def test_the_embargo_holds_until_its_instant_and_not_at_it():
    result = embargo()
    assert result.holds(day(30) - timedelta(seconds=1))
    assert not result.holds(day(30))


def test_facts_are_kept_in_utc_and_whole_seconds():
    away = timezone(timedelta(hours=5, minutes=45))
    facts = EmbargoFacts(received_at=DAY_0.astimezone(away).replace(microsecond=999_999))
    assert facts.received_at == DAY_0
    assert facts.received_at.tzinfo is UTC


def test_facts_without_a_time_zone_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        EmbargoFacts(received_at=DAY_0.replace(tzinfo=None))
    with pytest.raises(ValueError, match="calendar"):
        Channel(name="x", contacted_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))


def test_a_length_past_the_end_of_the_calendar_ends_with_the_calendar():
    late = EmbargoFacts(received_at=datetime(9999, 12, 30, tzinfo=UTC))
    assert compute(POLICY, late).instant == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_news_never_moves_a_known_instant_later_or_makes_public_tooling_secret():
    facts = replace(PLAIN, public_since=day(3), tooling=Tooling.PUBLIC)
    news = News(public_since=day(5), exploited_since=day(1), tooling=Tooling.CONFIDENTIAL)
    assert learned(facts, news) == replace(facts, exploited_since=day(1))
    assert learned(facts, News(public_since=day(2))).public_since == day(2)
    assert learned(PLAIN, News()) == PLAIN


def test_news_adds_each_channel_and_finder_policy_once():
    first = Channel(name="cert-cc", contacted_at=day(1))
    known = learned(PLAIN, News(channel=first, finder_policy="google"))
    again = News(channel=Channel(name="cert-cc", contacted_at=day(9)), finder_policy="google")
    assert learned(known, again) == known
    assert known.channels == (first,)
    assert again.named == ("channel", "finder_policy")
