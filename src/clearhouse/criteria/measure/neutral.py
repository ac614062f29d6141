"""Read the neutral evidence format, for harnesses other than Inspect: JSON lines.

In: a path. The first line is the header, each further line one sample; the fields are those of
`Evidence` and `Sample`, and unknown ones are ignored. Out: an `Evidence`. Refused with
`EvidenceError`, naming the line: what is no JSON, lacks a demanded field, or has another version.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic_core import from_json

from clearhouse.criteria.measure.fields import Fields, as_json, fields, listed, number, text, whole
from clearhouse.criteria.measure.inspect_header import Header
from clearhouse.criteria.measure.recompute import disagreements
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

MARK = "clearhouse_evidence"
VERSION = 1
_LONGEST_LINE = 16 * 1024 * 1024
_DEMANDED = ("run_id", "created", "task", "task_version", "model", "scaffold")


def read_neutral(path: Path) -> Evidence:
    """Read a file of the neutral format.

    Raises: EvidenceError.
    """
    total, size = hashlib.sha256(), 0
    samples: list[Sample] = []
    header: Header | None = None
    for number_, line in enumerate(_lines(path), start=1):
        total.update(line)
        size += len(line)
        if header is None:
            header = _header(_object(line, number_))
        elif line.strip():
            samples.append(_sample(_object(line, number_), line.strip(), number_))
    if header is None or not samples:
        raise EvidenceError("the evidence holds no sample: nothing was measured")
    return header.with_samples(
        tuple(samples),
        format=LogFormat.NEUTRAL,
        format_version=VERSION,
        sha256=total.hexdigest(),
        size_bytes=size,
        faults=disagreements(samples, header.reported, (), header.declared_total),
    )


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as handle:
            while line := handle.readline(_LONGEST_LINE + 1):
                if len(line) > _LONGEST_LINE:
                    raise EvidenceError("a line of the evidence is longer than 16 MiB")
                yield line
    except OSError as error:
        raise EvidenceError(f"cannot read {path.name}: {error.strerror}") from error


def _object(line: bytes, number_: int) -> Fields:
    try:
        document = from_json(line, allow_inf_nan=True)
    except ValueError as error:
        raise EvidenceError(f"line {number_} of the evidence is not JSON") from error
    if not isinstance(document, dict):
        raise EvidenceError(f"line {number_} of the evidence is no JSON object")
    return fields(document)


def _header(document: Fields) -> Header:
    if document.get(MARK) != VERSION:
        raise EvidenceError(
            f"line 1 needs {MARK}: {VERSION}; another version or format is not known here"
        )
    missing = [name for name in _DEMANDED if not text(document, name)]
    if missing:
        raise EvidenceError(f"line 1 of the evidence lacks {', '.join(missing)}")
    revision, budget = fields(document, "revision"), fields(document, "budget")
    dirty = revision.get("dirty")
    return Header(
        **{name: str(document[name]) for name in _DEMANDED if name != "created"},
        created=_instant(str(document["created"])),
        status=text(document, "status") or "unknown",
        declared_ids=_ids(document),
        declared_epochs=whole(document, "declared_epochs") or 1,
        declared_total=whole(document, "declared_total"),
        subset=tuple(map(str, listed(document, "subset"))),
        stopped_early=text(document, "stopped_early"),
        task_args=_json(document, "task_args"),
        base_url=text(document, "base_url"),
        generation=_json(document, "generation"),
        graders=tuple(map(str, listed(document, "graders"))),
        sandbox=text(document, "sandbox"),
        revision=Revision(
            commit=str(revision["commit"]), dirty=dirty if isinstance(dirty, bool) else None
        )
        if text(revision, "commit")
        else None,
        packages={name: str(value) for name, value in fields(document, "packages").items()},
        budget=Budget(
            tokens=whole(budget, "tokens"),
            messages=whole(budget, "messages"),
            seconds=whole(budget, "seconds"),
            cost=number(budget, "cost"),
        ),
        reported=tuple(_reported(fields(one)) for one in listed(document, "reported")),
        edits=whole(document, "edits") or 0,
        invalidated=document.get("invalidated") is True,
        metadata=_json(document, "metadata"),
    )


def _ids(document: Fields) -> tuple[str, ...] | None:
    if not isinstance(document.get("declared_ids"), list):
        return None
    return tuple(map(str, listed(document, "declared_ids")))


def _json(document: Fields, name: str) -> dict[str, Json]:
    return {key: as_json(value) for key, value in fields(document, name).items()}


def _instant(written: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise EvidenceError("created on line 1 of the evidence is no ISO 8601 time") from error
    if found.tzinfo is None:
        raise EvidenceError("created on line 1 of the evidence has no time zone")
    return found


def _reported(document: Fields) -> Reported:
    return Reported(
        scorer=text(document, "scorer") or "",
        reducer=text(document, "reducer"),
        metric=text(document, "metric") or "",
        value=as_number(document.get("value")),
    )


def _sample(document: Fields, line: bytes, number_: int) -> Sample:
    item, epoch = document.get("id"), document.get("epoch", 1)
    if not isinstance(item, str) or isinstance(epoch, bool) or not isinstance(epoch, int):
        raise EvidenceError(f"line {number_} of the evidence needs an id and a whole epoch")
    scores = {name: as_number(value) for name, value in fields(document, "scores").items()}
    return Sample(
        id=item,
        epoch=epoch,
        scores=scores,
        item_sha256=text(document, "item_sha256"),
        sample_sha256=hashlib.sha256(line).hexdigest(),
        run=text(document, "run"),
        family=text(document, "family"),
        minutes=number(document, "minutes"),
        ended_at=text(document, "ended_at"),
        errored=document.get("errored") is True,
        attempts=whole(document, "attempts") or 1,
        limit=text(document, "limit"),
        requested=_names(document, "requested"),
        served=_names(document, "served"),
        request_ids=_names(document, "request_ids"),
        edited=document.get("edited") is True,
        invalidated=document.get("invalidated") is True,
        model_calls=_count(document, "model_calls"),
        retries=_count(document, "retries"),
        cached=_count(document, "cached"),
        refusals=_count(document, "refusals"),
        fallbacks=_count(document, "fallbacks"),
        tool_calls=_count(document, "tool_calls"),
        tool_errors=_count(document, "tool_errors"),
        tokens=_count(document, "tokens"),
    )


def _count(document: Fields, name: str) -> int:
    return whole(document, name) or 0


def _names(document: Fields, name: str) -> tuple[str, ...]:
    return tuple(str(one) for one in listed(document, name))
