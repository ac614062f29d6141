"""Run an evaluation in a process of its own, within a budget, with a kill switch.

In: an `Evaluation` and a folder for its logs. Out: the logs, one per model. The process and every
guest it started die when the wall clock is over, when the file `stop` appears in the folder, when
the caller is interrupted, and when the caller itself is killed. What was not finished is said and
never scored.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from clearhouse.formats.canonical import Json

STOP = "stop"
"""Name of the file that ends a run: the kill switch for another terminal."""
_RUNNER = (sys.executable, "-m", "clearhouse.criteria.evaluate.runner")
_PLAN = "plan.json"
_POLL_S = 0.2
_WORDS = 2_000


class EvaluationError(RuntimeError):
    """The evaluation did not come to its end; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What is to be run and within which budget."""

    models: tuple[str, ...]
    """As Inspect names them, such as `openai-api/local/gemma`."""
    scaffold: str = "agent"
    folder: str | None = None
    """Folder of a suite; None for the bundled one."""
    epochs: int = 1
    sample_ids: tuple[str, ...] | None = None
    """Only these tasks. The log says that it is a part."""
    base_url: str | None = None
    model_args: dict[str, Json] = field(default_factory=dict)
    message_limit: int = 30
    token_limit: int = 200_000
    time_limit_s: int = 600
    """Of each sample."""
    wall_s: float = 3_600
    """Of the whole run."""
    max_samples: int = 4
    max_tokens: int | None = None
    """Of each answer."""
    temperature: float | None = None
    log_model_api: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """One finished log."""

    model: str
    status: str
    """As Inspect says; only `success` is a finished run."""
    path: Path


def perform(
    evaluation: Evaluation,
    folder: Path,
    *,
    progress: Callable[[Log], None] = lambda _log: None,
    secrets: dict[str, str] | None = None,
) -> tuple[Log, ...]:
    """Run an evaluation; logs are left in `folder`.

    `secrets` are environment variables for the model's endpoint, such as its key.
    Raises: EvaluationError with the reason, after everything was ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / _PLAN
    plan.write_text(json.dumps({**asdict(evaluation), "log_folder": str(folder)}), "utf-8")
    with (folder / "runner.txt").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own module
            [*_RUNNER, str(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**_environment(), **(secrets or {})},
            start_new_session=True,
        )
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        logs = _follow(lines, folder, time.monotonic() + evaluation.wall_s, progress)
    finally:
        _kill(process)
        reader.join()
    missing = [model for model in evaluation.models if model not in {log.model for log in logs}]
    if missing:
        raise EvaluationError(f"no log of {', '.join(missing)}: {_last_words(folder)}")
    return logs


def _environment() -> dict[str, str]:
    """Return what the runner may know: paths and settings, and none of the house's secrets."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "CLEARHOUSE_POLICIES")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {**found, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "NO_COLOR": "1"}


def _follow(
    lines: "queue.SimpleQueue[bytes | None]",
    folder: Path,
    deadline: float,
    progress: Callable[[Log], None],
) -> tuple[Log, ...]:
    logs: list[Log] = []
    while True:
        if time.monotonic() > deadline:
            raise EvaluationError("the evaluation was ended: its wall clock is over")
        if (folder / STOP).exists():
            raise EvaluationError("the evaluation was ended by hand")
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if line is None:
            return tuple(logs)
        found = _log(line)
        if found is not None:
            logs.append(found)
            progress(found)


def _read(process: subprocess.Popen[bytes], lines: "queue.SimpleQueue[bytes | None]") -> None:
    assert process.stdout is not None  # noqa: S101  # made with a pipe
    with process.stdout as output:
        for line in output:
            lines.put(line)
    lines.put(None)


def _log(line: bytes) -> Log | None:
    try:
        said = json.loads(line)
        return Log(model=said["model"], status=said["status"], path=Path(said["log"]))
    except (ValueError, KeyError, TypeError):
        return None  # something else that a package printed


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the runner with everything it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(folder: Path) -> str:
    text = (folder / "runner.txt").read_text("utf-8", "replace")[-_WORDS:]
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the run ended without a word"
