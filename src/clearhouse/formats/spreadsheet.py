"""Rows as CSV that a spreadsheet opens without computing what strangers wrote into a cell.

In: a header and rows of plain values. Out: text, a line at a time. Refused: nothing; a cell that
begins like a formula gets an apostrophe before it.
Source: RFC 4180; OWASP, CSV injection.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

_COMPUTED = frozenset("=+-@\t\r")


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the header and then each row, with the end of its line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in _with_header(header, rows):
        writer.writerow(row)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _with_header(
    header: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[Sequence[str]]:
    yield header
    for row in rows:
        yield [_cell(value) for value in row]


def _cell(value: object) -> str:
    if value is None:
        return ""
    plain = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{plain}" if plain[:1] in _COMPUTED else plain
