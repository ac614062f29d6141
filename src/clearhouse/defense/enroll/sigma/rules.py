"""Sigma rules: read, mapped to the logs they are about, and kept as trees of comparisons.

In: YAML files of rules. Out: `Rule`s whose Windows log sources became conditions on `Channel` and
`EventID` (by pySigma's own pipelines, once for Sysmon and once for the audit log) and whose other
sources became conditions on the kind of log. Set apart, with the reason: rules that do not parse,
and rules for logs that nothing here maps, because they would match any event.
Source: Sigma specification 2.0; pySigma's parser and Windows pipelines.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.pipelines.sysmon.sysmon import sysmon_pipeline
from sigma.pipelines.windows.windows import windows_audit_pipeline, windows_logsource_pipeline
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule
from sigma.types import SigmaExpansion, SigmaString

from clearhouse.defense.scenario.event import SourceKind

LEVELS = ("informational", "low", "medium", "high", "critical")
_SCORES = {name: place * 10.0 for place, name in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one value; `field` is None for a word anywhere in the event."""

    field: str | None
    value: object
    """As pySigma typed it."""


@dataclass(frozen=True, slots=True)
class Node:
    """AND, OR or NOT over others."""

    operator: str
    parts: tuple["Node | Comparison", ...]


Tree = Node | Comparison


@dataclass(frozen=True, slots=True)
class Source:
    """Which events a rule is about at all."""

    kind: SourceKind
    names: frozenset[str] | None = None
    """Names of events; None for all of the kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule, ready to be matched."""

    id: str
    title: str
    level: str
    techniques: tuple[str, ...]
    source: Source
    tree: Tree
    """With every mapping of the rule under one OR."""

    @property
    def score(self) -> float:
        """Return how urgent its level is."""
        return _SCORES.get(self.level, 20.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleSet:
    """Rules with what became of the others."""

    rules: tuple[Rule, ...]
    sha256: str
    """Over the files in the order of their names."""
    refused: tuple[str, ...]
    """Did not parse or convert, each with why."""
    unmapped: tuple[str, ...]
    """Rules for logs that are not mapped here, by title."""


_SOURCES = {
    ("zeek", "dns"): Source(SourceKind.ZEEK, frozenset({"dns"})),
    ("zeek", "http"): Source(SourceKind.ZEEK, frozenset({"http"})),
    ("zeek", "conn"): Source(SourceKind.ZEEK, frozenset({"conn"})),
    ("linux", "auditd"): Source(SourceKind.AUDITD),
    ("aws", "cloudtrail"): Source(SourceKind.CLOUDTRAIL),
    ("suricata", None): Source(SourceKind.SURICATA),
    ("suricata", "alert"): Source(SourceKind.SURICATA, frozenset({"alert"})),
    ("suricata", "http"): Source(SourceKind.SURICATA, frozenset({"http"})),
    ("suricata", "dns"): Source(SourceKind.SURICATA, frozenset({"dns"})),
}
"""Product and service of rules for logs that are not Windows'."""


def read_rules(paths: Iterable[Path]) -> RuleSet:
    """Read rule files and folders of them."""
    files = sorted(_files(paths))
    digest = hashlib.sha256()
    made: list[Rule] = []
    refused: list[str] = []
    unmapped: list[str] = []
    pipelines = _pipelines()
    for path in files:
        content = path.read_bytes()
        digest.update(hashlib.sha256(content).digest())
        try:
            made += _read_file(content, pipelines, unmapped)
        except (SigmaError, yaml.YAMLError, UnicodeDecodeError, NotImplementedError) as error:
            refused.append(f"{path.name}: {str(error)[:200]}")
    return RuleSet(
        rules=tuple(made),
        sha256=digest.hexdigest(),
        refused=tuple(refused),
        unmapped=tuple(unmapped),
    )


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (one for one in path.rglob("*.yml") if one.is_file())
        else:
            yield path


def _pipelines() -> tuple[ProcessingPipeline, ...]:
    channels = windows_logsource_pipeline()
    return (sysmon_pipeline() + channels, windows_audit_pipeline() + channels)


def _read_file(
    content: bytes, pipelines: Iterable[ProcessingPipeline], unmapped: list[str]
) -> list[Rule]:
    made = []
    for document in yaml.load_all(content.decode("utf-8"), yaml.CSafeLoader):
        if not isinstance(document, dict) or "detection" not in document:
            continue  # correlations join findings of rules; each rule is counted by itself here
        rule = SigmaRule.from_dict(document)
        one = (
            _windows(rule, document, pipelines)
            if rule.logsource.product == "windows"
            else _other(rule)
        )
        if one is None:
            unmapped.append(rule.title)
        else:
            made.append(one)
    return made


def _windows(
    rule: SigmaRule, document: dict[str, object], pipelines: Iterable[ProcessingPipeline]
) -> Rule | None:
    """Apply each mapping to a fresh copy, and keep those that bind the rule to a channel."""
    trees: list[Tree] = []
    for pipeline in pipelines:
        copy = SigmaRule.from_dict(document)
        pipeline.apply(copy)
        for tree in _trees(copy):
            if required(tree, "Channel") is not None and tree not in trees:
                trees.append(tree)
    return _rule(rule, Source(SourceKind.WINDOWS), trees) if trees else None


def _other(rule: SigmaRule) -> Rule | None:
    product, service = rule.logsource.product, rule.logsource.service
    source = _SOURCES.get((product or "", service))
    return None if source is None else _rule(rule, source, list(_trees(rule)))


def _rule(rule: SigmaRule, source: Source, trees: list[Tree]) -> Rule:
    names = [str(tag.name).upper() for tag in rule.tags if tag.namespace == "attack"]
    return Rule(
        id=str(rule.id),
        title=rule.title,
        level=str(rule.level).lower() if rule.level else "medium",
        techniques=tuple(name for name in names if name[:1] == "T" and name[1:5].isdigit()),
        source=source,
        tree=trees[0] if len(trees) == 1 else Node("or", tuple(trees)),
    )


def _trees(rule: SigmaRule) -> Iterator[Tree]:
    for condition in rule.detection.parsed_condition:
        yield _tree(condition.parsed)


def _tree(condition: object) -> Tree:
    if isinstance(condition, ConditionAND | ConditionOR):
        operator = "and" if isinstance(condition, ConditionAND) else "or"
        return Node(operator, tuple(_tree(one) for one in condition.args))
    if isinstance(condition, ConditionNOT):
        return Node("not", (_tree(condition.args[0]),))
    if isinstance(condition, ConditionFieldEqualsValueExpression):
        return _compared(condition.field, condition.value)
    if isinstance(condition, ConditionValueExpression):
        return _compared(None, condition.value)
    raise NotImplementedError(f"conditions of the kind {type(condition).__name__}")


def _compared(field: str | None, value: object) -> Tree:
    if isinstance(value, SigmaExpansion):  # several spellings of one value
        return Node("or", tuple(_compared(field, one) for one in value.values))
    if isinstance(value, SigmaString) and value.contains_placeholder():
        raise NotImplementedError("values that are filled in at the site")
    return Comparison(field, value)


def required(tree: Tree, field: str) -> frozenset[str] | None:
    """Return the values, one of which `field` must have for the tree to hold; None for any."""
    if isinstance(tree, Comparison):
        text = str(tree.value)
        plain = tree.field == field and "*" not in text and "?" not in text
        return frozenset({text.lower()}) if plain else None
    found = [required(part, field) for part in tree.parts]
    known = [one for one in found if one is not None]
    if tree.operator == "and" and known:
        return frozenset.intersection(*known)
    if tree.operator == "or" and len(known) == len(found):
        return frozenset.union(*known)
    return None
