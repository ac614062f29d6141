"""A model behind any OpenAI-compatible endpoint as an analyst: query, get_event, submit.

In: an endpoint, a model's name, a price. For each task one conversation: the model asks in SQL,
looks at events, and submits; `query` is read-only over this one recording. Everything a log says
reaches the model as data of a tool call. Out: findings, answers, tokens, cost, and the calls it
made. A model that never submits, goes beyond its budget or sends no JSON is recorded as what it is.
Refused: `ToolFaultError` when the endpoint cannot be reached at all.
Source: OpenAI API reference, chat completions with tools.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from clearhouse.defense.enroll.lookup import TABLE, Lookup
from clearhouse.defense.enroll.patience import read_within
from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said, event_line, task_line
from clearhouse.defense.scenario.event import Event, EventUid
from clearhouse.defense.scenario.recording import Recording, temporary
from clearhouse.defense.scenario.task import Task, TaskKind

_MOST_ROUNDS = 60
_LARGEST_ANSWER = 8 << 20
SYSTEM = f"You are a security analyst. {TABLE}"
WHOLE = Task(
    id="detect",
    kind=TaskKind.DETECT,
    prompt="Find every attack in this recording. Submit one finding for each step of an attack.",
)
"""What an agent is asked when it is given no task: the whole recording."""
_TEXTS = {"type": "array", "items": {"type": "string"}}
_FINDING = {
    "type": "object",
    "properties": {
        "kind": {"type": "string"}, "time": {"type": "string"}, "events": _TEXTS,
        "techniques": _TEXTS, "entities": _TEXTS, "score": {"type": "number"},
    },
    "required": ["kind", "time", "events", "score"],
}  # fmt: skip


def _function(name: str, words: str, properties: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": words,
            "parameters": {"type": "object", "properties": dict(properties)},
        },
    }


TOOLS = (
    _function("query", "Ask the table events one SELECT.", {"sql": {"type": "string"}}),
    _function("get_event", "Return one event, whole.", {"uid": {"type": "string"}}),
    _function(
        "submit",
        "End the task with findings, or with a verdict, a value or actions for the task.",
        {
            "findings": {"type": "array", "items": _FINDING},
            "verdict": {"enum": ["true-positive", "benign", "false-positive", "unsure"]},
            "value": {"type": "string"}, "events": _TEXTS, "actions": _TEXTS,
        },
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where a model is served, and what it costs."""

    url: str
    """Up to `/v1`."""
    model: str
    key: str | None = field(default=None, repr=False)
    temperature: float = 0.0
    seed: int = 1
    price_per_million_tokens: float | None = None
    timeout_s: float = 120.0


@dataclass(kw_only=True, slots=True)
class _Spent:
    """What all conversations used."""

    tokens: int = 0
    queries: int = 0
    asked: list[str] = field(default_factory=list)
    served: set[str] = field(default_factory=set)


class Agent:
    """A model that works with tools."""

    tasks = frozenset(TaskKind)

    def __init__(self, endpoint: Endpoint, *, name: str | None = None) -> None:
        """Take an endpoint; its key never appears in what is said of the tool."""
        if urlsplit(endpoint.url).scheme not in {"http", "https"}:
            raise ToolFaultError(f"{endpoint.url} is no address of an endpoint")
        self.name = name or endpoint.model
        self.version = f"{endpoint.model}, temperature {endpoint.temperature:g}"
        self._endpoint = endpoint

    def run(self, view: View, budget: Budget) -> Output:
        """Hold one conversation for each task; without tasks, look for attacks."""
        if not isinstance(view.events, Recording):
            with temporary(view.events) as recording:
                return self._run(recording, view.tasks, budget)
        return self._run(view.events, view.tasks, budget)

    def _run(self, recording: Recording, tasks: Sequence[Task], budget: Budget) -> Output:
        begun, spent = monotonic(), _Spent()
        span = recording.span() if len(recording) else None
        said = Said(budget=budget, span=span)
        questions = recording.questions()
        try:
            shown = recording.get([uid for task in tasks for uid in task.events])
            for task in tasks or (WHOLE,):
                alert = [shown[EventUid(uid)] for uid in task.events if uid in shown]
                lookup = Lookup(recording, questions, task.queries or budget.queries)
                talk = _Talk(self._endpoint, lookup, task, alert, spent)
                talk.hold(said, budget, begun)
        finally:
            questions.close()
        price = self._endpoint.price_per_million_tokens
        return Output(
            findings=tuple(said.findings),
            answers=tuple(said.answers),
            usage=Usage(
                seconds=monotonic() - begun,
                queries=spent.queries,
                tokens=spent.tokens,
                cost=None if price is None else spent.tokens * price / 1e6,
                faults=tuple(said.faults),
                asked=tuple(spent.asked),
            ),
        )


class _Talk:
    """One conversation about one task."""

    def __init__(
        self, endpoint: Endpoint, lookup: Lookup, task: Task, alert: Sequence[Event], spent: _Spent
    ) -> None:
        self._endpoint, self._lookup = endpoint, lookup
        self._task, self._alert, self._spent = task, alert, spent
        self._tokens = 0

    def hold(self, said: Said, budget: Budget, begun: float) -> None:
        """Talk until the model submits or its budget is spent."""
        messages: list[dict[str, object]] = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": opening(task_line(self._task), self._alert)},
        ]
        for _ in range(_MOST_ROUNDS):
            if monotonic() - begun > budget.seconds or self._tokens > budget.tokens:
                said.fault(f"{self._task.id}: its budget was spent before it submitted")
                return
            message = self._ask(messages)
            calls = message.get("tool_calls")
            if not isinstance(calls, list) or not calls:
                said.fault(f"{self._task.id}: it stopped without submitting")
                return
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            for call in calls:
                name, arguments, identity = _call(call)
                if name == "submit":
                    self._submit(arguments, said)
                    return
                result = self._do(name, arguments)
                messages.append({"role": "tool", "tool_call_id": identity, "content": result})
        said.fault(f"{self._task.id}: {_MOST_ROUNDS} rounds and no answer")

    def _do(self, name: str, arguments: Mapping[str, object]) -> str:
        self._spent.asked.append(name)
        self._spent.queries += 1
        if name == "get_event":
            return self._lookup.event(str(arguments.get("uid")))
        if name == "query":
            return self._lookup.query(str(arguments.get("sql")))
        return self._lookup.unknown()

    def _submit(self, arguments: Mapping[str, object], said: Said) -> None:
        self._spent.asked.append("submit")
        if self._task.kind is not TaskKind.DETECT:
            said.take_record({**arguments, "task": self._task.id})
            return
        findings = arguments.get("findings")
        for one in findings if isinstance(findings, list) else []:
            said.take_record(one if isinstance(one, dict) and "task" not in one else None)

    def _ask(self, messages: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
        body = {
            "model": self._endpoint.model, "messages": messages, "tools": TOOLS,
            "temperature": self._endpoint.temperature, "seed": self._endpoint.seed,
        }  # fmt: skip
        document = post_json(
            f"{self._endpoint.url.rstrip('/')}/chat/completions", body,
            key=self._endpoint.key, timeout_s=self._endpoint.timeout_s,
        )  # fmt: skip
        usage = document.get("usage")
        used = usage.get("total_tokens") if isinstance(usage, dict) else None
        if isinstance(used, int):
            self._spent.tokens += used
            self._tokens += used
        choices = document.get("choices")
        message = choices[0].get("message") if isinstance(choices, list) and choices else None
        return message if isinstance(message, dict) else {}


def opening(task: Mapping[str, object], alert: Sequence[Event]) -> str:
    """Return a task as an agent first reads it, with the events that it is about as data."""
    ordered = sorted(alert, key=lambda one: one.at)
    shown = [json.dumps(event_line(one)) for one in ordered]
    asked = json.dumps(task)
    if not shown:
        return asked
    return f"{asked}\n\nThe events, one a line, as data:\n" + "\n".join(shown)


def _call(call: object) -> tuple[str, Mapping[str, object], str]:
    """Return name, arguments and id of a tool call; what is malformed becomes an unknown tool."""
    match call:
        case {"id": str(identity), "function": {"name": str(name), "arguments": str(text)}}:
            try:
                arguments = json.loads(text)
            except ValueError:
                arguments = None
            return (
                (name, arguments, identity) if isinstance(arguments, dict) else ("", {}, identity)
            )
        case _:
            return "", {}, ""


def post_json(
    url: str, body: object, *, key: str | None = None, timeout_s: float = 60.0
) -> dict[str, object]:
    """Send JSON and return the JSON object of the answer. Raises: ToolFaultError."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    asked = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - looked at by the adapters
    try:
        with urllib.request.urlopen(asked, timeout=timeout_s) as answer:  # noqa: S310 - as above
            data = read_within(answer, most_bytes=_LARGEST_ANSWER, seconds=timeout_s)
            document = json.loads(data)
    except urllib.error.HTTPError as error:
        raise ToolFaultError(f"the endpoint answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise ToolFaultError(f"the endpoint did not answer: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise ToolFaultError("the endpoint answered something that is no JSON object")
    return document


def key_from_environment() -> str | None:
    """Return the endpoint's key; it is read nowhere else and written nowhere."""
    return os.environ.get("CLEARHOUSE_DEFENSE_KEY")
