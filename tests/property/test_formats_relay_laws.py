"""Whatever an envelope holds comes back as it was; what a hop changed on the way is seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.formats import relay, relay_reading
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.formats.relay import (
    Claim,
    Envelope,
    File,
    Finder,
    Hop,
    Kind,
    Original,
    Outcome,
    Provenance,
    Terms,
)
from clearhouse.formats.relay_reading import RelayError
from clearhouse.formats.tlp import Tlp

KEYS = [Ed25519PrivateKey.generate() for _ in range(3)]
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
maybe = st.none() | words
instants = st.integers(0, 2**34).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
extra = st.dictionaries(words.map(lambda name: f"x-{name}"), json, max_size=2)
hops = st.builds(
    Hop,
    name=words,
    at=instants,
    node=maybe,
    reference=maybe,
    key=maybe,
    signature=maybe,
    extra=extra,
)
provenances = st.builds(
    Provenance,
    finders=st.lists(st.builds(Finder, name=words, role=words), max_size=3).map(tuple),
    reporters=st.lists(hops, max_size=3).map(tuple),
    origins=st.lists(words, max_size=2).map(tuple),
    extra=extra,
)
originals = st.builds(
    Original, data=st.binary(max_size=40), provenance=provenances, media_type=maybe, filename=maybe,
    extra=extra,
)  # fmt: skip
envelopes = st.builds(
    Envelope,
    id=words, kind=st.sampled_from(Kind), at=instants, sender=words, recipient=words, handle=words,
    answers=maybe, sequence=st.integers(1, 2**31 - 1), tlp=st.sampled_from(Tlp),
    terms=st.lists(st.builds(Terms, until=st.none() | instants, rule=words, set_by=words,
                             at=instants, extra=extra), max_size=2).map(tuple),
    claims=st.lists(st.builds(Claim, by=words, reports=st.integers(1, 9)), max_size=2).map(tuple),
    originals=st.lists(originals, max_size=2).map(tuple),
    text=maybe,
    files=st.lists(st.builds(File, name=words, media_type=words, data=st.binary(max_size=9)),
                   max_size=2).map(tuple),
    status=st.none() | st.dictionaries(words, json, min_size=1, max_size=2),
    published_at=st.none() | instants,
    outcome=st.none() | st.builds(Outcome, envelope=words, code=words, reason=words,
                                  until=st.none() | instants),
    extra=extra,
)  # fmt: skip
SMALL = Envelope(
    id="e", kind=Kind.CASE, at=datetime(2026, 11, 27, tzinfo=UTC), sender="a", recipient="b",
    handle="h", answers=None, sequence=1, tlp=Tlp.RED, originals=(Original(data=b"x"),),
)  # fmt: skip


@settings(max_examples=30)
@given(envelopes)
def test_an_envelope_comes_back_as_it_was_unknown_fields_and_all(envelope):
    once = relay.write(envelope)
    back = relay_reading.read(once)
    assert back == envelope
    assert relay.write(back) == once
    assert [one.data for one in back.originals] == [one.data for one in envelope.originals]


@settings(max_examples=30)
@given(st.binary(max_size=200) | json.map(canonical_bytes))
def test_bytes_of_any_kind_are_an_envelope_or_refused_without_being_quoted(data):
    with pytest.raises(RelayError):
        relay_reading.read(data)


@settings(max_examples=20)
@given(originals.map(lambda one: replace(one, provenance=replace(one.provenance, reporters=()))),
       words, words)  # fmt: skip
def test_a_chain_holds_for_every_hop_and_for_none_after_a_change_before_it(start, one, other):
    at = SMALL.at
    for place, key in enumerate(KEYS):
        hop = Hop(name=one, at=at + timedelta(hours=place), node=other, reference=f"r{place}")
        start = relay.append_hop(start, hop, key)
    for place, key in enumerate(KEYS):
        assert relay.hop_holds(start, place, key.public_key())
        assert not relay.hop_holds(start, place, KEYS[place - 1].public_key())
    chain = start.provenance.reporters
    changed = [
        replace(start.provenance, reporters=(replace(chain[0], name=one + "!"), *chain[1:])),
        replace(start.provenance, reporters=chain[1:]),
        replace(start.provenance, finders=(*start.provenance.finders, Finder(name="me", role="finder"))),
        replace(start.provenance, origins=(*start.provenance.origins, "else")),
    ]  # fmt: skip
    last = KEYS[-1].public_key()
    for provenance in changed:
        assert not relay.hop_holds(replace(start, provenance=provenance), -1, last)
    assert not relay.hop_holds(replace(start, data=start.data + b"!"), -1, last)


def test_the_tightest_of_the_terms_counts():
    at = SMALL.at
    terms = [
        Terms(until=until, rule="r", set_by="s", at=at)
        for until in (at + timedelta(days=9), None, at + timedelta(days=3))
    ]
    assert replace(SMALL, terms=tuple(terms)).until == at + timedelta(days=3)
    assert SMALL.until is None


@pytest.mark.parametrize(("old", "new", "place"), [
    (b'"format":"clearhouse-relay/1"', b'"format":"clearhouse-relay/2"', "format"),
    (b'"kind":"case"', b'"kind":"order"', "/kind"),
    (b'"at":"2026-11-27T00:00:00Z"', b'"at":"2026-11-27T00:00:00+00:00"', "/at"),
    (b'"at":"2026-11-27T00:00:00Z"', b'"at":"2026-1-7T0:00:00Z"', "/at"),
    (b'"at":"2026-11-27T00:00:00Z",', b"", "/at is missing"),
    (b'"sequence":1', b'"sequence":true', "/sequence"),
    (b'"data":"eA=="', b'"data":"eA="', "/originals/0/data"),
    (b'"data":"eA=="', b'"data":7', "/originals/0/data"),
    (b'"data":"eA=="', b'"data":"eQ=="', "SHA-256"),
    (b'"handle":"h"', b'"handle":""', "/handle"),
    (b'"handle":"h"', b'"handle":"h","status":[]', "/status"),
    (b'"handle":"h"', b'"handle":"h","more":1e400', "number"),
    (b'"handle":"h"', b'"handle":"h","more":9007199254740999', "canonical"),
    (b'"handle":"h"', b'"handle":"h","terms":{}', "/terms"),
    (b'"originals":[{', b'"originals":[7,{', "/originals/0"),
    (b'"provenance":{}', b'"provenance":{"origins":[7]}', "origins"),
])  # fmt: skip
def test_what_is_wrong_with_an_envelope_is_said_with_its_place(old, new, place):
    written = relay.write(SMALL)
    assert old in written
    with pytest.raises(RelayError, match=place):
        relay_reading.read(written.replace(old, new))
