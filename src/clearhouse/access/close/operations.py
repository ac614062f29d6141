"""Close a window, seal its receipts under one root, certify destruction, route findings.

In: a side, or the machinery at the hard stop. Out: access ended, and a closure that both sides
hold. Ending access is one commit; the root follows once the gateway delivered the last receipts.
"""

from datetime import timedelta

from clearhouse.access.admit import operations as admit
from clearhouse.access.close import _store
from clearhouse.access.close.record import (
    Certificate,
    ChainPlace,
    Closure,
    FindingKind,
    RoutedFinding,
)
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Grant
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import Window, WindowStep
from clearhouse.access.refusal import Refused
from clearhouse.access.serve import chain
from clearhouse.access.serve import operations as serve
from clearhouse.formats import merkle
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

CLOSE, HOLD = "access.close", "access.hold"
SETTLED_AFTER = timedelta(seconds=5)
"""By then a gateway has cut what ran and delivered its receipts."""


def close(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str, *, because: str
) -> Window | Refused:
    """End a window and every grant in it, with this commit.

    Raises: NotThereError, ForbiddenError.
    """
    desk.authority.demand(actor, CLOSE)
    closed = offer.step(desk, transaction, actor, window_id, WindowStep.CLOSE, because=because)
    if not isinstance(closed, Refused):
        granting.end_all(desk, transaction, closed, because)
    return closed


def seal(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> Closure | Refused:
    """Put the receipts of a closed window under one root; again, the root that is there.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.lead(desk, transaction, actor, window_id, CLOSE)
    known = _store.closure(transaction, window_id)
    if known is not None:
        return known
    if window.closed_at is None or transaction.now < window.closed_at + SETTLED_AFTER:
        return Refused(code="open", reason="close the window, and wait for the last receipts")
    reports = [
        chain.check(name, bodies)
        for name, bodies in sorted(serve.chains(desk, transaction, actor, window_id).items())
    ]
    broken = [one.chain for one in reports if not one.holds]
    if broken:
        return Refused(code="broken", reason=f"receipts do not hold: {', '.join(broken)}")
    closure = Closure(
        window_id=window_id,
        at=transaction.now,
        because="hard stop" if window.closed_at >= window.times.closes_at else "closed early",
        receipts=sum(one.entries for one in reports),
        chains=len(reports),
        root=chain.root(reports).hex(),
    )
    _store.insert(transaction, window, closure)
    for place in _places(reports):
        _store.insert_place(transaction, window, place)
    parties = [one for one in window.readers if one.startswith("pty_")]
    facts: dict[str, Json] = {
        "root": closure.root,
        "receipts": closure.receipts,
        "chains": closure.chains,
    }
    offer.note(transaction, window, "window.sealed", facts, *parties)
    return closure


def close_due(desk: Desk) -> None:
    """End every window whose hard stop has come, and seal those that ended before."""
    actor = desk.clearing_actor
    with desk.database.transaction(actor.actor_id) as transaction:
        for window in offer.due(transaction):
            close(desk, transaction, actor, window.window_id, because="hard stop")
    with desk.database.transaction(actor.actor_id) as transaction:
        for window_id in _store.unsealed(transaction):
            seal(desk, transaction, actor, window_id)


def certify(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    admission_id: str,
    *,
    destroyed: tuple[str, ...],
    method: str,
) -> Certificate | Refused:
    """Certify, for a party, what was destroyed and how.

    Raises: NotThereError, ForbiddenError.
    """
    admission = admit.own(desk, transaction, actor, admission_id, CLOSE)
    window = offer.window(desk, transaction, actor, admission.window_id)
    if window.closed_at is None:
        return Refused(code="open", reason="the window is still open")
    if not destroyed or not method.strip():
        return Refused(code="incomplete", reason="say what was destroyed, and how")
    one = Certificate(
        certificate_id=new_id("cer"),
        admission_id=admission_id,
        actor_id=actor.actor_id,
        at=transaction.now,
        destroyed=destroyed,
        method=method,
        terms_sha256=window.terms_sha256,
    )
    place = (admission.compartment, list(admission.readers))
    if not _store.certify(transaction, window.window_id, one, place):
        return Refused(code="certified", reason="this party has certified already")
    ledger.append(
        transaction, "access.certified", admission_id,
        {"destroyed": list(destroyed), "method": method, "terms": window.terms_sha256},
        readers=admission.readers, compartment=admission.compartment,
    )  # fmt: skip
    return one


def route_vulnerability(
    desk: Desk, transaction: Transaction, actor: Actor, grant_id: str, receipt: str
) -> RoutedFinding:
    """Note that a finding made under a grant went to the clearinghouse.

    Raises: NotThereError, ForbiddenError.
    """
    return _route(desk, transaction, actor, grant_id, FindingKind.VULNERABILITY, receipt, None)


def route_safeguards(
    desk: Desk, transaction: Transaction, actor: Actor, grant_id: str, words: str
) -> RoutedFinding | Refused:
    """Send a weakness of the model's safeguards to its lab, sealed for it and its finder alone.

    Raises: NotThereError, ForbiddenError.
    """
    if not words.strip():
        return Refused(code="incomplete", reason="say what was found")
    return _route(desk, transaction, actor, grant_id, FindingKind.SAFEGUARDS, None, words)


def safeguards(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> tuple[tuple[str, str], ...]:
    """Return the findings about the model that the actor may read, with their grants.

    Raises: NotThereError, ForbiddenError.
    """
    offer.window(desk, transaction, actor, window_id)
    rows = _store.safeguards(transaction, window_id)
    texts = desk.vault.open_many(transaction, [row["content_payload"] for row in rows])
    return tuple((row["grant_id"], texts[row["content_payload"]].decode()) for row in rows)


def my_grant(desk: Desk, transaction: Transaction, actor: Actor, grant_id: str) -> Grant:
    """Return a grant of the actor's own party, under which something was found.

    Raises: NotThereError, ForbiddenError.
    """
    grant = granting.grant(desk, transaction, actor, grant_id)
    desk.authority.demand(actor, HOLD, grant.readers)
    admission = admit.admission(desk, transaction, actor, grant.admission_id)
    if actor.party_id not in {admission.party, admission.sponsor}:
        raise ForbiddenError("only the holder's own party reports what it found")
    return grant


def _route(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    grant_id: str,
    kind: FindingKind,
    receipt: str | None,
    words: str | None,
) -> RoutedFinding:
    grant = my_grant(desk, transaction, actor, grant_id)
    window = offer.window(desk, transaction, actor, grant.window_id)
    one = RoutedFinding(
        routing_id=new_id("rou"),
        grant_id=grant_id,
        kind=kind,
        receipt=receipt,
        at=transaction.now,
    )
    # A receipt of the clearinghouse opens a status, so only its owner and the machinery read it.
    readers = [actor.party_id, offer.MACHINERY] if words is None else [actor.party_id, window.lab]
    box = desk.vault.new_box(transaction, sorted(readers))
    payload = None if words is None else box.seal(transaction, "safeguards", words.encode())
    place = (box.compartment, list(box.readers))
    _store.route(transaction, grant.window_id, one, payload, place)
    ledger.append(
        transaction, f"access.finding.{kind.value}", grant_id, {"window": grant.window_id},
        readers=box.readers, compartment=box.compartment,
    )  # fmt: skip
    return one


def _places(reports: list[chain.ChainReport]) -> list[ChainPlace]:
    leaves = [
        merkle.leaf_hash(
            canonical_bytes({"chain": one.chain, "entries": one.entries, "head": one.head})
        )
        for one in reports
    ]

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return [
        ChainPlace(
            chain=one.chain,
            entries=one.entries,
            head=one.head,
            leaf_index=place,
            size=len(leaves),
            path=tuple(step.hex() for step in merkle.inclusion_path(place, len(leaves), node)),
        )
        for place, one in enumerate(reports)
    ]
