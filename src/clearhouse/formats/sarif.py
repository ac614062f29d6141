"""Resolve the results of a SARIF log: rules, artifacts, messages and places looked up.

In comes a parsed log; out come its failing results with every index followed. Refused: nothing; an
index that leads nowhere, or a field of another type than the standard says, counts as absent.

Source: SARIF 2.1.0 §3.11 (message), §3.14 (run), §3.27 (result), §3.28 to §3.33 (locations),
§3.49 (reportingDescriptor), §3.52 (reportingDescriptorReference).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from clearhouse.formats.identifiers import cwe_ids
from clearhouse.formats.strict_json import Json

Object = Mapping[str, Json]
_Entry = TypeVar("_Entry")
MAX_LOCATIONS: Final = 64
MAX_STEPS: Final = 40
_EMPTY: Final[Object] = {}
_PLACEHOLDER: Final = re.compile(r"\{(\d{1,3})\}")
_FAILING: Final = frozenset({"fail", "open", "review"})
CONSUMED: Final = frozenset(
    """ruleId ruleIndex rule kind level message locations codeFlows taxa fingerprints
    partialFingerprints fixes baselineState suppressions""".split()  # noqa: SIM905 - one word a field
)
"""The fields of a result that `results` puts into a `SarifResult`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SarifLocation:
    """One place, resolved."""

    file: str | None = None
    function: str | None = None
    line: int | None = None
    snippet: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SarifResult:
    """One failing result."""

    place: str
    """JSON pointer of the result."""
    run: int
    rule_id: str | None
    title: str | None
    """The rule's short description or name."""
    message: str | None
    explanation: str | None
    """The rule's full description."""
    level: str
    locations: tuple[SarifLocation, ...]
    steps: tuple[str, ...]
    """The first code flow, in words."""
    cwes: tuple[str, ...]
    fingerprints: tuple[tuple[str, str], ...]
    security_severity: str | None
    """A number from 0.0 to 10.0 as the rule states it."""
    fixes: tuple[Object, ...]
    source: Object
    """The result as it stands in the log."""


Skipped = Literal["not a failure", "suppressed", "absent"]


def results(log: Object) -> Iterator[SarifResult | Skipped]:
    """Resolve every result, in order; one that reports no flaw yields why."""
    for index, run in enumerate(_objects(log.get("runs"))):
        rules = _Rules(run)
        for number, result in enumerate(_list(run.get("results"))):
            if not isinstance(result, dict):
                continue
            skipped = _skipped(result)
            place = f"/runs/{index}/results/{number}"
            yield skipped or _result(result, run, rules, place, index)


def _skipped(result: Object) -> Skipped | None:
    if (_text(result.get("kind")) or "fail") not in _FAILING:
        return "not a failure"
    if any(
        _text(one.get("status")) in {None, "accepted"}
        for one in _objects(result.get("suppressions"))
    ):
        return "suppressed"
    return "absent" if result.get("baselineState") == "absent" else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What a rule says of all its results."""

    title: str | None
    explanation: str | None
    level: str
    security_severity: str | None


class _Rules:
    """The rules of one run, by index and by id."""

    def __init__(self, run: Object) -> None:
        tool = _object(run.get("tool"))
        self._driver = _objects(_object(tool.get("driver")).get("rules"))
        self._extensions = [
            _objects(extension.get("rules")) for extension in _objects(tool.get("extensions"))
        ]
        every = [*self._driver, *(rule for rules in self._extensions for rule in rules)]
        self._by_id = {str(rule.get("id")): rule for rule in reversed(every)}
        self._said: dict[int, _Said] = {}

    def said(self, rule: Object) -> _Said:
        """Return what a rule says; many results share one rule."""
        known = self._said.get(id(rule))
        if known is None:
            severity = _object(rule.get("properties")).get("security-severity")
            known = self._said[id(rule)] = _Said(
                title=_message(_object(rule.get("shortDescription")), rule)
                or _text(rule.get("name")),
                explanation=_message(_object(rule.get("fullDescription")), rule),
                level=_default_level(rule),
                security_severity=str(severity)
                if isinstance(severity, str | float | int)
                else None,
            )
        return known

    def of(self, result: Object) -> Object:
        """Follow a result's reference to its rule."""
        reference = _object(result.get("rule"))
        component = _index(_object(reference.get("toolComponent")).get("index"))
        listed = self._driver if component is None else _at(self._extensions, component)
        number = _index(result.get("ruleIndex"))
        number = _index(reference.get("index")) if number is None else number
        if listed and number is not None and number < len(listed):
            return listed[number]
        rule_id = str(result.get("ruleId") or reference.get("id"))
        # A result may name a sub-rule, `CA1000/1`, of a rule `CA1000` (§3.27.5).
        return self._by_id.get(rule_id) or self._by_id.get(rule_id.rpartition("/")[0]) or _EMPTY


def _result(result: Object, run: Object, rules: _Rules, place: str, index: int) -> SarifResult:
    rule = rules.of(result)
    said = rules.said(rule)
    places = [_location(one, run) for one in _objects(result.get("locations"))[:MAX_LOCATIONS]]
    return SarifResult(
        place=place,
        run=index,
        rule_id=_text(result.get("ruleId")) or _text(rule.get("id")),
        title=said.title,
        message=_message(_object(result.get("message")), rule),
        explanation=said.explanation,
        level=_text(result.get("level")) or said.level,
        locations=tuple(one for one in places if one.file or one.function),
        steps=tuple(_steps(result, run)),
        cwes=_weaknesses(result, rule),
        fingerprints=_fingerprints(result),
        security_severity=said.security_severity,
        fixes=tuple(_objects(result.get("fixes"))),
        source=result,
    )


def _default_level(rule: Object) -> str:
    configuration = _object(rule.get("defaultConfiguration"))
    return _text(configuration.get("level")) or "warning"


def _message(message: Object, rule: Object) -> str | None:
    """Look a message up and put its arguments in. Source: §3.11.5, §3.11.7."""
    text = _text(message.get("text")) or _text(message.get("markdown"))
    if text is None and isinstance(identity := message.get("id"), str):
        strings = _object(rule.get("messageStrings"))
        text = _text(_object(strings.get(identity)).get("text"))
    arguments = _list(message.get("arguments"))

    def argument(found: re.Match[str]) -> str:
        number = int(found.group(1))
        return str(arguments[number]) if number < len(arguments) else found.group()

    return _PLACEHOLDER.sub(argument, text) if text and arguments else text


def _location(location: Object, run: Object) -> SarifLocation:
    physical = _object(location.get("physicalLocation"))
    region = _object(physical.get("region"))
    line = _index(region.get("startLine"))
    return SarifLocation(
        file=_uri(_object(physical.get("artifactLocation")), run),
        function=_function(location, run),
        line=line or None,
        snippet=_text(_object(region.get("snippet")).get("text")),
    )


def _uri(artifact: Object, run: Object) -> str | None:
    uri = _text(artifact.get("uri"))
    if uri is None:
        known = _at(_objects(run.get("artifacts")), _index(artifact.get("index")))
        uri = _text(_object((known or _EMPTY).get("location")).get("uri"))
    if uri is None:
        return None
    try:
        path = urlsplit(uri).path if uri.startswith("file:") else uri
    except ValueError:
        path = uri
    return unquote(path).replace("\\", "/") or None


def _function(location: Object, run: Object) -> str | None:
    for one in _objects(location.get("logicalLocations")):
        named = _at(_objects(run.get("logicalLocations")), _index(one.get("index"))) or _EMPTY
        for source in (one, named):
            name = _text(source.get("fullyQualifiedName")) or _text(source.get("name"))
            if name is not None:
                return name
    return None


def _steps(result: Object, run: Object) -> Iterator[str]:
    """Tell the first thread flow of the first code flow step by step."""
    for flow in _objects(result.get("codeFlows"))[:1]:
        for thread in _objects(flow.get("threadFlows"))[:1]:
            for step in _objects(thread.get("locations"))[:MAX_STEPS]:
                location = _object(step.get("location"))
                place = _location(location, run)
                said = _message(_object(location.get("message")), _EMPTY)
                where = ":".join(str(part) for part in (place.file, place.line) if part)
                if told := " ".join(part for part in (where, said or place.function) if part):
                    yield told


def _weaknesses(result: Object, rule: Object) -> tuple[str, ...]:
    """Collect weakness ids from taxa, relationships and tags. Source: §3.27.8, §3.49.15."""
    properties = [_object(one.get("properties")) for one in (result, rule)]
    stated = [str(result.get("ruleId"))]
    stated += [str(tag) for one in properties for tag in _list(one.get("tags"))]
    stated += [str(one.get("cwe")) for one in properties]
    targets = [_object(one.get("target")) for one in _objects(rule.get("relationships"))]
    for taxon in (*_objects(result.get("taxa")), *targets):
        if _text(_object(taxon.get("toolComponent")).get("name")) in {"CWE", "cwe"}:
            stated.append(f"CWE-{str(taxon.get('id')).upper().removeprefix('CWE-')}")
    return tuple(dict.fromkeys(cwe for text in stated for cwe in cwe_ids(text)))


def _fingerprints(result: Object) -> tuple[tuple[str, str], ...]:
    """Return the fingerprints, the full ones before the partial ones. Source: §3.27.16."""
    for name in ("fingerprints", "partialFingerprints"):
        found = [(k, v) for k, v in _object(result.get(name)).items() if isinstance(v, str) and v]
        if found:
            return tuple(sorted(found))
    return ()


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else _EMPTY


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _objects(value: Json) -> list[Object]:
    return [entry if isinstance(entry, dict) else _EMPTY for entry in _list(value)]


def _text(value: Json) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


def _index(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _at(listed: Sequence[_Entry], index: int | None) -> _Entry | None:
    return listed[index] if index is not None and index < len(listed) else None
