"""Read the header of an Inspect log: what was run, on which model, and what it claims.

In: the parsed `header.json`. Out: a `Header`, which becomes `Evidence` with its samples.
Refused with `EvidenceError`: a header without task, model, run or a time with its zone.
Source: Inspect `EvalSpec`, `EvalPlan`, `EvalResults` (0.3.x).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clearhouse.criteria.measure import fingerprints
from clearhouse.criteria.measure.fields import (
    Fields,
    as_json,
    fields,
    listed,
    number,
    text,
    whole,
)
from clearhouse.criteria.measure.record import (
    Budget,
    Evidence,
    EvidenceError,
    LogFormat,
    Reported,
    Revision,
    Sample,
)
from clearhouse.criteria.measure.scores import as_number
from clearhouse.formats.canonical import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Everything of a log but its samples; fields as in `Evidence`."""

    run_id: str
    created: datetime
    status: str
    task: str
    task_version: str
    model: str
    scaffold: str
    declared_ids: tuple[str, ...] | None = None
    declared_epochs: int = 1
    declared_total: int | None = None
    subset: tuple[str, ...] = ()
    stopped_early: str | None = None
    task_args: Mapping[str, object]
    base_url: str | None = None
    generation: Mapping[str, object]
    graders: tuple[str, ...] = ()
    sandbox: str | None = None
    revision: Revision | None = None
    packages: Mapping[str, str]
    budget: Budget = field(default_factory=Budget)
    reported: tuple[Reported, ...] = ()
    edits: int = 0
    invalidated: bool = False
    metadata: Mapping[str, object]

    def with_samples(
        self,
        samples: tuple[Sample, ...],
        *,
        format: LogFormat,  # noqa: A002 - the field's name
        format_version: int,
        sha256: str,
        size_bytes: int,
        faults: tuple[str, ...],
    ) -> Evidence:
        """Return the evidence that header and samples make."""
        own = {name: getattr(self, name) for name in Header.__slots__}
        return Evidence(
            **own,
            samples=samples,
            format=format,
            format_version=format_version,
            sha256=sha256,
            size_bytes=size_bytes,
            dataset_sha256=fingerprints.dataset_sha256(
                {sample.id: sample.item_sha256 for sample in samples}
            ),
            samples_sha256=fingerprints.samples_sha256(
                (sample.id, sample.epoch, sample.sample_sha256) for sample in samples
            ),
            faults=(*faults, *_reworded(samples)),
        )


def _reworded(samples: tuple[Sample, ...]) -> tuple[str, ...]:
    """Say how many items were not the same in all attempts at them."""
    asked: dict[str, set[str | None]] = {}
    for sample in samples:
        asked.setdefault(sample.id, set()).add(sample.item_sha256)
    count = sum(1 for hashes in asked.values() if len(hashes) > 1)
    return (f"{count} items were not asked alike in all attempts",) if count else ()


def read_header(document: Fields) -> Header:
    """Read a header.

    Raises: EvidenceError.
    """
    spec, results = fields(document, "eval"), fields(document, "results")
    config = fields(spec, "config")
    task, model, run = (_demanded(spec, name) for name in ("task", "model", "run_id"))
    return Header(
        run_id=run,
        created=_instant(_demanded(spec, "created")),
        status=text(document, "status") or "unknown",
        task=task,
        task_version=str(spec.get("task_version", "0")),
        model=model,
        scaffold=_scaffold(document),
        declared_ids=_declared_ids(spec),
        declared_epochs=whole(config, "epochs") or 1,
        declared_total=whole(results, "total_samples"),
        subset=tuple(
            f"{name} {as_json(config[name])}"
            for name in ("limit", "sample_id")
            if config.get(name) is not None
        ),
        stopped_early=_stopped_early(results),
        task_args=_json_fields(spec, "task_args"),
        base_url=text(spec, "model_base_url"),
        generation=_json_fields(fields(document, "plan"), "config")
        | _json_fields(spec, "model_generate_config"),
        graders=_graders(spec),
        sandbox=text(fields(spec, "sandbox"), "type") or text(spec, "sandbox"),
        revision=_revision(fields(spec, "revision")),
        packages={name: str(version) for name, version in fields(spec, "packages").items()},
        budget=Budget(
            tokens=whole(config, "token_limit"),
            messages=whole(config, "message_limit"),
            seconds=whole(config, "time_limit"),
            cost=number(config, "cost_limit"),
        ),
        reported=_reported(results),
        edits=len(listed(document, "log_updates")) + len(listed(document, "config_updates")),
        invalidated=document.get("invalidated") is True,
        metadata=_json_fields(spec, "metadata"),
    )


def _demanded(document: Fields, name: str) -> str:
    value = text(document, name)
    if not value:
        raise EvidenceError(f"the log's header has no {name}: it is no whole Inspect log")
    return value


def _instant(written: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise EvidenceError("the log's header says no readable time of creation") from error
    if found.tzinfo is None:
        raise EvidenceError(
            "the log's time of creation has no time zone; write it with Inspect 0.3.100 or newer"
        )
    return found


def _scaffold(document: Fields) -> str:
    steps = [text(fields(one), "solver") for one in listed(fields(document, "plan"), "steps")]
    solver = text(fields(document, "eval"), "solver")
    return solver or " > ".join(filter(None, steps)) or "none"


def _declared_ids(spec: Fields) -> tuple[str, ...] | None:
    dataset = fields(spec, "dataset")
    if not isinstance(dataset.get("sample_ids"), list):
        return None
    return tuple(str(one) for one in listed(dataset, "sample_ids"))


def _stopped_early(results: Fields) -> str | None:
    stopping = fields(results, "early_stopping")
    if not stopping:
        return None
    manager, count = text(stopping, "manager") or "unnamed", len(listed(stopping, "early_stops"))
    return f"{manager} stopped {count} samples"


def _graders(spec: Fields) -> tuple[str, ...]:
    roles = fields(spec, "model_roles")
    found = (
        text(fields(one), "model") or (one if isinstance(one, str) else None)
        for one in roles.values()
    )
    return tuple(sorted(filter(None, found)))


def _revision(document: Fields) -> Revision | None:
    commit, dirty = text(document, "commit"), document.get("dirty")
    if not commit:
        return None
    return Revision(commit=commit, dirty=dirty if isinstance(dirty, bool) else None)


def _reported(results: Fields) -> tuple[Reported, ...]:
    return tuple(
        Reported(
            scorer=text(score, "name") or text(score, "scorer") or "",
            reducer=text(score, "reducer"),
            metric=text(fields(metric), "name") or name,
            value=as_number(fields(metric).get("value")),
        )
        for score in map(fields, listed(results, "scores"))
        for name, metric in fields(score, "metrics").items()
    )


def _json_fields(document: Fields, name: str) -> dict[str, Json]:
    return {key: as_json(value) for key, value in fields(document, name).items()}
