"""Put more lines in order than memory holds: sorted runs on disk, merged into one stream.

In: keys and lines in any order. Out: the same pairs in the order of the keys, those of one key in
the order in which they came. Memory holds one run, however many lines there are.
Source: external merge sort (Knuth, TAOCP 3, 5.4).
"""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

RUN_BYTES = 64 << 20
_ORDINAL_DIGITS = 12
_GAP = b"\t"


def in_order(pairs: Iterable[tuple[str, bytes]], scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Yield pairs of a key and a line by key. Neither may hold a line break, no key a tab."""
    runs = _runs(pairs, scratch)
    with ExitStack() as opened:
        files = [opened.enter_context(path.open("rb")) for path in runs]
        for entry in heapq.merge(*files):
            key, _, line = entry.rstrip(b"\n").partition(_GAP)
            yield key[:-_ORDINAL_DIGITS].decode(), line
    for path in runs:
        path.unlink()


def _runs(pairs: Iterable[tuple[str, bytes]], scratch: Path) -> list[Path]:
    made: list[Path] = []
    held: list[bytes] = []
    size_bytes = 0
    for ordinal, (key, line) in enumerate(pairs):
        entry = b"%s%0*d%s%s\n" % (key.encode(), _ORDINAL_DIGITS, ordinal, _GAP, line)
        held.append(entry)
        size_bytes += len(entry)
        if size_bytes >= RUN_BYTES:
            made.append(_run(held, scratch / f"run-{len(made)}"))
            held, size_bytes = [], 0
    if held:
        made.append(_run(held, scratch / f"run-{len(made)}"))
    return made


def _run(held: list[bytes], path: Path) -> Path:
    held.sort()
    with path.open("wb") as file:
        file.writelines(held)
    return path
