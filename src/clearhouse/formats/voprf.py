"""Oblivious pseudorandom functions: a server answers for an input that it never sees.

In: an input, blinded by the client; the server's key. Out: an output that only the client learns,
and a proof that the server used the key it has announced. Refused with `VoprfError`: points that
are malformed or the identity, scalars that are not canonical, proofs that do not hold, inputs
longer than 65,535 bytes.
Ciphersuite ristretto255-SHA512 in its three modes; the house asks and answers in VOPRF. Group
operations are libsodium's, in constant time; what is done here branches on public values alone.
Source: RFC 9497 (§2.2 proofs, §3.2 keys, §3.3 protocol, §4.1 ciphersuite), RFC 9380 §5.3.1
(expand_message_xmd), RFC 9496 (ristretto255).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count

from clearhouse.formats import ristretto as group
from clearhouse.formats.ristretto import ELEMENT_BYTES, SCALAR_BYTES, GroupError

SUITE = "ristretto255-SHA512"
OUTPUT_BYTES = 64
PROOF_BYTES = 2 * SCALAR_BYTES
MOST_BYTES = 65_535
"""The longest input, and the most elements under one proof."""
_SHA512_BLOCK = 128


class VoprfError(ValueError):
    """The other side sent what the protocol refuses; the message says what."""


class Mode(IntEnum):
    """Which of the three protocols."""

    OPRF = 0
    VOPRF = 1
    """The client verifies that the server used its announced key."""
    POPRF = 2
    """As VOPRF, with a public input that both sides see."""


@dataclass(frozen=True, slots=True)
class Blinded:
    """An input as it travels, and what its owner keeps to take the blinding off."""

    element: bytes
    scalar: bytes = field(repr=False)
    """Secret, and of use once."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the server answers."""

    elements: tuple[bytes, ...]
    proof: bytes
    """Challenge and response, for all elements together."""


def derive_key(seed: bytes, info: bytes, mode: Mode = Mode.VOPRF) -> bytes:
    """Return the secret scalar of a 32 byte seed. Source: RFC 9497 §3.2.1."""
    tag = b"DeriveKeyPair" + _context(mode)
    for attempt in count():
        scalar = _scalar(seed + _framed(info) + attempt.to_bytes(1, "big"), tag)
        if scalar != bytes(SCALAR_BYTES):
            return scalar
    raise AssertionError("unreachable: the counter overflows first")


def public_key(secret: bytes) -> bytes:
    """Return the public half of a secret scalar."""
    return group.times_base(secret)


def blind(text: bytes, mode: Mode = Mode.VOPRF, *, scalar: bytes | None = None) -> Blinded:
    """Hide an input. `scalar` is for test vectors; anybody else lets it be drawn.

    Raises: VoprfError when the input is too long, or hashes to the identity.
    """
    if len(text) > MOST_BYTES:
        raise VoprfError(f"an input has at most {MOST_BYTES} bytes")
    chosen = group.random_scalar() if scalar is None else scalar
    return Blinded(_multiplied(chosen, _hashed(text, mode)), chosen)


def evaluate(
    secret: bytes,
    elements: Sequence[bytes],
    mode: Mode = Mode.VOPRF,
    *,
    info: bytes = b"",
    nonce: bytes | None = None,
) -> Evaluated:
    """Answer for blinded elements, with one proof for all. In OPRF the proof is empty.

    `info` is the public input of POPRF; `nonce` is for test vectors.
    Raises: VoprfError when an element is no point of the group, or there are none or too many.
    """
    if not 0 < len(elements) <= MOST_BYTES:
        raise VoprfError(f"one answer is for 1 to {MOST_BYTES} elements")
    for element in elements:
        _demand_point(element)
    tweaked = secret if mode is not Mode.POPRF else group.add(secret, _tweak(info))
    key = tweaked if mode is not Mode.POPRF else group.invert(tweaked)
    answers = tuple(_multiplied(key, element) for element in elements)
    if mode is Mode.OPRF:
        return Evaluated(answers, b"")
    pairs = (elements, answers) if mode is Mode.VOPRF else (answers, elements)
    drawn = group.random_scalar() if nonce is None else nonce
    return Evaluated(answers, _prove(tweaked, mode, pairs, drawn))


def finalize(
    text: bytes,
    blinded: Blinded,
    answer: bytes,
    mode: Mode = Mode.VOPRF,
    *,
    info: bytes = b"",
) -> bytes:
    """Take the blinding off one answer that was verified, and return the output (64 bytes).

    Raises: VoprfError when the answer is no point of the group.
    """
    _demand_point(answer)
    return _output(text, _multiplied(group.invert(blinded.scalar), answer), mode, info)


def evaluate_openly(
    secret: bytes, text: bytes, mode: Mode = Mode.VOPRF, *, info: bytes = b""
) -> bytes:
    """Return the output for an input that the holder of the key knows itself."""
    key = secret if mode is not Mode.POPRF else group.invert(group.add(secret, _tweak(info)))
    return _output(text, _multiplied(key, _hashed(text, mode)), mode, info)


def verify(
    public: bytes,
    elements: Sequence[bytes],
    evaluated: Evaluated,
    mode: Mode = Mode.VOPRF,
    *,
    info: bytes = b"",
) -> None:
    """Check that all answers were made with the key of this public half.

    Raises: VoprfError when they were not, or anything in them is malformed.
    """
    if not elements or len(elements) != len(evaluated.elements):
        raise VoprfError("there are not as many answers as questions")
    for point in (public, *elements, *evaluated.elements):
        _demand_point(point)
    challenge, response = evaluated.proof[:SCALAR_BYTES], evaluated.proof[SCALAR_BYTES:]
    if len(evaluated.proof) != PROOF_BYTES or not all(map(group.is_scalar, (challenge, response))):
        raise VoprfError("the proof is malformed")
    key = public
    pairs: tuple[Sequence[bytes], Sequence[bytes]] = (elements, evaluated.elements)
    if mode is Mode.POPRF:
        key = group.plus(group.times_base(_tweak(info)), public)
        pairs = (evaluated.elements, elements)
    weights = _weights(key, mode, *pairs)
    mixed, mixed_answers = (_sum(weights, points) for points in pairs)
    try:
        one = group.plus(group.times_base(response), group.times(challenge, key))
        two = group.plus(group.times(response, mixed), group.times(challenge, mixed_answers))
    except GroupError as error:
        raise VoprfError("the proof does not hold: it is not of this key") from error
    if _challenge(key, mode, mixed, mixed_answers, one, two) != challenge:
        raise VoprfError("the proof does not hold: it is not of this key")


def _prove(
    secret: bytes, mode: Mode, pairs: tuple[Sequence[bytes], Sequence[bytes]], nonce: bytes
) -> bytes:
    """Prove that all answers are the elements times the secret. Source: RFC 9497 §2.2.1."""
    public = group.times_base(secret)
    mixed = _sum(_weights(public, mode, *pairs), pairs[0])
    mixed_answers = group.times(secret, mixed)
    said = _challenge(
        public, mode, mixed, mixed_answers, group.times_base(nonce), group.times(nonce, mixed)
    )
    return said + group.subtract(nonce, group.multiply(said, secret))


def _weights(
    public: bytes, mode: Mode, elements: Sequence[bytes], answers: Sequence[bytes]
) -> list[bytes]:
    """Return by what each element and its answer are weighed. Source: RFC 9497 §2.2.1."""
    seed = hashlib.sha512(_framed(public) + _framed(b"Seed-" + _context(mode))).digest()
    tag = b"HashToScalar-" + _context(mode)
    return [
        _scalar(
            _framed(seed) + place.to_bytes(2, "big") + _framed(one) + _framed(other) + b"Composite",
            tag,
        )
        for place, (one, other) in enumerate(zip(elements, answers, strict=True))
    ]


def _sum(weights: Sequence[bytes], points: Sequence[bytes]) -> bytes:
    total = bytes(ELEMENT_BYTES)
    for weight, point in zip(weights, points, strict=True):
        total = group.plus(_multiplied(weight, point), total)
    return total


def _challenge(public: bytes, mode: Mode, *points: bytes) -> bytes:
    transcript = b"".join(map(_framed, (public, *points))) + b"Challenge"
    return _scalar(transcript, b"HashToScalar-" + _context(mode))


def _output(text: bytes, element: bytes, mode: Mode, info: bytes) -> bytes:
    between = _framed(info) if mode is Mode.POPRF else b""
    return hashlib.sha512(_framed(text) + between + _framed(element) + b"Finalize").digest()


def _tweak(info: bytes) -> bytes:
    """Return the scalar of a public input. Source: RFC 9497 §3.3.3."""
    return _scalar(b"Info" + _framed(info), b"HashToScalar-" + _context(Mode.POPRF))


def _context(mode: Mode) -> bytes:
    return b"OPRFV1-" + bytes([mode]) + b"-" + SUITE.encode()


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _hashed(text: bytes, mode: Mode) -> bytes:
    return group.from_hash(_expanded(text, b"HashToGroup-" + _context(mode)))


def _scalar(text: bytes, tag: bytes) -> bytes:
    return group.reduced(_expanded(text, tag))


def _expanded(text: bytes, tag: bytes) -> bytes:
    """Return 64 uniform bytes. Source: RFC 9380 §5.3.1, with SHA-512."""
    suffix = tag + bytes([len(tag)])
    first = hashlib.sha512(bytes(_SHA512_BLOCK) + text + b"\x00\x40\x00" + suffix).digest()
    return hashlib.sha512(first + b"\x01" + suffix).digest()


def _demand_point(element: bytes) -> None:
    if not group.is_element(element):
        raise VoprfError("an element is no point of the group, or its identity")


def _multiplied(scalar: bytes, element: bytes) -> bytes:
    try:
        return group.times(scalar, element)
    except GroupError as error:
        raise VoprfError("an element is no point of the group, or its identity") from error
