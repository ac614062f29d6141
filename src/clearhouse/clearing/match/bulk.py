"""Matches a whole archive: what was imported and not matched yet, or everything with a new model.

In comes nothing but the store, out comes how many reports were matched. Reports are taken up in
order of arrival through the very operation that matches a new one, many to a transaction, so the
answers are the same. Killed, it goes on where it stopped when it is called again; several may run
at once. Refused: nothing; who may not clear reports is refused by the operation.
Why no other engine: docs/adr/0011-bulk-matching.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearhouse.clearing.intake.operations import arrived_after
from clearhouse.clearing.match import _index, _store
from clearhouse.clearing.match.matching import match_reports
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk

TOGETHER = 64
"""So many reports are matched in one transaction."""
_PAGE = 1000
_PACK_EVERY = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the archive is matched."""

    seen: int
    """Reports passed, those that had been matched before included."""
    matched: int
    """Reports matched now."""


def begin_again(desk: Desk) -> int:
    """Empty the index and ask for every report to be matched anew, as after a new model.

    Findings, edges and what people said stay; until `match_archive` has been through, new reports
    are compared with those that it has passed, and the later ones with them in their turn.
    """
    with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
        _index.clear(machinery)
        return _store.forget_rules(machinery)


def match_archive(desk: Desk, after_each: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Match every report that waits for it, in order of arrival."""
    seen = matched = packed = 0
    for page in _pages(desk):
        left, wait = page, False
        while left:
            found = _match(desk, left[:TOGETHER], wait=wait)
            wait = not found.passed
            left = [*found.locked, *left[TOGETHER:]]
            seen, matched = seen + found.passed, matched + found.matched
            if matched - packed >= _PACK_EVERY:
                _pack(desk)
                packed = matched
            after_each(Progress(seen=seen, matched=matched))
    _pack(desk)
    return Progress(seen=seen, matched=matched)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    passed: int
    matched: int
    locked: list[ReportId]
    """Those that another transaction was at; they are looked at once more."""


def _pages(desk: Desk) -> Iterator[list[ReportId]]:
    last: ReportId | None = None
    while True:
        with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
            page = arrived_after(machinery, last, most=_PAGE)
        if not page:
            return
        yield page
        last = page[-1]


def _match(desk: Desk, report_ids: list[ReportId], *, wait: bool) -> _Batch:
    """Match what nobody else is at; with `wait`, wait for the first."""
    actor = desk.clearing_actor
    with desk.database.transaction(actor.actor_id) as machinery:
        waiting = _store.waiting(machinery, report_ids)
        found = match_reports(desk, machinery, actor, waiting, wait=wait) if waiting else {}
        locked = [one for one in waiting if one not in found]
        return _Batch(passed=len(report_ids) - len(locked), matched=len(found), locked=locked)


def _pack(desk: Desk) -> None:
    with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
        _index.pack_postings(machinery)
