"""How strongly one reason speaks for or against a match: a bar right or left of the middle."""

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, line, rect

_HALF, _HIGH = 40, 12


def weight_bar(weight: float) -> Markup:
    """Return the bar of a weight between -1 and 1; beyond, the bar is full."""
    long = min(1.0, abs(weight)) * _HALF
    left = _HALF if weight >= 0 else _HALF - long
    side = "for" if weight >= 0 else "against"
    said = f"speaks {side}, {abs(weight):.2f}"
    shapes = [
        rect(0, 4, 2 * _HALF, 4, "track", round_=2),
        rect(left, 2, long, 8, side, round_=2),
        line(_HALF, 0, _HALF, _HIGH, "middle"),
    ]
    return drawing(2 * _HALF, _HIGH, said, shapes, look="weight")
