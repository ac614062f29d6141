"""Turn what a scorer wrote into a number, or into nothing.

In: a score's value as JSON. Out: a finite number, by part where the value has parts. Whatever is no
number is None: it must not look like a failure of the model.
Source: Inspect `value_to_float` (C 1, I and N 0, P 0.5, yes/true 1, no/false 0, numerals).
"""

import math
from collections.abc import Mapping

_WORDS: Mapping[str, float] = {
    "c": 1.0, "i": 0.0, "n": 0.0, "p": 0.5, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0,
}  # fmt: skip


def as_number(value: object) -> float | None:
    """Return the number that a scalar value stands for, None when it stands for none."""
    if isinstance(value, str):
        lowered = value.lower()
        # One-letter values count in capitals only, as the format has them.
        if lowered in _WORDS and (len(value) > 1 or value.isupper()):
            return _WORDS[lowered]
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def by_part(scorer: str, value: object) -> dict[str, float | None]:
    """Return the numbers of a score by name: the scorer, or `scorer.part` for each part."""
    if isinstance(value, Mapping):
        return {f"{scorer}.{part}": as_number(inner) for part, inner in value.items()}
    return {scorer: as_number(value)}
