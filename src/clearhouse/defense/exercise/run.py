"""Put a tool through a pack and measure everything that can be measured of it.

In: a tool, a pack, its audit. Out: an `Exercise`. First the self-test: where it fails the exercise
is void, and says so instead of numbers. A tool that breaks in the middle is void too. Repeats show
whether the tool says the same twice.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from clearhouse.defense.enroll.record import Answer, Budget, Output, Tool, ToolFaultError, View
from clearhouse.defense.enroll.selftest import self_test
from clearhouse.defense.exercise.answers import by_task, response, triage, typed
from clearhouse.defense.exercise.clock import clock_error, in_words
from clearhouse.defense.exercise.detection import by_attack, detection, results
from clearhouse.defense.exercise.grounding import grounding
from clearhouse.defense.exercise.hunting import hunted, hunting
from clearhouse.defense.exercise.load import alert_load, recall_at_budgets
from clearhouse.defense.exercise.record import Cost, Exercise, Stability, StepResult, Tier, share
from clearhouse.defense.exercise.waiting import time_to_detect
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.grade import Audit
from clearhouse.defense.scenario.pack import Pack
from clearhouse.defense.scenario.task import TaskKind
from clearhouse.defense.scenario.truth import Truth, steps

_POSITIVES = 60
_Number = TypeVar("_Number", int, float)
Progress = Callable[[str], None]


def silent(_words: str) -> None:
    """Tell nobody how far it is."""


def exercise(
    tool: Tool,
    pack: Pack,
    audit: Audit,
    *,
    now: datetime,
    budget: Budget | None = None,
    repeats: int = 1,
    progress: Progress = silent,
) -> Exercise:
    """Measure a tool on a pack."""
    budget = budget or Budget()
    empty = Exercise(
        tool=tool.name, version=tool.version, pack=pack.name, pack_sha256=pack.sha256,
        at=now, grade=str(audit.grade), void=(),
    )  # fmt: skip
    progress(f"{tool.name}: self-test")
    history = pack.history or ()
    tested = self_test(tool, known_positives(pack), history=history, budget=budget)
    if not tested.passed:
        return replace(empty, void=tested.faults)
    outputs = []
    for number in range(repeats):
        progress(f"{tool.name}: run {number + 1} of {repeats}")
        try:
            outputs.append(_run(tool, pack, budget))
        except ToolFaultError as error:
            return replace(empty, void=(str(error),))
    progress(f"{tool.name}: measuring")
    return measure(empty, pack, outputs)


def known_positives(pack: Pack) -> Collection[Event]:
    """Return a few events that each attack is known by."""
    uids = [uid for one in steps(pack.truths) for uid in one.events[:2]]
    return tuple(sorted(pack.events.get(uids[:_POSITIVES]).values(), key=lambda one: one.at))


def _run(tool: Tool, pack: Pack, budget: Budget) -> Output:
    """Ask for findings first and for answers then, each with the whole budget."""
    history = pack.history or ()
    said = Output()
    if TaskKind.DETECT in tool.tasks:
        said = tool.run(View(events=pack.events, history=history), budget)
    tasks = tuple(one.task for one in pack.questions if one.task.kind in tool.tasks)
    if not tasks:
        return said
    answered = tool.run(View(events=pack.events, history=history, tasks=tasks), budget)
    return Output(
        findings=said.findings,
        answers=answered.answers,
        usage=replace(
            said.usage,
            seconds=said.usage.seconds + answered.usage.seconds,
            queries=_sum(said.usage.queries, answered.usage.queries),
            tokens=_sum(said.usage.tokens, answered.usage.tokens),
            cost=_sum(said.usage.cost, answered.usage.cost),
            faults=said.usage.faults + answered.usage.faults,
        ),
    )


def _sum(one: _Number | None, other: _Number | None) -> _Number | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def measure(empty: Exercise, pack: Pack, outputs: Sequence[Output]) -> Exercise:
    """Measure what was said; numbers are of the first run, stability of all.

    Of a kind of task that it answered at all, every one that it left out counts as unanswered.
    """
    output, recording = outputs[0], pack.events
    span = recording.span()
    malicious = steps(pack.truths)
    shown = pack.scenario.telemetry
    made = results(output.findings, malicious, shown)
    points, area = recall_at_budgets(output.findings, malicious, made)
    said = by_task(output.answers)
    kinds = {one.task.kind for one in pack.questions if one.task.id in said}
    asked = [one for one in pack.questions if one.task.kind in kinds]
    found = detection(made, output.findings, malicious, events=len(recording), span=span)
    quiet = alert_load(output.findings, pack.truths, span) if pack.scenario.benign else None
    detects = bool(output.findings) or not output.answers
    late = clock_error(output.findings, recording)
    return replace(
        empty,
        steps=made if detects else (),
        detection=found if detects else (),
        load=quiet if detects else None,
        budget=points if detects else (),
        budget_area=area if detects else None,
        time=time_to_detect(made, malicious, span[1]) if detects and late is None else None,
        grounding=grounding(
            (*output.findings, *hunted(output.answers)), output.answers, recording, malicious
        ),
        triage=triage(asked, said),
        answers=typed(asked, said),
        response=response(asked, said),
        hunts=hunting(asked, said, malicious, shown, events=len(recording)),
        stability=_stability(outputs, malicious, pack) if len(outputs) > 1 else None,
        cost=_cost(output, made),
        faults=output.usage.faults + (() if late is None else (in_words(late),)),
    )


def _stability(outputs: Sequence[Output], malicious: Sequence[Truth], pack: Pack) -> Stability:
    runs = [results(one.findings, malicious, pack.scenario.telemetry) for one in outputs]
    found = [[Tier.PLACE in step.reached for step in run] for run in runs]
    verdicts = [by_task(one.answers) for one in outputs]
    tasks = {task for one in verdicts for task in one}
    flips = sum(len(set(one)) > 1 for one in zip(*found, strict=True))
    flips += sum(len({_judgement(said.get(task)) for said in verdicts}) > 1 for task in tasks)
    always = [
        replace(step, reached=(Tier.PLACE,) if all(one) else ())
        for step, one in zip(runs[0], zip(*found, strict=True), strict=True)
    ]
    return Stability(
        repeats=len(outputs),
        flips=share(flips, len(malicious) + len(tasks)),
        all_of_k=by_attack([one for one in always if one.visible], Tier.PLACE),
    )


def _judgement(answer: Answer | None) -> object:
    """Return what of an answer must be the same when it is asked again."""
    if answer is None:
        return None
    cited = frozenset(uid for one in answer.findings for uid in one.events)
    return answer.verdict, answer.value, cited


def _cost(output: Output, made: Sequence[StepResult]) -> Cost:
    usage = output.usage
    hits = sum(Tier.PLACE in one.reached for one in made)
    return Cost(
        seconds=usage.seconds,
        queries=usage.queries,
        tokens=usage.tokens,
        money=usage.cost,
        money_per_step=usage.cost / hits if usage.cost is not None and hits else None,
    )
