"""One byte string for one JSON value, so that hashes and signatures agree everywhere.

In: a JSON-compatible value. Out: its canonical UTF-8 bytes. Refused: NaN, infinities, integers
outside the IEEE 754 double range, which JSON readers do not agree about, and values nested
deeper than the stack.
Source: RFC 8785 (JSON Canonicalization Scheme).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

import rfc8785

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical_bytes(value: Json) -> bytes:
    """Serialize a JSON value canonically.

    Raises: ValueError when the value has no canonical form.
    """
    try:
        return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]
    except RecursionError as error:
        raise ValueError("no canonical JSON form: nested too deeply") from error
    except ValueError as error:  # the library's own error, or a key with half a surrogate pair
        raise ValueError(f"no canonical JSON form: {type(error).__name__}") from error


def digest(value: Json) -> str:
    """Return the lower-case hex SHA-256 of the canonical form."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
