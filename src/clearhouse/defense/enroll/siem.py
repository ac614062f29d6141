"""A SIEM as a tool: export the events for it, and read back the alerts that it raised.

Out: a file in the bulk format of OpenSearch and Elasticsearch, with the event's id as document id,
so that alerts can cite it. In: the SIEM's alerts as JSON lines or CSV, with a mapping of its field
names. Nothing is sent anywhere: the operator loads the file into a test index.
Source: OpenSearch and Elasticsearch bulk API; ECS 8 for the names of what is exported.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import TaskKind


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertFields:
    """What the SIEM calls things in its alerts."""

    kind: str = "rule.name"
    time: str = "@timestamp"
    events: str = "event.id"
    """One id, or several with commas."""
    techniques: str = "threat.technique.id"
    host: str = "host.name"
    score: str = "risk_score"


def export_bulk(
    events: Iterable[Event], path: Path, *, index: str, later: timedelta = timedelta()
) -> int:
    """Write events for a bulk load, moved in time by `later`, and return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            action = {"index": {"_index": index, "_id": event.uid}}
            document = {
                "@timestamp": (event.at + later).isoformat(),
                "event": {"id": event.uid, "code": event.name, "module": str(event.kind)},
                "host": {"name": event.host},
                "user": {"name": event.user},
                "original": dict(event.fields),
            }
            file.write(f"{json.dumps(action)}\n{json.dumps(document)}\n")
            count += 1
    return count


class SiemAlerts:
    """What a SIEM raised on the exported events."""

    tasks = frozenset({TaskKind.DETECT})

    def __init__(
        self, alerts: Path, *, name: str = "siem", version: str = "unknown",
        fields: AlertFields = AlertFields(), later: timedelta = timedelta(),
    ) -> None:  # fmt: skip
        """Take the file of alerts and how the export was moved in time."""
        self.name, self.version = name, version
        self._alerts, self._fields, self._later = alerts, fields, later

    def run(self, view: View, budget: Budget) -> Output:
        """Read the alerts; those that cite no event of the view are kept and will not match."""
        if not len(view.events):
            return Output()
        said = Said(budget=budget)
        for row in _rows(self._alerts):
            said.take_record(self._record(row))
        moved = tuple(
            type(one)(
                kind=one.kind, at=one.at - self._later, events=one.events,
                techniques=one.techniques, entities=one.entities, score=one.score,
            )
            for one in said.findings
        )  # fmt: skip
        return Output(findings=moved, usage=Usage(faults=tuple(said.faults)))

    def _record(self, row: Mapping[str, object]) -> dict[str, object]:
        names = self._fields
        score = row.get(names.score)
        return {
            "kind": row.get(names.kind),
            "time": row.get(names.time),
            "events": _several(row.get(names.events)),
            "techniques": _several(row.get(names.techniques)),
            "entities": _several(row.get(names.host)),
            "score": float(str(score)) if _number(score) else 0.0,
        }


def _rows(path: Path) -> Iterable[Mapping[str, object]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ToolFaultError(f"{path} cannot be read: {error}") from error
    if text.lstrip().startswith(("{", "[")):
        found = json.loads(text) if text.lstrip().startswith("[") else _each_line(text)
        return [_flat(one) for one in found if isinstance(one, dict)]
    return list(csv.DictReader(text.splitlines()))


def _each_line(text: str) -> list[object]:
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append({})  # becomes a fault: it names no kind
    return found


def _flat(record: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    inner = record.get("_source")
    found: dict[str, object] = {}
    for key, value in (inner if isinstance(inner, dict) else record).items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _several(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return [one.strip() for one in str(value).split(",") if one.strip()] if value else []


def _number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
