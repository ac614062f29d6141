"""Publish what is due: decide in the store, prove in the ledger, then release.

In: cases whose embargo is over. Out: public advisories, or what holds each case back. Refused: an
actor who may not publish; `why_not` and `preview` tell a coordinator what the machinery would do.

1. Decide: in one transaction per case, the documents are made and stored with their ledger event.
2. Prove: the event gets its place in the tree, and the tree head is signed.
3. Release: documents and proofs become public on disk in one instant, with every index.
4. Note it: the store says so, and the case is public.
Killed between any two steps, the next run finds what is not finished and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.clearing.publish import _store, making, observed, release, rules
from clearhouse.clearing.publish._store import Past, Publication
from clearhouse.clearing.publish.gather import Source
from clearhouse.clearing.publish.observed import Observed
from clearhouse.clearing.publish.record import (
    Advisory,
    AdvisoryFacts,
    Documents,
    Refusal,
    Wording,
)
from clearhouse.clearing.validate.reproduce.history import Span
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

LOOK_AGAIN_AFTER: Final = timedelta(minutes=10)
"""How long a case that is held back rests, unless it changes."""


def publish_due(desk: Desk) -> list[str]:
    """Publish every case whose time has come; return the ids of what became public.

    Running it again, or in two processes at once, publishes nothing twice.
    """
    for case_id in _due(desk):
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            decide(desk, transaction, desk.clearing_actor, case_id)
    return _write_decided(desk)


def decide(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> Documents | tuple[Refusal, ...]:
    """Decide on one case: the documents that will go out, or everything that holds them back.

    Deciding again on a case that has its advisory changes nothing and returns no refusal.
    Raises: NoSuchCaseError, ForbiddenError.
    """
    kept = casework.case_file(desk, transaction, actor, case_id, to_change=True)
    authority = desk.authority.demand(actor, "advisory.publish", kept.readers).policy
    known = _store.publication(transaction, case_id)
    if known is not None and known.advisory_id is not None:
        return ()
    made = _made(desk, transaction, kept, to_publish=True)
    if isinstance(made, Documents):
        _go(transaction, kept, made, authority)
    else:
        _hold(transaction, kept, made, authority)
    return made


def why_not(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> tuple[Refusal, ...]:
    """Return everything that holds the advisory of a case back at this instant.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    kept = casework.case_file(desk, transaction, actor, case_id)
    made = _made(desk, transaction, kept, to_publish=False)
    return () if isinstance(made, Documents) else made


def preview(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> Documents | tuple[Refusal, ...]:
    """Return the documents as they would be now, embargo or not, under a number that is none.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    kept = casework.case_file(desk, transaction, actor, case_id)
    sources = making.sources(desk, transaction, case_id)
    return rules.documents(_facts(desk, transaction, kept, sources, number=0))


def set_wording(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, wording: Wording
) -> None:
    """Keep what a coordinator wrote or corrected for the advisory of a case.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    kept = casework.case_file(desk, transaction, actor, case_id, to_change=True)
    decision = desk.authority.demand(actor, "advisory.publish", kept.readers)
    _store.set_wording(desk, transaction, case_id, kept.compartment, wording)
    ledger.append(
        transaction,
        "advisory.worded",
        case_id,
        {"authority": decision.policy},
        readers=kept.readers,
        compartment=kept.compartment,
    )


def wording(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> Wording:
    """Return what a coordinator wrote or corrected for the advisory of a case.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    casework.case_file(desk, transaction, actor, case_id)
    return _store.wording(desk, transaction, case_id)


def use_observed(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, span: Span
) -> Observed | None:
    """Let the advisory of a case state the versions on which its proof fires.

    None, and nothing changed, where the package's versions have no known order.
    Raises: NoSuchCaseError, ForbiddenError.
    """
    kept = casework.case_file(desk, transaction, actor, case_id)
    found = observed.claim_of(kept.case.purl or "", span)
    if found is not None:
        known = _store.wording(desk, transaction, case_id)
        words = replace(known, affected_claims=(found.claim,))
        set_wording(desk, transaction, actor, case_id, words)
    return found


def publication(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> Publication | None:
    """Return how far the publication of a case is; None while nobody looked.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    casework.case(desk, transaction, actor, case_id)
    return _store.publication(transaction, case_id)


def advisories(transaction: Transaction, *, form: str | None = None) -> list[Advisory]:
    """Return what is public, the newest first; anybody may ask, at the counter too."""
    return _store.public(transaction, form=form)


def advisory(transaction: Transaction, advisory_id: str) -> Advisory | None:
    """Return the newest issue of one public advisory; anybody may ask, at the counter too."""
    return _store.public_one(transaction, advisory_id)


def published_as(transaction: Transaction, receipt: str) -> list[str]:
    """Return the public advisories that a submission became part of, to whoever has its receipt."""
    return _store.advisories_of(transaction, receipt)


def issues(transaction: Transaction, advisory_id: str) -> list[Advisory]:
    """Return every public issue of one advisory, the newest first; anybody may ask."""
    return _store.public_issues(transaction, advisory_id)


def in_order_of_release(transaction: Transaction, *, form: str) -> list[tuple[datetime, Advisory]]:
    """Return every public issue, the oldest first, and since when it is public; anybody may ask."""
    return _store.in_order_of_release(transaction, form)


def newest_release(transaction: Transaction) -> tuple[int, datetime | None]:
    """Return how many issues are public and since when the last is: whether anything is new."""
    return _store.newest_release(transaction)


def counts(transaction: Transaction) -> dict[str, int]:
    """Count advisories and cases that are held back, as far as the actor may see them."""
    return _store.count(transaction)


def _due(desk: Desk) -> list[str]:
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        rested = _store.looked_at(transaction, transaction.now - LOOK_AGAIN_AFTER)
        return [
            one.case_id
            for one in casework.due(transaction)
            if rested.get(one.case_id) != one.revision
        ]


def _made(
    desk: Desk, transaction: Transaction, kept: CaseFile, *, to_publish: bool
) -> Documents | tuple[Refusal, ...]:
    """Make the documents of a case, or say everything that stands against them."""
    sources = making.sources(desk, transaction, kept.case.id)
    contradicted = bool(sources) and all(one.contradicted for one in sources)
    refusals = rules.may_publish(kept.case, contradicted=contradicted, at=transaction.now)
    number = 0
    if to_publish and not refusals:
        number = _store.next_number(transaction, transaction.now.year)
    made = rules.documents(_facts(desk, transaction, kept, sources, number=number))
    if isinstance(made, Documents) and not refusals:
        return made
    return (*refusals, *(made if isinstance(made, tuple) else ()))


def _facts(
    desk: Desk, transaction: Transaction, kept: CaseFile, sources: Sequence[Source], *, number: int
) -> AdvisoryFacts:
    id_ = rules.advisory_id(transaction.now.year, number)
    first = Past(at=transaction.now, summary=making.FIRST)
    return making.facts(desk, transaction, kept, sources, id_=id_, issues=(first,))


def _go(transaction: Transaction, kept: CaseFile, made: Documents, authority: str) -> None:
    embargo = kept.case.embargo
    making.keep(
        transaction,
        made,
        Past(at=transaction.now, summary=making.FIRST),
        {
            "policy": f"{embargo.policy}/{embargo.version}",
            "rule": embargo.rule,
            "authority": authority,
        },
    )
    _note(transaction, kept, refusals=(), advisory_id=made.id)


def _hold(
    transaction: Transaction, kept: CaseFile, refusals: tuple[Refusal, ...], authority: str
) -> None:
    """Write down what holds a case back; the ledger hears of it when it changes."""
    codes = tuple(dict.fromkeys(one.code for one in refusals))
    if _note(transaction, kept, refusals=codes, advisory_id=None):
        ledger.append(
            transaction,
            "advisory.held",
            kept.case.id,
            {"refusals": list(codes), "authority": authority},
            readers=kept.readers,
            compartment=kept.compartment,
        )


def _note(
    transaction: Transaction, kept: CaseFile, *, refusals: Sequence[str], advisory_id: str | None
) -> bool:
    return _store.note(
        transaction,
        kept.case.id,
        kept.compartment,
        kept.readers,
        case_revision=kept.revision,
        refusals=refusals,
        advisory_id=advisory_id,
    )


def _write_decided(desk: Desk) -> list[str]:
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        waiting = _store.unwritten(transaction)
    return release.release(desk, waiting)
