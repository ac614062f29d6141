"""Write a determination as a signed statement in two parts, and check one.

In: a determination and the keys of two persons. Out: the annex with everything, and a DSSE envelope
with the releasable part, which names the annex by its hash. Of a clause with a sealed threshold the
releasable part keeps what is shown and drops every number from which the threshold could be
computed. Refused: a statement that fewer than two of the trusted keys signed.
Source: in-toto Attestation Framework v1, Statement; DSSE v1.0.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter

from clearhouse.criteria.determine.record import Determination
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import UntrustedEnvelopeError, open_envelope, seal

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://clearhouse.example/determination/v1"
SIGNERS = 2
_DETERMINATION = TypeAdapter(Determination)
_TELLS_THRESHOLD = ("threshold", "alert", "p_true", "p_false", "p_alert", "estimates")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A releasable statement whose signatures were checked."""

    predicate: Mapping[str, Json]
    subjects: Mapping[str, str]
    """Name and SHA-256 of criterion, annex and logs."""
    key_ids: tuple[str, ...]


def annex(determination: Determination) -> bytes:
    """Return the whole determination as canonical JSON."""
    return canonical_bytes(_as_json(determination))


def read_annex(data: bytes) -> Determination:
    """Return the determination that an annex holds."""
    return _DETERMINATION.validate_json(data)


def releasable(determination: Determination) -> dict[str, Json]:
    """Return the part that may be shown to everybody."""
    document = _as_json(determination)
    sealed = {field.rsplit(".", 1)[0] for field in determination.sealed}
    clauses = cast("Sequence[dict[str, Json]]", document["clauses"])
    needed = cast("Sequence[dict[str, Json]]", document["needed"])
    missing = cast("Sequence[str]", document["missing"])
    return document | {
        "clauses": [
            {name: value for name, value in one.items() if name not in _TELLS_THRESHOLD}
            if one["clause"] in sealed
            else one
            for one in clauses
        ],
        "needed": [one for one in needed if one["clause"] not in sealed],
        "missing": list(missing),
    }


def statement(determination: Determination) -> bytes:
    """Return the bytes that persons sign."""
    subjects = [
        ("annex", hashlib.sha256(annex(determination)).hexdigest()),
        (f"criterion {determination.criterion}", determination.criterion_sha256),
        *((f"log {log.task} {log.run_id}", log.sha256) for log in determination.logs),
    ]
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": releasable(determination),
        }
    )


def sign(payload: bytes, keys: Iterable[Ed25519PrivateKey]) -> dict[str, Json]:
    """Return the envelope of a statement."""
    return seal(payload, PAYLOAD_TYPE, keys)


def countersign(
    envelope: Mapping[str, Json], payload: bytes, key: Ed25519PrivateKey
) -> dict[str, Json]:
    """Return the envelope with one more signature over the same statement."""
    more = seal(payload, PAYLOAD_TYPE, [key])
    if more["payload"] != envelope["payload"]:
        raise UntrustedEnvelopeError("the envelope holds another statement than the one to sign")
    signatures = cast("Sequence[Json]", envelope["signatures"])
    return dict(envelope) | {
        "signatures": [*signatures, *cast("Sequence[Json]", more["signatures"])]
    }


def verify(
    envelope: object, trusted: Iterable[Ed25519PublicKey], *, signers: int = SIGNERS
) -> Checked:
    """Check a signed determination.

    Raises: UntrustedEnvelopeError when it is none, or fewer than `signers` trusted keys signed it.
    """
    opened = open_envelope(envelope, trusted)
    if len(set(opened.key_ids)) < signers:
        raise UntrustedEnvelopeError(f"{len(set(opened.key_ids))} of {signers} signatures hold")
    match json.loads(opened.payload):
        case {
            "predicateType": "https://clearhouse.example/determination/v1",
            "subject": list(subjects),
            "predicate": dict(predicate),
        } if opened.payload_type == PAYLOAD_TYPE:
            named = {str(one["name"]): str(one["digest"]["sha256"]) for one in subjects}
        case _:
            raise UntrustedEnvelopeError("the envelope holds no determination")
    return Checked(
        predicate=cast("dict[str, Json]", predicate),
        subjects=named,
        key_ids=tuple(dict.fromkeys(opened.key_ids)),
    )


def _as_json(determination: Determination) -> dict[str, Json]:
    return cast("dict[str, Json]", _DETERMINATION.dump_python(determination, mode="json"))
