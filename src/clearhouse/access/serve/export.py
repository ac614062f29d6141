"""Receipts as one file that anybody can check, and what a check of it found.

In: entries of the chains that the reader may read. Out: a file of JSON lines, one header and then
the entries as they were hashed; and a report on any such file. Two files of one window agree when
every chain that is in both ends with the same hash.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clearhouse.access.serve import chain
from clearhouse.access.serve.chain import ChainReport

FORMAT = "clearhouse-access-receipts/1"


class NoExportError(ValueError):
    """The file is no export of receipts; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportReport:
    """What a check of an export found."""

    window_id: str
    root: str
    """Hex root over the chains of this file."""
    chains: tuple[ChainReport, ...]

    @property
    def holds(self) -> bool:
        """Whether every chain holds."""
        return all(one.holds for one in self.chains)


def export(window_id: str, chains: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the lines of an export."""
    yield json.dumps({"format": FORMAT, "window": window_id})
    for name in sorted(chains):
        yield from chains[name]


def verify(lines: Iterable[str]) -> ExportReport:
    """Check an export.

    Raises: NoExportError.
    """
    rows = [line for one in lines if (line := one.rstrip("\n"))]
    window_id = _header(rows[0] if rows else "")
    chains: dict[str, list[str]] = {}
    for place, body in enumerate(rows[1:], 2):
        chains.setdefault(_chain_of(place, body), []).append(body)
    reports = tuple(chain.check(name, chains[name]) for name in sorted(chains))
    return ExportReport(window_id=window_id, root=chain.root(reports).hex(), chains=reports)


def disagreements(one: ExportReport, other: ExportReport) -> tuple[str, ...]:
    """Return where two exports of one window say different things."""
    if one.window_id != other.window_id:
        return ("the files are of two windows",)
    theirs = {report.chain: report for report in other.chains}
    found = []
    for mine in one.chains:
        yours = theirs.get(mine.chain)
        if yours is not None and (mine.head, mine.entries) != (yours.head, yours.entries):
            found.append(f"{mine.chain}: {mine.entries} and {yours.entries} entries, other ends")
    if not theirs.keys() & {report.chain for report in one.chains}:
        found.append("the files have no chain in common")
    return tuple(found)


def _header(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise NoExportError("the first line is no header of an export") from error
    match found:
        case {"format": str(kind), "window": str(window_id)} if kind == FORMAT:
            return window_id
        case _:
            raise NoExportError(f"the first line does not say {FORMAT}")


def _chain_of(place: int, body: str) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoExportError(f"line {place} is not JSON") from error
    match found:
        case {"chain": str(name)}:
            return name
        case _:
            raise NoExportError(f"line {place} belongs to no chain")
