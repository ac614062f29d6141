"""Check that a parsed JSON document has the shape of a TAP report, before any rule is asked.

In comes the parsed document; out comes nothing, or one sentence that names the first field that is
unknown, repeated or of the wrong type. Such a document is not a report, and the wire contract
answers it with `malformed-json` and a `detail` instead of a list of violations.

Like the reference service, null stands for a field that is not given.

Source: TAP Intake API, The report object ("Parsing is strict") and Errors.
"""

from collections.abc import Callable, Iterator, Mapping

from clearhouse.formats.strict_json import Json, RepeatingObject

PAYLOAD_FIELDS = ("exploit", "exploit_content_type", "raw", "raw_content_type", "attachments")
"""What a multipart `report` part must leave out."""

Shape = Callable[[str, Json], Iterator[str]]


def shape_fault(document: Json) -> str | None:
    """Say what keeps a document from being a report, or None when it has the right shape."""
    if not isinstance(document, dict):
        return "the document must be one JSON object"
    return next(_members("", document, _REPORT), None)


def _members(place: str, members: dict[str, Json], shapes: Mapping[str, Shape]) -> Iterator[str]:
    """Find the faults of one object; repeats count only where the contract refuses them."""
    if isinstance(members, RepeatingObject) and members.repeated in shapes:
        yield f"the field {place}{members.repeated} is given twice"
    for name, value in members.items():
        shape = shapes.get(name)
        if shape is None:
            yield f"unknown field {place}{_printable(name)}"
        elif value is not None:
            yield from shape(place + name, value)


def _printable(name: str) -> str:
    """Show a stranger's field name without what could act on a terminal or a log."""
    return ascii(name[:64])


def _string(place: str, value: Json) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{place} must be a string"


def _integer(place: str, value: Json) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"{place} must be an integer"


def _object(place: str, value: Json) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} must be an object"


def _strings(place: str, value: Json) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{place} must be an array of strings"
        return
    for index, entry in enumerate(value):
        if entry is not None:
            yield from _string(f"{place}[{index}]", entry)


def _symbol(place: str, value: Json) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} must be an object"
        return
    # A key repeated in here is not refused by the contract; its last value counts.
    yield from _members(f"{place}.", dict(value), _SYMBOL)


def _attachments(place: str, value: Json) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{place} must be an array of objects"
        return
    for index, entry in enumerate(value):
        if isinstance(entry, dict):
            yield from _members(f"{place}[{index}].", entry, _ATTACHMENT)
        elif entry is not None:
            yield f"{place}[{index}] must be an object"


_SYMBOL: dict[str, Shape] = {"file": _string, "function": _string, "line": _integer}
_ATTACHMENT: dict[str, Shape] = dict.fromkeys(
    ("filename", "data", "content_type", "description", "type"), _string
)
_REPORT: dict[str, Shape] = {
    **dict.fromkeys(
        (
            "purl",
            "software",
            "ecosystem",
            "code_path",
            "exploit",
            "exploit_content_type",
            "introduced_commit",
            "fixed_commit",
            "raw",
            "raw_content_type",
            "package_repo_url",
            "discovery_method",
            "discovery_tooling",
            "email",
            "notify",
        ),
        _string,
    ),
    **dict.fromkeys(("versions", "references", "upstream_ids"), _strings),
    "affected_symbol": _symbol,
    "enrichment": _object,
    "attachments": _attachments,
}
REPORT_FIELDS = frozenset(_REPORT)
