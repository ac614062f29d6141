"""Any intake that speaks TAP, such as Akrites' or another house's counter.

In: an envelope with a case. Out: the receipt. Refused: anything but a case, an original over the
limit of the interface (1 MiB), and what the other side refuses. The original is the first
attachment, the provenance block the second; the identity of the package is what TAP itself asks
for. The envelope's id goes along as Idempotency-Key. TAP does not demand that anybody heeds it, so
a request that broke off when all was sent is never repeated by itself.
Source: Akrites TAP Intake API (October 2026), `POST /v1/reports`.
"""

import base64
import json

from clearhouse.clearing.coordinate.relay.adapters.way import (
    Refusal,
    Taken,
    Way,
    drafts_of,
    json_of,
    provenance_text,
)
from clearhouse.clearing.coordinate.relay.record import Code
from clearhouse.clearing.intake.record import Draft
from clearhouse.formats import tap
from clearhouse.formats.canonical import Json
from clearhouse.formats.relay import Envelope, Kind
from clearhouse.formats.tap_record import MAX_PAYLOAD_BYTES, TapRefusal
from clearhouse.kernel.outside import OutsideError, UnclearError

PATH = "/v1/reports"


def send(way: Way, envelope: Envelope) -> Taken | Refusal:
    """Hand one case in.

    Raises: OutsideError, AddressRefusedError.
    """
    if envelope.kind is not Kind.CASE:
        return Refusal(code=Code.NOT_TAKEN)
    if any(len(one.data) > MAX_PAYLOAD_BYTES for one in envelope.originals):
        return Refusal(code=Code.NOT_TAKEN)
    body = json.dumps(report(envelope)).encode()
    if isinstance(tap.read(body, "application/json"), TapRefusal):
        return Refusal(code=Code.NOT_TAKEN)  # what we would not take ourselves
    answer = way.outside.ask(
        "POST",
        way.peer.address + PATH,
        body,
        headers={
            "Authorization": f"Bearer {way.secret or ''}",
            "Content-Type": "application/json",
            "Idempotency-Key": envelope.id,
        },
    )
    if answer.status == 202:
        receipt = json_of(answer.body).get("receipt")
        return Taken(reference=receipt if isinstance(receipt, str) else None)
    if answer.status in {400, 409, 413, 415, 422}:
        return Refusal(code=Code.NOT_TAKEN)
    if answer.status >= 500 and answer.status != 503:
        raise UnclearError(f"answered {answer.status}")
    raise OutsideError(f"answered {answer.status}")  # a token, a limit or a pause: it can be mended


def report(envelope: Envelope) -> dict[str, Json]:
    """Return the report object; fields that TAP would refuse stay in the original alone."""
    first = next(drafts_of(envelope), Draft())
    attachments: list[Json] = [
        {
            "filename": f"original-{place}.bin",
            "data": base64.b64encode(one.data).decode(),
            "content_type": "application/octet-stream",
            "description": f"the original, SHA-256 {one.sha256}",
        }
        for place, one in enumerate(envelope.originals)
    ]
    attachments.append(
        {
            "filename": "provenance.txt",
            "data": provenance_text(envelope),
            "content_type": "text/plain",
            "description": "credits, who conveyed it, origins, embargo",
        }
    )
    found: dict[str, Json] = {
        "purl": first.purl,
        "software": None if first.purl else first.software,
        "ecosystem": None if first.purl else first.ecosystem,
        "versions": [one for one in first.affected_versions if len(one.encode()) <= 64][:64],
        "discovery_method": "upstream-report",
        "attachments": attachments,
    }
    return {name: value for name, value in found.items() if value}
