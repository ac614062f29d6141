"""Suricata rules: whether a text has the form of one, without running it.

In: text, one rule a line, `#` before comments. Out: what is wrong with it, each with its line;
nothing when the form holds. This says nothing about whether a rule fires: only Suricata can.

Source: Suricata user guide 8, rules format (action, header, options).
"""

import re
from collections.abc import Iterator
from typing import Final

_ACTIONS: Final = frozenset(
    {"alert", "pass", "drop", "reject", "rejectsrc", "rejectdst", "rejectboth", "config"}
)
_HEADER: Final = re.compile(r"(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(->|<>|=>)\s+(\S+)\s+(\S+)\s*\(")
_OPTION: Final = re.compile(r"[a-z][a-z0-9_.-]*")


def faults(text: str) -> tuple[str, ...]:
    """Name what is wrong with the form of the rules, each with its line."""
    return tuple(_faults(text))


def _faults(text: str) -> Iterator[str]:
    seen: set[str] = set()
    count = 0
    for number, line in enumerate(text.splitlines(), start=1):
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        count += 1
        place = f"line {number}"
        head = _HEADER.match(rule)
        if head is None or head[1] not in _ACTIONS:
            yield f"{place}: does not begin with action, protocol, source and destination"
            continue
        if not rule.endswith(")"):
            yield f"{place}: does not end with a parenthesis"
            continue
        yield from (f"{place}: {one}" for one in _option_faults(rule[head.end() : -1], seen))
    if not count:
        yield "line 1: holds no rule"


def _option_faults(body: str, seen: set[str]) -> Iterator[str]:
    options = [*_options(body)]
    if not options or options[-1] is None:
        yield "an option does not end with a semicolon, or a quote is open"
        return
    named: dict[str, str] = {}
    for option in options:
        name, _, value = (option or "").partition(":")
        if not _OPTION.fullmatch(name.strip()):
            yield "an option has no name"
        named.setdefault(name.strip(), value.strip())
    for needed in ("msg", "sid"):
        if needed not in named:
            yield f"has no {needed}"
    sid = named.get("sid", "0")
    if not sid.isdecimal():
        yield "sid is no number"
    elif sid in seen:
        yield f"sid {sid} stands twice"
    seen.add(sid)


def _options(body: str) -> Iterator[str | None]:
    """Cut options at semicolons outside quotes; None at the end when something is left open."""
    current: list[str] = []
    quoted = escaped = False
    for one in body:
        if escaped:
            escaped = False
        elif one == "\\":
            escaped = True
        elif one == '"':
            quoted = not quoted
        elif one == ";" and not quoted:
            yield "".join(current).strip()
            current = []
            continue
        current.append(one)
    if quoted or "".join(current).strip():
        yield None
