"""The page of an operator: one file that answers three questions first, and prints well.

In: a `WatchReport`. Out: HTML that needs nothing beside it, runs no script and loads nothing.
Refused: nothing. All texts come from inventories and documents of strangers and are shown inert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Final

from markupsafe import Markup

from clearhouse.clearing.deliver.watch.record import Conclusion, Flaw, Hit, Unchecked, WatchReport
from clearhouse.formats.statements import RemedyKind
from clearhouse.surfaces.web.rendering import environment

_STYLE: Final = Path(__file__).parent / "static" / "clearhouse.css"
_FIRST: Final = 5
"""How many lines each of the three answers has on the first screen."""
_MOST_UNCHECKED: Final = 2000
_AROUND: Final = frozenset({RemedyKind.MITIGATION, RemedyKind.WORKAROUND})


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What to do on one asset or with one component, and by when."""

    due: date | None
    left: str
    """How long that is from now, in words."""
    late: bool
    what: str
    flaws: tuple[str, ...]
    forensic: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What to do about a flaw that cannot be patched yet."""

    flaw: str
    component: str
    text: str
    general: bool
    """Whether it is general advice, because no document names a workaround."""


def page(report: WatchReport) -> str:
    """Return the page as one HTML file."""
    style = Markup(_STYLE.read_text("utf-8"))  # noqa: S704 - our own style sheet
    made: str = (
        environment().get_template("operator/page.html").render(style=style, **values(report))
    )
    return made


def values(report: WatchReport) -> dict[str, object]:
    """Return what the template shows."""
    today = report.at.astimezone(UTC).date()
    dated = steps(report.flaws, today)
    unchecked = grouped(report.unchecked)
    return {
        "report": report,
        "verdict": verdict(report),
        "tone": {"affected": "bad", "not-evaluated": "warn", "clean": "good"}[report.conclusion],
        "in_short": in_short(report, dated),
        "steps": dated[:_FIRST],
        "more_steps": len(dated) - _FIRST,
        "clean": report.components - len(_settled(report)),
        "arounds": arounds(report.flaws)[:_FIRST],
        "worst": _worst(report.flaws),
        "unchecked": unchecked[:_MOST_UNCHECKED],
        "more_unchecked": max(0, len(unchecked) - _MOST_UNCHECKED),
        "left": lambda due: left(due, today),
        "workaround": lambda flaw: [one for one in flaw.remedies if one.kind in _AROUND],
        "fixes": lambda flaw: [one for one in flaw.remedies if one.kind is RemedyKind.FIX],
        "web": lambda links: [one for one in links if one.startswith(("https://", "http://"))][:4],
    }


def verdict(report: WatchReport) -> str:
    """Return the answer to the first question in one sentence."""
    found_nothing = "We cannot say. Nothing was found"
    of = f"of {_count(report.components, 'component')}"
    unsure = len(report.unchecked)
    if report.conclusion is Conclusion.AFFECTED:
        flaws = _count(len(report.flaws), "known flaw")
        return f"Yes. {flaws} in {report.affected_components} {of}."
    if report.conclusion is Conclusion.CLEAN:
        return (
            f"No. All {report.components} components were checked; nothing is known against them."
        )
    if unsure:
        return f"{found_nothing}, but {unsure} {of} could not be checked."
    return f"{found_nothing} in {_count(report.components, 'component')}, but mind what follows."


def in_short(report: WatchReport, dated: Sequence[Step]) -> list[tuple[str, str]]:
    """Answer the other two questions in a line each, so that a small screen holds all three."""
    if not dated:
        return []
    first, late = dated[0], sum(one.late for one in dated)
    overdue = f"; {late} of {len(dated)} are overdue" if late > 1 else ""
    when = "Now" if first.late else _capital(first.left)
    helped = sum(any(one.kind in _AROUND for one in flaw.remedies) for flaw in report.flaws)
    known = (
        "no document names a workaround; general advice is given"
        if not helped
        else f"workarounds are named for {helped} of {_count(len(report.flaws), 'flaw')}"
    )
    return [
        ("By when?", f"{when}: {first.what}{overdue}."),
        ("If not patched:", f"{known}."),
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def steps(flaws: Sequence[Flaw], today: date) -> list[Step]:
    """Return what to do, one line for each component on each asset, the first due first."""
    by_component: dict[tuple[str | None, str, str], list[tuple[Flaw, Hit]]] = {}
    for flaw in flaws:
        for hit in flaw.hits:
            key = (hit.component.asset, hit.component.name, hit.version)
            by_component.setdefault(key, []).append((flaw, hit))
    return [_step(found, today) for found in by_component.values()]


def _step(found: Sequence[tuple[Flaw, Hit]], today: date) -> Step:
    """Sum up one component; flaws come the most urgent first, so the first one dates the step."""
    hit = found[0][1]
    due = hit.urgency.due
    fixes = {one.fixed_in for _, one in found}
    where = f" on {hit.component.asset}" if hit.component.asset else ""
    name = f"{hit.component.name} {hit.version}{where}"
    if None in fixes:
        fixed = sorted(one for one in fixes if one)
        what = f"{name}: update past {fixed[-1]}" if fixed else f"{name}: no fix is named yet"
    elif len(fixes) == 1:
        what = f"{name}: update to {next(iter(fixes))} or later"
    else:
        what = f"{name}: update past every version in {', '.join(sorted(map(str, fixes)))}"
    return Step(
        due=due,
        left=left(due, today),
        late=due is not None and due < today,
        what=what,
        flaws=tuple(dict.fromkeys(flaw.id for flaw, _ in found)),
        forensic=any(one.urgency.forensics for _, one in found),
    )


def left(due: date | None, today: date) -> str:
    """Return how long it is until a day, in words."""
    if due is None:
        return "with the next planned upgrade"
    days = (due - today).days
    if days == 0:
        return "today"
    return f"in {_count(days, 'day')}" if days > 0 else f"now; it was due {due:%d %b %Y}"


def arounds(flaws: Sequence[Flaw]) -> list[Around]:
    """Return what to do where no patch can be had yet, the documents' own words first."""
    found = []
    for flaw in flaws:
        own = next((one.text for one in flaw.remedies if one.kind in _AROUND), None)
        names = dict.fromkeys(f"{one.component.name}" for one in flaw.hits)
        found.append(
            Around(
                flaw=flaw.id,
                component=", ".join([*names][:3]),
                text=own or flaw.first.urgency.fallback,
                general=own is None,
            )
        )
    return _general_once(found)


def _general_once(found: Sequence[Around]) -> list[Around]:
    """Say the same general advice once, for all flaws that have nothing better."""
    own = [one for one in found if not one.general]
    by_text: dict[str, list[Around]] = {}
    for one in found:
        if one.general:
            by_text.setdefault(one.text, []).append(one)
    summed = [
        Around(
            flaw=several[0].flaw if len(several) == 1 else f"{len(several)} flaws",
            component=", ".join([*dict.fromkeys(one.component for one in several)][:4]),
            text=text,
            general=True,
        )
        for text, several in by_text.items()
    ]
    return [*own[: _FIRST - len(summed)], *summed] if len(summed) < _FIRST else summed


def grouped(unchecked: Sequence[Unchecked]) -> list[tuple[str, str, tuple[Unchecked, ...]]]:
    """Return what was not evaluated by reason, what would help, and which, the most first."""
    found: dict[tuple[str, str], list[Unchecked]] = {}
    for one in unchecked:
        found.setdefault((one.reason, one.action), []).append(one)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return [(reason, action, tuple(several)) for (reason, action), several in ordered]


def _settled(report: WatchReport) -> set[str]:
    """Return the places in the inventory that something is known against, or nobody knows of."""
    places = {hit.component.place for flaw in report.flaws for hit in flaw.hits}
    places |= {one.component.place for flaw in report.investigating for one in flaw.investigating}
    places |= {one.component.place for one in report.unchecked if one.component is not None}
    return places | {one.place for one in report.unchecked if one.of_inventory}


def _worst(flaws: Sequence[Flaw]) -> list[tuple[str, int]]:
    """Return the components with the most flaws."""
    counted: dict[str, set[str]] = {}
    for flaw in flaws:
        for hit in flaw.hits:
            where = f" on {hit.component.asset}" if hit.component.asset else ""
            counted.setdefault(f"{hit.component.name} {hit.version}{where}", set()).add(flaw.id)
    ordered = sorted(counted.items(), key=lambda pair: -len(pair[1]))
    return [(name, len(ids)) for name, ids in ordered[:_FIRST]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
