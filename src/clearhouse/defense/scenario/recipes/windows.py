"""Windows recordings whose labels are per recording: one pack, one truth for each label.

- `otrf`: OTRF/Security-Datasets. Labels stand in `datasets/*/_metadata/*.yaml`, for each of the
  `Host` files that are there; several are only in the repository's large-file store. A technique
  that was recorded in several variants is several recordings. Host files without labels are kept
  as `unknown`: they are attacks, and nobody said which.
- `evtx-to-mitre`: mdecrevoisier/EVTX-to-MITRE-Attack. The folder's name says the technique.

Every event of a recording belongs to all its labels, since nobody said which are the attack: the
tier of place then means "something in this recording", and the audit says how little that is.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from clearhouse.defense.scenario.event import Event, SourceKind
from clearhouse.defense.scenario.pack import Pack, PackError, Scenario, write_pack
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.recipes.known import demand_known, provenance
from clearhouse.defense.scenario.recording import numbered, write
from clearhouse.defense.scenario.truth import Truth, TruthClass

_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
_LINK = "/master/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """One recording and what its makers say it shows."""

    name: str
    files: tuple[Path, ...]
    techniques: tuple[str, ...]


def otrf(folder: Path, into: Path, *, verified: bool = True) -> Pack:
    """Convert a copy of OTRF/Security-Datasets. Raises: PackError when it is none, or another."""
    labelled = list(_otrf(folder))
    named = {path for one in labelled for path in one.files}
    found = [*labelled, *_unlabelled(folder, named)]
    if verified:
        found = _known(folder, found, "otrf")
    return _converted(found, into, Scenario(
        id="otrf-security-datasets", version="2", title="OTRF Security-Datasets, host recordings",
        licence="MIT", environment="laboratory",
        provenance=provenance("github.com/OTRF/Security-Datasets", verified=verified),
        telemetry=(SourceKind.WINDOWS,), attack_version="8",
        public_since="2019-03-01",
        lab_names=("theshire", "mordor", "pgustavo", "wardog", "sbeavers"),
    ))  # fmt: skip


def _otrf(folder: Path) -> Iterator[Labelled]:
    there = {str(path.relative_to(folder)).lower(): path for path in folder.glob("datasets/**/*")}
    for about in sorted(folder.glob("datasets/*/_metadata/*.yaml")):
        content = yaml.safe_load(about.read_text("utf-8"))
        labels = tuple(
            f"{one['technique']}.{one['sub-technique']}" if one.get("sub-technique")
            else str(one["technique"])
            for one in content.get("attack_mappings") or ()
        )  # fmt: skip
        for one in content.get("files") or ():
            path = there.get(str(one["link"]).split(_LINK, 1)[-1].lower())  # links differ in case
            host = str(one.get("type", "")).lower() == "host"
            if path is None or path.parent.name == "network" or not (host and labels):
                continue
            if "Windows" in content.get("platform", ()):
                name = f"{about.stem}/{path.stem}"
                yield Labelled(name=name, files=(path,), techniques=labels)


def _unlabelled(folder: Path, named: Collection[Path]) -> Iterator[Labelled]:
    for path in sorted(folder.glob("datasets/atomic/windows/*/host/*")):
        if path not in named and path.suffix in {".zip", ".gz"}:
            yield Labelled(name=f"unlabelled/{path.stem}", files=(path,), techniques=())


def evtx_to_mitre(folder: Path, into: Path, *, verified: bool = True) -> Pack:
    """Convert a copy of EVTX-to-MITRE-Attack. Raises: PackError when it is none, or another."""
    found = [
        Labelled(
            name=str(path.relative_to(folder).with_suffix("")),
            files=(path,),
            techniques=(match.group(),),
        )
        for path in sorted(folder.rglob("*.evtx"))
        if (match := _TECHNIQUE.search(str(path.parent.relative_to(folder)))) is not None
    ]
    if verified:
        found = _known(folder, found, "evtx-to-mitre")
    source = "github.com/mdecrevoisier/EVTX-to-MITRE-Attack"
    return _converted(found, into, Scenario(
        id="evtx-to-mitre-attack", version="1", title="EVTX to MITRE ATT&CK", licence="CC0-1.0",
        provenance=provenance(source, verified=verified), environment="laboratory",
        telemetry=(SourceKind.WINDOWS,), attack_version="14", public_since="2020-11-01",
    ))  # fmt: skip


def _known(folder: Path, found: Iterable[Labelled], recipe: str) -> list[Labelled]:
    """Keep the recordings whose files the recipe knows. Raises: PackError when one differs."""
    every = list(found)
    kept = demand_known(folder, [path for one in every for path in one.files], recipe)
    return [one for one in every if kept.issuperset(one.files)]


def _converted(found: Iterable[Labelled], into: Path, scenario: Scenario) -> Pack:
    truths: list[Truth] = []
    tally = Tally()
    seen: Counter[str] = Counter()

    def events() -> Iterator[Event]:
        for one in found:
            uids: list[str] = []
            first: datetime | None = None
            last: datetime | None = None
            for event in read(one.files, tally):
                seen[event.uid] += 1
                uids.append(numbered(event.uid, seen[event.uid]))
                first = event.at if first is None else min(first, event.at)
                last = event.at if last is None else max(last, event.at)
                yield event
            if first is not None and last is not None:
                truths.extend(_truths(one, uids, first, last, scenario.attack_version))

    into.mkdir(parents=True, exist_ok=True)
    write(events(), into / "events")
    if not truths:
        raise PackError(
            "no labelled recording was found; give the folder of the repository, or say"
            " --unverified for recordings that the recipe does not know"
        )
    return write_pack(into, scenario, truths)


def _truths(
    one: Labelled, uids: list[str], first: datetime, last: datetime, version: str
) -> list[Truth]:
    return [
        Truth(
            id=f"{one.name}-{number}",
            attack=one.name,
            title=one.name,
            kind=TruthClass.UNKNOWN if technique is None else TruthClass.MALICIOUS,
            start=first,
            end=last,
            technique=technique,
            attack_version=version,
            events=tuple(uids),
            visible_in=(SourceKind.WINDOWS,),
            source="its makers, for the whole recording",
            confidence=0.5,
        )
        for number, technique in enumerate(one.techniques or (None,), 1)
    ]
