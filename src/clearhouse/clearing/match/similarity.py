"""Similarity: what two reports of one package say in the same words, and how rare those words are.

In come token sets and the frequencies of tokens in what has been read so far, out comes a score
between 0 and 1 with the shared words that made it. The score sorts suggestions; it proves nothing
and merges nothing (design, law 4).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clearhouse.clearing.match.record import Features, KeyKind, Reason, ReasonCode, Suggestion
from clearhouse.clearing.match.tokens import is_name
from clearhouse.kernel.ids import ReportId

SUGGEST_AT = 0.22
"""A pair below this score is not shown; phase one's value, replaced by the trained model."""
RARE_DOCUMENTS = 3
"""A token found in at most this many reports is called rare."""
PRIOR = 30
"""Reports imagined to share nothing with any other, lest a new store finds every word common."""
SHOWN = 8
"""How many shared words an explanation names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frequencies:
    """In how many reports each token occurs."""

    reports: int
    counts: Mapping[str, int]

    def weight(self, token: str) -> float:
        """Return the inverse document frequency of a token, in nats, above 0."""
        return math.log((self.reports + PRIOR) / (self.counts.get(token, 0) + 0.5))

    @classmethod
    def of(cls, documents: Iterable[Iterable[str]]) -> "Frequencies":
        """Count the tokens of documents."""
        counts: dict[str, int] = {}
        reports = 0
        for document in documents:
            reports += 1
            for token in set(document):
                counts[token] = counts.get(token, 0) + 1
        return cls(reports=reports, counts=counts)


def suggest(
    new: Features,
    earlier: Mapping[ReportId, Features],
    frequencies: Frequencies,
    *,
    limit: int = 10,
    at_least: float = SUGGEST_AT,
) -> tuple[Suggestion, ...]:
    """Rank earlier reports of the same package by what they share with a new one, best first.

    A report without a package gets no suggestion: there is nothing to look inside.
    """
    if new.package is None:
        return ()
    found = [
        compare(new, features, report, frequencies)
        for report, features in earlier.items()
        if features.package == new.package
    ]
    found = [suggestion for suggestion in found if suggestion.score >= at_least]
    return tuple(sorted(found, key=lambda s: (-s.score, s.report))[:limit])


def compare(new: Features, old: Features, report: ReportId, frequencies: Frequencies) -> Suggestion:
    """Weigh what speaks for and against two reports being one bug."""
    reasons = [*_key_reasons(new, old), *_word_reasons(new, old, frequencies), *against(new, old)]
    doubt = 1.0
    for reason in reasons:
        if reason.weight > 0:
            doubt *= 1 - reason.weight
    score = 1 - doubt
    for reason in reasons:
        if reason.weight < 0:
            score *= 1 + reason.weight
    ordered = tuple(sorted(reasons, key=lambda reason: -abs(reason.weight)))
    return Suggestion(report=report, score=round(score, 4), reasons=ordered)


_KEY_REASONS = {
    KeyKind.PUBLIC_ID: (ReasonCode.SAME_PUBLIC_ID, 0.95, "Both claim the public id {}."),
    KeyKind.POC: (ReasonCode.SAME_POC, 0.95, "Both bring the same proof of concept, bit by bit."),
    KeyKind.PATCH: (ReasonCode.SAME_PATCH, 0.95, "Both bring a patch with the same changes."),
    KeyKind.PLACE: (ReasonCode.SAME_PLACE, 0.55, "Both blame {} for the same family of weakness."),
    KeyKind.CRASH: (ReasonCode.SAME_CRASH, 0.5, "Both crash the same way in the same frames."),
}


def _key_reasons(new: Features, old: Features) -> list[Reason]:
    shared = sorted(set(new.keys) & set(old.keys))
    reasons = []
    for kind in sorted({key.kind for key in shared}):
        values = tuple(key.value for key in shared if key.kind is kind)
        code, weight, text = _KEY_REASONS[kind]
        said = text.format(values[0].rpartition("#")[0] or values[0])
        reasons.append(Reason(code=code, text=said, weight=weight, evidence=values))
    return reasons


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """What two texts share, weighed by how rare it is."""

    shared: tuple[str, ...]
    """The shared tokens, the rarest first."""
    contained: float
    """Share of the weight of the lighter text that is also in the other, 0 to 1."""
    common: float
    """Share of the weight of both together that is in both, 0 to 1."""


def overlap(new: Features, old: Features, frequencies: Frequencies) -> Overlap:
    """Weigh the words that two reports share."""
    weight = frequencies.weight
    shared = sorted(set(new.tokens) & set(old.tokens), key=lambda t: (-weight(t), t))
    both = sum(map(weight, shared))
    masses = sum(map(weight, new.tokens)), sum(map(weight, old.tokens))
    return Overlap(
        shared=tuple(shared),
        contained=both / min(masses) if min(masses) > 0 else 0.0,
        common=both / (sum(masses) - both) if sum(masses) > both else float(both > 0),
    )


def _word_reasons(new: Features, old: Features, frequencies: Frequencies) -> list[Reason]:
    texts = overlap(new, old, frequencies)
    shared = texts.shared
    if not shared:
        return []
    reasons = [
        Reason(
            code=ReasonCode.TEXT,
            text=f"They share {len(shared)} words, {texts.contained:.0%} of the shorter's weight.",
            weight=min(0.9, 0.35 * (texts.contained + texts.common)),
            evidence=shared[:SHOWN],
        )
    ]
    rare = [t for t in shared if frequencies.counts.get(t, 0) <= RARE_DOCUMENTS and is_name(t)]
    if rare:
        said = f"Few other reports name {', '.join(rare[:3])}."
        strength = min(0.5, 0.12 * len(rare))
        evidence = tuple(rare[:SHOWN])
        reasons.append(
            Reason(code=ReasonCode.RARE_WORDS, text=said, weight=strength, evidence=evidence)
        )
    return reasons


def _rival_ids(new: Features, old: Features) -> list[tuple[str, str]]:
    """Pair up different ids of one scheme; a CVE and a GHSA id may well be the same flaw."""
    ours, theirs = _ids_by_scheme(new), _ids_by_scheme(old)
    return [
        (min(ours[scheme]), min(theirs[scheme]))
        for scheme in sorted(ours.keys() & theirs.keys())
        if not ours[scheme] & theirs[scheme]
    ]


def _ids_by_scheme(features: Features) -> dict[str, set[str]]:
    schemes: dict[str, set[str]] = {}
    for key in features.keys:
        if key.kind is KeyKind.PUBLIC_ID:
            schemes.setdefault(key.value.partition("-")[0], set()).add(key.value)
    return schemes


def against(new: Features, old: Features) -> tuple[Reason, ...]:
    """Collect what speaks against two reports being one bug, without any words of theirs."""
    reasons = []
    for ours, theirs in _rival_ids(new, old):
        said = f"They claim different public ids: {ours} and {theirs}."
        reasons.append(Reason(code=ReasonCode.OTHER_PUBLIC_ID, text=said, weight=-0.6))
    if new.families and old.families and not set(new.families) & set(old.families):
        said = f"They name different weaknesses: {new.families[0]} and {old.families[0]}."
        reasons.append(Reason(code=ReasonCode.OTHER_FAMILY, text=said, weight=-0.25))
    return tuple(reasons)
