"""Open a case for a finding that needs coordination, and keep it in step with the finding.

In: a finding. Out: its case, or none when nobody needs to coordinate it. Refused: an actor who may
not open cases. Running it again for the same finding changes nothing; when the finding grew, the
case grows with it, and when findings with cases of their own turned out to be one, the oldest case
stays, with every party and the earlier embargo.

Opening a case is what starts need to know: from that commit on, the reports and the finding can be
read by those on the case and by the reports' own parties only.
Source: Vultron, VP-10-001 (merged cases keep the earliest embargo).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from clearhouse.clearing.coordinate import (
    _invitations,
    _parts,
    _store,
    _threads,
    notices,
    transitions,
)
from clearhouse.clearing.coordinate.casework import (
    ahead,
    embargo_policy,
    house_readers,
    readers_of,
    write,
)
from clearhouse.clearing.coordinate.duty import ON_DUTY
from clearhouse.clearing.coordinate.embargo import EmbargoFacts, News, ProjectPolicy, learned
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, CaseFile, Participant, Party, PartyRole
from clearhouse.clearing.coordinate.relay import _store as relays
from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake.operations import Report, limit_originals, load
from clearhouse.clearing.intake.record import Tooling
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Finding
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.record import Coordination
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger, vault
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import CaseId, FindingId, PartyId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


def consider(
    desk: Desk, transaction: Transaction, actor: Actor, finding_id: FindingId
) -> Case | None:
    """Open a case when the finding's priority asks for coordination, or bring its case up to date.

    Raises: NoSuchFindingError of match; ForbiddenError.
    """
    finding = match.finding(desk, transaction, finding_id)
    known = _cases(desk, transaction, finding)
    if known:
        return _grow(desk, transaction, actor, finding, known)
    priority = prioritize.priority_of(desk, transaction, finding_id)
    if priority is None or priority.coordination is not Coordination.COORDINATE:
        return None
    return _open(desk, transaction, actor, finding)


def open_case(desk: Desk, transaction: Transaction, actor: Actor, finding_id: FindingId) -> Case:
    """Open a case because a person says so, whatever the priority; an open case is returned.

    Raises: NoSuchFindingError of match; ForbiddenError.
    """
    finding = match.finding(desk, transaction, finding_id)
    known = _cases(desk, transaction, finding)
    if known:
        return _grow(desk, transaction, actor, finding, known)
    return _open(desk, transaction, actor, finding)


def case_of_finding(desk: Desk, transaction: Transaction, finding_id: FindingId) -> CaseId | None:
    """Return the case of a finding, None when there is none that the actor may see.

    Raises: NoSuchFindingError of match.
    """
    finding = match.finding(desk, transaction, finding_id)
    found = _store.cases_of(transaction, finding.report_ids)
    return found[0] if found else None


def counts(transaction: Transaction) -> dict[str, int]:
    """Count cases by what they wait for, as far as the actor may see them."""
    return _store.count(transaction)


def _cases(desk: Desk, transaction: Transaction, finding: Finding) -> list[CaseFile]:
    """Load the cases that hold reports of the finding, to be changed, the oldest first."""
    ids = _store.cases_of(transaction, finding.report_ids)
    loaded = [_store.load(desk, transaction, one, to_change=True) for one in ids]
    return [one for one in loaded if one is not None]


def _open(desk: Desk, transaction: Transaction, actor: Actor, finding: Finding) -> Case:
    decision = desk.authority.demand(actor, "case.open", finding.readers)
    policy = embargo_policy()
    reports = load(desk, transaction, finding.report_ids)
    purl = next((one.content.purl for one in reports if one.content.purl), None)
    vendors = _store.vendors_of(transaction, purl) if purl else []
    opened = transitions.open_case(
        new_id("cas"),
        findings=(finding.finding_id, *finding.merged),
        purl=purl,
        parties=_parties(transaction, actor, reports, [vendor.party for vendor in vendors]),
        facts=_facts(
            desk, transaction, reports, [one.policy for one in vendors if one.policy is not None]
        ),
        policy=policy,
        at=transaction.now,
    )
    if isinstance(opened, Refused):  # each id above is taken once, and there is a finding
        raise AssertionError(opened.reason)  # noqa: TRY004 - our own mistake, not a wrong type
    case = replace(opened, participants=(_on_duty(actor, transaction.now),))
    box = desk.vault.new_box(transaction, readers_of(case, transaction.now))
    _store.insert(transaction, box, case, ahead=ahead(case, transaction.now))
    stored = CaseFile(case=case, revision=1, compartment=box.compartment, readers=box.readers)
    _store.link(transaction, stored, finding.report_ids)
    _close_to_others(transaction, finding, reports, case)
    notices.hand_over(transaction, stored)
    ledger.append(
        transaction,
        "case.opened",
        case.id,
        {
            "findings": list(case.findings),
            "reports": list(finding.report_ids),
            "parties": [party.id for party in case.parties],
            "policy": f"{case.embargo.policy}/{case.embargo.version}",
            "rule": case.embargo.rule,
            "embargo": None if case.embargo.instant is None else case.embargo.instant.isoformat(),
            "authority": decision.policy,
        },
        readers=box.readers,
        compartment=box.compartment,
    )
    return case


def _grow(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    finding: Finding,
    known: Sequence[CaseFile],
) -> Case:
    """Bring the oldest case up to date with its finding, and join the others to it."""
    kept, others = known[0], known[1:]
    desk.authority.demand(actor, "case.open", kept.readers)
    reports = load(desk, transaction, finding.report_ids)
    case = kept.case
    for other in others:
        case = transitions.merge(case, other.case, embargo_policy(), transaction.now)
        _store.absorb(transaction, kept, other)
        _threads.move(transaction, kept.case.id, other.case.id)
        relays.move(transaction, kept.case.id, other.case.id)
        _parts.move(transaction, kept.case.id, other.case.id)
        _invitations.move(transaction, kept.case.id, other.case.id)
    for found in (finding.finding_id, *finding.merged):
        case = transitions.add_finding(case, found)
    finders = _store.parties(transaction, _submitters(reports), PartyRole.FINDER)
    new = tuple(party for party in finders if case.party(party.id) is None)
    case = replace(case, parties=(*case.parties, *new))
    facts = learned(case.embargo.facts, _news(desk, transaction, reports))
    if facts != case.embargo.facts:
        case = transitions.learn(case, facts, embargo_policy(), transaction.now)
    added = _store.link(transaction, kept, finding.report_ids)
    _close_to_others(transaction, finding, reports, case)
    if case != kept.case or added:
        data: dict[str, Json] = {
            "findings": list(case.findings),
            "reports": list(finding.report_ids),
        }
        write(desk, transaction, kept, case, "case.grown", data)
    return case


def _facts(
    desk: Desk,
    transaction: Transaction,
    reports: Sequence[Report],
    policies: Sequence[ProjectPolicy],
) -> EmbargoFacts:
    bare = EmbargoFacts(
        received_at=min(one.received_at for one in reports), project_policies=tuple(policies)
    )
    return learned(bare, _news(desk, transaction, reports))


def _news(desk: Desk, transaction: Transaction, reports: Sequence[Report]) -> News:
    """Read what reports and local public knowledge say about the embargo.

    What a reporter merely claims of publicity or exploitation shortens nothing; a public record of
    an id that the report cites, and that validation did not contradict, does.
    """
    known = current(desk.known_folder)
    trusted = [one for one in reports if not _contradicted(desk, transaction, one)]
    ids = [alias for one in trusted for alias in one.content.aliases]
    kev = known.kev(ids)
    tooling = {one.content.provenance.confidentiality for one in reports}
    return News(
        received_at=min(one.received_at for one in reports),
        public_since=_public_since(known, trusted),
        exploited_since=None if kev is None else datetime.combine(kev.added, time(), UTC),
        tooling=Tooling.PUBLIC if Tooling.PUBLIC in tooling else None,
    )


def _contradicted(desk: Desk, transaction: Transaction, report: Report) -> bool:
    verdict = validate.verdict_of(desk, transaction, report.report_id)
    return verdict is not None and verdict.kind is VerdictKind.CONTRADICTED


def _public_since(known: Known, reports: Sequence[Report]) -> datetime | None:
    """Return when the first public record of the flaw in this package appeared."""
    records = [
        record
        for one in reports
        for alias in one.content.aliases
        for record in known.records_of(alias)
        if record.withdrawn is None
        and (one.content.purl is None or record.in_package(one.content.purl) is not None)
    ]
    return min((one.published for one in records if one.published is not None), default=None)


def _parties(
    transaction: Transaction, actor: Actor, reports: Sequence[Report], vendors: Sequence[Party]
) -> tuple[Party, ...]:
    """Return vendors, finders and the house, each once; a vendor's own report stays a vendor's."""
    finders = _store.parties(transaction, _submitters(reports), PartyRole.FINDER)
    house = _store.parties(transaction, [actor.party_id], PartyRole.COORDINATOR)
    by_id = {party.id: party for party in (*house, *finders, *vendors)}
    return tuple(by_id.values())


def _submitters(reports: Sequence[Report]) -> list[PartyId]:
    return list(dict.fromkeys(one.party_id for one in reports))


def _on_duty(actor: Actor, at: datetime) -> Participant:
    """Read the coordinators on duty in, as the group that they are."""
    return Participant(
        actor=ON_DUTY,
        party=actor.party_id,
        tier=0,
        read_in_at=at,
        approved_by=(actor.actor_id,),
    )


def _close_to_others(
    transaction: Transaction, finding: Finding, reports: Sequence[Report], case: Case
) -> None:
    """Leave finding, reports and originals to the house's readers and the reports' own parties."""
    house = house_readers(case)
    for one in reports:
        readers = {*house, one.party_id}
        if set(one.readers) != readers:
            vault.set_readers(transaction, one.compartment, sorted(readers))
    limit_originals(transaction, finding.report_ids, house)
    match.limit_findings(transaction, finding.report_ids, house)
