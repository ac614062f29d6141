"""The test that every adapter passes before its numbers count.

In: a tool, and a few events that it must find. Out: what held, check by check. A tool or an adapter
that fails is at fault, and its misses are not misses: known positives are found; an empty log gives
nothing; a damaged one does no harm; the same events again give the same findings; cited events
exist; time stays within the budget.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from time import monotonic

from clearhouse.defense.enroll.record import (
    Budget,
    Finding,
    Output,
    Tool,
    ToolFaultError,
    View,
)
from clearhouse.defense.scenario.event import Event, make
from clearhouse.defense.scenario.task import TaskKind


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTestCheck:
    """One demand."""

    name: str
    holds: bool
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTest:
    """What became of an adapter."""

    tool: str
    checks: tuple[SelfTestCheck, ...]

    @property
    def passed(self) -> bool:
        """Return whether the tool's numbers may count."""
        return all(one.holds for one in self.checks)

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what did not hold, in words."""
        return tuple(f"{one.name}: {one.words}" for one in self.checks if not one.holds)


_BUDGET = Budget(seconds=60.0)


def self_test(
    tool: Tool,
    positives: Collection[Event],
    *,
    history: Collection[Event] = (),
    budget: Budget = _BUDGET,
) -> SelfTest:
    """Put a tool through the self-test; tools that only answer tasks are asked to survive it."""
    checks = [_empty(tool, history, budget), _damaged(tool, positives, history, budget)]
    if TaskKind.DETECT in tool.tasks:
        checks += _positives(tool, positives, history, budget)
    return SelfTest(tool=tool.name, checks=tuple(checks))


def _empty(tool: Tool, history: Collection[Event], budget: Budget) -> SelfTestCheck:
    output, fault = _run(tool, View(events=(), history=history), budget)
    if output is None:
        return SelfTestCheck(name="empty log", holds=False, words=fault)
    count = len(output.findings)
    return SelfTestCheck(
        name="empty log", holds=not count, words=f"{count} findings in a log without events"
    )


def _damaged(
    tool: Tool, positives: Collection[Event], history: Collection[Event], budget: Budget
) -> SelfTestCheck:
    damaged = tuple(_damage(one) for one in list(positives)[:20])
    output, fault = _run(tool, View(events=damaged, history=history), budget)
    return SelfTestCheck(
        name="damaged log",
        holds=output is not None,
        words=fault or "survived values of the wrong kind and length",
    )


def _damage(event: Event) -> Event:
    fields = {
        name: value if place % 3 else "\x00\ufffd" * 40 if place % 2 else None
        for place, (name, value) in enumerate(event.fields.items())
    }
    return make(event.kind, event.at, event.name, fields, host=None, user=None)


def _positives(
    tool: Tool, positives: Collection[Event], history: Collection[Event], budget: Budget
) -> list[SelfTestCheck]:
    begun = monotonic()
    view = View(events=positives, history=history)
    first, fault = _run(tool, view, budget)
    took = monotonic() - begun
    if first is None:
        return [SelfTestCheck(name="known positives", holds=False, words=fault)]
    again, fault = _run(tool, view, budget)
    here = {one.uid for one in positives}
    cited = {uid for one in first.findings for uid in one.events}
    invented = cited - here
    same = again is not None and _said(first.findings) == _said(again.findings)
    return [
        SelfTestCheck(
            name="known positives",
            holds=bool(cited & here),
            words=f"{len(cited & here)} of {len(here)} events cited",
        ),
        SelfTestCheck(
            name="same again",
            holds=same,
            words=fault
            or ("the same findings twice" if same else "other findings the second time"),
        ),
        SelfTestCheck(
            name="cited events exist",
            holds=not invented,
            words=f"{len(invented)} cited ids that no event has",
        ),
        SelfTestCheck(
            name="time",
            holds=took <= budget.seconds + 5,
            words=f"{took:.1f} s for {len(here)} events",
        ),
    ]


def _said(findings: Sequence[Finding]) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((one.kind, one.events) for one in findings)


def _run(tool: Tool, view: View, budget: Budget) -> tuple[Output | None, str]:
    try:
        output = tool.run(view, budget)
    except ToolFaultError as error:
        return None, str(error)
    return output, ""
