"""The four axes, each decided from the facts alone and none from another's number.

In: `PriorityFacts`. Out: severity, exploit state, validation path, and the words that queue rules
ask for. Pure: no clock, no store. EPSS plays no part: it knows nothing of what is unpublished.

Source: FIRST CVSS v4.0; Akrites SIRT, severity and prioritization drafts of 2026 (four axes,
unknown never safe, deviation notes instead of overwriting).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from clearhouse.clearing.intake.record import ExploitState
from clearhouse.clearing.prioritize.record import (
    Exploit,
    ExploitLevel,
    PriorityFacts,
    Queue,
    Severity,
    Validation,
    VectorSource,
)
from clearhouse.clearing.prioritize.tables import QueuePolicy
from clearhouse.clearing.validate.record import Level, VerdictKind
from clearhouse.formats.cvss import CvssError, Score, parse

_OWN_WORD: Final = "by the {by}'s vector"
_TOTAL_FAMILIES: Final = frozenset({"injection-code", "injection-command", "deserialization"})
"""Kinds of flaw that let an attacker run code of their own."""


def severity_of(facts: PriorityFacts) -> Severity:
    """Return the severity by the vector that counts most, recomputed.

    The vendor's vector counts before the coordinator's, that before a reporter's; then the newer
    version; then the higher score. The others stand in the notes, never overwritten.
    """
    scored, notes = _scores(facts)
    if not scored:
        reason = "no vector" if not facts.vectors else "no vector that can be scored"
        claimed = " (a word alone is not scored)" if facts.claimed_severities else ""
        return Severity(
            score=None,
            rating=None,
            standard=None,
            vector=None,
            by=None,
            reason=f"no score: {reason} was given{claimed}",
            claimed=facts.claimed_severities,
            notes=notes,
        )
    (by, best), *others = scored
    return Severity(
        score=best.score,
        rating=best.rating,
        standard=_standard(best),
        vector=best.vector,
        by=by,
        reason=f"{best.score} ({best.rating}) {_OWN_WORD.format(by=by)}, recomputed",
        claimed=facts.claimed_severities,
        notes=(*notes, *(_deviation(*other, best) for other in others)),
    )


def best_score(facts: PriorityFacts) -> Score | None:
    """Return the score that `severity_of` stands on."""
    scored, _ = _scores(facts)
    return scored[0][1] if scored else None


def exploit_of(facts: PriorityFacts) -> Exploit:
    """Return the worst of what catalogue, own runs and reports say."""
    if facts.kev is not None:
        ransomware = ", used in ransomware campaigns" if facts.kev.ransomware else ""
        reason = f"{facts.kev.id} is listed as exploited since {facts.kev.added}{ransomware}"
        return Exploit(value=ExploitLevel.KEV, reason=reason)
    looked = "not in the catalogue" if facts.kev_checked else "no catalogue was at hand"
    claim = facts.claimed_exploit
    seen_here = facts.verdict is VerdictKind.REPRODUCED and (facts.level or 0) >= Level.E3
    demonstrated, has_poc = claim is ExploitState.DEMONSTRATED, "poc" in facts.present
    ladder = (
        (claim is ExploitState.ACTIVE, ExploitLevel.ACTIVE, "a report claims exploitation"),
        (seen_here, ExploitLevel.DEMONSTRATED, "it was seen to work here"),
        (demonstrated, ExploitLevel.DEMONSTRATED, "a report claims a demonstration"),
        (has_poc, ExploitLevel.POC, "a report carries a proof of concept"),
        (claim is ExploitState.POC, ExploitLevel.POC, "a report claims a proof of concept"),
        (claim is ExploitState.THEORETICAL, ExploitLevel.THEORETICAL, "reasoned only"),
        (True, ExploitLevel.UNKNOWN, "no report says, and unknown does not mean safe"),
    )
    value, reason = next((value, reason) for holds, value, reason in ladder if holds)
    return Exploit(value=value, reason=f"{reason}; {looked}")


def validation_of(facts: PriorityFacts) -> Validation:
    """Return how far the claim has been shown, in the words of the levels."""
    level = "below E0" if facts.level is None else f"{facts.level.name} {facts.level.label}"
    return Validation(
        level=facts.level, verdict=facts.verdict, reason=f"{level}; verdict {facts.verdict}"
    )


def queue_of(
    facts: PriorityFacts, severity: Severity, exploit: Exploit, policy: QueuePolicy
) -> Queue:
    """Return the band of the first rule whose conditions all hold."""
    words = queue_facts(facts, severity, exploit)
    rule = next(one for one in policy.rules if one.holds(words))
    return Queue(
        band=rule.band,
        due=facts.first_received + timedelta(hours=policy.within_hours[rule.band]),
        rule=rule.name,
        reason=rule.because,
        policy=policy.name,
    )


def queue_facts(facts: PriorityFacts, severity: Severity, exploit: Exploit) -> Mapping[str, str]:
    """Return the words that queue rules ask for. Who reported is not among them."""
    score = best_score(facts)
    return {
        "exploit": exploit.value,
        "fixed": _yes_no_unknown(facts.fixed),
        "impact": impact_word(facts, score),
        "level": "none" if facts.level is None else facts.level.name,
        "package": "yes" if facts.packages else "no",
        "proof": "yes" if "poc" in facts.present else "no",
        "public": _yes_no_unknown(facts.public),
        "rating": severity.rating or "unknown",
        "reach": reach_word(score),
        "trigger": "yes" if "trigger" in facts.present else "no",
        "verdict": facts.verdict,
    }


def reach_word(score: Score | None) -> str:
    """Return `open` when anybody on the network can attack alone, else `limited` or `unknown`."""
    if score is None:
        return "unknown"
    privileges = score.metric("Au" if score.version == "2.0" else "PR")
    alone = score.metric("UI") in {None, "N"} and score.metric("AT") in {None, "N"}
    return "open" if score.metric("AV") == "N" and privileges == "N" and alone else "limited"


def impact_word(facts: PriorityFacts, score: Score | None) -> str:
    """Return `total` when the attacker gains full control of the software. Source: ssvc:TI:1.0.0.

    Read from confidentiality and integrity both lost; without a vector, from the kind of flaw.
    """
    if score is not None:
        names = ("VC", "VI") if score.version == "4.0" else ("C", "I")
        worst = "C" if score.version == "2.0" else "H"
        return "total" if all(score.metric(name) == worst for name in names) else "partial"
    return "total" if _TOTAL_FAMILIES & set(facts.families) else "unknown"


def _scores(
    facts: PriorityFacts,
) -> tuple[list[tuple[VectorSource, Score]], tuple[str, ...]]:
    scored: list[tuple[VectorSource, Score]] = []
    notes: list[str] = []
    for claim in dict.fromkeys(facts.vectors):
        try:
            scored.append((claim.by, parse(claim.vector)))
        except CvssError as error:
            notes.append(f"a vector of the {claim.by} is not scored: {error}")
    sources = list(VectorSource)
    scored.sort(key=lambda one: one[1].vector)
    scored.sort(key=lambda one: (one[1].version, one[1].score), reverse=True)
    scored.sort(key=lambda one: sources.index(one[0]))
    return scored, tuple(notes)


def _standard(score: Score) -> str:
    return f"{score.nomenclature} {score.version}"


def _deviation(by: VectorSource, score: Score, best: Score) -> str:
    agrees = "agrees" if score.rating == best.rating else "differs"
    return f"{_standard(score)} of the {by} gives {score.score} ({score.rating}) and {agrees}"


def _yes_no_unknown(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"
