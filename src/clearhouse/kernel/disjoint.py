"""Which things belong together, when all that is said is that two of them do.

In: hashable things, all of them at the start, then pairs. Out: one thing that stands for each set.
Refused with `KeyError`: a thing that was not there at the start.
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing", bound=Hashable)


class UnionFind(Generic[_Thing]):
    """Disjoint sets, with path halving and union by size."""

    def __init__(self, things: Iterable[_Thing]) -> None:
        self._parent = {thing: thing for thing in things}
        self._size = dict.fromkeys(self._parent, 1)

    def root(self, thing: _Thing) -> _Thing:
        """Return the representative of a thing's set. Raises `KeyError` for a stranger."""
        parent = self._parent
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    def join(self, left: _Thing, right: _Thing) -> None:
        """Make two sets one."""
        big, small = self.root(left), self.root(right)
        if big == small:
            return
        if self._size[big] < self._size[small]:
            big, small = small, big
        self._parent[small] = big
        self._size[big] += self._size[small]
