"""SSVC decision points and decision tables as data.

In: the text of a table, either in the compact YAML form of this project or in the official JSON
form of SSVC's decision tables 2.0.0. Out: a `DecisionTable` that answers with one outcome for one
value of every decision point, that can say which outcomes stay possible while some points are
open, and that writes a selection list 2.0.0 of what was chosen. Refused with `SsvcError`, all
faults at once: a table with a combination missing or stated twice, with a key that no decision
point has, or that falls where it says that it only rises.

The compact form writes a table as people print it: the last `across` decision points run across,
the others run down, one line each, values and outcomes by their short keys.

Source: CERT/CC, SSVC, schemas DecisionTable 2.0.0 and SelectionList 2.0.0.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import yaml

SCHEMA_VERSION: Final = "2.0.0"

_Fields = Mapping[str, object]
_Row = tuple[tuple[str, ...], str]


class SsvcError(ValueError):
    """A table or an input breaks the rules of SSVC; `faults` has every reason found."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionPoint:
    """One question with its possible answers, lowest first."""

    namespace: str
    key: str
    version: str
    name: str
    values: tuple[tuple[str, str], ...]
    """Short key and name of each value, in the order of the definition."""

    @property
    def id(self) -> str:
        """The global name, for example `ssvc:E:1.1.0`."""
        return f"{self.namespace}:{self.key}:{self.version}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The short keys, lowest first."""
        return tuple(key for key, _ in self.values)

    def name_of(self, key: str) -> str:
        """Return the name of a value. Raises: `KeyError` for a key that is not here."""
        return dict(self.values)[key]


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionTable:
    """A total function from decision points to one outcome."""

    namespace: str
    key: str
    version: str
    name: str
    source: str
    points: tuple[DecisionPoint, ...]
    outcome: DecisionPoint
    rises: bool
    """Whether a higher value of any decision point never gives a lower outcome."""
    rows: Mapping[tuple[str, ...], str]

    @property
    def id(self) -> str:
        """The global name, for example `ssvc:DT_COORD_TRIAGE:1.0.0`."""
        return f"{self.namespace}:{self.key}:{self.version}"

    def decide(self, chosen: Mapping[str, str]) -> str:
        """Return the key of the outcome for one value key per decision point id.

        Raises: `SsvcError` naming every point that lacks a value, has none such, or is unknown.
        """
        faults = self._faults_of({point: (value,) for point, value in chosen.items()})
        if faults:
            raise SsvcError(faults)
        return self.rows[tuple(chosen[point.id] for point in self.points)]

    def possible(self, chosen: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """Return the keys of every outcome that stays possible, lowest first.

        A decision point that is absent is open: all its values are possible.
        """
        full = {point.id: chosen.get(point.id, point.keys) for point in self.points}
        faults = self._faults_of({**chosen, **full})
        if faults:
            raise SsvcError(faults)
        combinations = itertools.product(*(full[point.id] for point in self.points))
        found = {self.rows[combination] for combination in combinations}
        return tuple(key for key in self.outcome.keys if key in found)

    def _faults_of(self, chosen: Mapping[str, tuple[str, ...]]) -> list[str]:
        points = {point.id: point for point in self.points}
        faults = [f"{id_} has no value" for id_ in points if not chosen.get(id_)]
        faults += [f"{self.id} has no decision point {id_}" for id_ in chosen if id_ not in points]
        return faults + [
            f"{id_} has no value {value}"
            for id_, values in chosen.items()
            for value in values
            if id_ in points and value not in points[id_].keys
        ]


def read_table(text: str) -> DecisionTable:
    """Return the table that a text in either form holds, checked.

    Raises: `SsvcError` with every fault.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SsvcError(["document is neither YAML nor JSON"]) from error
    if not isinstance(document, dict):
        raise SsvcError(["document is not a mapping"])
    return table_of(document)


def table_of(document: Mapping[str, object]) -> DecisionTable:
    """Return the table that a parsed document in either form holds, checked.

    Raises: `SsvcError` with every fault.
    """
    try:
        table, rows = _official(document) if "mapping" in document else _compact(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SsvcError([f"document has not the shape of a decision table ({error})"]) from error
    faults = [*_faults(table, rows)]
    if faults:
        raise SsvcError(faults)
    return table


def selection_list(
    table: DecisionTable,
    chosen: Mapping[str, tuple[str, ...]],
    *,
    outcome: tuple[str, ...],
    at: datetime,
    targets: tuple[str, ...] = (),
) -> dict[str, object]:
    """Return a selection list 2.0.0: what was chosen and what came out, at an instant in UTC."""
    answered = [(point, chosen.get(point.id, point.keys)) for point in table.points]
    body: dict[str, object] = {
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "schemaVersion": SCHEMA_VERSION,
        "selections": [_selection(*pair) for pair in [*answered, (table.outcome, outcome)]],
    }
    return {**body, "target_ids": list(dict.fromkeys(targets))} if targets else body


def _selection(point: DecisionPoint, values: tuple[str, ...]) -> dict[str, object]:
    return {
        "namespace": point.namespace,
        "key": point.key,
        "version": point.version,
        "name": point.name,
        "values": [{"key": key, "name": point.name_of(key)} for key in values],
    }


def _faults(table: DecisionTable, rows: list[_Row]) -> Iterator[str]:
    """Check that every combination has exactly one outcome and that a rising table rises."""
    stated = Counter(combination for combination, _ in rows)
    expected = dict.fromkeys(itertools.product(*(point.keys for point in table.points)))
    for combination in expected:
        if stated[combination] != 1:
            yield f"row {' '.join(combination)} is stated {stated[combination]} times"
    for combination, outcome in rows:
        if combination not in expected:
            yield f"row {' '.join(combination)} has a key that no decision point has"
        if outcome not in table.outcome.keys:
            yield f"row {' '.join(combination)} ends in {outcome}, which is no outcome"
    if table.rises:
        yield from falls(table)


def falls(table: DecisionTable) -> Iterator[str]:
    """Name every single step up of one decision point that lowers the outcome."""
    rank = {key: place for place, key in enumerate(table.outcome.keys)}
    for combination, outcome in table.rows.items():
        for place, point in enumerate(table.points):
            higher = _one_higher(combination, place, point)
            above = table.rows.get(higher) if higher else None
            if above in rank and outcome in rank and rank[above] < rank[outcome]:
                row = " ".join(combination)
                yield f"row {row} falls from {outcome} to {above} as {point.key} rises"


def _one_higher(
    combination: tuple[str, ...], place: int, point: DecisionPoint
) -> tuple[str, ...] | None:
    keys = point.keys
    if combination[place] not in keys[:-1]:
        return None
    higher = keys[keys.index(combination[place]) + 1]
    return (*combination[:place], higher, *combination[place + 1 :])


def _compact(document: _Fields) -> tuple[DecisionTable, list[_Row]]:
    points = tuple(_compact_point(item) for item in cast("list[_Fields]", document["points"]))
    across = points[len(points) - int(str(document["across"])) :]
    columns = list(itertools.product(*(point.keys for point in across)))
    rows = [row for line in cast("list[str]", document["rows"]) for row in _line(line, columns)]
    namespace, _, key = str(document["id"]).partition(":")
    outcome = _compact_point(cast("_Fields", document["outcome"]))
    return _table({**document, "namespace": namespace, "key": key}, points, outcome, rows), rows


def _line(line: str, columns: list[tuple[str, ...]]) -> Iterator[_Row]:
    left, _, right = line.partition("|")
    down, outcomes = tuple(left.split()), right.split()
    if len(outcomes) != len(columns):
        raise ValueError(
            f"line {left.strip()} has {len(outcomes)} outcomes for {len(columns)} columns"
        )
    for column, outcome in zip(columns, outcomes, strict=True):
        yield (*down, *column), outcome


def _compact_point(fields: _Fields) -> DecisionPoint:
    namespace, key, version = str(fields["id"]).split(":")
    values = cast("Mapping[object, object]", fields["values"])
    return DecisionPoint(
        namespace=namespace,
        key=key,
        version=version,
        name=str(fields["name"]),
        values=tuple((str(short), str(name)) for short, name in values.items()),
    )


def _official(document: _Fields) -> tuple[DecisionTable, list[_Row]]:
    named = cast("Mapping[str, _Fields]", document["decision_points"])
    points = {id_: _official_point(fields) for id_, fields in named.items()}
    last = str(document["outcome"])
    inputs = tuple(point for id_, point in points.items() if id_ != last)
    mapping = cast("list[Mapping[str, str]]", document["mapping"])
    rows = [(tuple(row[point.id] for point in inputs), row[last]) for row in mapping]
    return _table(document, inputs, points[last], rows), rows


def _official_point(fields: _Fields) -> DecisionPoint:
    values = cast("list[Mapping[str, str]]", fields["values"])
    return DecisionPoint(
        namespace=str(fields["namespace"]),
        key=str(fields["key"]),
        version=str(fields["version"]),
        name=str(fields["name"]),
        values=tuple((value["key"], value["name"]) for value in values),
    )


def _table(
    document: _Fields, points: tuple[DecisionPoint, ...], outcome: DecisionPoint, rows: list[_Row]
) -> DecisionTable:
    return DecisionTable(
        namespace=str(document["namespace"]),
        key=str(document["key"]),
        version=str(document["version"]),
        name=str(document["name"]),
        source=str(document.get("source", document.get("definition", ""))),
        points=points,
        outcome=outcome,
        rises=document.get("rises") is True,
        rows=dict(rows),
    )
