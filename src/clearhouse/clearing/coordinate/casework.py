"""What people do with an open case: record verdicts and dates, read in, learn, disagree.

In: an actor, a case id and what happened. Out: the changed case, or `Refused` with the reason;
every change is written with its ledger entry in the caller's transaction. Refused by exception: an
actor whose role may not do it (`ForbiddenError`), and a case that is not there for this actor
(`NoSuchCaseError`; the two kinds of absence look the same).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from clearhouse.clearing.coordinate import (
    _invitations,
    _parts,
    _store,
    _threads,
    notices,
    pacing,
    transitions,
)
from clearhouse.clearing.coordinate._store import Ahead
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.clearing.coordinate.embargo import (
    Embargo,
    News,
    ProjectPolicy,
    compute,
    learned,
)
from clearhouse.clearing.coordinate.embargo_management import IN_FORCE
from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy, Share, parse
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Case,
    CaseFile,
    Disagreement,
    Disclosure,
    DueCase,
    Outcome,
    Participant,
    PartyRole,
    Verdict,
)
from clearhouse.clearing.coordinate.relay import _store as relays
from clearhouse.clearing.coordinate.relay import following
from clearhouse.clearing.coordinate.rules import disclosure
from clearhouse.formats import purl as purls
from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity, ledger, policy
from clearhouse.kernel.identity import Actor, PartyKind
from clearhouse.kernel.ids import CaseId, PartyId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


class NoSuchCaseError(LookupError):
    """There is no such case, or the actor is not read in to it; both look the same."""


def embargo_policy() -> EmbargoPolicy:
    """Return the embargo policy in force."""
    return parse(policy.load("embargo/clearhouse-1"))


def case(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> Case:
    """Return a case to somebody who is read in.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    return case_file(desk, transaction, actor, case_id).case


def case_file(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, to_change: bool = False
) -> CaseFile:
    """Return a case as it is kept; `to_change` lets others wait until this transaction ends.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = _stored(desk, transaction, case_id, to_change=to_change)
    # Not the store's readers alone: until the next sweep they may hold one whose time is over.
    desk.authority.demand(actor, "case.read", readers_of(stored.case, transaction.now))
    return stored


def cases(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    *,
    limit: int = 500,
    offset: int = 0,
    kept_back: bool = False,
) -> list[Case]:
    """Return the cases that the actor is read in to, the most pressing first.

    `kept_back` leaves out those without an embargo, and those that are public.
    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "case.read")
    now = transaction.now
    return [
        stored.case
        for stored in _store.newest(desk, transaction, limit, offset=offset, kept_back=kept_back)
        if actor.reads(readers_of(stored.case, now))
    ]


def ends(desk: Desk, transaction: Transaction, actor: Actor) -> dict[date, int]:
    """Count the cases that are kept back by the day, in UTC, on which they become public.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "case.read")
    return _store.ends(transaction)


def case_of(transaction: Transaction, report_id: ReportId) -> CaseId | None:
    """Return the case of a report, None when there is none that the actor may see."""
    found = _store.cases_of(transaction, [report_id])
    return found[0] if found else None


def reports_of(transaction: Transaction, case_id: str) -> list[ReportId]:
    """Return the ids of the reports in a case, as far as the actor may see them."""
    return _store.reports_of(transaction, case_id)


def told(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> Disclosure:
    """Say what the actor may see of a case, with whom it may be shared, and until when.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = case(desk, transaction, actor, case_id)
    return disclosure(found, actor.principals, embargo_policy(), transaction.now)


def register_vendor(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    *,
    name: str,
    packages: Sequence[str],
    contact: str | None = None,
    project_policy: ProjectPolicy | None = None,
) -> PartyId:
    """Note who answers for packages, so that cases about them find their vendor.

    Raises: ForbiddenError; PurlError when a package URL cannot be read.
    """
    decision = desk.authority.demand(actor, "case.open")
    identities = [purls.identity(one) for one in packages]
    party_id = identity.add_party(transaction, PartyKind.VENDOR, name, contact=contact)
    _store.register_vendor(transaction, party_id, identities, project_policy)
    ledger.append(
        transaction,
        "vendor.registered",
        party_id,
        {"packages": len(identities), "authority": decision.policy},
        readers=(*HOUSE_READERS, *identity.WATCHERS),
    )
    return party_id


def give_verdict(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    vendor: str,
    outcome: Outcome,
    reason: str | None = None,
    fixed_version: str | None = None,
) -> Case | Refused:
    """Record what a vendor says of the report; a vendor's own actor, or a coordinator for it.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    act = "verdict.record" if actor.party_id == vendor else "verdict.record_for_vendor"
    verdict = Verdict(
        party=vendor,
        outcome=outcome,
        by=actor.actor_id,
        at=transaction.now,
        reason=reason,
        fixed_version=fixed_version,
    )
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=act,
        event="verdict.recorded",
        data={"vendor": vendor, "outcome": outcome.value},
        apply=lambda found: transitions.give_verdict(found, verdict, embargo_policy()),
    )


def agree_date(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    vendor: str,
    date: datetime,
    agreed_at: datetime | None = None,
) -> Case | Refused:
    """Record the date that a vendor agreed to. `agreed_at`: when, if it is written down late.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    now = transaction.now
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="embargo.set",
        event="embargo.agreed",
        data={"vendor": vendor, "date": date.isoformat()},
        apply=lambda found: transitions.agree_date(
            found, date, vendor, embargo_policy(), now, agreed_at
        ),
    )


def learn(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, news: News
) -> Case | Refused:
    """Record facts that the embargo depends on, and compute it anew.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    now = transaction.now
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="embargo.set",
        event="embargo.fact",
        data={"facts": list(news.named)},
        apply=lambda found: transitions.learn(
            found, learned(found.embargo.facts, news), embargo_policy(), now
        ),
    )


def what_if(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, news: News
) -> tuple[Embargo, Embargo]:
    """Return the embargo as it is, and as it would be with the news; nothing is written.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    now = case(desk, transaction, actor, case_id).embargo
    return now, compute(embargo_policy(), learned(now.facts, news))


def disagree(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, verdict: int, reason: str
) -> Case | Refused:
    """Keep a coordinator's other opinion beside a verdict.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    other = Disagreement(verdict=verdict, by=actor.actor_id, at=transaction.now, reason=reason)
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="verdict.record_for_vendor",
        event="verdict.disagreed",
        data={"verdict": verdict},
        apply=lambda found: transitions.disagree(found, other),
    )


def join(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, party: str, role: PartyRole
) -> Case | Refused:
    """Give a known party a part in the case.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    known = _store.parties(transaction, [PartyId(party)], role)
    if not known:
        case(desk, transaction, actor, case_id)  # who may not see it learns nothing else
        return Refused(code="unknown-party", reason="the house knows no party of that id")
    done = change(
        desk,
        transaction,
        actor,
        case_id,
        act="case.read_in",
        event="case.party_joined",
        data={"party": party, "role": role.value},
        apply=lambda found: transitions.join(found, known[0]),
    )
    if role is PartyRole.VENDOR and not isinstance(done, Refused):
        notices.hand_over(transaction, _stored(desk, transaction, case_id))
    return done


def mark_published(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, at: datetime
) -> Case | Refused:
    """Record that the advisory is out since an instant.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="advisory.publish",
        event="case.published",
        data={"at": at.isoformat()},
        apply=lambda found: transitions.mark_published(found, at),
    )


def due(transaction: Transaction) -> list[DueCase]:
    """Return the cases that no embargo keeps back any more and that are not published."""
    return _store.due(transaction)


def history(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> list[tuple[int, datetime, str, str]]:
    """Return number, instant, actor and event of every change of a case.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    case(desk, transaction, actor, case_id)
    return _store.revisions(transaction, case_id)


def readers_of(found: Case, at: datetime) -> list[str]:
    """Return the principals that the database lets read a case at an instant, and who is barred.

    Whose party declined the embargo in force reads nothing that is under it.
    """
    return sorted({*house_readers(found), *(one.actor for one in _reading(found, at))})


def house_readers(found: Case) -> tuple[str, ...]:
    """Return who of the house reads a case, and whom a conflict of interest keeps out."""
    barred = (identity.bar(one.actor) for one in found.conflicts if one.lifted_at is None)
    return (*HOUSE_READERS, *barred)


def _reading(found: Case, at: datetime) -> list[Participant]:
    """Return the read-ins that stand: not ended, not aside, and not over with publication."""
    aside = {party.id for party in found.parties if transitions.stands_aside(found, party)}
    public = found.published_at is not None and found.published_at <= at
    return [
        one
        for one in found.participants
        if one.reads(at) and one.party not in aside and (one.expires_at is not None or not public)
    ]


def thread_readers(found: Case, party_id: str | None, at: datetime) -> list[str]:
    """Return who reads a thread: everybody who is read in, or the house and those of one party.

    A finder reads its own thread without a read-in, for it tells of nothing but its own report.
    """
    if party_id is None:
        return readers_of(found, at)
    party = found.party(party_id)
    own = {party_id} if party is not None and party.role is PartyRole.FINDER else set()
    reading = {one.actor for one in _reading(found, at) if one.party == party_id}
    return sorted({*house_readers(found), *own, *reading})


def part_readers(found: Case, share: Share, at: datetime) -> list[str]:
    """Return who reads a part of a case: the house, and those whose tier sees it."""
    tiers = embargo_policy()
    seeing = {one.actor for one in _reading(found, at) if share in tiers.tier(one.tier).sees}
    return sorted({*house_readers(found), *seeing})


def next_clock(found: Case, at: datetime) -> datetime | None:
    """Return when time alone next changes a case, None when it never will."""
    ends = [one.expires_at for one in _reading(found, at) if one.expires_at is not None]
    if found.embargo_state in IN_FORCE and found.embargo.instant is not None:
        ends.append(found.embargo.instant)
    return min(ends, default=None)


def ahead(found: Case, at: datetime) -> Ahead:
    """Return what time alone will do to a case next."""
    clock, instant = next_clock(found, at), found.embargo.instant
    if clock is None or clock != instant or clock <= at:
        return Ahead(at=clock, plain_end=False, after=None)
    ended = transitions.tick(found, instant)
    return Ahead(
        at=clock,
        plain_end=readers_of(ended, instant) == readers_of(found, at),
        after=next_clock(ended, instant),
    )


def write(
    desk: Desk,
    transaction: Transaction,
    before: CaseFile,
    after: Case,
    event: str,
    data: Mapping[str, Json],
) -> None:
    """Save a changed case with its ledger entry, open or close it as its read-ins say.

    Its peers hear of it.
    """
    _store.save(desk, transaction, before, after, event, ahead=ahead(after, transaction.now))
    if pacing.is_urgent(pacing.in_force(), after.embargo.facts):
        _store.hurry_notices(transaction, after.id)
    readers = readers_of(after, transaction.now)
    if sorted(before.readers) != readers:
        _store.set_readers(transaction, before.compartment, readers)
        for thread in _threads.threads(transaction, after.id):
            wanted = thread_readers(after, thread.party_id, transaction.now)
            _threads.set_readers(transaction, thread, wanted)
        for compartment in (
            *relays.compartments(transaction, after.id),
            *_invitations.compartments(transaction, after.id),
        ):
            _store.set_readers(transaction, compartment, sorted(house_readers(after)))
        for part in _parts.kept(transaction, after.id):
            seeing = part_readers(after, part.share, transaction.now)
            _parts.set_readers(transaction, part, seeing)
    embargo = after.embargo
    ledger.append(
        transaction,
        event,
        after.id,
        {
            **data,
            "policy": f"{embargo.policy}/{embargo.version}",
            "rule": embargo.rule,
            "embargo": None if embargo.instant is None else embargo.instant.isoformat(),
            "embargo_state": after.embargo_state.value,
        },
        readers=readers,
        compartment=before.compartment,
    )
    following.follow(desk, transaction, before, after, readers)


Apply = Callable[[Case], Case | Refused]


def change(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    act: str,
    event: str,
    data: Mapping[str, Json],
    apply: Apply,
) -> Case | Refused:
    """Load, decide, permit and write; a change that changes nothing writes nothing.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    before = _stored(desk, transaction, case_id, to_change=True)
    decision = desk.authority.demand(actor, act, readers_of(before.case, transaction.now))
    after = apply(before.case)
    if isinstance(after, Refused) or after == before.case:
        return after
    write(desk, transaction, before, after, event, {**data, "authority": decision.policy})
    return after


def _stored(
    desk: Desk, transaction: Transaction, case_id: str, *, to_change: bool = False
) -> CaseFile:
    stored = _store.load(desk, transaction, case_id, to_change=to_change)
    if stored is None:
        raise NoSuchCaseError("no case with this id that you may read")
    return stored
