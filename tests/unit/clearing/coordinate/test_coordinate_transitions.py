from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearhouse.clearing.coordinate.embargo import EmbargoFacts
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Disagreement,
    Outcome,
    Participant,
    Party,
    PartyRole,
    Verdict,
)
from clearhouse.clearing.coordinate.report_management import RmState
from clearhouse.clearing.coordinate.transitions import (
    add_finding,
    agree_date,
    disagree,
    give_verdict,
    join,
    learn,
    mark_published,
    merge,
    open_case,
    read_in,
    revoke,
    situation,
)

POLICY = load(Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml")
DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
VENDOR = Party(id="v", role=PartyRole.VENDOR, name="The project")
FINDER = Party(id="f", role=PartyRole.FINDER, name="A lab")


def day(number):
    return DAY_0 + timedelta(days=number)


def opened(**changes):
    arguments = {
        "findings": ("fnd_1",),
        "purl": "pkg:pypi/x",
        "parties": (VENDOR, FINDER),
        "facts": EmbargoFacts(received_at=DAY_0),
        "policy": POLICY,
        "at": day(1),
    }
    return open_case("case_1", **(arguments | changes))


def said(outcome, party="v", at=2, **more):
    return Verdict(party=party, outcome=outcome, by="act_1", at=day(at), **more)


def code(result):
    assert isinstance(result, Refused)
    assert result.reason
    return result.code


def test_a_case_opens_with_the_embargo_of_the_policy_in_force():
    case = opened()
    assert (case.embargo.instant, case.embargo_state) == (day(30), EmState.ACTIVE)
    assert situation(case).embargo_in_force


def test_a_case_whose_flaw_is_public_opens_without_an_embargo():
    case = opened(facts=EmbargoFacts(received_at=DAY_0, public_since=DAY_0))
    assert (case.embargo.instant, case.embargo_state) == (None, EmState.NONE)
    assert situation(case).public


def test_a_case_whose_instant_has_passed_opens_without_an_embargo_in_force():
    assert opened(at=day(31)).embargo_state is EmState.NONE


def test_a_case_needs_a_finding_and_names_each_party_once():
    assert code(opened(findings=())) == "no-finding"
    assert code(opened(parties=(VENDOR, VENDOR))) == "party-twice"


def test_a_party_joins_once():
    case = opened(parties=())
    joined = join(case, VENDOR)
    assert joined.vendors == (VENDOR,)
    assert code(join(joined, VENDOR)) == "party-twice"


def test_a_finding_is_added_once_and_keeps_its_place():
    case = add_finding(opened(), "fnd_2")
    assert case.findings == ("fnd_1", "fnd_2")
    assert add_finding(case, "fnd_1") is case


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Outcome.ACCEPTED], RmState.ACCEPTED),
        ([Outcome.REJECTED], RmState.INVALID),
        ([Outcome.NEEDS_INFO], RmState.INVALID),
        ([Outcome.NEEDS_INFO, Outcome.ACCEPTED], RmState.ACCEPTED),
        ([Outcome.ACCEPTED, Outcome.REJECTED], RmState.DEFERRED),
        ([Outcome.ACCEPTED, Outcome.REJECTED, Outcome.FIX_RELEASED], RmState.ACCEPTED),
        ([Outcome.FIX_RELEASED, Outcome.ACCEPTED], RmState.ACCEPTED),
        ([Outcome.REJECTED, Outcome.REJECTED], RmState.INVALID),
    ],
)
def test_a_verdict_moves_its_own_vendor_and_every_verdict_stays(outcomes, state):
    case = opened()
    for outcome in outcomes:
        case = give_verdict(case, said(outcome), POLICY)
    assert case.party("v").report is state
    assert case.party("f") == FINDER
    assert [verdict.outcome for verdict in case.verdicts] == outcomes
    assert case.latest_verdict("v").outcome is outcomes[-1]
    assert case.latest_verdict("f") is None


@pytest.mark.parametrize("party", ["f", "nobody"])
def test_only_a_vendor_of_the_case_owns_a_verdict_and_a_date(party):
    assert (
        code(give_verdict(opened(), said(Outcome.ACCEPTED, party=party), POLICY)) == "not-a-vendor"
    )
    assert code(agree_date(opened(), day(9), party, POLICY, day(2))) == "not-a-vendor"


@pytest.mark.parametrize("report", [RmState.START, RmState.CLOSED])
def test_a_vendor_without_an_open_report_gives_no_verdict(report):
    case = opened(parties=(replace(VENDOR, report=report),))
    assert code(give_verdict(case, said(Outcome.ACCEPTED), POLICY)) == "no-such-step"


def test_the_first_released_fix_counts_and_a_later_one_does_not_replace_it():
    other = replace(VENDOR, id="w")
    case = opened(parties=(VENDOR, other))
    case = give_verdict(case, said(Outcome.FIX_RELEASED, at=5), POLICY)
    case = give_verdict(case, said(Outcome.FIX_RELEASED, party="w", at=8), POLICY)
    assert case.embargo.facts.fix_released_at == day(5)


def test_a_disagreement_stands_beside_the_verdict_and_changes_nothing_else():
    case = give_verdict(opened(), said(Outcome.REJECTED), POLICY)
    other = Disagreement(verdict=0, by="act_2", at=day(3), reason="We reproduced it.")
    noted = disagree(case, other)
    assert noted == replace(case, disagreements=(other,))
    assert code(disagree(case, replace(other, verdict=1))) == "no-such-verdict"
    assert code(disagree(case, replace(other, verdict=-1))) == "no-such-verdict"
    assert code(disagree(case, replace(other, reason="  "))) == "no-reason"


def test_an_agreed_date_becomes_the_instant_when_it_is_the_tightest():
    case = agree_date(opened(), day(14), "v", POLICY, day(2))
    assert (case.embargo.instant, case.embargo.rule) == (day(14), "negotiated")
    assert case.embargo_state is EmState.ACTIVE


def test_a_date_in_the_past_is_refused():
    assert code(agree_date(opened(), day(1), "v", POLICY, day(2))) == "date-in-the-past"


def test_an_agreement_written_down_late_may_have_passed_but_not_before_it_was_made():
    late = agree_date(opened(), day(4), "v", POLICY, day(6), agreed_at=day(3))
    assert (late.embargo.instant, late.embargo_state) == (day(4), EmState.EXITED)
    impossible = agree_date(opened(), day(3), "v", POLICY, day(6), agreed_at=day(4))
    assert code(impossible) == "date-in-the-past"
    from_the_future = agree_date(opened(), day(5), "v", POLICY, day(6), agreed_at=day(7))
    assert code(from_the_future) == "date-in-the-past"
    at_once = agree_date(opened(), day(6), "v", POLICY, day(6))
    assert at_once.embargo.instant == day(6)


@pytest.mark.parametrize("fact", ["public_since", "exploit_public_since", "exploited_since"])
def test_no_date_is_agreed_once_the_flaw_is_out_or_attacked(fact):
    case = opened(facts=EmbargoFacts(received_at=DAY_0, **{fact: DAY_0}))
    assert code(agree_date(case, day(9), "v", POLICY, day(2))) == "still-secret"


def test_learning_that_the_flaw_is_public_ends_the_embargo():
    case = opened()
    known = learn(case, replace(case.embargo.facts, public_since=day(3)), POLICY, day(3))
    assert (known.embargo.instant, known.embargo_state) == (None, EmState.EXITED)


def test_learning_of_exploitation_shortens_the_embargo_and_keeps_it():
    case = opened()
    known = learn(case, replace(case.embargo.facts, exploited_since=day(3)), POLICY, day(3))
    assert (known.embargo.instant, known.embargo_state) == (day(10), EmState.ACTIVE)


def test_publication_ends_the_embargo_and_its_first_instant_stays():
    case = mark_published(opened(), day(30))
    assert (case.published_at, case.embargo_state) == (day(30), EmState.EXITED)
    assert mark_published(case, day(40)) is case
    assert situation(case).public


def participant(**changes):
    given = {
        "actor": "act_9",
        "party": "v",
        "tier": 0,
        "read_in_at": day(2),
        "approved_by": ("act_1",),
    }
    return Participant(**(given | changes))


def test_an_actor_is_read_in_once_and_again_after_revocation():
    case = read_in(opened(), participant())
    assert code(read_in(case, participant(read_in_at=day(3)))) == "read-in-twice"
    ended = revoke(case, "act_9", day(4))
    assert not ended.participants[0].reads(day(4))
    again = read_in(ended, participant(read_in_at=day(5)))
    assert [known.reads(day(6)) for known in again.participants] == [False, True]
    assert revoke(again, "act_9", day(7)).participants[0] == again.participants[0]


def test_a_read_in_needs_a_party_and_somebody_elses_approval():
    case = opened()
    assert code(read_in(case, participant(party="x"))) == "unknown-party"
    assert code(read_in(case, participant(approved_by=()))) == "not-approved"
    assert code(read_in(case, participant(approved_by=("act_9", "act_1")))) == "not-approved"


def test_revoking_somebody_who_is_not_read_in_is_refused():
    assert code(revoke(opened(), "act_9", day(2))) == "not-read-in"
    late = read_in(opened(), participant(expires_at=day(3)))
    assert code(revoke(late, "act_9", day(3))) == "not-read-in"
    assert code(revoke(read_in(opened(), participant()), "act_8", day(3))) == "not-read-in"


def test_joined_cases_lose_nothing_and_keep_the_earlier_instant():
    late = opened(facts=EmbargoFacts(received_at=day(4)), findings=("fnd_2",), parties=(VENDOR,))
    early = opened(parties=(replace(VENDOR, id="w"), FINDER))
    early = give_verdict(early, said(Outcome.REJECTED, party="w"), POLICY)
    early = disagree(early, Disagreement(verdict=0, by="a", at=day(3), reason="No."))
    late = give_verdict(late, said(Outcome.ACCEPTED), POLICY)
    late = agree_date(late, day(60), "v", POLICY, day(5))
    assert late.embargo.instant == day(60)
    both = merge(late, early, POLICY, day(6))
    assert both.id == late.id
    assert both.findings == ("fnd_2", "fnd_1")
    assert {party.id for party in both.parties} == {"v", "w", "f"}
    assert [verdict.outcome for verdict in both.verdicts] == [Outcome.ACCEPTED, Outcome.REJECTED]
    assert both.disagreements[0].verdict == 1
    assert (both.embargo.instant, both.embargo.rule) == (day(30), "merged-earliest")
    assert both.embargo.facts.received_at == DAY_0


def test_joining_a_case_whose_flaw_is_public_ends_the_embargo():
    public = opened(facts=EmbargoFacts(received_at=DAY_0, public_since=DAY_0))
    both = merge(opened(), public, POLICY, day(6))
    assert (both.embargo.instant, both.embargo_state) == (None, EmState.EXITED)
