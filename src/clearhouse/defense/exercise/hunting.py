"""Score what hunts bring back: no alert, no hint, and only so many questions.

In: answers with findings, and the truth. Out: for each hunt how many attacks were found, of which a
step in the right place is enough, against what as many citations drawn at random would find; and
how many of the findings are about an attack at all. An unanswered hunt found nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from clearhouse.defense.enroll.record import Answer, Finding
from clearhouse.defense.exercise.detection import chance_place, results
from clearhouse.defense.exercise.matching import Places
from clearhouse.defense.exercise.record import HuntResult, Tier, share
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.task import TaskKind
from clearhouse.defense.scenario.truth import Expected, Truth


def hunting(
    expected: Sequence[Expected],
    answers: Mapping[str, Answer],
    malicious: Sequence[Truth],
    shown: Sequence[SourceKind],
    *,
    events: int,
) -> tuple[HuntResult, ...]:
    """Score every hunt, that with the fewest questions first; `events` is the recording's size."""
    hunts = [one.task for one in expected if one.task.kind is TaskKind.HUNT]
    return tuple(
        _hunt(task.queries, _brought(answers.get(task.id)), malicious, shown, events=events)
        for task in sorted(hunts, key=lambda one: (one.queries or 0, one.id))
    )


def hunted(answers: Sequence[Answer]) -> tuple[Finding, ...]:
    """Return everything that hunts brought back."""
    return tuple(finding for one in answers for finding in one.findings)


def _brought(answer: Answer | None) -> tuple[Finding, ...]:
    return () if answer is None else answer.findings


def _hunt(
    queries: int | None,
    findings: Sequence[Finding],
    malicious: Sequence[Truth],
    shown: Sequence[SourceKind],
    *,
    events: int,
) -> HuntResult:
    made = [one for one in results(findings, malicious, shown) if one.visible]
    attacks = {one.attack for one in made}
    found = {one.attack for one in made if Tier.PLACE in one.reached}
    places = Places(malicious)
    right = sum(bool(places.of(one)) for one in findings)
    whole = _whole_attacks(malicious, attacks)
    return HuntResult(
        queries=queries,
        found=share(len(found), len(attacks)),
        chance=chance_place(findings, whole, events) if whole else None,
        right=share(right, len(findings)),
    )


def _whole_attacks(malicious: Sequence[Truth], attacks: set[str]) -> list[Truth]:
    """Return one stretch for each attack, with all its events."""
    made: dict[str, Truth] = {}
    for one in malicious:
        name = one.attack or one.id
        if name in attacks:
            known = made.get(name, replace(one, events=()))
            made[name] = replace(known, events=(*known.events, *one.events))
    return list(made.values())
