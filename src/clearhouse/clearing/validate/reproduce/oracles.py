"""Say whether the declared observation was made in one run.

Pure: what the sandbox saw goes in, a yes or no with its evidence comes out.
"""

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from clearhouse.bench.sandbox.host.record import Ended, Observation
from clearhouse.clearing.validate.reproduce.bundle import Oracle, OracleKind
from clearhouse.clearing.validate.reproduce.patterns import compile_pattern

_LINE_CHARS = 1000
_MAX_LINES = 5000
_PYTHON_ERROR = re.compile(r"^(?:[A-Za-z_][\w.]{0,200}\.)?([A-Za-z_]\w{0,100})(?::.*)?$")
_NODE_ERROR = re.compile(r"^(?:Uncaught )?([A-Z]\w{0,100}(?:Error|Exception)?)(?: \[\w+\])?:")
_LEAST_SECONDS = 0.3
"""A growth whose largest run takes less than this is start-up noise."""
_LEAST_SIZES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Whether the oracle fired, and on what."""

    fired: bool
    evidence: str
    """What was seen, shortened: text from a stranger."""


def ask(oracle: Oracle, seen: Observation) -> Answer:
    """Ask an oracle that needs one run."""
    match oracle.kind:
        case OracleKind.OUTPUT:
            return _output(oracle, seen)
        case OracleKind.EXIT_CODE:
            fired = seen.ended is Ended.EXITED and seen.exit_code == oracle.code
            return Answer(fired=fired, evidence=f"{seen.ended}, exit code {seen.exit_code}")
        case OracleKind.EXCEPTION:
            return _exception(oracle, seen)
        case OracleKind.FILE_CREATED:
            paths = {one.path.rstrip("/") for one in seen.collected}
            fired = (oracle.path or "").rstrip("/") in paths
            return Answer(fired=fired, evidence="the file is there" if fired else "no such file")
        case OracleKind.HANG:
            fired = seen.ended in {Ended.WALL_LIMIT, Ended.CPU_LIMIT}
            return Answer(fired=fired, evidence=f"{seen.ended} after {seen.wall_s:.1f} s")
        case OracleKind.MEMORY:
            fired = seen.ended is Ended.OUT_OF_MEMORY
            return Answer(fired=fired, evidence=f"{seen.ended}")
        case OracleKind.SANITIZER | OracleKind.GROWTH:
            raise ValueError(f"{oracle.kind} needs more than one plain run")


def ask_growth(oracle: Oracle, sizes: Sequence[int], seconds: Sequence[float]) -> Answer:
    """Ask whether time grows faster than size: the slope of log time over log size.

    The smallest size measures the start-up, which is taken off the others.
    """
    if len(sizes) < _LEAST_SIZES + 1 or max(seconds) < _LEAST_SECONDS:
        return Answer(fired=False, evidence="too few sizes or too short runs to fit an exponent")
    base = seconds[0]
    points = [
        (math.log(size), math.log(taken - base))
        for size, taken in zip(sizes[1:], seconds[1:], strict=True)
        if taken - base > base / 10
    ]
    if len(points) < _LEAST_SIZES:
        return Answer(fired=False, evidence="time hardly grows with size")
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope
    return Answer(fired=slope >= oracle.exponent, evidence=f"time grows as size^{slope:.2f}")


def _output(oracle: Oracle, seen: Observation) -> Answer:
    pattern = compile_pattern(oracle.match or "")
    lines = seen.stdout.decode("utf-8", "replace").splitlines()[:_MAX_LINES]
    for line in lines:
        if pattern.search(line[:_LINE_CHARS]):
            return Answer(fired=True, evidence=line[:200])
    last = lines[-1][:200] if lines else "no output"
    return Answer(fired=False, evidence=f"{seen.ended}: {last}")


def _exception(oracle: Oracle, seen: Observation) -> Answer:
    """Look at the last line of a Python traceback, or at the error line of Node.js."""
    if seen.ended is not Ended.EXITED or seen.exit_code == 0:
        return Answer(fired=False, evidence=f"{seen.ended}, exit code {seen.exit_code}")
    pattern = compile_pattern(oracle.match or "")
    lines = [line[:_LINE_CHARS] for line in seen.stderr.decode("utf-8", "replace").splitlines()]
    named = [found[1] for line in lines if (found := _NODE_ERROR.match(line))]
    if lines and (found := _PYTHON_ERROR.match(lines[-1])):
        named.append(found[1])
    for name in named:
        if pattern.fullmatch(name):
            return Answer(fired=True, evidence=f"ended by {name}")
    return Answer(fired=False, evidence=f"ended by {named[-1]}" if named else "no exception named")
