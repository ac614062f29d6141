"""Read a criterion from YAML.

In: text and the name of its file. Out: a `Criterion`. Refused with `CriterionError`: every mistake
at once, each with file, line, field and what to do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from clearhouse.criteria.define.catalogue import GATES
from clearhouse.criteria.define.record import (
    All,
    AnyOf,
    Benchmark,
    Clause,
    Criterion,
    CriterionError,
    Estimand,
    Fact,
    Kind,
    Metric,
    Not,
    Population,
    Sealed,
    Statistic,
    Value,
)
from clearhouse.formats.canonical import Json, digest

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEEPEST = 8
_TOP = {
    "id", "version", "title", "kind", "statement", "sources", "confidence", "expires_days",
    "sequential", "benchmarks", "rule", "gates", "waived",
}  # fmt: skip
Path = tuple[str | int, ...]
_Choice = TypeVar("_Choice", Kind, Population, Statistic)


def read_criterion(text: str, file: str = "the criterion") -> Criterion:
    """Read a criterion.

    Raises: CriterionError.
    """
    try:
        node, document = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise CriterionError(f"{file}{line}: not YAML; check indentation and colons") from error
    if not isinstance(document, dict) or node is None:
        raise CriterionError(f"{file}: holds no fields; start with id, version and title")
    form = _Form(file=file, node=node)
    criterion = form.criterion(document)
    if form.mistakes or criterion is None:
        raise CriterionError("\n".join(form.mistakes))
    return criterion


@dataclass(slots=True)
class _Form:
    """Reads fields and collects mistakes."""

    file: str
    node: yaml.Node
    mistakes: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def wrong(self, path: Path, what: str) -> None:
        """Note a mistake at a field."""
        name = ".".join(map(str, path))
        self.mistakes.append(f"{self.file}, line {_line(self.node, path)}, {name}: {what}")

    def criterion(self, document: Mapping[str, object]) -> Criterion | None:
        """Read the whole document."""
        for name in document.keys() - _TOP:
            self.wrong((name,), f"is unknown; use {', '.join(sorted(_TOP))}")
        benchmarks = self.benchmarks(document.get("benchmarks"))
        rule = self.clause(document.get("rule"), ("rule",), frozenset(benchmarks))
        kind = self.choice(document, ("kind",), Kind)
        confidence = self.number(document, ("confidence",), 0.5, 0.9999)
        criterion_id = self.text(document, ("id",))
        version = self.whole(document, ("version",), 1, 10_000)
        title, statement = self.text(document, ("title",)), self.text(document, ("statement",))
        expires = self.whole(document, ("expires_days",), 1, 3660)
        gates, waived = self.gates(document.get("gates")), self.waived(document.get("waived"))
        if kind is Kind.REFERENCE and "unclassified reference profile" not in statement.lower():
            self.wrong(("statement",), 'must say "unclassified reference profile"')
        if self.mistakes or rule is None or kind is None:
            return None
        return Criterion(
            id=criterion_id,
            version=version,
            title=title,
            kind=kind,
            statement=" ".join(statement.split()),
            sources=tuple(str(one) for one in _list(document.get("sources"))),
            confidence=confidence,
            expires_days=expires,
            rule=rule,
            sha256=digest(_plain(document)),
            sequential=document.get("sequential") is True,
            benchmarks=benchmarks,
            gates=gates,
            waived=waived,
        )

    def benchmarks(self, value: object) -> dict[str, Benchmark]:
        """Read the benchmarks."""
        found: dict[str, Benchmark] = {}
        for name, fields in self.mapping(value, ("benchmarks",)).items():
            path = ("benchmarks", name)
            inner = self.mapping(fields, path)
            self.known(
                inner, path, {"task", "version", "scorer", "items", "attempts", "dataset_sha256"}
            )
            sha = inner.get("dataset_sha256")
            if sha is not None and not _is_sha(sha):
                self.wrong((*path, "dataset_sha256"), "must be 64 hexadecimal digits, or left out")
            found[name] = Benchmark(
                id=name,
                task=self.text(inner, (*path, "task")),
                version=str(inner.get("version", "0")),
                scorer=self.text(inner, (*path, "scorer")),
                items=self.whole(inner, (*path, "items"), 1, 10_000_000),
                attempts=self.whole(inner, (*path, "attempts"), 1, 10_000)
                if "attempts" in inner
                else 1,
                dataset_sha256=str(sha) if sha is not None else None,
            )
        return found

    def clause(self, value: object, path: Path, benchmarks: frozenset[str]) -> Clause | None:
        """Read a clause and what is in it."""
        fields = self.mapping(value, path)
        kinds = [name for name in ("all", "any", "not", "metric", "fact") if name in fields]
        if len(kinds) != 1 or len(path) > 2 * _DEEPEST:
            self.wrong(path, "must be exactly one of all, any, not, metric, fact")
            return None
        kind = kinds[0]
        if kind == "metric":
            return self.metric(fields, path, benchmarks)
        if kind == "fact":
            return self.fact(fields, path)
        self.known(fields, path, {kind})
        if kind == "not":
            part = self.clause(fields["not"], (*path, "not"), benchmarks)
            return None if part is None else Not(part=part)
        inner = [
            self.clause(one, (*path, kind, place), benchmarks)
            for place, one in enumerate(_list(fields[kind]))
        ]
        parts = tuple(one for one in inner if one is not None)
        if not inner:
            self.wrong((*path, kind), "needs a list of at least one clause")
        return All(parts=parts) if kind == "all" else AnyOf(parts=parts)

    def metric(
        self, fields: Mapping[str, object], path: Path, benchmarks: frozenset[str]
    ) -> Metric | None:
        """Read a clause about a score."""
        self.known(fields, path, {"metric", "benchmark", "estimand", "above", "alert_above"})
        name, benchmark = self.own_id(fields, (*path, "metric")), fields.get("benchmark")
        if benchmark not in benchmarks:
            there = ", ".join(sorted(benchmarks)) or "the benchmarks, of which there are none"
            self.wrong((*path, "benchmark"), f"must be one of {there}")
        estimand = self.estimand(fields.get("estimand"), (*path, "estimand"))
        above = self.value(fields, (*path, "above"), estimand)
        alert = (
            self.value(fields, (*path, "alert_above"), estimand)
            if "alert_above" in fields
            else None
        )
        if isinstance(above, float) and isinstance(alert, float) and alert >= above:
            self.wrong((*path, "alert_above"), "must be lower than above")
        if estimand is None or above is None:
            return None
        return Metric(
            id=name, benchmark=str(benchmark), estimand=estimand, above=above, alert_above=alert
        )

    def estimand(self, value: object, path: Path) -> Estimand | None:
        """Read what is estimated."""
        fields = self.mapping(value, path)
        self.known(fields, path, {"population", "statistic", "k", "reliability"})
        population = self.choice(fields, (*path, "population"), Population)
        statistic = self.choice(fields, (*path, "statistic"), Statistic)
        if population is None or statistic is None:
            return None
        k = 1
        if statistic in {Statistic.PASS_K, Statistic.ALL_OF_K}:
            k = self.whole(fields, (*path, "k"), 2, 1000)
        reliability = None
        if statistic is Statistic.HORIZON:
            reliability = self.number(fields, (*path, "reliability"), 0.05, 0.99)
        return Estimand(population=population, statistic=statistic, k=k, reliability=reliability)

    def value(
        self, fields: Mapping[str, object], path: Path, estimand: Estimand | None
    ) -> Value | None:
        """Read a threshold, in the open or sealed."""
        held = fields.get(str(path[-1]))
        if isinstance(held, dict):
            self.known(held, path, {"sealed", "holder"})
            if not _is_sha(held.get("sealed")):
                self.wrong((*path, "sealed"), "must be the 64 hexadecimal digits of the commitment")
                return None
            return Sealed(sha256=str(held["sealed"]), holder=self.text(held, (*path, "holder")))
        minutes = estimand is not None and estimand.statistic is Statistic.HORIZON
        return self.number(fields, path, 0.0, 1e7 if minutes else 0.9999)

    def fact(self, fields: Mapping[str, object], path: Path) -> Fact | None:
        """Read a clause about a declared fact."""
        self.known(fields, path, {"fact", "above", "at_least", "is", "unit", "source"})
        name = self.own_id(fields, (*path, "fact"))
        ops = [op for op in ("above", "at_least", "is") if op in fields]
        if len(ops) != 1:
            self.wrong(path, "a fact needs exactly one of above, at_least, is")
            return None
        held = fields[ops[0]]
        value: float | bool | str | None = _number(held)
        if ops[0] == "is" and isinstance(held, bool | str):
            value = held
        if value is None:
            self.wrong((*path, ops[0]), "must be a number, such as 1.0e+25")
            return None
        return Fact(
            id=name,
            fact=name,
            op=ops[0],
            value=value,
            unit=str(fields["unit"]) if "unit" in fields else None,
            source=str(fields["source"]) if "source" in fields else None,
        )

    def gates(self, value: object) -> dict[str, Mapping[str, float | str]]:
        """Read the limits of gates that differ from the catalogue."""
        found: dict[str, Mapping[str, float | str]] = {}
        for name, limits in self.mapping(value, ("gates",)).items():
            if name not in GATES:
                self.wrong(("gates", name), f"is no gate; use {', '.join(GATES)}")
                continue
            inner = self.mapping(limits, ("gates", name))
            self.known(inner, ("gates", name), set(GATES[name].limits))
            found[name] = {
                limit: self.number(inner, ("gates", name, limit), 0, 1e9)
                for limit in inner.keys() & GATES[name].limits.keys()
            }
        return found

    def waived(self, value: object) -> dict[str, str]:
        """Read the gates that the criterion does without."""
        found = {}
        for name, reason in self.mapping(value, ("waived",)).items():
            if name not in GATES or GATES[name].protects == "validity":
                self.wrong(("waived", name), "cannot be waived")
            elif not isinstance(reason, str) or not reason.strip():
                self.wrong(("waived", name), "needs a reason")
            else:
                found[name] = " ".join(reason.split())
        return found

    def known(self, fields: Mapping[str, object], path: Path, names: set[str]) -> None:
        """Refuse fields that nobody reads."""
        for name in fields.keys() - names:
            self.wrong((*path, name), f"is unknown; use {', '.join(sorted(names))}")

    def mapping(self, value: object, path: Path) -> Mapping[str, object]:
        """Return fields; none when the value is absent."""
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            self.wrong(path, "must be a group of fields")
            return {}
        return value

    def own_id(self, fields: Mapping[str, object], path: Path) -> str:
        """Read an id that no other clause has."""
        name = self.text(fields, path)
        if name in self.ids:
            self.wrong(path, f"the id {name} is used twice")
        self.ids.add(name)
        return name

    def text(self, fields: Mapping[str, object], path: Path) -> str:
        """Read a text that must be there."""
        value = fields.get(str(path[-1]))
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(path, "needs a text")
        return ""

    def whole(self, fields: Mapping[str, object], path: Path, low: int, high: int) -> int:
        """Read a whole number that must be there."""
        value = fields.get(str(path[-1]))
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong(path, f"needs a whole number from {low} to {high}")
        return low

    def number(self, fields: Mapping[str, object], path: Path, low: float, high: float) -> float:
        """Read a number that must be there."""
        value = _number(fields.get(str(path[-1])))
        if value is not None and low <= value <= high:
            return value
        self.wrong(path, f"needs a number from {low:g} to {high:g}")
        return low

    def choice(
        self, fields: Mapping[str, object], path: Path, choices: type[_Choice]
    ) -> _Choice | None:
        """Read one of some words."""
        value = fields.get(str(path[-1]))
        for one in choices:
            if one == value:
                return one
        self.wrong(path, f"must be one of {', '.join(choices)}")
        return None


def _line(node: yaml.Node, path: Path) -> int:
    """Return the line of a field, or of the nearest thing around it that is there."""
    line = node.start_mark.line
    for step in path:
        inner: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, inner = key.start_mark.line, value
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value)
        ):
            inner = node.value[step]
            line = inner.start_mark.line
        if inner is None:
            break
        node = inner
    return line + 1


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    """Return a number, also of the spellings of powers of ten that YAML takes for text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not re.fullmatch(r"\d+(\.\d+)?[eE][+-]?\d{1,3}", value):
        return None
    return float(value) if isinstance(value, int | float | str) else None


def _is_sha(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _plain(value: object) -> Json:
    """Return YAML values as JSON, dates as text."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
