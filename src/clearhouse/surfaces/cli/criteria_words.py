"""What the criteria commands print for people."""

from clearhouse.criteria.define.record import Clause, Criterion, Fact, Metric, Not
from clearhouse.criteria.determine.record import Determination
from clearhouse.criteria.measure.gates import State
from clearhouse.criteria.measure.record import Evidence

_MARKS = {State.PASSES: "+", State.LACKS: "-", State.INVALID: "!", State.WAIVED: "~"}


def criterion_words(criterion: Criterion) -> str:
    """Return a criterion for people."""
    lines = [
        f"{criterion.name}: {criterion.title}",
        f"  {criterion.kind}; {criterion.statement}",
        f"  sha256 {criterion.sha256}",
        f"  confidence {criterion.confidence:g}, expires after {criterion.expires_days} days",
        *_clause(criterion.rule, 1),
    ]
    lines += [f"  waives {gate}: {why}" for gate, why in criterion.waived.items()]
    lines += [f"  source: {one}" for one in criterion.sources]
    return "\n".join(lines)


def _clause(clause: Clause, depth: int) -> list[str]:
    margin = "  " * depth
    if isinstance(clause, Metric):
        above = f"{clause.above:g}" if isinstance(clause.above, float) else "a sealed value"
        estimand = clause.estimand
        what = f"{estimand.statistic} of {clause.benchmark} ({estimand.population})"
        return [f"{margin}{clause.id}: {what} above {above}"]
    if isinstance(clause, Fact):
        return [f"{margin}{clause.fact} {clause.op} {clause.value} {clause.unit or ''}".rstrip()]
    if isinstance(clause, Not):
        return [f"{margin}not:", *_clause(clause.part, depth + 1)]
    return [
        f"{margin}{clause.word}:",
        *(line for part in clause.parts for line in _clause(part, depth + 1)),
    ]


def evidence_words(evidence: Evidence) -> str:
    """Return a log for people."""
    broke = sum(1 for one in evidence.samples if one.errored)
    served = sorted({name for one in evidence.samples for name in one.served})
    lines = [
        f"{evidence.task} version {evidence.task_version}, run {evidence.run_id}",
        f"  {evidence.model} asked, {', '.join(served) or 'nobody named'} answered",
        f"  scaffold {evidence.scaffold}, sandbox {evidence.sandbox or 'none'}",
        f"  {len(evidence.samples):,} samples, {broke} broke, {evidence.status}",
        f"  file sha256 {evidence.sha256}",
        f"  data set sha256 {evidence.dataset_sha256 or 'unknown: the log lacks the items'}",
    ]
    lines += [f"  does not agree: {fault}" for fault in evidence.faults]
    return "\n".join(lines)


def determination_words(found: Determination) -> str:
    """Return a determination for people."""
    lines = [
        f"{found.outcome}  {found.subject.model} ({found.subject.checkpoint}), {found.criterion}",
        f"  {found.because}",
    ]
    for clause in found.clauses:
        lines.append(f"  {clause.says}: {clause.holds}")
        lines += [
            f"    {one.value:.3g} [{one.low:.3g}, {one.high:.3g}] from {one.attempts:,} attempts "
            f"at {one.items:,} items, worth {one.effective:.3g} ({one.method})"
            for one in clause.estimates
        ]
        lines += [f"    {problem}" for problem in clause.problems]
    lines += [
        f"  needs about {one.attempts:,} attempts to show {one.clause} {one.direction}"
        f" (has {one.have:g})"
        if one.attempts is not None
        else f"  {one.clause} lies at the threshold: no number of attempts decides it"
        for one in found.needed
    ]
    lines += [f"  {_MARKS[one.state]} {one.gate}: {one.reason}" for one in found.gates]
    lines += [f"  missing: {one}" for one in found.missing]
    lines += [f"  note: {one}" for one in found.caveats]
    lines.append(f"  valid until {found.expires_at:%Y-%m-%d}. {found.statement}")
    return "\n".join(lines)
