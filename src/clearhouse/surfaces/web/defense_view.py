"""What is shown of a result card: the verdict in a sentence, numbers, pictures. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from clearhouse.bench.statistics.intervals import wilson
from clearhouse.defense.compare.card import Card
from clearhouse.defense.compare.record import Relation
from clearhouse.defense.exercise.probe import ProbeResult
from clearhouse.defense.exercise.record import AlertLoad, Estimate, Exercise, Tier
from clearhouse.defense.scenario.grade import Claim
from clearhouse.surfaces.web.pictures.tool_bars import (
    Bar,
    Cell,
    Difference,
    Load,
    Point,
    cost_picture,
    forest_picture,
    heat_picture,
    load_picture,
    probe_picture,
    tier_picture,
)
from clearhouse.surfaces.web.pictures.tools import Curve, budget_picture, survival_picture
from clearhouse.surfaces.web.rendering import environment

BASELINES = frozenset({"sigma", "rarity", "suricata"})
_KINDS_DRAWN = 4
_STYLE = Path(__file__).parent / "static" / "clearhouse.css"
_TIERS = {
    Tier.ANY: "Something was said meanwhile",
    Tier.PLACE: "The right events or machine",
    Tier.PARENT: "… and the right technique",
    Tier.EXACT: "… and the right sub-technique",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One picture with what it is for."""

    title: str
    words: str
    picture: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCard:
    """The three numbers of one tool."""

    name: str
    place: int
    baseline: bool
    void: tuple[str, ...]
    found: str
    alarms: str
    at_ten: str
    faults: tuple[str, ...]


def counting(card: Card) -> list[Exercise]:
    """Return the exercises that count, the tool under test first."""
    found = [one for one in card.exercises if not one.void and one.steps]
    return sorted(found, key=lambda one: one.tool in BASELINES)


def verdict(card: Card) -> str:
    """Say in one sentence what was found of the tool under test."""
    ranked = counting(card)
    audit = card.audit
    about = f"{audit.attacks} attacks in {audit.steps} steps"
    if not ranked:
        return f"No tool has numbers that count on {about}: see what its self-test found."
    if not audit.allows(Claim.DETECTION):
        return f"The labels of {audit.pack} are graded {audit.grade}; nothing can be said of tools."
    tool = ranked[0]
    place = tool.tier(Tier.PLACE)
    found = percent(place.found) if place else "an unknown share"
    said = f"On {about}, {tool.tool} found {found} of the steps"
    if tool.load is not None and audit.allows(Claim.FALSE_ALARMS):
        said += f" at {per_day(tool.load.per_day)} false alarms a day"
    return f"{said}; {_against(card, tool)}."


def _against(card: Card, tool: Exercise) -> str:
    """Say how it stands to the baselines."""
    groups: dict[str, list[str]] = {}
    for one in card.comparisons:
        other = {one.first: one.second, one.second: one.first}.get(tool.tool)
        if other is None or other not in BASELINES:
            continue
        more = (one.relation is Relation.MORE) == (one.first == tool.tool)
        shown = "more than" if more else "fewer than"
        words = (
            "not distinguishable from" if one.relation is Relation.NOT_DISTINGUISHABLE else shown
        )
        groups.setdefault(words, []).append(other)
    said = [f"{words} {' and '.join(others)}" for words, others in groups.items()]
    return ", ".join(said) or "compared with nothing"


def per_day(value: float) -> str:
    """Return a rate with as many digits as it deserves."""
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def percent(estimate: Estimate) -> str:
    """Return a share with its interval and n, or that it could not be measured."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "not measured"
    return f"{estimate.value:.0%} [{estimate.low:.0%} to {estimate.high:.0%}, n = {estimate.n}]"


def unbroken(text: str) -> str:
    """Return text that no line break parts between n and its number."""
    return text.replace("n = ", "n\u00a0=\u00a0")


def tool_cards(card: Card) -> list[ToolCard]:
    """Return the numbers of each tool; void ones with the reason instead."""
    order = counting(card)
    void = [one for one in card.exercises if one not in order]
    return [_tool_card(card, one, place) for place, one in enumerate([*order, *void])]


def _tool_card(card: Card, one: Exercise, place: int) -> ToolCard:
    tier = one.tier(Tier.PLACE)
    ten = next((point.found for point in one.budget if point.groups_per_day == 10), None)
    quiet = one.load if card.audit.allows(Claim.FALSE_ALARMS) else None
    return ToolCard(
        name=one.tool,
        place=place,
        baseline=one.tool in BASELINES,
        void=one.void,
        found=unbroken(percent(tier.found)) if tier else "not measured",
        alarms=_alarms(quiet),
        at_ten=unbroken(percent(ten)) if ten else "not measured",
        faults=one.faults,
    )


def _alarms(load: AlertLoad | None) -> str:
    if load is None:
        return "not measured"
    return f"{per_day(load.per_day)} [{per_day(load.low)} to {per_day(load.high)}]"


def figures(card: Card) -> list[Figure]:
    """Return every picture that the results allow."""
    tools = counting(card)
    if not tools:
        return []
    made = [
        Figure(
            title="Found within an analyst's day",
            words="Steps found when only the most urgent groups of a day are read; bands are 95%.",
            picture=budget_picture([Curve(label=one.tool, points=_budget(one)) for one in tools]),
        ),
        Figure(
            title="Detection, and what chance would reach",
            words="Each tier asks for more. The red tick is what chance would reach.",
            picture=tier_picture(_tier_groups(tools)),
        ),
    ]
    if loads := _loads(tools):
        made.append(Figure(
            title="What an analyst reads on a quiet day",
            words="Groups of one kind, machine and hour in time without attacks; logarithmic.",
            picture=load_picture(loads),
        ))  # fmt: skip
    return [*made, *_more_figures(card, tools)]


def _more_figures(card: Card, tools: list[Exercise]) -> list[Figure]:
    made: list[Figure] = []
    waiting = [one for one in tools if one.time]
    if waiting:
        made.append(Figure(
            title="How long attacks go unseen",
            words="Kaplan-Meier: attacks that are never seen stay in the curve to the end.",
            picture=survival_picture(
                [Curve(label=one.tool, points=_unseen(one)) for one in waiting], 86_400.0
            ),
        ))  # fmt: skip
    if any(one.hunts for one in card.exercises):
        made.append(Figure(
            title="Hunting without a hint",
            words="Attacks found with so many questions, and how many findings were about one.",
            picture=tier_picture(_hunts(card, tools)),
        ))  # fmt: skip
    made.append(Figure(
        title="Which techniques are found",
        words="Outlined cells are certain to within half; pale ones rest on one or two steps.",
        picture=heat_picture([one.tool for one in tools], _heat(tools)),
    ))  # fmt: skip
    if card.comparisons:
        made.append(Figure(
            title="Tools against each other",
            words="Paired by attack. An open circle is no difference that can be claimed.",
            picture=forest_picture(_forest(card)),
        ))  # fmt: skip
    if card.probes:
        made.append(Figure(
            title="Does it hold when somebody tampers?",
            words="The same cases with a harmless change (first) and with the planted one.",
            picture=probe_picture(_probe_groups(card.probes, [one.tool for one in tools])),
        ))  # fmt: skip
    made.append(Figure(
        title="Cost and quality",
        words="Steps found in the right place against the time of one run.",
        picture=cost_picture(_costs(tools)),
    ))  # fmt: skip
    return made


def _budget(one: Exercise) -> list[tuple[float, float, float, float]]:
    return [
        (point.groups_per_day, point.found.value, point.found.low or 0.0, point.found.high or 1.0)
        for point in one.budget
        if point.found.value is not None
    ]


def _unseen(one: Exercise) -> list[tuple[float, float, float, float]]:
    assert one.time is not None  # noqa: S101 - only those are asked
    return [(point.seconds, point.unseen, point.low, point.high) for point in one.time.curve]


def _tier_groups(tools: Sequence[Exercise]) -> list[tuple[str, list[Bar]]]:
    return [
        (
            words,
            [
                Bar(
                    label=one.tool, tool=place, value=found.found.value, low=found.found.low,
                    high=found.found.high, chance=found.chance,
                    note="" if found.lift is None else f"lift {found.lift:.2f}",
                )
                for place, one in enumerate(tools)
                if (found := one.tier(tier)) is not None
            ],
        )
        for tier, words in _TIERS.items()
    ]  # fmt: skip


def _hunts(card: Card, order: Sequence[Exercise]) -> list[tuple[str, list[Bar]]]:
    """Return for each budget of questions what the hunters found."""
    groups: dict[int | None, list[Bar]] = {}
    for one in card.exercises:
        place = order.index(one) if one in order else len(order)
        for hunt in () if one.void else one.hunts:
            share = hunt.right.value or 0.0
            note = f"{round(share * hunt.right.n)} of {hunt.right.n}"
            groups.setdefault(hunt.queries, []).append(Bar(
                label=one.tool, tool=place, value=hunt.found.value, low=hunt.found.low,
                high=hunt.found.high, chance=hunt.chance, note=note,
            ))  # fmt: skip
    return [(f"{queries or 'Any number of'} questions", bars) for queries, bars in groups.items()]


def _loads(tools: Sequence[Exercise]) -> list[Load]:
    return [
        Load(
            label=one.tool,
            per_day=one.load.per_day,
            low=one.load.low,
            high=one.load.high,
            parts=[
                (_short(kind), count / one.load.days)
                for kind, count in one.load.by_kind[:_KINDS_DRAWN]
            ],
        )
        for one in tools
        if one.load is not None
    ]


def _short(kind: str) -> str:
    """Return the program of a kind that names a path, and no more than fits."""
    name = kind.replace("|", "\\").rpartition("\\")[2] if "|" in kind else kind
    return name if len(name) <= 28 else f"{name[:27]}…"


def _heat(tools: Sequence[Exercise]) -> list[tuple[str, dict[str, Cell]]]:
    names = sorted(
        {_parent(step.technique) for one in tools for step in one.steps if step.technique}
    )
    rows = []
    for name in names:
        cells = {}
        for one in tools:
            steps = [
                s for s in one.steps if s.technique and _parent(s.technique) == name and s.visible
            ]
            found = sum(Tier.PLACE in step.reached for step in steps)
            width = 1.0
            if steps:
                interval = wilson(found, len(steps))
                width = interval.high - interval.low
            cells[one.tool] = Cell(found=found, asked=len(steps) or None, width=width)
        rows.append((name, cells))
    return rows


def _parent(technique: str | None) -> str:
    return (technique or "").partition(".")[0]


def _forest(card: Card) -> list[Difference]:
    return [
        Difference(
            label=f"{one.first} - {one.second}",
            value=one.difference,
            low=one.low,
            high=one.high,
            words="not distinguishable"
            if one.relation is Relation.NOT_DISTINGUISHABLE
            else one.reason,
            shown=one.relation is not Relation.NOT_DISTINGUISHABLE,
        )
        for one in card.comparisons
    ]


def _probe_groups(
    probes: Sequence[ProbeResult], order: Sequence[str]
) -> list[tuple[str, list[Bar]]]:
    words = {
        "injection": "True alerts kept open: text planted in logs",
        "evasion": "Hits kept: commands spelt otherwise",
        "transplant": "Steps found: other names, another time",
    }
    groups: list[tuple[str, list[Bar]]] = []
    for kind, title in words.items():
        bars: list[Bar] = []
        for one in probes:
            if one.kind.value != kind:
                continue
            tool = order.index(one.tool) if one.tool in order else len(order)
            note = "caught" if one.caught else ""
            bars += [
                Bar(label=f"{one.tool}, harmless", tool=tool, value=one.control.value,
                    low=one.control.low, high=one.control.high, note=f"n = {one.cases}"),
                Bar(label="planted", tool=tool, value=one.planted.value,
                    low=one.planted.low, high=one.planted.high, note=note),
            ]  # fmt: skip
        if bars:
            groups.append((title, bars))
    return groups


def _costs(tools: Sequence[Exercise]) -> list[Point]:
    found = []
    for one in tools:
        tier = one.tier(Tier.PLACE)
        if one.cost is not None and tier is not None and tier.found.value is not None:
            found.append(
                Point(
                    label=one.tool, seconds=one.cost.seconds, found=tier.found.value,
                    money=one.cost.money,
                )
            )  # fmt: skip
    return found


def page_values(card: Card) -> dict[str, object]:
    """Return everything that the template shows."""
    return {
        "card": card,
        "verdict": unbroken(verdict(card)),
        "tools": tool_cards(card),
        "figures": figures(card),
        "percent": lambda estimate: unbroken(percent(estimate)),
        "tiers": _TIERS,
    }


def report(card: Card) -> str:
    """Return the report as one HTML file that needs nothing beside it."""
    style = Markup(_STYLE.read_text("utf-8"))  # noqa: S704 - our own style sheet
    page: str = (
        environment().get_template("defense/report.html").render(style=style, **page_values(card))
    )
    return page
