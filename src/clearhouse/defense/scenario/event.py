"""One event, whatever log it came from.

Raw fields are kept flat under the log's own names, because detection rules and analysts use those.
The id is a hash of the content, so a tool can cite an event and nobody can renumber it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NewType

import orjson

EventUid = NewType("EventUid", str)
Scalar = str | int | float | None
_UID_DIGITS = 20


class SourceKind(StrEnum):
    """Which log an event is from; `class_uid` of OCSF says what it is about."""

    WINDOWS = "windows"
    """Windows event log, Sysmon included: EVTX, or JSON made of it."""
    SURICATA = "suricata"
    ZEEK = "zeek"
    AUDITD = "auditd"
    CLOUDTRAIL = "cloudtrail"
    OCSF = "ocsf"
    ECS = "ecs"
    CSV = "csv"


class UnreadableError(ValueError):
    """A line, a record or a file that is not what its format says; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that a log says happened."""

    uid: EventUid
    at: datetime
    """UTC, as the log says; a clock that was wrong stays wrong."""
    kind: SourceKind
    name: str
    """What happened in the log's own words: `Security/4625`, `alert`, `dns`, `ConsoleLogin`."""
    host: str | None
    user: str | None
    fields: Mapping[str, Scalar] = field(repr=False)
    """Everything the log says, flat; nested names are joined by dots."""


def make(
    kind: SourceKind,
    at: datetime,
    name: str,
    fields: Mapping[str, Scalar],
    *,
    host: str | None,
    user: str | None,
) -> Event:
    """Return an event with the id that its content gives it."""
    content = orjson.dumps(
        [str(kind), at.isoformat(), name, host, user, fields],
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
    )
    uid = EventUid(hashlib.sha256(content).hexdigest()[:_UID_DIGITS])
    return Event(uid=uid, at=at, kind=kind, name=name, host=host, user=user, fields=fields)


def flat(value: Mapping[str, object], prefix: str = "") -> dict[str, Scalar]:
    """Return a nested record as one level; lists of scalars are joined by line breaks."""
    found: dict[str, Scalar] = {}
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, Mapping):
            found.update(flat(inner, f"{name}."))
        elif isinstance(inner, list):
            found.update(_listed(name, inner))
        else:
            found[name] = scalar(inner)
    return found


def _listed(name: str, values: list[object]) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    plain = []
    for place, inner in enumerate(values):
        if isinstance(inner, Mapping):
            found.update(flat(inner, f"{name}.{place}."))
        else:
            plain.append(str(scalar(inner)))
    if plain:
        found[name] = "\n".join(plain)
    return found


def scalar(value: object) -> Scalar:
    """Return a value as a log field holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def moment(value: object) -> datetime:
    """Return an instant in UTC from ISO 8601 text, or from seconds since 1970.

    Text without a zone is taken as UTC. Raises: UnreadableError.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        text = str(value).strip()
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        at = datetime.fromisoformat(_python_iso(text))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableError(f"not a time: {str(value)[:40]!r}") from error


def _python_iso(text: str) -> str:
    """Return ISO text with at most six digits of a second and a zone that Python reads."""
    text = text.removesuffix(" UTC").replace("/", "-")
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"


def first(fields: Mapping[str, Scalar], *names: str) -> str | None:
    """Return the first of these fields that says something."""
    for name in names:
        value = fields.get(name)
        if value not in {None, "", "-"}:
            return str(value)
    return None
