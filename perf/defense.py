"""Sigma in one pass against one SQL query for each rule, on the same events and rules.

    perf/defense.py [--events 100000] [--rules DIR] [--logs DIR ...] [--memory 1000000]

Without `--rules` the house's rules are joined by three thousand more in their manner, with names
that occur nowhere, because a rule set in use is that large. Without `--logs` the events are quiet
weeks of the small office. Both sides see the same events in memory; both must give the same hits.
The peer is what a straightforward port does: a table with an index on channel and number, and a
query for each rule. `--memory` also runs a million events through Sigma from Parquet in a process
of its own and prints the peak of its memory.
"""

import argparse
import ipaddress
import random
import re
import resource
import sqlite3
import string
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

from sigma.types import (
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from clearhouse.defense.enroll.record import Budget, View
from clearhouse.defense.enroll.sigma.match import Matcher
from clearhouse.defense.enroll.sigma.rules import Comparison, Node, RuleSet, read_rules
from clearhouse.defense.enroll.sigma.tool import Sigma
from clearhouse.defense.scenario.attack_map import policy_file
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.office.build import quiet_week
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.recording import Recording, write

COPIES = 120
PACE_OF = 10_000
"""Events of a quiet week at pace 1."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rules", type=Path, nargs="*")
    parser.add_argument("--logs", type=Path, nargs="*")
    parser.add_argument("--memory", type=int)
    parser.add_argument("--in-child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    rules = [one for one in rules_of(asked.rules) if one.source.kind is SourceKind.WINDOWS]
    if asked.in_child:
        child(asked.in_child, rules)
        return
    events = [
        one
        for one in islice(source(asked), asked.events)
        if one.kind is SourceKind.WINDOWS or asked.logs
    ]
    events = [one for one in events if one.kind is SourceKind.WINDOWS]
    print(f"{len(events)} Windows events, {len(rules)} rules")
    begun = time.process_time()
    matcher = Matcher(rules)
    print(f"compiled in {time.process_time() - begun:.1f} s")
    begun = time.process_time()
    ours = {(rule.id, one.uid) for one in events for rule in matcher.match(one)}
    ours_s = time.process_time() - begun
    theirs, load_s, theirs_s = peer(events, rules)
    print(f"one pass:  {len(events) / ours_s:10.0f} events/s, {len(ours)} hits")
    print(f"by query:  {len(events) / theirs_s:10.0f} events/s, {len(theirs)} hits"
          f" (and {load_s:.1f} s to load)")  # fmt: skip
    print(f"ratio:     {theirs_s / ours_s:10.1f}")
    print(f"hits only in one pass: {len(ours - theirs)}, only by query: {len(theirs - ours)}")
    if asked.memory:
        memory(asked)


def source(asked):
    if asked.logs:
        tally = Tally()
        yield from read(asked.logs, tally)
        return
    pace = max(1.0, asked.events * 5 / PACE_OF)  # one event in four or five is of Windows
    for day in quiet_week(random.Random(1), pace):
        yield from (one for one in day if one.kind is SourceKind.WINDOWS)


def rules_of(paths):
    if paths:
        return read_rules(paths).rules
    own = read_rules([policy_file("sigma-1")]).rules
    draw = random.Random(2)
    more = [
        replace(one, id=f"{one.id}-{number}", tree=varied(one.tree, draw))
        for number in range(COPIES)
        for one in own
    ]
    return (*own, *more)


def varied(tree, draw):
    """Return the same rule about names that occur nowhere; channel and number stay."""
    if isinstance(tree, Node):
        return Node(tree.operator, tuple(varied(part, draw) for part in tree.parts))
    if tree.field in {"Channel", "EventID"} or not isinstance(tree.value, SigmaString):
        return tree
    parts = [
        "".join(draw.choices(string.ascii_lowercase, k=max(4, len(one))))
        if isinstance(one, str) else {SpecialChars.WILDCARD_MULTI: "*"}.get(one, "?")
        for one in tree.value.s
    ]  # fmt: skip
    return Comparison(tree.field, SigmaString("".join(parts)))


def peer(events, rules):
    """Match by a table, an index, and a query for each rule."""
    fields = sorted(
        {name for rule in rules for name in fields_of(rule.tree)} | {"Channel", "EventID"}
    )
    columns = {name: f"f{place}" for place, name in enumerate(fields)}
    base = sqlite3.connect(":memory:")
    base.create_function("regexp", 2, found, deterministic=True)
    base.create_function("within", 2, within, deterministic=True)
    begun = time.process_time()
    kinds = ", ".join(f"{one} TEXT COLLATE NOCASE" for one in columns.values())
    base.execute(f"CREATE TABLE events (uid TEXT, whole TEXT, {kinds})")
    marks = ", ".join("?" * (len(columns) + 2))
    words = any(name is None for rule in rules for name in names_of(rule.tree))
    base.executemany(
        f"INSERT INTO events VALUES ({marks})",  # noqa: S608 - marks
        (
            [one.uid, whole(one) if words else "",
             *(None if one.fields.get(name) is None else str(one.fields[name]) for name in fields)]
            for one in events
        ),
    )  # fmt: skip
    base.execute(f"CREATE INDEX i ON events ({columns['Channel']}, {columns['EventID']})")
    load_s = time.process_time() - begun
    begun = time.process_time()
    hits = set()
    for rule in rules:
        for branch in branches(rule.tree):  # one query for each mapping, so that each has an index
            where = sql(branch, columns)
            rows = base.execute(f"SELECT uid FROM events WHERE {where}").fetchall()  # noqa: S608
            hits.update((rule.id, row[0]) for row in rows)
    return hits, load_s, time.process_time() - begun


def whole(event):
    return "\n".join(str(value) for value in event.fields.values() if value is not None)


def branches(tree):
    return tree.parts if isinstance(tree, Node) and tree.operator == "or" else (tree,)


def names_of(tree):
    return (
        [tree.field]
        if isinstance(tree, Comparison)
        else [n for p in tree.parts for n in names_of(p)]
    )


def fields_of(tree):
    found = {name for name in names_of(tree) if name}
    return found | {
        one.value.field for one in leaves(tree) if isinstance(one.value, SigmaFieldReference)
    }


def leaves(tree):
    return (
        [tree]
        if isinstance(tree, Comparison)
        else [one for part in tree.parts for one in leaves(part)]
    )


def sql(tree, columns):
    if isinstance(tree, Comparison):
        return compared(tree, columns)
    if tree.operator == "not":
        return f"NOT coalesce({sql(tree.parts[0], columns)}, 0)"
    return joined([sql(part, columns) for part in tree.parts], tree.operator.upper())


def joined(parts, operator):
    """Join halves of halves; SQLite refuses trees deeper than a thousand."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({joined(parts[:middle], operator)} {operator} {joined(parts[middle:], operator)})"


def compared(leaf, columns):  # noqa: PLR0911 - one way out for each kind
    value = leaf.value
    column = columns[leaf.field] if leaf.field else "whole"
    if isinstance(value, SigmaNull):
        return f"({column} IS NULL)"
    if isinstance(value, SigmaString) and not value.s:
        return f"({column} = '')"
    if isinstance(value, SigmaExists):
        return f"({column} IS {'NOT ' if value.exists else ''}NULL)"
    if isinstance(value, SigmaFieldReference):
        return f"({column} = {columns[value.field]})"
    if isinstance(value, SigmaRegularExpression):
        flags = "".join(sorted(str(one.name)[0].lower() for one in value.flags))
        return (
            f"({column} REGEXP {text(f'(?{flags})' if flags else '')} || {text(str(value.regexp))})"
        )
    if isinstance(value, SigmaCIDRExpression):
        return f"within({text(str(value.network))}, {column})"
    if isinstance(value, SigmaCompareExpression):
        return f"(CAST({column} AS REAL) {value.op.value} {value.number})"
    if isinstance(value, SigmaString):
        return string_compared(value, column, whole=leaf.field is None)
    return f"({column} = {text(str(value))})"


def string_compared(value, column, *, whole):
    parts = list(value.s)
    if isinstance(value, SigmaCasedString):
        signs = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
        pattern = "".join(re.escape(x) if isinstance(x, str) else signs[x] for x in parts)
        return f"({column} REGEXP {text(pattern if whole else f'(?s)^{pattern}$')})"
    if all(isinstance(one, str) for one in parts) and not whole:
        return f"({column} = {text(''.join(parts))})"
    signs = {SpecialChars.WILDCARD_MULTI: "%", SpecialChars.WILDCARD_SINGLE: "_"}
    like = "".join(escaped(x) if isinstance(x, str) else signs[x] for x in parts)
    return f"({column} LIKE {text(f'%{like}%' if whole else like)} ESCAPE '\\')"


def escaped(part):
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def text(value):
    return "'" + value.replace("'", "''") + "'"


def found(pattern, value):
    return value is not None and re.search(pattern, value) is not None


def within(network, value):
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network)
    except (ValueError, TypeError):
        return False


def memory(asked):
    with tempfile.TemporaryDirectory() as folder:
        pace = 1.2 * asked.memory / PACE_OF
        events = (one for day in quiet_week(random.Random(1), pace) for one in day)
        write(islice(events, asked.memory), Path(folder) / "events")
        command = [sys.executable, __file__, "--in-child", f"{folder}/events"]
        if asked.rules:
            command += ["--rules", *map(str, asked.rules)]
        subprocess.run(command, check=True)


def child(folder, rules):
    recording = Recording(folder)
    tool = Sigma(RuleSet(rules=tuple(rules), sha256="0" * 64, refused=(), unmapped=()))
    begun = time.process_time()
    output = tool.run(View(events=recording), Budget(seconds=36_000, findings=10_000_000))
    spent = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"from Parquet: {len(recording)} events at {len(recording) / spent:.0f} events/s,"
          f" {len(output.findings)} findings, peak {peak:.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    main()
