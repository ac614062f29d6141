"""A priority in words, for a terminal, a message or an agent.

In: a `Priority`. Out: plain text with one line per axis and one per table, each with its reason and
its version; every assumed input is marked. No report text is in it.
"""

from collections.abc import Iterator

from clearhouse.clearing.prioritize.record import READY_ELEMENTS, Answer, Priority


def explain(priority: Priority) -> str:
    """Return the whole explanation, ending without a line break."""
    return "\n".join(_lines(priority))


def summary(priority: Priority) -> str:
    """Return one line: the four axes side by side."""
    severity = priority.severity
    score = f"{severity.rating} {severity.score}" if severity.rating else "severity unknown"
    level = priority.validation.level.name if priority.validation.level is not None else "below E0"
    return (
        f"{priority.band} · {score} · exploit {priority.exploit.value}"
        f" · {level} {priority.validation.verdict}"
    )


def _lines(priority: Priority) -> Iterator[str]:
    queue, severity = priority.queue, priority.severity
    due = queue.due.isoformat(timespec="minutes").replace("+00:00", "Z")
    yield f"Queue: {queue.band}, look by {due}: {queue.reason} (rule {queue.rule}, {queue.policy})"
    yield f"Severity: {severity.reason}" + (f" ({severity.standard})" if severity.standard else "")
    if severity.claimed:
        yield f"  reporters' words: {', '.join(severity.claimed)}"
    yield from (f"  note: {note}" for note in severity.notes)
    yield f"Exploit state: {priority.exploit.value}: {priority.exploit.reason}"
    yield f"Validation: {priority.validation.reason}"
    yield from _table(priority.triage, "")
    yield from _table(priority.if_exposed, " if exposed")
    yield from _table(priority.if_not_exposed, " if not exposed")
    attention = ", ".join(f"{one.inputs[-1].value} {one.outcome}" for one in priority.attention)
    yield f"{priority.attention[0].name} by impact on missions: {attention}"
    missing = [one for one in READY_ELEMENTS if one not in priority.ready]
    ready = f"{len(priority.ready)} of {len(READY_ELEMENTS)} elements"
    yield f"Ready: {ready}" + (f", missing {', '.join(missing)}" if missing else "")
    yield f"Reported by {priority.parties} {'party' if priority.parties == 1 else 'parties'}"


def _table(answer: Answer, when: str) -> Iterator[str]:
    others = [one for one in answer.possible if one != answer.outcome]
    doubt = f"; an assumption could make it {' or '.join(others)}" if others else ""
    yield f"{answer.name}{when}: {answer.outcome}{doubt} ({answer.table})"
    for one in answer.inputs:
        assumed = " (assumed)" if one.assumed else ""
        yield f"  {one.name}: {one.value}{assumed}: {one.reason}"
