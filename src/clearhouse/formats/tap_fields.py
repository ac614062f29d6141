"""Judge the metadata of a TAP report: every field, every limit, every violation at once.

In come the members of a document that has the shape of a report; out come the accepted values,
while violations go to the collector. Payloads are judged in `tap_attachments`.

A value that is null or an empty string stands for a field that is not given, except inside lists,
where it is a degenerate entry.

Source: TAP Intake API, Core, Identity, Provenance and contact, `enrichment`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypedDict, cast
from urllib.parse import urlsplit

from clearhouse.formats.ecosystems import PURL_TYPES, demanded_type, ecosystem_name
from clearhouse.formats.identifiers import CONTROL, CVE, GHSA, is_commit
from clearhouse.formats.purl import Purl, PurlError
from clearhouse.formats.purl import parse as parse_purl
from clearhouse.formats.strict_json import Json, walk
from clearhouse.formats.tap_record import KIB, Findings, Notify, TapCode, TapSymbol

MAX_ENRICHMENT_BYTES = 64 * KIB
MAX_ENRICHMENT_DEPTH = 8
MAX_LINE = 2**31 - 1
MAX_VERSIONS = 64
MAX_VERSION_BYTES = 64

_HAS_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_OTHER_ID = re.compile(r"(?:OSV|GO|RUSTSEC|PYSEC)-[A-Za-z0-9][A-Za-z0-9._-]*")
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]+@[^\s@<>\"(),:;\\\[\]]+")
_SPACE = re.compile(r"\s")
_NOTIFY = ("off", "final", "milestones", "all")

Members = Mapping[str, Json]


class MetadataFields(TypedDict):
    """The accepted metadata, under the names of `TapReport`."""

    purl: str | None
    identity: str | None
    software: str | None
    ecosystem: str | None
    versions: tuple[str, ...]
    code_path: str | None
    affected_symbol: TapSymbol | None
    references: tuple[str, ...]
    upstream_ids: tuple[str, ...]
    introduced_commit: str | None
    fixed_commit: str | None
    package_repo_url: str | None
    discovery_method: str | None
    discovery_tooling: str | None
    email: str | None
    notify: Notify | None
    enrichment: Mapping[str, Json]


def judge_metadata(members: Members, found: Findings) -> MetadataFields:
    """Judge every field but the payloads."""
    purl = _purl(members, found)
    software = meaningful(found, "software", _string(members, "software"), 256)
    ecosystem = _ecosystem(members, found)
    _identity(members, found, purl, ecosystem)
    email = _email(members, found)
    return {
        "purl": str(purl) if purl else None,
        "identity": purl.identity if purl else None,
        "software": software,
        "ecosystem": ecosystem,
        "versions": _versions(members, found, purl),
        "code_path": text(found, "code_path", _string(members, "code_path"), KIB),
        "affected_symbol": _symbol(members, found),
        "references": _list(members, found, "references", 16, 512, _reference_fault),
        "upstream_ids": tuple(
            map(
                _spelled,
                _list(members, found, "upstream_ids", 16, 128, _id_fault),
            )
        ),
        "introduced_commit": _commit(members, found, "introduced_commit"),
        "fixed_commit": _commit(members, found, "fixed_commit"),
        "package_repo_url": _repository(members, found),
        "discovery_method": text(
            found, "discovery_method", _string(members, "discovery_method"), 32
        ),
        "discovery_tooling": text(
            found, "discovery_tooling", _string(members, "discovery_tooling"), 128
        ),
        "email": email,
        "notify": _notify(members, found, email),
        "enrichment": _enrichment(members, found),
    }


def text(found: Findings, field: str, value: str | None, max_bytes: int) -> str | None:
    """Judge one metadata string: its UTF-8 size, and that it holds no control characters."""
    if not value:
        return None
    size = utf8_bytes(value)
    if size is None:
        found.add(TapCode.INVALID_UTF8, field, "is not valid UTF-8")
    elif size > max_bytes:
        found.add(TapCode.FIELD_TOO_LARGE, field, f"{size} bytes; at most {max_bytes}")
    elif CONTROL.search(value):
        found.add(
            TapCode.CONTROL_CHARACTERS,
            field,
            "control characters, newlines and tabs included, are not allowed",
        )
    else:
        return value
    return None


def utf8_bytes(value: str) -> int | None:
    """Return the size in UTF-8, or None when the text has none."""
    if value.isascii():
        return len(value)
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        return None


def meaningful(found: Findings, field: str, value: str | None, max_bytes: int) -> str | None:
    """Judge a metadata string that must hold at least one letter or digit."""
    checked = text(found, field, value, max_bytes)
    if checked is not None and not _HAS_LETTER_OR_DIGIT.search(checked):
        found.add(TapCode.DEGENERATE_VALUE, field, "holds no letter and no digit")
        return None
    return checked


def _string(members: Members, name: str) -> str | None:
    return cast("str | None", members.get(name))


def _purl(members: Members, found: Findings) -> Purl | None:
    value = text(found, "purl", _string(members, "purl"), 512)
    if value is None:
        return None
    try:
        purl = parse_purl(value[:4].lower() + value[4:])
    except PurlError as error:
        found.add(TapCode.INVALID_PURL, "purl", str(error))
        return None
    if fault := _purl_fault(purl):
        found.add(TapCode.INVALID_PURL, "purl", fault)
        return None
    return purl


def _purl_fault(purl: Purl) -> str | None:
    if purl.type not in PURL_TYPES:
        return "its type is none of the specified types"
    # Decoding can bring back what the text rules keep out, in `%0A` for example.
    if CONTROL.search(f"{purl.namespace}{purl.name}{purl.version}{purl.subpath}"):
        return "holds encoded control characters"
    return None


def _ecosystem(members: Members, found: Findings) -> str | None:
    value = meaningful(found, "ecosystem", _string(members, "ecosystem"), 128)
    if value is None:
        return None
    name = ecosystem_name(value)
    if name is None:
        found.add(
            TapCode.UNKNOWN_ECOSYSTEM, "ecosystem", "not an ecosystem of OSV or a package URL type"
        )
    return name


def _identity(members: Members, found: Findings, purl: Purl | None, ecosystem: str | None) -> None:
    """Ask for a purl or both names, and that they agree when all are given."""
    if not members.get("purl"):
        for name in ("ecosystem", "software"):
            if not members.get(name):
                found.add(
                    TapCode.MISSING_FIELD,
                    name,
                    f"give a purl, or both ecosystem and software; {name} is missing",
                    "purl",
                )
    if purl is None or ecosystem is None:
        return
    demanded = demanded_type(ecosystem)
    if demanded is not None and demanded != purl.type:
        found.add(
            TapCode.PURL_ECOSYSTEM_MISMATCH,
            "purl",
            f"this ecosystem's packages have purls of the type {demanded}",
            "ecosystem",
        )


def _versions(members: Members, found: Findings, purl: Purl | None) -> tuple[str, ...]:
    listed = _list(members, found, "versions", MAX_VERSIONS, MAX_VERSION_BYTES, _version_fault)
    if purl is None or purl.version is None or purl.version in listed:
        return listed
    if len(purl.version.encode()) > MAX_VERSION_BYTES:
        found.add(TapCode.FIELD_TOO_LARGE, "purl", f"its version is over {MAX_VERSION_BYTES} bytes")
    elif len(listed) == MAX_VERSIONS:
        found.add(
            TapCode.TOO_MANY_ITEMS,
            "versions",
            f"at most {MAX_VERSIONS} entries, the purl's version included",
            "purl",
        )
    return (*listed, purl.version)


Fault = Callable[[str], tuple[TapCode, str] | None]


def _list(
    members: Members, found: Findings, field: str, max_items: int, max_bytes: int, fault: Fault
) -> tuple[str, ...]:
    """Judge a list of strings; a list over its limit masks the faults of its entries."""
    entries = cast("list[str | None]", members.get(field) or [])
    if len(entries) > max_items:
        found.add(TapCode.TOO_MANY_ITEMS, field, f"{len(entries)} entries; at most {max_items}")
        return ()
    return tuple(_entries(entries, found, field, max_bytes, fault))


def _entries(
    entries: list[str | None], found: Findings, field: str, max_bytes: int, fault: Fault
) -> Iterator[str]:
    for index, entry in enumerate(entries):
        place = f"{field}[{index}]"
        if not entry:
            found.add(TapCode.DEGENERATE_VALUE, place, "an empty entry")
        elif (value := text(found, place, entry, max_bytes)) is not None:
            wrong = fault(value)
            if wrong is None:
                yield value
            else:
                found.add(wrong[0], place, wrong[1])


def _version_fault(value: str) -> tuple[TapCode, str] | None:
    if _HAS_LETTER_OR_DIGIT.search(value):
        return None
    return TapCode.DEGENERATE_VALUE, "holds no letter and no digit; name the versions"


def _reference_fault(value: str) -> tuple[TapCode, str] | None:
    if is_web_url(value):
        return None
    return TapCode.INVALID_REFERENCE, "must be an absolute http or https URL"


def _id_fault(value: str) -> tuple[TapCode, str] | None:
    if CVE.fullmatch(value) or GHSA.fullmatch(value) or _OTHER_ID.fullmatch(value):
        return None
    return (
        TapCode.INVALID_UPSTREAM_ID,
        "must be CVE-YYYY-NNNN, GHSA-xxxx-xxxx-xxxx, or OSV-, GO-, RUSTSEC- or PYSEC- with an id",
    )


def _spelled(value: str) -> str:
    if CVE.fullmatch(value):
        return value.upper()
    return f"GHSA-{value[5:].lower()}" if GHSA.fullmatch(value) else value


def is_web_url(value: str) -> bool:
    """Say whether the text is an absolute http or https URL with a host."""
    if _SPACE.search(value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _commit(members: Members, found: Findings, field: str) -> str | None:
    # The limit is on the count of hexadecimal digits, so size is not a code of its own here.
    value = text(found, field, _string(members, field), 512)
    if value is None or is_commit(value):
        return value.lower() if value else None
    found.add(TapCode.INVALID_COMMIT, field, "must be 7 to 64 hexadecimal digits")
    return None


def _repository(members: Members, found: Findings) -> str | None:
    value = text(found, "package_repo_url", _string(members, "package_repo_url"), 512)
    if value is None or is_web_url(value):
        return value
    found.add(
        TapCode.INVALID_REPO_URL,
        "package_repo_url",
        "must be the http or https URL of the git repository, not a purl",
    )
    return None


def _symbol(members: Members, found: Findings) -> TapSymbol | None:
    symbol = cast("dict[str, Json]", members.get("affected_symbol") or {})
    line = cast("int | None", symbol.get("line"))
    if line is not None and not 0 <= line <= MAX_LINE:
        found.add(TapCode.INVALID_SYMBOL_LINE, "affected_symbol.line", f"must be 0 to {MAX_LINE}")
        line = None
    place = TapSymbol(
        file=meaningful(found, "affected_symbol.file", _string(symbol, "file"), 512),
        function=meaningful(found, "affected_symbol.function", _string(symbol, "function"), 256),
        line=line,
    )
    return None if place == TapSymbol() else place


def _email(members: Members, found: Findings) -> str | None:
    value = text(found, "email", _string(members, "email"), 256)
    if value is None or _EMAIL.fullmatch(value):
        return value
    found.add(TapCode.INVALID_EMAIL, "email", "must be one address, such as name@example.org")
    return None


def _notify(members: Members, found: Findings, email: str | None) -> Notify | None:
    value = text(found, "notify", _string(members, "notify"), 256)
    if value is None:
        return "milestones" if email else None
    if value not in _NOTIFY:
        found.add(TapCode.INVALID_NOTIFY, "notify", f"must be one of {', '.join(_NOTIFY)}")
        return None
    if value != "off" and not members.get("email"):
        found.add(
            TapCode.MISSING_FIELD, "email", f"notify is {value}, and no address is given", "notify"
        )
    return cast("Notify", value)


def _enrichment(members: Members, found: Findings) -> Mapping[str, Json]:
    enrichment = cast("dict[str, Json]", members.get("enrichment") or {})
    if not enrichment:
        return {}
    size = utf8_bytes(json.dumps(enrichment, ensure_ascii=False, separators=(",", ":")))
    if size is not None and size > MAX_ENRICHMENT_BYTES:
        found.add(
            TapCode.FIELD_TOO_LARGE, "enrichment", f"{size} bytes; at most {MAX_ENRICHMENT_BYTES}"
        )
        return {}
    if fault := _enrichment_fault(enrichment):
        found.add(fault[0], "enrichment", fault[1])
        return {}
    return enrichment


def _enrichment_fault(enrichment: dict[str, Json]) -> tuple[TapCode, str] | None:
    """Judge depth, and every key and string; the object itself is the first level."""
    if depth(enrichment) > MAX_ENRICHMENT_DEPTH:
        return TapCode.STRUCTURE_TOO_DEEP, f"nests deeper than {MAX_ENRICHMENT_DEPTH} levels"
    for _, value in walk(enrichment):
        for chars in (*value, "") if isinstance(value, dict) else (value,):
            if not isinstance(chars, str):
                continue
            if utf8_bytes(chars) is None:
                return TapCode.INVALID_UTF8, "is not valid UTF-8"
            if CONTROL.search(chars):
                return TapCode.CONTROL_CHARACTERS, "keys and strings hold no control characters"
    return None


def depth(value: Json) -> int:
    """Count how many objects and arrays are inside each other, the outermost included."""
    deepest, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, dict | list)]:
        deepest += 1
        level = [
            child
            for inner in level
            for child in (inner.values() if isinstance(inner, dict) else inner)
        ]
    return deepest
