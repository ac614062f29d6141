"""A Merkle tree whose history cannot be rewritten unnoticed.

In: leaf bytes, and a lookup of stored subtree hashes. Out: roots, inclusion and consistency
proofs, and their verification. Nothing here stores anything; `NodeLookup` does.
A node at (level, index) is the root of the complete subtree over leaves
[index * 2**level, (index + 1) * 2**level).
Source: RFC 9162 §2.1 (hashing and proofs; the same tree as RFC 6962 §2.1).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeLookup = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Hash one entry. Source: RFC 9162 §2.1.1."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees. Source: RFC 9162 §2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def new_nodes(size: int, leaf: bytes, node: NodeLookup) -> Iterator[tuple[int, int, bytes]]:
    """Yield every (level, index, hash) that appending `leaf` to a tree of `size` completes."""
    level, index, current = 0, size, leaf
    yield level, index, current
    while index % 2 == 1:
        current = node_hash(node(level, index - 1), current)
        level, index = level + 1, index // 2
        yield level, index, current


class Peaks:
    """A growing tree kept as its complete subtrees only, so that any length fits in memory."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        current, index = leaf, self.size
        while index % 2 == 1:
            current, index = node_hash(self._peaks.pop(), current), index // 2
        self._peaks.append(current)
        self.size += 1

    def root(self) -> bytes:
        """Return the root hash of what was added. Source: RFC 9162 §2.1.1."""
        if not self._peaks:
            return EMPTY_ROOT
        current = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            current = node_hash(left, current)
        return current


def root(size: int, node: NodeLookup) -> bytes:
    """Return the root hash of the first `size` leaves. Source: RFC 9162 §2.1.1."""
    return EMPTY_ROOT if size == 0 else _subtree(0, size, node)


def inclusion_path(index: int, size: int, node: NodeLookup) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size`. Source: RFC 9162 §2.1.3.1.

    Raises: IndexError when the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} is not in a tree of {size}")
    return _inclusion(index, 0, size, node)


def consistency_path(old: int, new: int, node: NodeLookup) -> list[bytes]:
    """Return the proof that the tree of `new` extends the tree of `old`.

    Source: RFC 9162 §2.1.4.1. Raises: IndexError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise IndexError(f"no consistency between sizes {old} and {new}")
    if old in {0, new}:
        return []
    return _consistency(old, 0, new, node, whole=True)


def inclusion_holds(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes
) -> bool:
    """Verify an audit path. Source: RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, current = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            current = node_hash(sibling, current)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and current == expected_root


def consistency_holds(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Verify that the tree of `new` extends the tree of `old`. Source: RFC 9162 §2.1.4.2."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not path and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if not path:
        return False
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    fn, sn = old - 1, new - 1
    while fn % 2 == 1:
        fn, sn = fn >> 1, sn >> 1
    from_old = from_new = hashes[0]
    for sibling in hashes[1:]:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            from_old = node_hash(sibling, from_old)
            from_new = node_hash(sibling, from_new)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            from_new = node_hash(from_new, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and from_old == old_root and from_new == new_root


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count` (which is at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _subtree(start: int, end: int, node: NodeLookup) -> bytes:
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_subtree(start, middle, node), _subtree(middle, end, node))


def _inclusion(index: int, start: int, end: int, node: NodeLookup) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_inclusion(index, start, middle, node), _subtree(middle, end, node)]
    return [*_inclusion(index, middle, end, node), _subtree(start, middle, node)]


def _consistency(old: int, start: int, end: int, node: NodeLookup, *, whole: bool) -> list[bytes]:
    if old == end:
        return [] if whole else [_subtree(start, end, node)]
    middle = start + _split(end - start)
    if old <= middle:
        return [
            *_consistency(old, start, middle, node, whole=whole),
            _subtree(middle, end, node),
        ]
    return [
        *_consistency(old, middle, end, node, whole=False),
        _subtree(start, middle, node),
    ]
