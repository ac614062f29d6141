"""The evidence ladder: which levels are reached, and which nobody has attempted.

The highest level stands on top. A rung that was not attempted is drawn open: it says nothing
against the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, group, line, rect, text

_ROW, _WIDE, _SHORTEST, _STEP = 27, 420, 118, 14


class RungState(StrEnum):
    """What is known about one level."""

    REACHED = "reached"
    NOT_ESTABLISHED = "not established"
    """A higher level is reached, and this one is not part of it."""
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One level of evidence."""

    level: str
    label: str
    state: RungState


def ladder_picture(rungs: Sequence[Rung]) -> Markup:
    """Return the ladder; `rungs` start with the lowest level."""
    shapes = [line(33.5, 4, 33.5, len(rungs) * _ROW - 4, "rail")]
    for place, rung in enumerate(rungs):
        shapes.append(_rung(rung, place, (len(rungs) - 1 - place) * _ROW))
    return drawing(_WIDE, len(rungs) * _ROW, _sentence(rungs), shapes, look="ladder")


def _rung(rung: Rung, place: int, top: float) -> Markup:
    wide = _SHORTEST + place * _STEP
    base = top + 17
    shapes = [
        text(22, base, rung.level, "level", anchor="end"),
        rect(34, top + 2.5, wide, _ROW - 6, "step", round_=3),
        text(44, base, rung.label, "step-name"),
        text(34 + wide + 10, base, rung.state.value, "step-state"),
    ]
    return group(rung.state.value.replace(" ", "-"), shapes)


def _sentence(rungs: Sequence[Rung]) -> str:
    return "Evidence: " + "; ".join(f"{r.level} {r.label} {r.state.value}" for r in rungs)
