"""Measure what the sandbox costs and how fast verdicts come.

Prints, in milliseconds and as ratios: a program run bare against the same program sandboxed, first
and warm; and, given a folder of bundles, seconds per verdict and verdicts per hour with everything
in the cache. Nothing is compared with an earlier machine: read the ratios.

    python perf/validate.py [--cases DIR] [--only NAME ...] [--rounds N] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "src"))

from clearhouse.bench.sandbox.host.record import Job  # noqa: E402  # after the path is set
from clearhouse.bench.sandbox.host.run import run  # noqa: E402  # as above
from clearhouse.clearing.validate.reproduce.benchmark import run_cases  # noqa: E402  # as above
from clearhouse.clearing.validate.reproduce.packages import PackageCache  # noqa: E402  # as above

PROGRAMS = {
    "true": ("/bin/true",),
    "python": ("/usr/bin/python3", "-c", "pass"),
    "node": ("/usr/bin/node", "-e", "0"),
}


def bare_ms(argv: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


def sandboxed_ms(argv: tuple[str, ...]) -> float:
    started = time.perf_counter()
    run(Job(argv=argv))
    return (time.perf_counter() - started) * 1000


def measure(argv: tuple[str, ...], rounds: int) -> dict[str, float]:
    """Alternate bare and sandboxed runs, so that both meet the same noise."""
    first = sandboxed_ms(argv)
    pairs = [(bare_ms(argv), sandboxed_ms(argv)) for _ in range(rounds)]
    bare, boxed = (statistics.median(side) for side in zip(*pairs, strict=True))
    over = statistics.median(box - alone for alone, box in pairs)
    return {
        "bare_ms": round(bare, 2),
        "sandboxed_first_ms": round(first, 2),
        "sandboxed_warm_ms": round(boxed, 2),
        "overhead_ms": round(over, 2),
        "ratio": round(boxed / bare, 2),
    }


def verdicts(cases: Path, only: list[str], cache: PackageCache) -> dict[str, float]:
    """Run the bundles twice; the second round finds everything in the cache."""
    if only:
        chosen = cache.folder / "perf-cases"
        chosen.mkdir(exist_ok=True)
        for old in chosen.iterdir():
            old.unlink()
        for name in only:
            (chosen / name).symlink_to(cases / name)
        cases = chosen
    run_cases(cases, cache)
    started = time.perf_counter()
    scores = run_cases(cases, cache)
    elapsed = time.perf_counter() - started
    return {
        "bundles": len(scores.cases),
        "median_s": round(statistics.median(one.seconds for one in scores.cases), 2),
        "per_hour": round(len(scores.cases) / elapsed * 3600),
        "false_reproduced": scores.false_reproduced,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found: dict[str, object] = {
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "sandbox": {
            name: measure(argv, chosen.rounds)
            for name, argv in PROGRAMS.items()
            if Path(argv[0]).exists()
        },
    }
    if chosen.cases:
        cache = PackageCache(PROJECT / ".clearhouse" / "validate")
        found["verdicts"] = verdicts(chosen.cases, chosen.only, cache)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for name, numbers in found["sandbox"].items():  # type: ignore[union-attr]  # a dict, see above
        print(f"{name:8}", "  ".join(f"{key} {value}" for key, value in numbers.items()))
    if "verdicts" in found:
        print("verdicts", found["verdicts"])
    print(f"on {found['processors']} processors, load {found['load']:.1f}")


if __name__ == "__main__":
    main()
