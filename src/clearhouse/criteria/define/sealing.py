"""Commit to a value without showing it, and open it later so that all can check.

In: a field such as `exploit.above`, a value, and 32 random bytes. Out: the hash to publish. Opening
takes value and blinding and is refused with `CriterionError` when they do not fit: then either the
file or the opening is not the one that was committed to. Without blinding, a threshold of two
digits could be guessed from its hash.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from clearhouse.criteria.define.record import (
    All,
    AnyOf,
    Clause,
    Criterion,
    CriterionError,
    Metric,
    Not,
    Sealed,
    Value,
)
from clearhouse.formats.canonical import digest

_BLINDING_HEX = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What opens a sealed value."""

    value: float
    blinding: str
    """64 hexadecimal digits."""


def commitment(field: str, opening: Opening) -> str:
    """Return the hash that commits to a value."""
    return digest({"field": field, "value": opening.value, "blinding": opening.blinding})


def read_openings(text: str) -> dict[str, Opening]:
    """Read openings: a JSON object of field to value and blinding.

    Raises: CriterionError.
    """
    try:
        document = json.loads(text)
        found = {
            field: Opening(value=float(one["value"]), blinding=str(one["blinding"]))
            for field, one in document.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CriterionError(
            'openings are a JSON object such as {"exploit.above": {"value": 0.5, "blinding": "…"}}'
        ) from error
    short = [field for field, one in found.items() if len(one.blinding) != _BLINDING_HEX]
    if short:
        raise CriterionError(f"the blinding of {short[0]} is not 64 hexadecimal digits")
    return found


def opened(criterion: Criterion, openings: Mapping[str, Opening]) -> Criterion:
    """Return the criterion with its sealed values in the open; its hash stays.

    Raises: CriterionError when an opening is missing or does not fit its commitment.
    """
    for field, sealed in criterion.sealed.items():
        if field not in openings:
            raise CriterionError(f"{field} is sealed; {sealed.holder} can open it")
        if commitment(field, openings[field]) != sealed.sha256:
            raise CriterionError(f"the opening of {field} does not fit what was committed to")
    return replace(criterion, rule=_opened(criterion.rule, openings))


def _opened(clause: Clause, openings: Mapping[str, Opening]) -> Clause:
    if isinstance(clause, Metric):

        def value(name: str, held: Value | None) -> Value | None:
            return openings[f"{clause.id}.{name}"].value if isinstance(held, Sealed) else held

        above = value("above", clause.above)
        if above is None:  # a metric always has a threshold
            raise AssertionError(clause.id)
        return replace(clause, above=above, alert_above=value("alert_above", clause.alert_above))
    if isinstance(clause, Not):
        return Not(part=_opened(clause.part, openings))
    if isinstance(clause, All | AnyOf):
        return type(clause)(parts=tuple(_opened(part, openings) for part in clause.parts))
    return clause
