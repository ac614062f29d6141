"""Counts of the rooms for the first page, without anybody waiting for them in a large house.

In: a transaction of somebody. Out: what `route.survey` counts for exactly that actor, and when.
Small houses are counted anew each time. In a large one nobody waits: the page shows what was
counted last, at most some minutes ago, and one thread counts again beside it, so seldom that
looking never costs more than a fiftieth of a core, and hardly a page shares the store with it.
Nobody is ever shown another's counts.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clearhouse.clearing import route
from clearhouse.clearing.intake import listing
from clearhouse.kernel.store.database import Transaction

LARGE = 10_000
"""So many reports make a house large."""
_TIMES_AS_LONG = 50
_LONGEST_KEPT = timedelta(minutes=10)
_MOST_ACTORS = 200
_ON_ONE_CORE = "SET LOCAL max_parallel_workers_per_gather = 0"
"""Left alone, the store counts on every core, and a page waits for one."""

Counts = Mapping[str, Mapping[str, int]]
Opens = Callable[[], AbstractContextManager[Transaction]]
"""Opens another transaction of the same actor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Counts, and the instant they were true."""

    counts: Counts | None
    """None while they are counted for the first time."""
    at: datetime
    kept: bool = False
    """Whether they were counted for an earlier page."""


def is_large(transaction: Transaction) -> bool:
    """Say whether counting the whole house takes long, without counting."""
    return listing.estimated(transaction) >= LARGE


def _beside() -> Callable[[Callable[[], None]], object]:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="survey").submit


@dataclass(slots=True)
class Surveyor:
    """Counts, and remembers what took long to count."""

    count: Callable[[Transaction], Counts] = route.survey
    large: Callable[[Transaction], bool] = is_large
    clock: Callable[[], float] = time.monotonic
    beside: Callable[[Callable[[], None]], object] = field(default_factory=_beside)
    """Runs something while the page goes on."""
    _kept: dict[str, tuple[float, Survey]] = field(default_factory=dict)
    _counting: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def survey(self, transaction: Transaction, again: Opens) -> Survey:
        """Return the counts of the transaction's actor; `again` opens what counts beside it."""
        if not self.large(transaction):
            return Survey(counts=self.count(transaction), at=transaction.now)
        actor, now = str(transaction.actor), transaction.now
        with self._lock:
            until, kept = self._kept.get(actor, (float("-inf"), None))
            due = self.clock() >= until and actor not in self._counting
            if due:
                self._counting.add(actor)
        if due:
            self.beside(lambda: self._count_again(actor, again))
        if kept is None or now - kept.at > _LONGEST_KEPT:
            return Survey(counts=None, at=now)
        return Survey(counts=kept.counts, at=kept.at, kept=True)

    def _count_again(self, actor: str, again: Opens) -> None:
        begin = self.clock()
        try:
            with again() as transaction:
                transaction.execute(_ON_ONE_CORE)
                fresh = Survey(counts=self.count(transaction), at=transaction.now)
            end = self.clock()
            with self._lock:
                self._kept.pop(actor, None)
                self._make_room()
                self._kept[actor] = (end + (end - begin) * _TIMES_AS_LONG, fresh)
        finally:
            with self._lock:
                self._counting.discard(actor)

    def _make_room(self) -> None:
        while len(self._kept) >= _MOST_ACTORS:
            self._kept.pop(next(iter(self._kept)), None)
