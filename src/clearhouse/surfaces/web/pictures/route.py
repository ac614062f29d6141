"""The route with its rooms: how many passed each, where things wait, and for how long.

Each room leads to the page where it is looked at. Two shapes of the same picture: lying for wide
screens, standing for narrow ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Literal

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import (
    drawing,
    group,
    joined,
    line,
    linked,
    path,
    rect,
    text,
)

_BOX, _GAP, _HIGH = 132, 18, 106
_ROW, _ROW_GAP, _ROW_WIDE = 40, 12, 328


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomCount:
    """One room as the picture shows it."""

    room: str
    what: str
    """What comes out of it, with its plural: `findings`."""
    count: int | None
    """How many came out; None when the room has nothing to count yet."""
    waiting: int = 0
    """How many stand before its door."""
    oldest: timedelta | None = None
    """For how long the oldest of them has; None when nobody knows."""
    address: str | None = None
    """Where the room is looked at."""


def route_picture(rooms: Sequence[RoomCount]) -> Markup:
    """Return the route in both shapes; the style sheet shows the one that fits."""
    return _drawn(tuple(rooms))


@lru_cache(maxsize=64)
def _drawn(rooms: tuple[RoomCount, ...]) -> Markup:
    """Draw the same counts once: a large house is counted seldom and looked at often."""
    said = "The route: " + "; ".join(_sentence(room) for room in rooms)
    return joined([_lying(rooms, said), _standing(rooms, said)])


def _role(rooms: Sequence[RoomCount]) -> Literal["img", "group"]:
    return "group" if any(room.address for room in rooms) else "img"


def _sentence(room: RoomCount) -> str:
    count = "nothing counted" if room.count is None else f"{room.count} {room.what}"
    waits = f", {room.waiting} waiting" if room.waiting else ""
    since = f", the oldest for {_age(room.oldest)}" if room.oldest is not None else ""
    return f"{room.room}: {count}{waits}{since}"


def _age(length: timedelta) -> str:
    """Return a length of time in its largest unit."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "a moment"


def _lying(rooms: Sequence[RoomCount], said: str) -> Markup:
    width = len(rooms) * (_BOX + _GAP) - _GAP
    shapes = []
    for place, room in enumerate(rooms):
        left = place * (_BOX + _GAP)
        if place:
            shapes.append(_arrow_right(left - _GAP + 2, _HIGH / 2))
        shapes.append(_box(room, left))
    return drawing(width, _HIGH, said, shapes, look="route wide-only", role=_role(rooms))


def _box(room: RoomCount, left: float) -> Markup:
    middle = left + _BOX / 2
    shapes = [
        rect(left + 0.5, 0.5, _BOX - 1, _HIGH - 1, "room", round_=6),
        text(middle, 22, room.room, "room-name", anchor="middle"),
        text(middle, 54, _count(room), "room-count", anchor="middle"),
    ]
    if room.waiting:
        shapes += [
            rect(left + 16, 63, _BOX - 32, 20, "pill", round_=10),
            text(middle, 77, f"{room.waiting:,} waiting", "pill-text", anchor="middle"),
        ]
    else:
        shapes.append(text(middle, 80, room.what, "room-what", anchor="middle"))
    if room.oldest is not None:
        words = f"oldest {_age(room.oldest)}"
        shapes.append(text(middle, 98, words, "room-what", anchor="middle"))
    return _led(room, group(_look(room), shapes))


def _led(room: RoomCount, drawn: Markup) -> Markup:
    return drawn if room.address is None else linked(room.address, drawn)


def _standing(rooms: Sequence[RoomCount], said: str) -> Markup:
    height = len(rooms) * (_ROW + _ROW_GAP) - _ROW_GAP
    shapes = []
    for place, room in enumerate(rooms):
        top = place * (_ROW + _ROW_GAP)
        if place:
            shapes.append(line(28, top - _ROW_GAP + 1, 28, top - 1, "flow"))
        shapes.append(_row(room, top))
    return drawing(_ROW_WIDE, height, said, shapes, look="route narrow-only", role=_role(rooms))


def _row(room: RoomCount, top: float) -> Markup:
    base = top + 26
    shapes = [
        rect(0.5, top + 0.5, _ROW_WIDE - 1, _ROW - 1, "room", round_=6),
        text(14, base, room.room, "room-name"),
        text(150, base, _count(room), "room-count small", anchor="end"),
    ]
    if room.waiting:
        since = "" if room.oldest is None else f", {_age(room.oldest)}"
        words = f"{room.waiting:,} wait{since}"
        shapes.append(text(_ROW_WIDE - 14, base, words, "wait", anchor="end"))
    else:
        shapes.append(text(158, base, room.what, "room-what"))
    return _led(room, group(_look(room), shapes))


def _look(room: RoomCount) -> str:
    return "waits" if room.waiting else "idle" if not room.count else "clear"


def _count(room: RoomCount) -> str:
    return "-" if room.count is None else f"{room.count:,}"


def _arrow_right(x: float, y: float) -> Markup:
    end = x + _GAP - 4
    return path(f"M{x} {y}H{end}m-5 -4l5 4l-5 4", "flow")
