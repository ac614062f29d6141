"""Statements that somebody signs about evidence: that a run ended so, that a reviewer found this.

In: evidence and keys, or an envelope and the keys that are trusted. Out: a DSSE envelope with an
in-toto statement whose subjects are the logs by hash, or an `Attestation`. Refused with
`AttestationError`: an envelope that no key trusted for its kind signed, and one of unknown kind.
Source: in-toto Attestation Framework v1, Statement; DSSE v1.0.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.criteria.measure.fields import as_json, fields, listed, text
from clearhouse.criteria.measure.record import Evidence
from clearhouse.formats.canonical import Json, canonical_bytes, digest
from clearhouse.formats.dsse import UntrustedEnvelopeError, open_envelope, seal

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://clearhouse.example/criteria/attestation/v1"


class AttestationError(ValueError):
    """The signed statement cannot be believed; the message says why."""


class Attested(StrEnum):
    """What is stated."""

    RUN = "run"
    """By the runner, when a run ended: `run_id`, `samples_sha256`."""
    CONTAMINATION = "contamination-review"
    """By a reviewer: `verdict` clean or found, `method`."""
    CHEATING = "cheating-review"
    """By a reviewer: `verdict` clean or found, `method`."""
    EDIT = "edit"
    """By a second person: `reason` for a change after the run."""
    ACCESS = "access"
    """By the evaluator: `level` black-box or fine-tuning, `statement`."""
    HELPFUL_ONLY = "helpful-only"
    """By the lab: `variant` measured or not-needed, `reason`."""
    RECEIPTS = "receipts"
    """By the endpoint: `requests`, the ids of all calls under the grant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attestation:
    """A statement that a trusted key signed."""

    kind: Attested
    subjects: frozenset[str]
    """SHA-256 of the logs that it is about."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    key_ids: tuple[str, ...]
    sha256: str
    """Of the canonical envelope."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whose word counts for what."""

    key: Ed25519PublicKey
    kinds: frozenset[Attested]


def attest(
    kind: Attested,
    evidence: Sequence[Evidence],
    facts: Mapping[str, Json],
    keys: Iterable[Ed25519PrivateKey],
) -> dict[str, Json]:
    """Sign a statement about evidence."""
    statement: dict[str, Json] = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": f"{one.task} {one.run_id}", "digest": {"sha256": one.sha256}}
            for one in evidence
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"kind": str(kind), "facts": dict(facts)},
    }
    return seal(canonical_bytes(statement), PAYLOAD_TYPE, keys)


def attest_run(evidence: Evidence, keys: Iterable[Ed25519PrivateKey]) -> dict[str, Json]:
    """Sign, as the runner, that a run left this log; do it before anybody reads the scores."""
    facts: dict[str, Json] = {
        "run_id": evidence.run_id,
        "samples_sha256": evidence.samples_sha256,
        "samples": len(evidence.samples),
    }
    return attest(Attested.RUN, [evidence], facts, keys)


def read_attestation(envelope: Mapping[str, object], trusted: Iterable[Trusted]) -> Attestation:
    """Check a signed statement.

    Raises: AttestationError.
    """
    known = list(trusted)
    try:
        opened = open_envelope(envelope, [one.key for one in known])
        statement = fields(json.loads(opened.payload))
        sha256 = digest(as_json(envelope))
    except (UntrustedEnvelopeError, ValueError) as error:
        raise AttestationError(f"a signed statement is not believed: {error}") from error
    predicate = fields(statement, "predicate")
    kind = next((one for one in Attested if one == predicate.get("kind")), None)
    if statement.get("predicateType") != PREDICATE_TYPE or kind is None:
        raise AttestationError("a signed statement is of no kind that is known here")
    entitled = [one.key for one in known if kind in one.kinds]
    try:
        opened = open_envelope(envelope, entitled)
    except UntrustedEnvelopeError as error:
        raise AttestationError(f"no key that is trusted for {kind} signed the statement") from error
    subjects = (
        text(fields(fields(one), "digest"), "sha256") for one in listed(statement, "subject")
    )
    return Attestation(
        kind=kind,
        subjects=frozenset(filter(None, subjects)),
        facts={name: as_json(value) for name, value in fields(predicate, "facts").items()},
        key_ids=opened.key_ids,
        sha256=sha256,
    )
