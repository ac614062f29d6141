"""Open a window, move its times, pause it, and stop it.

In: a lab's officer, and what is offered. Out: the window. Refused: anybody but the lab who opens or
prolongs; anybody but the two sides who pauses or stops; times that break the rule of thirty days.
Either side can pause or stop alone, and at once; only the lab resumes.
"""

from collections.abc import Sequence
from dataclasses import replace

from clearhouse.access.offer import _store, rules
from clearhouse.access.offer.record import (
    WINDOW,
    ModelPin,
    Side,
    Times,
    Window,
    WindowState,
    WindowStep,
)
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.access.terms import terms as terms_of
from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity, ledger, vault
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PartyId, new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

MACHINERY = "role:clearing"
OFFER, DECIDE, READ = "access.offer", "access.decide", "access.read"


def offer(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    *,
    label: str,
    government: PartyId,
    model: ModelPin,
    times: Times,
    capacity: int,
    terms: str = "access/terms-1",
    selection: str = "access/selection-1",
) -> Window | Refused:
    """Write down a window that the actor's lab offers; it serves nothing until it is opened.

    Raises: ForbiddenError; PolicyError for terms that are not there.
    """
    desk.authority.demand(actor, OFFER)
    found = [*rules.faults(times)]
    if government == actor.party_id or not _is_government(transaction, government):
        found.append(Refused(code="sides", reason="a window has a lab and a government party"))
    if not model.served_names or capacity < 1:
        found.append(Refused(code="incomplete", reason="name what is served, and for how many"))
    if found:
        return joined(found)
    sides = [actor.party_id, government, MACHINERY]
    box = desk.vault.new_box(transaction, sorted(sides))
    inner = desk.vault.new_box(transaction, sorted(sides))
    window = Window(
        window_id=new_id("win"),
        label=label,
        lab=actor.party_id,
        government=government,
        model=model,
        times=times,
        state=WindowState.DRAFT,
        opened_at=None,
        closed_at=None,
        terms=terms,
        terms_sha256=terms_of(terms).sha256,
        selection=selection,
        capacity=capacity,
        compartment=box.compartment,
        readers=box.readers,
        deliberation=inner.compartment,
    )
    _store.insert(transaction, window)
    note(transaction, window, "window.offered", {"terms": window.terms_sha256, **_dates(times)})
    return window


def window(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> Window:
    """Return one window.

    Raises: NotThereError when the actor is not read in; ForbiddenError.
    """
    desk.authority.demand(actor, READ)
    found = _store.load(transaction, window_id)
    if found is None:
        raise NotThereError("no such window")
    return found


def windows(desk: Desk, transaction: Transaction, actor: Actor) -> tuple[Window, ...]:
    """Return the windows that the actor may read, the newest first; none without the role."""
    if not desk.authority.may(actor, READ).allowed:
        return ()
    return _store.all_windows(transaction)


def due(transaction: Transaction) -> tuple[Window, ...]:
    """Return the windows whose hard stop has come and that are not closed."""
    return _store.due(transaction)


def change_times(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str, times: Times
) -> Window | Refused:
    """Give a window other times, inside the thirty days that began with its start.

    Raises: NotThereError, ForbiddenError.
    """
    before = lead(desk, transaction, actor, window_id, OFFER, Side.LAB)
    found = rules.edit_faults(before, times)
    if found:
        return joined(found)
    after = replace(before, times=times)
    return _saved(transaction, after, "window.moved", _dates(times))


def step(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    window_id: str,
    what: WindowStep,
    *,
    because: str = "",
) -> Window | Refused:
    """Open, pause, resume or close a window.

    Raises: NotThereError, ForbiddenError.
    """
    alone = what in {WindowStep.PAUSE, WindowStep.CLOSE}
    act = DECIDE if alone else OFFER  # who may stop it at once may also say when it is over
    before = lead(desk, transaction, actor, window_id, act, None if alone else Side.LAB)
    state = WINDOW.after(before.state, what)
    if isinstance(state, Refused):
        return state
    if what is WindowStep.OPEN and before.times.closes_at <= transaction.now:
        return Refused(code="over", reason="the end of this window has passed")
    after = replace(
        before,
        state=state,
        opened_at=before.opened_at or (transaction.now if what is WindowStep.OPEN else None),
        closed_at=transaction.now if what is WindowStep.CLOSE else None,
    )
    return _saved(transaction, after, f"window.{what.value}", {"because": because})


def admit_readers(transaction: Transaction, window: Window, parties: Sequence[PartyId]) -> None:
    """Let these parties read the window itself: its model, its times and its terms."""
    readers = {*window.readers, *parties}
    vault.set_readers(transaction, window.compartment, sorted(readers))


def lead(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    window_id: str,
    act: str,
    side: Side | None = None,
) -> Window:
    """Return a window to be changed by one of its sides, by `side` alone where one is named.

    The house's own machinery may close what is over.
    Raises: NotThereError, ForbiddenError.
    """
    found = _store.lock(transaction, window_id)
    if found is None:
        raise NotThereError("no such window")
    desk.authority.demand(actor, act, found.readers)
    own = found.side_of(actor.party_id)
    machinery = actor.actor_id == desk.clearing_actor.actor_id
    if not machinery and (own is None or side not in {None, own}):
        raise ForbiddenError(f"only {side or 'a side of the window'} may {act}")
    return found


def note(
    transaction: Transaction, window: Window, kind: str, facts: dict[str, Json], *others: str
) -> None:
    """Write to the ledger what was done with a window, for its sides and `others`."""
    readers = sorted({window.lab, window.government, MACHINERY, *others})
    ledger.append(transaction, kind, window.window_id, facts, readers=readers)


def joined(found: Sequence[Refused]) -> Refused:
    """Return several refusals as one, with every reason."""
    return Refused(code=found[0].code, reason="; ".join(one.reason for one in found))


def _saved(
    transaction: Transaction, after: Window, kind: str, facts: dict[str, Json]
) -> Window | Refused:
    try:
        with transaction.connection.transaction():
            _store.save(transaction, after)
    except _store.CheckViolation as error:
        return Refused(code="thirty-days", reason=error.diag.message_primary or "refused")
    note(transaction, after, kind, facts)
    return after


def _dates(times: Times) -> dict[str, Json]:
    return {
        "opens_at": times.opens_at.isoformat(),
        "partners_from": times.partners_from.isoformat(),
        "closes_at": times.closes_at.isoformat(),
    }


def _is_government(transaction: Transaction, party: PartyId) -> bool:
    return identity.party_kind(transaction, party) is identity.PartyKind.GOVERNMENT
