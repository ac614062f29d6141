"""What goes to a tool and what comes back, as JSON lines.

To the tool: one event a line, `{"uid", "time", "kind", "name", "host", "user", "fields"}`, then one
task a line, `{"task", "kind", "prompt", "events", "queries"}`. From the tool: findings
`{"kind", "time", "events", "techniques", "entities", "score"}` and answers
`{"task", "verdict", "value", "events", "actions", "findings"}`. What a tool says is from a
stranger: lines that are malformed, too long, too many, or about times outside the recording are
faults, said and left out, never guessed at.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from clearhouse.defense.enroll.record import Answer, Budget, Finding
from clearhouse.defense.scenario.event import Event, UnreadableError, moment
from clearhouse.defense.scenario.task import Task, Triage

_LONGEST_LINE, _LONGEST_TEXT, _MOST_ITEMS, _FAULTS_KEPT = 1 << 18, 500, 500, 20
_SLACK = timedelta(days=1)


def event_line(event: Event) -> dict[str, object]:
    """Return an event as tools get it."""
    return {
        "uid": event.uid,
        "time": event.at.isoformat(),
        "kind": str(event.kind),
        "name": event.name,
        "host": event.host,
        "user": event.user,
        "fields": dict(event.fields),
    }


def task_line(task: Task) -> dict[str, object]:
    """Return a task as tools get it."""
    return {
        "task": task.id, "kind": str(task.kind), "prompt": task.prompt, "events": list(task.events),
        "queries": task.queries,
    }  # fmt: skip


def lines(events: Iterable[Event], tasks: Iterable[Task]) -> Iterator[bytes]:
    """Yield everything a tool is given, a line each."""
    for event in events:
        yield json.dumps(event_line(event)).encode() + b"\n"
    for task in tasks:
        yield json.dumps(task_line(task)).encode() + b"\n"


@dataclass(kw_only=True, slots=True)
class Said:
    """What a tool said, as far as it could be read."""

    budget: Budget
    span: tuple[datetime, datetime] | None = None
    """First and last event; findings more than a day outside are faults."""
    findings: list[Finding] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def fault(self, words: str) -> None:
        """Note that something was wrong with what the tool said."""
        if len(self.faults) < _FAULTS_KEPT:
            self.faults.append(words)

    def take(self, raw: bytes) -> None:
        """Read output as JSON lines."""
        for number, line in enumerate(raw.splitlines(), 1):
            if not line.strip():
                continue
            if len(line) > _LONGEST_LINE:
                self.fault(f"line {number} of its output is longer than {_LONGEST_LINE >> 10} KiB")
                continue
            try:
                self.take_record(json.loads(line))
            except (ValueError, RecursionError):
                self.fault(f"line {number} of its output is not JSON")

    def take_record(self, record: object) -> None:
        """Read one finding or answer."""
        if not isinstance(record, dict):
            self.fault("something it said is neither finding nor answer")
            return
        try:
            if "task" in record:
                answer = _answer(record)
                self._take_answer(replace(answer, findings=self._brought(record)))
            else:
                self._take_finding(record, self.findings)
        except (UnreadableError, ValueError) as error:
            self.fault(str(error))

    def _take_answer(self, answer: Answer) -> None:
        if len(self.answers) >= self.budget.findings:
            self.fault(f"more than {self.budget.findings} answers; the rest is not read")
        else:
            self.answers.append(answer)

    def _brought(self, record: Mapping[str, object]) -> tuple[Finding, ...]:
        """Read the findings of a hunt; one that is malformed does not spoil the others."""
        found: list[Finding] = []
        given = record.get("findings")
        for one in given if isinstance(given, list) else ():
            try:
                self._take_finding(one if isinstance(one, dict) else {}, found)
            except (UnreadableError, ValueError) as error:
                self.fault(str(error))
        return tuple(found)

    def _take_finding(self, record: Mapping[str, object], among: list[Finding]) -> None:
        finding = _finding(record)
        if len(among) >= self.budget.findings:
            self.fault(f"more than {self.budget.findings} findings; the rest is not read")
            return
        if self.span is not None:
            low, high = self.span
            if not low - _SLACK <= finding.at <= high + _SLACK:
                raise ValueError("a finding is about a time outside the recording")
        among.append(finding)


def _finding(record: Mapping[str, object]) -> Finding:
    score = record.get("score", 0.0)
    if not isinstance(score, int | float) or isinstance(score, bool) or not math.isfinite(score):
        raise ValueError("a finding's score is no number")
    kind = record.get("kind")
    if not isinstance(kind, str) or not kind:
        raise ValueError("a finding does not say what kind it is")
    return Finding(
        kind=kind[:_LONGEST_TEXT],
        at=moment(record.get("time")),
        events=_texts(record, "events"),
        techniques=tuple(one.upper() for one in _texts(record, "techniques")),
        entities=_texts(record, "entities"),
        score=float(score),
    )


def _answer(record: Mapping[str, object]) -> Answer:
    verdict, value = record.get("verdict"), record.get("value")
    try:
        judged = None if verdict is None else Triage(str(verdict).lower().replace("_", "-"))
    except ValueError as error:
        raise ValueError(f"a verdict is none of {', '.join(Triage)}") from error
    return Answer(
        task=str(record["task"])[:_LONGEST_TEXT],
        verdict=judged,
        value=None if value is None else str(value)[:_LONGEST_TEXT],
        events=_texts(record, "events"),
        actions=tuple(one.lower() for one in _texts(record, "actions")),
    )


def _texts(record: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = record.get(name) or []
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(one[:_LONGEST_TEXT] for one in values[:_MOST_ITEMS])
