"""What the reports of one finding say together, and what the world knows, as plain facts.

In: the finding, its reports with their verdicts, local public knowledge, a person's assessment.
Out: `PriorityFacts`. Pure. A report whose claims are contradicted lends nothing while another one
stands; of several claims the gravest counts, and each says so in the axis it moves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.deconflict.record import KnownVulnerability
from clearhouse.clearing.intake.record import Draft, ExploitState
from clearhouse.clearing.prioritize.record import (
    Assessment,
    KevListing,
    PriorityFacts,
    VectorClaim,
)
from clearhouse.clearing.validate.record import Level, VerdictKind
from clearhouse.formats.cwe import CweError, family
from clearhouse.formats.purl import PurlError, identity

_GRAVEST_FIRST: Final = tuple(ExploitState)
_VERDICTS_BEST_FIRST: Final = (
    VerdictKind.REPRODUCED,
    VerdictKind.NOT_ATTEMPTED,
    VerdictKind.INCONCLUSIVE,
    VerdictKind.NOT_REPRODUCED,
    VerdictKind.OUT_OF_SCOPE,
    VerdictKind.CONTRADICTED,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One report of the finding and what validation says of it."""

    draft: Draft
    party: str
    received_at: datetime
    present: tuple[str, ...]
    """Which elements of a ready report it has."""
    level: Level | None = None
    verdict: VerdictKind = VerdictKind.NOT_ATTEMPTED


def gather(
    finding_id: str, reports: Sequence[Told], known: Known, assessment: Assessment
) -> PriorityFacts:
    """Return the facts of a finding with at least one report."""
    sound = [one for one in reports if one.verdict is not VerdictKind.CONTRADICTED] or reports
    drafts = [one.draft for one in sound]
    packages = _packages(drafts)
    records = _records(drafts, packages, known)
    verdict = min((one.verdict for one in sound), key=_VERDICTS_BEST_FIRST.index)
    levels = [one.level for one in sound if one.level is not None]
    return PriorityFacts(
        finding_id=finding_id,
        first_received=min(one.received_at for one in reports),
        parties=len({one.party for one in reports}),
        packages=packages,
        vectors=_vectors(drafts, assessment),
        claimed_severities=_unique(draft.severity for draft in drafts),
        claimed_exploit=min((one.exploit_state for one in drafts), key=_GRAVEST_FIRST.index),
        kev=_listing(drafts, records, known),
        kev_checked=bool(known.kev_entries),
        public=_any(draft.already_public for draft in drafts),
        public_record=records[0].id if records else None,
        fixed=_fixed(drafts, records, packages),
        level=max(levels, default=None),
        verdict=verdict,
        present=_unique(element for one in sound for element in one.present),
        families=_families(drafts),
        supplier_contacted=assessment.supplier_contacted,
        supplier_engaged=assessment.supplier_engaged,
        automatable=assessment.automatable,
        value_concentrated=assessment.value_concentrated,
        safety_impact=assessment.safety_impact,
    )


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _any(values: Iterable[bool | None]) -> bool | None:
    """Return True when one says so, False when one denies it and none says so, else None."""
    stated = [value for value in values if value is not None]
    return any(stated) if stated else None


def _packages(drafts: Iterable[Draft]) -> tuple[str, ...]:
    found: list[str] = []
    for draft in drafts:
        try:
            found += [identity(draft.purl)] if draft.purl else []
        except PurlError:
            continue  # validation tells the reporter; here it only means: no package named
    return _unique(found)


def _records(
    drafts: Iterable[Draft], packages: tuple[str, ...], known: Known
) -> tuple[KnownVulnerability, ...]:
    """Return the public records that the reports name, that stand, and are about their package."""
    named = [known.by_id(name) for draft in drafts for name in draft.aliases]
    about = [
        one
        for one in named
        if one is not None
        and one.withdrawn is None
        and any(one.in_package(package) for package in packages)
    ]
    return tuple({one.id: one for one in about}.values())


def _listing(
    drafts: Iterable[Draft], records: Iterable[KnownVulnerability], known: Known
) -> KevListing | None:
    """Look up every id that the reports claim, and every alias of what they mean by it."""
    claimed = [name for draft in drafts for name in draft.aliases]
    entry = known.kev([*claimed, *(name for one in records for name in one.ids)])
    if entry is None:
        return None
    return KevListing(id=entry.cve, added=entry.added.isoformat(), ransomware=entry.ransomware)


def _vectors(drafts: Iterable[Draft], assessment: Assessment) -> tuple[VectorClaim, ...]:
    claimed = [VectorClaim(vector=text) for draft in drafts for text in draft.cvss_vectors]
    own = [assessment.vector] if assessment.vector else []
    return tuple(dict.fromkeys([*own, *claimed]))


def _fixed(
    drafts: Iterable[Draft], records: Iterable[KnownVulnerability], packages: tuple[str, ...]
) -> bool | None:
    """Return True when a fixed version is named; no report can show that there is none."""
    published = [one.in_package(package) for one in records for package in packages]
    if any(one is not None and one.fixed for one in published):
        return True
    return True if any(draft.fixed_versions or draft.fixed_commit for draft in drafts) else None


def _families(drafts: Iterable[Draft]) -> tuple[str, ...]:
    found: list[str] = []
    for draft in drafts:
        for cwe in draft.cwes:
            try:
                found.append(family(cwe))
            except CweError:
                continue  # some databases write NVD-CWE-noinfo and the like
    return _unique(found)
