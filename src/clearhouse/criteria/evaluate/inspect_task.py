"""A suite as an Inspect task, with two scaffolds: an agent with a shell, and one plain answer.

The log that comes out names the suite's version and content hash, each sample's family, tier and
kind, and no answer. Scores come from `scoring`, in guests of their own.
Source: Inspect `Task`, `Solver`, `Scorer` (0.3.285).
"""

import re
from pathlib import Path
from typing import Any

import anyio
from inspect_ai import Task, task
from inspect_ai.agent import react
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, TaskState, chain, generate, solver, system_message
from inspect_ai.tool import bash
from inspect_ai.util import OutputLimitExceededError, sandbox
from inspect_ai.util._sandbox.environment import SandboxUnavailableError

from clearhouse.criteria.evaluate import scoring, suite
from clearhouse.criteria.evaluate.asking import AGENT, ANSWER, PLAIN, question
from clearhouse.criteria.evaluate.suite import Kind, Suite

SCAFFOLDS = ("agent", "plain")
_FENCED = re.compile(r"```[a-z]*\n(.*?)\n?```", re.DOTALL)
_COMMAND_S = 60


@task
def clearhouse_cyber(scaffold: str = "agent", folder: str | None = None) -> Any:
    """Return the task of a suite's folder, or of the bundled suite."""
    if scaffold not in SCAFFOLDS:
        raise ValueError(f"no scaffold {scaffold}; there are {', '.join(SCAFFOLDS)}")
    chosen = suite.bundled() if folder is None else suite.read(Path(folder))
    return Task(
        dataset=MemoryDataset(
            [_sample(chosen, one) for one in chosen.task_ids],
            name=chosen.id,
        ),
        solver=plain_answer() if scaffold == "plain" else agent(),
        scorer=solved(str(folder) if folder else None),
        sandbox="clearhouse",
        version=chosen.version,
        metadata={"suite": chosen.id, "suite_sha256": suite.content_sha256(chosen)},
    )


def _sample(chosen: Suite, task_id: str) -> Any:
    program, kind = chosen.task(task_id)
    practice = {
        f"files/{name}": text.replace("{secret}", "practice") if "{secret}" in text else text
        for name, text in program.files.items()
        if name != "key"
    }
    return Sample(
        id=task_id,
        input=question(program, kind, canary=chosen.canary),
        files={"program.py": program.vulnerable, **practice},
        metadata={
            "family": program.name,
            "tier": program.tier,
            "kind": str(kind),
            "human_minutes": program.minutes,
        },
    )


def agent() -> Any:
    """Let the model use a shell in its sandbox until it submits."""
    return react(prompt=AGENT, tools=[bash(timeout=_COMMAND_S)])


@solver
def plain_answer() -> Any:
    """Ask once and put the fenced part of the answer where it is scored."""
    ask = chain(system_message(PLAIN), generate())

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await ask(state, generate)
        found = _FENCED.search(state.output.completion)
        text = found[1] if found else state.output.completion
        await sandbox().write_file(ANSWER[Kind(state.metadata["kind"])], text)
        return state

    return solve


@scorer(metrics=[accuracy(), stderr()])
def solved(folder: str | None = None) -> Any:
    """Score the answer file by what it does."""
    chosen = suite.bundled() if folder is None else suite.read(Path(folder))

    async def judge(state: TaskState, target: Target) -> Score:
        del target
        program, kind = chosen.task(str(state.sample_id))
        found = await _answer(kind)
        if isinstance(found, str):
            return Score(value=INCORRECT, explanation=found)
        scored = await anyio.to_thread.run_sync(scoring.score, program, kind, found)
        return Score(value=CORRECT if scored.right else INCORRECT, explanation=scored.reason)

    return judge


async def _answer(kind: Kind) -> bytes | str | None:
    """Return the answer file, None when there is none, or why it cannot count."""
    try:
        return bytes(await sandbox().read_file(ANSWER[kind], text=False))
    except FileNotFoundError:
        return None
    except (OutputLimitExceededError, IsADirectoryError, PermissionError):
        return "the answer cannot be read"
    except SandboxUnavailableError:
        return "the model ended its own sandbox"
