"""A product that is an MCP server as a tool: we are the client, it is called with events.

The server offers a tool `analyze` with the arguments `run` (a name that is new for each run),
`events`, `history` and `tasks` (each a list in the form of `wire`; a part of them in each call) and
`last`. Each call answers with what is known by then: `{"findings": [...], "answers": [...]}`, as
structured content or as text. The server is reached at an address, on this machine unless the
operator says otherwise, or started as a process that is spoken to over its standard input; it then
has the rights of whoever started the test, so programs that nobody vouches for belong into `cli`.
Refused: `ToolFaultError` when it does not answer, or offers no such tool.
Source: Model Context Protocol 2026-07-28, Tools.
"""

import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import monotonic
from typing import TextIO, TypeVar

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client._transport import TransportStreams as Streams
from mcp.types import CallToolResult, TextContent

from clearhouse.defense.enroll.reach import demand_reachable
from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said, event_line, task_line
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import TaskKind

logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False  # it would repeat what a server says

T = TypeVar("T")
_TOOL = "analyze"
_MOST_EVENTS, _MOST_BYTES = 1000, 1 << 20
"""Of one call; servers of the SDK take a few megabytes."""
_HELLO_S = 30.0
_FAILURES = (MCPError, OSError, RuntimeError, httpx2.HTTPError)
"""What the client of the protocol raises when the other side fails."""
Server = str | Sequence[str]
"""An address, or a command to start."""


class McpTool:
    """A server of the Model Context Protocol."""

    tasks = frozenset(TaskKind)

    def __init__(self, server: Server, *, remote: bool = False, tool: str = _TOOL) -> None:
        """Take an address, or the process to start; it is asked who it is at once."""
        if isinstance(server, str):
            demand_reachable(server, remote=remote)
        self._server, self._tool = server, tool
        self.name, self.version = self._asked(self._introduce, _HELLO_S)

    async def _introduce(self, client: Client) -> tuple[str, str]:
        offered = {one.name for one in (await client.list_tools()).tools}
        if self._tool not in offered:
            raise ToolFaultError(f"the MCP server offers no tool {self._tool}")
        about = client.server_info
        return (about.name, about.version or "unknown") if about else ("mcp", "unknown")

    def run(self, view: View, budget: Budget) -> Output:
        """Send the view in parts, and gather what is said to each."""
        begun, said = monotonic(), Said(budget=budget)

        async def send(client: Client) -> None:
            for arguments in _calls(view):
                answer = await client.call_tool(self._tool, arguments)
                _take(answer, said)

        try:
            self._asked(send, budget.seconds)
        except TimeoutError:
            said.fault(f"it was not done after {budget.seconds:g} s")
        return Output(
            findings=tuple(said.findings),
            answers=tuple(said.answers),
            usage=Usage(seconds=monotonic() - begun, faults=tuple(said.faults)),
        )

    def _asked(self, ask: Callable[[Client], Awaitable[T]], seconds: float) -> T:
        """Connect, ask, and close. Raises: ToolFaultError; TimeoutError."""

        async def within() -> T:
            with anyio.fail_after(seconds), Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230
                where = self._server
                server = where if isinstance(where, str) else _process(where, nowhere)
                async with Client(server, read_timeout_seconds=seconds) as client:
                    return await ask(client)

        try:
            return anyio.run(within)
        except BaseExceptionGroup as group:
            raise _fault(_first(group)) from group
        except _FAILURES as error:
            raise _fault(error) from error


def _process(command: Sequence[str], nowhere: TextIO) -> AbstractAsyncContextManager[Streams]:
    parameters = StdioServerParameters(command=command[0], args=list(command[1:]))
    return stdio_client(parameters, errlog=nowhere)


def _fault(error: BaseException) -> BaseException:
    """Say whose fault it is; what is none of the other side's stays as it is."""
    if isinstance(error, ToolFaultError | TimeoutError) or not isinstance(error, _FAILURES):
        return error
    return ToolFaultError(f"the MCP server did not answer: {type(error).__name__}")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what failed first, from within however many groups."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _calls(view: View) -> Iterator[dict[str, object]]:
    """Yield the arguments of every call: the history, the events, and the tasks with the last."""
    run = secrets.token_hex(8)
    for part in _parts(view.history):
        yield {"run": run, "events": [], "history": part, "tasks": [], "last": False}
    for part in _parts(view.events):
        yield {"run": run, "events": part, "history": [], "tasks": [], "last": False}
    tasks = [task_line(one) for one in view.tasks]
    yield {"run": run, "events": [], "history": [], "tasks": tasks, "last": True}


def _parts(events: Iterable[Event]) -> Iterator[list[dict[str, object]]]:
    part: list[dict[str, object]] = []
    size = 0
    for event in events:
        shown = event_line(event)
        length = len(json.dumps(shown))
        if part and (len(part) >= _MOST_EVENTS or size + length > _MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(shown)
        size += length
    if part:
        yield part


def _take(answer: CallToolResult, said: Said) -> None:
    """Read one answer: structured, or as text that holds the same, or as JSON lines."""
    if answer.is_error:
        said.fault("it answered a call with an error")
        return
    document: object = answer.structured_content
    if isinstance(document, dict) and set(document) == {"result"}:
        document = document["result"]
    if isinstance(document, dict):
        _take_document(document, said)
        return
    for block in answer.content:
        if isinstance(block, TextContent):
            _take_text(block.text, said)


def _take_text(text: str, said: Said) -> None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        said.take(text.encode())
        return
    if isinstance(document, dict) and not document.keys().isdisjoint({"findings", "answers"}):
        _take_document(document, said)
    else:
        said.take_record(document)


def _take_document(document: Mapping[str, object], said: Said) -> None:
    for part in ("findings", "answers"):
        values = document.get(part)
        for one in values if isinstance(values, list) else ():
            said.take_record(one)
