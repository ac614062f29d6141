from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearhouse.clearing.coordinate.embargo import EmbargoFacts
from clearhouse.clearing.coordinate.embargo_policy import Share, load
from clearhouse.clearing.coordinate.record import Participant, Party, PartyRole
from clearhouse.clearing.coordinate.rules import NOT_READ_IN, disclosure
from clearhouse.clearing.coordinate.transitions import mark_published, open_case
from clearhouse.formats.tlp import Tlp

POLICY = load(Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml")
DAY_0 = datetime(2026, 11, 1, 8, 15, tzinfo=UTC)


def day(number):
    return DAY_0 + timedelta(days=number)


def case(**facts):
    tiers = tuple(
        Participant(
            actor=f"tier{tier}",
            party="p",
            tier=tier,
            read_in_at=day(1),
            approved_by=("act_1",),
            expires_at=day(40),
            revoked_at=day(35) if tier == 3 else None,
        )
        for tier in range(4)
    )
    opened = open_case(
        "case_1",
        findings=("fnd_1",),
        purl="pkg:pypi/secret-name",
        parties=(Party(id="p", role=PartyRole.VENDOR, name="Vendor"),),
        facts=EmbargoFacts(received_at=DAY_0, **facts),
        policy=POLICY,
        at=DAY_0,
    )
    return replace(opened, participants=tiers)


def test_the_vendor_sees_the_whole_case_and_shares_it_with_nobody_until_the_instant():
    told = disclosure(case(), {"tier0"}, POLICY, day(2))
    assert (told.allowed, told.tlp, told.until) == (True, Tlp.RED, day(30))
    assert told.sentence == (
        "You may see the summary, the details, the proof of concept, the patch and the time of "
        "publication. Share it with nobody else (TLP:RED) until 2026-12-01 08:15 UTC, when the "
        "embargo ends by rule default-30."
    )


@pytest.mark.parametrize(
    ("tier", "sees"),
    [
        (1, {Share.SUMMARY, Share.DETAILS, Share.PATCH, Share.TIMING}),
        (2, {Share.PATCH, Share.TIMING}),
        (3, {Share.ARTIFACT, Share.TIMING}),
    ],
)
def test_each_later_tier_sees_less_and_never_the_proof(tier, sees):
    told = disclosure(case(), {f"tier{tier}"}, POLICY, day(2))
    assert (set(told.shares), told.tlp) == (sees, Tlp.AMBER_STRICT)


@pytest.mark.parametrize(
    ("reader", "at"), [("stranger", 2), ("tier0", 0), ("tier0", 40), ("tier3", 35)]
)
def test_who_is_not_read_in_now_learns_nothing_not_even_which_case(reader, at):
    told = disclosure(case(), {reader}, POLICY, day(at))
    assert told == NOT_READ_IN
    assert (told.allowed, told.shares, told.until) == (False, (), None)


def test_after_the_instant_the_case_stays_inside_until_the_advisory_is_out():
    told = disclosure(case(), {"tier0"}, POLICY, day(31))
    assert told.until is None
    assert told.tlp is Tlp.RED
    assert "until the advisory is out; the embargo of rule default-30 is over" in told.sentence


def test_without_an_embargo_the_sentence_says_why_there_is_none():
    told = disclosure(case(public_since=day(1)), {"tier0"}, POLICY, day(2))
    assert told.sentence.endswith("until the advisory is out; no embargo holds (already-public).")


def test_a_published_case_is_clear_for_everybody_from_its_instant_on():
    published = mark_published(case(), day(30))
    told = disclosure(published, {"stranger"}, POLICY, day(30))
    assert (told.allowed, told.tlp, told.until) == (True, Tlp.CLEAR, None)
    assert Share.PROOF not in told.shares
    assert "2026-12-01 08:15 UTC" in told.sentence
    assert disclosure(published, {"stranger"}, POLICY, day(29)) == NOT_READ_IN


def test_of_several_read_ins_the_one_that_shows_most_counts():
    told = disclosure(case(), {"tier3", "tier1", "party"}, POLICY, day(2))
    assert Share.DETAILS in told.shares
