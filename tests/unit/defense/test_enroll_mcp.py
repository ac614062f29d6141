"""A product that is an MCP server: a real one, in a process of its own."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mcp.types import CallToolResult, TextContent

from clearhouse.defense.enroll.mcp import McpTool, _take
from clearhouse.defense.enroll.record import Budget, ToolFaultError, View
from clearhouse.defense.enroll.selftest import self_test
from clearhouse.defense.enroll.wire import Said
from clearhouse.defense.scenario.task import Task, TaskKind, Triage
from clearhouse.surfaces.cli.defense_tools import enrolled
from defense_scene import event

ANALYST = Path(__file__).parents[2] / "mcp_analyst.py"
BAD = event(1, CommandLine="vssadmin delete shadows")
TASK = Task(id="t1", kind=TaskKind.TRIAGE, prompt="judge", events=(BAD.uid,))


@pytest.fixture(scope="module")
def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, ANALYST, "http", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def test_a_server_at_an_address_passes_the_self_test_and_says_who_it_is(address):
    with enrolled([f"mcp:{address}"], price=None, remote=False) as (tool,):
        assert isinstance(tool, McpTool)
    assert (tool.name, tool.version) == ("acme-analyst", "7.1")
    assert self_test(tool, [event(0, CommandLine="work"), BAD]).faults == ()


def test_events_go_in_parts_and_every_answer_is_gathered(address):
    events = [event(minute, CommandLine="x" * 3000) for minute in range(1200)]
    said = McpTool(address).run(View(events=[*events, BAD], history=[BAD], tasks=(TASK,)), Budget())
    assert [one.events for one in said.findings] == [(BAD.uid,)]
    assert [(one.task, one.verdict) for one in said.answers] == [("t1", Triage.BENIGN)]
    assert said.usage.faults == ()


def test_a_server_is_started_as_a_process_and_spoken_to():
    specs = [f"mcp:{sys.executable} {ANALYST} stdio"]
    with enrolled(specs, price=None, remote=False) as (tool,):
        assert tool.name == "acme-analyst"
        assert len(tool.run(View(events=[BAD]), Budget()).findings) == 1


def test_a_server_that_fails_or_hangs_is_a_fault_and_no_miss(address):
    tool = McpTool(address)
    said = tool.run(View(events=[event(2, CommandLine="fail now")]), Budget())
    assert said.usage.faults == ("it answered a call with an error",)
    said = tool.run(View(events=[event(2, CommandLine="hang now")]), Budget(seconds=1))
    assert said.usage.faults == ("it was not done after 1 s",)


FOUND = {"kind": "copies deleted", "time": BAD.at.isoformat(), "events": [BAD.uid], "score": 9}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"findings": [FOUND, FOUND]}),
        json.dumps({"result": "ignored"} | FOUND) + "\n" + json.dumps(FOUND),
    ],
)
def test_an_answer_in_words_is_read_as_json_or_as_json_lines(text):
    said = Said(budget=Budget())
    _take(CallToolResult(content=[TextContent(type="text", text=text)]), said)
    assert [one.events for one in said.findings] == [(BAD.uid,)] * 2
    assert said.faults == []


def test_a_single_finding_in_words_and_idle_talk_are_told_apart():
    said = Said(budget=Budget())
    for text in (json.dumps(FOUND), "I looked and found nothing."):
        _take(CallToolResult(content=[TextContent(type="text", text=text)]), said)
    _take(CallToolResult(content=[], structured_content={"result": {"findings": [FOUND]}}), said)
    assert len(said.findings) == 2
    assert said.faults == ["line 1 of its output is not JSON"]


def test_what_is_no_server_or_offers_no_such_tool_is_an_adapters_fault(address):
    with pytest.raises(ToolFaultError, match="no tool judge"):
        McpTool(address, tool="judge")
    with pytest.raises(ToolFaultError, match="did not answer"):
        McpTool("http://127.0.0.1:1/mcp")
    with pytest.raises(ToolFaultError, match="did not answer"):
        McpTool(["/no/such/program"])
    with pytest.raises(ToolFaultError, match="not this machine"):
        McpTool("http://10.0.0.9/mcp")
