"""Canonical JSON has one spelling; a signed envelope has no second reading."""

import base64
import json
import math

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats import dsse
from clearhouse.formats.canonical import canonical_bytes

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TRUSTED = [KEY.public_key()]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
scalars = plain | st.floats(allow_nan=False, allow_infinity=False)


def nested(leaves, names):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=20,
    )


values = nested(scalars, texts)


def changed(data: bytes, place: int, mask: int) -> bytes:
    place %= len(data)
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def read(form: bytes) -> object:
    """Read JSON as RFC 8785 means it: every number is a double."""
    return json.loads(
        form, parse_int=lambda text: int(text) if abs(int(text)) < 2**53 else float(text)
    )


@given(values)
def test_the_canonical_form_is_the_same_value_again(value):
    form = canonical_bytes(value)
    assert read(form) == value
    assert canonical_bytes(read(form)) == form
    assert b"\n" not in form


@given(nested(plain, st.text(st.characters(codec="ascii"), max_size=8)))
def test_the_quick_serializer_writes_what_the_standards_own_writes(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.dictionaries(texts, scalars, min_size=2), st.randoms())
def test_the_order_in_which_names_were_given_does_not_matter(value, random):
    pairs = list(value.items())
    random.shuffle(pairs)
    assert canonical_bytes(dict(pairs)) == canonical_bytes(value)


@given(values, values)
def test_two_values_share_a_form_only_if_they_are_equal(one, other):
    if canonical_bytes(one) == canonical_bytes(other):
        assert one == other


@given(st.floats() | st.integers())
def test_a_number_is_written_exactly_or_refused(number):
    fits = math.isfinite(number) if isinstance(number, float) else abs(number) < 2**53
    if fits:
        assert read(canonical_bytes(number)) == number
    else:
        with pytest.raises(ValueError, match="no canonical"):
            canonical_bytes(number)


@given(
    st.binary(min_size=1, max_size=200),
    texts.filter(bool),
    st.sampled_from(["payload", "payloadType", "signature"]),
    st.integers(0, 10_000),
    st.integers(1, 255),
)
def test_any_changed_byte_is_refused(payload, kind, what, place, mask):
    envelope = dsse.seal(payload, kind, [KEY])
    assert dsse.open_envelope(envelope, TRUSTED).payload == payload
    if what == "payload":
        envelope["payload"] = base64.b64encode(changed(payload, place, mask)).decode()
    elif what == "payloadType":
        envelope["payloadType"] = changed(kind.encode(), place, mask).decode("latin-1")
        if envelope["payloadType"] == kind:
            return
    else:
        (entry,) = envelope["signatures"]
        entry["sig"] = base64.b64encode(
            changed(base64.b64decode(entry["sig"]), place, mask)
        ).decode()
    with pytest.raises(dsse.UntrustedEnvelopeError):
        dsse.open_envelope(envelope, TRUSTED)


@given(st.binary(max_size=60), st.integers(0, 10_000), st.characters(exclude_categories=[]))
def test_any_changed_character_of_the_envelope_is_refused(payload, place, character):
    """Also one that base64 decoders commonly overlook."""
    envelope = dsse.seal(payload, "text/plain", [KEY])
    for name, text in (("payload", envelope["payload"]), ("sig", envelope["signatures"][0]["sig"])):
        if not text:
            continue
        at = place % len(text)
        bent = text[:at] + character + text[at + 1 :]
        if bent.translate(dsse._TO_STANDARD_BASE64) == text:
            continue  # the other alphabet's spelling of the same character
        forged = (
            envelope | {"payload": bent}
            if name == "payload"
            else envelope | {"signatures": [{"sig": bent}]}
        )
        with pytest.raises(dsse.UntrustedEnvelopeError):
            dsse.open_envelope(forged, TRUSTED)


@given(values)
def test_an_envelope_of_anything_ends_in_a_refusal_and_never_in_a_crash(value):
    for envelope in (value, {"payload": value, "payloadType": value, "signatures": [value]}):
        with pytest.raises(dsse.UntrustedEnvelopeError):
            dsse.open_envelope(envelope, TRUSTED)
