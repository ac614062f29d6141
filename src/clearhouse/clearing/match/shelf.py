"""Keeps in this process what the index holds of reports, so that it is not sent again and again.

In come the stamps that the store gives its rows now, out comes what is kept under the same stamps;
anything else is gone or newer in the store. What was used last is kept longest. Like the index, it
holds keyed hashes alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
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
        self._kept: OrderedDict[int, tuple[bytes, Filed]] = OrderedDict()
        self._turn = threading.Lock()

    def of(self, stamps: Mapping[int, bytes]) -> dict[int, Filed]:
        """Return what is kept of reports, by serial number, where the stamp is still the same."""
        found = {}
        with self._turn:
            for serial, stamp in stamps.items():
                kept = self._kept.get(serial)
                if kept is not None and kept[0] == stamp:
                    self._kept.move_to_end(serial)
                    found[serial] = kept[1]
        return found

    def put(self, read: Mapping[int, tuple[bytes, Filed]]) -> None:
        """Keep what was read, and let go of what was not used for longest."""
        with self._turn:
            for serial, (stamp, one) in read.items():
                self._let_go(serial)
                self._kept[serial] = stamp, one
                self._held += len(one.packed)
            while self._held > self._room:
                self._let_go(next(iter(self._kept)))

    def _let_go(self, serial: int) -> None:
        kept = self._kept.pop(serial, None)
        if kept is not None:
            self._held -= len(kept[1].packed)


_SHELVES: WeakKeyDictionary[Database, Shelf] = WeakKeyDictionary()


def shelf_of(database: Database) -> Shelf:
    """Return the shelf of a store."""
    return _SHELVES.setdefault(database, Shelf())
