"""Score what tools answer to tasks: verdicts, typed values, proposed acts. No judge is asked.

In: answers and what is right. Out: shares with intervals. An alert left unanswered is neither right
nor closed; an act that is neither listed as helpful nor as forbidden says nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from clearhouse.defense.enroll.record import Answer
from clearhouse.defense.exercise.record import Estimate, ResponseResult, TriageResult, share
from clearhouse.defense.scenario.event import UnreadableError, moment
from clearhouse.defense.scenario.task import TaskKind, Triage
from clearhouse.defense.scenario.truth import Expected, ValueKind


def by_task(answers: Sequence[Answer]) -> dict[str, Answer]:
    """Return the first answer to each task; later ones do not correct it."""
    found: dict[str, Answer] = {}
    for one in answers:
        found.setdefault(one.task, one)
    return found


def triage(expected: Sequence[Expected], answers: Mapping[str, Answer]) -> TriageResult | None:
    """Score verdicts, None when no alert was to be judged."""
    asked = [one for one in expected if one.task.kind is TaskKind.TRIAGE]
    if not asked:
        return None
    confusion: Counter[str] = Counter()
    right = closed = true = unsure = unanswered = 0
    for one in asked:
        answer = answers.get(one.task.id)
        said = None if answer is None else answer.verdict
        confusion[f"{one.verdict} → {said or 'no answer'}"] += 1
        unanswered += said is None
        unsure += said is Triage.UNSURE
        if one.verdict is Triage.TRUE_POSITIVE:
            true += 1
            closed += said is not None and said.closes
            right += said is Triage.TRUE_POSITIVE
        else:
            right += said is not None and said.closes
    return TriageResult(
        right=share(right, len(asked)),
        closed_true_positives=share(closed, true),
        unsure=unsure,
        unanswered=unanswered,
        confusion=dict(sorted(confusion.items())),
    )


def typed(expected: Sequence[Expected], answers: Mapping[str, Answer]) -> Estimate | None:
    """Score typed answers, None when nothing was asked."""
    asked = [one for one in expected if one.task.kind is TaskKind.INVESTIGATE]
    if not asked:
        return None
    return share(sum(right(one, answers.get(one.task.id)) for one in asked), len(asked))


def right(expected: Expected, answer: Answer | None) -> bool:
    """Return whether a typed answer is right."""
    if answer is None or answer.value is None or expected.value is None:
        return False
    kind = expected.value_kind
    if kind is ValueKind.TIME:
        try:
            gap = moment(answer.value) - moment(expected.value)
        except UnreadableError:
            return False
        return abs(gap.total_seconds()) <= expected.tolerance_s
    if kind is ValueKind.NAMES:
        return f1(_set(expected.value), _set(answer.value)) >= 0.999
    if kind is ValueKind.NUMBER:
        return _number(answer.value) is not None and _number(answer.value) == _number(
            expected.value
        )
    return _name(answer.value) == _name(expected.value)


def f1(wanted: frozenset[str], said: frozenset[str]) -> float:
    """Return the harmonic mean of precision and recall of a set."""
    both = len(wanted & said)
    return 2 * both / (len(wanted) + len(said)) if wanted or said else 1.0


def response(expected: Sequence[Expected], answers: Mapping[str, Answer]) -> ResponseResult | None:
    """Score proposed acts, None when none were asked for."""
    asked = [one for one in expected if one.task.kind is TaskKind.RESPOND]
    if not asked:
        return None
    helpful = harmful = 0
    acts: list[str] = []
    for one in asked:
        answer = answers.get(one.task.id)
        said = {_name(act) for act in (answer.actions if answer else ())}
        bad = said & {_name(act) for act in one.forbidden}
        helpful += bool(said & {_name(act) for act in one.allowed})
        harmful += bool(bad)
        acts += sorted(bad)
    return ResponseResult(
        helpful=share(helpful, len(asked)), harmful=share(harmful, len(asked)), acts=tuple(acts)
    )


def _name(value: str) -> str:
    """Return a name without case, domain and quotes."""
    name = value.strip().strip("'\"`").lower().rpartition("\\")[2]
    if "@" in name:
        return name.partition("@")[0]
    verb, colon, what = name.partition(":")
    if colon and verb.isalpha():
        return f"{verb}:{_name(what)}"
    labels = name.split(".")
    return labels[0] if len(labels) > 2 and not labels[-1].isdigit() else name


def _set(value: str) -> frozenset[str]:
    return frozenset(_name(one) for one in value.replace("\n", ",").split(",") if one.strip())


def _number(value: str) -> float | None:
    try:
        return float(value.replace("_", "").replace(" ", ""))
    except ValueError:
        return None
