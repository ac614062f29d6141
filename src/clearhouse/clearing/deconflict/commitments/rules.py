"""What a commitment is, what an export proves of it, and who was first; pure functions.

In: an opening, the lines of a ledger's export, or since when parties held a flaw. Out: a digest,
what is proven, or the order of discovery. Refused: an opening that is malformed; an export that
does not verify, or in which no commitment has this digest.
The digest is SHA-256 over a fixed text, 32 random bytes and canonical JSON: it hides what may be
guessed, and binds to it.
Source: RFC 8785, RFC 9162 §2.1.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.clearing.deconflict.blind.record import Fingerprint, Grain
from clearhouse.clearing.deconflict.commitments.record import (
    Discovery,
    HeldSince,
    Opening,
    Proven,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.kernel import ledger_export

FORMAT = "clearhouse-commitment/1"
MADE = "commitment.made"
BLINDING_BYTES = 32
MOST_FINGERPRINTS = 64
_HASH = re.compile("[0-9a-f]{64}")


def digest_of(opening: Opening) -> bytes:
    """Return what is committed to."""
    body = canonical_bytes(_said(opening))
    return hashlib.sha256(f"{FORMAT}\n".encode() + opening.blinding + body).digest()


def write_opening(opening: Opening) -> dict[str, Json]:
    """Return an opening as a JSON document."""
    return {"blinding": opening.blinding.hex(), **_said(opening)}


def read_opening(document: object) -> Opening:
    """Return the opening of a JSON document.

    Raises: ValueError that says what is wrong.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise ValueError(f"this is no {FORMAT}")
    blinding, report = document.get("blinding"), document.get("report_sha256")
    if not isinstance(blinding, str) or not _HASH.fullmatch(blinding):
        raise ValueError("the blinding is 64 hexadecimal digits")
    if report is not None and not (isinstance(report, str) and _HASH.fullmatch(report)):
        raise ValueError("report_sha256 is 64 hexadecimal digits, or left out")
    listed = document.get("fingerprints")
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_FINGERPRINTS:
        raise ValueError(f"an opening lists 1 to {MOST_FINGERPRINTS} fingerprints")
    return Opening(
        blinding=bytes.fromhex(blinding),
        fingerprints=tuple(map(_fingerprint, listed)),
        report_sha256=report,
    )


def prove(
    lines: Iterable[str], opening: Opening, trusted: Ed25519PublicKey | None = None
) -> Proven | Refusal:
    """Return who committed to an opening, and when, as a ledger's export proves it.

    `trusted` is the ledger's key as you have it from elsewhere; without it the export only proves
    that it is whole.
    """
    digest, found = digest_of(opening).hex(), list[Proven]()

    def watched() -> Iterable[str]:
        for number, line in enumerate(lines):
            event = _event(line)
            if event is not None and event["digest"] == digest:
                found.append(_proven(event, number - 1, opening))
            yield line

    verified = ledger_export.verify(watched(), trusted)
    if not verified.holds:
        return Refusal(code="broken-ledger", reason=verified.faults[0])
    if not found:
        reason = "no commitment in this export has the digest of this opening"
        return Refusal(code="not-committed", reason=reason)
    return found[0]


def order(held: Sequence[HeldSince], *, tie: timedelta) -> Discovery:
    """Decide who found a flaw first, and who found it independently.

    A party counts by the earliest instant it can show, and as independent when that is before
    anybody could have told it.
    """
    earliest: dict[str, HeldSince] = {}
    for one in sorted(held, key=lambda one: (one.at, one.party)):
        before = earliest.setdefault(one.party, one)
        told = [at for at in (before.told_at, one.told_at) if at is not None]
        earliest[one.party] = replace(before, told_at=min(told, default=None))
    own = [one for one in earliest.values() if one.told_at is None or one.at < one.told_at]
    first = [one for one in own if one.at - own[0].at <= tie]
    return Discovery(
        first=tuple(one.party for one in first),
        later=tuple(one.party for one in own[len(first) :]),
        not_independent=tuple(one.party for one in earliest.values() if one not in own),
        rediscovered_at=own[1].at if len(own) > 1 else None,
    )


def _said(opening: Opening) -> dict[str, Json]:
    return {
        "format": FORMAT,
        "fingerprints": [
            {"grain": one.grain.value, "package": one.package, "value": one.value}
            for one in opening.fingerprints
        ],
        "report_sha256": opening.report_sha256,
    }


def _fingerprint(listed: object) -> Fingerprint:
    said = listed if isinstance(listed, Mapping) else {}
    package, value = said.get("package"), said.get("value")
    if not isinstance(value, str) or not (package is None or isinstance(package, str)):
        raise ValueError("a fingerprint has a grain, a package and a value")
    return Fingerprint(grain=Grain(str(said.get("grain"))), package=package, value=value)


def _event(line: str) -> dict[str, str] | None:
    """Return what a line says of a commitment, None when it says nothing of one."""
    if MADE not in line:
        return None
    try:
        event = json.loads(line)["event"]
        return (
            {
                "event_id": str(event["id"]),
                "at": str(event["at"]),
                "party": str(event["data"]["party"]),
                "digest": str(event["data"]["digest"]),
            }
            if event["kind"] == MADE
            else None
        )
    except (ValueError, KeyError, TypeError):
        return None  # the verifier of the ledger says what is wrong with the line


def _proven(event: Mapping[str, str], leaf_index: int, opening: Opening) -> Proven:
    return Proven(
        party_id=event["party"],
        made_at=datetime.fromisoformat(event["at"]),
        event_id=event["event_id"],
        leaf_index=leaf_index,
        fingerprints=opening.fingerprints,
    )
