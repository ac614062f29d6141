"""CERT/CC's VINCE and what is derived from it: the report form, by its API.

In: an envelope with a case. Out: the number that VINCE gave it (VRF#…). Refused: anything but a
case, and what VINCE refuses. The original travels as the one file that a report may have, when it
has at most 10 MiB. VINCE has neither a key by which it knows a request again nor a way to ask what
it has, so one that broke off when all was sent is never repeated by itself.
Source: CERT/CC VINCE 3.0.43, `POST /vince/comm/api/vulreport/` and the form behind it.
"""

import secrets
from collections.abc import Iterable

from clearhouse.clearing.coordinate.relay.adapters.way import (
    Refusal,
    Taken,
    Way,
    drafts_of,
    json_of,
    provenance_text,
)
from clearhouse.clearing.coordinate.relay.record import Code
from clearhouse.clearing.intake.record import Draft, ExploitState
from clearhouse.formats.relay import Envelope, Kind, Original
from clearhouse.kernel.outside import OutsideError, UnclearError

PATH = "/vince/comm/api/vulreport/"
MOST_FILE_BYTES = 10 * 1024 * 1024
_YES, _NO = "True", "False"
_MOST = {
    "contact_name": 100, "contact_org": 100, "vendor_name": 100, "product_name": 200,
    "product_version": 100, "vul_description": 20_000, "vul_exploit": 20_000, "vul_impact": 20_000,
    "vul_discovery": 20_000, "public_references": 1000, "disclosure_plans": 1000, "tracking": 100,
    "comments": 1000,
}  # fmt: skip
"""How many characters each field holds over there."""


def send(way: Way, envelope: Envelope) -> Taken | Refusal:
    """Hand one case in.

    Raises: OutsideError, AddressRefusedError.
    """
    if envelope.kind is not Kind.CASE:
        return Refusal(code=Code.NOT_TAKEN)
    original = envelope.originals[0]
    file = original if len(original.data) <= MOST_FILE_BYTES else None
    boundary = f"clearhouse{secrets.token_hex(16)}"
    answer = way.outside.ask(
        "POST",
        way.peer.address + PATH,
        _form(fields(envelope, way.outside.house_name), file, boundary),
        headers={
            "Accept": "application/json",
            "Authorization": f"Token {way.secret or ''}",
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        },
    )
    if answer.status == 201:
        number = json_of(answer.body).get("vrf_id")
        return Taken(reference=number if isinstance(number, str) else None)
    if answer.status == 400:
        return Refusal(code=Code.NOT_TAKEN)
    if answer.status >= 500:
        raise UnclearError(f"answered {answer.status}")
    raise OutsideError(f"answered {answer.status}")  # a token or a limit: it can be mended


def fields(envelope: Envelope, house: str) -> dict[str, str]:
    """Return the fields of the form; what nobody said is said to be unknown."""
    drafts = tuple(drafts_of(envelope))
    first = drafts[0] if drafts else Draft()
    until = envelope.until
    found = {
        "contact_name": house,
        "contact_org": house,
        "share_release": _YES,
        "credit_release": _YES,
        "comm_attempt": _NO,
        "multiplevendors": _NO,
        "ics_impact": _NO,
        "ai_ml_system": _NO,
        "cisa_please": _NO,
        "vendor_name": first.software or first.purl or "unknown",
        "product_name": first.purl or first.software or "unknown",
        "product_version": ", ".join(first.affected_versions) or "unknown",
        "vul_description": f"{first.description or first.title or 'see the file'}\n\n"
        + provenance_text(envelope),
        "vul_exploit": first.trigger or "see the file",
        "vul_impact": first.impact or "unknown",
        "vul_discovery": first.provenance.discovery_method or "unknown",
        "vul_public": _YES if first.already_public else _NO,
        "public_references": "\n".join(first.references),
        "vul_exploited": _YES if first.exploit_state is ExploitState.ACTIVE else _NO,
        "vul_disclose": _NO if until is None else _YES,
        "disclosure_plans": "" if until is None else f"embargo until {until:%Y-%m-%d %H:%M} UTC",
        "tracking": envelope.handle,
        "comments": "; ".join(
            f"{one.name} ({one.role})"
            for original in envelope.originals
            for one in original.provenance.finders
        ),
    }
    return {name: text[: _MOST.get(name, 100)] for name, text in found.items()}


def _form(texts: dict[str, str], file: Original | None, boundary: str) -> bytes:
    """Return a multipart/form-data body. Source: RFC 7578 §4."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode()
        for name, text in texts.items()
    ]
    if file is not None:
        name = (
            "".join(c for c in file.filename or "report" if c.isalnum() or c in "._-") or "report"
        )
        head = f'Content-Disposition: form-data; name="user_file"; filename="{name}"\r\n'
        parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + file.data)
    return b"".join(_framed(parts, boundary.encode()))


def _framed(parts: Iterable[bytes], boundary: bytes) -> Iterable[bytes]:
    for part in parts:
        yield b"--" + boundary + b"\r\n" + part + b"\r\n"
    yield b"--" + boundary + b"--\r\n"
