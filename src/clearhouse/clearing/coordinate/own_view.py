"""What somebody who is read in and not of the house sees of a case: what the tier allows, no more.

In: an actor and a case id. Out: an `OwnView`: the parts that the tier sees, each with the mark of
this reader's copy; until when and why it is kept back, where the tier sees the time; the reader's
own row of the matrix, its own verdicts and its own conversations. Nothing of other parties is in
it, not even that there are any. Refused: whoever is not read in by name (one answer for all that is
not there). The house writes the parts; each is sealed apart, so the store itself keeps a tier to
its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate import (
    _parts,
    _store,
    _threads,
    canary,
    casework,
    giving,
    standing,
)
from clearhouse.clearing.coordinate._parts import Part
from clearhouse.clearing.coordinate.casework import NoSuchCaseError, embargo_policy, part_readers
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, Disclosure, ProductStatus, Verdict
from clearhouse.clearing.coordinate.rules import disclosure
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

MOST_WORDS = 200_000
GIVEN = tuple(one for one in Share if one is not Share.TIMING)
"""What is written as a part; the time is in the case itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenPart:
    """One part, as this reader is given it."""

    share: Share
    at: datetime
    text: str
    """With the mark woven in."""
    copy: str
    """The mark of this reader's copy, as three words."""

    @property
    def said(self) -> str:
        """The words without the mark, for a door that weaves it in itself."""
        return canary.without(self.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnView:
    """A case as its reader may see it."""

    case_id: str
    told: Disclosure
    until: datetime | None
    """When the embargo ends; None when none holds or the tier does not see it."""
    rule: str | None
    """Which rule says so."""
    parts: tuple[GivenPart, ...]
    consent: str | None
    """Where the reader's party stands with the embargo; None without a part of its own."""
    products: tuple[ProductStatus, ...]
    """The party's own row of the matrix: its latest word on each product."""
    verdicts: tuple[Verdict, ...]
    threads: tuple[str, ...]
    """Ids of the conversations that the reader may read."""


def give(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, share: Share, text: str
) -> str | Refused:
    """Write a part for those whose tier sees it, and return its id.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = casework.case_file(desk, transaction, actor, case_id)
    decision = desk.authority.demand(actor, "case.read_in", stored.readers)
    if share not in GIVEN:
        return Refused(code="no-part", reason="the time is in the case itself")
    if not text.strip() or len(text) > MOST_WORDS:
        reason = f"a part has words, at most {MOST_WORDS} characters"
        return Refused(code="no-words", reason=reason)
    readers = part_readers(stored.case, share, transaction.now)
    part_id = _parts.add(desk, transaction, case_id, share, text, readers)
    ledger.append(
        transaction,
        "case.part_given",
        part_id,
        {"case": case_id, "share": share.value, "authority": decision.policy},
        readers=casework.readers_of(stored.case, transaction.now),
        compartment=stored.compartment,
    )
    return part_id


def own_cases(desk: Desk, transaction: Transaction, actor: Actor) -> list[OwnView]:
    """Return every case that the actor is read in to by name.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "case.read_own")
    found = [one.case for one in _store.newest(desk, transaction, 500)]
    return [
        _view(desk, transaction, actor, one)
        for one in found
        if _by_name(one, actor, transaction.now)
    ]


def own_view(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> OwnView:
    """Return one case as its reader may see it.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    desk.authority.demand(actor, "case.read_own")
    stored = _store.load(desk, transaction, case_id)
    if stored is None or not _by_name(stored.case, actor, transaction.now):
        raise NoSuchCaseError("no case with this id that you may read")
    return _view(desk, transaction, actor, stored.case)


def _by_name(case: Case, actor: Actor, at: datetime) -> bool:
    named = any(one.actor == actor.actor_id and one.reads(at) for one in case.participants)
    return named and actor.reads(casework.readers_of(case, at))


def _view(desk: Desk, transaction: Transaction, actor: Actor, case: Case) -> OwnView:
    now = transaction.now
    told = disclosure(case, {actor.actor_id}, embargo_policy(), now)
    sees_time = Share.TIMING in told.shares
    holds = case.embargo.holds(now)
    party = case.party(actor.party_id)
    rows = [one for one in standing.standings(case, now) if one.party.id == actor.party_id]
    return OwnView(
        case_id=case.id,
        told=told,
        until=case.embargo.instant if sees_time and holds else None,
        rule=case.embargo.rule if sees_time and holds else None,
        parts=_given(desk, transaction, actor, case.id, _parts.latest(desk, transaction, case.id)),
        consent=None if party is None else party.consent.value,
        products=tuple(one for row in rows for one in row.products.values()),
        verdicts=tuple(one for one in case.verdicts if one.party == actor.party_id),
        threads=tuple(one.thread_id for one in _threads.threads(transaction, case.id)),
    )


def _given(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, parts: Sequence[Part]
) -> tuple[GivenPart, ...]:
    ids = [case_id, *(one.part_id for one in parts)]
    marks = giving.given(desk, transaction, actor, case_id, ids)
    return tuple(
        GivenPart(
            share=one.share,
            at=one.at,
            text=canary.woven(one.text, marks[one.part_id]),
            copy=canary.named(marks[one.part_id]),
        )
        for one in parts
    )
