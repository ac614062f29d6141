"""Windows event logs: EVTX files, and the JSON shapes that are made of them.

Shapes: `{"Event": {"System", "EventData"}}` (evtx and evtx_dump); `{"winlog": …}` and the flat
one before it (Winlogbeat); records with `EventID` and `Channel` (NXLog, a Log Analytics
workspace). Sysmon is one of the channels. A damaged chunk of a file is noted and the rest is read.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import orjson
from evtx import PyEvtxParser

from clearhouse.defense.scenario.event import (
    Event,
    Scalar,
    SourceKind,
    UnreadableError,
    first,
    flat,
    make,
    moment,
    scalar,
)

_SHORT = {
    "Microsoft-Windows-Sysmon/Operational": "Sysmon",
    "Microsoft-Windows-PowerShell/Operational": "PowerShell",
}
_USERS = ("SubjectUserName", "TargetUserName", "User", "AccountName", "UserID")
_HOSTS = ("Computer", "Hostname", "host.name", "host")
_HEADER_BYTES, _CHUNK_BYTES = 4096, 65_536
_NAMED_DATA = re.compile(r"""<Data Name=["']([^"']+)["']>([^<]*)</Data>""")
_WINLOGBEAT = (
    ("EventID", "event_id"),
    ("Channel", "channel", "log_name"),
    ("Computer", "computer_name"),
    ("Provider_Name", "provider_name", "source_name"),
)
_PROVIDERS = ("SourceName", "ProviderName", "EventSourceName")
_TIMES = ("@timestamp", "EventTime", "TimeCreated", "TimeGenerated", "UtcTime")


def read_evtx(path: Path, refuse: Callable[[str], None]) -> Iterator[Event]:
    """Read an EVTX file; what is damaged is told to `refuse` and left out."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(b"ElfFile"):
        raise UnreadableError(f"{path.name} does not begin as an EVTX file does")
    chunks = int.from_bytes(header[42:44], "little")
    there = max(0, path.stat().st_size - _HEADER_BYTES) // _CHUNK_BYTES
    if there < chunks:
        refuse(f"{path.name} ends early: {chunks - there} of its {chunks} chunks are not there")
    try:
        records = PyEvtxParser(str(path)).records_json()
    except (RuntimeError, OSError) as error:
        raise UnreadableError(f"{path.name}: {error}") from error
    while True:
        try:
            record = next(records) or {}
            yield event(orjson.loads(record.get("data", "")))
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            refuse(f"{path.name}: {error}")


def looks_like(record: Mapping[str, object]) -> bool:
    """Return whether a JSON record has one of the shapes above."""
    flat_ = "EventID" in record and "Channel" in record
    return "Event" in record or "winlog" in record or flat_ or _is_old_winlogbeat(record)


def event(record: Mapping[str, object]) -> Event:
    """Return the event of one JSON record. Raises: UnreadableError."""
    if isinstance(record.get("Event"), dict):
        fields = _native(record["Event"])  # type: ignore[arg-type]  # just looked
    elif isinstance(record.get("winlog"), dict) or _is_old_winlogbeat(record):
        fields = _winlogbeat(record)
    else:
        fields = _flat_record(record)
    number = fields.get("EventID")
    channel = fields.get("Channel")
    if number is None or channel is None:
        raise UnreadableError("a Windows event names its EventID and its Channel")
    when = next((fields[name] for name in _TIMES if fields.get(name)), None)
    return make(
        SourceKind.WINDOWS,
        moment(when),
        f"{_SHORT.get(str(channel), str(channel))}/{number}",
        fields,
        host=first(fields, *_HOSTS),
        user=first(fields, *_USERS),
    )


def _is_old_winlogbeat(record: Mapping[str, object]) -> bool:
    return "log_name" in record and "event_id" in record


def _flat_record(record: Mapping[str, object]) -> dict[str, Scalar]:
    if all(value is None or isinstance(value, str | int | float) for value in record.values()):
        fields = {key: scalar(value) for key, value in record.items()}
    else:
        fields = flat(record)
    provider = first(fields, "Provider_Name", *_PROVIDERS)
    if provider:
        fields["Provider_Name"] = provider  # under the name that EVTX and rules have for it
    data = fields.get("EventData")
    if isinstance(data, str) and data.startswith("<"):  # a Log Analytics workspace keeps the XML
        fields |= {name: html.unescape(value) for name, value in _NAMED_DATA.findall(data)}
    return fields


def _native(record: Mapping[str, object]) -> dict[str, Scalar]:
    system = record.get("System")
    if not isinstance(system, dict):
        raise UnreadableError("the event has no System part")
    fields: dict[str, Scalar] = {}
    for key, value in system.items():
        if key.endswith("_attributes"):
            fields |= _attributes(key.removesuffix("_attributes"), value)
        elif isinstance(value, dict):
            fields |= _attributes(key, value)
        else:
            fields[key] = scalar(value)
    for part in ("EventData", "UserData"):
        fields |= _data(record.get(part))
    fields["@timestamp"] = fields.pop("TimeCreated_SystemTime", None)
    return fields


def _attributes(name: str, value: object) -> dict[str, Scalar]:
    if not isinstance(value, dict):
        return {name: scalar(value)}
    inner = value.get("#attributes", value)
    found = {f"{name}_{key}": scalar(one) for key, one in inner.items() if key != "#text"}
    if "#text" in value:
        found[name] = scalar(value["#text"])
    return found


def _data(data: object) -> dict[str, Scalar]:
    """Return event data; a single wrapper as UserData has is taken off.

    Values without names, as older programs write them, are lines of the field `Data`.
    """
    if not isinstance(data, dict):
        return {}
    inner = {key: value for key, value in data.items() if not key.endswith("attributes")}
    only = next(iter(inner.values()), None)
    if len(inner) == 1 and isinstance(only, dict) and "#text" not in only:
        inner = only
    return flat({
        key: value["#text"] if isinstance(value, dict) and "#text" in value else value
        for key, value in inner.items()
        if key != "#attributes"
    })  # fmt: skip


def _winlogbeat(record: Mapping[str, object]) -> dict[str, Scalar]:
    """Read what Winlogbeat sends: under `winlog` since version 7, at the top before."""
    inner = record.get("winlog")
    log: Mapping[str, object] = inner if isinstance(inner, dict) else record
    fields: dict[str, Scalar] = {}
    for part in ("user_data", "event_data"):
        data = log.get(part)
        fields |= flat(data) if isinstance(data, dict) else {}
    for name, *theirs in _WINLOGBEAT:
        fields[name] = next((scalar(log[one]) for one in theirs if one in log), None)
    fields["@timestamp"] = scalar(record.get("@timestamp"))
    return fields
