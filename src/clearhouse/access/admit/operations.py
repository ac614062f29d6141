"""Nominate, apply, assess, decide together, and appeal.

In: officers of the two sides and applicants. Out: the admission. Refused: parties that nobody
nominated; words of anybody but the two sides; a side's second word; an approval below the published
threshold, over the capacity, or by somebody with a conflict of interest.
An application is read by the two sides, the party and its sponsor; what the sides write about it is
read by the sides alone. The applicant learns the state and the reason codes.
"""

from dataclasses import replace
from datetime import timedelta

from clearhouse.access.admit import _store, rules
from clearhouse.access.admit.record import (
    ADMISSION,
    Admission,
    AdmissionState,
    AdmissionStep,
    Application,
    Assessment,
    AssessmentKind,
    Opinion,
    Tier,
)
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import Window, WindowState
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PartyId, new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

NOMINATE, ASSESS, DECIDE, APPLY = (
    "access.nominate",
    "access.assess",
    "access.decide",
    "access.apply",
)


def nominate(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    window_id: str,
    *,
    party: PartyId,
    reason: str,
) -> Window | Refused:
    """Nominate a party: it may now read the window and apply.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.lead(desk, transaction, actor, window_id, NOMINATE)
    side = window.side_of(actor.party_id)
    if side is None or identity.party_kind(transaction, party) is None:
        return Refused(code="party", reason="there is no such party")
    if not reason.strip():
        return Refused(code="reason", reason="a nomination has a reason")
    _store.nominate(desk, transaction, window, party=party, side=side, actor=actor, reason=reason)
    offer.admit_readers(transaction, window, [party])
    offer.note(transaction, window, "window.nominated", {"party": party, "side": side}, party)
    return offer.window(desk, transaction, actor, window_id)


def apply(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    window_id: str,
    *,
    track: str,
    tier: Tier,
    application: Application,
    for_party: PartyId | None = None,
) -> Admission | Refused:
    """Apply for a party; a sponsor names the party that it applies for.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.window(desk, transaction, actor, window_id)
    desk.authority.demand(actor, APPLY, window.readers)
    party = for_party or actor.party_id
    policy = rules.selection(window.selection)
    found = [
        *rules.application_faults(policy, track, application, sponsored=party != actor.party_id),
        *_party_faults(transaction, window, party, tier),
        *_holder_faults(transaction, party, application),
    ]
    if found:
        return offer.joined(found)
    sponsor = actor.party_id if party != actor.party_id else None
    admission = _submitted(desk, transaction, window, party, sponsor, track, tier, application)
    if not _store.insert(desk, transaction, admission):
        return Refused(code="applied", reason="this party has applied to this window")
    _note(transaction, admission, "admission.submitted", {"track": track, "tier": tier})
    return admission


def admission(desk: Desk, transaction: Transaction, actor: Actor, admission_id: str) -> Admission:
    """Return one application.

    Raises: NotThereError, ForbiddenError.
    """
    desk.authority.demand(actor, offer.READ)
    return _found(_store.load(desk, transaction, admission_id))


def admissions(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> tuple[Admission, ...]:
    """Return the applications of a window that the actor may read.

    Raises: NotThereError, ForbiddenError.
    """
    offer.window(desk, transaction, actor, window_id)
    return _store.of_window(desk, transaction, window_id)


def written(
    desk: Desk, transaction: Transaction, actor: Actor, admission_id: str
) -> tuple[Assessment, ...]:
    """Return what the sides wrote; nothing for anybody else.

    Raises: NotThereError, ForbiddenError.
    """
    admission(desk, transaction, actor, admission_id)
    return _store.written(desk, transaction, admission_id)


def nominated(transaction: Transaction, window_id: str) -> tuple[PartyId, ...]:
    """Return the parties that were nominated, for the two sides; nothing for anybody else."""
    return _store.nominated(transaction, window_id)


def assess(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    admission_id: str,
    kind: AssessmentKind,
    opinion: Opinion,
) -> Admission | Refused:
    """Score an application, declare a conflict of interest, or say the word of one's side.

    When the words of both sides are there, or one is against it, the application is decided.
    Raises: NotThereError, ForbiddenError.
    """
    one = _found(_store.load(desk, transaction, admission_id, to_change=True))
    act = DECIDE if kind is AssessmentKind.DECISION else ASSESS
    window = offer.lead(desk, transaction, actor, one.window_id, act)
    side = window.side_of(actor.party_id)
    if side is None:
        raise ForbiddenError("only the two sides of a window assess")
    if one.state not in {AdmissionState.SUBMITTED, AdmissionState.APPEALED}:
        return Refused(code="no-such-step", reason=f"this application is {one.state.value}")
    fresh = Assessment(
        assessment_id=new_id("asm"),
        admission_id=admission_id,
        side=side,
        kind=kind,
        actor_id=actor.actor_id,
        round=2 if one.state is AdmissionState.APPEALED else 1,
        at=transaction.now,
        opinion=opinion,
    )
    before = _store.written(desk, transaction, admission_id)
    policy = rules.selection(window.selection)
    found: tuple[Refused, ...] = ()
    if kind is AssessmentKind.SCORE:
        found = rules.score_faults(policy, one.track, opinion.scores)
    elif kind is AssessmentKind.DECISION:
        left = window.capacity - _store.taken(transaction, window.window_id)
        found = rules.decision_faults(policy, one.track, before, fresh, places_left=left)
    if found:
        return offer.joined(found)
    _store.write(desk, transaction, window, fresh)
    facts: dict[str, Json] = {"admission": admission_id, "side": side, "by": actor.actor_id}
    offer.note(transaction, window, f"admission.{kind.value}", facts)
    return _settle(desk, transaction, one, (*before, fresh), fresh.round)


def appeal(
    desk: Desk, transaction: Transaction, actor: Actor, admission_id: str, *, words: str
) -> Admission | Refused:
    """Ask for a second decision, once, in the days that the criteria give.

    Raises: NotThereError, ForbiddenError.
    """
    one = own(desk, transaction, actor, admission_id, APPLY)
    window = offer.window(desk, transaction, actor, one.window_id)
    days = rules.selection(window.selection).appeal_within_days
    state = ADMISSION.after(one.state, AdmissionStep.APPEAL)
    if isinstance(state, Refused):
        return state
    if transaction.now > one.changed_at + timedelta(days=days):
        return Refused(code="late", reason=f"an appeal comes within {days} days")
    if not words.strip():
        return Refused(code="reason", reason="an appeal says what should be seen differently")
    after = replace(one, state=state, application=replace(one.application, appeal=words))
    return _moved(desk, transaction, after, "admission.appealed")


def withdraw(
    desk: Desk, transaction: Transaction, actor: Actor, admission_id: str
) -> Admission | Refused:
    """Take an application back.

    Raises: NotThereError, ForbiddenError.
    """
    one = own(desk, transaction, actor, admission_id, APPLY)
    return moved(desk, transaction, one, AdmissionStep.WITHDRAW)


def moved(
    desk: Desk, transaction: Transaction, one: Admission, step: AdmissionStep
) -> Admission | Refused:
    """Take an application one step further, for the rooms that come after."""
    state = ADMISSION.after(one.state, step)
    if isinstance(state, Refused):
        return state
    if state is one.state:
        return one
    return _moved(desk, transaction, replace(one, state=state), f"admission.{state.value}")


def own(
    desk: Desk, transaction: Transaction, actor: Actor, admission_id: str, act: str
) -> Admission:
    """Return an application to be changed by its party or its sponsor.

    Raises: NotThereError, ForbiddenError.
    """
    one = _found(_store.load(desk, transaction, admission_id, to_change=True))
    desk.authority.demand(actor, act, one.readers)
    if actor.party_id not in {one.party, one.sponsor}:
        raise ForbiddenError(f"only the applicant or its sponsor may {act}")
    return one


def _submitted(  # one parameter a fact of the application
    desk: Desk,
    transaction: Transaction,
    window: Window,
    party: PartyId,
    sponsor: PartyId | None,
    track: str,
    tier: Tier,
    application: Application,
) -> Admission:
    readers = {window.lab, window.government, party, offer.MACHINERY}
    box = desk.vault.new_box(transaction, sorted(readers | ({sponsor} if sponsor else set())))
    return Admission(
        admission_id=new_id("adm"),
        window_id=window.window_id,
        party=party,
        sponsor=sponsor,
        track=track,
        tier=tier,
        state=AdmissionState.SUBMITTED,
        submitted_at=transaction.now,
        changed_at=transaction.now,
        reason_codes=(),
        application=application,
        compartment=box.compartment,
        readers=box.readers,
    )


def _settle(
    desk: Desk,
    transaction: Transaction,
    one: Admission,
    written_: tuple[Assessment, ...],
    round_: int,
) -> Admission | Refused:
    step = rules.verdict(written_, round_)
    if step is None:
        return one
    codes = dict.fromkeys(
        code
        for said in written_
        if said.kind is AssessmentKind.DECISION and said.round == round_
        for code in said.opinion.codes
    )
    after = replace(one, reason_codes=tuple(codes) if step is AdmissionStep.DECLINE else ())
    return moved(desk, transaction, after, step)


def _moved(desk: Desk, transaction: Transaction, after: Admission, kind: str) -> Admission:
    _store.save(desk, transaction, after)
    _note(transaction, after, kind, {"codes": list(after.reason_codes)})
    return replace(after, changed_at=transaction.now)


def _note(transaction: Transaction, one: Admission, kind: str, facts: dict[str, Json]) -> None:
    ledger.append(
        transaction,
        kind,
        one.admission_id,
        {"window": one.window_id, "party": one.party, **facts},
        readers=one.readers,
        compartment=one.compartment,
    )


def _found(one: Admission | None) -> Admission:
    if one is None:
        raise NotThereError("no such application")
    return one


def _party_faults(
    transaction: Transaction, window: Window, party: PartyId, tier: Tier
) -> list[Refused]:
    found = []
    if party not in window.readers or party == window.lab:
        found.append(Refused(code="nominated", reason="a side nominates the party first"))
    if window.state is WindowState.CLOSED:
        found.append(Refused(code="closed", reason="the window is closed"))
    kind = identity.party_kind(transaction, party)
    if tier is Tier.GOVERNMENT and kind is not identity.PartyKind.GOVERNMENT:
        found.append(Refused(code="tier", reason="only a government party comes first"))
    return found


def _holder_faults(
    transaction: Transaction, party: PartyId, application: Application
) -> list[Refused]:
    """Return which named holders are not persons or agents of the party."""
    found = []
    for holder in application.holders:
        actor = identity.actor(transaction, holder.actor_id)
        if actor is None or actor.party_id != party:
            found.append(
                Refused(code="holder", reason=f"{holder.actor_id} does not act for the party")
            )
    return found
