"""A case goes from one house to another and back: once, whole, and under one embargo."""

import json
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.testclient import TestClient

from casebook import DRAFT
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, messages, read_in_policy, read_ins, standing
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent, ConsentState
from clearhouse.clearing.coordinate.letters import as_vultron
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import PartyRole
from clearhouse.clearing.coordinate.relay import peers, sending
from clearhouse.clearing.coordinate.relay.adapters import clearhouse
from clearhouse.clearing.coordinate.relay.adapters.way import Taken, Way
from clearhouse.clearing.coordinate.relay.peers import Other
from clearhouse.clearing.coordinate.relay.record import PeerKind
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.receive import Incoming, receive
from clearhouse.clearing.match import operations as match
from clearhouse.formats import relay_reading
from clearhouse.formats.relay import Envelope, Kind, Outcome
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, outsider, reporter
from relay_houses import LIMITS, NOW, Wire, administrator, enroll, open_house, set_clock, settle

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def pair(installation, tmp_path_factory):
    folder, wire = tmp_path_factory.mktemp("pair"), Wire()
    folder.chmod(0o711)
    with (
        open_house(installation, folder / "a", "a", wire) as a,
        open_house(installation, folder / "b", "b", wire) as b,
    ):
        a.b, b.a = enroll(a, b), enroll(b, a)
        yield a, b


@pytest.fixture
def houses(pair):
    for one in pair:
        set_clock(one, NOW)
        one.wire.cut = None
        one.wire.passed.clear()
    yield pair
    settle(*pair)


COUNT = iter(range(1000))


def report_text(number):
    return (
        f"# Overflow number {number} in the parser\n\n- Package: pkg:pypi/relayed-{number}\n"
        f"- Affected: < 2.{number}\n- CWE: CWE-787\n- Reporter: Zoë Finder {number}\n\n"
        f"The parser trusts length field {number} and SECRET-WORDS follow.\n"
    ).encode()


def case_in(house, number=None):
    """A case of a report that came through the counter of a house."""
    number = next(COUNT) if number is None else number
    done = receive(
        house.app.counter,
        reporter(house.app),
        Incoming(data=report_text(number), filename="report.md", content_type="text/markdown"),
    )
    clearing = house.desk.clearing_actor
    with house.desk.database.transaction(clearing.actor_id) as transaction:
        (report_id,) = intake.reports_of(transaction, [done.receipt])
    route.clear(house.desk, report_id)
    with house.desk.database.transaction(clearing.actor_id) as transaction:
        finding = match.finding_of(transaction, report_id)
        return coordinate.open_case(house.desk, transaction, clearing, finding), number


def sent_to(house, peer, case, tlp=Tlp.RED):
    done = house.do(sending.send, case.id, peer.peer_id, tlp=tlp, reason="they coordinate it too")
    assert not isinstance(done, Refused), done
    return done


def read(house, case_id):
    return house.do(casework.case, case_id)


def case_over_there(house, link):
    """The case that a matter became at the other house."""
    ((case_id,),) = house.rows(
        "SELECT case_id FROM relay_link WHERE their_handle = %s", [link.our_handle]
    )
    return read(house, case_id)


def credits_of(house, case):
    with house.desk.database.transaction(house.desk.clearing_actor.actor_id) as transaction:
        reports = casework.reports_of(transaction, case.id)
        return [
            one.name
            for report in intake.load(house.desk, transaction, reports)
            for one in report.content.credits
        ]


def originals_in(house, case):
    with house.desk.database.transaction(house.desk.clearing_actor.actor_id) as transaction:
        reports = casework.reports_of(transaction, case.id)
        receipts = [one.receipt for one in intake.load(house.desk, transaction, reports)]
        return [intake.original(house.desk, transaction, one) for one in receipts]


def test_a_case_arrives_whole_with_its_credits_and_under_the_tighter_embargo(houses):
    a, b = houses
    case, number = case_in(a)
    link = sent_to(a, a.b, case)
    settle(a, b)
    there = case_over_there(b, link)
    assert originals_in(b, there) == [report_text(number)] == originals_in(a, case)
    assert credits_of(b, there) == [f"Zoë Finder {number}"] == credits_of(a, case)
    assert there.embargo.instant == read(a, case.id).embargo.instant == NOW + 30 * DAY
    assert there.party(b.a.party_id).role is PartyRole.COORDINATOR
    assert [one.party for one in there.participants[1:]] == [b.a.party_id]
    (mine,) = a.do(sending.relays, case.id)
    ((their_handle,),) = b.rows(
        "SELECT our_handle FROM relay_link WHERE their_handle = %s", [link.our_handle]
    )
    assert mine.link.their_handle == their_handle
    assert mine.link.told_until == there.embargo.instant
    assert read(a, case.id).party(a.b.party_id).consent is ConsentState.SIGNATORY


def relayed(a, b):
    """A case that both houses have."""
    case, _ = case_in(a)
    link = sent_to(a, a.b, case)
    settle(a, b)
    return case, case_over_there(b, link), link


def test_an_envelope_that_breaks_off_before_or_after_it_was_heard_arrives_once(houses):
    a, b = houses
    case, number = case_in(a)
    link = sent_to(a, a.b, case)
    a.wire.cut = "before"
    assert not a.work()
    a.wire.cut = "after"
    set_clock(a, NOW + timedelta(seconds=3))
    assert not a.work()
    assert len(b.rows("SELECT 1 FROM relay_in WHERE taken_at IS NULL")) == 1
    a.wire.cut = None
    assert not a.work(), "it is not due yet: pauses grow"
    set_clock(a, NOW + timedelta(seconds=30))
    settle(a, b)
    there = case_over_there(b, link)
    assert originals_in(b, there) == [report_text(number)]
    (mine,) = a.do(sending.relays, case.id)
    first = mine.sent[-1]
    assert (first.kind, first.attempts, first.refused) == ("case", 3, None)
    assert mine.link.their_handle is not None
    said = [one for one in a.events("relay.sent") if one["envelope"] == first.envelope_id]
    assert [(one["known"], one["attempts"]) for one in said] == [(True, 3)]
    delayed = [one for one in a.events("relay.delayed") if one["envelope"] == first.envelope_id]
    assert [one["failure"] for one in delayed] == [
        "request: ConnectionRefusedError", "request: RemoteDisconnected",
    ]  # fmt: skip


def test_an_embargo_that_gets_tighter_on_either_side_gets_tighter_on_both(houses):
    a, b = houses
    case, there, _ = relayed(a, b)
    vendor = a.do(casework.register_vendor, name="The vendor", packages=())
    a.do(casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
    a.do(casework.agree_date, case.id, vendor=vendor, date=NOW + 20 * DAY)
    settle(a, b)
    assert read(b, there.id).embargo.instant == NOW + 20 * DAY
    other = b.do(casework.register_vendor, name="The vendor", packages=())
    b.do(casework.join, there.id, party=other, role=PartyRole.VENDOR)
    b.do(casework.agree_date, there.id, vendor=other, date=NOW + 10 * DAY)
    settle(a, b)
    assert read(a, case.id).embargo.instant == NOW + 10 * DAY
    assert read(a, case.id).embargo.rule == "merged-earliest"
    (mine,) = a.do(sending.relays, case.id)
    assert mine.told is not None
    assert ("The vendor", "received", "Vfd") in mine.told.parties


def test_a_later_date_over_there_moves_nothing_here(houses):
    a, b = houses
    case, there, _ = relayed(a, b)
    vendor = a.do(casework.register_vendor, name="A slow vendor", packages=())
    a.do(casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
    a.do(casework.agree_date, case.id, vendor=vendor, date=NOW + 80 * DAY)
    settle(a, b)
    assert read(b, there.id).embargo.instant == NOW + 30 * DAY
    (theirs,) = b.do(sending.relays, there.id)
    assert theirs.link.told_until == read(a, case.id).embargo.instant


def words_in(house, case, peer):
    (thread,) = [
        one for one in house.do(messages.threads_of, case.id) if one.party_id == peer.party_id
    ]
    return [one.words.text for one in house.do(messages.messages, thread.thread_id)[1]]


def test_words_in_the_thread_with_a_peer_are_heard_over_there_and_answers_come_back(houses):
    a, b = houses
    case, there, _ = relayed(a, b)
    thread = a.do(messages.open_thread, case.id, party=a.b.party_id)
    file = messages.File.of("q.txt", "text/plain", b"more")
    a.do(messages.post, thread.thread_id, text="Which <tag>?", tlp=Tlp.AMBER, files=[file])
    everybody = a.do(messages.open_thread, case.id, party=None)
    a.do(messages.post, everybody.thread_id, text="for us alone", tlp=Tlp.AMBER)
    settle(a, b)
    assert words_in(b, there, b.a) == ["Which <tag>?"]
    back = b.do(messages.open_thread, there.id, party=b.a.party_id)
    (heard,) = b.do(messages.messages, back.thread_id)[1]
    assert (heard.party_id, heard.tlp, heard.words.files[0].content) == (
        b.a.party_id, Tlp.AMBER, b"more",
    )  # fmt: skip
    b.do(messages.post, back.thread_id, text="v2", tlp=Tlp.RED)
    settle(a, b)
    assert sorted(words_in(a, case, a.b)) == ["Which <tag>?", "v2"]


def test_a_publication_over_there_ends_the_secret_here(houses):
    a, b = houses
    case, there, _ = relayed(a, b)
    a.do(casework.mark_published, case.id, NOW, by=a.desk.clearing_actor)
    settle(a, b)
    found = read(b, there.id)
    assert found.embargo.facts.public_since == NOW
    assert found.embargo.instant is None
    assert found.published_at is None, "each house publishes by its own gates"


def test_who_is_read_out_hears_nothing_more_and_says_nothing_more(houses):
    a, b = houses
    case, there, _ = relayed(a, b)
    a.do(read_ins.revoke, case.id, who=a.b.actor_id, because="the exchange is over")
    vendor = a.do(casework.register_vendor, name="Unseen vendor", packages=())
    a.do(casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
    settle(a, b)
    (theirs,) = b.do(sending.relays, there.id)
    assert "Unseen vendor" not in repr(theirs.told)
    back = b.do(messages.open_thread, there.id, party=b.a.party_id)
    b.do(messages.post, back.thread_id, text="anybody there?", tlp=Tlp.RED)
    settle(a, b)
    (theirs,) = b.do(sending.relays, there.id)
    assert {one.refused for one in theirs.sent if one.kind == "message"} == {"not-read-in"}
    (mine,) = a.do(sending.relays, case.id)
    assert {one.outcome for one in mine.heard if one.kind == "message"} == {"not-read-in"}


def test_a_case_that_goes_on_keeps_its_chain_and_comes_back_to_nobody(
    houses, installation, tmp_path
):
    a, b = houses
    tmp_path.chmod(0o711)
    with open_house(installation, tmp_path / "c", "c", a.wire) as c:
        b_c, c_b = enroll(b, c), enroll(c, b)
        a_c, c_a = enroll(a, c), enroll(c, a)
        case, there, link = relayed(a, b)
        onward = sent_to(b, b_c, there)
        settle(a, b, c)
        last = case_over_there(c, onward)
        assert last.embargo.instant == case.embargo.instant
        assert credits_of(c, last) == credits_of(a, case)
        assert originals_in(c, last) == originals_in(a, case)
        (envelope,) = [
            found
            for address, _, body in a.wire.passed
            if address.startswith(c.address)
            and (found := relay_reading.read(body)).kind is Kind.CASE
        ]
        chain = envelope.originals[0].provenance.reporters
        assert [one.name for one in chain] == ["Lab of Rita Reporter", "House a", "House b"]
        assert chain[1].reference == link.our_handle
        assert chain[2].reference == onward.our_handle
        assert envelope.terms[0].set_by == "House a"
        for peer in (c_a, c_b):
            refused = c.do(sending.send, last.id, peer.peer_id, tlp=Tlp.RED, reason="again")
            assert refused.code == ("loop" if peer is c_a else "relayed-already")
        c.do(peers.revoke, c_b.peer_id, because="done", by=administrator(c.app))
        b.do(peers.revoke, b_c.peer_id, because="done", by=administrator(b.app))
        a.do(peers.revoke, a_c.peer_id, because="done", by=administrator(a.app))


def test_two_cases_of_one_peer_that_are_one_here_are_one_case_with_one_embargo(houses):
    a, b = houses
    number = next(COUNT)
    first, _ = case_in(a, number)
    link = sent_to(a, a.b, first)
    second, _ = case_in(a)
    other = sent_to(a, a.b, second)
    vendor = a.do(casework.register_vendor, name="A quick vendor", packages=())
    a.do(casework.join, second.id, party=vendor, role=PartyRole.VENDOR)
    a.do(casework.agree_date, second.id, vendor=vendor, date=NOW + 9 * DAY)
    settle(a, b)
    one, two = case_over_there(b, link), case_over_there(b, other)
    assert (one.embargo.instant, two.embargo.instant) == (NOW + 30 * DAY, NOW + 9 * DAY)
    b.do(match.merge, one.findings[0], two.findings[0], note="one flaw")
    b.do(coordinate.open_case, one.findings[0])
    settle(a, b)
    assert case_over_there(b, link).id == case_over_there(b, other).id
    assert read(b, case_over_there(b, link).id).embargo.instant == NOW + 9 * DAY
    assert read(a, first.id).embargo.instant == NOW + 9 * DAY, "its own house hears of it"


def test_an_original_that_holds_other_reports_too_stays_and_what_was_read_goes(houses):
    a, b = houses
    number = next(COUNT)
    drafts = tuple(
        replace(DRAFT, title=f"{name} {number}", purl=f"pkg:pypi/{name}-{number}", cwes=(cwe,))
        for name, cwe in (("mine", "CWE-787"), ("other-secret", "CWE-22"))
    )
    receipt = take_in(
        a.app.counter, reporter(a.app),
        Arrival(original=b"both other-secret and mine", format="test", drafts=drafts),
    )  # fmt: skip
    clearing = a.desk.clearing_actor
    with a.desk.database.transaction(clearing.actor_id) as transaction:
        reports = list(intake.reports_of(transaction, [receipt]))
    for one in reports:
        route.clear(a.desk, one)
    with a.desk.database.transaction(clearing.actor_id) as transaction:
        finding = match.finding_of(transaction, reports[0])
        case = coordinate.open_case(a.desk, transaction, clearing, finding)
    link = sent_to(a, a.b, case)
    settle(a, b)
    (data,) = originals_in(b, case_over_there(b, link))
    assert b"other-secret" not in data
    assert json.loads(data)["title"] == f"mine {number}"
    assert credits_of(b, case_over_there(b, link)) == ["Zoë Finder"]


def test_what_is_one_case_over_there_is_here_what_the_house_sees_and_all_of_it_is_held(houses):
    a, b = houses
    case, _ = case_in(a)
    other, _ = case_in(a)
    a.do(match.merge, case.findings[0], other.findings[0], note="one flaw")
    kept = a.do(coordinate.open_case, case.findings[0])
    link = sent_to(a, a.b, kept)
    settle(a, b)
    cases = [
        read(b, case_id)
        for (case_id,) in b.rows(
            "SELECT case_id FROM relay_link WHERE their_handle = %s", [link.our_handle]
        )
    ]
    assert len(cases) == 2, "that they are one is a hint, and b looks for itself"
    came_in = [data for one in cases for data in originals_in(b, one)]
    assert sorted(came_in) == sorted(originals_in(a, kept))
    vendor = a.do(casework.register_vendor, name="Vendor of both", packages=())
    a.do(casework.join, kept.id, party=vendor, role=PartyRole.VENDOR)
    a.do(casework.agree_date, kept.id, vendor=vendor, date=NOW + 15 * DAY)
    settle(a, b)
    assert {read(b, one.id).embargo.instant for one in cases} == {NOW + 15 * DAY}
    (came,) = [one for one in b.events("relay.taken") if one["claims"]][-1:]
    assert came["claims"] == [2]


@pytest.mark.parametrize(("limits", "tlp", "code"), [
    ({}, Tlp.GREEN, "label-too-free"),
    ({"sends_up_to": Tlp.AMBER_STRICT, "takes_up_to": Tlp.RED}, Tlp.RED, "tlp-too-strict"),
])  # fmt: skip
def test_a_label_that_does_not_fit_keeps_the_case_here(houses, limits, tlp, code):
    a, _ = houses
    case, _ = case_in(a)
    peer = a.b
    if limits:
        _set(a, peer, sends_up_to=limits["sends_up_to"].value)
    try:
        done = a.do(sending.send, case.id, peer.peer_id, tlp=tlp, reason="r")
    finally:
        _set(a, peer, sends_up_to=Tlp.RED.value)
    assert done.code == code
    assert a.do(sending.relays, case.id) == []
    assert read(a, case.id).party(peer.party_id) is None


def _set(house, peer, *, sends_up_to=None, takes_up_to=None):
    with psycopg.connect(house.owner_url, options="-c search_path=clearhouse") as owner:
        owner.execute(
            "UPDATE relay_peer SET sends_up_to = coalesce(%s, sends_up_to),"
            " takes_up_to = coalesce(%s, takes_up_to) WHERE peer_id = %s",
            [sends_up_to, takes_up_to, peer.peer_id],
        )


def test_words_that_are_too_strict_for_a_peer_are_not_said_in_its_thread(houses):
    a, b = houses
    case, _, _ = relayed(a, b)
    thread = a.do(messages.open_thread, case.id, party=a.b.party_id)
    _set(a, a.b, sends_up_to=Tlp.AMBER.value)
    try:
        done = a.do(messages.post, thread.thread_id, text="for your eyes", tlp=Tlp.RED)
        vendor = a.do(casework.register_vendor, name="Some vendor", packages=())
        a.do(casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
        assert {one.tlp for one in a.do(sending.relays, case.id)[0].sent} == {Tlp.RED, Tlp.AMBER}
    finally:
        _set(a, a.b, sends_up_to=Tlp.RED.value)
    assert done.code == "tlp-too-strict"


def test_only_a_coordinator_who_is_read_in_hands_a_case_over_and_only_to_a_live_peer(houses):
    a, _ = houses
    case, _ = case_in(a)
    with pytest.raises(casework.NoSuchCaseError):
        a.do(sending.send, case.id, a.b.peer_id, tlp=Tlp.RED, reason="r", by=outsider(a.app))
    with pytest.raises(ForbiddenError):
        a.do(sending.send, case.id, a.b.peer_id, tlp=Tlp.RED, reason="r", by=a.desk.clearing_actor)
    unknown = a.do(sending.send, case.id, "per_x", tlp=Tlp.RED, reason="r")
    assert unknown.code == "unknown-peer"
    sent_to(a, a.b, case)
    again = a.do(sending.send, case.id, a.b.peer_id, tlp=Tlp.RED, reason="r")
    assert again.code == "relayed-already"
    assert a.do(sending.relays, case.id, by=coordinator(a.app)) != []


def test_a_peer_that_declines_the_embargo_hears_nothing_under_it(houses):
    a, b = houses
    case, _, _ = relayed(a, b)
    a.do(standing.consent, case.id, party=a.b.party_id, event=ConsentEvent.DECLINE)
    # It has agreed by acknowledging; only new terms can be declined.
    vendor = a.do(casework.register_vendor, name="The last vendor", packages=())
    a.do(casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
    a.do(casework.agree_date, case.id, vendor=vendor, date=NOW + 12 * DAY)
    a.do(standing.consent, case.id, party=a.b.party_id, event=ConsentEvent.DECLINE)
    before = len(a.do(sending.relays, case.id)[0].sent)
    a.do(casework.give_verdict, case.id, vendor=vendor, outcome=casework.Outcome.ACCEPTED)
    assert len(a.do(sending.relays, case.id)[0].sent) == before


def test_a_refusal_over_there_ends_the_matter_here_and_stands_in_both_ledgers(houses):
    a, b = houses
    case, _ = case_in(a)
    _set(b, b.a, takes_up_to=Tlp.AMBER.value)
    try:
        sent_to(a, a.b, case)
        settle(a, b)
    finally:
        _set(b, b.a, takes_up_to=Tlp.RED.value)
    (mine,) = a.do(sending.relays, case.id)
    assert mine.link.closed_because == "tlp-too-strict"
    assert [one.refused for one in mine.sent] == ["tlp-too-strict"]
    assert a.events("relay.refused")[-1]["code"] == "tlp-too-strict"
    assert b.events("relay.turned_away")[-1]["code"] == "tlp-too-strict"
    vendor = a.do(casework.register_vendor, name="After all", packages=())
    a.do(casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
    assert len(a.do(sending.relays, case.id)[0].sent) == 1, "nothing more goes out in it"
    again = sent_to(a, a.b, case)
    settle(a, b)
    assert case_over_there(b, again).embargo.instant == case.embargo.instant


def test_a_clock_that_is_wrong_delays_a_relay_until_somebody_sets_it(houses):
    a, b = houses
    case, _ = case_in(a)
    set_clock(a, NOW + timedelta(minutes=10))
    link = sent_to(a, a.b, case)
    assert not a.work()
    (mine,) = a.do(sending.relays, case.id)
    assert (mine.sent[0].failure, mine.sent[0].refused) == ("clock-skew", None)
    assert a.events("relay.delayed")[-1]["failure"] == "clock-skew"
    set_clock(b, NOW + timedelta(minutes=11))
    set_clock(a, NOW + timedelta(minutes=11))
    settle(a, b)
    assert case_over_there(b, link).findings


def other_system(a, kind, address, answers=None):
    if answers is not None:
        a.wire.counters[address] = TestClient(answers, base_url=address)
    name = f"{kind} {next(COUNT)}"
    return a.do(
        peers.enroll_other, Other(kind=kind, name=name, address=address, secret="SECRET-TOKEN"),
        limits=LIMITS, by=administrator(a.app),
    )  # fmt: skip


def test_what_a_system_without_memory_may_have_is_left_to_a_person(houses):
    a, _ = houses
    peer = other_system(a, PeerKind.VINCE, "https://kb.test", PlainTextResponse("x", 500))
    case, _ = case_in(a)
    sent_to(a, peer, case)
    assert not a.work()
    set_clock(a, NOW + DAY)
    assert not a.work()
    (mine,) = a.do(sending.relays, case.id)
    assert (mine.sent[0].refused, mine.sent[0].attempts) == ("unclear", 1)
    assert mine.link.closed_because is None
    with_vendor = a.do(casework.register_vendor, name="No news for VINCE", packages=())
    a.do(casework.join, case.id, party=with_vendor, role=PartyRole.VENDOR)
    assert len(a.do(sending.relays, case.id)[0].sent) == 1, "it takes cases and no states"


def test_a_system_that_says_how_it_calls_a_case_is_remembered_by_it(houses):
    a, _ = houses
    taken = JSONResponse({"vrf_id": "VRF#1"}, 201)
    peer = other_system(a, PeerKind.VINCE, "https://vince.test", taken)
    case, _ = case_in(a)
    sent_to(a, peer, case)
    assert a.work()
    (mine,) = a.do(sending.relays, case.id)
    assert mine.link.their_handle == "VRF#1"
    assert "vince" in [one.get("by") for one in a.events("relay.sent")]
    assert b"SECRET-TOKEN" not in b"".join(body for _, _, body in a.wire.passed)


def test_what_waits_for_a_peer_that_was_ended_stays_here(houses):
    a, _ = houses
    peer = other_system(a, PeerKind.TAP, "https://nowhere.test")
    case, _ = case_in(a)
    sent_to(a, peer, case)
    assert not a.work()
    a.do(peers.revoke, peer.peer_id, because="gone", by=administrator(a.app))
    set_clock(a, NOW + DAY)
    assert not a.work()
    (mine,) = a.do(sending.relays, case.id)
    assert (mine.sent[0].refused, mine.link.closed_because) == ("revoked", "revoked")


def test_nothing_under_an_embargo_goes_by_mail(houses):
    a, _ = houses
    peer = other_system(a, PeerKind.MAIL, "psirt@else.test")
    case, _ = case_in(a)
    for tlp, code in ((Tlp.RED, "in-the-clear"), (Tlp.AMBER_STRICT, "in-the-clear"),
                      (Tlp.GREEN, "label-too-free")):  # fmt: skip
        done = a.do(sending.send, case.id, peer.peer_id, tlp=tlp, reason="r")
        assert done.code == code


def test_a_read_in_that_waits_for_a_second_person_keeps_the_case_here(houses, monkeypatch):
    a, _ = houses
    both = replace(read_in_policy.in_force(), own_people_of=())
    monkeypatch.setattr(read_in_policy, "in_force", lambda: both)
    case, _ = case_in(a)
    done = a.do(sending.send, case.id, a.b.peer_id, tlp=Tlp.RED, reason="r")
    assert done.code == "waits"
    assert a.do(sending.relays, case.id) == []
    dora = coordinator(a.app, "Dora Coordinator")
    a.do(read_ins.decide, case.id, number=0, grant=True, because="right", by=dora)
    sent_to(a, a.b, case)


def test_who_has_a_conflict_of_interest_reads_nothing_that_was_relayed(houses):
    a, b = houses
    _, there, _ = relayed(a, b)
    dora = coordinator(b.app, "Dora Coordinator")
    assert b.do(sending.relays, there.id, by=dora)

    def seen():
        with b.desk.database.transaction(dora.actor_id) as transaction:
            return (
                transaction.all("SELECT 1 FROM relay_link WHERE case_id = %s", [there.id])
                + transaction.all(
                    "SELECT 1 FROM relay_in JOIN case_report ON case_id = %s"
                    " JOIN report USING (report_id) WHERE receipt = ANY (receipts)",
                    [there.id],
                )
            )  # fmt: skip

    assert seen()
    b.do(read_ins.declare_conflict, there.id, who=dora.actor_id, what="an old employer", by=dora)
    assert seen() == []
    rows = b.rows(
        "SELECT o.readers FROM relay_out o JOIN relay_link USING (link_id) WHERE case_id = %s"
        " UNION ALL SELECT i.readers FROM relay_in i JOIN relay_link USING (link_id)"
        " WHERE case_id = %s",
        [there.id, there.id],
    )
    assert len(rows) >= 2
    assert all(f"!{dora.actor_id}" in readers for (readers,) in rows)


def told_by(b, a, link, **changes):
    """An envelope that b's Clearhouse would never write, sent with b's key in a matter of both."""
    (theirs,) = b.rows(
        "SELECT our_handle, sent FROM relay_link WHERE their_handle = %s", [link.our_handle]
    )
    made = Envelope(
        id=f"env_odd_{next(COUNT)}", kind=Kind.MESSAGE, at=NOW, sender=b.node.id,
        recipient=a.node.id, handle=theirs[0], answers=link.our_handle, sequence=theirs[1] + 40,
        tlp=Tlp.AMBER,
    )  # fmt: skip
    way = Way(peer=b.a, outside=b.desk.outside, keys=b.desk.keys, secret=None, now=NOW)
    envelope = replace(made, **changes)
    assert isinstance(clearhouse.send(way, envelope), Taken)
    a.work()
    ((inbound_id, outcome),) = a.rows(
        "SELECT inbound_id, outcome FROM relay_in WHERE envelope_id = %s", [envelope.id]
    )
    return inbound_id, outcome


def test_words_and_states_that_cannot_be_taken_up_have_no_effect_and_the_sender_hears_why(houses):
    a, b = houses
    case, _, link = relayed(a, b)
    before = read(a, case.id)
    _, odd = told_by(b, a, link, kind=Kind.STATUS, status={"type": "Nonsense"})
    assert odd == "no-such-status"
    inbound_id, free = told_by(b, a, link, text="for everybody", tlp=Tlp.CLEAR)
    assert free == "label-too-free"
    _, refusal = told_by(
        b, a, link, kind=Kind.ACKNOWLEDGEMENT,
        outcome=Outcome(envelope="env_never", code="SECRET words!", reason="r"),
    )  # fmt: skip
    assert refusal == "accepted"
    over = as_vultron(replace(before, embargo=replace(before.embargo, instant=NOW)), "urn:b")
    _, late = told_by(b, a, link, kind=Kind.STATUS, status=over)
    assert late == "embargo-past"
    settle(a, b)
    assert "not-taken" in [one["code"] for one in a.events("relay.acknowledged")]
    assert "label-too-free" in [one["code"] for one in b.events("relay.acknowledged")]
    route.take_relayed(a.desk, inbound_id)
    route.take_relayed(a.desk, "inb_never")
    after = read(a, case.id)
    assert (after.embargo.instant, after.verdicts, after.statuses) == (
        before.embargo.instant, before.verdicts, before.statuses,
    )  # fmt: skip


def test_words_that_come_before_their_case_wait_for_it(houses):
    a, b = houses
    case, _ = case_in(a)
    link = sent_to(a, a.b, case)
    thread = a.do(messages.open_thread, case.id, party=a.b.party_id)
    a.do(messages.post, thread.thread_id, text="early", tlp=Tlp.AMBER)
    assert a.work()
    rows = b.rows("SELECT inbound_id FROM relay_in WHERE taken_at IS NULL ORDER BY kind DESC")
    for (inbound_id,) in rows:
        route.take_relayed(b.desk, inbound_id)
    assert len(b.rows("SELECT 1 FROM relay_in WHERE taken_at IS NULL")) == 1
    settle(a, b)
    assert words_in(b, case_over_there(b, link), b.a) == ["early"]
