"""Everything that can happen to a case, as functions from a case to the next.

In: a case, what happened, and the instant. Out: the new case, or `Refused` with the reason.
Refused: a verdict by anybody who is not a vendor of the case, a date in the past, a second
party of one id, a read-in without approval, a step that no state machine draws.
The vendor owns the verdict and the date: nothing here lets a coordinator change either.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from clearhouse.clearing.coordinate.embargo import EmbargoFacts, Waiver, compute, joined
from clearhouse.clearing.coordinate.embargo_consent import (
    EMBARGO_CONSENT,
    ConsentEvent,
    ConsentState,
)
from clearhouse.clearing.coordinate.embargo_management import (
    EMBARGO_MANAGEMENT,
    IN_FORCE,
    EmEvent,
    EmState,
)
from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy
from clearhouse.clearing.coordinate.machine import Refused, Situation
from clearhouse.clearing.coordinate.record import (
    Case,
    Disagreement,
    Outcome,
    Participant,
    Party,
    PartyRole,
    ProductState,
    ProductStatus,
    Verdict,
)
from clearhouse.clearing.coordinate.report_management import (
    REPORT_MANAGEMENT,
    RmEvent,
    RmState,
)

_TAKEN = {
    RmState.RECEIVED: (RmEvent.VALIDATE, RmEvent.ACCEPT),
    RmState.INVALID: (RmEvent.VALIDATE, RmEvent.ACCEPT),
    RmState.VALID: (RmEvent.ACCEPT,),
    RmState.DEFERRED: (RmEvent.ACCEPT,),
    RmState.ACCEPTED: (),
}
_SET_ASIDE: dict[RmState, tuple[RmEvent, ...]] = {
    RmState.RECEIVED: (RmEvent.INVALIDATE,),
    RmState.INVALID: (),
    RmState.VALID: (RmEvent.DEFER,),
    RmState.ACCEPTED: (RmEvent.DEFER,),
    RmState.DEFERRED: (),
}
_STEPS: dict[Outcome, dict[RmState, tuple[RmEvent, ...]]] = {
    Outcome.ACCEPTED: _TAKEN,
    Outcome.FIX_RELEASED: _TAKEN,
    Outcome.REJECTED: _SET_ASIDE,
    Outcome.NEEDS_INFO: _SET_ASIDE,
}
"""How a vendor's outcome moves its own report state; each step is an arrow of the machine."""


def open_case(
    id_: str,
    *,
    findings: tuple[str, ...],
    purl: str | None,
    parties: tuple[Party, ...],
    facts: EmbargoFacts,
    policy: EmbargoPolicy,
    at: datetime,
) -> Case | Refused:
    """Open a case for findings that are one flaw.

    The policy's embargo is in force at once where there can be one, as a receiver's published
    default is. Source: Vultron, EP-04-001.
    """
    if not findings:
        return Refused(code="no-finding", reason="a case needs at least one finding")
    if len({party.id for party in parties}) < len(parties):
        return Refused(code="party-twice", reason="one party stands in the case twice")
    embargo = compute(policy, facts)
    return Case(
        id=id_,
        findings=findings,
        purl=purl,
        opened_at=at,
        embargo=embargo,
        embargo_state=EmState.ACTIVE if embargo.holds(at) else EmState.NONE,
        parties=parties,
    )


def situation(case: Case) -> Situation:
    """Return what the guards of the state machines look at."""
    facts = case.embargo.facts
    return Situation(
        public=facts.public_since is not None or case.published_at is not None,
        exploit_public=facts.exploit_public_since is not None,
        attacked=facts.exploited_since is not None,
        embargo_in_force=case.embargo_state in IN_FORCE,
    )


def join(case: Case, party: Party) -> Case | Refused:
    """Add a party to the case."""
    if case.party(party.id) is not None:
        return Refused(code="party-twice", reason="this party already has a part in the case")
    return replace(case, parties=(*case.parties, party))


def add_finding(case: Case, finding: str) -> Case:
    """Add a finding that turned out to be the same flaw; adding it again changes nothing."""
    if finding in case.findings:
        return case
    return replace(case, findings=(*case.findings, finding))


def read_in(case: Case, participant: Participant) -> Case | Refused:
    """Let one named person or agent read the case."""
    party = case.party(participant.party)
    if party is None:
        return Refused(code="unknown-party", reason="that party has no part in the case")
    if stands_aside(case, party):
        return Refused(code="no-consent", reason="that party does not stand by the embargo")
    if not participant.approved_by or participant.actor in participant.approved_by:
        return Refused(code="not-approved", reason="somebody else must approve a read-in")
    if case.has_conflict(participant.actor):
        return Refused(code="conflict", reason="a conflict of interest keeps this actor out")
    if any(
        known.actor == participant.actor and known.reads(participant.read_in_at)
        for known in case.participants
    ):
        return Refused(code="read-in-twice", reason="this actor is already read in")
    return replace(case, participants=(*case.participants, participant))


def revoke(
    case: Case, actor: str, at: datetime, *, by: str | None = None, because: str | None = None
) -> Case | Refused:
    """End an actor's read-in at once; the record of it stays."""
    if not any(known.actor == actor and known.reads(at) for known in case.participants):
        return Refused(code="not-read-in", reason="this actor is not read in")
    participants = tuple(
        replace(known, revoked_at=at, revoked_by=by, revoked_because=because)
        if known.actor == actor and known.reads(at)
        else known
        for known in case.participants
    )
    return replace(case, participants=participants)


def give_verdict(case: Case, verdict: Verdict, policy: EmbargoPolicy) -> Case | Refused:
    """Record what a vendor says of the report, and move that vendor's own state."""
    party = case.party(verdict.party)
    if party is None or party.role is not PartyRole.VENDOR:
        return Refused(code="not-a-vendor", reason="only a vendor of this case owns a verdict")
    moved = _move(party, verdict.outcome, situation(case))
    if isinstance(moved, Refused):
        return moved
    judged = replace(_with_party(case, moved), verdicts=(*case.verdicts, verdict))
    if verdict.outcome is not Outcome.FIX_RELEASED:
        return judged
    facts = case.embargo.facts
    released = min(filter(None, (facts.fix_released_at, verdict.at)))
    return learn(judged, replace(facts, fix_released_at=released), policy, verdict.at)


def _move(party: Party, outcome: Outcome, now: Situation) -> Party | Refused:
    steps = _STEPS[outcome].get(party.report)
    if steps is None:
        reason = f"a report that this vendor has {party.report.value} takes no verdict"
        return Refused(code="no-such-step", reason=reason)
    state = REPORT_MANAGEMENT.follow(party.report, steps, now)
    return state if isinstance(state, Refused) else replace(party, report=state)


def disagree(case: Case, disagreement: Disagreement) -> Case | Refused:
    """Keep a coordinator's other opinion beside a verdict. The verdict stands as it is."""
    if not 0 <= disagreement.verdict < len(case.verdicts):
        return Refused(code="no-such-verdict", reason="there is no such verdict to disagree with")
    if not disagreement.reason.strip():
        return Refused(code="no-reason", reason="a disagreement needs its reason")
    return replace(case, disagreements=(*case.disagreements, disagreement))


def agree_date(
    case: Case,
    date: datetime,
    vendor: str,
    policy: EmbargoPolicy,
    at: datetime,
    agreed_at: datetime | None = None,
) -> Case | Refused:
    """Record the date that a vendor of the case agreed to.

    `agreed_at` is for an agreement that is written down late; the date may then have passed
    already, but never before it was agreed. Without it, the agreement is of this instant.
    """
    party = case.party(vendor)
    if party is None or party.role is not PartyRole.VENDOR:
        return Refused(code="not-a-vendor", reason="only a vendor of this case owns the date")
    if date < (at if agreed_at is None else min(agreed_at, at)):
        return Refused(code="date-in-the-past", reason="an embargo cannot end before it is agreed")
    changed = _negotiate(case)
    if isinstance(changed, Refused):
        return changed
    agreed = learn(changed, replace(case.embargo.facts, negotiated=date), policy, at)
    return _lapse(case, agreed, vendor)


def consent(case: Case, party_id: str, event: ConsentEvent) -> Case | Refused:
    """Record that a party is asked to stand by the embargo, does, or does not.

    Source: Vultron, CM-18-001 to CM-18-004.
    """
    party = case.party(party_id)
    if party is None:
        return Refused(code="unknown-party", reason="that party has no part in the case")
    if case.embargo_state not in IN_FORCE:
        return Refused(code="no-embargo", reason="there is no embargo to consent to")
    state = EMBARGO_CONSENT.step(party.consent, event, situation(case))
    return state if isinstance(state, Refused) else _with_party(case, replace(party, consent=state))


def stands_aside(case: Case, party: Party) -> bool:
    """Return whether a party declined the embargo in force, and so gets nothing under it."""
    return case.embargo_state in IN_FORCE and party.consent is ConsentState.DECLINED


_AGREES = {
    ConsentState.SIGNATORY: (),
    ConsentState.DECLINED: (ConsentEvent.INVITE, ConsentEvent.ACCEPT),
}
"""How consent is reached by whoever agreed to new terms; from elsewhere in one step."""


def _lapse(before: Case, after: Case, vendor: str) -> Case:
    """Let consent lapse when the instant moved; whoever agreed to the new one stands by it."""
    if after.embargo_state not in IN_FORCE:
        return after
    moved = before.embargo.instant != after.embargo.instant
    for party in after.parties:
        signed = party.consent is ConsentState.SIGNATORY
        events: tuple[ConsentEvent, ...] = (ConsentEvent.REVISE,) if moved and signed else ()
        if party.id == vendor:
            events = _AGREES.get(party.consent, (ConsentEvent.ACCEPT,))
        state = EMBARGO_CONSENT.follow(party.consent, events, situation(after))
        if not isinstance(state, Refused):
            after = _with_party(after, replace(party, consent=state))
    return after


def _with_party(case: Case, party: Party) -> Case:
    parties = tuple(party if known.id == party.id else known for known in case.parties)
    return replace(case, parties=parties)


def say_of_products(case: Case, statuses: Sequence[ProductStatus]) -> Case | Refused:
    """Record what vendors say of their products: all of it, or nothing."""
    vendors = {party.id for party in case.vendors}
    for said in statuses:
        excused = said.state is ProductState.NOT_AFFECTED
        if said.vendor not in vendors:
            return Refused(code="not-a-vendor", reason="only a vendor of this case has products")
        if not said.product.strip():
            return Refused(code="no-product", reason="a status needs the product that it is of")
        if excused and said.justification is None and not said.note:
            reason = "a product is called not affected with a justification or a note"
            return Refused(code="no-justification", reason=reason)
        if said.justification is not None and not excused:
            reason = "a justification belongs to a product that is not affected"
            return Refused(code="justification-unneeded", reason=reason)
    return replace(case, statuses=(*case.statuses, *statuses))


def tick(case: Case, at: datetime) -> Case:
    """Let time pass: an embargo whose instant has come is over, for every party."""
    return case if case.embargo.holds(at) else _end(case)


def _negotiate(case: Case) -> Case | Refused:
    """Propose and accept in one step, as a date that is agreed already has been both."""
    both = (EmEvent.PROPOSE, EmEvent.ACCEPT)
    state = EMBARGO_MANAGEMENT.follow(case.embargo_state, both, situation(case))
    return state if isinstance(state, Refused) else replace(case, embargo_state=state)


def merge(case: Case, other: Case, policy: EmbargoPolicy, at: datetime) -> Case:
    """Take over everything of a case that turned out to be the same flaw; nothing is lost.

    The earlier of the two instants holds from then on. Source: Vultron, VP-10-001.
    """
    offset = len(case.verdicts)
    merged = replace(
        case,
        findings=tuple(dict.fromkeys((*case.findings, *other.findings))),
        parties=(*case.parties, *(one for one in other.parties if case.party(one.id) is None)),
        participants=tuple(dict.fromkeys((*case.participants, *other.participants))),
        verdicts=(*case.verdicts, *other.verdicts),
        statuses=(*case.statuses, *other.statuses),
        disagreements=(
            *case.disagreements,
            *(replace(one, verdict=one.verdict + offset) for one in other.disagreements),
        ),
        requests=(*case.requests, *other.requests),
        conflicts=(*case.conflicts, *other.conflicts),
        contacts=case.contacts or other.contacts,
        attempts=(*case.attempts, *other.attempts),
        answers=(*case.answers, *other.answers),
        appeals=(
            *case.appeals,
            *(replace(one, verdict=one.verdict + offset) for one in other.appeals),
        ),
        deviations=(*case.deviations, *other.deviations),
        met=(*case.met, *other.met),
    )
    instants = [one.embargo.instant for one in (case, other) if one.embargo.instant is not None]
    promised = min(instants, default=None)
    return learn(merged, joined(case.embargo.facts, other.embargo.facts, promised), policy, at)


def learn(case: Case, facts: EmbargoFacts, policy: EmbargoPolicy, at: datetime) -> Case:
    """Compute the embargo anew from changed facts; one that holds no longer is ended."""
    changed = replace(case, embargo=compute(policy, facts))
    return changed if changed.embargo.holds(at) else _end(changed)


def set_aside(case: Case, waiver: Waiver, policy: EmbargoPolicy, at: datetime) -> Case | Refused:
    """Let an exception count; whoever agreed to the earlier instant must agree anew."""
    facts = case.embargo.facts
    changed = replace(
        case, embargo=compute(policy, replace(facts, waivers=(*facts.waivers, waiver)))
    )
    if changed.embargo.instant == case.embargo.instant or not changed.embargo.holds(at):
        return Refused(code="no-effect", reason=f"{changed.embargo.rule} decides all the same")
    if case.embargo_state in IN_FORCE:
        return _lapse(case, changed, "")
    begun = _negotiate(changed)
    return begun if isinstance(begun, Refused) else _lapse(case, begun, "")


def mark_published(case: Case, at: datetime) -> Case:
    """Record that the advisory is out. The first instant stays when it is revised."""
    if case.published_at is not None:
        return case
    return _end(replace(case, published_at=at))


def _end(case: Case) -> Case:
    state = EMBARGO_MANAGEMENT.step(case.embargo_state, EmEvent.TERMINATE, situation(case))
    if isinstance(state, Refused):
        return case
    parties = tuple(replace(one, consent=ConsentState.NO_EMBARGO) for one in case.parties)
    return replace(case, embargo_state=state, parties=parties)
