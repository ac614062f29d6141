"""Judge the payloads of a TAP report and turn them into the files they download as.

In come payloads as the JSON or the multipart form gave them; out come attachments, while violations
go to the collector. The deprecated `exploit` and `raw` become attachments behind the others.
Nothing is unpacked, opened or run here.

Source: TAP Intake API, Attachments, Content types, Limits; RFC 4648 §4; Unicode §3.13
(canonical caseless matching) for names.
"""

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from typing import cast, get_args

from clearhouse.formats.identifiers import CONTROL
from clearhouse.formats.tap_fields import text, utf8_bytes
from clearhouse.formats.tap_record import (
    KIB,
    MAX_ATTACHMENTS,
    MAX_PAYLOAD_BYTES,
    AttachmentType,
    Findings,
    TapAttachment,
    TapCode,
)

CONTENT_TYPES = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".tar.gz",
    "application/x-bzip2": ".tar.bz2",
    "application/octet-stream": ".bin",
}
"""Media type to the extension that a download gets."""
TEXT_TYPES = frozenset({"text/plain", "text/markdown", "application/json"})
_TYPES = get_args(AttachmentType)
_UTF8_PARAMETER = re.compile(r'\s*;\s*charset\s*=\s*"?utf-8"?\s*', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """One file as it was sent. Empty strings and empty bytes mean that it was not given."""

    field: str
    """`attachments[0]`, `exploit` or `raw`."""
    data: str | bytes
    """Text from JSON, where binary types are base64; the file itself from multipart."""
    content_type: str
    filename: str = ""
    description: str = ""
    type: str = ""
    part: bool = False
    """Sent as a multipart part, whose reasons name headers."""

    @property
    def deprecated(self) -> bool:
        """Say whether the payload came in one of the two deprecated fields."""
        return self.field in {"exploit", "raw"}

    def path(self, name: str) -> str:
        """Return the path that the contract gives to one field of this payload."""
        if not self.deprecated:
            return f"{self.field}.{name}"
        return self.field if name == "data" else f"{self.field}_{name}"


def judge_payloads(payloads: list[Payload], found: Findings) -> tuple[TapAttachment, ...]:
    """Judge every payload, then their number and names together."""
    sent = [payload for payload in payloads if not payload.deprecated or _given(payload, found)]
    if len(sent) > MAX_ATTACHMENTS:
        found.add(
            TapCode.TOO_MANY_ITEMS,
            "attachments",
            f"{len(sent)} files, exploit and raw included; at most {MAX_ATTACHMENTS}",
        )
        return ()
    judged = [(payload, _attachment(payload, found)) for payload in sent]
    _judge_names(judged, found)
    return tuple(attachment for _, attachment in judged if attachment is not None)


def _given(payload: Payload, found: Findings) -> bool:
    """Judge whether a deprecated payload and its content type come together."""
    if payload.data:
        return True
    if payload.content_type and not payload.part:
        found.add(
            TapCode.MISSING_FIELD,
            payload.field,
            f"{payload.path('content_type')} is given without it",
            payload.path("content_type"),
        )
    return False


def _attachment(payload: Payload, found: Findings) -> TapAttachment | None:
    filename = payload.field if payload.deprecated else _filename(payload, found)
    content_type = _content_type(payload, found)
    data = _data(payload, content_type, found)
    kind = _type(payload, found)
    description = _description(payload, found)
    if filename is None or content_type is None or data is None or kind is None:
        return None
    return TapAttachment(
        filename=filename,
        content_type=content_type,
        data=data,
        type=kind,
        description=description,
    )


def _header(payload: Payload, name: str) -> str:
    return f" (the part's {name} header)" if payload.part else ""


def _filename(payload: Payload, found: Findings) -> str | None:
    field = payload.path("filename")
    header = _header(payload, "Content-Disposition")
    if not payload.filename:
        found.add(TapCode.MISSING_FIELD, field, f"every attachment has a file name{header}")
        return None
    name = text(found, field, payload.filename, 255)
    if name is not None and (fault := _filename_fault(name)):
        found.add(TapCode.INVALID_FILENAME, field, fault + header)
        return None
    return name


def _filename_fault(name: str) -> str | None:
    if "/" in name or "\\" in name:
        return "a file name, not a path: no slash and no backslash"
    if not name.strip(". "):
        return "must hold more than dots and blanks"
    if _invisible(name):
        return "holds an invisible formatting character"
    return None


def _invisible(value: str) -> bool:
    return not value.isascii() and any(unicodedata.category(char) == "Cf" for char in value)


def _content_type(payload: Payload, found: Findings) -> str | None:
    field = payload.path("content_type")
    header = _header(payload, "Content-Type")
    if not payload.content_type:
        # An empty part is missing as a whole; asking for its type as well would mislead.
        if payload.data or not payload.part:
            found.add(TapCode.MISSING_FIELD, field, f"name the payload's media type{header}")
        return None
    name = payload.content_type.strip(" \t").lower()
    bare, semicolon, _ = name.partition(";")
    if payload.part and bare.strip() in TEXT_TYPES and semicolon:
        name = bare.strip() if _UTF8_PARAMETER.fullmatch(name[len(bare) :]) else name
    if name not in CONTENT_TYPES:
        found.add(
            TapCode.INVALID_CONTENT_TYPE,
            field,
            f"must be one of {', '.join(CONTENT_TYPES)}, without parameters{header}",
        )
        return None
    return name


def _data(payload: Payload, content_type: str | None, found: Findings) -> bytes | None:
    field = payload.path("data")
    if not payload.data:
        found.add(TapCode.MISSING_FIELD, field, "holds no bytes")
        return None
    size = len(payload.data) if isinstance(payload.data, bytes) else utf8_bytes(payload.data)
    if size is None:
        found.add(TapCode.INVALID_UTF8, field, "is not valid UTF-8")
        return None
    if size > MAX_PAYLOAD_BYTES:
        found.add(TapCode.FIELD_TOO_LARGE, field, f"{size} bytes; at most {MAX_PAYLOAD_BYTES}")
        return None
    return None if content_type is None else _file(payload.data, content_type, field, found)


def _file(data: str | bytes, content_type: str, field: str, found: Findings) -> bytes | None:
    """Return the file that the payload stands for."""
    if isinstance(data, str):
        return data.encode() if content_type in TEXT_TYPES else _decoded(data, field, found)
    if content_type in TEXT_TYPES:
        try:
            data.decode()
        except UnicodeDecodeError:
            found.add(TapCode.INVALID_UTF8, field, f"{content_type} must be valid UTF-8")
            return None
    return data


def _decoded(data: str, field: str, found: Findings) -> bytes | None:
    """Decode padded standard base64, line breaks skipped."""
    try:
        decoded = base64.b64decode(data.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if decoded:
        return decoded
    found.add(
        TapCode.INVALID_BASE64, field, "binary types are padded standard base64 of some bytes"
    )
    return None


def _type(payload: Payload, found: Findings) -> AttachmentType | None:
    if payload.deprecated:
        return "exploit-proof-of-concept" if payload.field == "exploit" else "other"
    if not payload.type:
        return "other"
    if payload.type not in _TYPES:
        header = _header(payload, "Content-Akrites-Type")
        found.add(
            TapCode.INVALID_ATTACHMENT_TYPE,
            payload.path("type"),
            f"must be one of {', '.join(_TYPES)}{header}",
        )
        return None
    return cast("AttachmentType", payload.type)


def _description(payload: Payload, found: Findings) -> str | None:
    field = payload.path("description")
    value = text(found, field, payload.description, KIB)
    if value is not None and _invisible(value):
        header = _header(payload, "Content-Description")
        found.add(
            TapCode.CONTROL_CHARACTERS, field, f"holds an invisible formatting character{header}"
        )
        return None
    return value


def download_name(filename: str, content_type: str) -> str:
    """Return the name that a file downloads under: its content type's extension at the end."""
    extension = CONTENT_TYPES.get(content_type, "")
    return filename if filename.lower().endswith(extension) else filename + extension


def _same_name(filename: str, content_type: str) -> str:
    folded = unicodedata.normalize("NFD", download_name(filename, content_type)).casefold()
    return unicodedata.normalize("NFC", folded)


def _judge_names(judged: list[tuple[Payload, TapAttachment | None]], found: Findings) -> None:
    """Refuse two files with one download name.

    The later one is at fault, except beside a deprecated payload, whose name nobody can choose.
    """
    first: dict[str, str] = {}
    for payload, attachment in sorted(judged, key=lambda pair: not pair[0].deprecated):
        if attachment is None or CONTROL.search(attachment.filename):
            continue
        name = _same_name(attachment.filename, attachment.content_type)
        earlier = first.setdefault(name, payload.field)
        if earlier != payload.field:
            also = earlier if earlier in {"exploit", "raw"} else f"{earlier}.filename"
            found.add(
                TapCode.INVALID_FILENAME,
                payload.path("filename"),
                f"downloads under the same name as {earlier}",
                also,
            )
