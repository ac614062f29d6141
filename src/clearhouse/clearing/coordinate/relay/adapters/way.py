"""What an adapter is given to send with, and what it answers.

A refusal is an answer of the other side; that nobody answered is an `OutsideError`, and that it
broke off when all was sent an `UnclearError`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from clearhouse.clearing.coordinate.relay.record import Peer
from clearhouse.clearing.intake.readers import ReadRefusal, read
from clearhouse.clearing.intake.record import Draft
from clearhouse.formats.canonical import Json
from clearhouse.formats.relay import Envelope
from clearhouse.kernel.keys import Keys
from clearhouse.kernel.outside import Outside


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How to reach one peer."""

    peer: Peer
    outside: Outside
    keys: Keys = field(repr=False)
    secret: str | None = field(repr=False)
    """The token that the other system gave us."""
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """The other side has it."""

    reference: str | None = None
    """How the other side calls the matter, where it says so at once."""
    known: bool = False
    """It had it already, from an earlier try."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The other side does not take it; a code, never its words."""

    code: str


def drafts_of(envelope: Envelope) -> Iterator[Draft]:
    """Read the originals of an envelope again, each with the credits that its provenance gives."""
    for original in envelope.originals:
        found = read(original.data, filename=original.filename, content_type=original.media_type)
        if not isinstance(found, ReadRefusal):
            yield from found.drafts


def provenance_text(envelope: Envelope) -> str:
    """Return the provenance block as text, for systems that have no field for it.

    Source: RFC-AI-0008 (draft), "Provenance fields — carried across hops".
    """
    lines = [f"Handling identifier of {envelope.sender}: {envelope.handle}"]
    for original in envelope.originals:
        provenance = original.provenance
        lines += [f"Credit: {one.name} ({one.role})" for one in provenance.finders]
        chain = " -> ".join(
            f"{hop.name}{f' [{hop.reference}]' if hop.reference else ''}"
            for hop in provenance.reporters
        )
        lines += [f"Conveyed by: {chain}"]
        lines += [f"Origin: {one}" for one in provenance.origins]
        lines += [f"Original: SHA-256 {original.sha256}"]
    for terms in envelope.terms:
        until = "no embargo" if terms.until is None else f"until {terms.until:%Y-%m-%d %H:%M} UTC"
        lines += [f"Embargo: {until}, set by {terms.set_by} ({terms.rule})"]
    lines += [
        f"Hint, not checked here: {one.by} takes {one.reports} reports for one"
        for one in envelope.claims
    ]
    return "\n".join([*lines, f"Label: {envelope.tlp.value}"])


def json_of(body: bytes) -> dict[str, Json]:
    """Return an answer's JSON object, empty when it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
