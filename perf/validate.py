"""Measure what the sandbox costs and how fast verdicts come.

Prints, in milliseconds and as ratios: a program run bare against the same program sandboxed, first
and warm, both without this machine's environment, and only when both ended well; and seconds per
verdict with an empty cache and with everything in it, and verdicts per hour, for interpreted
bundles: the project's own ones that every check runs, or those of a folder. Nothing is compared
with an earlier machine: read the ratios.

    python perf/validate.py [--cases DIR] [--only NAME ...] [--rounds N] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "src"))

from clearhouse.bench.sandbox.host import runtime  # noqa: E402  # after the path is set
from clearhouse.bench.sandbox.host.record import (  # noqa: E402  # as above
    Ended,
    Job,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.run import run  # noqa: E402  # as above
from clearhouse.clearing.validate.reproduce.benchmark import run_cases  # noqa: E402  # as above
from clearhouse.clearing.validate.reproduce.bundle import read_folder  # noqa: E402  # as above
from clearhouse.clearing.validate.reproduce.native_bundle import is_native  # noqa: E402  # as above
from clearhouse.clearing.validate.reproduce.packages import PackageCache  # noqa: E402  # as above

OWN = PROJECT / "examples" / "bundles"
CLEAN = {"PATH": "/usr/bin:/bin"}
"""The environment of bare runs: what this machine sets for Node.js alone would cost them more."""


def programs() -> dict[str, tuple[str, ...]]:
    """Return what is measured, with the interpreters that proofs run on."""
    found: dict[str, tuple[str, ...]] = {"true": ("/bin/true",)}
    for name, find, words in (
        ("python", runtime.python, ("-c", "pass")),
        ("node", runtime.node, ("-e", "0")),
    ):
        try:
            found[name] = (str(find().program), *words)
        except SandboxUnavailableError as error:
            print(f"{name}: {error}", file=sys.stderr)
    return found


def bare_ms(argv: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True, env=CLEAN, cwd="/")
    return (time.perf_counter() - started) * 1000


def sandboxed_ms(argv: tuple[str, ...]) -> float:
    started = time.perf_counter()
    seen = run(Job(argv=argv))
    taken = (time.perf_counter() - started) * 1000
    if (seen.ended, seen.exit_code) != (Ended.EXITED, 0):
        raise RuntimeError(f"{argv[0]} did not run in the sandbox: {seen.ended}, {seen.exit_code}")
    return taken


def measure(argv: tuple[str, ...], rounds: int) -> dict[str, float]:
    """Alternate bare and sandboxed runs, so that both meet the same noise."""
    first = sandboxed_ms(argv)
    bare_ms(argv)
    pairs = [(bare_ms(argv), sandboxed_ms(argv)) for _ in range(rounds)]
    bare, boxed = (statistics.median(side) for side in zip(*pairs, strict=True))
    over = [box - alone for alone, box in pairs]
    return {
        "bare_ms": round(bare, 2),
        "sandboxed_first_ms": round(first, 2),
        "sandboxed_warm_ms": round(boxed, 2),
        "overhead_ms": round(statistics.median(over), 2),
        "overhead_p90_ms": round(statistics.quantiles(over, n=10)[-1], 2),
        "ratio": round(boxed / bare, 2),
    }


def verdicts(cases: Path, only: list[str]) -> dict[str, float]:
    """Run the bundles twice; the second round finds everything in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        cache = PackageCache(Path(folder) / "cache")
        rounds = []
        for _ in ("cold", "warm"):
            started = time.perf_counter()
            rounds.append((run_cases(cases, cache, only=only), time.perf_counter() - started))
    (cold, cold_s), (warm, warm_s) = rounds
    return {
        "bundles": len(warm.cases),
        "as_expected": sum(one.as_expected is True for one in warm.cases),
        "false_reproduced": cold.false_reproduced + warm.false_reproduced,
        "cold_median_s": round(statistics.median(one.seconds for one in cold.cases), 2),
        "cold_all_s": round(cold_s, 1),
        "warm_median_s": round(statistics.median(one.seconds for one in warm.cases), 2),
        "warm_per_hour": round(len(warm.cases) / warm_s * 3600),
    }


def interpreted() -> list[str]:
    """Name the project's interpreted bundles that every check runs."""
    lines = (OWN / "check.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and line[0] != "#"]
    return [
        one for one in names if not is_native(OWN / one) and read_folder(OWN / one).patch is None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    sandbox = {name: measure(argv, chosen.rounds) for name, argv in programs().items()}
    only = chosen.only if chosen.cases else chosen.only or interpreted()
    found = {
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "sandbox": sandbox,
        "verdicts": verdicts(chosen.cases or OWN, only),
    }
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for name, numbers in {**sandbox, "verdicts": found["verdicts"]}.items():
        print(f"{name:8}", "  ".join(f"{key} {value}" for key, value in numbers.items()))
    print(f"on {found['processors']} processors, load {found['load']}")


if __name__ == "__main__":
    main()
