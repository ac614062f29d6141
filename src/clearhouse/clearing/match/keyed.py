"""Keyed hashes of features, so that the index alone tells a thief nothing readable.

In comes a feature in the clear and the installation's index key, out comes a number or a few bytes
that are the same for the same feature under the same key, and look random without it. There is no
way back; a shared feature is shown in words by looking it up among the features of a report that
the reader may open.

Source: RFC 7693 §2.9 (BLAKE2b as a keyed hash).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from clearhouse.clearing.match.record import ExactKey, Features


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyedFeatures:
    """The exact features of one report as the index holds them."""

    package: int | None
    keys: Mapping[bytes, ExactKey]
    """The keys in the clear by their hash. Only the hashes are stored."""


class Numbers(dict[str, int]):
    """Signed 64-bit numbers for features of one kind; two features share one by chance only.

    Each is found out when it is first asked for.
    """

    def __init__(self, index_key: bytes, kind: str) -> None:
        super().__init__()
        self._started = _started(index_key, kind, 8)
        self._met = _met(index_key, kind)

    def __missing__(self, text: str) -> int:
        number = self._met.get(text)
        if number is None:
            number = int.from_bytes(_digest(self._started, text), "big", signed=True)
            if len(text) <= _SHORT:
                if len(self._met) >= _REMEMBERED:
                    self._met.clear()
                self._met[text] = number
        self[text] = number
        return number


_REMEMBERED, _SHORT = 100_000, 60
"""The numbers of so many texts are remembered between reports, of those that are not longer."""


@lru_cache(maxsize=8)
def _met(index_key: bytes, kind: str) -> dict[str, int]:  # noqa: ARG001 - one for each
    return {}


def keyed(index_key: bytes, features: Features) -> KeyedFeatures:
    """Hash the package and the exact keys of a report."""
    package = features.package
    return KeyedFeatures(
        package=None if package is None else Numbers(index_key, "package")[package],
        keys={_digest(_started(index_key, key.kind, 16), key.value): key for key in features.keys},
    )


def _digest(started: blake2b, text: str) -> bytes:
    own = started.copy()
    own.update(text.encode("utf-8", "surrogatepass"))
    return own.digest()


@lru_cache(maxsize=16)
def _started(index_key: bytes, kind: str, size: int) -> blake2b:
    """Return a hash that has read the key and nothing else; a copy of it is made sooner."""
    return blake2b(digest_size=size, key=index_key, person=kind.encode()[: blake2b.PERSON_SIZE])
