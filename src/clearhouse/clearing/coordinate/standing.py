"""Where each party of a case stands: with the embargo, and with each product.

In: an actor, a case id and what a party said. Out: the changed case, or `Refused` with the reason.
A vendor's own people speak for it; a coordinator may write down what it said elsewhere. Refused by
exception: whoever may not, and a case that is not there for this actor.
`Standing` is the row of one vendor in the matrix: what it says of each product, and for how long it
has said nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.clearing.coordinate import transitions
from clearhouse.clearing.coordinate.casework import change
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Case,
    Justification,
    Party,
    ProductState,
    ProductStatus,
)
from clearhouse.formats.canonical import Json
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One cell that somebody fills in."""

    vendor: str
    product: str
    state: ProductState
    versions: str | None = None
    justification: Justification | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One vendor's row."""

    party: Party
    products: Mapping[str, ProductStatus]
    """The latest word on each product; a product without one is silent."""
    last_word_at: datetime | None
    """When it last said anything of the case; None while it never has."""
    silent_for: timedelta
    """Since its last word, or since the case was opened."""


def say_of_products(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, said: Sequence[Said]
) -> Case | Refused:
    """Record what vendors say of their products, of many vendors at once; all of it, or nothing.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    own = all(one.vendor == actor.party_id for one in said)
    statuses = [
        ProductStatus(
            vendor=one.vendor,
            product=one.product,
            versions=one.versions,
            state=one.state,
            justification=one.justification,
            note=one.note,
            by=actor.actor_id,
            at=transaction.now,
        )
        for one in said
    ]
    states: dict[str, Json] = {
        state.value: sum(one.state is state for one in said) for state in ProductState
    }
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="verdict.record" if own else "verdict.record_for_vendor",
        event="products.told",
        data={"vendors": sorted({one.vendor for one in said}), "states": states},
        apply=lambda found: transitions.say_of_products(found, statuses),
    )


def consent(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    party: str,
    event: ConsentEvent,
) -> Case | Refused:
    """Record that a party is asked to stand by the embargo, does, or does not.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    return change(
        desk,
        transaction,
        actor,
        case_id,
        act="verdict.record" if actor.party_id == party else "embargo.set",
        event="embargo.consent",
        data={"party": party, "event": event.value},
        apply=lambda found: transitions.consent(found, party, event),
    )


def standings(case: Case, at: datetime) -> tuple[Standing, ...]:
    """Return the rows of the matrix: who has been silent longest first, then by name."""
    rows = [_standing(case, party, at) for party in case.vendors]
    return tuple(sorted(rows, key=_silence))


def _silence(row: Standing) -> tuple[timedelta, bool, str]:
    return (-row.silent_for, row.last_word_at is not None, row.party.name)


def products(case: Case) -> tuple[str, ...]:
    """Return the columns of the matrix, by name."""
    return tuple(sorted({one.product for one in case.statuses}))


def _standing(case: Case, party: Party, at: datetime) -> Standing:
    latest = {one.product: one for one in case.statuses if one.vendor == party.id}
    words = [one.at for one in case.statuses if one.vendor == party.id]
    words += [one.at for one in case.verdicts if one.party == party.id]
    last = max(words, default=None)
    return Standing(
        party=party,
        products=latest,
        last_word_at=last,
        silent_for=max(at - (last or case.opened_at), timedelta()),
    )
