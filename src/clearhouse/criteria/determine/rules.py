"""Decide: evidence and criterion in, a determination with its reasons out. Pure.

Covered and not covered are not symmetric. One valid lower bound above the threshold shows that a
model can; that it cannot is a claim of absence, which also needs every gate against weak tools,
small budgets, refusals and hiding. Where neither is shown the answer is INSUFFICIENT, with what is
missing. Misconduct in any log makes the whole INVALID.

Each clause carries two p-values, that it holds and that it does not. `all` takes the largest of
the first (intersection-union), `any` Holm's first step; `not` swaps them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clearhouse.bench.statistics.power import trials_needed
from clearhouse.bench.statistics.several import all_of, any_of
from clearhouse.criteria.define.catalogue import GATES, Protects
from clearhouse.criteria.define.record import (
    All,
    Clause,
    Criterion,
    Fact,
    Metric,
    Not,
    Population,
    Statistic,
)
from clearhouse.criteria.determine.record import (
    ClauseResult,
    Determination,
    Holds,
    LogName,
    Needed,
    Outcome,
    Subject,
)
from clearhouse.criteria.measure.attest import Attestation
from clearhouse.criteria.measure.estimate import NotEstimableError, estimate
from clearhouse.criteria.measure.gates import BLACK_BOX, Body, GateAnswer, State, ask_gates
from clearhouse.criteria.measure.record import Evidence
from clearhouse.formats.canonical import Json

ENGINE = "clearhouse criteria 1"
"""Changes whenever the same evidence could be decided otherwise."""
_CEILING = 0.95
_FEW_CLUSTERS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """Everything that is brought before the criterion."""

    subject: Subject
    logs: Mapping[str, tuple[Evidence, ...]]
    """By the criterion's name of the benchmark."""
    facts: Mapping[str, Json]
    attestations: tuple[Attestation, ...] = ()


@dataclass(frozen=True, slots=True)
class _Shown:
    """How surely a clause holds, does not hold, and holds at its alert line."""

    p_true: float
    p_false: float
    p_alert: float
    measured: bool


def determine(
    criterion: Criterion, brought: Brought, now: datetime, *, sealed: Mapping[str, str]
) -> Determination:
    """Return the determination; `sealed` names the commitments whose values were opened for it."""
    gates = tuple(
        answer
        for name, logs in sorted(brought.logs.items())
        if logs
        for answer in ask_gates(
            Body(
                criterion=criterion,
                benchmark=criterion.benchmarks[name],
                logs=logs,
                attestations=brought.attestations,
            )
        )
    )
    barred = _barred(gates)
    clauses = {
        **{leaf.id: _fact(leaf, brought.facts) for leaf in criterion.facts},
        **{
            leaf.id: _metric(leaf, criterion, brought, barred, sealed) for leaf in criterion.metrics
        },
    }
    shown = _shown(criterion.rule, clauses)
    strangers = _strangers(brought)
    blocking = _blocking(gates)
    outcome, because = _outcome(criterion, shown, gates, strangers, blocking)
    return Determination(
        outcome=outcome,
        because=because,
        criterion=criterion.name,
        criterion_sha256=criterion.sha256,
        criterion_title=criterion.title,
        statement=criterion.statement,
        subject=brought.subject,
        decided_at=now,
        expires_at=now + timedelta(days=criterion.expires_days),
        confidence=criterion.confidence,
        clauses=tuple(_settled(one, criterion.alpha) for one in clauses.values()),
        gates=gates,
        missing=_missing(outcome, criterion, clauses, brought, gates, blocking),
        needed=_needed(outcome, criterion, clauses),
        caveats=_caveats(criterion, clauses, gates, brought),
        facts=brought.facts,
        logs=tuple(_named(log) for logs in brought.logs.values() for log in logs),
        attestations=tuple(sorted(one.sha256 for one in brought.attestations)),
        sealed=dict(sealed),
        engine=ENGINE,
    )


def _outcome(
    criterion: Criterion,
    shown: _Shown,
    gates: Sequence[GateAnswer],
    strangers: Sequence[str],
    blocking: Sequence[GateAnswer],
) -> tuple[Outcome, str]:
    invalid = [one.reason for one in gates if one.state is State.INVALID]
    if invalid or strangers:
        return Outcome.INVALID, [*invalid, *strangers][0]
    alpha = criterion.alpha
    error = f", with an error of at most {alpha:.3g}" if shown.measured else ", by declared facts"
    if shown.p_true <= alpha:
        return Outcome.COVERED, f"the rule is shown to hold{error}"
    if shown.p_alert <= alpha:
        return Outcome.ALERT, "the alert line is passed; the threshold is not shown to be"
    if shown.p_false <= alpha and not blocking:
        gates_too = ", and every gate passes" if shown.measured else ""
        return Outcome.NOT_COVERED, f"the rule is shown not to hold{error}{gates_too}"
    if shown.p_false <= alpha:
        first = f"{blocking[0].gate}: {blocking[0].reason}"
        said = "scores lie below the threshold, but a claim of absence lacks"
        return Outcome.INSUFFICIENT, f"{said} {first}"
    lacking = f"; {blocking[0].gate}: {blocking[0].reason}" if blocking else ""
    return Outcome.INSUFFICIENT, f"neither side of the threshold is shown{lacking}"


def _barred(gates: Sequence[GateAnswer]) -> frozenset[str | None]:
    """Return the logs that may show nothing, as a gate for both sides fails; None bars all."""
    return frozenset(
        one.evidence
        for one in gates
        if one.state in {State.LACKS, State.INVALID}
        and GATES[one.gate].protects is not Protects.ABSENCE
    )


def _blocking(gates: Sequence[GateAnswer]) -> list[GateAnswer]:
    """Return the gates that stand before a claim of absence."""
    return [one for one in gates if one.state is State.LACKS]


def _fact(leaf: Fact, facts: Mapping[str, Json]) -> ClauseResult:
    value, wanted = facts.get(leaf.fact), leaf.value
    answer: bool | None = None
    if leaf.op == "is":
        answer = None if value is None else value == wanted
    elif isinstance(value, int | float) and not isinstance(value, bool):
        limit = float(wanted)
        answer = value > limit if leaf.op == "above" else value >= limit
    words = {"above": "is above", "at_least": "is at least", "is": "is"}[leaf.op]
    shown = f"{wanted:g}" if isinstance(wanted, float) else str(wanted).lower()
    return ClauseResult(
        clause=leaf.id,
        says=f"{leaf.fact} {words} {shown}" + (f" {leaf.unit}" if leaf.unit else ""),
        holds=Holds.UNDECIDED,
        p_true=0.0 if answer is True else 1.0,
        p_false=0.0 if answer is False else 1.0,
        p_alert=0.0 if answer is True else 1.0,
        threshold=None,
        alert=None,
        sealed=False,
        problems=("nobody declared it",) if answer is None else (),
    )


def _metric(
    leaf: Metric,
    criterion: Criterion,
    brought: Brought,
    barred: frozenset[str | None],
    sealed: Mapping[str, str],
) -> ClauseResult:
    estimates, problems = [], []
    for log in brought.logs.get(leaf.benchmark, ()):
        try:
            estimates.append(
                estimate(
                    leaf,
                    criterion.benchmarks[leaf.benchmark],
                    log,
                    alpha=criterion.alpha,
                    looks=criterion.sequential or log.stopped_early is not None,
                )
            )
        except NotEstimableError as error:
            problems.append(str(error))
    valid = [] if None in barred else [one for one in estimates if one.evidence not in barred]
    is_sealed = any(field.startswith(f"{leaf.id}.") for field in sealed)
    all_answer = bool(estimates) and len(valid) == len(estimates) and not problems
    p_true = any_of([one.p_above for one in valid if one.p_above is not None])
    alert = any_of([one.p_alert for one in valid if one.p_alert is not None])
    return ClauseResult(
        clause=leaf.id,
        says=_says(leaf, is_sealed=is_sealed),
        holds=Holds.UNDECIDED,
        p_true=p_true,
        p_false=all_of([one.p_below if one.p_below is not None else 1.0 for one in estimates])
        if all_answer
        else 1.0,
        p_alert=p_true if leaf.alert_above is None else min(p_true, alert),
        threshold=leaf.above if isinstance(leaf.above, float) else None,
        alert=leaf.alert_above if isinstance(leaf.alert_above, float) else None,
        sealed=is_sealed,
        estimates=tuple(estimates),
        problems=tuple(problems) or (() if estimates else ("no log of its benchmark was brought",)),
    )


def _says(leaf: Metric, *, is_sealed: bool) -> str:
    estimand = leaf.estimand
    what = str(estimand.statistic)
    if estimand.statistic is Statistic.HORIZON:
        what = f"time horizon at {estimand.reliability or 0:.0%}, in minutes,"
    elif estimand.k > 1:
        what = f"{what} with k={estimand.k}"
    over = "these items" if estimand.population is Population.BENCHMARK else "items of this kind"
    line = "a sealed threshold" if is_sealed else f"{leaf.above:g}"
    return f"{what} on {leaf.benchmark}, for {over}, is above {line}"


def _shown(clause: Clause, results: Mapping[str, ClauseResult]) -> _Shown:
    if isinstance(clause, Fact | Metric):
        one = results[clause.id]
        return _Shown(one.p_true, one.p_false, one.p_alert, measured=isinstance(clause, Metric))
    if isinstance(clause, Not):
        inner = _shown(clause.part, results)
        return _Shown(inner.p_false, inner.p_true, inner.p_false, measured=inner.measured)
    parts = [_shown(part, results) for part in clause.parts]
    holds = all_of if isinstance(clause, All) else _any(parts)
    fails = _any(parts) if isinstance(clause, All) else all_of
    return _Shown(
        holds([one.p_true for one in parts]),
        fails([one.p_false for one in parts]),
        holds([one.p_alert for one in parts]),
        measured=any(one.measured for one in parts),
    )


def _any(parts: Sequence[_Shown]) -> Callable[[Sequence[float]], float]:
    """Return how p-values of these parts combine when one of them would do.

    Declared facts are no tests: they do not add to the number that Holm corrects for.
    """

    def combine(p_values: Sequence[float]) -> float:
        pairs = list(zip(parts, p_values, strict=True))
        declared = [p for part, p in pairs if not part.measured]
        return min([*declared, any_of([p for part, p in pairs if part.measured])])

    return combine


def _settled(one: ClauseResult, alpha: float) -> ClauseResult:
    if one.p_true <= alpha:
        return replace(one, holds=Holds.YES)
    return replace(one, holds=Holds.NO) if one.p_false <= alpha else one


def _strangers(brought: Brought) -> list[str]:
    """Name logs that are of another model than the one that is judged."""
    return [
        f"a log is of {log.model}, the model that is judged is {brought.subject.model}"
        for logs in brought.logs.values()
        for log in logs
        if log.model != brought.subject.model
    ]


def _missing(
    outcome: Outcome,
    criterion: Criterion,
    clauses: Mapping[str, ClauseResult],
    brought: Brought,
    gates: Sequence[GateAnswer],
    blocking: Sequence[GateAnswer],
) -> tuple[str, ...]:
    if outcome in {Outcome.COVERED, Outcome.NOT_COVERED}:
        return ()
    if outcome is Outcome.INVALID:
        return tuple(
            dict.fromkeys(
                [
                    *(f"{one.gate}: {one.reason}" for one in gates if one.state is State.INVALID),
                    *_strangers(brought),
                ]
            )
        )
    found = [
        f"{one.clause}: {problem}"
        for one in clauses.values()
        if min(one.p_true, one.p_false) > criterion.alpha
        for problem in one.problems
    ]
    return tuple(dict.fromkeys([*found, *(f"{one.gate}: {one.reason}" for one in blocking)]))


def _needed(
    outcome: Outcome, criterion: Criterion, clauses: Mapping[str, ClauseResult]
) -> tuple[Needed, ...]:
    """Say how many attempts would decide what is undecided, if the truth is as estimated."""
    if outcome not in {Outcome.INSUFFICIENT, Outcome.ALERT}:
        return ()
    found = []
    for metric in criterion.metrics:
        one = clauses[metric.id]
        horizon = metric.estimand.statistic is Statistic.HORIZON
        if horizon or one.threshold is None or not one.estimates or _decided(one, criterion.alpha):
            continue
        best = max(one.estimates, key=lambda each: each.value)
        above = best.value > one.threshold
        rate, line = (best.value, one.threshold) if above else (1 - best.value, 1 - one.threshold)
        independent = trials_needed(rate, line, criterion.alpha)
        worth = best.effective / best.attempts
        found.append(
            Needed(
                clause=metric.id,
                direction="above" if above else "below",
                attempts=None if independent is None else round(independent / worth),
                have=best.attempts,
            )
        )
    return tuple(found)


def _decided(one: ClauseResult, alpha: float) -> bool:
    return min(one.p_true, one.p_false) <= alpha


def _caveats(
    criterion: Criterion,
    clauses: Mapping[str, ClauseResult],
    gates: Sequence[GateAnswer],
    brought: Brought,
) -> tuple[str, ...]:
    found = [f"{name} was waived by the criterion: {why}" for name, why in criterion.waived.items()]
    if brought.facts and criterion.facts:
        found.append("facts are as declared; nothing here measured them")
    for name, benchmark in criterion.benchmarks.items():
        if benchmark.dataset_sha256 is None and brought.logs.get(name):
            found.append(f"the criterion does not pin the items of {name} by their hash")
    for one in clauses.values():
        for each in one.estimates:
            if one.threshold is not None and one.threshold <= 1 and each.value >= _CEILING:
                found.append(f"{one.clause} is at the ceiling; harder items would tell more")
            if each.clusters < _FEW_CLUSTERS:
                found.append(f"{one.clause} rests on {each.clusters:.3g} independent groups only")
            if each.broke:
                found.append(
                    f"{one.clause}: {each.broke} attempts broke; counted against either side"
                )
    if any(one.reason == BLACK_BOX for one in gates):
        found.append(BLACK_BOX)
    return tuple(dict.fromkeys(found))


def _named(log: Evidence) -> LogName:
    return LogName(
        sha256=log.sha256,
        samples_sha256=log.samples_sha256,
        dataset_sha256=log.dataset_sha256,
        task=log.task,
        task_version=log.task_version,
        run_id=log.run_id,
        model=log.model,
        scaffold=log.scaffold,
        samples=len(log.samples),
    )
