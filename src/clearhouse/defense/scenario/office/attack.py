"""An attack being written: its clock, its steps, and the truth of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clearhouse.defense.scenario.event import EventUid, SourceKind
from clearhouse.defense.scenario.office.logs import ZONE, Logs
from clearhouse.defense.scenario.truth import Truth, TruthClass

ATTACK_VERSION = "19"


@dataclass(slots=True)
class Attack:
    """One intrusion."""

    name: str
    now: datetime
    logs: Logs
    truths: list[Truth] = field(default_factory=list)
    _begun: datetime | None = None

    def wait(self, low_s: float, high_s: float) -> datetime:
        """Let some seconds pass and return the instant."""
        self.now += timedelta(milliseconds=round(self.logs.chance.uniform(low_s, high_s) * 1000))
        if self._begun is None:
            self._begun = self.now
        return self.now

    def step(
        self,
        title: str,
        technique: str,
        events: Sequence[EventUid],
        *entities: str,
        visible_in: Sequence[SourceKind] = (SourceKind.WINDOWS,),
        kind: TruthClass = TruthClass.MALICIOUS,
    ) -> None:
        """Note what was written since the last step as one step of the attack."""
        self.truths.append(
            Truth(
                id=f"{self.name}-{len(self.truths) + 1}",
                attack=self.name,
                title=title,
                kind=kind,
                start=self._begun or self.now,
                end=self.now + timedelta(seconds=1),
                technique=technique if kind is TruthClass.MALICIOUS else None,
                attack_version=ATTACK_VERSION,
                entities=tuple(
                    f"{one}.{ZONE}" if one.startswith(("ws-", "dc-")) else one for one in entities
                ),
                events=tuple(events),
                visible_in=tuple(visible_in),
                source="generator",
            )
        )
        self._begun = None
