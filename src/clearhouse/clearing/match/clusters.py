"""Clusters: which reports are one finding, recomputed from the edges that count.

In come reports and edges, out come clusters. Only active edges of relation `same` that stand on a
proof or on a person join anything, so retracting an edge gives back exactly what was there before.
The result does not depend on the order of reports or edges. An edge to an unknown report is ours to
explain, not to skip: it raises `KeyError`.
"""

from collections.abc import Iterable
from datetime import datetime

from clearhouse.clearing.intake.record import Credit
from clearhouse.clearing.match.record import Cluster, Edge, Member, Relation
from clearhouse.kernel.disjoint import UnionFind


def clusters(members: Iterable[Member], edges: Iterable[Edge]) -> tuple[Cluster, ...]:
    """Return every finding with its reports, findings and reports in order of arrival."""
    ordered = sorted(members, key=_arrival)
    sets = _sets(ordered, edges)
    groups: dict[str, list[Member]] = {}
    for member in ordered:
        groups.setdefault(sets.root(member.report), []).append(member)
    return tuple(_cluster(tuple(group)) for group in groups.values())


def forbids(members: Iterable[Member], edges: Iterable[Edge], left: str, right: str) -> Edge | None:
    """Return a person's word that stands against joining two reports, or None.

    The word counts for everything that is already one with the two reports it was said about.
    """
    edges = tuple(edges)
    sets = _sets(members, edges)
    ends = {sets.root(left), sets.root(right)}
    for edge in edges:
        said = edge.active and edge.relation is Relation.DIFFERENT
        if said and {sets.root(edge.left), sets.root(edge.right)} == ends:
            return edge
    return None


def bridges(edges: Iterable[Edge], parted: frozenset[str]) -> tuple[Edge, ...]:
    """Return the joining edges between `parted` and all other reports.

    Retracting these, and no others, makes `parted` a finding (or several) of its own.
    """
    return tuple(e for e in edges if e.joins and (e.left in parted) != (e.right in parted))


def _sets(members: Iterable[Member], edges: Iterable[Edge]) -> UnionFind[str]:
    sets = UnionFind[str](member.report for member in members)
    for edge in edges:
        if edge.joins:
            sets.join(edge.left, edge.right)
    return sets


def _arrival(member: Member) -> tuple[datetime, str]:
    return member.received_at, member.report


def thanks(credits_in_order: Iterable[Iterable[Credit]]) -> tuple[Credit, ...]:
    """Join the credits of reports in order of arrival, each once."""
    return tuple(dict.fromkeys(credit for some in credits_in_order for credit in some))


def _cluster(members: tuple[Member, ...]) -> Cluster:
    return Cluster(
        finding=members[0].finding,
        members=members,
        credits=thanks(member.credits for member in members),
    )
