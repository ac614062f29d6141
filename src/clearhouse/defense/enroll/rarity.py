"""The second baseline: what is rare is reported first, and nothing else is known.

In: a quiet history and the events. Each event has a type: what happened, by which program, where
to. Alerts are hourly groups of a type on a host. How rare a type is, is learnt by counting such
groups, not events, in the history: a burst is one thing that happened. The rarest are reported
first; of equally rare groups of a day, the first of each type before the second of any. Ten lines
of arithmetic; a product that ranks worse adds nothing.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from clearhouse.defense.enroll.record import Answer, Budget, Finding, Output, Usage, View
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import Task, TaskKind, Triage

_DETAILS = (
    "Image", "ParentImage", "TargetImage", "ServiceName", "TargetUserName", "TicketEncryptionType",
    "LogonType", "alert.signature", "dns.rrtype", "http.http_user_agent", "dest_ip", "comm", "acct",
    "eventSource", "errorMessage", "sourceIPAddress", "event_type", "rule", "signature",
)  # fmt: skip
_NUMBERS = re.compile(r"\d+")
_LEAST_BITS = 5.0
"""Types that made more than about one group in thirty are usual, and not worth a line."""
_AGAIN_BITS = 1e-6
"""Orders groups that are equally rare, and no others."""
Key = tuple[str, str | None, str]
"""A type, a host, an hour."""


class Rarity:
    """A ranker of rare types."""

    name = "rarity"
    version = "2"
    tasks = frozenset({TaskKind.DETECT, TaskKind.TRIAGE})

    def __init__(self, learnt: Counter[str] | None = None) -> None:
        """Take what was learnt on other networks, for one that has no history of its own."""
        self._learnt = learnt

    def run(self, view: View, budget: Budget) -> Output:
        """Rank hourly groups of a type and a host by how rare the type was before."""
        begun = monotonic()
        surprise = Surprise(habits(view.history) if self._learnt is None else self._learnt)
        triage = [task for task in view.tasks if task.kind is TaskKind.TRIAGE]
        asked = {uid for task in triage for uid in task.events}
        groups: dict[Key, _Group] = {}
        bits: dict[str, float] = {}
        for event in view.events:
            key = group_of(event)
            if event.uid in asked:
                bits[event.uid] = surprise(key[0])
            if not surprise.usual(key[0]):
                groups.setdefault(key, _Group(first=event)).add(event)
        unseen = surprise("")
        return Output(
            findings=tuple(_findings(groups, surprise)[: budget.findings]),
            answers=tuple(_judged(task, bits, unseen) for task in triage),
            usage=Usage(seconds=monotonic() - begun),
        )


@dataclass(slots=True)
class _Group:
    """What happened on one host in one hour, of one type."""

    first: Event
    events: list[str] = field(default_factory=list)
    users: set[str] = field(default_factory=set)

    def add(self, event: Event) -> None:
        self.events.append(event.uid)
        if event.user:
            self.users.add(event.user)


def habits(events: Iterable[Event]) -> Counter[str]:
    """Return in how many hourly groups each type was seen."""
    return Counter(kind for kind, _, _ in {group_of(event) for event in events})


def group_of(event: Event) -> Key:
    """Return the type, the host and the hour of an event."""
    return (type_of(event), event.host, f"{event.at:%Y-%m-%dT%H}")


class Surprise:
    """Bits of surprise of a type, after a history; types never seen are the most surprising."""

    def __init__(self, known: Counter[str]) -> None:
        """Count the history."""
        self._known, self._total = known, sum(known.values()) + 1

    def __call__(self, kind: str) -> float:
        """Return the bits."""
        return math.log2(self._total / (self._known.get(kind, 0) + 0.5))

    def usual(self, kind: str) -> bool:
        """Return whether a type is too frequent to be reported; what was never seen is not."""
        return kind in self._known and self(kind) < _LEAST_BITS


def type_of(event: Event) -> str:
    """Return what an event is: its name, and details without numbers that make each one new."""
    details = "|".join(str(event.fields[name]) for name in _DETAILS if event.fields.get(name))
    return f"{event.kind}|{event.name}|{_NUMBERS.sub('#', details)}".lower()


def _findings(groups: Mapping[Key, _Group], surprise: Surprise) -> list[Finding]:
    """Return the groups, the most surprising first; a type's next group of a day counts less."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for (kind, host, hour), group in sorted(groups.items(), key=lambda one: one[1].first.at):
        day = (kind, hour[:10])
        seen[day] += 1
        found.append(
            Finding(
                kind=kind,
                at=group.first.at,
                events=tuple(group.events),
                entities=(*((host,) if host else ()), *sorted(group.users - {host})),
                score=surprise(kind) - _AGAIN_BITS * seen[day],
            )
        )
    return sorted(found, key=lambda one: (-one.score, one.at))


def _judged(task: Task, bits: dict[str, float], unseen: float) -> Answer:
    most = max((bits.get(uid, 0.0) for uid in task.events), default=0.0)
    verdict = Triage.TRUE_POSITIVE if most >= unseen - 1 else Triage.BENIGN
    cited = tuple(uid for uid in task.events if bits.get(uid, 0.0) >= min(_LEAST_BITS, unseen))
    return Answer(task=task.id, verdict=verdict, events=cited)
