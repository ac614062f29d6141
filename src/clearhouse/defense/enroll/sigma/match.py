"""All rules in one pass: each event is looked up, not searched.

Every comparison of every rule becomes an *atom* with a number. For a field, what holds of a value
is worked out once (one Aho-Corasick automaton over the literals of all rules) and remembered, since
logs repeat themselves. An event's atoms then name the few rules that could match at all: each rule
has an anchor, a set of atoms one of which must hold, and only rules whose anchor was met are
evaluated. Rules without an anchor are evaluated for every event of their channel.

In: rules, events. Out: the rules that match. Comparisons ignore case, as Sigma says, except those
marked cased and regular expressions. A field that is not there is null, and is not an empty text.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SpecialChars,
)

from clearhouse.defense.enroll.sigma.rules import Comparison, Node, Rule, Tree, required
from clearhouse.defense.scenario.event import Event, Scalar, SourceKind

_REMEMBERED = 200_000
"""Values per field; beyond, the memory of the field starts again."""
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: re.IGNORECASE,
    SigmaRegularExpressionFlag.MULTILINE: re.MULTILINE,
    SigmaRegularExpressionFlag.DOTALL: re.DOTALL,
}
_COMPARED: Mapping[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: lambda a, b: a < b,
    CompareOperators.LTE: lambda a, b: a <= b,
    CompareOperators.GT: lambda a, b: a > b,
    CompareOperators.GTE: lambda a, b: a >= b,
}
Holds = Callable[[str], bool]
Atoms = set[int]
Check = Callable[[Atoms, Mapping[str, Scalar]], bool]


@dataclass(slots=True)
class _Field:
    """What all rules ask of one field."""

    literals: dict[str, list[tuple[int, str, Holds | None]]] = field(default_factory=dict)
    """Lower-case literal to atoms: number, place (`is`, `start`, `end`, `in`), further check."""
    checks: list[tuple[int, Holds]] = field(default_factory=list)
    """Atoms without a literal."""
    automaton: AhoCorasick | None = None
    words: list[str] = field(default_factory=list)
    exact: dict[str, list[int]] = field(default_factory=dict)
    memory: dict[Scalar, frozenset[int]] = field(default_factory=dict)

    def close(self) -> None:
        self.words = [one for one in self.literals if one]
        self.automaton = AhoCorasick(self.words) if self.words else None

    def of(self, value: Scalar) -> frozenset[int]:
        known = self.memory.get(value)
        if known is None:
            if len(self.memory) >= _REMEMBERED:
                self.memory.clear()
            known = self.memory[value] = self._work_out(str(value))
        return known

    def _work_out(self, value: str) -> frozenset[int]:
        lower = value.lower()
        found = set(self.exact.get(lower, ()))
        if self.automaton is not None:
            size = len(lower)
            for word, start, end in self.automaton.find_matches_as_indexes(lower, overlapping=True):
                for atom, place, more in self.literals[self.words[word]]:
                    if (
                        (place != "start" or start == 0)
                        and (place != "end" or end == size)
                        and (more is None or more(value))
                    ):
                        found.add(atom)
        found.update(atom for atom, holds in self.checks if holds(value))
        return frozenset(found)


@dataclass(slots=True)
class _Bucket:
    """Rules that can hold of events of one channel and number."""

    always: list[int] = field(default_factory=list)
    anchored: dict[int, list[int]] = field(default_factory=dict)
    asked: dict[str, "_Field"] = field(default_factory=dict)
    """What its rules ask, by field; nothing else of an event is looked at."""
    verdicts: dict[frozenset[int], tuple[list[int], list[int]]] = field(default_factory=dict)
    """By the atoms that hold: rules that match, and rules that must look at the event itself."""


class Matcher:
    """Rules, compiled."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Compile the rules once."""
        self.rules = tuple(rules)
        self._fields: dict[str, _Field] = defaultdict(_Field)
        self._atoms: dict[tuple[object, ...], int] = {}
        self._text: str | None = None
        self._weights: dict[int, int] = {}
        self._checks: list[Check] = []
        self._closed: list[bool] = []
        """Whether atoms alone decide a rule."""
        self._looks = False
        self._buckets: dict[tuple[str, ...], _Bucket] = defaultdict(_Bucket)
        self._merged: dict[tuple[str, str, str], _Bucket] = {}
        for number, rule in enumerate(self.rules):
            self._add(number, rule)
        for one in self._fields.values():
            one.close()

    def match(self, event: Event) -> list[Rule]:
        """Return the rules that hold of an event, in the order of the rules."""
        bucket = self._bucket(event)
        if not (bucket.always or bucket.anchored):
            return []
        held: Atoms = set()
        fields = event.fields
        for name, asked in bucket.asked.items():
            value = fields.get(name)
            if value is not None and value != "":
                found = asked.memory.get(value)
                held |= asked.of(value) if found is None else found
        key = frozenset(held)
        verdict = bucket.verdicts.get(key)
        if verdict is None:
            verdict = self._decide(bucket, key)
        matched, open_ = verdict
        if open_:
            self._text = None
            looked = [one for one in open_ if self._checks[one](held, fields)]
            matched = sorted(matched + looked) if looked else matched
        return [self.rules[one] for one in matched]

    def _decide(self, bucket: _Bucket, held: frozenset[int]) -> tuple[list[int], list[int]]:
        """Evaluate what the atoms alone decide; logs repeat themselves, so it is remembered."""
        candidates = set(bucket.always)
        for atom in held:
            candidates.update(bucket.anchored.get(atom, ()))
        ordered = sorted(candidates)
        known = set(held)
        verdict = (
            [one for one in ordered if self._closed[one] and self._checks[one](known, {})],
            [one for one in ordered if not self._closed[one]],
        )
        if len(bucket.verdicts) >= _REMEMBERED:
            bucket.verdicts.clear()
        bucket.verdicts[held] = verdict
        return verdict

    def _anywhere(self, holds: Holds) -> Check:
        """Return a check for a word anywhere; the event's text is put together once, if at all."""

        def check(_held: Atoms, fields: Mapping[str, Scalar]) -> bool:
            if self._text is None:
                there = (str(value) for value in fields.values() if value is not None)
                self._text = "\n".join(there)
            return holds(self._text)

        return check

    def _bucket(self, event: Event) -> _Bucket:
        if event.kind is SourceKind.WINDOWS:
            channel = str(event.fields.get("Channel", "")).lower()
            key = (str(event.kind), channel, str(event.fields.get("EventID", "")))
        else:
            key = (str(event.kind), event.name, "")
        known = self._merged.get(key)
        if known is None:
            known = self._merged[key] = _Bucket()
            for end in (1, 2, 3):
                part = self._buckets.get(key[:end])
                if part is not None:
                    known.always += part.always
                    known.asked |= part.asked
                    for atom, numbers in part.anchored.items():
                        known.anchored.setdefault(atom, []).extend(numbers)
        return known

    def _add(self, number: int, rule: Rule) -> None:
        self._looks = False
        self._checks.append(self._compiled(rule.tree))
        self._closed.append(not self._looks)
        anchor = self._anchor(rule.tree)
        asked = {name: self._fields[name] for name in _names(rule.tree) if name in self._fields}
        for key in _keys(rule):
            bucket = self._buckets[key]
            bucket.asked |= asked
            if anchor is None:
                bucket.always.append(number)
            else:
                for atom in anchor:
                    bucket.anchored.setdefault(atom, []).append(number)

    def _compiled(self, tree: Tree) -> Check:
        if isinstance(tree, Comparison):
            return self._leaf(tree)
        parts = tuple(self._compiled(part) for part in tree.parts)
        if tree.operator == "not":
            only = parts[0]
            return lambda held, fields: not only(held, fields)
        if tree.operator == "and":
            return lambda held, fields: all(part(held, fields) for part in parts)
        return lambda held, fields: any(part(held, fields) for part in parts)

    def _leaf(self, leaf: Comparison) -> Check:
        value, name = leaf.value, leaf.field
        looked, self._looks = self._looks, True
        if name is None:
            return self._anywhere(_word(value))
        if isinstance(value, SigmaNull):
            return lambda _held, fields: fields.get(name) is None
        if isinstance(value, SigmaExists):
            wanted = bool(value.exists)
            return lambda _held, fields: (fields.get(name) is not None) is wanted
        if isinstance(value, SigmaFieldReference):
            return _same_as(name, value)
        if isinstance(value, SigmaString) and not value.s:
            return lambda _held, fields: fields.get(name) == ""
        self._looks = looked
        atom = self._atom(leaf)
        return lambda held, _fields: atom in held

    def _atom(self, leaf: Comparison) -> int:
        key = _identity(leaf)
        known = self._atoms.get(key)
        if known is None:
            known = self._atoms[key] = len(self._atoms)
            self._weights[known] = self._file(known, leaf)
        return known

    def _file(self, atom: int, leaf: Comparison) -> int:
        """Enter an atom where values are looked up, and return how selective it is."""
        value = leaf.value
        asked = self._fields[str(leaf.field)]
        if isinstance(value, SigmaString):
            literal, place, more = _literal(value)
            if place == "is" and more is None:
                asked.exact.setdefault(literal, []).append(atom)
                return len(literal) + 10
            if literal:
                asked.literals.setdefault(literal, []).append((atom, place, more))
                return len(literal)
            asked.checks.append((atom, more or (lambda _value: True)))
            return 0
        if isinstance(value, SigmaNumber | SigmaBool):
            asked.exact.setdefault(str(value).lower(), []).append(atom)
            return 1
        asked.checks.append((atom, _predicate(value)))
        return 1

    def _anchor(self, tree: Tree) -> frozenset[int] | None:
        """Return atoms one of which must hold for the tree to hold, None when there are none."""
        if isinstance(tree, Comparison):
            atom = self._atoms.get(_identity(tree))
            bound = tree.field in {"Channel", "EventID"}  # the bucket has these already
            return None if atom is None or bound else frozenset({atom})
        if tree.operator == "not":
            return None
        found = [self._anchor(part) for part in tree.parts]
        known = [one for one in found if one is not None]
        if tree.operator == "or":
            return frozenset().union(*known) if len(known) == len(found) else None
        return max(known, key=self._selectivity, default=None)

    def _selectivity(self, anchor: frozenset[int]) -> tuple[int, int]:
        weakest = min((self._weights[atom] for atom in anchor), default=0)
        return (min(weakest, 40), -len(anchor))


def _keys(rule: Rule) -> Iterable[tuple[str, ...]]:
    kind = str(rule.source.kind)
    if rule.source.kind is not SourceKind.WINDOWS:
        return [(kind, name) for name in rule.source.names] if rule.source.names else [(kind,)]
    found: set[tuple[str, ...]] = set()
    branches = rule.tree.parts if isinstance(rule.tree, Node) else (rule.tree,)
    whole = isinstance(rule.tree, Node) and rule.tree.operator == "or"
    for tree in branches if whole else (rule.tree,):
        channels = required(tree, "Channel") or required(rule.tree, "Channel") or frozenset()
        numbers = required(tree, "EventID")
        for channel in channels:
            if numbers is None:
                found.add((kind, channel))
            else:
                found |= {(kind, channel, number) for number in numbers}
    return found


def _names(tree: Tree) -> set[str]:
    """Return the fields that a tree asks for."""
    if isinstance(tree, Comparison):
        return {tree.field} if tree.field else set()
    return set().union(*(_names(part) for part in tree.parts))


def _identity(leaf: Comparison) -> tuple[object, ...]:
    value = leaf.value
    if isinstance(value, SigmaString):
        return (leaf.field, type(value).__name__, tuple(value.s))
    if isinstance(value, SigmaRegularExpression):
        return (leaf.field, "re", str(value.regexp), tuple(sorted(map(str, value.flags))))
    return (leaf.field, type(value).__name__, str(value))


def _literal(value: SigmaString) -> tuple[str, str, Holds | None]:
    """Return a literal that must occur, where, and a further check where that is not all."""
    parts = list(value.s)
    texts = [part for part in parts if isinstance(part, str)]
    cased = isinstance(value, SigmaCasedString)
    longest = max(texts, key=len, default="").lower()
    single = len(texts) == 1 and SpecialChars.WILDCARD_SINGLE not in parts
    place = _place(parts)
    if single and not cased:
        return longest, place, None
    if single and place == "is":
        place = "in"
    return longest, place if single else "in", _wildcards(parts, cased=cased)


def _place(parts: Sequence[object]) -> str:
    open_start, open_end = not isinstance(parts[0], str), not isinstance(parts[-1], str)
    if open_start and open_end:
        return "in"
    return "end" if open_start else "start" if open_end else "is"


def _wildcards(parts: Sequence[object], *, cased: bool) -> Holds:
    signs = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    pattern = "".join(
        re.escape(part) if isinstance(part, str) else signs[part]  # type: ignore[index]
        for part in parts
    )
    found = re.compile(pattern, re.DOTALL if cased else re.DOTALL | re.IGNORECASE)
    return lambda text: found.fullmatch(text) is not None


def _word(value: object) -> Holds:
    if isinstance(value, SigmaRegularExpression):
        return _predicate(value)
    if isinstance(value, SigmaString) and not all(isinstance(part, str) for part in value.s):
        anything = SpecialChars.WILDCARD_MULTI
        return _wildcards([anything, *value.s, anything], cased=isinstance(value, SigmaCasedString))
    parts = value.s if isinstance(value, SigmaString) else (value,)
    text = "".join(map(str, parts)).lower()
    return lambda held: text in held.lower()


def _predicate(value: object) -> Holds:
    if isinstance(value, SigmaRegularExpression):
        flags = 0
        for flag in value.flags:
            flags |= _FLAGS[flag]
        try:
            pattern = re.compile(str(value.regexp), flags)
        except re.error as error:
            raise NotImplementedError(f"the regular expression {value.regexp}: {error}") from error
        return lambda text: pattern.search(text) is not None
    if isinstance(value, SigmaCIDRExpression):
        network = value.network
        return lambda text: _inside(text, network)
    if isinstance(value, SigmaCompareExpression):
        number, compare = float(str(value.number)), _COMPARED[value.op]
        return lambda text: _is_number(text) and compare(float(text), number)
    raise NotImplementedError(f"values of the kind {type(value).__name__}")


def _inside(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _same_as(name: str, value: SigmaFieldReference) -> Check:
    other = value.field
    starts, ends = bool(value.starts_with), bool(value.ends_with)

    def check(_held: Atoms, fields: Mapping[str, Scalar]) -> bool:
        mine, its = fields.get(name), fields.get(other)
        if mine is None or its is None:
            return False
        left, right = str(mine).lower(), str(its).lower()
        if starts or ends:
            return (starts and left.startswith(right)) or (ends and left.endswith(right))
        return left == right

    return check
