"""How many had patched by which day, as bars; what is not said is hatched and says so.

In: rounded numbers of one advisory. Out: a picture. Refused: nothing.
"""

from collections.abc import Iterator

from markupsafe import Markup

from clearhouse.clearing.deliver.reach import Reach
from clearhouse.surfaces.web.pictures import svg

_WIDTH, _ROW, _LEFT, _FULL = 460, 30, 150, 220


def reach_picture(told: Reach) -> Markup:
    """Draw the operators that are affected, and those who had patched by each day."""
    rows = [("affected", told.affected)]
    rows += [(f"patched in {days} days", count) for days, count in told.fixed_within]
    most = max((count for _, count in rows if count), default=1)
    title = "; ".join(f"{name}: {_said(count, told.group)}" for name, count in rows)
    return svg.drawing(
        _WIDTH, _ROW * len(rows) + 6, title, _bars(rows, most, told.group), look="reach"
    )


def _bars(rows: list[tuple[str, int | None]], most: int, group: int) -> Iterator[Markup]:
    for place, (name, count) in enumerate(rows):
        y = place * _ROW + 6
        yield svg.text(_LEFT - 10, y + 15, name, "", anchor="end")
        if count is None:
            yield svg.rect(_LEFT, y + 2, _FULL * min(1, group / most), 18, "nothing", round_=3)
        else:
            yield svg.rect(_LEFT, y + 2, _FULL * count / most, 18, "fill tool-0", round_=3)
        end = _LEFT + _FULL * min(1, (count or group) / most) + 8
        yield svg.text(end, y + 15, _said(count, group), "soft")


def _said(count: int | None, group: int) -> str:
    return f"fewer than {group}" if count is None else f"{count} or more"
