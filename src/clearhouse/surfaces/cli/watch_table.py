"""What `clearhouse watch` prints for people: three answers, and what was not evaluated.

In: a `WatchReport`. Out: lines of at most a hundred characters. Refused: nothing; what a stranger
wrote is cut to a line, and the door makes it inert before it reaches the terminal.
"""

import textwrap
from collections.abc import Iterator
from datetime import UTC
from typing import Final

from clearhouse.clearing.deliver.watch.record import WatchReport
from clearhouse.surfaces.web.operator_view import Step, arounds, grouped, steps, verdict

_WIDTH: Final = 100
_MOST: Final = 12


def table(report: WatchReport) -> str:
    """Return the text."""
    return "\n".join(_lines(report))


def _lines(report: WatchReport) -> Iterator[str]:
    today = report.at.astimezone(UTC).date()
    yield f"Are we affected?  {verdict(report)}"
    for one in report.warnings:
        yield _cut(f"  mind: {one}")
    yield ""
    yield "By when must we act?"
    dated = steps(report.flaws, today)
    for step in dated[:_MOST]:
        yield _cut(f"  {_when(step):<12}  {step.what}")
        yield _cut(f"  {'':<12}  {', '.join(step.flaws)}; {step.left}")
        if step.forensic:
            yield f"  {'':<12}  before you patch, secure traces of an intrusion"
    yield from _rest(len(dated))
    yield ""
    yield "What if we cannot patch?"
    around = arounds(report.flaws)
    for each in around[:_MOST]:
        mark = " (general advice)" if each.general else ""
        yield _cut(f"  {each.component} ({each.flaw}){mark}: {' '.join(each.text.split())}")
    if not around:
        yield "  nothing needs a workaround"
    yield ""
    rules = {one.rule.id: (one.rule, flaw.id) for flaw in report.flaws for one in flaw.rules}
    if rules:
        yield "What finds it?  (--rules FOLDER saves them)"
        for rule, flaw in [*rules.values()][:_MOST]:
            yield _cut(
                f"  {rule.id}  {rule.kind} for {flaw}, until {rule.expires}; needs {rule.telemetry}"
            )
        yield from _rest(len(rules))
        yield ""
    yield f"Not evaluated: {len(report.unchecked) or 'nothing'}"
    reasons = grouped(report.unchecked)
    for reason, action, several in reasons[:_MOST]:
        named = ", ".join(one.component.name if one.component else one.place for one in several)
        yield _cut(f"  {len(several)}: {reason}; {action}: {named}")
    yield from _rest(len(reasons))
    for place in report.damage[:_MOST]:
        yield _cut(f"  could not be read: {place}")


def _when(step: Step) -> str:
    if step.late:
        return "now"
    return step.due.isoformat() if step.due else "next upgrade"


def _rest(count: int) -> Iterator[str]:
    if not count:
        yield "  nothing"
    elif count > _MOST:
        yield f"  and {count - _MOST} more; see --html or --json"


def _cut(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return (
        indent + textwrap.shorten(line, _WIDTH - len(indent), placeholder="…")
        if len(line) > _WIDTH
        else line
    )
