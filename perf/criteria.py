"""Determine from 100,000 samples, and read a log of 1,000 beside Inspect.

    python perf/criteria.py [--inspect PYTHON]

The large sets are made of one real log (tests/data/criteria), its samples repeated under new ids:
100,000 as neutral JSON lines, 10,000 with whole transcripts as an `.eval` archive. Each is read and
determined in a fresh process, whose CPU time and peak memory are printed. The small log is read
by us and, when PYTHON is an interpreter that has `inspect_ai`, by Inspect in the same run, with the
ratio.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

from backports.zstd import compress

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT / "tests")]

from clearhouse.criteria.define.reading import read_criterion  # noqa: E402 - found by the path above
from clearhouse.criteria.determine.record import Subject  # noqa: E402 - as above
from clearhouse.criteria.determine.rules import Brought, determine  # noqa: E402 - as above
from clearhouse.criteria.measure.reading import read_evidence  # noqa: E402 - as above
from evallog import PROFILE, Log  # noqa: E402 - as above

LARGE, MIDDLE, SMALL, ATTEMPTS, ROUNDS = 100_000, 10_000, 1_000, 10, 5
_READ_WITH_INSPECT = """
import sys, time
from inspect_ai.log import read_eval_log
read_eval_log(sys.argv[1])
times = []
for _ in range(int(sys.argv[2])):
    begin = time.process_time()
    log = read_eval_log(sys.argv[1])
    times.append(time.process_time() - begin)
assert len(log.samples) == int(sys.argv[3])
print(sorted(times)[len(times) // 2])
"""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--inspect", help="an interpreter that has inspect_ai")
    options.add_argument("--determine", help=argparse.SUPPRESS)
    options.add_argument("--samples", type=int, default=LARGE, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.determine:
        one_determination(Path(chosen.determine), chosen.samples)
        return
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as folder:
        place = Path(folder)
        for name, path, count in (
            ("neutral JSON lines", neutral(place / "large.jsonl", LARGE), LARGE),
            (".eval archive", archive(place / "middle.eval", MIDDLE), MIDDLE),
        ):
            done = subprocess.run(
                [sys.executable, __file__, "--determine", str(path), "--samples", str(count)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            size = path.stat().st_size / 1e6
            print(f"{count:,} samples, {name} ({size:.0f} MB): {done.stdout}", end="", flush=True)
        compare(archive(place / "small.eval", SMALL), chosen.inspect)


def one_determination(path: Path, count: int) -> None:
    """Read and determine, and print what it took."""
    begin, wall = time.process_time(), time.monotonic()
    text = PROFILE.replace("items: 12", f"items: {count // ATTEMPTS}")
    criterion = read_criterion(text.replace("attempts: 2", f"attempts: {ATTEMPTS}"))
    log = read_evidence(path)
    read = time.process_time() - begin
    subject = Subject(model=log.model, checkpoint="one")
    brought = Brought(subject=subject, logs={"flags": (log,)}, facts={})
    found = determine(criterion, brought, datetime.now(UTC), sealed={})
    total, waited = time.process_time() - begin, time.monotonic() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert len(log.samples) == count
    assert found.clauses[0].estimates[0].attempts == count
    spent = f"{total:.1f} s CPU ({read:.1f} of them reading), {waited:.1f} s wall, {peak:.0f} MB"
    print(f"{found.outcome} in {spent}")


def compare(path: Path, python: str | None) -> None:
    """Read the small log by us and by Inspect."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        assert len(read_evidence(path).samples) == SMALL
        times.append(time.process_time() - begin)
    ours = statistics.median(times)
    print(f"{SMALL:,} samples read by us: {ours:.3f} s CPU (median of {ROUNDS})")
    if python is None:
        print("no interpreter with inspect_ai given (--inspect): no ratio")
        return
    done = subprocess.run(
        [python, "-c", _READ_WITH_INSPECT, str(path), str(ROUNDS), str(SMALL)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    theirs = float(done.stdout.split()[-1])
    print(f"read by Inspect: {theirs:.3f} s CPU; ratio Inspect / ours {theirs / ours:.1f}")


def archive(path: Path, count: int) -> Path:
    """Write a log of `count` samples, compressed as Inspect does."""
    log = Log("weak-plain")
    models = list(log.samples.values())
    summary = log.members["summaries.json"][0]
    summaries = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for place in range(count):
            sample = models[place % len(models)]
            item, epoch = f"item-{place // ATTEMPTS:06}", place % ATTEMPTS + 1
            content = sample | {"id": item, "epoch": epoch, "uuid": f"run{place}"}
            content["metadata"] = sample["metadata"] | {
                "family": f"family-{place // ATTEMPTS % 500}"
            }
            _zstd(out, f"samples/{item}_epoch_{epoch}.json", content)
            summaries.append(
                summary
                | {"id": item, "epoch": epoch, "uuid": f"run{place}", "scores": sample["scores"]}
            )
        _zstd(out, "summaries.json", summaries)
        header = log.header
        header["eval"]["dataset"]["sample_ids"] = [f"item-{n:06}" for n in range(count // ATTEMPTS)]
        header["eval"]["config"]["epochs"] = ATTEMPTS
        header["results"] = {"total_samples": count, "completed_samples": count, "scores": []}
        _zstd(out, "header.json", header)
    return path


def _zstd(out: zipfile.ZipFile, name: str, document: object) -> None:
    """Add a member of method 93, which `zipfile` itself cannot write before Python 3.14."""
    content = json.dumps(document).encode()
    packed = compress(content, 3)
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_STORED
    out.writestr(entry, packed)
    entry.compress_type, entry.file_size = 93, len(content)
    entry.CRC = zlib.crc32(content)


def neutral(path: Path, count: int) -> Path:
    """Write the same as neutral JSON lines."""
    header = {
        "clearhouse_evidence": 1, "run_id": "r", "created": "2026-11-01T09:00:00+00:00",
        "status": "success", "task": "flags", "task_version": "1", "model": "mockllm/model",
        "scaffold": "plain", "sandbox": "cell", "declared_epochs": ATTEMPTS,
    }  # fmt: skip
    with path.open("w") as out:
        out.write(json.dumps(header) + "\n")
        for place in range(count):
            sample = {
                "id": f"item-{place // ATTEMPTS:06}", "epoch": place % ATTEMPTS + 1,
                "run": f"run{place}", "scores": {"includes": float(place % 7 == 0)},
                "family": f"family-{place // ATTEMPTS % 500}", "model_calls": 2, "tool_calls": 1,
                "served": ["mockllm/model"], "ended_at": "2026-11-01T09:20:00+00:00",
            }  # fmt: skip
            out.write(json.dumps(sample) + "\n")
    return path


if __name__ == "__main__":
    main()
