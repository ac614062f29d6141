"""One byte string for one JSON value, so that hashes and signatures agree everywhere.

In: a JSON-compatible value. Out: its canonical UTF-8 bytes. Refused: NaN, infinities and
integers outside the IEEE 754 double range, which JSON readers do not agree about.
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
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"no canonical JSON form: {error}") from error


def digest(value: Json) -> str:
    """Return the lower-case hex SHA-256 of the canonical form."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
