"""Counts of the rooms for the first page, kept for a moment where counting takes long.

In: a transaction of somebody. Out: what `route.survey` counts for exactly that actor, and when.
Small houses are counted anew each time. Where counting takes a noticeable time, one actor's counts
are kept for twenty times as long as they took, so that looking never costs more than a twentieth
of a core. Nobody is ever shown another's counts.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clearhouse.clearing import route
from clearhouse.kernel.store.database import Transaction

_NOTICEABLE_S = 0.1
_TIMES_AS_LONG = 20
_MOST_ACTORS = 200

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Counts, and the instant they were true."""

    counts: Counts
    at: datetime
    kept: bool = False
    """Whether they were counted for an earlier page."""


@dataclass(slots=True)
class Surveyor:
    """Counts, and remembers what took long to count."""

    count: Callable[[Transaction], Counts] = route.survey
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, Survey]] = field(default_factory=dict)

    def survey(self, transaction: Transaction) -> Survey:
        """Return the counts of the transaction's actor."""
        actor, begin = str(transaction.actor), self.clock()
        until, kept = self._kept.get(actor, (begin, None))
        if kept is not None and begin < until:
            return Survey(counts=kept.counts, at=kept.at, kept=True)
        fresh = Survey(counts=self.count(transaction), at=transaction.now)
        took = self.clock() - begin
        self._kept.pop(actor, None)
        if took > _NOTICEABLE_S:
            self._make_room()
            self._kept[actor] = (begin + took * _TIMES_AS_LONG, fresh)
        return fresh

    def _make_room(self) -> None:
        while len(self._kept) >= _MOST_ACTORS:
            self._kept.pop(next(iter(self._kept)), None)
