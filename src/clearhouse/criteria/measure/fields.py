"""Take typed values out of parsed JSON that a stranger wrote; what has another type is absent."""

import math
from collections.abc import Mapping, Sequence
from typing import cast

from clearhouse.formats.canonical import Json

Fields = Mapping[str, object]


def fields(document: object, name: str | None = None) -> Fields:
    """Return an object, or the object under `name` in it; an empty one when there is none."""
    if name is not None:
        document = fields(document).get(name)
    # Parsed JSON has no other mappings, and asking for a dict is several times faster.
    return cast("Fields", document) if isinstance(document, dict) else {}


def listed(document: Fields, name: str) -> Sequence[object]:
    """Return the list under a name; an empty one when there is none."""
    value = document.get(name)
    return value if isinstance(value, list) else ()


def text(document: Fields, name: str) -> str | None:
    """Return the text under a name."""
    value = document.get(name)
    return value if isinstance(value, str) else None


def whole(document: Fields, name: str) -> int | None:
    """Return the whole number of zero or more under a name."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def number(document: Fields, name: str) -> float | None:
    """Return the finite number under a name."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None


def as_json(value: object) -> Json:
    """Return a parsed JSON value as such; numbers that JSON does not have become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value if isinstance(value, str | bool | int) else None
