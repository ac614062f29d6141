"""One byte string for one JSON value, so that hashes and signatures agree everywhere.

In: a JSON-compatible value. Out: its canonical UTF-8 bytes. Refused: NaN, infinities, integers
outside the IEEE 754 double range, which JSON readers do not agree about, and values nested
deeper than the stack.
Source: RFC 8785 (JSON Canonicalization Scheme).
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import cast

import orjson
import rfc8785

_MOST = 2**53 - 1
"""Greater integers are not the same number to every reader of JSON."""

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical_bytes(value: Json) -> bytes:
    """Serialize a JSON value canonically.

    Raises: ValueError when the value has no canonical form.
    """
    try:
        if _is_plain(value):
            with suppress(orjson.JSONEncodeError):
                return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]
    except RecursionError as error:
        raise ValueError("no canonical JSON form: nested too deeply") from error
    except ValueError as error:  # the library's own error, or a key with half a surrogate pair
        raise ValueError(f"no canonical JSON form: {type(error).__name__}") from error


def _is_plain(value: Json) -> bool:
    """Say whether a value has but one usual JSON form, so that the quick serializer writes it.

    What it would write otherwise are numbers with a fraction, and keys beyond ASCII, which are to
    be sorted by UTF-16.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -_MOST <= cast("int", value) <= _MOST
    if kind is dict:
        members = cast("dict[str, Json]", value).items()
        return all(type(key) is str and key.isascii() and _is_plain(own) for key, own in members)
    if kind is list or kind is tuple:
        return all(map(_is_plain, cast("Sequence[Json]", value)))
    return False


def digest(value: Json) -> str:
    """Return the lower-case hex SHA-256 of the canonical form."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
