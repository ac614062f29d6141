"""Alerts that three real tools raised on eight networks: one pack for each network.

In: a copy of ait-aecid/alert-data-set (AIT-ADS): `alerts_csv/alerts_csv.zip`, and `attacktimes.py`,
which is read as text and never run. Out: packs whose events are the alerts of Wazuh, Suricata and
AMiner in four to six days of emulated work, and whose truth are the phases of one intrusion. What
the makers say of an alert, by its phase or by its log line, stands in the truth and never in the
event. The two labels disagree: most alerts of `dnsteal` lie before the phase of that name, which
marks the end of the exfiltration; they stay its events, and the audit says so.
Source: Landauer, Skopik, Wurzenberger 2024, "Introducing a New Alert Data Set for Multi-Step
Attack Analysis".
"""

import ast
import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clearhouse.defense.scenario.event import Event, SourceKind, make
from clearhouse.defense.scenario.pack import Pack, PackError, Scenario, write_pack
from clearhouse.defense.scenario.recipes.known import demand_known, provenance
from clearhouse.defense.scenario.recording import write
from clearhouse.defense.scenario.truth import Truth, TruthClass

_ALERTS, _TIMES = Path("alerts_csv/alerts_csv.zip"), Path("attacktimes.py")
_SUFFIX = "_alerts.txt"
_TOOLS = {"W": "Wazuh", "S": "Suricata", "A": "AMiner"}
_EARLY = "dnsteal"
_NEVER = frozenset({("wheeler", "cracking")})
"""Phases that have times and did not take place, as the makers' own analysis says."""
Phases = Mapping[str, tuple[datetime, datetime]]


@dataclass(kw_only=True, slots=True)
class _Labels:
    """Which alerts of one network are of which phase."""

    phases: Phases
    events: dict[str, list[str]] = field(default_factory=dict)

    def note(self, event: Event, label: str) -> None:
        """File an alert that its log line says is of the attack; a second may end two phases."""
        inside = [
            name
            for name, (start, end) in self.phases.items()
            if name != _EARLY and start <= event.at <= end
        ]
        for name in inside or ([_EARLY] if label == _EARLY else []):
            self.events.setdefault(name, []).append(event.uid)


def ait(folder: Path, into: Path, *, verified: bool = True) -> tuple[Pack, ...]:
    """Convert a copy of AIT-ADS into packs in `into`. Raises: PackError when it is none."""
    files = [folder / _ALERTS, folder / _TIMES]
    if not all(one.is_file() for one in files):
        raise PackError(f"{folder} has no {_ALERTS} and {_TIMES}; give the folder of the copy")
    if verified:
        demand_known(folder, files, "ait")
    phases = _phases((folder / _TIMES).read_text("utf-8"))
    with zipfile.ZipFile(folder / _ALERTS) as archive:
        return tuple(
            _network(archive, entry, phases, into, verified=verified)
            for entry in sorted(archive.namelist())
            if entry.endswith(_SUFFIX)
        )


def _network(
    archive: zipfile.ZipFile,
    entry: str,
    phases: Mapping[str, Phases],
    into: Path,
    *,
    verified: bool,
) -> Pack:
    name = Path(entry).name.removesuffix(_SUFFIX)
    if name not in phases:
        raise PackError(f"{_TIMES} has no phases of the network {name}")
    labels = _Labels(phases=phases[name])
    target = into / name
    target.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as file:
        write(_alerts(io.TextIOWrapper(file, "utf-8"), labels), target / "events")
    return write_pack(target, Scenario(
        id=f"ait-alerts-{name}", version="1", title=f"AIT alert data set, network {name}",
        licence="GPL-3.0 (repository); of the data see zenodo.org/record/8263181",
        provenance=provenance("github.com/ait-aecid/alert-data-set", verified=verified),
        environment="a small company's network with emulated users", benign=True,
        telemetry=(SourceKind.CSV,), attack_version="none", public_since="2023-08-18",
    ), _truths(name, labels))  # fmt: skip


def _phases(source: str) -> dict[str, dict[str, tuple[datetime, datetime]]]:
    """Read `phase = {network: {name: [start, end]}}`, each time a call with the time as text."""
    tables = (
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    table = next(tables, ast.Dict(keys=[], values=[]))
    return {
        network: {
            name: (times[0], times[1])
            for name, value in _entries(inner)
            if not name.startswith("false_positive")
            and (network, name) not in _NEVER
            and len(times := _times(value)) == 2
        }
        for network, inner in _entries(table)
    }


def _entries(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value), value


def _times(node: ast.expr) -> list[datetime]:
    texts = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return sorted(
        datetime.fromisoformat(one).replace(tzinfo=UTC)
        for one in texts
        if isinstance(one, str) and "%" not in one
    )


def _alerts(lines: io.TextIOWrapper, labels: _Labels) -> Iterator[Event]:
    for number, row in enumerate(csv.DictReader(lines), 1):
        event = make(
            SourceKind.CSV,
            datetime.fromtimestamp(int(row["time"]), UTC),
            row["short"],
            {
                "row": number,  # whole seconds make many alerts look alike
                "tool": _TOOLS.get(row["short"][:1], "unknown"),
                "description": row["name"],
                "ip": row["ip"],
            },
            host=row["host"],
            user=None,
        )
        if row["event_label"] != "-":
            labels.note(event, row["event_label"])
        yield event


def _truths(network: str, labels: _Labels) -> list[Truth]:
    return [
        Truth(
            id=f"{network}-{name}",
            attack=network,
            title=name.replace("_", " "),
            kind=TruthClass.MALICIOUS,
            start=start,
            end=end,
            events=tuple(labels.events.get(name, ())),
            visible_in=(SourceKind.CSV,),
            source="its makers: times of the attack script, labels of log lines",
        )
        for name, (start, end) in labels.phases.items()
    ]
