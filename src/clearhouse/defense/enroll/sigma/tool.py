"""Sigma as a tool under test, and the baseline that any other tool has to beat."""

from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from clearhouse.defense.enroll.record import Answer, Budget, Finding, Output, Usage, View
from clearhouse.defense.enroll.sigma.match import Matcher
from clearhouse.defense.enroll.sigma.rules import LEVELS, Rule, RuleSet, read_rules
from clearhouse.defense.scenario.attack_map import policy_file
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import Task, TaskKind, Triage

_LOOK_AT_CLOCK = 4096


class Sigma:
    """A set of rules."""

    name = "sigma"
    tasks = frozenset({TaskKind.DETECT, TaskKind.TRIAGE})

    def __init__(self, rules: RuleSet, *, level: str = "informational") -> None:
        """Take the rules of at least a level; what the set refused stays known."""
        least = LEVELS.index(level)
        self.rules = rules
        self.level = level
        self._matcher = Matcher([one for one in rules.rules if one.level in LEVELS[least:]])
        self.version = f"{rules.sha256[:12]}, {level} and above"

    def fired(self, event: Event) -> tuple[str, ...]:
        """Return the ids of the rules that hold of one event."""
        return tuple(rule.id for rule in self._matcher.match(event))

    def run(self, view: View, budget: Budget) -> Output:
        """Match every event; an alert is judged by whether a rule fires on its events."""
        begun, faults = monotonic(), []
        found: list[Finding] = []
        for number, event in enumerate(view.events):
            if number % _LOOK_AT_CLOCK == 0 and monotonic() - begun > budget.seconds:
                faults.append(f"stopped after {budget.seconds:g} s")
                break
            found += [_finding(rule, event) for rule in self._matcher.match(event)]
            if len(found) >= budget.findings:
                faults.append(f"stopped at {budget.findings} findings")
                break
        fired = {uid: one.score for one in found for uid in one.events}
        return Output(
            findings=tuple(found[: budget.findings]),
            answers=tuple(
                _judged(task, fired) for task in view.tasks if task.kind is TaskKind.TRIAGE
            ),
            usage=Usage(seconds=monotonic() - begun, faults=tuple(faults)),
        )


def sigma_of(paths: Iterable[Path] = (), *, level: str = "informational") -> Sigma:
    """Return Sigma with these rules, or with the house's own for the small office."""
    chosen = list(paths) or [policy_file("sigma-1")]
    return Sigma(read_rules(chosen), level=level)


def _finding(rule: Rule, event: Event) -> Finding:
    return Finding(
        kind=rule.title,
        at=event.at,
        events=(event.uid,),
        techniques=rule.techniques,
        entities=tuple(one for one in (event.host, event.user) if one),
        score=rule.score,
    )


def _judged(task: Task, fired: dict[str, float]) -> Answer:
    cited = tuple(uid for uid in task.events if uid in fired)
    urgent = any(fired[uid] >= 20 for uid in cited)  # medium and above
    verdict = Triage.TRUE_POSITIVE if urgent else Triage.BENIGN if cited else Triage.UNSURE
    return Answer(task=task.id, verdict=verdict, events=cited)
