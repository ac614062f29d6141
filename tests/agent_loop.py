"""An agent that knows one address: it reads what tools there are, and goes on until it is done.

Whoever decides is a `decide(tools, transcript)` that names the next call, or nothing. The scripted
one knows a flaw and nothing of the house: what to send next, it takes from the answers.
"""

import copy
from dataclasses import dataclass, field

from mcp import Client

PURL = "pkg:pypi/mako"
POC = """import template
template.render("A" * 5000)  # prints: read past the end
"""
PATCH = """--- a/src/template.py
+++ b/src/template.py
@@ -10,3 +10,3 @@
     size = header.size
-    return data[:size]
+    return data[: min(size, len(data))]
--- a/tests/test_template.py
+++ b/tests/test_template.py
@@ -1,1 +1,3 @@
 import template
+def test_long_header():
+    assert template.render("A" * 5000) == ""
"""
ANSWER = "I saw it with the default settings of version 1.4.0."
SUMMARY = """## Summary
The template loader trusts the size in a header and reads past the end of its buffer, so that whoever
sends a template sees memory of other users.

## Steps to reproduce
1. Start the loader with the default settings.
2. Send a template of 5,000 letters.
3. The answer holds bytes that were never sent.
"""


def _file(name, data, kind, content_type="text/plain"):
    return {"filename": name, "data": data, "content_type": content_type, "type": kind}


KNOWS = {
    "description": lambda: {
        "attachments": [_file("summary.md", SUMMARY, "other", "text/markdown")]
    },
    "trigger": lambda: {"attachments": [_file("summary.md", SUMMARY, "other", "text/markdown")]},
    "severity": lambda: {"enrichment": {"cwe": "CWE-125", "severity": "High"}},
    "poc": lambda: {"attachments": [_file("poc.py", POC, "exploit-proof-of-concept")]},
    "patch": lambda: {"attachments": [_file("fix.patch", PATCH, "patch")]},
    "tests": lambda: {"attachments": [_file("fix.patch", PATCH, "patch")]},
}
"""What the agent can say when an element is asked for, by the names that the house asks with."""


@dataclass
class Step:
    tool: str
    arguments: dict
    answer: dict
    failed: bool = False
    text: str = ""


@dataclass
class ScriptedAgent:
    """Knows a flaw; mends what the answers name; answers what the house asks; waits for the end."""

    report: dict
    right_purl: str
    receipt: str | None = None
    answered: set = field(default_factory=set)

    def decide(self, tools, transcript):
        if not transcript:
            return "is_known", {"purl": PURL}
        last = transcript[-1]
        if last.tool == "submit_report":
            self.receipt = last.answer["receipt"]
        return self._write(last) if self.receipt is None else self._go_on(last)

    def _write(self, last):
        ready = last.tool == "check_report" and not self._mended(last.answer)
        report = {"report": copy.deepcopy(self.report)}
        return (
            ("submit_report", report | {"authorised": True}) if ready else ("check_report", report)
        )

    def _go_on(self, last):
        if last.tool == "is_known":
            return None
        if last.tool == "follow":
            for one in last.answer["questions"]:
                if one["answered_at"] is None and one["question"] not in self.answered:
                    self.answered.add(one["question"])
                    answer = {"question": one["question"], "text": ANSWER}
                    return "answer_question", answer | {"receipt": self.receipt}
            if last.answer["advisories"]:
                return "is_known", {"purl": PURL}
        return "follow", {"receipt": self.receipt}

    def _mended(self, answer):
        """Add what is missing and correct what is wrong; say whether there was anything."""
        (looked,) = answer["reports"]
        for one in looked["missing"]:
            for name, value in KNOWS[one["element"]]().items():
                if name == "attachments":
                    names = {file["filename"] for file in value}
                    kept = [
                        file for file in self.report.get(name, []) if file["filename"] not in names
                    ]
                    self.report[name] = [*kept, *value]
                else:
                    self.report[name] = value
        if looked["contradicted"]:
            self.report["purl"] = self.right_purl
        return not looked["ready"]


async def call(client, tool, arguments):
    got = await client.call_tool(tool, arguments)
    return Step(
        tool=tool,
        arguments=arguments,
        answer=got.structured_content or {},
        failed=bool(got.is_error),
        text="\n".join(block.text for block in got.content),
    )


async def run(server, agent, *, most=200, between=None):
    """Let an agent go on; `between` is awaited before each call with the transcript so far."""
    transcript = []
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        for _ in range(most):
            decided = agent.decide(tools, transcript)
            if decided is None:
                break
            if between is not None:
                await between(transcript)
            transcript.append(await call(client, *decided))
    return tools, transcript
