"""Windows recordings whose labels are per recording: one pack, one truth for each label.

- `otrf`: OTRF/Security-Datasets. Labels stand in `datasets/*/_metadata/*.yaml`, whose `Host` files
  are read where they are there; several are only in the repository's large-file store.
- `evtx-to-mitre`: mdecrevoisier/EVTX-to-MITRE-Attack. The folder's name says the technique.

Every event of a recording belongs to all its labels, since nobody said which are the attack: the
tier of place then means "something in this recording", and the audit says how little that is.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from clearhouse.defense.scenario.event import Event, SourceKind
from clearhouse.defense.scenario.pack import Pack, PackError, Scenario, write_pack
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.recording import write
from clearhouse.defense.scenario.truth import Truth, TruthClass

_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
_LINK = "/master/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """One recording and what its makers say it shows."""

    name: str
    files: tuple[Path, ...]
    techniques: tuple[str, ...]


def otrf(folder: Path, into: Path) -> Pack:
    """Convert a copy of OTRF/Security-Datasets. Raises: PackError when it is none."""
    found = list(_otrf(folder))
    return _converted(found, into, Scenario(
        id="otrf-security-datasets", version="1", title="OTRF Security-Datasets, host recordings",
        licence="MIT", provenance="github.com/OTRF/Security-Datasets", environment="laboratory",
        telemetry=(SourceKind.WINDOWS,), attack_version="8", public_since="2019-03-01",
        lab_names=("theshire", "mordor", "pgustavo", "wardog", "sbeavers"),
    ))  # fmt: skip


def _otrf(folder: Path) -> Iterator[Labelled]:
    for path in sorted(folder.glob("datasets/*/_metadata/*.yaml")):
        about = yaml.safe_load(path.read_text("utf-8"))
        files = tuple(
            folder / str(one["link"]).split(_LINK, 1)[-1]
            for one in about.get("files") or ()
            if str(one.get("type", "")).lower() == "host"
        )
        there = tuple(one for one in files if one.is_file())
        labels = tuple(
            f"{one['technique']}.{one['sub-technique']}" if one.get("sub-technique")
            else str(one["technique"])
            for one in about.get("attack_mappings") or ()
        )  # fmt: skip
        if there and labels:
            yield Labelled(name=path.stem, files=there, techniques=labels)


def evtx_to_mitre(folder: Path, into: Path) -> Pack:
    """Convert a copy of EVTX-to-MITRE-Attack. Raises: PackError when it is none."""
    found = [
        Labelled(
            name=str(path.relative_to(folder).with_suffix("")),
            files=(path,),
            techniques=(match.group(),),
        )
        for path in sorted(folder.rglob("*.evtx"))
        if (match := _TECHNIQUE.search(str(path.parent.relative_to(folder)))) is not None
    ]
    return _converted(found, into, Scenario(
        id="evtx-to-mitre-attack", version="1", title="EVTX to MITRE ATT&CK", licence="CC0-1.0",
        provenance="github.com/mdecrevoisier/EVTX-to-MITRE-Attack", environment="laboratory",
        telemetry=(SourceKind.WINDOWS,), attack_version="14", public_since="2020-11-01",
    ))  # fmt: skip


def _converted(found: Iterable[Labelled], into: Path, scenario: Scenario) -> Pack:
    truths: list[Truth] = []
    tally = Tally()
    seen: dict[str, int] = {}

    def events() -> Iterator[Event]:
        for one in found:
            uids: list[str] = []
            first: datetime | None = None
            last: datetime | None = None
            for event in read(one.files, tally):
                count = seen[event.uid] = seen.get(event.uid, 0) + 1
                uids.append(event.uid if count == 1 else f"{event.uid}~{count}")
                first = event.at if first is None else min(first, event.at)
                last = event.at if last is None else max(last, event.at)
                yield event
            if first is not None and last is not None:
                truths.extend(_truths(one, uids, first, last, scenario.attack_version))

    write(events(), into / "events")
    if not truths:
        raise PackError("no labelled recording was found; give the folder of the repository")
    return write_pack(into, scenario, truths)


def _truths(
    one: Labelled, uids: list[str], first: datetime, last: datetime, version: str
) -> list[Truth]:
    return [
        Truth(
            id=f"{one.name}-{number}",
            attack=one.name,
            title=one.name,
            kind=TruthClass.MALICIOUS,
            start=first,
            end=last,
            technique=technique,
            attack_version=version,
            events=tuple(uids),
            visible_in=(SourceKind.WINDOWS,),
            source="its makers, for the whole recording",
            confidence=0.5,
        )
        for number, technique in enumerate(one.techniques, 1)
    ]
