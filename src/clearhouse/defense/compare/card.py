"""The result card: what was measured, signed, small enough to keep and to check years later.

In: exercises, comparisons, the audit; or an envelope. Out: a document and its DSSE envelope; or the
card again. The whole card names kinds of alerts and steps and stays with the operator; the shared
one holds only the sums of `sharing`. Refused: what no trusted key signed, and what is no card.
Source: DSSE v1.0; in-toto Statement v1.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, TypeAdapter, ValidationError

from clearhouse.defense.compare.pairs import compare
from clearhouse.defense.compare.record import Comparison
from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.compare.sharing import Shared, aggregate, read_shared, shared_document
from clearhouse.defense.exercise.probe import ProbeResult
from clearhouse.defense.exercise.record import Exercise
from clearhouse.defense.scenario.grade import Audit, Claim
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import open_envelope, seal
from clearhouse.formats.strict_json import StrictJsonError, parse

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE = "https://clearhouse.dev/defense/result/v1"
SHARED = "https://clearhouse.dev/defense/shared/v1"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """All results on one pack."""

    made_at: datetime
    audit: Audit
    exercises: Annotated[tuple[Exercise, ...], Field(max_length=50)]
    comparisons: tuple[Comparison, ...]
    probes: tuple[ProbeResult, ...] = ()
    limits: tuple[str, ...] = ()
    """What this test cannot tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """A card whose signature was checked."""

    sha256: str
    """Of what was signed."""
    key_id: str
    pack_sha256: str
    content: Card | Shared


_CARD = TypeAdapter(Card)


def card(
    audit: Audit,
    exercises: Sequence[Exercise],
    *,
    now: datetime,
    probes: Sequence[ProbeResult] = (),
) -> Card:
    """Put a card together."""
    return Card(
        made_at=now,
        audit=audit,
        exercises=tuple(exercises),
        comparisons=compare(exercises) if audit.allows(Claim.RANKING) else (),
        probes=tuple(probes),
        limits=limits(audit),
    )


def limits(audit: Audit) -> tuple[str, ...]:
    """Return what the labels do not allow to be said."""
    said = {
        Claim.DETECTION: "whether an attack was detected: the labels are too poor",
        Claim.TECHNIQUE: "whether the right technique was named: the labels are too poor",
        Claim.FALSE_ALARMS: "false alarms a day: too little ordinary work was recorded",
        Claim.RANKING: "which tool is better: too few independent attacks, or labels too poor",
        Claim.TIME_TO_DETECT: "how fast attacks are seen: the intervals are too uncertain",
    }
    found = [words for claim, words in said.items() if not audit.allows(claim)]
    found += [
        "how it does on another network: only this one was recorded",
        "how it does against attackers who know it",
        "whether people act on what it says",
    ]
    return tuple(found)


def document(made: Card) -> dict[str, Json]:
    """Return the card as JSON."""
    return cast("dict[str, Json]", _CARD.dump_python(made, mode="json"))


def read_card(content: bytes | Mapping[str, object]) -> Card:
    """Read a card. Raises: CardError."""
    try:
        if isinstance(content, bytes):
            return _CARD.validate_json(content)
        return _CARD.validate_python(content)
    except ValidationError as error:
        raise CardError(f"not a result card: {error.error_count()} fields are wrong") from error


def sign(made: Card, key: Ed25519PrivateKey) -> dict[str, Json]:
    """Sign the full card."""
    return _sealed(document(made), PREDICATE, made.audit.pack_sha256, key)


def shared(made: Card, key: Ed25519PrivateKey) -> dict[str, Json]:
    """Sign only what tells nothing of a network."""
    audit = made.audit
    sums = aggregate(made.exercises, audit.grade, audit.policy, made.made_at.date())
    return _sealed(shared_document(sums), SHARED, audit.pack_sha256, key)


def _sealed(
    predicate: dict[str, Json], kind: str, pack_sha256: str, key: Ed25519PrivateKey
) -> dict[str, Json]:
    statement: dict[str, Json] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "scenario-pack", "digest": {"sha256": pack_sha256}}],
        "predicateType": kind,
        "predicate": predicate,
    }
    return seal(canonical_bytes(statement), PAYLOAD_TYPE, [key])


def verify(envelope: object, trusted: Sequence[Ed25519PublicKey]) -> Signed:
    """Read a signed card, whole or shared. Raises: UntrustedEnvelopeError; CardError."""
    opened = open_envelope(envelope, trusted)
    kind, digest, predicate = _statement(opened.payload)
    content: Card | Shared
    if kind == PREDICATE:
        content = read_card(predicate)
        if content.audit.pack_sha256 != digest:
            raise CardError("the card is about another pack than its statement says")
    elif kind == SHARED:
        content = read_shared(predicate)
    else:
        raise CardError("the envelope holds something else than a result card")
    return Signed(
        sha256=hashlib.sha256(opened.payload).hexdigest(),
        key_id=opened.key_ids[0],
        pack_sha256=digest,
        content=content,
    )


def _statement(payload: bytes) -> tuple[str, str, Mapping[str, object]]:
    """Return kind, pack and content of an in-toto statement about one pack. Raises: CardError."""
    try:
        statement = parse(payload)
    except StrictJsonError as error:
        raise CardError(f"what was signed is not JSON: {error.reason}") from error
    match statement:
        case {
            "subject": [{"digest": {"sha256": str(digest)}}],
            "predicateType": str(kind),
            "predicate": dict(predicate),
        } if _DIGEST.fullmatch(digest):
            return kind, digest, predicate
        case _:
            raise CardError("the envelope holds something else than a result card")
