"""Being one bug is an equivalence, whatever is merged, split and undone in whatever order."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.clearing.intake.record import Credit
from clearhouse.clearing.match.clusters import bridges, clusters, forbids
from clearhouse.clearing.match.record import Basis, Edge, Member, Relation

pytestmark = pytest.mark.no_cover

START = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = "abcdefghij"
MEMBERS = tuple(
    Member(
        report=name,
        finding=f"fin_{name}",
        received_at=START + timedelta(minutes=(i * 7) % 10),
        credits=(Credit(name=f"Finder {i % 4}"),),
    )
    for i, name in enumerate(NAMES)
)


def edge_of(number: int) -> Edge:
    """Return the edge of this number; small ones are plain, and every field comes to vary."""
    rest, place = number, []
    for choices in (NAMES, NAMES, tuple(Relation), tuple(Basis), (None, START)):
        rest, index = divmod(rest, len(choices))
        place.append(choices[index])
    left, right, relation, basis, retracted_at = place
    return Edge(
        id=f"edg_{number}", left=left, right=right, relation=relation, basis=basis, reasons=(),
        decided_by="per_x", decided_at=START, retracted_at=retracted_at,
    )  # fmt: skip


def numbered(edges: Sequence[Edge]) -> list[Edge]:
    return [replace(edge, id=f"{edge.id}_{place}") for place, edge in enumerate(edges)]


# One number an edge: drawing each field apart takes ten times as long.
edges = st.integers(0, len(NAMES) ** 2 * len(Relation) * len(Basis) * 2 - 1).map(edge_of)
histories = st.lists(edges, max_size=25).map(numbered)


def sets(found):
    return {frozenset(member.report for member in cluster.members) for cluster in found}


def reference(history):
    """Close the relation by brute force."""
    groups = {name: {name} for name in NAMES}
    for edge in history:
        if edge.joins and groups[edge.left] is not groups[edge.right]:
            union = groups[edge.left] | groups[edge.right]
            for name in union:
                groups[name] = union
    return {frozenset(group) for group in groups.values()}


@settings(max_examples=1000)
@given(histories)
def test_clusters_are_the_reflexive_symmetric_transitive_closure_of_joining_edges(history):
    found = clusters(MEMBERS, history)
    assert sets(found) == reference(history)
    assert sorted(m.report for c in found for m in c.members) == sorted(NAMES)


@settings(max_examples=500)
@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_reports_and_edges_changes_nothing(history, rng: random.Random):
    shuffled, members = list(history), list(MEMBERS)
    rng.shuffle(shuffled)
    rng.shuffle(members)
    turned = [replace(edge, left=edge.right, right=edge.left) for edge in shuffled]
    assert clusters(members, turned) == clusters(MEMBERS, history)


@settings(max_examples=500)
@given(histories, edges)
def test_undoing_a_merge_gives_back_what_was_there_before(history, edge):
    undone = replace(edge, retracted_at=START, retracted_by="per_x")
    assert clusters(MEMBERS, [*history, undone]) == clusters(MEMBERS, history)


@given(histories)
def test_similarity_and_retracted_edges_join_nothing(history):
    idle = [edge for edge in history if not edge.joins]
    assert len(clusters(MEMBERS, idle)) == len(MEMBERS)


@settings(max_examples=500)
@given(histories)
def test_a_finding_keeps_the_id_of_its_earliest_report_and_every_credit_once(history):
    for cluster in clusters(MEMBERS, history):
        arrivals = [(m.received_at, m.report) for m in cluster.members]
        assert arrivals == sorted(arrivals)
        assert cluster.finding == cluster.members[0].finding
        assert set(cluster.credits) == {c for m in cluster.members for c in m.credits}
        assert len(set(cluster.credits)) == len(cluster.credits)


@settings(max_examples=500)
@given(histories, st.frozensets(st.sampled_from(NAMES), max_size=5))
def test_retracting_the_bridges_parts_reports_from_all_others_and_touches_no_one_else(
    history, parted
):
    cut = bridges(history, parted)
    after = [replace(e, retracted_at=START) if e in cut else e for e in history]
    before, now = sets(clusters(MEMBERS, history)), sets(clusters(MEMBERS, after))
    for group in now:
        assert group <= parted or not group & parted
    assert {g for g in before if not g & parted} <= now


@settings(max_examples=500)
@given(histories, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_persons_word_stands_against_a_merge_through_any_path(history, left, right):
    groups = {name: group for group in reference(history) for name in group}
    said = [e for e in history if e.active and e.relation is Relation.DIFFERENT]
    expected = any({groups[e.left], groups[e.right]} == {groups[left], groups[right]} for e in said)
    assert (forbids(MEMBERS, history, left, right) is not None) == expected
