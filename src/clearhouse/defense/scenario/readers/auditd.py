"""The Linux audit log: several lines with one serial number are one event.

In: lines such as `type=EXECVE msg=audit(1700000000.123:45): argc=2 a0="ls"`. Out: one event for a
serial number, with the arguments of EXECVE joined to `command`. Hexadecimal values, which auditd
writes where text holds spaces, are decoded. Source: audit-userspace, "audit event fields".
"""

import re
from collections.abc import Callable, Iterable, Iterator

from clearhouse.defense.scenario.event import Event, Scalar, SourceKind, first, make, moment

_HEAD = re.compile(r"^(?:node=(\S+) )?type=(\S+) msg=audit\(([\d.]+):(\d+)\):\s?(.*)$")
_PAIR = re.compile(r"""(\w+)=("[^"]*"|'[^']*'|\S+)""")
_HEXED = frozenset({"comm", "exe", "proctitle", "name", "cwd", "acct", "cmd"})
_MOST_LINES = 1000


def read(lines: Iterable[str], refuse: Callable[[str], None], *, name: str) -> Iterator[Event]:
    """Read an audit log."""
    serial: tuple[str, str] | None = None
    fields: dict[str, Scalar] = {}
    held = 0
    for number, raw in enumerate(lines, 1):
        line = raw.replace("\x1d", " ").strip()
        if not line:
            continue
        match = _HEAD.match(line)
        if match is None:
            refuse(f"{name}:{number}: not a line of the audit log")
            continue
        node, kind, at, this, rest = match.groups()
        if serial != (at, this) or held >= _MOST_LINES:
            if serial is not None:
                yield _event(serial[0], fields)
            serial, fields, held = (at, this), {"type": kind}, 0
        held += 1
        if node:
            fields["node"] = node
        fields |= _pairs(kind, rest)
    if serial is not None:
        yield _event(serial[0], fields)


def _event(at: str, fields: dict[str, Scalar]) -> Event:
    arguments = [str(value) for key, value in sorted(fields.items(), key=_place) if _place((key,))]
    if arguments:
        fields["command"] = " ".join(arguments)
    return make(
        SourceKind.AUDITD,
        moment(float(at)),
        str(fields["type"]),
        fields,
        host=first(fields, "node", "hostname"),
        user=first(fields, "acct", "auid", "uid"),
    )


def _place(item: tuple[str, ...] | tuple[str, Scalar]) -> int:
    """Return the place of an argument `a0`, `a1`, … from 1; 0 for any other field."""
    key = item[0]
    number = str(key)[1:]
    return int(number) + 1 if str(key)[0] == "a" and number.isdigit() else 0


def _pairs(kind: str, text: str) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for key, raw in _PAIR.findall(text):
        quoted = raw[:1] in {'"', "'"}
        value = raw[1:-1] if quoted else raw
        if raw[:1] == "'":  # user messages carry pairs inside the quotes
            found |= _pairs(kind, value)
            continue
        argument = kind == "EXECVE" and _place((key,)) > 0
        if not argument and _place((key,)):
            continue  # the raw registers of SYSCALL say nothing that a reader can use
        if not quoted and (argument or key in _HEXED):
            value = _decoded(value)
        found[key] = value
    return found


def _decoded(value: str) -> str:
    if len(value) < 4 or len(value) % 2:
        return value
    try:
        return bytes.fromhex(value).replace(b"\0", b" ").decode("utf-8")
    except ValueError:
        return value
