"""How much somebody did, hour by hour: one bar an hour, the present hour last."""

from collections.abc import Sequence

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, line, rect, text

_BAR, _GAP, _HIGH, _FOOT = 18, 4, 72, 18


def hour_bars(acts: Sequence[int]) -> Markup:
    """Return the bars; the highest fills the picture and has its number."""
    most = max(acts, default=0)
    width = len(acts) * (_BAR + _GAP) - _GAP
    said = f"{sum(acts):,} acts in {len(acts)} hours, at most {most:,} in one hour"
    shapes = [line(0, _HIGH, width, _HIGH, "axis")]
    for place, count in enumerate(acts):
        if count:
            high = max(2.0, count / most * (_HIGH - 16))
            left = place * (_BAR + _GAP)
            shapes.append(rect(left, _HIGH - high, _BAR, high, "acts", round_=2))
    if most:
        at = list(acts).index(most) * (_BAR + _GAP) + _BAR / 2
        shapes.append(text(at, 11, f"{most:,}", "most", anchor="middle"))
    shapes.append(text(0, _HIGH + 14, f"{len(acts)} hours ago", "axis-text"))
    shapes.append(text(width, _HIGH + 14, "now", "axis-text", anchor="end"))
    return drawing(width, _HIGH + _FOOT, said, shapes, look="hours")
