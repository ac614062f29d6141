"""Makes one flaw of all documents that speak of it, so that it counts once.

In: statements. Out: groups of those that share an id, directly or through others. Pure. Ids are
compared without case and without the mark `x_` of databases that OSV has not registered. Documents
that were withdrawn join nothing: a mistaken alias in one must not tie two flaws together.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from clearhouse.formats.statements import Statement
from clearhouse.kernel.disjoint import UnionFind

_UNREGISTERED: Final = "X_"


def names(statement: Statement) -> tuple[str, ...]:
    """Return all ids of a statement as they are compared."""
    spelled = [
        one.upper().removeprefix(_UNREGISTERED) for one in (statement.id, *statement.aliases)
    ]
    return tuple(dict.fromkeys(one for one in spelled if one))


def groups(statements: Sequence[Statement]) -> list[list[Statement]]:
    """Return the statements of each flaw together, in the order of first mention."""
    ids = [names(one) for one in statements]
    joined = UnionFind(one for several in ids for one in several)
    for own, *others in ids:
        for other in others:
            joined.join(own, other)
    found: dict[str, list[Statement]] = {}
    for one, (own, *_) in zip(statements, ids, strict=True):
        found.setdefault(joined.root(own), []).append(one)
    return list(found.values())


def spelled(statements: Iterable[Statement]) -> tuple[str, ...]:
    """Return all ids of a flaw as their databases write them, CVE ids first."""
    ids = {
        one.upper().removeprefix(_UNREGISTERED): one.removeprefix("x_")
        for statement in statements
        for one in (statement.id, *statement.aliases)
        if one
    }
    return tuple(sorted(ids.values(), key=lambda one: (not one.upper().startswith("CVE-"), one)))
