"""Draws what the simulation of deconfliction found, as one SVG that stands alone.

In: the simulation's document. Out: three panels: duplicate work avoided, hits and false hits by
grain, and how much of a dictionary is tried within the quota.
"""

import itertools
import math

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import circle, group, joined, line, rect, text

WIDE, HIGH = 900, 640
LOOK = Markup("""
svg{font:13px system-ui,sans-serif;fill:#1d2733;background:#fff}
.title{font-size:15px;font-weight:600}.soft{fill:#5c6b7a;font-size:12px}
.axis{stroke:#c3ccd5;stroke-width:1}.fine{fill:#2563a8}.wide{fill:#9cc3ea}
.hit{fill:#2563a8}.false{fill:#c2410c}.curve{stroke:#2563a8;stroke-width:2}
.salted{stroke:#c2410c;stroke-width:2;stroke-dasharray:5 4}.dot{fill:#2563a8}
.paper{fill:#fff}
""")


def plotted(found: dict) -> str:
    """Return the drawing."""
    shapes = [
        rect(0, 0, WIDE, HIGH, "paper"),
        group("work", _work(found["duplicate work avoided"]["naming a place"], 40, 40)),
        group("grains", _grains(found["by grain"], 470, 40)),
        group("attack", _attack(found["dictionary"], 40, 380)),
    ]
    title = "Duplicate work avoided, hits and false hits by grain, and a dictionary attack"
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" height="{}"'
            ' role="img" aria-label="{}"><title>{}</title><style>{}</style>{}</svg>\n'
        ).format(WIDE, HIGH, WIDE, HIGH, title, title, LOOK, joined(shapes))
    )


def _work(found: dict, x: float, y: float) -> list[Markup]:
    said = "where both texts name a place; by how much labs overlap"
    shapes = [text(x, y, "Duplicate work avoided", "title"), text(x, y + 18, said, "soft")]
    floor, tall = y + 250, 190
    for place, (name, grains) in enumerate(found.items()):
        left = x + 20 + place * 120
        for step, (look, one) in enumerate(zip(("fine", "wide"), grains.values(), strict=True)):
            high = one["share avoided"] * tall
            shapes.append(rect(left + step * 42, floor - high, 38, high, look))
            said = f"{one['share avoided']:.0%}"
            shapes.append(text(left + step * 42 + 19, floor - high - 6, said, "n", anchor="middle"))
        shapes.append(text(left + 40, floor + 18, name, "n", anchor="middle"))
    shapes.append(line(x, floor, x + 370, floor, "axis"))
    for left, look, said in (
        (x, "fine", "file, function and family"), (x + 180, "wide", "and names alone")
    ):  # fmt: skip
        shapes += [
            rect(left, floor + 32, 12, 12, look),
            text(left + 18, floor + 43, said, "soft"),
        ]
    return shapes


def _grains(found: dict, x: float, y: float) -> list[Markup]:
    said = "of pairs of one flaw that both name it; below, of all pairs of two flaws"
    shapes = [text(x, y, "What shares a fingerprint, by grain", "title"),
              text(x, y + 18, said, "soft")]  # fmt: skip
    for place, (name, one) in enumerate(found.items()):
        top, hit = y + 48 + place * 34, one["hit rate where both name it"]
        told = f"{hit:.0%} of {one['of these both name it']}"
        shapes += [
            text(x + 155, top + 10, name.replace("package+", ""), "n", anchor="end"),
            rect(x + 165, top - 4, hit * 200, 9, "hit"),
            rect(x + 165, top + 7, one["false hit rate"] * 200, 9, "false"),
            text(x + 172 + hit * 200, top + 5, told, "soft"),
            text(x + 172 + one["false hit rate"] * 200, top + 17,
                 f"{one['false hit rate']:.2%} false", "soft"),
        ]  # fmt: skip
    return shapes


def _attack(found: dict, x: float, y: float) -> list[Markup]:
    shapes = [text(x, y, "Guesses of a dictionary that can be tried", "title"),
              text(x, y + 18, "share of all, by functions in the package; one party, one epoch",
                   "soft")]  # fmt: skip
    floor, tall, wide = y + 210, 160, 760
    ends = [math.log10(int(name.split()[0])) for name in found]
    points = [
        (x + 30 + (end - ends[0]) / (ends[-1] - ends[0]) * wide,
         floor - one["tried in an epoch"] * tall, name, one["tried in an epoch"])
        for end, (name, one) in zip(ends, found.items(), strict=True)
    ]  # fmt: skip
    shapes += [line(x, floor, x + wide + 60, floor, "axis"),
               line(x, floor - tall, x + wide + 60, floor - tall, "salted"),
               text(x + wide + 60, floor - tall - 6, "salted hash: everything, offline", "soft",
                    anchor="end")]  # fmt: skip
    for one, other in itertools.pairwise(points):
        shapes.append(line(one[0], one[1], other[0], other[1], "curve"))
    for left, top, name, share in points:
        shapes += [circle(left, top, 4, "dot"),
                   text(left, floor + 18, name, "n", anchor="middle"),
                   text(left + 8, top - 8, f"{share:.1%}", "soft")]  # fmt: skip
    return shapes
