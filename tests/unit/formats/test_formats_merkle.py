import hashlib

import pytest

from clearhouse.formats import merkle

# The eight entries that implementations of RFC 6962 have long been compared with.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def tree(count):
    nodes = {}
    for index, entry in enumerate(ENTRIES[:count]):
        leaf = merkle.leaf_hash(entry)
        for level, place, value in merkle.new_nodes(index, leaf, lambda *at: nodes[at]):
            nodes[level, place] = value
    return lambda level, index: nodes[level, index]


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_of_the_known_vectors(size):
    assert merkle.root(size, tree(size)).hex() == ROOTS[size]
    peaks = merkle.Peaks()
    for entry in ENTRIES[:size]:
        peaks.append(merkle.leaf_hash(entry))
    assert peaks.root().hex() == ROOTS[size]


def test_leaves_and_nodes_hash_apart():
    """A node cannot be passed off as a leaf. Source: RFC 9162 §2.1.1."""
    left, right = merkle.leaf_hash(b"l"), merkle.leaf_hash(b"r")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
    assert merkle.node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


def test_the_example_paths_of_the_standard_come_out():
    """Source: RFC 9162 §2.1.5, the tree of seven leaves, by the names of its nodes."""
    node = tree(7)
    a, b, c, d, _, f, j = (node(0, index) for index in range(7))
    g, h, i = node(1, 0), node(1, 1), node(1, 2)
    k, m = node(2, 0), merkle.node_hash(node(1, 2), j)
    assert merkle.inclusion_path(0, 7, node) == [b, h, m]
    assert merkle.inclusion_path(3, 7, node) == [c, g, m]
    assert merkle.inclusion_path(4, 7, node) == [f, j, k]
    assert merkle.inclusion_path(6, 7, node) == [i, k]
    assert merkle.consistency_path(3, 7, node) == [c, d, g, m]
    assert merkle.consistency_path(4, 7, node) == [m]
    assert merkle.consistency_path(6, 7, node) == [i, j, k]
    assert a != b


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (5, 3)])
def test_there_is_no_path_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(IndexError):
        merkle.inclusion_path(index, size, tree(8))
    assert not merkle.inclusion_holds(b"", index, size, [], b"")


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_there_is_no_consistency_with_a_larger_or_impossible_tree(old, new):
    with pytest.raises(IndexError):
        merkle.consistency_path(old, new, tree(8))
    assert not merkle.consistency_holds(old, new, b"", b"", [])


def test_trees_of_equal_or_no_size_need_no_path_and_no_faith():
    root = merkle.root(3, tree(3))
    other = merkle.root(4, tree(4))
    assert merkle.consistency_path(3, 3, tree(3)) == merkle.consistency_path(0, 3, tree(3)) == []
    assert merkle.consistency_holds(3, 3, root, root, [])
    assert not merkle.consistency_holds(3, 3, root, other, [])
    assert not merkle.consistency_holds(3, 3, root, root, [root])
    assert merkle.consistency_holds(0, 3, merkle.EMPTY_ROOT, root, [])
    assert not merkle.consistency_holds(0, 3, root, root, [])
    assert not merkle.consistency_holds(0, 3, merkle.EMPTY_ROOT, root, [root])
    assert merkle.consistency_holds(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])
    assert not merkle.consistency_holds(0, 0, merkle.EMPTY_ROOT, root, [])
    assert not merkle.consistency_holds(0, 0, root, root, [])
    assert not merkle.consistency_holds(2, 3, root, root, [])


def test_a_path_that_is_too_long_or_too_short_does_not_hold():
    node, root = tree(7), merkle.root(7, tree(7))
    path = merkle.inclusion_path(2, 7, node)
    assert merkle.inclusion_holds(node(0, 2), 2, 7, path, root)
    assert not merkle.inclusion_holds(node(0, 2), 2, 7, [*path, root], root)
    assert not merkle.inclusion_holds(node(0, 2), 2, 7, path[:-1], root)
    old = merkle.root(3, tree(3))
    proof = merkle.consistency_path(3, 7, node)
    assert merkle.consistency_holds(3, 7, old, root, proof)
    assert not merkle.consistency_holds(3, 7, old, root, [*proof, root])
    assert not merkle.consistency_holds(3, 7, old, root, proof[:-1])
