"""How long a provider takes to be built and to be changed, beside copying its files.

    PYTHONPATH=tests perf/provider.py [--advisories 10000] [--folder /tmp/…]
    PYTHONPATH=tests perf/provider.py --kills 200

With kills: a process that releases two corrections and two new advisories is killed at a random
moment, so many times; what the public then reads must be the state before or the state after.

Builds a provider of synthesised advisories from nothing, puts one new advisory and one correction
on it, and writes the same files with plain copying as the peer. Prints seconds and ratios.
"""

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from clearhouse.clearing.publish import cards, provider
from clearhouse.clearing.publish.cards import Issue
from clearhouse.clearing.publish.shelf import Shelf
from providers import NOW, issue, put, seen

PURLS = ("pkg:pypi/p", "pkg:npm/n", "pkg:cargo/c", "pkg:golang/example.org/g", "pkg:maven/o/m")


def synthesised(count: int) -> list[Issue]:
    """Return issues of the shape of real ones, each of a package of its own."""
    made = [issue(1, purl=f"{purl}0") for purl in PURLS]
    return [renamed(made[number % len(PURLS)], number) for number in range(1, count + 1)]


def renamed(one: Issue, number: int) -> Issue:
    """Return an issue under another number; a thousandth of the cost of making it."""
    id_ = f"CLR-2026-{number:05d}"
    files = {
        name: data.replace(b"CLR-2026-00001", id_.encode()).replace(
            b"clr-2026-00001", id_.lower().encode()
        )
        for name, data in one.files.items()
    }
    return Issue(id=id_, revision=1, added=one.added, files=files)


def copied(folder: Path, to: Path) -> float:
    """Return the seconds that copying every public file takes: what no provider can beat."""
    start = time.perf_counter()
    shutil.copytree(folder / "history", to)
    return time.perf_counter() - start


def timed(folder: Path, issues: list[Issue], sequence: int) -> tuple[float, float]:
    """Return the seconds of one change, on the clock and of the processor."""
    start, used = time.perf_counter(), time.process_time()
    put(folder, issues, sequence=sequence, at=NOW + timedelta(minutes=sequence))
    return time.perf_counter() - start, time.process_time() - used


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--advisories", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=chosen.folder, prefix="provider-"))
    try:
        if chosen.kills:
            kill(folder, chosen.kills)
        else:
            measure(folder, chosen.advisories)
    finally:
        shutil.rmtree(folder)


def kill(folder: Path, times: int) -> None:
    """Kill releases at random moments; stop where anything but before or after can be read."""
    first = [issue(number) for number in range(1, 9)]
    second = [issue(number, revision=2) for number in (1, 2)] + [issue(9), issue(10)]
    put(folder / "ready", first)
    before = seen(folder / "ready")
    shutil.copytree(folder / "ready", folder / "whole", symlinks=True)
    start = time.perf_counter()
    put(folder / "whole", second, sequence=2)
    longest, after = time.perf_counter() - start, seen(folder / "whole")
    sides = {"before": 0, "after": 0, "not killed": 0}
    for turn in range(times):
        public = folder / f"turn-{turn}"
        shutil.copytree(folder / "ready", public, symlinks=True)
        child = os.fork()
        if child == 0:
            put(public, second, sequence=2)
            os._exit(0)
        time.sleep(random.uniform(0, longest * 1.2))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        shown = seen(public)
        assert shown in (before, after), f"a part of a release is public in {public}"
        side = "after" if shown == after else "before"
        sides[side if os.WIFSIGNALED(status) else "not killed"] += 1
        if shown == before:
            put(public, second, sequence=2)
        else:
            Shelf(public).put_made(lambda: None)  # as the next run does that finds it on the shelf
        assert seen(public) == after, f"not finished by the next run in {public}"
        shutil.rmtree(public)
    print(json.dumps({"kills": times, **sides}, indent=2))


def measure(folder: Path, count: int) -> None:
    """Build, change and copy."""
    issues = synthesised(count)
    public = folder / "published"
    built, built_cpu = timed(public, issues, 1)
    files = sum(1 for one in (public / ".head").rglob("*") if one.is_file())
    new = [timed(public, [renamed(issues[0], count + turn)], 1 + turn) for turn in range(1, 6)]
    corrected, _ = timed(public, [issue(1, revision=2, at=NOW + timedelta(days=1))], 9)
    peer = copied(public, folder / "copy")
    start = time.perf_counter()
    known = cards.read((public / ".head" / provider.CARDS).read_bytes())
    reading = time.perf_counter() - start
    result = {
        "advisories": len(known),
        "files": files,
        "build_s": round(built, 2),
        "build_processor_s": round(built_cpu, 2),
        "build_per_copy": round(built / peer, 1),
        "new_advisory_s": round(sorted(new)[2][0], 3),
        "new_advisory_worst_s": round(max(new)[0], 3),
        "new_advisory_processor_s": round(sorted(used for _, used in new)[2], 3),
        "correction_s": round(corrected, 3),
        "copy_of_the_documents_s": round(peer, 2),
        "cards_read_s": round(reading, 3),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
