"""The result card: what was measured, signed, small enough to keep and to check years later.

In: exercises, comparisons, the audit. Out: a document and its DSSE envelope. The full card names
kinds of alerts and steps and stays with the operator; the shared card holds only sums (tool, pack's
hash, counts by technique, false alarms in broad bands) from which nobody can read a network.
Source: DSSE v1.0; in-toto Statement v1.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from clearhouse.defense.compare.pairs import compare
from clearhouse.defense.compare.record import Comparison
from clearhouse.defense.exercise.probe import ProbeResult
from clearhouse.defense.exercise.record import Exercise, Tier
from clearhouse.defense.scenario.grade import Audit, Claim
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import open_envelope, seal

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE = "https://clearhouse.dev/defense/result/v1"
SHARED = "https://clearhouse.dev/defense/shared/v1"
_BANDS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class CardError(ValueError):
    """The document is no result card that can be read; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """All results on one pack."""

    made_at: datetime
    audit: Audit
    exercises: tuple[Exercise, ...]
    comparisons: tuple[Comparison, ...]
    probes: tuple[ProbeResult, ...] = ()
    limits: tuple[str, ...] = ()
    """What this test cannot tell."""


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
    return _sealed(aggregate(made), SHARED, made.audit.pack_sha256, key)


def aggregate(made: Card) -> dict[str, Json]:
    """Return sums: by tool and technique, steps found of asked, and false alarms in a band."""
    tools: list[Json] = []
    for one in made.exercises:
        found: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        for step in one.steps:
            if step.visible and step.technique:
                parent = step.technique.partition(".")[0]
                asked[parent] += 1
                found[parent] += Tier.PLACE in step.reached
        tools.append(
            {
                "tool": one.tool,
                "version": one.version,
                "void": bool(one.void),
                "techniques": {name: [found[name], asked[name]] for name in sorted(asked)},
                "false_alarms_a_day_up_to": None if one.load is None else _band(one.load.per_day),
            }
        )
    return {"grade": str(made.audit.grade), "policy": made.audit.policy, "tools": tools}


def _band(per_day: float) -> float | None:
    return next((float(one) for one in _BANDS if per_day <= one), None)


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


def verify(envelope: object, trusted: Sequence[Ed25519PublicKey]) -> dict[str, object]:
    """Return the statement of a signed card. Raises: UntrustedEnvelopeError; CardError."""
    opened = open_envelope(envelope, trusted)
    statement: object = TypeAdapter(dict[str, object]).validate_json(opened.payload)
    if not isinstance(statement, dict) or statement.get("predicateType") not in {PREDICATE, SHARED}:
        raise CardError("the envelope holds something else than a result card")
    return statement
