"""The group ristretto255, as libsodium computes it.

In: scalars and elements as 32 bytes each. Out: the same. Refused with `GroupError`: what is no
element, and products that are the identity. libsodium is loaded when the first operation asks for
it, so that whoever looks nothing up needs not load it.
Source: RFC 9496; libsodium, "Point*scalar multiplication: Ristretto".
"""

import contextlib
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

ELEMENT_BYTES = 32
SCALAR_BYTES = 32
_IDENTITY = bytes(ELEMENT_BYTES)


class GroupError(ValueError):
    """No element of the group, or an operation that gives its identity."""


@cache
def _sodium() -> ModuleType:
    import rbcl  # noqa: PLC0415 - see the rule above

    # It writes the library to a temporary file, loads that and leaves it. Loaded, the file is
    # needed no more; where a loaded file cannot be removed (Windows), it stays.
    with contextlib.suppress(OSError):
        Path(importlib.import_module("rbcl._sodium").lib_path).unlink()
    module: ModuleType = rbcl
    return module


def is_element(element: bytes) -> bool:
    """Say whether bytes are a valid element other than the identity; both are public."""
    if len(element) != ELEMENT_BYTES or element == _IDENTITY:
        return False
    return bool(_sodium().crypto_core_ristretto255_is_valid_point(element))


def is_scalar(scalar: bytes) -> bool:
    """Say whether bytes are a scalar in its one canonical form; for public scalars."""
    return len(scalar) == SCALAR_BYTES and reduced(scalar + bytes(SCALAR_BYTES)) == scalar


def random_scalar() -> bytes:
    """Draw a scalar other than 0."""
    return bytes(_sodium().crypto_core_ristretto255_scalar_random())


def reduced(wide: bytes) -> bytes:
    """Return the scalar of 64 bytes, the least significant first."""
    return bytes(_sodium().crypto_core_ristretto255_scalar_reduce(wide))


def from_hash(uniform: bytes) -> bytes:
    """Return the element of 64 uniform bytes."""
    return bytes(_sodium().crypto_core_ristretto255_from_hash(uniform))


def times_base(scalar: bytes) -> bytes:
    """Return the generator times a scalar; the identity for 0."""
    return bytes(_sodium().crypto_scalarmult_ristretto255_base_allow_scalar_zero(scalar))


def times(scalar: bytes, element: bytes) -> bytes:
    """Return an element times a scalar.

    Raises: GroupError when the product is the identity, or the element is none.
    """
    try:
        return bytes(_sodium().crypto_scalarmult_ristretto255(scalar, element))
    except (RuntimeError, ValueError) as error:
        raise GroupError("no element of the group, or its identity") from error


def plus(one: bytes, other: bytes) -> bytes:
    """Return the sum of two elements, either of which may be the identity."""
    return bytes(_sodium().crypto_core_ristretto255_add(one, other))


def add(one: bytes, other: bytes) -> bytes:
    """Return the sum of two scalars."""
    return bytes(_sodium().crypto_core_ristretto255_scalar_add(one, other))


def subtract(one: bytes, other: bytes) -> bytes:
    """Return one scalar less another."""
    return bytes(_sodium().crypto_core_ristretto255_scalar_sub(one, other))


def multiply(one: bytes, other: bytes) -> bytes:
    """Return the product of two scalars."""
    return bytes(_sodium().crypto_core_ristretto255_scalar_mul(one, other))


def invert(scalar: bytes) -> bytes:
    """Return the scalar whose product with this one is 1.

    Raises: GroupError for 0.
    """
    try:
        return bytes(_sodium().crypto_core_ristretto255_scalar_invert(scalar))
    except (RuntimeError, ValueError) as error:
        raise GroupError("0 has no inverse") from error
