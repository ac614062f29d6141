"""Lets people and agents into a case and out of it, and keeps out who has a conflict of interest.

In: an actor, a case id, whom it concerns and why. Out: the changed case, or `Refused` with the
reason. Where the policy asks for two persons, a read-in waits as a request of the case until
somebody else grants it; the database opens the case with that commit and not before. An emergency
read-in needs one person, ends by itself after the policy's hours, and is reviewed by a second one.
Refused by exception: an actor whose role may not do it, and a case that is not there for it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from clearhouse.clearing.coordinate import (
    _store,
    casework,
    read_in_log,
    read_in_policy,
    second_person,
    transitions,
)
from clearhouse.clearing.coordinate.casework import change, embargo_policy
from clearhouse.clearing.coordinate.embargo import Waiver
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.read_in_log import Entry
from clearhouse.clearing.coordinate.record import Case, Conflict, Participant
from clearhouse.clearing.coordinate.second_person import ExceptionPolicy
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import identity, policy, vault
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_ACT = "case.read_in"


def exception_policy() -> ExceptionPolicy:
    """Return the policy of exceptions in force."""
    return second_person.parse_exceptions(policy.load("exceptions/clearhouse-1"))


def read_in(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    who: Actor,
    tier: int,
    expires_at: datetime | None = None,
    reason: str | None = None,
) -> Case | Refused:
    """Let one person or agent read the case, or ask for it where two persons must agree.

    `reason` says why it needs to know.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    rules = read_in_policy.in_force()
    found = casework.case(desk, transaction, actor, case_id)
    party = found.party(who.party_id)
    wanted = replace(_participant(transaction, actor, who, tier, reason), expires_at=expires_at)
    alone = rules.needed(tier, None if party is None else party.role) < 2
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event="case.read_in" if alone else "case.read_in_asked",
        data={
            "actor": who.actor_id,
            "party": who.party_id,
            "tier": tier,
            "read_in_policy": rules.name,
        },
        apply=lambda case: (
            transitions.read_in(case, wanted) if alone else second_person.ask_read_in(case, wanted)
        ),
    )


def read_in_by_id(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    who: ActorId,
    tier: int,
    reason: str,
    expires_at: datetime | None = None,
    emergency: bool = False,
) -> Case | Refused:
    """Let somebody in whom the caller knows by id, the usual way or as an emergency.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = identity.actor(transaction, who)
    if found is None:
        casework.case(desk, transaction, actor, case_id)  # who may not see it learns nothing else
        return Refused(code="unknown-actor", reason="the house knows no such person or agent")
    if emergency:
        return let_in_alone(desk, transaction, actor, case_id, who=found, tier=tier, reason=reason)
    return read_in(
        desk,
        transaction,
        actor,
        case_id,
        who=found,
        tier=tier,
        reason=reason,
        expires_at=expires_at,
    )


def let_in_alone(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, who: Actor, tier: int,
    reason: str,
) -> Case | Refused:  # fmt: skip
    """Let somebody in at once on one person's word, for the hours of the policy and no longer.

    Raises: NoSuchCaseError, ForbiddenError; an agent may not.
    """
    rules = read_in_policy.in_force()
    found = casework.case_file(desk, transaction, actor, case_id)
    desk.authority.demand_person(actor, _ACT, found.readers)
    now = transaction.now
    wanted = replace(
        _participant(transaction, actor, who, tier, reason), expires_at=now + rules.emergency
    )
    review_by = now + timedelta(hours=rules.review_hours)
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event="case.read_in_emergency",
        data={
            "actor": who.actor_id,
            "party": who.party_id,
            "tier": tier,
            "until": (now + rules.emergency).isoformat(),
            "review_by": review_by.isoformat(),
            "read_in_policy": rules.name,
        },
        apply=lambda case: second_person.let_in_alone(case, wanted, review_by=review_by),
    )


def review(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, number: int, upheld: bool,
    because: str,
) -> Case | Refused:  # fmt: skip
    """Say afterwards whether an emergency read-in was right; one that was not ends at once.

    Raises: NoSuchCaseError, ForbiddenError; an agent may not.
    """
    _demand_person(desk, transaction, actor, case_id, _ACT)
    now = transaction.now
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event="case.read_in_reviewed",
        data={"number": number, "upheld": upheld},
        apply=lambda case: second_person.review(
            case, number, by=actor.actor_id, at=now, upheld=upheld, because=because
        ),
    )


def revoke(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    who: str,
    because: str | None = None,
) -> Case | Refused:
    """End a read-in; the database closes the case to that actor with the same commit.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    now = transaction.now
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event="case.read_in_revoked",
        data={"actor": who},
        apply=lambda case: transitions.revoke(case, who, now, by=actor.actor_id, because=because),
    )


def ask_exception(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, rule: str,
    until: datetime, reason: str,
) -> Case | Refused:  # fmt: skip
    """Ask that a rule of the embargo policy be set aside; it counts when a second person grants it.

    Raises: NoSuchCaseError, ForbiddenError; an agent may not.
    """
    _demand_person(desk, transaction, actor, case_id, "embargo.set")
    rules = exception_policy()
    waiver, now = Waiver(rule=rule, until=until), transaction.now
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="embargo.set",
        event="embargo.exception_asked",
        data={"rule": rule, "until": waiver.until.isoformat(), "exceptions": rules.name},
        apply=lambda case: second_person.ask_exception(
            case, waiver, rules, by=actor.actor_id, at=now, reason=reason
        ),
    )


def decide(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, number: int, grant: bool,
    because: str,
) -> Case | Refused:  # fmt: skip
    """Grant or refuse what somebody else asked for.

    Raises: NoSuchCaseError, ForbiddenError; an agent may not.
    """
    found = casework.case(desk, transaction, actor, case_id)
    asked = found.requests[number] if 0 <= number < len(found.requests) else None
    exception = asked is not None and asked.waiver is not None
    act = "embargo.set" if exception else _ACT
    _demand_person(desk, transaction, actor, case_id, act)
    kind = "embargo.exception" if exception else "case.read_in"
    now = transaction.now
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=act,
        event=f"{kind}_granted" if grant else f"{kind}_refused",
        data={"number": number, "asked_by": None if asked is None else asked.by},
        apply=lambda case: second_person.decide(
            case,
            number,
            embargo_policy(),
            by=actor.actor_id,
            at=now,
            granted=grant,
            because=because,
        ),
    )


def declare_conflict(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, who: str, what: str
) -> Case | Refused:
    """Keep somebody out of a case, its words, reports and findings, whatever group lets them in.

    Anybody who reads the case may say so of themselves; of others, who may read people in.
    Raises: NoSuchCaseError, ForbiddenError.
    """
    act = "case.read" if who == actor.actor_id else _ACT
    conflict = Conflict(actor=who, what=what, by=actor.actor_id, at=transaction.now)
    before = casework.case_file(desk, transaction, actor, case_id)
    possible = second_person.declare_conflict(before.case, conflict)
    if isinstance(possible, Refused):
        return possible
    desk.authority.demand(actor, act, before.readers)
    _keep_out(transaction, case_id, identity.bar(who), out=True)  # before it bars the actor itself
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=act,
        event="case.conflict_declared",
        data={"actor": who},
        apply=lambda case: second_person.declare_conflict(case, conflict),
    )


def lift_conflict(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, who: str, because: str
) -> Case | Refused:
    """End a declared conflict of interest of somebody else.

    Raises: NoSuchCaseError, ForbiddenError; an agent may not.
    """
    _demand_person(desk, transaction, actor, case_id, _ACT)
    now = transaction.now
    done = change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event="case.conflict_lifted",
        data={"actor": who},
        apply=lambda case: second_person.lift_conflict(
            case, who, by=actor.actor_id, at=now, because=because
        ),
    )
    if not isinstance(done, Refused):
        _keep_out(transaction, case_id, identity.bar(who), out=False)
    return done


def log(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> tuple[Entry, ...]:
    """Return who was let in, asked to be, or kept out.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = casework.case_file(desk, transaction, actor, case_id)
    desk.authority.demand(actor, _ACT, found.readers)
    ids = [ActorId(one) for one in sorted(read_in_log.ids(found.case))]
    names = identity.actor_names(transaction, ids)
    return read_in_log.entries(found.case, {str(one): name for one, name in names.items()})


def _participant(
    transaction: Transaction, actor: Actor, who: Actor, tier: int, reason: str | None
) -> Participant:
    return Participant(
        actor=who.actor_id,
        party=who.party_id,
        tier=tier,
        read_in_at=transaction.now,
        approved_by=(actor.actor_id,),
        reason=reason,
    )


def _demand_person(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, act: str
) -> None:
    found = casework.case_file(desk, transaction, actor, case_id)
    desk.authority.demand_person(actor, act, found.readers)


def _keep_out(transaction: Transaction, case_id: str, bar: str, *, out: bool) -> None:
    """Bar an actor from the reports of a case and their findings, or let them read again."""
    reports = _store.reports_of(transaction, case_id)
    for one in (
        *intake.compartments_of(transaction, reports),
        *match.compartments_of(transaction, reports),
    ):
        readers = set(vault.readers_of(transaction, one)) - {bar}
        vault.set_readers(transaction, one, sorted(readers | ({bar} if out else set())))
