"""What a counter takes from a peer, and what it turns away: each with a code and a ledger entry."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.coordinate.relay import keys, peers, reception
from clearhouse.clearing.coordinate.relay.reception import Reception
from clearhouse.clearing.coordinate.relay.record import Code
from clearhouse.formats import dsse, http_signature, relay
from clearhouse.formats.http_signature import Fault
from clearhouse.formats.relay import (
    Envelope,
    Finder,
    Hop,
    Kind,
    Original,
    Outcome,
    Provenance,
    Terms,
)
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import ledger
from relay_houses import NOW, Wire, administrator, enroll, open_house, set_clock

COUNT = iter(range(1000))


@pytest.fixture(scope="module")
def pair(installation, tmp_path_factory):
    """Two houses; the second one is played by the test, with its own keys."""
    folder, wire = tmp_path_factory.mktemp("reception"), Wire()
    folder.chmod(0o711)
    with (
        open_house(installation, folder / "a", "a", wire) as a,
        open_house(installation, folder / "b", "b", wire) as b,
    ):
        a.b = enroll(a, b, sends_up_to=Tlp.RED, takes_up_to=Tlp.AMBER_STRICT)
        yield a, b


@pytest.fixture
def houses(pair):
    for one in pair:
        set_clock(one, NOW)
    return pair


def original(b, text=b"# Overflow\n\n- Package: pkg:pypi/x\n\nIt overflows.\n", *hops):
    key = keys.signing(b.desk.keys, NOW)
    own = Hop(name="House b", at=NOW, node=b.node.id, reference="hnd_b")
    bare = Original(
        data=text,
        provenance=Provenance(finders=(Finder(name="Ada", role="finder"),), reporters=hops),
    )
    return relay.append_hop(bare, own, key)


def envelope(a, b, **changes):
    number = next(COUNT)
    made = Envelope(
        id=f"env_{number}", kind=Kind.CASE, at=NOW, sender=b.node.id, recipient=a.node.id,
        handle=f"hnd_{number}", answers=None, sequence=1, tlp=Tlp.AMBER,
        terms=(Terms(until=NOW + timedelta(days=9), rule="r", set_by="House b", at=NOW),),
        originals=(original(b),),
    )  # fmt: skip
    return replace(made, **changes)


def signed(a, b, body, *, key=None, at=NOW, address=None, **more):
    key = key or keys.signing(b.desk.keys, NOW)
    return http_signature.sign(
        key, dsse.key_id(key.public_key()), method="POST", body=body, at=at,
        address=address or f"{a.address}/v1/relay",
        **({"life": timedelta(minutes=2), "nonce": f"nonce-{next(COUNT)}"} | more),
    )  # fmt: skip


def post(a, body, headers):
    return a.wire.counters[a.address].post("/v1/relay", content=body, headers=headers)


def send(a, b, made, **more):
    body = made if isinstance(made, bytes) else relay.write(made)
    return post(a, body, signed(a, b, body, **more))


def turned_away(a, answer, code, peer=True):
    """The sender sees the code, and the ledger of the receiver has it."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code, answer.text
    with a.desk.database.transaction(administrator(a.app).actor_id) as transaction:
        rows = transaction.all(
            "SELECT body, subject FROM ledger_event WHERE kind = 'relay.turned_away'"
        )
    found = [one for one in rows if json.loads(bytes(one["body"]))["data"]["code"] == code]
    assert found
    assert found[-1]["subject"] == (a.b.peer_id if peer else "nobody")
    return True


def inbound(a):
    return a.rows("SELECT count(*) FROM relay_in")[0][0]


def test_an_envelope_of_a_peer_is_taken_and_again_has_no_further_effect(houses):
    a, b = houses
    made = envelope(a, b)
    before = inbound(a)
    first, again = send(a, b, made), send(a, b, made)
    assert [one.status_code for one in (first, again)] == [202, 202]
    assert [one.json()["known"] for one in (first, again)] == [False, True]
    assert first.json()["envelope"] == made.id
    assert inbound(a) == before + 1
    (receipts,) = a.rows("SELECT receipts FROM relay_in WHERE envelope_id = %s", [made.id])[0]
    assert len(receipts) == 1
    assert a.rows("SELECT readers FROM submission WHERE receipt = ANY(%s)", [receipts]) == [
        (["role:clearing", "role:coordinator_on_duty", a.b.party_id],)
    ], "no analyst reads what a peer relayed"


def test_a_request_that_is_sent_again_as_it_was_is_a_replay(houses):
    a, b = houses
    body = relay.write(envelope(a, b))
    headers = signed(a, b, body)
    assert post(a, body, headers).status_code == 202
    before = inbound(a)
    replayed = post(a, body, headers)
    assert replayed.status_code == 409
    turned_away(a, replayed, Code.REPLAYED)
    assert inbound(a) == before


@pytest.mark.parametrize(("changes", "code"), [
    ({"sender": "nod_else"}, Code.NOT_THE_SENDER),
    ({"recipient": "nod_else"}, Code.NOT_FOR_US),
    ({"tlp": Tlp.RED}, Code.TLP_TOO_STRICT),
    ({"terms": (Terms(until=NOW - timedelta(seconds=1), rule="r", set_by="b", at=NOW),)},
     Code.EMBARGO_PAST),
    ({"originals": ()}, Code.NOTHING_IN_IT),
    ({"kind": Kind.MESSAGE}, Code.NOTHING_IN_IT),
    ({"kind": Kind.MESSAGE, "text": "x", "handle": "hnd_never"}, Code.UNKNOWN_MATTER),
    ({"kind": Kind.STATUS}, Code.NOTHING_IN_IT),
    ({"kind": Kind.PUBLICATION}, Code.NOTHING_IN_IT),
    ({"kind": Kind.ACKNOWLEDGEMENT}, Code.NOTHING_IN_IT),
    ({"kind": Kind.ACKNOWLEDGEMENT, "outcome": Outcome(envelope="e", code="c", reason="r"),
      "answers": "hnd_never", "handle": "hnd_never"}, Code.UNKNOWN_MATTER),
])  # fmt: skip
def test_what_cannot_be_held_or_is_not_the_peers_to_send_is_refused(houses, changes, code):
    a, b = houses
    before = inbound(a)
    answer = send(a, b, envelope(a, b, **changes))
    assert answer.status_code == 422
    turned_away(a, answer, code)
    assert inbound(a) == before


def test_an_embargo_without_an_end_asks_for_nothing_and_is_taken(houses):
    a, b = houses
    terms = (Terms(until=None, rule="public", set_by="House b", at=NOW),)
    assert send(a, b, envelope(a, b, terms=terms)).status_code == 202


def test_a_relay_that_comes_back_to_where_it_was_is_a_loop(houses):
    a, b = houses
    here = Hop(name="House a", at=NOW, node=a.node.id)
    made = envelope(a, b, originals=(original(b, b"# x\n\nIt overflows.\n", here),))
    turned_away(a, send(a, b, made), Code.LOOP)


def test_a_chain_that_its_sender_did_not_sign_or_that_was_changed_is_broken(houses):
    a, b = houses
    whole = original(b)
    chain = whole.provenance.reporters
    stranger = relay.append_hop(
        whole, Hop(name="x", at=NOW, node=b.node.id), Ed25519PrivateKey.generate()
    )
    other = relay.append_hop(
        whole, Hop(name="x", at=NOW, node="nod_c"), keys.signing(b.desk.keys, NOW)
    )
    for broken in (
        replace(whole, provenance=Provenance()),
        replace(whole, provenance=replace(whole.provenance, finders=())),
        replace(whole, provenance=replace(whole.provenance, reporters=(replace(chain[0], at=NOW + timedelta(1)),))),
        stranger,
        other,
    ):  # fmt: skip
        turned_away(a, send(a, b, envelope(a, b, originals=(broken,))), Code.CHAIN_BROKEN)


def test_an_original_that_nobody_here_can_read_is_refused_and_nothing_of_it_stays(houses):
    a, b = houses
    before = a.rows("SELECT count(*) FROM submission")[0][0]
    made = envelope(a, b, originals=(original(b), original(b, b"\x7fELF\x02")))
    turned_away(a, send(a, b, made), Code.UNREADABLE)
    assert a.rows("SELECT count(*) FROM submission")[0][0] == before


def test_an_id_with_other_bytes_than_before_is_refused(houses):
    a, b = houses
    made = envelope(a, b)
    assert send(a, b, made).status_code == 202
    answer = send(a, b, replace(made, tlp=Tlp.AMBER_STRICT))
    assert answer.status_code == 409
    turned_away(a, answer, Code.ID_REUSED)
    fresh = envelope(a, b)
    other = replace(made, id=fresh.id, originals=(original(b, b"# y\n\nelse\n"),))
    assert send(a, b, fresh).status_code == 202
    turned_away(a, send(a, b, other), Code.ID_REUSED)


def test_words_for_a_matter_that_came_a_moment_ago_wait_for_it(houses):
    a, b = houses
    made = envelope(a, b)
    send(a, b, made)
    words = envelope(
        a, b, kind=Kind.MESSAGE, originals=(), text="hear", handle=made.handle, sequence=2
    )
    assert send(a, b, words).status_code == 202


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"format": "clearhouse-relay/9"}', b"\xff"])
def test_bytes_that_are_no_envelope_are_refused(houses, body):
    a, b = houses
    turned_away(a, send(a, b, body), Code.MALFORMED)


@pytest.mark.parametrize(("more", "code"), [
    ({"at": NOW - timedelta(minutes=6)}, Fault.CLOCK_SKEW),
    ({"at": NOW + timedelta(minutes=6)}, Fault.CLOCK_SKEW),
    ({"at": NOW - timedelta(minutes=3)}, Fault.EXPIRED),
    ({"address": "https://else.test/v1/relay"}, Fault.WRONG_SIGNATURE),
    ({"nonce": None}, Code.NO_NONCE),
    ({"life": None}, Code.NO_NONCE),
])  # fmt: skip
def test_a_request_that_is_signed_wrongly_says_what_is_wrong_and_what_time_it_is_here(
    houses, more, code
):
    a, b = houses
    answer = send(a, b, envelope(a, b), **more)
    turned_away(a, answer, code)
    if code in {Fault.CLOCK_SKEW, Fault.EXPIRED}:
        assert "it is 2026-11-16 08:00:00 UTC here" in answer.json()["detail"]


def test_who_pretends_to_be_a_peer_is_not_taken_for_it(houses):
    a, b = houses
    body = relay.write(envelope(a, b))
    stranger = Ed25519PrivateKey.generate()
    answer = post(a, body, signed(a, b, body, key=stranger))
    assert answer.status_code == 401
    turned_away(a, answer, Code.UNKNOWN_KEY, peer=False)
    real = dsse.key_id(keys.signing(b.desk.keys, NOW).public_key())
    forged = http_signature.sign(
        stranger, real, method="POST", address=f"{a.address}/v1/relay", body=body, at=NOW,
        life=timedelta(minutes=2), nonce="n",
    )  # fmt: skip
    turned_away(a, post(a, body, forged), Fault.WRONG_SIGNATURE)
    turned_away(a, post(a, body, {}), Code.UNKNOWN_KEY, peer=False)
    turned_away(a, post(a, body + b" ", signed(a, b, body)), Fault.DIGEST)


def test_a_key_counts_from_its_first_instant_to_its_last(houses):
    a, b = houses
    body = relay.write(envelope(a, b))
    for since, until in (("2099-01-01", None), ("1970-01-01", "2026-01-01")):
        with a.desk.database.transaction(a.desk.clearing_actor.actor_id) as transaction:
            transaction.execute(
                "UPDATE relay_key SET since = %s, until = %s WHERE peer_id = %s",
                [since, until, a.b.peer_id],
            )
        turned_away(a, post(a, body, signed(a, b, body)), Code.KEY_NOT_IN_USE)
    with a.desk.database.transaction(a.desk.clearing_actor.actor_id) as transaction:
        transaction.execute("UPDATE relay_key SET since = '1970-01-01', until = NULL")
    assert post(a, body, signed(a, b, body)).status_code == 202


def test_of_one_peers_refusals_only_so_many_an_hour_are_written_down(houses, monkeypatch):
    a, _ = houses
    policy = replace(keys.relay_policy(), refusals_per_hour=3)
    monkeypatch.setattr(reception, "relay_policy", lambda: policy)
    taking = Reception(a.app.counter)

    def noted():
        (row,) = a.rows("SELECT count(*) FROM ledger_event WHERE kind = 'relay.turned_away'")
        return row[0]

    before = noted()
    for _ in range(5):
        assert taking.receive({}, b"").code == Code.UNKNOWN_KEY
    assert noted() == before + 3
    set_clock(a, NOW + timedelta(hours=1))
    taking.receive({}, b"")
    assert noted() == before + 4


def test_a_house_that_was_not_set_up_relays_nothing(houses):
    a, _ = houses
    bare = replace(a.app.counter, node_file=None)
    assert Reception(bare).receive({}, b"").status == 503


def test_the_node_document_is_where_others_look_for_it(houses):
    a, _ = houses
    answer = a.wire.counters[a.address].get("/.well-known/clearhouse-relay.json")
    assert answer.status_code == 200
    assert answer.content == (a.home / "counter" / "relay-node.json").read_bytes()


def test_a_browser_on_another_site_sends_nothing_here(houses):
    a, b = houses
    body = relay.write(envelope(a, b))
    answer = post(a, body, signed(a, b, body) | {"Origin": "https://else.test"})
    assert answer.status_code == 403


def test_a_peer_that_was_ended_is_told_so_and_its_envelopes_are_refused(houses):
    a, b = houses
    body = relay.write(envelope(a, b))
    a.do(peers.revoke, a.b.peer_id, because="its key was lost", by=administrator(a.app))
    answer = post(a, body, signed(a, b, body))
    assert answer.status_code == 403
    turned_away(a, answer, Code.REVOKED)
    assert a.do(peers.revoke, "per_x", because="r", by=administrator(a.app)).code == "unknown-peer"
    assert a.do(peers.revoke, a.b.peer_id, because=" ", by=administrator(a.app)).code == "no-reason"
    a.b = enroll(a, b, sends_up_to=Tlp.RED, takes_up_to=Tlp.AMBER_STRICT)
    assert post(a, body, signed(a, b, body)).status_code == 202


def test_the_ledger_holds_what_came_and_nothing_of_what_it_says(houses):
    a, b = houses
    send(a, b, envelope(a, b, originals=(original(b, b"# SECRET-TITLE\n\nSECRET-WORDS\n"),)))
    with a.desk.database.transaction(a.desk.clearing_actor.actor_id) as transaction:
        ledger.sequence(transaction)
        rows = transaction.all("SELECT body FROM ledger_event WHERE kind LIKE 'relay.%%'")
    assert rows
    assert not [one for one in rows if b"SECRET" in bytes(one["body"])]
