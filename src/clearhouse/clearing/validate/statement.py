"""Write a verdict as a signed in-toto statement, and check one.

In comes a verdict and signing keys; out comes a DSSE envelope whose subjects are the verdict's
inputs by hash. The words of the report are not in it: claims are named by kind and answer only, so
that a verdict may travel further than the report. An outsider needs the envelope and our public key
to verify it, and the bundle of the same hash to run it again.

Source: in-toto Attestation Framework v1, Statement; DSSE v1.0.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.clearing.validate.ladder import established
from clearhouse.clearing.validate.record import Verdict
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import UntrustedEnvelopeError, open_envelope, seal

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://clearhouse.example/verdict/v1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A verdict that somebody signed, as far as an outsider can read it."""

    predicate: Mapping[str, Json]
    subjects: tuple[tuple[str, str], ...]
    """Name and SHA-256 of every input."""
    key_ids: tuple[str, ...]
    """The trusted keys that signed it."""


def sign(verdict: Verdict, keys: Iterable[Ed25519PrivateKey]) -> dict[str, Json]:
    """Return the signed envelope of a verdict.

    Raises: ValueError when the verdict names no input, since it would be about nothing.
    """
    if not verdict.inputs:
        raise ValueError("a verdict without inputs cannot be signed")
    return seal(canonical_bytes(as_statement(verdict)), PAYLOAD_TYPE, keys)


def as_statement(verdict: Verdict) -> dict[str, Json]:
    """Return the statement that is signed."""
    counted = Counter((str(one.claim), str(one.result)) for one in verdict.checks)
    checks: list[Json] = [
        {"claim": claim, "result": result, "count": count}
        for (claim, result), count in sorted(counted.items())
    ]
    limits: list[Json] = [
        {"name": one.name, "value": one.value, "enforcedBy": one.enforced_by}
        for one in verdict.limits
    ]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": one.name, "digest": {"sha256": one.sha256}} for one in verdict.inputs],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verdict": str(verdict.kind),
            "level": None if verdict.level is None else verdict.level.name,
            "established": [one.name for one in established(verdict)],
            "doubt": None if verdict.doubt is None else str(verdict.doubt),
            "rules": verdict.rules,
            "decidedAt": verdict.decided_at.astimezone(UTC).isoformat(),
            "notEstablished": list(verdict.not_established),
            "checks": checks,
            "limits": limits,
        },
    }


def verify(envelope: object, trusted: Iterable[Ed25519PublicKey]) -> Statement:
    """Check an envelope and return the verdict in it.

    Raises: UntrustedEnvelopeError when no trusted key signed it or it holds no verdict.
    """
    opened = open_envelope(envelope, trusted)
    if opened.payload_type != PAYLOAD_TYPE:
        raise UntrustedEnvelopeError("the envelope holds no in-toto statement")
    match json.loads(opened.payload):
        case {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://clearhouse.example/verdict/v1",
            "subject": list(subjects),
            "predicate": dict(predicate),
        }:
            named = tuple((str(one["name"]), str(one["digest"]["sha256"])) for one in subjects)
        case _:
            raise UntrustedEnvelopeError("the statement is no verdict")
    return Statement(
        predicate=cast("dict[str, Json]", predicate), subjects=named, key_ids=opened.key_ids
    )
