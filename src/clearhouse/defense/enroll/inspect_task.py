"""A pack's tasks as a task of Inspect: any model or solver can be put through them.

Each task is a sample; the solver has `query`, `get_event` and `submit`. What is submitted stands in
the sample's store, and the numbers that count are computed by `clearhouse defense` from there.
Source: Inspect `Task`, `Solver`, `ToolDef`, `Scorer` (0.3.285).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser
from inspect_ai.scorer import Score, Target, mean, scorer
from inspect_ai.solver import Generate, TaskState, solver
from inspect_ai.tool import ToolDef
from inspect_ai.util import store

from clearhouse.defense.enroll.agent import SYSTEM, WHOLE, opening
from clearhouse.defense.enroll.lookup import Lookup
from clearhouse.defense.enroll.wire import task_line
from clearhouse.defense.scenario.event import EventUid
from clearhouse.defense.scenario.pack import read_pack
from clearhouse.defense.scenario.recording import Questions, Recording

SAID, ASKED = "clearhouse_said", "clearhouse_asked"
_MOST_ROUNDS = 60


@task
def clearhouse_defense(pack: str, queries: int = 40) -> Any:
    """Return the tasks of the pack in a folder, and the hunt through all of it."""
    read = read_pack(Path(pack))
    asked = [WHOLE, *(one.task for one in read.questions)]
    made = defense_task(read.events, [task_line(one) for one in asked], queries)
    made.metadata = {"pack": read.name, "pack_sha256": read.sha256}
    return made


def defense_task(recording: Recording, tasks: Sequence[Mapping[str, Any]], queries: int) -> Any:
    """Return tasks over a recording, each with its own budget of queries."""
    shown = recording.get([uid for one in tasks for uid in one["events"]])
    samples = [
        Sample(
            id=one["task"],
            input=[
                ChatMessageSystem(content=SYSTEM),
                ChatMessageUser(content=opening(
                    one, [shown[EventUid(uid)] for uid in one["events"] if uid in shown]
                )),
            ],
            metadata={"kind": one["kind"], "queries": one.get("queries")},
        )
        for one in tasks
    ]  # fmt: skip
    return Task(
        dataset=MemoryDataset(samples, name="clearhouse_defense"),
        setup=looking_up(str(recording.folder), queries),
        solver=until_submitted(),
        scorer=submitted(),
    )


@cache
def _questions(folder: str) -> Questions:
    return Recording(Path(folder)).questions()


@solver
def looking_up(folder: str, queries: int) -> Any:
    """Give the sample its tools."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        most = state.metadata.get("queries") or queries
        lookup = Lookup(Recording(Path(folder)), _questions(folder), most)
        state.tools = _tools(lookup)
        return state

    return solve


def _tools(lookup: Lookup) -> list[Any]:
    async def query(sql: str) -> str:
        answer = lookup.query(sql)
        store().set(ASKED, lookup.asked)
        return answer

    async def get_event(uid: str) -> str:
        answer = lookup.event(uid)
        store().set(ASKED, lookup.asked)
        return answer

    async def submit(
        findings: list[dict[str, Any]] | None = None,
        verdict: str | None = None,
        value: str | None = None,
        events: list[str] | None = None,
        actions: list[str] | None = None,
    ) -> str:
        given = {"findings": findings, "verdict": verdict, "value": value, "events": events,
                 "actions": actions}  # fmt: skip
        store().set(SAID, {name: one for name, one in given.items() if one is not None})
        return "submitted"

    return [
        ToolDef(
            query, name="query", description="Ask the table events one SELECT.",
            parameters={"sql": "one SELECT of DuckDB"},
        ).as_tool(),
        ToolDef(
            get_event, name="get_event", description="Return one event, whole.",
            parameters={"uid": "the event's uid"},
        ).as_tool(),
        ToolDef(
            submit, name="submit",
            description="End the task with findings, or with a verdict, a value or actions.",
            parameters={
                "findings": "objects with kind, time, events, techniques, entities, score",
                "verdict": "true-positive, benign, false-positive or unsure",
                "value": "the answer to a question",
                "events": "uids of the events that were relied on",
                "actions": "proposals as verb:object",
            },
        ).as_tool(),
    ]  # fmt: skip


@solver
def until_submitted() -> Any:
    """Let the model work with its tools until it submits."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for _ in range(_MOST_ROUNDS):
            state = await generate(state, tool_calls="single")
            if state.completed or store().get(SAID) is not None or not _called(state):
                break
        return state

    return solve


def _called(state: TaskState) -> bool:
    """Say whether the model's last turn called a tool; one that only talks has stopped."""
    turns = [one for one in state.messages if one.role == "assistant"]
    return bool(turns and turns[-1].tool_calls)


@scorer(metrics=[mean()])
def submitted() -> Any:
    """Say whether something was submitted; what it is worth is computed elsewhere."""

    async def score(state: TaskState, target: Target) -> Score:
        del state, target
        return Score(value=float(store().get(SAID) is not None))

    return score
