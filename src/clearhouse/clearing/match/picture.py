"""Draws why a report is suggested: one bar per reason, for to the right, against to the left.

In come reasons, out comes an SVG that stands alone, without scripts, foreign styles or links.
Texts are from strangers and are escaped. The words of each bar are there for readers who cannot
see it.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from clearhouse.clearing.match.record import Reason

WIDTH, ROW, LABEL, HALF = 720, 34, 16, 150
"""Sizes in CSS pixels: the picture, one row, its text, the longest bar."""
FOR, AGAINST, INK = "#1b6e53", "#a4382f", "#222"
TEXT_CHARS = 96


def picture(reasons: Sequence[Reason]) -> str:
    """Return the reasons as a picture, in the order given."""
    height = ROW * max(len(reasons), 1) + 12
    rows = "".join(_row(place, reason) for place, reason in enumerate(reasons))
    title = "What speaks for and against one bug" if reasons else "Nothing in common was found"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">'
        f"<title>{title}</title>"
        f'<line x1="{HALF}" y1="0" x2="{HALF}" y2="{height}" stroke="{INK}" stroke-width="1"/>'
        f"{rows}</svg>"
    )


def _row(place: int, reason: Reason) -> str:
    top = 6 + place * ROW
    share = max(-1.0, min(1.0, reason.weight))
    length = round(abs(share) * HALF, 1)
    start = HALF if share >= 0 else round(HALF - length, 1)
    said = escape(_shortened(reason.text))
    sign = "for" if share >= 0 else "against"
    return (
        f'<g><title>{sign}, {abs(share):.2f}: {said}</title><rect x="{start}" y="{top}"'
        f' width="{length}" height="{LABEL + 4}" fill="{FOR if share >= 0 else AGAINST}"/>'
        f'<text x="{2 * HALF + 12}" y="{top + LABEL}" fill="{INK}">{said}</text></g>'
    )


def _shortened(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return printable if len(printable) <= TEXT_CHARS else printable[: TEXT_CHARS - 1] + "…"
