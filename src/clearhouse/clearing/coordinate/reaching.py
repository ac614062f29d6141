"""Reaches the vendors of a case: finds their contacts, and writes down every attempt and answer.

In: an actor, a case id, and documents, an attempt, or a word of a party. Out: the changed case, or
`Refused` with the reason; the clock of each party that owes an answer. Refused by exception:
whoever may not, and a case that is not there for this actor. Looking things up happens before the
transaction, so that no slow web site holds a case.
"""

from collections.abc import Sequence
from dataclasses import replace

from clearhouse.clearing.coordinate import (
    _threads,
    business_days,
    casework,
    contact_policy,
    contacts,
)
from clearhouse.clearing.coordinate.casework import change
from clearhouse.clearing.coordinate.contact_places import Get, look_up, read_public
from clearhouse.clearing.coordinate.contacts import Document
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Answer, Attempt, Case, Way
from clearhouse.clearing.coordinate.silence import Silence, silence
from clearhouse.formats.purl import PurlError
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_ACT = "channel.set"
MOST_WORDS = 2000


def look_for(
    desk: Desk, actor: Actor, case_id: str, *, get: Get = read_public
) -> tuple[Document, ...]:
    """Return the documents about the package of a case; nothing is written.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    with desk.database.transaction(actor.actor_id) as transaction:
        found = casework.case_file(desk, transaction, actor, case_id)
        desk.authority.demand(actor, _ACT, found.readers)
    if found.case.purl is None:
        return ()
    try:
        return tuple(look_up(found.case.purl, get, folder=desk.known_folder))
    except PurlError:
        return ()


def keep_contacts(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    documents: Sequence[Document],
) -> Case | Refused:
    """Keep whom these documents name for the package of the case, with what each says.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    rules = contact_policy.in_force()
    now = transaction.now

    def apply(found: Case) -> Case | Refused:
        if found.purl is None:
            return Refused(code="no-package", reason="the case names no package to look for")
        try:
            resolved = contacts.resolve(found.purl, documents, rules, now)
        except PurlError as error:
            return Refused(code="no-package", reason=str(error))
        return replace(found, contacts=resolved)

    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event="contacts.found",
        data={"documents": len(documents), "contact_policy": rules.name},
        apply=apply,
    )


def attempt(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    party: str,
    way: Way,
    note: str,
) -> Case | Refused:
    """Write down that somebody tried to reach a party.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    tried = Attempt(party=party, at=transaction.now, by=actor.actor_id, way=way, note=note)
    return _say(
        desk,
        transaction,
        actor,
        case_id,
        party,
        note,
        "contact.attempted",
        lambda found: replace(found, attempts=(*found.attempts, tried)),
    )


def answered(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, party: str, note: str
) -> Case | Refused:
    """Write down that a party answered elsewhere; any word sets its clock back.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    answer = Answer(party=party, at=transaction.now, by=actor.actor_id, note=note)
    return _say(
        desk,
        transaction,
        actor,
        case_id,
        party,
        note,
        "contact.answered",
        lambda found: replace(found, answers=(*found.answers, answer)),
    )


def silences(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> tuple[Silence, ...]:
    """Return the clock of every vendor of a case, the most pressing first.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = casework.case_file(desk, transaction, actor, case_id)
    return silences_of(transaction, found.case)


def silences_of(transaction: Transaction, found: Case) -> tuple[Silence, ...]:
    """Return the clock of every vendor of a case that the caller may read."""
    rules = contact_policy.in_force()
    off = business_days.calendar(rules.calendar)
    heard = _threads.last_words(transaction, found.id)
    clocks = [
        silence(found, party, rules, off, transaction.now, heard=heard.get(party.id))
        for party in found.vendors
    ]
    return tuple(sorted(clocks, key=lambda one: (one.due_at is None, one.due_at, one.party)))


def _say(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, party: str, note: str,
    event: str, apply: casework.Apply,
) -> Case | Refused:  # fmt: skip
    def checked(found: Case) -> Case | Refused:
        if found.party(party) is None:
            return Refused(code="unknown-party", reason="that party has no part in the case")
        if not note.strip() or len(note) > MOST_WORDS:
            reason = f"it needs words, at most {MOST_WORDS} characters"
            return Refused(code="no-words", reason=reason)
        return apply(found)

    return change(
        desk,
        transaction,
        actor,
        case_id,
        act=_ACT,
        event=event,
        data={"party": party, "contact_policy": contact_policy.in_force().name},
        apply=checked,
    )
