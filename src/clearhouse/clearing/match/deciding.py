"""Pairs that wait for a person, one after the other, and what a person says about one.

In: an actor. Out: the likeliest pair of reports that nobody has decided about, then the next; or,
for one pair and a word, the edge that keeps that word and can be taken back. Refused: what the
policy does not give, and a join against somebody's word.
A pair is decided when its reports are of one finding, or when somebody said that their findings
are siblings or different bugs.
"""

from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.match import _store, operations
from clearhouse.clearing.match.matching import NoSuchFindingError
from clearhouse.clearing.match.record import Basis, Edge, Relation
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, FindingId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

COUNTED = 100
"""How far waiting pairs are counted: whoever has more need not know how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A suggestion with the findings of its reports now."""

    edge: Edge
    left: FindingId
    right: FindingId
    said: tuple[Edge, ...]
    """What persons said about these two findings, in force, the newest first."""

    @property
    def decided(self) -> bool:
        """Whether nobody needs to look any more."""
        return self.left == self.right or bool(self.said)


def next_undecided(transaction: Transaction, *, after: str | None = None) -> str | None:
    """Return the edge of the likeliest undecided pair; with `after`, of the next one behind it."""
    return next(iter(_store.undecided(transaction, after=after, most=1)), None)


def count_undecided(transaction: Transaction) -> int:
    """Count undecided pairs, up to one more than `COUNTED`."""
    return len(_store.undecided(transaction, after=None, most=COUNTED + 1))


def decided_since(transaction: Transaction, actor_id: ActorId, since: datetime) -> bool:
    """Say whether somebody said since an instant what two reports are to each other."""
    row = transaction.one(
        "SELECT edge_id FROM match_edge WHERE basis = 'person' AND decided_by = %s"
        " AND decided_at >= %s LIMIT 1",
        [actor_id, since],
    )
    return row is not None


def pair(desk: Desk, transaction: Transaction, edge_id: str) -> Pair:
    """Return a suggestion with its reasons, decided or not.

    Call it in a transaction of its own, as `edges_of`.
    Raises: NoSuchFindingError.
    """
    edge = _suggestion(transaction, edge_id)
    left, right = findings_of(transaction, edge_id)
    edges = operations.edges_of(desk, transaction, left)
    reasons = {one.id: one for one in edges}
    return Pair(
        edge=reasons.get(edge_id, edge),
        left=left,
        right=right,
        said=tuple(
            one
            for one in reversed(edges)
            if one.active
            and one.basis is Basis.PERSON
            and {operations.finding_of(transaction, end) for end in (one.left, one.right)}
            == {left, right}
        ),
    )


def findings_of(transaction: Transaction, edge_id: str) -> tuple[FindingId, FindingId]:
    """Return the findings that the two reports of a suggestion belong to now.

    Raises: NoSuchFindingError.
    """
    edge = _suggestion(transaction, edge_id)
    left, right = (operations.finding_of(transaction, end) for end in (edge.left, edge.right))
    return left, right


def told(transaction: Transaction, edge_id: str) -> Edge | None:
    """Return what somebody said, without its reasons; None when it is taken back or not there."""
    edge = _store.edge(transaction, edge_id)
    return edge if edge is not None and edge.active and edge.basis is Basis.PERSON else None


def word(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    edge_id: str,
    relation: Relation,
    *,
    note: str,
) -> str | None:
    """Write down what a person says about a pair and return the edge that keeps the word.

    None when the pair was one finding already, so that nothing was said.
    Raises: NoSuchFindingError, ForbiddenError, SaidDifferentError.
    """
    left, right = findings_of(transaction, edge_id)
    if left == right:
        return None
    if relation is not Relation.SAME:
        return operations.relate(
            desk, transaction, actor, left, right, relation=relation, note=note
        ).id
    joined = operations.merge(desk, transaction, actor, left, right, note=note)
    members = operations.finding(desk, transaction, joined).report_ids
    return next(
        one.id
        for one in reversed(_store.edges_of(transaction, members))
        if one.basis is Basis.PERSON and one.active and one.decided_at == transaction.now
    )


def _suggestion(transaction: Transaction, edge_id: str) -> Edge:
    edge = _store.edge(transaction, edge_id)
    if edge is None or edge.relation is not Relation.SUGGESTED:
        raise NoSuchFindingError("no suggestion with this id that you may read")
    return edge
