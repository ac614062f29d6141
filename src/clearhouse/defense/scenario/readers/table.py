"""CSV, as a SIEM exports it: a header, and one event a row.

The column of the time is the first whose name says so. Columns that name a Windows channel and
event id make Windows events, so that rules for Windows read exports too.
"""

import csv
from collections.abc import Callable, Iterable, Iterator

from clearhouse.defense.scenario.event import (
    Event,
    Scalar,
    SourceKind,
    UnreadableError,
    first,
    make,
    moment,
)
from clearhouse.defense.scenario.readers import windows

_TIMES = ("@timestamp", "timestamp", "_time", "time", "datetime", "date", "ts", "TimeCreated")
_HOSTS = ("host", "hostname", "host.name", "Computer", "computer", "device", "src_ip", "source")
_USERS = ("user", "user.name", "username", "User", "account")
_NAMES = ("event", "event_type", "event.action", "action", "signature", "rule", "name", "type")
_LONGEST_FIELD = 1 << 20


def read(lines: Iterable[str], refuse: Callable[[str], None], *, name: str) -> Iterator[Event]:
    """Read a table. Raises: UnreadableError when no column is a time."""
    csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.DictReader(lines)
    columns = {column.lower(): column for column in rows.fieldnames or () if column}
    time = next((columns[one.lower()] for one in _TIMES if one.lower() in columns), None)
    if time is None:
        raise UnreadableError(f"{name} has no column of times; name one of them timestamp")
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            refuse(f"{name}:{rows.line_num}: {error}")
            continue
        try:
            yield _event(row, time)
        except UnreadableError as error:
            refuse(f"{name}:{rows.line_num}: {error}")


def _event(row: dict[str, str | None], time: str) -> Event:
    fields: dict[str, Scalar] = {key: value for key, value in row.items() if key and value}
    if fields.get("EventID") and fields.get("Channel"):
        return windows.event({"@timestamp": fields.get(time), **fields})
    return make(
        SourceKind.CSV,
        moment(fields.get(time)),
        first(fields, *_NAMES) or "row",
        fields,
        host=first(fields, *_HOSTS),
        user=first(fields, *_USERS),
    )
