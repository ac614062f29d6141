"""A solver of Inspect as a tool: run on the spot, or its log read afterwards.

`InspectModel` lets Inspect put a model through the tasks with `query`, `get_event` and `submit`;
`InspectLog` reads what any solver answered in a log of the task `clearhouse_defense` (`inspect eval
clearhouse_defense -T pack=PACK --solver ...`). Inspect runs in a process of its own, which is ended
with its time. Refused: `ToolFaultError` without the extra `inspect`, for a log that is none, and
when nothing at all came back.
Source: Inspect 0.3.285, Tasks and Log files.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from clearhouse.defense.enroll.agent import WHOLE, key_from_environment
from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said, task_line
from clearhouse.defense.scenario.recording import Recording, temporary
from clearhouse.defense.scenario.task import TaskKind

_RUNNER = (sys.executable, "-m", "clearhouse.defense.enroll.inspect_runner")
_START_S, _READ_S = 60.0, 300.0
"""How long Inspect may take to start, beyond the tool's own time, and to read a log."""
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "CLEARHOUSE_POLICIES")
_KEYS = ("_API_KEY", "_BASE_URL")
_WORDS = 300


@dataclass(kw_only=True, slots=True)
class _Heard:
    """What came back of all samples."""

    said: Said
    tokens: int = 0
    queries: int = 0
    samples: int = 0
    asked: set[str] = field(default_factory=set)

    def take(self, sample: Mapping[str, object]) -> None:
        """Read what became of one task."""
        task = str(sample.get("task"))
        self.samples += 1
        for name in ("tokens", "queries"):
            value = sample.get(name)
            if isinstance(value, int):
                setattr(self, name, getattr(self, name) + value)
        if sample.get("error"):
            self.said.fault(f"{task}: Inspect says {str(sample['error'])[:_WORDS]}")
        submitted = sample.get("said")
        if not isinstance(submitted, dict):
            self.said.fault(f"{task}: it stopped without submitting")
        elif task == WHOLE.id:
            self._findings(submitted)
        elif task in self.asked:
            self.said.take_record({**submitted, "task": task})

    def _findings(self, submitted: Mapping[str, object]) -> None:
        findings = submitted.get("findings")
        for one in findings if isinstance(findings, list) else ():
            self.said.take_record(one if isinstance(one, dict) and "task" not in one else None)


class InspectModel:
    """A model behind Inspect."""

    tasks = frozenset(TaskKind)

    def __init__(
        self, model: str, *, base_url: str | None = None, runner: Sequence[str] = _RUNNER
    ) -> None:
        """Take a model as Inspect names it, and perhaps the address of its endpoint."""
        _demand_inspect(runner)
        self.name = f"inspect-{model.rpartition('/')[2]}"
        self.version = f"{model}, {_inspect_version()}"
        self._model, self._base_url, self._runner = model, base_url, runner

    def run(self, view: View, budget: Budget) -> Output:
        """Let Inspect run every task; without tasks, look for attacks."""
        begun = monotonic()
        tasks = view.tasks or (WHOLE,)
        with ExitStack() as stack:
            logs = stack.enter_context(tempfile.TemporaryDirectory())
            given = view.events
            events = (
                given if isinstance(given, Recording) else stack.enter_context(temporary(given))
            )
            plan = {
                "model": self._model, "base_url": self._base_url, "key": key_from_environment(),
                "logs": logs,
                "recording": str(events.folder), "tasks": [task_line(one) for one in tasks],
                "queries": budget.queries, "tokens": budget.tokens, "seconds": budget.seconds,
            }  # fmt: skip
            span = events.span() if len(events) else None
            heard = _Heard(said=Said(budget=budget, span=span), asked={one.id for one in tasks})
            samples, late = _samples(self._runner, plan, budget.seconds + _START_S)
        for one in samples:
            heard.take(one)
        if late:
            heard.said.fault(f"it was not done after {budget.seconds:g} s")
        return _output(heard, monotonic() - begun)


class InspectLog:
    """A log that Inspect wrote."""

    def __init__(self, log: Path, *, runner: Sequence[str] = _RUNNER) -> None:
        """Read the log of a run of `clearhouse_defense`, whole or a part of its tasks."""
        _demand_inspect(runner)
        if not log.is_file():
            raise ToolFaultError(f"{log} is not there")
        self.name, self.version = f"inspect-{log.stem[:40]}", log.name
        self._samples, _ = _samples(runner, {"read": str(log.resolve())}, _READ_S)
        kinds = {str(one.get("kind")) for one in self._samples}
        self.tasks = frozenset(one for one in TaskKind if str(one) in kinds)

    def run(self, view: View, budget: Budget) -> Output:
        """Return the answers to the view's tasks; without tasks, what was found in all of it.

        Findings that cite no event of the view are left out: they are about another part.
        """
        if not len(view.events):
            return Output()
        asked = {one.id for one in view.tasks or (WHOLE,)}
        heard = _Heard(said=Said(budget=budget), asked=asked)
        for one in self._samples:
            if one.get("task") in asked:
                heard.take(one)
        here = {one.uid for one in view.events}
        heard.said.findings = [
            one for one in heard.said.findings if not one.events or here & set(one.events)
        ]
        return _output(heard, 0.0)


def _output(heard: _Heard, seconds: float) -> Output:
    return Output(
        findings=tuple(heard.said.findings),
        answers=tuple(heard.said.answers),
        usage=Usage(
            seconds=seconds,
            queries=heard.queries,
            tokens=heard.tokens,
            faults=tuple(heard.said.faults),
        ),
    )


def _samples(
    runner: Sequence[str], plan: object, seconds: float
) -> tuple[list[Mapping[str, object]], bool]:
    """Run the process; return what became of each task, and whether its time was over.

    Raises: ToolFaultError when it ended and said nothing.
    """
    late = False
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module
            list(runner), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env=_environment(), start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = process.communicate(json.dumps(plan).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            late = True
            process.kill()
            output, _ = process.communicate()
        errors.seek(0)
        words = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2][-_WORDS:]
    found = [one for line in output.splitlines() if (one := _sample(line)) is not None]
    if not found and not late:
        raise ToolFaultError(f"Inspect gave no sample back: {words or process.returncode}")
    return found, late


def _sample(line: bytes) -> Mapping[str, object] | None:
    """Return one sample; None for something that a library printed."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "task" in document else None


def _environment() -> dict[str, str]:
    """Return what the process may know: paths, and the keys of models that Inspect reads."""
    kept = {name: value for name, value in os.environ.items()
            if name in _KEPT or name.endswith(_KEYS)}  # fmt: skip
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "NO_COLOR": "1"}


def _demand_inspect(runner: Sequence[str]) -> None:
    if runner is _RUNNER and importlib.util.find_spec("inspect_ai") is None:
        raise ToolFaultError("this needs the extra inspect: run `./clearhouse install inspect`")


def _inspect_version() -> str:
    found = importlib.util.find_spec("inspect_ai")
    return f"Inspect {version('inspect-ai')}" if found else "Inspect"
