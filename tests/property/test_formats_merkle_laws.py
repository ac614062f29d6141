"""Our tree is the tree of RFC 9162: pymerkle, written by others, is the oracle."""

import pymerkle
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.formats import merkle

LARGEST = 70


class Grown:
    """Every size of one tree up to the largest, ours beside the oracle's."""

    def __init__(self) -> None:
        self.oracle = pymerkle.InmemoryTree(algorithm="sha256")
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.peaks = [merkle.EMPTY_ROOT]
        peaks = merkle.Peaks()
        for index in range(LARGEST):
            entry = b"entry %d" % index
            self.oracle.append_entry(entry)
            leaf = merkle.leaf_hash(entry)
            for level, place, value in merkle.new_nodes(index, leaf, self.node):
                self.nodes[level, place] = value
            peaks.append(leaf)
            self.peaks.append(peaks.root())

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def root(self, size: int) -> bytes:
        return merkle.root(size, self.node)


TREE = Grown()
sizes = st.integers(1, LARGEST)


@st.composite
def leaf_in_tree(draw):
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


@st.composite
def older_and_newer(draw):
    new = draw(sizes)
    return draw(st.integers(1, new)), new


def test_every_root_equals_the_oracles():
    for size in range(1, LARGEST + 1):
        assert TREE.root(size) == TREE.oracle.get_root(size) == TREE.peaks[size]
    assert TREE.root(0) == TREE.peaks[0] == merkle.EMPTY_ROOT


@given(leaf_in_tree())
def test_an_inclusion_path_holds_and_is_the_oracles(place):
    index, size = place
    path = merkle.inclusion_path(index, size, TREE.node)
    assert merkle.inclusion_holds(TREE.node(0, index), index, size, path, TREE.root(size))
    theirs = TREE.oracle.prove_inclusion(index + 1, size)
    assert sorted([TREE.node(0, index), *path]) == sorted(theirs.path)


@given(older_and_newer())
def test_a_consistency_path_holds_between_roots_that_the_oracle_proves_too(pair):
    old, new = pair
    path = merkle.consistency_path(old, new, TREE.node)
    old_root, new_root = TREE.oracle.get_root(old), TREE.oracle.get_root(new)
    assert merkle.consistency_holds(old, new, old_root, new_root, path)
    # Its paths are laid out in another way; that it proves the same roots is what counts.
    pymerkle.verify_consistency(old_root, new_root, TREE.oracle.prove_consistency(old, new))


def flipped(data: bytes, bit: int) -> bytes:
    place, shift = divmod(bit % (8 * len(data)), 8)
    return data[:place] + bytes([data[place] ^ (1 << shift)]) + data[place + 1 :]


@settings(max_examples=300)
@given(leaf_in_tree(), leaf_in_tree(), st.integers(0, 10_000), st.integers(0, 255))
def test_an_inclusion_path_breaks_when_any_bit_index_or_size_is_changed(place, other, which, bit):
    index, size = place
    leaf, root = TREE.node(0, index), TREE.root(size)
    path = merkle.inclusion_path(index, size, TREE.node)
    assert not merkle.inclusion_holds(flipped(leaf, bit), index, size, path, root)
    assert not merkle.inclusion_holds(leaf, index, size, path, flipped(root, bit))
    if path:
        step = which % len(path)
        bent = [*path[:step], flipped(path[step], bit), *path[step + 1 :]]
        assert not merkle.inclusion_holds(leaf, index, size, bent, root)
        assert not merkle.inclusion_holds(leaf, index, size, path[:step] + path[step + 1 :], root)
    elsewhere = other[0] % size
    if elsewhere != index:
        assert not merkle.inclusion_holds(leaf, elsewhere, size, path, root)
    if TREE.root(other[1]) != root:
        assert not merkle.inclusion_holds(leaf, index, size, path, TREE.root(other[1]))


@settings(max_examples=300)
@given(older_and_newer(), sizes, st.integers(0, 10_000), st.integers(0, 255))
def test_a_consistency_path_breaks_when_any_bit_or_size_is_changed(pair, other, which, bit):
    old, new = pair
    old_root, new_root = TREE.root(old), TREE.root(new)
    path = merkle.consistency_path(old, new, TREE.node)
    assert not merkle.consistency_holds(old, new, flipped(old_root, bit), new_root, path)
    assert not merkle.consistency_holds(old, new, old_root, flipped(new_root, bit), path)
    if path:
        step = which % len(path)
        bent = [*path[:step], flipped(path[step], bit), *path[step + 1 :]]
        assert not merkle.consistency_holds(old, new, old_root, new_root, bent)
        short = path[:step] + path[step + 1 :]
        assert not merkle.consistency_holds(old, new, old_root, new_root, short)
    if other not in (old, new):
        assert not merkle.consistency_holds(old, new, TREE.root(other), new_root, path)
        assert not merkle.consistency_holds(old, new, old_root, TREE.root(other), path)
