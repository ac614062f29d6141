"""Destroys what a case says, when it has been kept long enough.

In: a case that is published or was never kept back. Out: the compartments whose keys were
destroyed: the case's own, those of its reports, findings, originals, messages and relays. Refused:
a case that an embargo still holds, one without a reason, and whoever may not. What was sealed stays
as noise; the rows about it are closed to everybody, so that no list trips over them. Advisories and
the ledger's hashes stay: they were public or say nothing.
"""

from clearhouse.clearing.coordinate import _invitations, _parts, _store, _threads
from clearhouse.clearing.coordinate.casework import case_file
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import _store as relays
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import identity, ledger, vault
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Compartment
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


def shred(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, because: str
) -> tuple[Compartment, ...] | Refused:
    """Destroy the keys of a case and of everything in it, for ever.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = case_file(desk, transaction, actor, case_id, to_change=True)
    decision = desk.authority.demand_person(actor, "case.shred", stored.readers)
    if not because.strip():
        return Refused(code="no-reason", reason="shredding needs its reason")
    if stored.case.published_at is None and stored.case.embargo.holds(transaction.now):
        return Refused(code="embargo-in-force", reason="an embargo still holds this case")
    reports = _store.reports_of(transaction, case_id)
    compartments = tuple(
        dict.fromkeys(
            [
                *intake.compartments_of(transaction, reports),
                *match.compartments_of(transaction, reports),
                *(one.compartment for one in _threads.threads(transaction, case_id)),
                *relays.compartments(transaction, case_id),
                *(one.compartment for one in _parts.kept(transaction, case_id)),
                *_invitations.compartments(transaction, case_id),
                stored.compartment,
            ]
        )
    )
    for one in compartments:
        vault.shred(transaction, one)
        vault.set_readers(transaction, one, vault.NOBODY)
    ledger.append(
        transaction,
        "case.shredded",
        case_id,
        {"compartments": len(compartments), "because": because, "authority": decision.policy},
        readers=(*HOUSE_READERS, *identity.WATCHERS),
    )
    return compartments
