"""Move an attack into another network: other names, other addresses, other times.

In: a pack, and what the other network is called. Out: a pack in which no name of the laboratory is
left, whose events lie at the wanted time among the other network's own events. Rewriting only the
fields of identity leaves four events in ten with a laboratory's name in some path or command, so
every text of every field is rewritten, and the leak check must count 0 or the pack is refused.
A tool that answers otherwise after that has remembered the recording, or is brittle.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from clearhouse.defense.enroll.record import Budget, Tool, View
from clearhouse.defense.exercise.detection import results
from clearhouse.defense.exercise.probe import Case, ProbeKind, ProbeResult, result
from clearhouse.defense.exercise.record import Tier
from clearhouse.defense.scenario.event import Event, make
from clearhouse.defense.scenario.pack import Pack, PackError, write_pack
from clearhouse.defense.scenario.recording import Recording, temporary, write
from clearhouse.defense.scenario.task import TaskKind
from clearhouse.defense.scenario.truth import Expected, Truth, TruthClass, steps

_FAR = timedelta(weeks=7)
_EVERYWHERE = frozenset({"", "www-data", "root", "system", "administrator", "nginx", "apache"})
_HOST = re.compile(r"^[a-z]+-\d+\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Which name becomes which; matched without case, the longest first."""

    rename: Mapping[str, str]
    later: timedelta = timedelta()

    def rewriter(self) -> Callable[[str], str]:
        """Return a function that rewrites a text."""
        if not self.rename:
            return lambda text: text
        known = {old.lower(): new for old, new in self.rename.items()}
        ordered = sorted(known, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, ordered)), re.IGNORECASE)
        return lambda text: pattern.sub(lambda found: known[found.group().lower()], text)


def rewrite(events: Iterable[Event], names: Names) -> Iterable[tuple[Event, Event]]:
    """Yield each event beside its rewritten self."""
    change = names.rewriter()
    for one in events:
        fields = {
            key: change(value) if isinstance(value, str) else value
            for key, value in one.fields.items()
        }
        fields |= _moved_times(one, names.later)
        yield (
            one,
            make(
                one.kind,
                one.at + names.later,
                one.name,
                fields,
                host=None if one.host is None else change(one.host),
                user=None if one.user is None else change(one.user),
            ),
        )


_TIME_FIELDS = ("@timestamp", "timestamp", "EventTime", "UtcTime", "eventTime", "TimeCreated")


def _moved_times(event: Event, later: timedelta) -> dict[str, str]:
    return {name: (event.at + later).isoformat() for name in _TIME_FIELDS if name in event.fields}


def leaks(events: Iterable[Event], lab_names: Sequence[str]) -> int:
    """Return how many events still name the laboratory."""
    wanted = [one.lower() for one in lab_names if one]
    return sum(
        any(
            name in str(value).lower()
            for value in chain(one.fields.values(), (one.host, one.user))
            for name in wanted
        )
        for one in events
    )


def transplant(pack: Pack, names: Names, folder: Path, *, among: Recording | None = None) -> Pack:
    """Write the pack's attacks under other names and times, among another network's events.

    Raises: PackError when a name of the laboratory is left.
    """
    wanted = {
        uid for one in pack.truths if one.kind is not TruthClass.LOOKALIKE for uid in one.events
    }
    attack = sorted(pack.events.get(wanted).values(), key=lambda one: one.at)
    moved = list(rewrite(attack, names))
    left = leaks((new for _, new in moved), pack.scenario.lab_names)
    if left:
        raise PackError(f"{left} events still name the laboratory; give every name a new one")
    uids = {str(old.uid): str(new.uid) for old, new in moved}
    write(chain((new for _, new in moved), among or ()), folder / "events")
    change = names.rewriter()
    truths = [
        _moved(one, names, uids, change)
        for one in pack.truths
        if one.kind is not TruthClass.LOOKALIKE
    ]
    scenario = replace(
        pack.scenario,
        id=f"{pack.scenario.id}-transplanted",
        provenance=f"{pack.name}, moved into another network",
        benign=among is not None,
        lab_names=(),
    )
    return write_pack(
        folder, scenario, truths, [_asked(one, uids) for one in pack.questions if _kept(one, uids)]
    )


def _kept(expected: Expected, uids: Mapping[str, str]) -> bool:
    """Keep hunts, and alerts on moved events; typed answers would name the old network."""
    if expected.task.kind is TaskKind.HUNT:
        return True
    return bool(expected.task.events) and set(expected.task.events) <= uids.keys()


def _asked(expected: Expected, uids: Mapping[str, str]) -> Expected:
    events = tuple(uids[uid] for uid in expected.task.events)
    return replace(expected, task=replace(expected.task, events=events), allowed=(), forbidden=())


def _moved(
    truth: Truth, names: Names, uids: Mapping[str, str], change: Callable[[str], str]
) -> Truth:
    return replace(
        truth,
        start=truth.start + names.later,
        end=truth.end + names.later,
        entities=tuple(map(change, truth.entities)),
        events=tuple(uids[uid] for uid in truth.events if uid in uids),
    )


def strangers(pack: Pack) -> Names:
    """Return names that are surely other ones, for asking whether a tool minds."""
    found = {name: f"zulu{place:02d}" for place, name in enumerate(pack.scenario.lab_names)}
    for one in steps(pack.truths):
        for entity in one.entities:
            if not _is_program_or_service(entity):
                name = entity.partition(".")[0] if _HOST.match(entity) else entity
                found.setdefault(name, f"unit{len(found):02d}")
    return Names(rename=found, later=_FAR)


def _is_program_or_service(entity: str) -> bool:
    """Programs, addresses and accounts of the system are called alike everywhere."""
    return "\\" in entity or entity[:1].isdigit() or entity.lower() in _EVERYWHERE


def invariance(tool: Tool, pack: Pack, budget: Budget) -> ProbeResult:
    """Ask whether each step is found alike before and after. Raises: ToolFaultError."""
    malicious = steps(pack.truths)
    names = strangers(pack)
    given = pack.events.get([uid for one in malicious for uid in one.events])
    pairs = list(rewrite(sorted(given.values(), key=lambda one: one.at), names))
    uids = {str(old.uid): str(new.uid) for old, new in pairs}
    change = names.rewriter()
    moved = [_moved(one, names, uids, change) for one in malicious]
    before = _places(tool, [old for old, _ in pairs], malicious, pack, budget)
    after = _places(tool, [new for _, new in pairs], moved, pack, budget)
    cases = [
        Case(id=one.id, group=one.attack or one.id, control_held=a, planted_held=b)
        for one, a, b in zip(malicious, before, after, strict=True)
    ]
    return result(tool.name, ProbeKind.TRANSPLANT, tuple(cases))


def _places(
    tool: Tool, events: Sequence[Event], truths: Sequence[Truth], pack: Pack, budget: Budget
) -> list[bool]:
    with temporary(events) as recording:
        output = tool.run(View(events=recording, history=pack.history or ()), budget)
    made = results(output.findings, truths, pack.scenario.telemetry)
    return [Tier.PLACE in one.reached for one in made]


def at_working_hours(pack: Pack, begin: datetime) -> timedelta:
    """Return by how much to move a pack so that its first attack begins at an instant."""
    first = min(one.start for one in steps(pack.truths))
    return begin - first
