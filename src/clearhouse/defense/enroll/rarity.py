"""The second baseline: what is rare is reported first, and nothing else is known.

In: a quiet history and the events. Each event has a type: what happened, by which program, where
to. How rare a type is, is learnt from the history; alerts are hourly groups of type and host, the
rarest first. Ten lines of arithmetic; a product that ranks worse adds nothing.
"""

import math
import re
from collections import Counter
from time import monotonic

from clearhouse.defense.enroll.record import Answer, Budget, Finding, Output, Usage, View
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import Task, TaskKind, Triage

_DETAILS = (
    "Image", "ParentImage", "TargetImage", "ServiceName", "TargetUserName", "TicketEncryptionType",
    "LogonType", "alert.signature", "dns.rrtype", "http.http_user_agent", "dest_ip", "comm", "acct",
    "eventSource", "errorMessage", "sourceIPAddress", "event_type", "rule", "signature", "short",
)  # fmt: skip
_NUMBERS = re.compile(r"\d+")
_LEAST_BITS = 6.0
"""Types seen more often than about once in sixty events are not worth a line."""


class Rarity:
    """A ranker of rare types."""

    name = "rarity"
    version = "1"
    tasks = frozenset({TaskKind.DETECT, TaskKind.TRIAGE})

    def run(self, view: View, budget: Budget) -> Output:
        """Rank hourly groups of a type and a host by how rare the type was before."""
        begun = monotonic()
        known = Counter(type_of(one) for one in view.history)
        surprise = Surprise(known)
        groups: dict[tuple[str, str | None, str], list[Event]] = {}
        bits: dict[str, float] = {}
        for event in view.events:
            kind = type_of(event)
            score = surprise(kind)
            bits[event.uid] = score
            if score >= _LEAST_BITS:
                key = (kind, event.host, f"{event.at:%Y-%m-%dT%H}")
                groups.setdefault(key, []).append(event)
        found = sorted(
            (_finding(kind, events, surprise(kind)) for (kind, _, _), events in groups.items()),
            key=lambda one: (-one.score, one.at),
        )
        triage = [task for task in view.tasks if task.kind is TaskKind.TRIAGE]
        unseen = surprise("")
        return Output(
            findings=tuple(found[: budget.findings]),
            answers=tuple(_judged(task, bits, unseen) for task in triage),
            usage=Usage(seconds=monotonic() - begun),
        )


class Surprise:
    """Bits of surprise of a type, after a history; types never seen are the most surprising."""

    def __init__(self, known: Counter[str]) -> None:
        """Count the history."""
        self._known, self._total = known, sum(known.values()) + 1

    def __call__(self, kind: str) -> float:
        """Return the bits."""
        return math.log2(self._total / (self._known.get(kind, 0) + 0.5))


def type_of(event: Event) -> str:
    """Return what an event is, without numbers that make each one new."""
    details = [str(event.fields[name]) for name in _DETAILS if event.fields.get(name)]
    return _NUMBERS.sub("#", "|".join((event.kind, event.name, *details))).lower()


def _finding(kind: str, events: list[Event], score: float) -> Finding:
    entities = {one for event in events for one in (event.host, event.user) if one}
    return Finding(
        kind=kind,
        at=events[0].at,
        events=tuple(event.uid for event in events[:50]),
        entities=tuple(sorted(entities)),
        score=score,
    )


def _judged(task: Task, bits: dict[str, float], unseen: float) -> Answer:
    most = max((bits.get(uid, 0.0) for uid in task.events), default=0.0)
    verdict = Triage.TRUE_POSITIVE if most >= unseen - 1 else Triage.BENIGN
    cited = tuple(uid for uid in task.events if bits.get(uid, 0.0) >= _LEAST_BITS)
    return Answer(task=task.id, verdict=verdict, events=cited)
