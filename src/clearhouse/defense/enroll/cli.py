"""A program as a tool: JSON lines in a file, JSON lines out, no network, bounded in everything.

In: the command, and a folder that holds the program, which it sees read-only under `/tool`. The
events stand in `/data/events.ndjson`, the quiet history in `/data/history.ndjson`. The program
runs in the sandbox; a tool that hangs is ended, and what it said until then counts.
Refused: `ToolFaultError` when this machine cannot isolate it, or when it ends with an error and
said nothing.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from clearhouse.bench.sandbox.host.record import (
    MIB,
    Ended,
    Job,
    Limits,
    Mount,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.run import run
from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said, lines
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import Task, TaskKind

_OUTPUT = 64 * MIB


class CommandTool:
    """A program of somebody's."""

    tasks = frozenset(TaskKind)

    def __init__(
        self, command: Sequence[str], folder: Path, *, name: str = "command", memory_mib: int = 2048
    ) -> None:
        """Take the command as it is called inside, where `folder` is `/tool`."""
        self.name = name
        self._command, self._folder, self._memory = tuple(command), folder, memory_mib
        digest = hashlib.sha256("\0".join(command).encode())
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
        self.version = digest.hexdigest()[:12]

    def run(self, view: View, budget: Budget) -> Output:
        """Run the program once over the view."""
        with tempfile.TemporaryDirectory() as name:
            data = Path(name)
            data.chmod(0o755)
            span = _write(data / "events.ndjson", view.events, view.tasks)
            _write(data / "history.ndjson", view.history, ())
            job = Job(
                argv=self._command,
                mounts=(
                    Mount(source=self._folder, target="/tool"), Mount(source=data, target="/data"),
                ),
                limits=Limits(
                    wall_s=budget.seconds,
                    cpu_s=max(1, round(budget.seconds)),
                    memory_bytes=self._memory * MIB,
                    output_bytes=_OUTPUT,
                ),
            )  # fmt: skip
            try:
                seen = run(job)
            except SandboxUnavailableError as error:
                raise ToolFaultError(f"{self.name} was not run: {error}") from error
        said = Said(budget=budget, span=span)
        said.take(seen.stdout)
        if seen.truncated:
            said.fault(f"it wrote more than {_OUTPUT // MIB} MiB; the rest is not read")
        if seen.ended is not Ended.EXITED:
            said.fault(f"it was ended: {seen.ended}")
        elif seen.exit_code and not (said.findings or said.answers):
            raise ToolFaultError(f"{self.name} ended with code {seen.exit_code} and said nothing")
        return Output(
            findings=tuple(said.findings),
            answers=tuple(said.answers),
            usage=Usage(seconds=seen.wall_s, faults=tuple(said.faults)),
        )


def _write(
    path: Path, events: Iterable[Event], tasks: Iterable[Task]
) -> tuple[datetime, datetime] | None:
    """Write the lines and return the times of the first and last event."""
    first: datetime | None = None
    last: datetime | None = None

    def seen() -> Iterator[Event]:
        nonlocal first, last
        for event in events:
            first = event.at if first is None else min(first, event.at)
            last = event.at if last is None else max(last, event.at)
            yield event

    with path.open("wb") as file:
        file.writelines(lines(seen(), tasks))
    path.chmod(0o644)
    return None if first is None or last is None else (first, last)
