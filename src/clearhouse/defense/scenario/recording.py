"""Events in Parquet: written once in the order of time, read many times without filling memory.

In: events in any order, millions of them. Out: a folder of Parquet files and a `Recording` that can
be iterated, looked up by id, and asked in SQL. Questions of tools run in a DuckDB that can read
this one table and nothing else: no files, no network, bounded memory.
"""

import contextlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, groupby, islice
from operator import itemgetter
from pathlib import Path

import duckdb
import orjson

from clearhouse.defense.scenario.event import Event, EventUid, SourceKind
from clearhouse.defense.scenario.sorting import in_order

_CHUNK = 20_480
"""Events of one group of rows, and as many are read at once."""
_MOST_ROWS = 200
_MEMORY = "512MB"
_COLUMNS = (
    "{uid: 'VARCHAR', time: 'BIGINT', kind: 'VARCHAR', name: 'VARCHAR', host: 'VARCHAR',"
    " \"user\": 'VARCHAR', fields: 'VARCHAR'}"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_PART = 200_000
"""Events of one file."""
_LONGEST_LINE = 64 << 20
_AGAIN = "~"
"""Stands in an id before the number of a repetition."""
Row = tuple[str, int, str, str, str | None, str | None, str]


class QueryError(ValueError):
    """A question in SQL that cannot be answered; the message says why, for whoever asked."""


class Recording(Collection[Event]):
    """Events of one stretch of time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pattern = str(folder / "*.parquet")
        self._size: int | None = None

    def __len__(self) -> int:
        if self._size is None:
            with _opened() as base:
                rows = base.execute(
                    "SELECT count(*) FROM read_parquet(?)", [self._pattern]
                ).fetchall()
            self._size = int(rows[0][0])
        return self._size

    def __contains__(self, event: object) -> bool:
        return isinstance(event, Event) and bool(self.get([event.uid]))

    def __iter__(self) -> Iterator[Event]:
        with _opened() as base:
            for path in sorted(self.folder.glob("*.parquet")):
                begin = 0
                while True:
                    rows = base.execute(
                        'SELECT uid, time, kind, name, host, "user", fields FROM'
                        " read_parquet(?, file_row_number = true)"
                        " WHERE file_row_number >= ? AND file_row_number < ?"
                        " ORDER BY file_row_number",
                        [str(path), begin, begin + _CHUNK],
                    ).fetchall()
                    yield from map(_event, rows)
                    if len(rows) < _CHUNK:
                        break
                    begin += _CHUNK

    def get(self, uids: Collection[str]) -> dict[EventUid, Event]:
        """Return the events of those ids that are here."""
        if not uids:
            return {}
        with _opened() as base:
            rows = base.execute(
                'SELECT uid, time, kind, name, host, "user", fields FROM read_parquet(?)'
                " WHERE uid IN (SELECT unnest(?))",
                [self._pattern, list(uids)],
            ).fetchall()
        found = map(_event, rows)
        return {one.uid: one for one in found}

    def between(self, start: datetime, end: datetime) -> list[Event]:
        """Return the events from `start` until before `end`, in the order of time."""
        with _opened() as base:
            rows = base.execute(
                'SELECT uid, time, kind, name, host, "user", fields FROM read_parquet(?)'
                " WHERE time >= ? AND time < ? ORDER BY time, uid",
                [self._pattern, micros(start), micros(end)],
            ).fetchall()
        return [_event(row) for row in rows]

    def span(self) -> tuple[datetime, datetime]:
        """Return the times of the first and of the last event. Raises: QueryError when empty."""
        with _opened() as base:
            low, high = base.execute(
                "SELECT min(time), max(time) FROM read_parquet(?)", [self._pattern]
            ).fetchall()[0]
        if low is None:
            raise QueryError("the recording has no event")
        return _time(low), _time(high)

    def kinds(self) -> tuple[SourceKind, ...]:
        """Return which logs are in it."""
        with _opened() as base:
            rows = base.execute(
                "SELECT DISTINCT kind FROM read_parquet(?) ORDER BY kind", [self._pattern]
            ).fetchall()
        return tuple(SourceKind(row[0]) for row in rows)

    def unmentioned(self, names: Collection[str]) -> tuple[str, ...]:
        """Return those of the names that stand in no event."""
        if not names:
            return ()
        with _opened() as base:
            rows = base.execute(
                "SELECT name FROM (SELECT unnest(?) AS name) AS asked WHERE NOT EXISTS (SELECT 1"
                " FROM read_parquet(?) AS e WHERE contains(lower(e.fields), lower(asked.name))"
                " OR lower(e.host) = lower(asked.name) OR lower(e.user) = lower(asked.name))"
                " ORDER BY name",
                [list(names), self._pattern],
            ).fetchall()
        return tuple(str(row[0]) for row in rows)

    def questions(self) -> "Questions":
        """Return the recording as one table for questions in SQL."""
        return Questions(self._pattern)


class Questions:
    """A read-only table `events`, in a database that can reach nothing else."""

    def __init__(self, pattern: str) -> None:
        self._base = duckdb.connect(":memory:")
        self._base.execute("SET threads = 1")
        self._base.execute(f"SET memory_limit = '{_MEMORY}'")
        self._base.execute(
            "CREATE TABLE events AS SELECT uid, make_timestamp(time) AS time, kind, name, host,"
            ' "user", fields::JSON AS fields FROM read_parquet(?) ORDER BY time',
            [pattern],
        )
        for setting in (
            "SET enable_external_access = false",
            "SET max_temp_directory_size = '0KB'",
            "SET lock_configuration = true",
        ):
            self._base.execute(setting)

    def ask(self, sql: str) -> tuple[list[str], list[list[object]]]:
        """Return the columns and at most 200 rows of a SELECT. Raises: QueryError."""
        try:
            statements = duckdb.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryError("ask one SELECT at a time")
            query = statements[0].query.strip().rstrip(";")
            found = self._base.execute(f"SELECT * FROM (\n{query}\n) LIMIT {_MOST_ROWS}")  # noqa: S608 - locked down above
            names = [column[0] for column in found.description or ()]
            return names, [list(row) for row in found.fetchall()]
        except duckdb.Error as error:
            raise QueryError(str(error)[:500]) from error

    def close(self) -> None:
        """Forget the table."""
        self._base.close()


def write(events: Iterable[Event], folder: Path) -> Recording:
    """Write events as Parquet in the order of time, and return them as a recording.

    An event that is there twice, content and time alike, is kept twice under two ids, the second
    with `~2`, so that every id names one row. What was in the folder before is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("part-*.parquet"):
        path.unlink()
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        lines = _named(in_order(map(_line, events), Path(scratch)))
        part = Path(scratch) / "part.ndjson"
        for number in count():
            with part.open("wb") as file:
                file.writelines(islice(lines, _PART))
            if number and not part.stat().st_size:
                break
            _write_parquet(part, folder / f"part-{number:06}.parquet")
    return Recording(folder)


def _line(event: Event) -> tuple[str, bytes]:
    """Return an event as a line, and what it is ordered by: time, and the content's id."""
    at, uid = micros(event.at), event.uid.partition(_AGAIN)[0]
    content = {
        "time": at,
        "kind": event.kind,
        "name": event.name,
        "host": event.host,
        "user": event.user,
        "fields": orjson.dumps(event.fields).decode(),
    }
    return f"{at - _LEAST:018}{uid}", orjson.dumps(content)


def _named(lines: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Give each line its id. Events of one content have one time, so they stand side by side."""
    for key, same in groupby(lines, key=itemgetter(0)):
        for number, (_, line) in enumerate(same, 1):
            yield b'{"uid":%s,%s\n' % (orjson.dumps(numbered(key[18:], number)), line[1:])


def numbered(uid: str, number: int) -> str:
    """Return the id that the `number`-th event of one content has in a recording."""
    return uid if number == 1 else f"{uid}{_AGAIN}{number}"


def _write_parquet(lines: Path, target: Path) -> None:
    with _opened() as base:
        base.execute("SET threads = 1")  # each thread holds buffers of the longest object
        base.execute(
            f"COPY (SELECT * FROM read_json(?, columns = {_COLUMNS},"  # noqa: S608 - constants
            f" format = 'newline_delimited', maximum_object_size = {_LONGEST_LINE})) TO"
            f" '{_quoted(target)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_CHUNK})",
            [str(lines)],
        )


@contextlib.contextmanager
def temporary(events: Iterable[Event]) -> Iterator[Recording]:
    """Keep events as a recording for a while."""
    with tempfile.TemporaryDirectory() as folder:
        yield write(events, Path(folder) / "events")


@contextlib.contextmanager
def _opened() -> Iterator[duckdb.DuckDBPyConnection]:
    base = duckdb.connect(":memory:")
    try:
        base.execute(f"SET memory_limit = '{_MEMORY}'")
        base.execute("SET threads = 2")
        yield base
    finally:
        base.close()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def micros(at: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)


def _event(row: Sequence[object]) -> Event:
    uid, at, kind, name, host, user, fields = row
    return Event(
        uid=EventUid(str(uid)),
        at=_time(int(at)),  # type: ignore[call-overload]  # a column of whole numbers
        kind=SourceKind(str(kind)),
        name=str(name),
        host=host,  # type: ignore[arg-type]  # text or nothing
        user=user,  # type: ignore[arg-type]  # as above
        fields=orjson.loads(str(fields)),
    )
