"""What comes first, and why: the axes put side by side and one order over them.

In: `PriorityFacts` and the tables in force. Out: a `Priority` with its place in the queue. Nothing
is added up: the queue compares step by step and stops at the first step that differs, so one
sentence always tells why one finding comes before another. Pure: no clock, no store.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Final

from clearhouse.clearing.prioritize import axes, triage
from clearhouse.clearing.prioritize.record import (
    READY_ELEMENTS,
    Band,
    Coordination,
    ExploitLevel,
    Priority,
    PriorityFacts,
)
from clearhouse.clearing.prioritize.tables import QueuePolicy, Tables
from clearhouse.clearing.validate.record import Level, VerdictKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One comparison of the queue."""

    name: str
    rank: Callable[[Priority, QueuePolicy], int]
    """The lower comes first."""
    says: Callable[[Priority], str]
    """The value in words, for the sentence."""


def _severity_rank(one: Priority, policy: QueuePolicy) -> int:
    return policy.severity_order.index(one.severity.rating or "unknown")


def _evidence_rank(one: Priority, _: QueuePolicy) -> int:
    """Contradicted comes last; the rest by level, the most established first."""
    if one.validation.verdict is VerdictKind.CONTRADICTED:
        return len(Level) + 1
    level = one.validation.level
    return len(Level) if level is None else len(Level) - 1 - int(level)


def _evidence_word(one: Priority) -> str:
    if one.validation.verdict is VerdictKind.CONTRADICTED:
        return "contradicted"
    return one.validation.level.name if one.validation.level is not None else "below E0"


STEPS: Final = (
    Step(
        name="queue band",
        rank=lambda one, _: list(Band).index(one.band),
        says=lambda one: one.band.value,
    ),
    Step(
        name="exploit state",
        rank=lambda one, _: list(ExploitLevel).index(one.exploit.value),
        says=lambda one: one.exploit.value.value,
    ),
    Step(
        name="severity",
        rank=_severity_rank,
        says=lambda one: one.severity.rating.value if one.severity.rating else "unknown",
    ),
    Step(name="evidence", rank=_evidence_rank, says=_evidence_word),
    Step(
        name="score",
        # Only findings of one rating meet here, so an absent score never meets a number.
        rank=lambda one, _: -round((one.severity.score or 0.0) * 10),
        says=lambda one: f"{one.severity.score}",
    ),
    Step(
        name="coordinator triage",
        rank=lambda one, _: list(Coordination).index(one.coordination),
        says=lambda one: one.coordination.value,
    ),
    Step(
        name="independent rediscovery",
        rank=lambda one, _: -one.parties,
        says=lambda one: f"{one.parties} parties",
    ),
    Step(
        name="readiness",
        rank=lambda one, _: -len(one.ready),
        says=lambda one: f"{len(one.ready)} of {len(READY_ELEMENTS)} elements",
    ),
)
"""What the queue compares, in this order; then the older finding, then the id."""


def prioritize(facts: PriorityFacts, tables: Tables) -> Priority:
    """Return the priority of one finding."""
    severity = axes.severity_of(facts)
    exploit = axes.exploit_of(facts)
    priority = Priority(
        finding_id=facts.finding_id,
        severity=severity,
        exploit=exploit,
        validation=axes.validation_of(facts),
        queue=axes.queue_of(facts, severity, exploit, tables.queue),
        triage=triage.coordinator_triage(facts, tables),
        if_exposed=triage.remediation(facts, tables, exposed=True),
        if_not_exposed=triage.remediation(facts, tables, exposed=False),
        attention=triage.attention(facts, exploit, tables),
        parties=facts.parties,
        ready=tuple(one for one in READY_ELEMENTS if one in facts.present),
        first_received=facts.first_received,
        policies=tables.versions,
        key=(),
    )
    return replace(priority, key=tuple(step.rank(priority, tables.queue) for step in STEPS))


def in_order(priorities: Iterable[Priority]) -> list[Priority]:
    """Return the queue: what comes first, first."""
    return sorted(priorities, key=lambda one: (one.key, one.first_received, one.finding_id))


def why_first(first: Priority, second: Priority) -> str:
    """Say in one sentence why one finding comes before another, or that it does not."""
    for step, mine, yours in zip(STEPS, first.key, second.key, strict=True):
        if mine < yours:
            return f"Comes first by {step.name}: {step.says(first)} before {step.says(second)}."
        if mine > yours:
            return f"Does not come first: {why_first(second, first)}"
    if first.first_received != second.first_received:
        if first.first_received > second.first_received:
            return f"Does not come first: {why_first(second, first)}"
        older = f"{first.first_received.astimezone(UTC):%Y-%m-%d %H:%M UTC}"
        return f"Comes first because it waits longer, since {older}; all else is equal."
    return "Neither comes first: all steps and the time of receipt are equal; the id decides."
