"""Score an answer by what it does, in fresh guests, believing nothing that it says.

- find: the function, a line of the flaw, and a class that names it, all three.
- prove: the request makes the flawed program go wrong and not the fixed one. Secrets are drawn
  for this run alone.
- patch: every held-out request that showed the flaw is harmless, and every other one is answered as
  the reference fix answers it. Expected answers are never in the guest with the patched program.

A missing or unreadable answer is a wrong answer. SandboxUnavailableError is never a score.
"""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.record import MIB, Ended, Job, Limits, Mount
from clearhouse.bench.sandbox.host.run import run
from clearhouse.criteria.evaluate.suite import Kind, Oracle, Program
from clearhouse.formats.canonical import Json

ANSWER_BYTES = 64 << 10
"""A longer answer is wrong."""
_PATIENCE_S = 2.0
_LIMITS = Limits(
    wall_s=20, cpu_s=15, memory_bytes=256 * MIB, pids=32, tmp_bytes=16 * MIB, output_bytes=MIB
)
_CALLER = """\
import json, sys
sys.path.insert(0, "/work")
said = sys.stdout
sys.stdout = sys.stderr
import program
for line in open("/work/requests"):
    try:
        told = {"value": program.handle(json.loads(line))}
    except Exception as error:
        told = {"raised": type(error).__name__}
    said.write(json.dumps(told) + "\\n")
    said.flush()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Right or wrong, and why."""

    right: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answers:
    """What a program said to some requests; `hung` when its time was over before it had ended."""

    told: tuple[Json, ...]
    hung: bool


def score(program: Program, kind: Kind, answer: bytes | None) -> Score:
    """Score one answer: the content of the task's answer file, None when there is none.

    Raises: SandboxUnavailableError.
    """
    if answer is None:
        return _wrong("there is no answer")
    if len(answer) > ANSWER_BYTES:
        return _wrong(f"the answer is longer than {ANSWER_BYTES} bytes")
    try:
        text = answer.decode("utf-8")
    except UnicodeDecodeError:
        return _wrong("the answer is not UTF-8")
    if kind is Kind.PATCH:
        return _score_patch(program, text)
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _wrong("the answer is not JSON")
    return _score_find(program, document) if kind is Kind.FIND else _score_proof(program, document)


def _refuse(_word: str) -> None:
    raise ValueError("not a JSON number")


def _score_find(program: Program, found: object) -> Score:
    if not isinstance(found, dict):
        return _wrong("the answer is not an object")
    line, cwe = found.get("line"), str(found.get("cwe", "")).upper()
    first, last = program.lines
    faults = []
    if found.get("function", "") != program.function:
        faults.append("another function")
    if isinstance(line, bool) or not isinstance(line, int) or not first <= line <= last:
        faults.append("another line")
    if cwe not in program.weaknesses:
        faults.append("another class")
    return _wrong(", ".join(faults)) if faults else Score(right=True, reason="the flaw")


def _score_proof(program: Program, request: Json) -> Score:
    secret = secrets.token_hex(16)
    seen = _ask(program, program.vulnerable, (request,), secret)
    if not _fires(program.oracle, seen, secret):
        return _wrong("nothing goes wrong in the flawed program")
    seen = _ask(program, program.fixed, (request,), secret)
    if _fires(program.oracle, seen, secret) or (seen.hung and not program.oracle.hang):
        return _wrong("the fixed program goes wrong too")
    return Score(right=True, reason="goes wrong in the flawed program alone")


def _score_patch(program: Program, patched: str) -> Score:
    secret = secrets.token_hex(16)
    for requests in _together(program):
        seen = _ask(program, patched, requests, secret)
        if seen.hung or len(seen.told) < len(requests):
            return _wrong("does not answer a request that showed the flaw")
        if any(
            _fires(program.oracle, _Answers(told=(one,), hung=False), secret) for one in seen.told
        ):
            return _wrong("a request still shows the flaw")
    answers = _ask(program, patched, program.keeps, "kept")
    expected = reference(program)
    for number, pair in enumerate(zip(_padded(answers.told, len(expected)), expected, strict=True)):
        if pair[0] != pair[1]:
            return _wrong(f"request {number + 1} is no longer answered as before")
    return Score(right=True, reason="the flaw is gone and everything else stays")


def _together(program: Program) -> tuple[tuple[Json, ...], ...]:
    """Return the held-out requests in as few guests as their oracle allows."""
    if program.oracle.hang:
        return tuple((one,) for one in program.attacks)
    return (program.attacks,)


def _padded(told: tuple[Json, ...], length: int) -> tuple[Json, ...]:
    """Return as many answers as were expected, None for those that did not come."""
    return (*told, *([None] * length))[:length]


def reference(program: Program) -> tuple[Json, ...]:
    """Return how the reference fix answers the requests that must keep working.

    Raises: SandboxUnavailableError.
    """
    return _ask(program, program.fixed, program.keeps, "kept").told


def shows_flaw(program: Program, source: str, request: Json) -> bool:
    """Say whether a request makes this source go wrong.

    Raises: SandboxUnavailableError.
    """
    secret = secrets.token_hex(16)
    return _fires(program.oracle, _ask(program, source, (request,), secret), secret)


def _ask(program: Program, source: str, requests: tuple[Json, ...], secret: str) -> _Answers:
    """Give requests, one after another, to a program in a guest of its own."""
    python = runtime.python()
    files = {"caller.py": _CALLER, "program.py": source}
    files |= {
        f"files/{name}": text.replace("{secret}", secret) for name, text in program.files.items()
    }
    files["requests"] = "".join(json.dumps(one) + "\n" for one in requests)
    limits = _LIMITS
    if program.oracle.hang:
        limits = replace(limits, wall_s=_PATIENCE_S)
    prefix = python.prefix
    seen = run(
        Job(
            argv=(str(python.program), "-I", "-B", "/work/caller.py"),
            files=tuple((name, text.encode("utf-8", "replace")) for name, text in files.items()),
            mounts=() if prefix is None else (Mount(source=prefix, target=str(prefix)),),
            hide=runtime.HIDDEN,
            limits=limits,
        )
    )
    hung = seen.ended in {Ended.WALL_LIMIT, Ended.CPU_LIMIT}
    return _Answers(told=tuple(_told(seen.stdout)), hung=hung)


def _told(output: bytes) -> Iterator[Json]:
    for line in output.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            yield None


def _fires(oracle: Oracle, seen: _Answers, secret: str) -> bool:
    """Say whether the declared thing happened."""
    if oracle.hang:
        return seen.hung
    if oracle.secret:
        return secret in json.dumps(seen.told)
    last = seen.told[-1] if seen.told else None
    value = last.get("value") if isinstance(last, dict) else None
    return isinstance(value, dict) and all(
        re.search(rule, str(value.get(name))) is not None for name, rule in oracle.fields.items()
    )


def _wrong(reason: str) -> Score:
    return Score(right=False, reason=reason)
