"""One envelope between two coordinators: what is relayed, by whom, on which terms.

In: the record of an envelope. Out: its bytes, which `relay_reading` reads again; or an original
with one signed hop more at the end of its chain, or whether such a hop holds. Nothing is refused
here.

An envelope wraps and never rewrites. Originals travel byte for byte, each with its provenance:

- finders: credits as the report gives them, never derived from who forwarded it;
- reporters: who conveyed it, the origin first; a chain to which each hop appends itself, signed
  over everything before it, so that an entry that was changed or taken out is seen;
- origins: references to where it was first handled.

Terms of the embargo are a list, too: the first is the finder's or the first coordinator's, a hop
may add a tighter one of its own and takes none away. Claims of duplicates are hints. Each side says
under which identifier it handles the matter (`handle`), and repeats the other side's (`answers`).
Fields that this version does not know are kept in `extra` and given back.
Source: Apache Magpie, RFC-AI-0008 (draft), "Provenance fields" and "The handling-identifier
exchange"; RFC 8785 for what a hop signs.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import key_id
from clearhouse.formats.tlp import Tlp

VERSION = "clearhouse-relay/1"
MEDIA_TYPE = "application/vnd.clearhouse.relay+json"
MOST_BYTES = 32 * 1024 * 1024
INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class Kind(StrEnum):
    """What an envelope is for."""

    CASE = "case"
    MESSAGE = "message"
    STATUS = "status"
    PUBLICATION = "publication"
    ACKNOWLEDGEMENT = "acknowledgement"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finder:
    """Somebody to be credited, verbatim."""

    name: str
    role: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One party that conveyed a report."""

    name: str
    at: datetime
    node: str | None = None
    """The id of its Clearhouse, None for whoever has none."""
    reference: str | None = None
    """The identifier under which it handles the report; a reference, no access."""
    key: str | None = None
    """The id of the key that it signed with."""
    signature: str | None = None
    """Base64, over everything before it."""
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a report comes from."""

    finders: tuple[Finder, ...] = ()
    reporters: tuple[Hop, ...] = ()
    """The origin first; the last is whoever sends the envelope."""
    origins: tuple[str, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """A report as it once came, byte for byte."""

    data: bytes = field(repr=False)
    provenance: Provenance = Provenance()
    media_type: str | None = None
    filename: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Return the hash that stands beside the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Until when somebody on the way wants it kept back, and by which rule."""

    until: datetime | None
    """None: by this rule there is no embargo."""
    rule: str
    set_by: str
    at: datetime
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """That somebody upstream put several reports together: a hint, no reason to skip a look."""

    by: str
    reports: int


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """Something attached to a message."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of an envelope that the other side had sent."""

    envelope: str
    code: str
    """`accepted`, or why not."""
    reason: str
    until: datetime | None = None
    """The embargo under which the receiver holds the case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One thing relayed from one node to another."""

    id: str
    kind: Kind
    at: datetime
    sender: str
    recipient: str
    handle: str
    """Under which the sender handles the matter."""
    answers: str | None
    """Under which the recipient does, once it has said so."""
    sequence: int
    """Counts what the sender sent in this matter, from 1."""
    tlp: Tlp
    terms: tuple[Terms, ...] = ()
    claims: tuple[Claim, ...] = ()
    originals: tuple[Original, ...] = ()
    text: str | None = field(default=None, repr=False)
    files: tuple[File, ...] = ()
    status: Mapping[str, Json] | None = field(default=None, repr=False)
    """The sender's case as a message of the Vultron protocol."""
    published_at: datetime | None = None
    outcome: Outcome | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def until(self) -> datetime | None:
        """Return the tightest of the terms, None when no embargo is asked for."""
        return min((one.until for one in self.terms if one.until is not None), default=None)


def write(envelope: Envelope) -> bytes:
    """Return the bytes of an envelope; the same envelope gives the same bytes."""
    return canonical_bytes(_envelope_json(envelope))


def append_hop(
    original: Original, hop: Hop, key: Ed25519PrivateKey, *, known: Provenance | None = None
) -> Original:
    """Return the original with a signed hop at the end of its chain; nothing before it changes."""
    provenance = known or original.provenance
    named = replace(hop, key=key_id(key.public_key()), signature=None)
    statement = _hop_statement(original.sha256, provenance, named)
    signed = replace(named, signature=base64.b64encode(key.sign(statement)).decode())
    grown = replace(provenance, reporters=(*provenance.reporters, signed))
    return replace(original, provenance=grown)


def hop_holds(original: Original, place: int, key: Ed25519PublicKey) -> bool:
    """Say whether a hop of an original's chain was signed with a key over all that it passed on."""
    chain = original.provenance.reporters
    hop = chain[place]
    if hop.signature is None or hop.key != key_id(key):
        return False
    earlier = replace(original.provenance, reporters=chain[:place])
    statement = _hop_statement(original.sha256, earlier, replace(hop, signature=None))
    try:
        key.verify(base64.b64decode(hop.signature, validate=True), statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _hop_statement(sha256: str, before: Provenance, hop: Hop) -> bytes:
    return canonical_bytes(
        {"hop": _hop_json(hop), "original": sha256, "provenance": _provenance_json(before)}
    )


def _said(fields: Mapping[str, Json], extra: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out what nobody said, and give back what we did not understand."""
    kept = {name: value for name, value in fields.items() if value is not None and value != []}
    return dict(extra) | kept


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime(INSTANT)


def _bytes(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _hop_json(hop: Hop) -> Json:
    return _said(
        {
            "name": hop.name,
            "at": _instant(hop.at),
            "node": hop.node,
            "reference": hop.reference,
            "key": hop.key,
            "signature": hop.signature,
        },
        hop.extra,
    )


def _provenance_json(provenance: Provenance) -> Json:
    return _said(
        {
            "finders": [{"name": one.name, "role": one.role} for one in provenance.finders],
            "reporters": [_hop_json(one) for one in provenance.reporters],
            "origins": list(provenance.origins),
        },
        provenance.extra,
    )


def _original_json(original: Original) -> Json:
    return _said(
        {
            "sha256": original.sha256,
            "data": _bytes(original.data),
            "provenance": _provenance_json(original.provenance),
            "media_type": original.media_type,
            "filename": original.filename,
        },
        original.extra,
    )


def _terms_json(terms: Terms) -> Json:
    fields = {"rule": terms.rule, "set_by": terms.set_by, "at": _instant(terms.at)}
    return _said(fields | {"until": _instant(terms.until)}, terms.extra)


def _outcome_json(outcome: Outcome) -> Json:
    fields = {"envelope": outcome.envelope, "code": outcome.code, "reason": outcome.reason}
    return _said(fields | {"until": _instant(outcome.until)}, {})


def _envelope_json(envelope: Envelope) -> Json:
    files: list[Json] = [
        {"name": one.name, "media_type": one.media_type, "data": _bytes(one.data)}
        for one in envelope.files
    ]
    outcome = None if envelope.outcome is None else _outcome_json(envelope.outcome)
    return _said(
        {
            "format": VERSION,
            "id": envelope.id,
            "kind": envelope.kind.value,
            "at": _instant(envelope.at),
            "sender": envelope.sender,
            "recipient": envelope.recipient,
            "handle": envelope.handle,
            "answers": envelope.answers,
            "sequence": envelope.sequence,
            "tlp": envelope.tlp.value,
            "terms": [_terms_json(one) for one in envelope.terms],
            "claims": [{"by": one.by, "reports": one.reports} for one in envelope.claims],
            "originals": [_original_json(one) for one in envelope.originals],
            "text": envelope.text,
            "files": files,
            "status": envelope.status,
            "published_at": _instant(envelope.published_at),
            "outcome": outcome,
        },
        envelope.extra,
    )
