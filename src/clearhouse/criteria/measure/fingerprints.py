"""Hashes of our own, since a log has none: of items, of samples, of the whole benchmark.

In: parsed JSON, or the bytes of a sample. Out: lower-case hex SHA-256. Two logs ran the same
benchmark when their data set hashes agree; whoever holds the items can compute it without any log.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

_ASKED = ("choices", "files", "id", "input", "setup", "target")


def item_sha256(sample: Mapping[str, object]) -> str | None:
    """Hash what was asked: id, input, choices, target, files and set-up; None without an input."""
    if sample.get("input") is None:
        return None
    asked = {name: sample[name] for name in _ASKED if sample.get(name) is not None}
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def dataset_sha256(items: Mapping[str, str | None]) -> str | None:
    """Hash a benchmark by its items, given by id; None when an item's content is not known."""
    if not items or None in items.values():
        return None
    return _over(f"{items[name]}" for name in sorted(items))


def samples_sha256(samples: Iterable[tuple[str, int, str]]) -> str:
    """Hash all samples, given as item, epoch and hash, whatever their order."""
    return _over(f"{epoch}:{sha}:{item}" for item, epoch, sha in sorted(samples))


def _over(lines: Iterable[str]) -> str:
    total = hashlib.sha256()
    for line in lines:
        total.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()
