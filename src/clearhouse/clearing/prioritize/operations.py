"""Prioritize a finding, keep every priority it ever had, and hand out the queue.

In: the id of a finding. Out: its priority, stored with the ledger entry in the caller's
transaction. The same facts under the same policies give the stored priority again and change
nothing. Refused: an actor who may not clear reports or assess findings, or who is not read in.
"""

import hmac
from collections.abc import Sequence

from pydantic import TypeAdapter

from clearhouse.clearing.deconflict.known import current as known_now
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.completeness import judge
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Finding
from clearhouse.clearing.prioritize import _store
from clearhouse.clearing.prioritize.facts import Told, gather
from clearhouse.clearing.prioritize.record import (
    Assessment,
    Band,
    PastPriority,
    Priority,
    PriorityFacts,
)
from clearhouse.clearing.prioritize.rules import prioritize
from clearhouse.clearing.prioritize.tables import current as tables_now
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.formats.cvss import parse as parse_vector
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_FACTS = TypeAdapter(PriorityFacts)


def prioritize_finding(
    desk: Desk, transaction: Transaction, actor: Actor, finding_id: FindingId
) -> Priority:
    """Decide the priority of a finding anew and store it if anything about it changed.

    Raises: NoSuchFindingError of match; ForbiddenError when the actor may not clear reports.
    """
    finding = match.finding(desk, transaction, finding_id)
    allowed = desk.authority.demand(actor, "report.clear", finding.readers)
    return _decide(desk, transaction, finding, allowed.policy)


def assess(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    finding_id: FindingId,
    assessment: Assessment,
) -> Priority:
    """Record what a person says about a finding and decide its priority anew.

    The newest assessment counts as a whole; the earlier ones stay on record.

    Raises: NoSuchFindingError of match; ForbiddenError when the actor may not assess findings;
    CvssError when the vector cannot be scored.
    """
    finding = match.finding(desk, transaction, finding_id)
    allowed = desk.authority.demand(actor, "finding.assess", finding.readers)
    if assessment.vector is not None:
        parse_vector(assessment.vector.vector)
    _store.lock(transaction, finding.finding_id)
    assessment_id = _store.add_assessment(desk, transaction, actor, finding, assessment)
    ledger.append(
        transaction,
        "finding.assessed",
        finding.finding_id,
        {"assessment": assessment_id, "authority": allowed.policy},
        readers=finding.readers,
        compartment=finding.compartment,
    )
    return _decide(desk, transaction, finding, allowed.policy)


def priority_of(desk: Desk, transaction: Transaction, finding_id: FindingId) -> Priority | None:
    """Return the priority in force, or None when there is none to read."""
    return _store.in_force(desk, transaction, [finding_id]).get(finding_id)


def priorities(
    desk: Desk, transaction: Transaction, finding_ids: Sequence[FindingId]
) -> dict[FindingId, Priority]:
    """Return the priorities in force of several findings, as far as the actor may read them."""
    return _store.in_force(desk, transaction, finding_ids)


def queue(
    desk: Desk, transaction: Transaction, *, limit: int = 50, offset: int = 0
) -> list[Priority]:
    """Return a part of the queue that the actor may see, what comes first, first."""
    return _store.page(desk, transaction, limit=limit, offset=offset)


def history(desk: Desk, transaction: Transaction, finding_id: FindingId) -> list[PastPriority]:
    """Return every priority that a finding ever had, the oldest first."""
    return _store.past(desk, transaction, finding_id)


def counts(transaction: Transaction) -> dict[str, int]:
    """Count the findings in the queue by band, every band named, as far as the actor may see."""
    found = _store.count_bands(transaction)
    return {str(band): found.get(band, 0) for band in Band}


def _decide(desk: Desk, transaction: Transaction, finding: Finding, authority: str) -> Priority:
    """Load the facts, ask the rules, and write what changed."""
    _store.lock(transaction, finding.finding_id)
    if _store.supersede(transaction, finding.merged):
        _record_joined(transaction, finding, authority)
    facts = _facts(desk, transaction, finding)
    tables = tables_now()
    basis = _basis(desk, facts, tables.versions)
    stored = _store.with_basis(desk, transaction, finding.finding_id, basis)
    if stored is not None:
        return stored
    priority = prioritize(facts, tables)
    changed = _store.supersede(transaction, [finding.finding_id])
    priority_id = _store.insert(desk, transaction, finding, priority, basis)
    _record(transaction, finding, priority, priority_id, authority, again=changed > 0)
    return priority


def _facts(desk: Desk, transaction: Transaction, finding: Finding) -> PriorityFacts:
    # With files, because an empty file is no proof of concept.
    reports = intake.load(desk, transaction, list(finding.report_ids), files=True)
    told: list[Told] = []
    for report in reports:
        verdict = validate.verdict_of(desk, transaction, report.report_id)
        told.append(
            Told(
                draft=report.content,
                party=report.party_id,
                received_at=report.received_at,
                present=tuple(str(element) for element in judge(report.content).present),
                level=verdict.level if verdict else None,
                verdict=verdict.kind if verdict else VerdictKind.NOT_ATTEMPTED,
            )
        )
    assessment = _store.assessment_of(desk, transaction, finding.finding_id)
    return gather(finding.finding_id, told, known_now(desk.known_folder), assessment)


def _basis(desk: Desk, facts: PriorityFacts, versions: tuple[str, ...]) -> bytes:
    """Name facts and policies without telling what they are."""
    text = "\n".join(versions).encode() + _FACTS.dump_json(facts)
    return hmac.digest(desk.keys.index_key(), b"priority:" + text, "sha256")


def _record_joined(transaction: Transaction, finding: Finding, authority: str) -> None:
    """Write down that what became part of this finding has no place of its own in the queue."""
    ledger.append(
        transaction,
        "finding.left_queue",
        finding.finding_id,
        {"merged": list(finding.merged), "rule": "part of another finding", "authority": authority},
        readers=finding.readers,
        compartment=finding.compartment,
    )


def _record(
    transaction: Transaction,
    finding: Finding,
    priority: Priority,
    priority_id: str,
    authority: str,
    *,
    again: bool,
) -> None:
    """Write the priority to the ledger: states, rules and versions, no report text."""
    level = priority.validation.level
    ledger.append(
        transaction,
        "finding.reprioritized" if again else "finding.prioritized",
        finding.finding_id,
        {
            "priority": priority_id,
            "band": str(priority.band),
            "rule": priority.queue.rule,
            "rating": str(priority.severity.rating) if priority.severity.rating else None,
            "exploit": str(priority.exploit.value),
            "level": None if level is None else level.name,
            "verdict": str(priority.validation.verdict),
            "coordination": str(priority.coordination),
            "policies": list(priority.policies),
            "authority": authority,
        },
        readers=finding.readers,
        compartment=finding.compartment,
    )
