"""The facts of an advisory, gathered from a case and its reports.

In: a case, the contents of its reports in the order they came, and what a coordinator corrected.
Out: `AdvisoryFacts`. Refused: nothing here; `rules` says what cannot be published.

Only structured fields are taken: versions, ids, weaknesses, vectors, names to be thanked. Prose,
links and contact addresses of reporters stay behind, and so does a name of a model that is not
written like one. What the vendor says of versions counts more
than what reporters claim; where reports disagree, the first whose claims can all be true counts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clearhouse.clearing.coordinate.record import Case, Outcome
from clearhouse.clearing.intake.record import Credit, Draft, Provenance
from clearhouse.clearing.publish.record import (
    RECEIVED,
    AdvisoryFacts,
    AiLevel,
    AiModel,
    AiNote,
    AiReview,
    Milestone,
    Publisher,
    Reference,
    ReferenceType,
    Revision,
    VendorWord,
    Withdrawal,
    Wording,
)
from clearhouse.clearing.publish.versions import AffectedVersions, affected_versions
from clearhouse.formats.identifiers import vulnerability_id

_LEVELS: Final = {
    "manual": AiLevel.NONE,
    "ai-assisted": AiLevel.ASSISTED,
    "hybrid": AiLevel.AUGMENTED,
    "automated-scan": AiLevel.AUGMENTED,
    "ai-discovered": AiLevel.GENERATED,
}
_RECORD_PAGES: Final = {
    "CVE-": "https://www.cve.org/CVERecord?id=",
    "GHSA-": "https://github.com/advisories/",
}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*(?: [A-Za-z0-9._:/@+-]+){0,3}", re.ASCII)
_MODELS_LIMIT: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One report of the case."""

    content: Draft
    received_at: datetime
    contradicted: bool
    """Its claims are refuted; it lends nothing to the advisory but its credit."""


def facts_of(
    case: Case,
    sources: Sequence[Source],
    wording: Wording,
    *,
    id_: str,
    publisher: Publisher,
    revisions: tuple[Revision, ...],
    withdrawn: Withdrawal | None = None,
) -> AdvisoryFacts:
    """Gather everything that the documents of one advisory are made from."""
    drafts = [one.content for one in sources if not one.contradicted]
    purl = case.purl or ""
    fixes = _either(wording.fixed_versions, _fixes(case, drafts))
    aliases = _either(wording.aliases, _all(one.aliases for one in drafts))
    return AdvisoryFacts(
        id=id_,
        purl=purl,
        affected_claims=_either(wording.affected_claims, _claims(purl, drafts, fixes)),
        fixed_versions=fixes,
        publisher=publisher,
        revisions=revisions,
        vendor_name=case.vendors[0].name if case.vendors else None,
        aliases=aliases,
        cwes=_either(wording.cwes, _all(one.cwes for one in drafts)),
        cvss_vectors=_either(wording.cvss_vectors, _all(one.cvss_vectors for one in drafts)),
        summary=wording.summary,
        details=wording.details,
        credits=_credits(sources),
        references=_references(aliases),
        timeline=_timeline(case, sources),
        vendor=_vendor_word(case),
        exploited_since=case.embargo.facts.exploited_since,
        ai=ai_note([one.content.provenance for one in sources]),
        mitigations=wording.mitigations or (),
        related=wording.related or (),
        withdrawn=withdrawn,
    )


def ai_note(provenances: Iterable[Provenance]) -> AiNote | None:
    """Say how AI took part, from what the finders stated; None when none of them said.

    Of several statements the highest level counts. A review is partial at most: the finders
    reviewed what they chose to, not what this advisory says.
    """
    stated = [one for one in provenances if _level(one) is not None]
    if not stated:
        return None
    level = max((found for one in stated if (found := _level(one))), key=list(AiLevel).index)
    if level is AiLevel.NONE:
        return AiNote(level=level)
    models = dict.fromkeys(
        AiModel(name=name, version=_plain(model.version), provider=_plain(model.vendor))
        for one in stated
        for model in one.models
        if (name := _plain(model.name)) is not None
    )
    reviewed = any(one.human_review for one in stated)
    return AiNote(
        level=level,
        review=AiReview.PARTIAL if reviewed else AiReview.NONE,
        models=tuple(models)[:_MODELS_LIMIT],
    )


def _level(provenance: Provenance) -> AiLevel | None:
    method = (provenance.discovery_method or "").strip().lower()
    if method in _LEVELS:
        return _LEVELS[method]
    return AiLevel.ASSISTED if provenance.models else None


def _plain(text: str | None) -> str | None:
    """Return a name that is written like one, so that no sentence of a stranger slips through."""
    return text if text is not None and _NAME.fullmatch(text) else None


def _either(own: tuple[str, ...] | None, found: tuple[str, ...]) -> tuple[str, ...]:
    return found if own is None else own


def _all(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Join lists in their order, each value once."""
    return tuple(dict.fromkeys(value for group in groups for value in group))


def _fixes(case: Case, drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Return the vendor's fixed versions, or the reporters' where no vendor named any."""
    latest = [case.latest_verdict(vendor.id) for vendor in case.vendors]
    named = [one.fixed_version for one in latest if one is not None and one.fixed_version]
    return tuple(dict.fromkeys(named)) or _all(one.fixed_versions for one in drafts)


def _claims(purl: str, drafts: Sequence[Draft], fixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return all claims where they can be true together, else those of the first such report."""
    together = _all(one.affected_versions for one in drafts)
    alone = [one.affected_versions for one in drafts if one.affected_versions]
    for claims in (together, *alone):
        if isinstance(affected_versions(purl, claims, fixes), AffectedVersions):
            return claims
    return together


def _credits(sources: Sequence[Source]) -> tuple[Credit, ...]:
    """Thank everybody once for each role, in the order of the reports, verbatim."""
    return tuple(dict.fromkeys(credit for one in sources for credit in one.content.credits))


def _references(aliases: Sequence[str]) -> tuple[Reference, ...]:
    """Link to the public records of the ids; addresses that a stranger gave are not repeated."""
    spelled = [found for one in aliases if (found := vulnerability_id(one))]
    return tuple(
        Reference(type=ReferenceType.ADVISORY, url=page + alias)
        for alias in sorted(set(spelled))
        for prefix, page in _RECORD_PAGES.items()
        if alias.startswith(prefix)
    )


_SAID: Final = {
    Outcome.ACCEPTED: "Accepted by the vendor",
    Outcome.FIX_RELEASED: "Fix released by the vendor",
}


def _timeline(case: Case, sources: Sequence[Source]) -> tuple[Milestone, ...]:
    received = min((one.received_at for one in sources), default=None)
    found = [] if received is None else [Milestone(at=received, what=RECEIVED)]
    found += [
        Milestone(at=verdict.at, what=_SAID[verdict.outcome])
        for verdict in case.verdicts
        if verdict.outcome in _SAID
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.what)))


def _vendor_word(case: Case) -> VendorWord | None:
    said = [case.latest_verdict(vendor.id) for vendor in case.vendors]
    latest = max((one for one in said if one is not None), key=lambda one: one.at, default=None)
    return None if latest is None else VendorWord(outcome=latest.outcome, at=latest.at)
