"""Keeps in this process what the index holds of reports, so that it is not sent again and again.

What is kept holds until something is taken out of the index; the store numbers these removals. What
was used last is kept longest. Like the index, it holds keyed hashes alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from clearhouse.kernel.store.database import Database

ROOM = 256 * 2**20
"""So many bytes of packed sketches are kept at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filed:
    """What the index holds of one report for comparisons."""

    packed: bytes
    group: int
    """The serial number of the report that began its group."""


class Shelf:
    """What is kept of the reports of one store."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._held = 0
        self._removal = 0
        self._kept: OrderedDict[int, Filed] = OrderedDict()
        self._turn = threading.Lock()

    def of(self, removal: int, serials: Iterable[int]) -> dict[int, Filed]:
        """Return what is kept of reports, by serial number, after this removal from the index."""
        found = {}
        with self._turn:
            if self._holds_after(removal):
                for serial in serials:
                    kept = self._kept.get(serial)
                    if kept is not None:
                        self._kept.move_to_end(serial)
                        found[serial] = kept
        return found

    def put(self, removal: int, read: Mapping[int, Filed]) -> None:
        """Keep what was read after this removal, and let go of what was not used for longest."""
        with self._turn:
            if not self._holds_after(removal):
                return
            for serial, one in read.items():
                self._let_go(serial)
                self._kept[serial] = one
                self._held += len(one.packed)
            while self._held > self._room:
                self._let_go(next(iter(self._kept)))

    def _holds_after(self, removal: int) -> bool:
        """Begin anew after a later removal; say no to who has not heard of the latest."""
        if removal > self._removal:
            self._removal, self._held = removal, 0
            self._kept.clear()
        return removal == self._removal

    def _let_go(self, serial: int) -> None:
        kept = self._kept.pop(serial, None)
        if kept is not None:
            self._held -= len(kept.packed)


_SHELVES: WeakKeyDictionary[Database, Shelf] = WeakKeyDictionary()


def shelf_of(database: Database) -> Shelf:
    """Return the shelf of a store."""
    return _SHELVES.setdefault(database, Shelf())
