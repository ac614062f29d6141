"""Try rules on one's own ordinary days before they are deployed.

In: rules and a baseline. Out: for each rule its false alarms a day with an interval, and which logs
it needs that the baseline does not have. A rule whose logs are missing is not quiet: it is blind.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import process_time

from clearhouse.bench.statistics.counts import daily_interval
from clearhouse.defense.enroll.record import Finding
from clearhouse.defense.enroll.sigma.match import Matcher
from clearhouse.defense.enroll.sigma.rules import Rule, required
from clearhouse.defense.exercise.load import groups
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.recording import Recording


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsed:
    """What one rule would do here."""

    id: str
    title: str
    blind: bool
    """The baseline has none of the logs that it reads."""
    groups: int
    """Alerts on ordinary days, of one machine and hour."""
    per_day: float
    low: float
    high: float
    example: str | None
    """Id of an event that it fires on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """All rules on one baseline."""

    rules: tuple[Rehearsed, ...]
    """The noisiest first."""
    events: int
    days: float
    seconds_per_million: float
    """Processor time, for all rules together."""


def rehearse(rules: Sequence[Rule], own: Recording) -> Rehearsal:
    """Match rules against ordinary days."""
    matcher, found, channels = Matcher(rules), dict[str, list[Finding]](), set[str]()
    begun, events = process_time(), 0
    for event in own:
        events += 1
        channels.add(_channel(event.kind, event.fields.get("Channel")))
        for rule in matcher.match(event):
            where = (event.host,) if event.host else ()
            found.setdefault(rule.id, []).append(
                Finding(kind=rule.title, at=event.at, events=(event.uid,), entities=where)
            )
    spent = process_time() - begun
    first, last = own.span()
    days = max((last - first) / timedelta(days=1), 1 / 24)
    calendar = [
        first.date() + timedelta(days=number)
        for number in range((last.date() - first.date()).days + 1)
    ]
    made = []
    for rule in rules:
        alarms = groups(found.get(rule.id, ()))
        daily = Counter(one.day for one in alarms)
        interval = daily_interval([daily[day] for day in calendar], days)
        made.append(
            Rehearsed(
                id=rule.id,
                title=rule.title,
                blind=_needs(rule).isdisjoint(channels),
                groups=len(alarms),
                per_day=len(alarms) / days,
                low=interval.low,
                high=interval.high,
                example=alarms[0].findings[0].events[0] if alarms else None,
            )
        )
    made.sort(key=lambda one: (-one.groups, one.title))
    return Rehearsal(
        rules=tuple(made),
        events=events,
        days=days,
        seconds_per_million=spent / events * 1e6 if events else 0.0,
    )


def _channel(kind: SourceKind, channel: object) -> str:
    return f"windows/{str(channel).lower()}" if kind is SourceKind.WINDOWS else str(kind)


def _needs(rule: Rule) -> set[str]:
    """Return the logs, any of which the rule can read."""
    if rule.source.kind is not SourceKind.WINDOWS:
        return {str(rule.source.kind)}
    return {_channel(SourceKind.WINDOWS, one) for one in required(rule.tree, "Channel") or ()}
