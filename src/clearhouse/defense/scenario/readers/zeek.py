"""Zeek's logs: JSON lines, and its own tab-separated text with a header.

The header names the separator, the fields and the log; `-` is unset and `(empty)` an empty set.
Source: Zeek manual, "Log Formats".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePath

from clearhouse.defense.scenario.event import (
    Event,
    Scalar,
    SourceKind,
    UnreadableError,
    first,
    flat,
    make,
    moment,
)


def event(record: Mapping[str, object], log: str | None = None) -> Event:
    """Return the event of one record; the log's name stands in `_path` or is given."""
    fields = flat(record)
    return make(
        SourceKind.ZEEK,
        moment(record.get("ts")),
        str(record.get("_path") or log or "zeek"),
        fields,
        host=first(fields, "id.orig_h"),
        user=first(fields, "username", "user"),
    )


def read_tsv(lines: Iterable[str], refuse: Callable[[str], None], *, name: str) -> Iterator[Event]:
    """Read Zeek's tab-separated text."""
    separator, log, names = "\t", PurePath(name).name.partition(".")[0], list[str]()
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if line.startswith("#"):
            word, _, rest = line[1:].partition(" " if line.startswith("#separator ") else separator)
            if word == "separator":
                separator = bytes(rest, "ascii").decode("unicode_escape")
            elif word == "path":
                log = rest
            elif word == "fields":
                names = rest.split(separator)
            continue
        values = line.split(separator)
        if not line:
            continue
        if len(values) != len(names):
            refuse(f"{name}:{number}: {len(values)} values for {len(names)} fields")
            continue
        try:
            yield event(_set_fields(names, values), log)
        except UnreadableError as error:
            refuse(f"{name}:{number}: {error}")


def _set_fields(names: list[str], values: list[str]) -> dict[str, Scalar]:
    return {
        name: "" if value == "(empty)" else value
        for name, value in zip(names, values, strict=True)
        if value != "-"
    }
