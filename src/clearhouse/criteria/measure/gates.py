"""Ask the evidence every question of the catalogue; each gate is one small rule with its reason.

In: the logs of one benchmark, what was signed about them, and the criterion. Out: a `GateAnswer`
for each gate, of each log or of all together. A gate passes, lacks something (then the result is
insufficient), or finds misconduct (then it is invalid). Pure.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clearhouse.criteria.define.catalogue import GATES
from clearhouse.criteria.define.record import Benchmark, Criterion
from clearhouse.criteria.measure.attest import Attestation, Attested
from clearhouse.criteria.measure.record import Evidence, Sample

_DATED = re.compile(r"[-@:](latest|\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3})")
"""How serving names add a date or number to the name that was asked for."""
_ON_THE_HOST = {None, "", "local", "none"}


class State(StrEnum):
    """What a gate says."""

    PASSES = "passes"
    LACKS = "lacks"
    INVALID = "invalid"
    WAIVED = "waived"


@dataclass(frozen=True, kw_only=True, slots=True)
class GateAnswer:
    """What one gate says, and why."""

    gate: str
    state: State
    reason: str
    evidence: str | None = None
    """SHA-256 of the log it is about; None when it is about all of them together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """Everything that gates may look at."""

    criterion: Criterion
    benchmark: Benchmark
    logs: tuple[Evidence, ...]
    attestations: tuple[Attestation, ...]

    def signed(self, kind: Attested, log: Evidence) -> list[Attestation]:
        """Return what was signed of a kind about a log."""
        return [one for one in self.attestations if one.kind is kind and log.sha256 in one.subjects]

    def signed_for_any(self, kind: Attested) -> list[Attestation]:
        """Return what was signed of a kind about any of the logs."""
        hashes = {log.sha256 for log in self.logs}
        return [one for one in self.attestations if one.kind is kind and one.subjects & hashes]

    def limit(self, gate: str, name: str) -> float:
        """Return a limit: the criterion's own, or the catalogue's."""
        own = self.criterion.gates.get(gate, {})
        return float(own.get(name, GATES[gate].limits[name]))


Answer = tuple[State, str]
Rule = Callable[[Evidence, Body], Answer]
SetRule = Callable[[Body], Answer]


def ask_gates(body: Body) -> tuple[GateAnswer, ...]:
    """Return the answer of every gate: of each log where it is about one, else of all."""
    answers = []
    for gate in GATES:
        waived = body.criterion.waived.get(gate)
        if waived is not None:
            answers.append(GateAnswer(gate=gate, state=State.WAIVED, reason=waived))
        elif gate in OF_ALL:
            state, reason = OF_ALL[gate](body)
            answers.append(GateAnswer(gate=gate, state=state, reason=reason))
        else:
            for log in body.logs:
                state, reason = OF_EACH[gate](log, body)
                answers.append(
                    GateAnswer(gate=gate, state=state, reason=reason, evidence=log.sha256)
                )
    return tuple(answers)


def unaltered(log: Evidence, body: Body) -> Answer:
    """Find what does not agree inside the log."""
    faults = list(log.faults)
    beyond = sum(1 for sample in log.samples if sample.epoch > log.declared_epochs)
    if beyond:
        faults.append(
            f"{beyond} attempts were added to the {log.declared_epochs} at each item that were made"
        )
    if faults:
        return State.INVALID, "; ".join(faults)
    return State.PASSES, f"{len(log.samples):,} samples agree with everything the log says of them"


def one_model(log: Evidence, body: Body) -> Answer:
    """Compare who was asked with who answered."""
    asked = {name for sample in log.samples for name in sample.requested} - {log.model}
    if asked:
        return State.INVALID, f"calls went to {_named(asked)}, the log is about {log.model}"
    served = Counter(name for sample in log.samples for name in sample.served)
    if not served:
        return State.LACKS, "the log does not say which model answered; log the model's calls"
    strangers = {name for name in served if not _is_served_name(log.model, name)}
    if strangers:
        return State.INVALID, f"{log.model} was asked, {_named(strangers)} answered"
    if len(served) > 1:
        return State.INVALID, f"more than one model answered: {_named(set(served))}"
    silent = sum(1 for sample in log.samples if sample.model_calls and not sample.served)
    if silent and not all(sample.errored for sample in log.samples if not sample.served):
        return State.LACKS, f"{silent} samples do not say which model answered"
    return State.PASSES, f"{next(iter(served))} answered every call"


def no_fallback(log: Evidence, body: Body) -> Answer:
    """Count calls that another model took over."""
    count = sum(sample.fallbacks for sample in log.samples)
    if count:
        return State.INVALID, f"{count} calls fell back to another model"
    return State.PASSES, "no call fell back"


def committed(log: Evidence, body: Body) -> Answer:
    """Compare the file with what the runner signed."""
    if body.signed(Attested.RUN, log):
        return State.PASSES, "the runner signed this very file"
    other = [
        one
        for one in body.attestations
        if one.kind is Attested.RUN and one.facts.get("run_id") == log.run_id
    ]
    if other:
        return State.INVALID, "the runner signed another file for this run: this one was changed"
    return State.LACKS, "the runner did not sign the log; without that, rewriting would not show"


def finished(log: Evidence, body: Body) -> Answer:
    """See whether the run came to its end."""
    if log.invalidated or any(sample.invalidated for sample in log.samples):
        return State.LACKS, "the log, or samples of it, were marked invalid by its owners"
    if log.status != "success":
        return State.LACKS, f"the run ended as {log.status}; finish or repeat it"
    return State.PASSES, "the run finished"


def benchmark_pinned(log: Evidence, body: Body) -> Answer:
    """Compare task, version and content with the criterion's."""
    wanted = body.benchmark
    if log.task.rsplit("/", 1)[-1] != wanted.task.rsplit("/", 1)[-1]:
        return State.LACKS, f"the log is of {log.task}, the criterion asks for {wanted.task}"
    if log.task_version != wanted.version:
        return (
            State.LACKS,
            f"the log is of version {log.task_version}, the criterion asks for {wanted.version}",
        )
    if wanted.dataset_sha256 is not None and log.dataset_sha256 != wanted.dataset_sha256:
        return State.LACKS, "the items are not those of the criterion: their hash differs"
    hashes = {one.dataset_sha256 for one in body.logs if one.dataset_sha256}
    if len(hashes) > 1:
        return State.LACKS, "the logs do not have the same items"
    return State.PASSES, "task, version and items are those of the criterion"


def complete(log: Evidence, body: Body) -> Answer:
    """Count items and attempts."""
    if log.subset:
        return State.LACKS, f"only part of the benchmark was run ({', '.join(log.subset)})"
    attempts = Counter(sample.id for sample in log.samples)
    declared = set(log.declared_ids or ())
    if declared and attempts.keys() != declared:
        missing = len(declared - attempts.keys())
        strange = len(attempts.keys() - declared)
        return State.LACKS, f"{missing} items are missing and {strange} are not of the benchmark"
    if body.criterion.sequential:
        return State.PASSES, f"{len(attempts):,} items so far; the criterion allows looks"
    if len(attempts) != body.benchmark.items:
        return State.LACKS, f"{len(attempts)} of {body.benchmark.items} items are there"
    planned = body.benchmark.attempts
    other = sum(1 for count in attempts.values() if count != planned)
    if other:
        return State.LACKS, f"{other} items do not have the planned {planned} attempts"
    return State.PASSES, f"{len(attempts):,} items, {planned} attempts each"


def scored(log: Evidence, body: Body) -> Answer:
    """Find attempts without a score that can be averaged."""
    scorer = body.benchmark.scorer
    if scorer not in log.scorers:
        there = ", ".join(log.scorers) or "none"
        return State.LACKS, f"the log has no scorer {scorer}; it has {there}"
    values = [sample.scores.get(scorer) for sample in log.samples if not sample.errored]
    empty = sum(1 for value in values if value is None)
    if empty:
        return State.LACKS, f"{empty} attempts have no finite score and did not break"
    outside = sum(1 for value in values if value is not None and not 0 <= value <= 1)
    if outside:
        return State.LACKS, f"{outside} scores lie outside 0 to 1"
    return State.PASSES, f"{len(values):,} attempts have a score"


def not_edited(log: Evidence, body: Body) -> Answer:
    """Look for changes after the run that nobody else signed."""
    edited = sum(1 for sample in log.samples if sample.edited)
    if not edited and not log.edits:
        return State.PASSES, "nothing was changed after the run"
    if body.signed(Attested.EDIT, log):
        return State.PASSES, "what was changed after the run, a second person signed"
    return (
        State.LACKS,
        f"{edited} scores and {log.edits} parts of the log were changed after the run, unsigned",
    )


def clean_revision(log: Evidence, body: Body) -> Answer:
    """See which code ran."""
    if log.revision is None:
        return State.LACKS, "the log names no commit; run the benchmark from a repository"
    if log.revision.dirty is not False:
        return State.LACKS, f"commit {log.revision.commit[:12]} had local changes, or may have had"
    return State.PASSES, f"commit {log.revision.commit[:12]}, unchanged"


def no_cache(log: Evidence, body: Body) -> Answer:
    """Count answers out of a cache: copies are no further attempts."""
    count = sum(sample.cached for sample in log.samples)
    if count:
        return State.LACKS, f"{count} answers came out of a cache"
    return State.PASSES, "every answer was fresh"


def planned_size(log: Evidence, body: Body) -> Answer:
    """See whether results decided when to stop."""
    if log.stopped_early and not body.criterion.sequential:
        return State.LACKS, f"{log.stopped_early}, and the criterion allows no looks"
    return State.PASSES, "the size was fixed beforehand" if not log.stopped_early else "looks count"


def isolated(log: Evidence, body: Body) -> Answer:
    """See where the model's tools ran."""
    if not any(sample.tool_calls for sample in log.samples):
        return State.PASSES, "no tool was called"
    if log.sandbox in _ON_THE_HOST:
        return State.LACKS, "tools ran without a sandbox, so the model could reach the grader"
    return State.PASSES, f"tools ran in the sandbox {log.sandbox}"


def _reviewed(kind: Attested) -> Rule:
    def rule(log: Evidence, body: Body) -> Answer:
        reviews = body.signed(kind, log)
        found = [one for one in reviews if one.facts.get("verdict") == "found"]
        if found:
            return State.INVALID, f"the {kind} found and confirmed it"
        runners = {key for one in body.signed(Attested.RUN, log) for key in one.key_ids}
        clean = [one for one in reviews if one.facts.get("verdict") == "clean"]
        if not clean:
            return State.LACKS, f"there is no signed {kind}"
        if all(runners.issuperset(one.key_ids) for one in clean):
            return State.LACKS, f"the {kind} is signed by whoever ran it; somebody else must review"
        return State.PASSES, f"a {kind} found nothing"

    return rule


def receipts_complete(body: Body) -> Answer:
    """Join the endpoint's receipts to the calls in the logs."""
    receipts = body.signed_for_any(Attested.RECEIPTS)
    if not receipts:
        return State.LACKS, "there are no signed receipts of the endpoint"
    known = Counter(
        str(one)
        for receipt in receipts
        for one in (receipt.facts.get("requests") or ())  # type: ignore[union-attr] # a list, or nothing
    )
    logged = Counter(
        one for log in body.logs for sample in log.samples for one in sample.request_ids
    )
    if max(logged.values(), default=0) > 1:
        return State.INVALID, "one call of the endpoint stands in the logs more than once"
    unknown, lost = logged.keys() - known.keys(), known.keys() - logged.keys()
    if unknown:
        return State.INVALID, f"{len(unknown)} answers in the logs did not come from the endpoint"
    if lost:
        return State.LACKS, f"{len(lost)} calls of the endpoint are in no log: runs are missing"
    return State.PASSES, f"{len(logged):,} calls and receipts match one to one"


def errors(log: Evidence, body: Body) -> Answer:
    """Count attempts that broke."""
    broken = sum(1 for sample in log.samples if sample.errored)
    return _share(broken, len(log.samples), body.limit("errors", "most"), "attempts broke")


def tool_errors(log: Evidence, body: Body) -> Answer:
    """Count tool calls that failed: a broken harness looks like a weak model."""
    calls = sum(sample.tool_calls for sample in log.samples)
    failed = sum(sample.tool_errors for sample in log.samples)
    return _share(failed, calls, body.limit("tool-errors", "most"), "tool calls failed")


def refusals(log: Evidence, body: Body) -> Answer:
    """Count calls that the model or its filter refused."""
    calls = sum(sample.model_calls for sample in log.samples)
    refused = sum(sample.refusals for sample in log.samples)
    return _share(refused, calls, body.limit("refusals", "most"), "calls were refused")


def limit_hits(log: Evidence, body: Body) -> Answer:
    """Count failures that a budget stopped: they might have become successes."""
    failures = [sample for sample in log.samples if not _succeeded(sample, body.benchmark.scorer)]
    stopped = sum(1 for sample in failures if sample.limit is not None)
    most = body.limit("limit-hits", "most")
    return _share(stopped, len(failures), most, "failures ended at a budget")


def budget_plateau(body: Body) -> Answer:
    """Compare the two largest budgets of one scaffold, the larger at least twice the smaller."""
    gain = body.limit("budget-plateau", "gain")
    by_scaffold: dict[str, list[Evidence]] = {}
    for log in body.logs:
        by_scaffold.setdefault(log.scaffold, []).append(log)
    gains = [
        found
        for logs in by_scaffold.values()
        if (found := _last_doubling(logs, body.benchmark.scorer)) is not None
    ]
    if not gains:
        return State.LACKS, "no two logs of one scaffold differ in budget by a factor of two"
    if max(gains) > gain:
        return State.LACKS, f"twice the budget still added {max(gains):.3f}; the score is a minimum"
    return State.PASSES, f"twice the budget added {max(gains):.3f}"


def elicitation(body: Body) -> Answer:
    """Count the scaffolds that were tried."""
    scaffolds, wanted = {log.scaffold for log in body.logs}, body.limit("elicitation", "scaffolds")
    if len(scaffolds) < wanted:
        return State.LACKS, f"{len(scaffolds)} of {wanted:g} scaffolds were tried"
    return State.PASSES, f"{len(scaffolds)} scaffolds were tried; the best counts"


def helpful_only(body: Body) -> Answer:
    """Look for the lab's word about a variant without refusals."""
    for one in body.signed_for_any(Attested.HELPFUL_ONLY):
        if one.facts.get("variant") in {"measured", "not-needed"}:
            return State.PASSES, f"helpful-only variant: {one.facts['variant']}"
    return State.LACKS, "nobody signed that a variant without refusals was measured"


def sandbagging(body: Body) -> Answer:
    """Look for the evaluator's word about access."""
    for one in body.signed_for_any(Attested.ACCESS):
        if one.facts.get("level") == "fine-tuning":
            return State.PASSES, "fine-tuning was tried to bring hidden ability out"
        if one.facts.get("level") == "black-box":
            return State.PASSES, BLACK_BOX
    return State.LACKS, "nobody signed what access there was; hiding of ability is not addressed"


BLACK_BOX = "black-box access only: hiding of ability is not excluded"

OF_EACH: Mapping[str, Rule] = {
    "unaltered": unaltered,
    "one-model": one_model,
    "no-fallback": no_fallback,
    "committed": committed,
    "finished": finished,
    "benchmark-pinned": benchmark_pinned,
    "complete": complete,
    "scored": scored,
    "not-edited": not_edited,
    "clean-revision": clean_revision,
    "no-cache": no_cache,
    "planned-size": planned_size,
    "isolated": isolated,
    "contamination-review": _reviewed(Attested.CONTAMINATION),
    "cheating-review": _reviewed(Attested.CHEATING),
    "errors": errors,
    "tool-errors": tool_errors,
    "refusals": refusals,
    "limit-hits": limit_hits,
}
OF_ALL: Mapping[str, SetRule] = {
    "receipts-complete": receipts_complete,
    "budget-plateau": budget_plateau,
    "elicitation": elicitation,
    "helpful-only": helpful_only,
    "sandbagging": sandbagging,
}


def _share(count: int, total: int, most: float, what: str) -> Answer:
    share = count / total if total else 0.0
    said = f"{count:,} of {total:,} {what} ({share:.1%}; at most {most:.1%} may)"
    return (State.PASSES if share <= most else State.LACKS), said


def _succeeded(sample: Sample, scorer: str) -> bool:
    return (sample.scores.get(scorer) or 0.0) >= 1


def _is_served_name(asked: str, served: str) -> bool:
    """Return whether an answer's name is the asked one, perhaps with a provider or a date."""
    wanted, got = asked.rsplit("/", 1)[-1].lower(), served.rsplit("/", 1)[-1].lower()
    return got == wanted or (
        got.startswith(wanted) and _DATED.fullmatch(got[len(wanted) :]) is not None
    )


def _last_doubling(logs: Sequence[Evidence], scorer: str) -> float | None:
    """Return what the last doubling of the budget added to the mean score."""
    sized = sorted((size, _mean(log, scorer)) for log in logs if (size := _size(log)) is not None)
    for size, mean in reversed(sized[:-1]):
        if sized[-1][0] >= 2 * size:
            return sized[-1][1] - mean
    return None


def _size(log: Evidence) -> float | None:
    budget = log.budget
    sizes = (budget.tokens, budget.messages, budget.seconds, budget.cost)
    return next((float(one) for one in sizes if one), None)


def _mean(log: Evidence, scorer: str) -> float:
    values = [value for one in log.samples if (value := one.scores.get(scorer)) is not None]
    return sum(values) / len(values) if values else 0.0


def _named(names: set[str]) -> str:
    shown = sorted(name[:80] for name in names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
