"""A link tells one person of a vendor what it may see, and takes its word; nobody else's."""

from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from casebook import acting, do, move, opened, read, register, set_clock
from clearhouse.clearing.coordinate import (
    invitations,
    invited,
    messages,
    own_view,
    read_ins,
    shredding,
    statements_in,
)
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.invited import OfProduct, Statement
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Outcome, PartyRole, ProductState
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, outsider

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
SECRET = "The loader calls what the document names."


@pytest.fixture
def case(app):
    set_clock(app, NOW)
    register(app)
    made = opened(app)
    do(app, coordinator(app), own_view.give, made.id, share=Share.SUMMARY, text=SECRET)
    return made


def invite(app, case, *, name="Vera Vendor", days=30, by=None, vendor=None):
    made = do(
        app, by or coordinator(app), invitations.invite, case.id,
        vendor=vendor or case.vendors[0].id, name=name, days=days,
    )  # fmt: skip
    invitations.lay_out_due(app.desk)
    return made


def told(app, code):
    found = invited.opened(app.counter, code)
    return None if found is None else found.told


def say(app, code, **said):
    taken = invited.state(app.counter, code, Statement(**said))
    if not isinstance(taken, Refused):
        statements_in.take(app.desk, taken)
    return taken


def test_the_link_shows_what_its_person_may_see_and_until_when(app, case):
    code = invite(app, case)
    seen = told(app, code)
    assert (seen.person, seen.party) == ("Vera Vendor", "The example-yaml project")
    assert [(one.share, one.text) for one in seen.parts] == [("summary", SECRET)]
    assert seen.until == case.embargo.instant
    (note,) = do(app, coordinator(app), invitations.of_case, case.id)
    assert note.shows


def test_what_is_said_by_the_link_is_the_vendors_word_in_the_case(app, case):
    code = invite(app, case)
    say(
        app, code, outcome=Outcome.ACCEPTED, reason="we see it too", fixed_version="5.4",
        product=OfProduct(product="pkg:pypi/example-yaml", state=ProductState.AFFECTED, versions="<5.4"),
        stands_by_embargo=True, words="When did you find it?",
    )  # fmt: skip
    after = read(app, case.id)
    (verdict,) = after.verdicts
    assert (verdict.outcome, verdict.fixed_version) == (Outcome.ACCEPTED, "5.4")
    assert verdict.by != coordinator(app).actor_id
    assert after.vendors[0].consent == "signatory"
    seen = told(app, code)
    assert seen.verdicts[0].reason == "we see it too"
    assert seen.products[0].state is ProductState.AFFECTED
    assert [(one.own, one.text) for one in seen.lines] == [(True, "When did you find it?")]
    (said,) = invited.opened(app.counter, code).said
    assert said.outcome == "verdict: entered, product: entered, message: entered, embargo: entered"


def test_an_answer_of_the_coordinator_stands_on_the_page(app, case):
    code = invite(app, case)
    say(app, code, words="When did you find it?")
    move(app, minutes=5)
    cora = coordinator(app)
    thread = do(app, cora, messages.open_thread, case.id, party=case.vendors[0].id)
    do(app, cora, messages.post, thread.thread_id, text="In October.", tlp=Tlp.AMBER)
    invitations.lay_out_due(app.desk)
    assert [one.text for one in told(app, code).lines][-1] == "In October."
    assert invitations.lay_out_due(app.desk) == 0, "what did not change is not laid out again"


def test_taking_a_statement_up_again_changes_nothing(app, case):
    code = invite(app, case)
    taken = say(app, code, outcome=Outcome.ACCEPTED)
    before = read(app, case.id)
    statements_in.take(app.desk, taken)
    assert read(app, case.id) == before


@pytest.mark.parametrize("code", ["", "chi_" + "a" * 52, "ü"])
def test_another_code_shows_nothing_and_says_nothing(app, case, code):
    invite(app, case)
    assert told(app, code) is None
    assert say(app, code, words="x").code == "no-invitation"


def test_nothing_filled_in_is_no_statement(app, case):
    assert say(app, invite(app, case)).code == "nothing-said"


def test_a_link_that_ended_or_expired_or_whose_person_was_read_out_shows_nothing(app, case):
    cora = coordinator(app)
    links = {name: invite(app, case, name=name, days=5) for name in ("A", "B", "C")}
    assert {name: told(app, code).person for name, code in links.items()} == {
        name: name for name in links
    }
    notes = do(app, cora, invitations.of_case, case.id)
    with acting(app, cora) as transaction:
        names = identity.actor_names(transaction, [one.actor_id for one in notes])
    of = {names[one.actor_id]: one for one in notes}
    assert do(app, cora, invitations.end, case.id, of["A"].invitation_id)
    assert not do(app, cora, invitations.end, case.id, of["A"].invitation_id)
    do(app, cora, read_ins.revoke, case.id, who=of["C"].actor_id, because="left")
    invitations.lay_out_due(app.desk)
    assert told(app, links["B"]) is not None
    move(app, days=6)
    for code in links.values():
        assert told(app, code) is None
        assert say(app, code, words="x").code == "no-invitation"


def test_a_person_who_may_act_no_more_neither_reads_nor_says(app, case):
    code = invite(app, case)
    waiting = invited.state(app.counter, code, Statement(words="soon"))
    (note,) = do(app, coordinator(app), invitations.of_case, case.id)
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, note.actor_id)
    assert told(app, code) is None, "at once, before anything is laid out anew"
    assert say(app, code, words="x").code == "no-invitation"
    statements_in.take(app.desk, waiting)
    with acting(app, app.desk.clearing_actor) as transaction:
        (row,) = transaction.all("SELECT outcome FROM counter_statement")
    assert row["outcome"] == statements_in.CLOSED
    assert invite(app, case).code == "revoked"
    do(app, coordinator(app), own_view.give, case.id, share=Share.DETAILS, text="more")
    assert invitations.lay_out_due(app.desk) == 1
    (note,) = do(app, coordinator(app), invitations.of_case, case.id)
    assert not note.shows


def test_who_declines_the_embargo_reads_no_more(app, case):
    code = invite(app, case)
    say(app, code, stands_by_embargo=False)
    assert told(app, code) is None


def test_a_party_without_a_part_and_a_person_without_a_name_are_not_invited(app, case):
    assert invite(app, case, vendor="pty_" + "a" * 26).code == "unknown-party"
    (finder,) = [one.id for one in case.parties if one.role is PartyRole.FINDER]
    assert invite(app, case, vendor=finder).code == "unknown-party"
    assert invite(app, case, name=" ").code == "malformed"
    assert invite(app, case, days=181).code == "malformed"


def test_who_is_not_read_in_can_neither_invite_nor_see_links(app, case):
    invite(app, case)
    with pytest.raises((ForbiddenError, LookupError)):
        invite(app, case, by=outsider(app))
    with pytest.raises((ForbiddenError, LookupError)):
        do(app, outsider(app), invitations.of_case, case.id)


def test_a_second_link_for_somebody_who_is_read_in_already_is_made(app, case):
    assert told(app, invite(app, case)) == told(app, invite(app, case))


def _all(database):
    with database.transaction(None) as transaction:
        return transaction.all("SELECT sealed FROM counter_invitation")


def test_the_counter_reads_no_table_of_it_and_another_counter_opens_nothing(app, case):
    code = invite(app, case)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _all(app.counter.database)
    other = replace(app.counter, marking_key=b"x" * 32)
    assert invited.opened(other, code) is None
    with acting(app, app.desk.clearing_actor) as transaction:
        (row,) = transaction.all("SELECT sealed FROM counter_invitation")
    assert SECRET.encode() not in bytes(row["sealed"])


def test_shredding_a_case_empties_its_links(app, case):
    code = invite(app, case, days=60)
    set_clock(app, read(app, case.id).embargo.instant)
    done = do(app, coordinator(app), shredding.shred, case.id, because="kept long enough")
    assert not isinstance(done, Refused)
    assert told(app, code) is None
    with acting(app, app.desk.clearing_actor) as transaction:
        assert transaction.all("SELECT invitation_id FROM counter_invitation") == []
