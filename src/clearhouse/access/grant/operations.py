"""Issue a grant, bind it to a key, and end it at once.

In: an approved admission and one of its named holders. Out: a grant. Refused: holders that the
application does not name, times outside the window, keys that are not the holder's, terms that were
not accepted word for word.
A kill takes effect with its commit: the gateway hears of it then, and stops when it hears nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.record import Admission, AdmissionStep
from clearhouse.access.grant import _store, rules
from clearhouse.access.grant.record import (
    Bearer,
    Grant,
    GrantState,
    Kill,
    Scope,
    Selector,
    Use,
)
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import Window
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.access.terms import terms as terms_of
from clearhouse.formats import dpop
from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

GRANT, HOLD, DECIDE = "access.grant", "access.hold", "access.decide"


def issue(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    admission_id: str,
    *,
    holder: ActorId,
    scope: Scope,
    not_before: datetime,
    not_after: datetime,
) -> Grant | Refused:
    """Issue a grant to a holder whom the application names; its sponsor may do it too.

    Raises: NotThereError, ForbiddenError.
    """
    admission, window = _admitted(desk, transaction, actor, admission_id)
    named = {one.actor_id: one for one in admission.application.holders}
    found = [
        *rules.scope_faults(scope, admission),
        *rules.time_faults(window, admission, not_before, not_after),
    ]
    if holder not in named or identity.actor(transaction, holder) is None:
        found.append(Refused(code="holder", reason="the application does not name this holder"))
    if found:
        return offer.joined(found)
    grant = Grant(
        grant_id=new_id("gra"),
        window_id=window.window_id,
        admission_id=admission_id,
        holder=holder,
        state=GrantState.PENDING,
        jkt=None,
        scope=scope,
        not_before=not_before,
        not_after=not_after,
        issued_at=transaction.now,
        issued_by=actor.actor_id,
        activated_at=None,
        revoked_at=None,
        revoked_because=None,
        compartment=admission.compartment,
        readers=admission.readers,
    )
    _store.insert(desk, transaction, admission, grant, named[holder].attributes)
    _note(transaction, grant, "grant.issued", {"budget": scope.token_budget})
    moved = admit.moved(desk, transaction, admission, AdmissionStep.PROVISION)
    return moved if isinstance(moved, Refused) else grant


def activate(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    grant_id: str,
    *,
    jwk: Mapping[str, object],
    accepted: Mapping[str, str],
) -> Grant | Refused:
    """Bind a grant to the holder's public key, and note which clauses a person accepted.

    `accepted` gives the SHA-256 of every clause. For an agent, the responsible person does it.
    Raises: NotThereError, ForbiddenError.
    """
    grant = _found(_store.load(transaction, grant_id))
    desk.authority.demand(actor, HOLD, grant.readers)
    person = identity.responsible_for(transaction, grant.holder)
    if actor.actor_id != person:
        raise ForbiddenError("only the holder, or the person who answers for an agent, may do it")
    if grant.state is not GrantState.PENDING:
        return Refused(code="no-such-step", reason=f"this grant is {grant.state.value}")
    terms = terms_of(offer.window(desk, transaction, actor, grant.window_id).terms)
    if dict(accepted) != {clause.id: clause.sha256 for clause in terms.clauses}:
        return Refused(code="terms", reason=f"accept every clause of {terms.name} by its hash")
    try:
        public = dpop.public_jwk(dpop.public_key(jwk))
    except dpop.KeyShapeError as error:
        return Refused(code="key", reason=str(error))
    after = replace(grant, state=GrantState.ACTIVE, jkt=dpop.thumbprint(public))
    try:
        with transaction.connection.transaction():
            _store.activate(transaction, after, public)
    except _store.UniqueViolation:
        return Refused(code="key", reason="a key is for one grant; make another")
    _store.accept(transaction, after, terms.clauses, actor.actor_id)
    _note(transaction, after, "grant.activated", {"jkt": after.jkt, "terms": terms.sha256})
    admission = admit.admission(desk, transaction, actor, grant.admission_id)
    moved = admit.moved(desk, transaction, admission, AdmissionStep.ACTIVATE)
    return moved if isinstance(moved, Refused) else after


def grants(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> tuple[tuple[Grant, Use], ...]:
    """Return the grants of a window with their use, as far as the actor may read them.

    Raises: NotThereError, ForbiddenError.
    """
    offer.window(desk, transaction, actor, window_id)
    used = _store.use(transaction, window_id)
    return tuple(
        (one, used.get(one.grant_id, Use())) for one in _store.of_window(transaction, window_id)
    )


def grant(desk: Desk, transaction: Transaction, actor: Actor, grant_id: str) -> Grant:
    """Return one grant.

    Raises: NotThereError, ForbiddenError.
    """
    desk.authority.demand(actor, offer.READ)
    return _found(_store.load(transaction, grant_id))


def held(desk: Desk, transaction: Transaction, actor: Actor) -> tuple[Grant, ...]:
    """Return the actor's own grants; none without the role."""
    if not desk.authority.may(actor, offer.READ).allowed:
        return ()
    return _store.held(transaction, actor.actor_id)


def kill(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    window_id: str,
    selector: Selector,
    *,
    because: str,
    dry_run: bool,
) -> Kill | Refused:
    """End the access of those whom the selector means, or say who they would be.

    Either side can do it alone. Holders' attributes are read for it, and never leave.
    Raises: NotThereError, ForbiddenError.
    """
    window = offer.lead(desk, transaction, actor, window_id, DECIDE)
    if selector.attribute is None and selector.values:
        return Refused(code="selector", reason="name the attribute that the values are of")
    bearers = _store.bearers(desk, transaction, window_id)
    lost = rules.losers(bearers, selector)
    if not dry_run and not because.strip():
        return Refused(code="reason", reason="a kill has a reason")
    if not dry_run:
        _store.revoke(transaction, [one.grant_id for one in lost], because)
        by_id = {one.grant.grant_id: one.grant for one in bearers}
        for one in lost:
            _note(transaction, by_id[one.grant_id], "grant.revoked", {})
        offer.note(transaction, window, "window.kill", {"grants": len(lost), "because": because})
    return Kill(done=not dry_run, losers=lost, keep=len(bearers) - len(lost))


def plant(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str, needle: str
) -> str | Refused:
    """Plant a canary: a string that must not pass in prompts or answers; return its id.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.lead(desk, transaction, actor, window_id, DECIDE)
    if not 8 <= len(needle) <= 200 or not needle.isprintable():
        return Refused(code="canary", reason="a canary has 8 to 200 printable characters")
    box = desk.vault.open_box(transaction, window.deliberation)
    canary_id = new_id("can")
    place = (box.compartment, list(box.readers))
    _store.add_canary(transaction, canary_id, window_id, needle, place)
    offer.note(transaction, window, "canary.planted", {"canary": canary_id})
    return canary_id


def alarms(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> list[Row]:
    """Return the alarms of a window for its two sides, the newest first.

    Raises: NotThereError, ForbiddenError.
    """
    offer.window(desk, transaction, actor, window_id)
    return _store.alarms(transaction, window_id)


def end_all(
    desk: Desk, transaction: Transaction, window: Window, because: str
) -> tuple[Bearer, ...]:
    """End every live grant of a window, for the room that closes it."""
    bearers = _store.bearers(desk, transaction, window.window_id)
    _store.revoke(transaction, [one.grant.grant_id for one in bearers], because)
    for one in bearers:
        _note(transaction, one.grant, "grant.revoked", {"because": because})
    return bearers


def _admitted(
    desk: Desk, transaction: Transaction, actor: Actor, admission_id: str
) -> tuple[Admission, Window]:
    admission = admit.admission(desk, transaction, actor, admission_id)
    window = offer.window(desk, transaction, actor, admission.window_id)
    if admission.sponsor is not None and actor.party_id == admission.sponsor:
        return admit.own(desk, transaction, actor, admission_id, admit.APPLY), window
    desk.authority.demand(actor, GRANT, admission.readers)
    if window.side_of(actor.party_id) is None:
        raise ForbiddenError("only a side of the window, or the sponsor, issues grants")
    return admission, window


def _note(transaction: Transaction, one: Grant, kind: str, facts: Mapping[str, Json]) -> None:
    ledger.append(
        transaction,
        kind,
        one.grant_id,
        {"window": one.window_id, "holder": one.holder, **facts},
        readers=one.readers,
        compartment=one.compartment,
    )


def _found(one: Grant | None) -> Grant:
    if one is None:
        raise NotThereError("no such grant")
    return one
