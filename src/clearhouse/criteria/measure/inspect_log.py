"""Read an Inspect `.eval` log without Inspect.

In: a path. Out: an `Evidence` with our own hashes and every disagreement found inside the log.
Refused with `EvidenceError`: what is no whole log, a log of a newer version than is known, a run
that left no sample. One sample is in memory at a time.
Source: Inspect log format version 2 (`inspect_ai/log/_log.py`, 0.3.x).
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import from_json

from clearhouse.criteria.measure.archive import Archive, open_archive
from clearhouse.criteria.measure.fields import Fields, fields, listed, text, whole
from clearhouse.criteria.measure.inspect_header import read_header
from clearhouse.criteria.measure.inspect_sample import read_sample, scores_of
from clearhouse.criteria.measure.recompute import Reduced, disagreements
from clearhouse.criteria.measure.record import Evidence, EvidenceError, LogFormat, Sample
from clearhouse.criteria.measure.scores import by_part

NEWEST_VERSION = 2
_CHUNK = 1 << 20
_Key = tuple[str, int]


def read_inspect_log(path: Path) -> Evidence:
    """Read a log.

    Raises: EvidenceError.
    """
    sha256, size = _hash_file(path)
    with open_archive(path) as archive:
        document = fields(_json(archive, "header.json"))
        version = _known_version(document)
        samples = tuple(_samples(archive))
        summaries = _summaries(archive)
        reduced = _reductions(archive)
    if not samples:
        raise EvidenceError("the log holds no sample: nothing was measured")
    header = read_header(document)
    faults = (
        *_unlike_summaries(samples, summaries),
        *disagreements(samples, header.reported, reduced, header.declared_total),
    )
    return header.with_samples(
        samples,
        format=LogFormat.INSPECT,
        format_version=version,
        sha256=sha256,
        size_bytes=size,
        faults=faults,
    )


def _hash_file(path: Path) -> tuple[str, int]:
    total, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK):
                total.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise EvidenceError(f"cannot read {path.name}: {error.strerror}") from error
    return total.hexdigest(), size


def _known_version(header: Fields) -> int:
    version = whole(header, "version")
    if version is None:
        raise EvidenceError("the log's header has no version: it is no Inspect log")
    if version > NEWEST_VERSION:
        raise EvidenceError(
            f"the log has version {version}, newer than {NEWEST_VERSION}, the newest known here; "
            "update Clearhouse, or write the log with the Inspect that it names"
        )
    return version


def _json(archive: Archive, name: str) -> object:
    try:
        return from_json(archive.read(name), allow_inf_nan=True)
    except ValueError as error:
        if isinstance(error, EvidenceError):
            raise
        raise EvidenceError(f"{name} of the log is not JSON: the log is damaged") from error


def _samples(archive: Archive) -> Iterator[Sample]:
    for name in archive.names:
        if name.startswith("samples/") and name.endswith(".json"):
            yield read_sample(archive.read(name))


def _summaries(archive: Archive) -> dict[_Key, dict[str, float | None]]:
    """Return the scores that the log keeps a second time, in its summaries."""
    found: dict[_Key, dict[str, float | None]] = {}
    for name in archive.names:
        if name == "summaries.json" or name.startswith("_journal/summaries/"):
            summaries = _json(archive, name)
            for one in map(fields, summaries if isinstance(summaries, list) else ()):
                found[str(one.get("id")), whole(one, "epoch") or 0] = scores_of(one)
    return found


def _reductions(archive: Archive) -> list[Reduced]:
    """Return the scores of items over their epochs, as the log keeps them."""
    if "reductions.json" not in archive.names:
        return []
    reductions = _json(archive, "reductions.json")
    return [
        Reduced(
            scorer=text(one, "scorer") or "",
            reducer=text(one, "reducer"),
            item=str(fields(entry).get("sample_id")),
            parts=by_part(text(one, "scorer") or "", fields(entry).get("value")),
        )
        for one in map(fields, reductions if isinstance(reductions, list) else ())
        for entry in listed(one, "samples")
    ]


def _unlike_summaries(
    samples: tuple[Sample, ...], summaries: dict[_Key, dict[str, float | None]]
) -> list[str]:
    """Name what the log's summaries and its samples do not agree about."""
    present = {(sample.id, sample.epoch): sample.scores for sample in samples}
    gone = len(summaries.keys() - present.keys())
    strange = len(present.keys() - summaries.keys()) if summaries else 0
    unlike = sum(
        1 for key, scores in summaries.items() if key in present and present[key] != scores
    )
    found = []
    if gone:
        found.append(f"{gone} samples that the log's summaries list are gone")
    if strange:
        found.append(f"{strange} samples are in the log that its summaries do not list")
    if unlike:
        found.append(f"{unlike} samples have other scores than the log's summaries say")
    return found
