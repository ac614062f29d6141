"""Take an operator's own logs as a baseline: what ordinary days look like there.

In: exports of 7 to 30 days, in any format that is read here. Out: a recording on this machine,
which techniques its logs can show at all, and a safety stop: what in it may be a real intrusion has
to be looked at before anything is measured on it. Nothing leaves the machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from clearhouse.defense.enroll.record import Budget, Tool, View
from clearhouse.defense.exercise.load import groups
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.pack import Pack
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.recording import Recording, write
from clearhouse.defense.scenario.truth import steps

SHORTEST, LONGEST = timedelta(days=7), timedelta(days=30)
_ALARMING = 30.0
"""Score of rules of the level high."""
_SHOWN = 20


class BaselineError(ValueError):
    """These logs cannot serve as a baseline; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspicion:
    """Something in the operator's own logs that may be a real intrusion."""

    at: datetime
    kind: str
    where: str
    events: tuple[str, ...]
    techniques: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """An operator's ordinary days."""

    folder: Path
    events: int
    first: datetime
    last: datetime
    kinds: tuple[SourceKind, ...]
    refused: int
    """Lines and records that could not be read."""
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    """What makes numbers on it weaker."""
    suspicions: tuple[Suspicion, ...]
    """Possible real intrusions; not empty means stop."""

    @property
    def recording(self) -> Recording:
        """The events."""
        return Recording(self.folder / "events")


def take(paths: Sequence[Path], folder: Path, watcher: Tool) -> Baseline:
    """Read logs into a baseline and look for what should stop everything.

    Raises: BaselineError when nothing was read, or when a baseline stands in the folder already.
    """
    if (folder / "events").exists():
        raise BaselineError(f"{folder} holds a baseline already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    recording = write(read(paths, tally), folder / "events")
    if not tally.events:
        said = "; ".join(tally.reasons[:3]) or "the folder is empty"
        raise BaselineError(f"no event could be read: {said}")
    first, last = recording.span()
    return Baseline(
        folder=folder,
        events=tally.events,
        first=first,
        last=last,
        kinds=recording.kinds(),
        refused=tally.refused,
        reasons=tuple(tally.reasons),
        warnings=_warnings(last - first, tally),
        suspicions=suspicions(recording, watcher),
    )


def _warnings(length: timedelta, tally: Tally) -> tuple[str, ...]:
    found = []
    days = length / timedelta(days=1)
    if length < SHORTEST:
        found.append(f"{days:.1f} days are few: a week shows what only happens on some days")
    if length > LONGEST:
        found.append(f"{days:.0f} days: either much was kept, or a clock was far off")
    if tally.refused > tally.events * 0.05:
        found.append(f"{tally.refused} records could not be read; see the reasons")
    return tuple(found)


def suspicions(recording: Recording, watcher: Tool) -> tuple[Suspicion, ...]:
    """Return what a watcher holds for urgent in these logs. Raises: ToolFaultError."""
    output = watcher.run(View(events=recording), Budget(seconds=3600))
    urgent = [one for one in groups(output.findings) if one.score >= _ALARMING]
    urgent.sort(key=lambda one: (-one.score, one.first))
    return tuple(
        Suspicion(
            at=one.first,
            kind=one.kind,
            where=next((name for found in one.findings for name in found.entities), ""),
            events=tuple(uid for found in one.findings for uid in found.events)[:_SHOWN],
            techniques=tuple(sorted({name for found in one.findings for name in found.techniques})),
        )
        for one in urgent[:_SHOWN]
    )


def coverage(kinds: Sequence[SourceKind], pack: Pack) -> Mapping[str, bool]:
    """Return for each technique of a pack whether logs of these kinds can show it at all."""
    found: dict[str, bool] = {}
    for one in steps(pack.truths):
        if one.technique:
            seen = not one.visible_in or not set(one.visible_in).isdisjoint(kinds)
            found[one.technique] = found.get(one.technique, False) or seen
    return dict(sorted(found.items()))
