"""An agent whose every call a language model writes, right or wrong.

In: `complete`, which goes on with a text, under a grammar or free, and what the agent is to do. Out:
calls, each the model's own words. What is no call is kept in `no_call` and reaches nobody.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import httpx2

_SHOWN: Final = 500
"""How much of an answer the model is shown again; its window is small."""
_TEXT: Final = 400
"""How long one string of its own may get, in characters."""
_WRITES: Final = 260
"""How long one call may get, in tokens."""

EXAMPLE: Final = (
    '{"tool": "is_known", "arguments": {"purl": "pkg:pypi/example"}}\n'
    '=> {"public": false, "next": "Nothing public is known here. Go on with `check_report`."}\n'
)


class Mode(StrEnum):
    """How much of a call is the model's own."""

    FREE = "free"
    """All of it."""
    GRAMMAR = "grammar"
    """Which tool, and every word in it; that it is a call at all, a grammar sees to."""
    LED = "led"
    """As before, and each tool is offered until it has answered once."""


@dataclass
class ModelAgent:
    """Asks a model for the next call until it has asked `most` times."""

    complete: object
    task: str
    mode: Mode
    most: int
    asked: int = 0
    no_call: list[str] = field(default_factory=list)

    def decide(self, tools, transcript):
        """Return the next call that the model writes; None when it has written enough."""
        while self.asked < self.most:
            self.asked += 1
            offered = self._offered(tools, transcript)
            grammar = None if self.mode is Mode.FREE else grammar_of(offered)
            written = self.complete(_prompt(self.task, offered, transcript), grammar)
            call = read_call(written)
            if call is not None:
                return call
            self.no_call.append(written)
        return None

    def _offered(self, tools, transcript):
        """Return all tools; led, those that have not answered yet, while there are any."""
        if self.mode is not Mode.LED:
            return tools
        answered = {step.tool for step in transcript if not step.failed}
        return [one for one in tools if one.name not in answered] or tools


def read_call(written):
    """Return the first JSON object of a text as a call, None when it is none."""
    begin = written.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(written[begin:]) if begin >= 0 else (None, 0)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    tool, arguments = found.get("tool"), found.get("arguments")
    fits = isinstance(tool, str) and isinstance(arguments, dict)
    return (tool, arguments) if fits else None


def _prompt(task, tools, transcript):
    offered = "\n".join(
        f"- {tool.name}({', '.join(tool.input_schema['properties'])}): "
        f"{tool.description.partition('. ')[0]}."
        for tool in tools
    )
    done = "\n".join(
        f"{json.dumps({'tool': step.tool, 'arguments': step.arguments})[:_SHOWN]}\n"
        f"=> {step.text[:_SHOWN]}"
        for step in transcript[-2:]
    )
    return f"{task}\n\nTools:\n{offered}\n\nCalls, each one line of JSON:\n{EXAMPLE}{done}\n"


def grammar_of(tools):
    """Return a GBNF grammar of one call: the names and the plain arguments that the tools state."""
    rules = [
        f'string ::= "\\"" char{{1,{_TEXT}}} "\\""',
        'char ::= [^"\\\\\\x00-\\x1f] | "\\\\" ["\\\\/bfnrt]',
        'strings ::= "[" string (", " string){0,2} "]"',
    ]
    calls = []
    for number, tool in enumerate(tools):
        ways = " | ".join(_ways(tool.input_schema))
        rules.append(f"arguments{number} ::= {ways}")
        head = json.dumps(f'{{"tool": "{tool.name}", "arguments": ')
        calls.append(f'{head} arguments{number} "}}"')
    return "\n".join([f"root ::= {' | '.join(calls)}", *rules]) + "\n"


def _ways(schema):
    """Yield rules of a tool's arguments: all that is required, and one plain thing more."""
    plain = {name: rule for name, one in schema["properties"].items() if (rule := _rule(one))}
    required = [name for name in schema.get("required", ()) if name in plain]
    others = [name for name in plain if name not in required]
    for more in [[one] for one in others] or [[]]:
        pairs = [f"{json.dumps(json.dumps(name) + ': ')} {plain[name]}" for name in required + more]
        yield " ".join(['"{"', ' ", " '.join(pairs), '"}"'])


def _rule(one):
    """Return the rule of one argument, None for what is more than words."""
    kinds = [one, *one.get("anyOf", ())]
    if any(kind.get("const") is True for kind in kinds):
        return '"true"'
    if any(kind.get("type") == "string" for kind in kinds):
        return "string"
    listed = any(
        kind.get("type") == "array" and kind["items"].get("type") == "string" for kind in kinds
    )
    return "strings" if listed else None


def completing(address, seed):
    """Return what asks an OpenAI-compatible endpoint on this machine to go on with a text."""

    def complete(prompt, grammar):
        body = {"prompt": prompt, "max_tokens": _WRITES, "temperature": 0.7, "seed": seed,
                "stop": ["\n=>", "\n\n"], "model": "gemma-3-270m"}  # fmt: skip
        body |= {"grammar": grammar} if grammar else {}
        answer = httpx2.post(f"{address}/completions", json=body, timeout=600).raise_for_status()
        return answer.json()["choices"][0]["text"]

    return complete


def tally(agent, transcript):
    """Count what became of an agent's tries."""
    codes = Counter(json.loads(step.text)["error"] for step in transcript if step.failed)
    return {
        "asked": agent.asked,
        "no call": len(agent.no_call),
        "answered": sum(not step.failed for step in transcript),
        "refused": dict(codes),
        "tools": dict(Counter(step.tool for step in transcript if not step.failed)),
        "sent": sum(step.tool == "submit_report" and not step.failed for step in transcript),
        "sent ready": sum(
            step.tool == "submit_report" and all(one["ready"] for one in step.answer["reports"])
            for step in transcript
            if not step.failed
        ),
    }
