"""Audit a pack's labels before any tool is judged by them.

In: a pack. Out: a grade from A to D, from the worst of its checks, and which claims it still
carries. A respected data set can contradict itself on tens of thousands of events, clear its own
logs two seconds after the start, or be the very test that the rules were written against; a tool's
numbers would be about that.
Bounds stand in `policies/defense/audit-1.yaml`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import yaml

from clearhouse.defense.scenario.attack_map import AttackMap, attack_map, policy_file
from clearhouse.defense.scenario.event import Event, SourceKind
from clearhouse.defense.scenario.grade import Audit, Check, Claim, Grade
from clearhouse.defense.scenario.pack import Pack, Scenario
from clearhouse.defense.scenario.truth import Truth, TruthClass, steps

_EDGE = timedelta(seconds=5)
_WANTED_DAYS, _WANTED_ATTACKS = 5, 30
_CLEARED = frozenset({"Security/1102", "System/104"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What one pass over the events gives."""

    events: int
    first: datetime | None
    last: datetime | None
    duplicates: int
    laboratory: int
    alerts: int
    checksum_alerts: int
    cleared_at_start: int
    times: Mapping[str, datetime]
    """Of the events that the truth names."""


@cache
def _policy() -> tuple[str, Mapping[str, Sequence[float]], Mapping[str, str]]:
    content = yaml.safe_load(policy_file("audit-1.yaml").read_text("utf-8"))
    return f"{content['id']}/{content['version']}", content["bounds"], content["claims"]


def audit(pack: Pack) -> Audit:
    """Audit a pack."""
    counts = count(pack)
    return judge(pack.scenario, pack.truths, counts, name=pack.name, sha256=pack.sha256)


def count(pack: Pack) -> Counts:
    """Pass over the events once."""
    named = {uid for one in pack.truths for uid in one.events}
    lab = tuple(name.lower() for name in pack.scenario.lab_names)
    found: Counter[str] = Counter()
    first = last = None
    times: dict[str, datetime] = {}
    for event in pack.events:
        first = first or event.at
        last = event.at
        if event.uid in named:
            times[event.uid] = event.at
        found["events"] += 1
        found["duplicates"] += "~" in event.uid
        found["laboratory"] += bool(lab) and _names(event, lab)
        found["cleared"] += event.name in _CLEARED and event.at - first <= _EDGE
        if event.kind is SourceKind.SURICATA and event.name == "alert":
            found["alerts"] += 1
            found["checksum"] += "checksum" in str(event.fields.get("alert.signature")).lower()
    return Counts(
        events=found["events"], first=first, last=last, duplicates=found["duplicates"],
        laboratory=found["laboratory"], alerts=found["alerts"], checksum_alerts=found["checksum"],
        cleared_at_start=found["cleared"], times=times,
    )  # fmt: skip


def judge(
    scenario: Scenario, truths: Sequence[Truth], counts: Counts, *, name: str, sha256: str
) -> Audit:
    """Grade what was counted. Pure."""
    policy, _, claims = _policy()
    malicious = steps(truths)
    attacks = {one.attack or one.id for one in malicious}
    checks = (
        _contradicted(truths, counts),
        _ambiguous(truths),
        _edge(malicious, counts),
        _share("unlabelled", sum(not one.events for one in malicious), len(malicious),
               "steps have an interval and no events"),
        *_techniques(malicious, attack_map()),
        _share("laboratory", counts.laboratory, counts.events, "events name the laboratory"),
        _share("duplicates", counts.duplicates, counts.events, "events are there twice"),
        _share("checksum", counts.checksum_alerts, counts.alerts,
               "sensor alerts are about checksums, an artefact of capturing"),
        _quiet(scenario, malicious, counts),
        _graded("few_attacks", max(0, _WANTED_ATTACKS - len(attacks)),
                f"{len(attacks)} independent attacks; comparing wants {_WANTED_ATTACKS}"),
        _seen(scenario),
    )  # fmt: skip
    worst = max(one.grade for one in checks)
    return Audit(
        pack=name,
        pack_sha256=sha256,
        policy=policy,
        grade=worst,
        claims=tuple(one for one in Claim if worst <= claims[one]),
        checks=checks,
        events=counts.events,
        attacks=len(attacks),
        steps=len(malicious),
    )


def _names(event: Event, lab: Sequence[str]) -> bool:
    text = "\n".join(str(value) for value in event.fields.values()).lower()
    return any(one in text for one in lab)


def _graded(name: str, value: float, words: str) -> Check:
    bounds = _policy()[1][name]
    place = sum(value > bound for bound in bounds)
    return Check(name=name, grade=tuple(Grade)[place], value=value, words=words)


def _share(name: str, count_: int, of: int, words: str) -> Check:
    return _graded(name, count_ / of if of else 0.0, f"{count_} of {of} {words}")


def _contradicted(truths: Sequence[Truth], counts: Counts) -> Check:
    """Labelled events that lie outside their interval, by how much, or do not exist."""
    outside, missing, total = [], 0, 0
    for one in truths:
        for uid in one.events:
            total += 1
            at = counts.times.get(uid)
            if at is None:
                missing += 1
            elif not one.start <= at <= one.end:
                outside.append(at - one.start)
    words = (
        f"{len(outside)} of {total} labelled events lie outside their interval,"
        f" {missing} do not exist"
    )
    hours = {round(gap / timedelta(hours=1), 1) for gap in outside}
    if len(outside) > 2 and len(hours) == 1 and (hour := hours.pop()) == round(hour) != 0:
        words += f"; all by {hour:+.0f} h, as with a wrong time zone"
    return _graded("contradicted", (len(outside) + missing) / total if total else 0.0, words)


def _ambiguous(truths: Sequence[Truth]) -> Check:
    kinds: dict[str, set[TruthClass]] = {}
    for one in truths:
        for uid in one.events:
            kinds.setdefault(uid, set()).add(one.kind)
    both = sum(len(one) > 1 for one in kinds.values())
    return _share(
        "ambiguous", both, len(kinds), "labelled events are claimed by labels of two kinds"
    )


def _edge(malicious: Sequence[Truth], counts: Counts) -> Check:
    near = 0
    if counts.first is not None and counts.last is not None:
        near = sum(
            one.start - counts.first <= _EDGE or counts.last - one.start <= _EDGE
            for one in malicious
            if one.events
        )
    more = counts.cleared_at_start
    words = "steps begin within 5 s of the recording's edge"
    check = _share("edge", near, len(malicious), words)
    if not more:
        return check
    return Check(
        name="edge",
        grade=max(check.grade, Grade.B),
        value=check.value,
        words=f"{check.words}; {more} logs were cleared at its start",
    )


def _techniques(malicious: Sequence[Truth], names: AttackMap) -> list[Check]:
    labels = [one.technique for one in malicious if one.technique]
    parents = Counter(names.parent(one) for one in labels)
    total = len(labels)
    renamed = sum(names.today(one) != one for one in labels)
    nothing = sum(one in names.placeholders for one in labels)
    chance = sum((n / total) ** 2 for n in parents.values()) if total else 1.0
    lonely = sum(n == 1 for n in parents.values())
    return [
        _share("renamed", renamed, total, f"techniques have another id in ATT&CK {names.to}"),
        _share("placeholder", nothing + len(malicious) - total, len(malicious),
               "steps name no technique"),
        _graded("chance", chance, f"a label drawn at random is right in {chance:.0%}"),
        _share("lonely", lonely, len(parents), "techniques have a single step"),
    ]  # fmt: skip


def _quiet(scenario: Scenario, malicious: Sequence[Truth], counts: Counts) -> Check:
    """Days on which ordinary work goes on and no attack does."""
    days = 0.0
    if scenario.benign and counts.first is not None and counts.last is not None:
        span = counts.last - counts.first
        days = (span - _covered(malicious)) / timedelta(days=1)
    missing = max(0.0, _WANTED_DAYS - days)
    return _graded("quiet_days_short", round(missing, 2), f"{days:.1f} days of ordinary work")


def _covered(truths: Sequence[Truth]) -> timedelta:
    """Return how long at least one of the intervals lasts."""
    total, until = timedelta(), None
    for one in sorted(truths, key=lambda one: one.start):
        begin = one.start if until is None or one.start > until else until
        total += max(timedelta(), one.end - begin)
        until = one.end if until is None else max(until, one.end)
    return total


def _seen(scenario: Scenario) -> Check:
    if scenario.used_as_rule_test:
        return _graded("seen", 2, "rules were tested on it: passing says little")
    if scenario.public_since:
        return _graded("seen", 1, f"public since {scenario.public_since}: tools may know it")
    return _graded("seen", 0, "not published as a recording")
