"""Windows event logs: EVTX files, and the three JSON shapes that are made of them.

Shapes: `{"Event": {"System", "EventData"}}` (evtx and evtx_dump), `{"winlog": …}` (Winlogbeat),
and flat records with `EventID` and `Channel` (NXLog; OTRF Security-Datasets). Sysmon is one of the
channels. A damaged chunk of a file is noted and the rest is read.
"""

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
_TIMES = ("@timestamp", "EventTime", "TimeCreated", "UtcTime")


def read_evtx(path: Path, refuse: Callable[[str], None]) -> Iterator[Event]:
    """Read an EVTX file; what is damaged is told to `refuse` and left out."""
    with path.open("rb") as file:
        if not file.read(8).startswith(b"ElfFile"):
            raise UnreadableError(f"{path.name} does not begin as an EVTX file does")
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


def event(record: Mapping[str, object]) -> Event:
    """Return the event of one JSON record. Raises: UnreadableError."""
    if isinstance(record.get("Event"), dict):
        fields = _native(record["Event"])  # type: ignore[arg-type]  # just looked
    elif isinstance(record.get("winlog"), dict):
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


def _flat_record(record: Mapping[str, object]) -> dict[str, Scalar]:
    if all(value is None or isinstance(value, str | int | float) for value in record.values()):
        return {key: scalar(value) for key, value in record.items()}
    return flat(record)


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
    """Return event data; a single wrapper as UserData has is taken off."""
    if not isinstance(data, dict):
        return {}
    inner = {key: value for key, value in data.items() if not key.endswith("attributes")}
    if len(inner) == 1 and isinstance(only := next(iter(inner.values())), dict):
        inner = only if "#text" not in only else {"Data": only["#text"]}
    return flat({key: value for key, value in inner.items() if key != "#attributes"})


def _winlogbeat(record: Mapping[str, object]) -> dict[str, Scalar]:
    log = record["winlog"]
    assert isinstance(log, dict)  # noqa: S101 - the caller looked
    fields = flat(log.get("event_data") or {})
    fields |= {
        "EventID": scalar(log.get("event_id")),
        "Channel": scalar(log.get("channel")),
        "Computer": scalar(log.get("computer_name")),
        "Provider_Name": scalar(log.get("provider_name")),
        "@timestamp": scalar(record.get("@timestamp")),
    }
    return fields
