"""A reader who is not of the house sees what its tier allows, its own row and words, and no more."""

from datetime import UTC, datetime

import pytest

from casebook import acting, do, move, opened, register, set_clock
from clearhouse.clearing.coordinate import (
    _parts,
    canary,
    casework,
    copies,
    messages,
    own_view,
    read_ins,
    shredding,
    standing,
)
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.record import Outcome, PartyRole, ProductState
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import analyst, coordinator, person
from visitor import Visitor

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
TEXT = "SECRET-{} trusts the length in the header and copies it into a small buffer. "


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


@pytest.fixture
def case(house):
    register(house)
    found = opened(house)
    for share in own_view.GIVEN:
        do(house, coordinator(house), own_view.give, found.id, share=share,
           text=TEXT.format(share.value) * 3)  # fmt: skip
    return found


def at_tier(app, case, tier, name):
    """Somebody of a firm of its own, let in by two persons where the policy says so."""
    who = person(app, f"Firm of {name}", PartyKind.VENDOR, name, "vendor")
    cora, dora = coordinator(app), coordinator(app, "Dora Deputy")
    do(app, cora, casework.join, case.id, party=who.party_id, role=PartyRole.OTHER)
    done = do(app, cora, read_ins.read_in, case.id, who=who, tier=tier, reason="helps")
    if done.requests and done.requests[-1].granted is None:
        do(app, dora, read_ins.decide, case.id, number=len(done.requests) - 1, grant=True,
           because="right")  # fmt: skip
    return who


SEEN = {
    0: {Share.SUMMARY, Share.DETAILS, Share.PROOF, Share.PATCH},
    1: {Share.SUMMARY, Share.DETAILS, Share.PATCH},
    2: {Share.PATCH},
    3: {Share.ARTIFACT},
}


@pytest.mark.parametrize("tier", SEEN)
def test_each_tier_sees_its_parts_and_the_store_itself_keeps_the_others(house, case, tier):
    who = at_tier(house, case, tier, f"Tia {tier}")
    view = do(house, who, own_view.own_view, case.id)
    assert {one.share for one in view.parts} == SEEN[tier]
    assert view.until == case.embargo.instant
    assert view.rule == "default-30"
    with acting(house, who) as transaction:
        stored = {one.share for one in _parts.latest(house.desk, transaction, case.id)}
    assert stored == SEEN[tier]


def test_only_the_own_row_verdicts_and_conversations_are_shown(house, case):
    cora, vendor = coordinator(house), case.vendors[0].id
    vera = person(house, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")
    do(house, cora, read_ins.read_in, case.id, who=vera, tier=0)
    other = at_tier(house, case, 2, "Ola")
    said = [Said(vendor=vendor, product="own", state=ProductState.AFFECTED)]
    do(house, vera, standing.say_of_products, case.id, said)
    do(house, vera, casework.give_verdict, case.id, vendor=vendor, outcome=Outcome.ACCEPTED)
    for party in (None, vendor, other.party_id):
        thread = do(house, cora, messages.open_thread, case.id, party=party)
        do(house, cora, messages.post, thread.thread_id, text="hello", tlp=Tlp.RED)
    view = do(house, vera, own_view.own_view, case.id)
    assert [one.product for one in view.products] == ["own"]
    assert [one.party for one in view.verdicts] == [vendor]
    assert len(view.threads) == 2
    theirs = do(house, other, own_view.own_view, case.id)
    assert (theirs.products, theirs.verdicts) == ((), ())
    assert vendor not in repr(theirs)
    assert "example-yaml project" not in repr(theirs)


def test_the_view_ends_with_the_read_in_and_a_stranger_learns_nothing(house, case):
    who = at_tier(house, case, 2, "Ola")
    assert [one.case_id for one in do(house, who, own_view.own_cases)] == [case.id]
    do(house, coordinator(house), read_ins.revoke, case.id, who=who.actor_id, because="left")
    assert do(house, who, own_view.own_cases) == []
    stranger = person(house, "Elsewhere", PartyKind.VENDOR, "Sam", "vendor")
    for one in (who, stranger, coordinator(house)):
        with pytest.raises(NoSuchCaseError):
            do(house, one, own_view.own_view, case.id)
    with pytest.raises(ForbiddenError):
        do(house, analyst(house), own_view.own_cases)
    with acting(house, who) as transaction:
        assert _parts.latest(house.desk, transaction, case.id) == []


def test_the_latest_words_of_a_part_are_shown_and_each_copy_names_its_reader(house, case):
    who = at_tier(house, case, 2, "Ola")
    move(house, minutes=1)
    do(house, coordinator(house), own_view.give, case.id, share=Share.PATCH,
       text="A newer text that says more about how it was mended than the one before. " * 2)  # fmt: skip
    (part,) = do(house, who, own_view.own_view, case.id).parts
    assert part.said.startswith("A newer text")
    assert canary.held(part.text) == {canary.mark_of(part.copy)}
    (found,) = do(house, coordinator(house), copies.recipients, part.text)
    assert found.actor_id == who.actor_id
    wordless = do(house, coordinator(house), own_view.give, case.id, share=Share.PATCH, text=" ")
    assert wordless.code == "no-words"
    timing = do(house, coordinator(house), own_view.give, case.id, share=Share.TIMING, text="x")
    assert timing.code == "no-part"


def test_pages_show_the_tier_and_no_other_part(house, case):
    who = at_tier(house, case, 2, "Ola")
    visitor = Visitor(house.desk, who)
    assert case.id in visitor.page("/own-cases").words
    page = visitor.page(f"/own-cases/{case.id}")
    assert "SECRET-patch" in canary.without(page.words)
    for share in ("summary", "details", "proof", "artifact"):
        assert f"SECRET-{share}" not in page.words
    visitor.page(f"/own-cases/cas_{'a' * 26}", status=404)
    move(house, minutes=1)
    desk = Visitor(house.desk, coordinator(house))
    here = f"/cases/{case.id}"
    desk.send(desk.page(here), f"{here}/part", share="patch", text="Mended on the page.")
    assert "Mended on the page." in canary.without(visitor.page(f"/own-cases/{case.id}").words)


def test_shredding_a_case_destroys_its_parts(house, case):
    from clearhouse.clearing.coordinate import clocks

    who = at_tier(house, case, 2, "Ola")
    set_clock(house, case.embargo.instant)
    clocks.sweep(house.desk)
    do(house, coordinator(house), shredding.shred, case.id, because="kept long enough")
    with acting(house, who) as transaction:
        assert _parts.latest(house.desk, transaction, case.id) == []
