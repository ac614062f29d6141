"""Who found the flaw of a case, in which order, and what follows for its embargo.

In: a case. Out: the order of discovery, from when reports came in and from commitments that were
revealed; on a coordinator's word, the fact that somebody found it again, from which the embargo's
policy computes anew (`rediscovered-21`). Urgency follows by itself: the queue counts the parties
that report. Refused: whoever may not read the case or set embargoes; a flaw that nobody has found
again.
"""

from datetime import datetime, timedelta

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.embargo import Channel, News
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case
from clearhouse.clearing.deconflict.commitments import operations as commitments
from clearhouse.clearing.deconflict.commitments.record import Discovery, HeldSince
from clearhouse.clearing.deconflict.commitments.rules import order
from clearhouse.clearing.intake.operations import load
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

AGAIN = "independent-discovery"
"""As what the embargo's policy knows that somebody found a flaw again."""
TIE = timedelta(minutes=5)
"""Closer together than this, clocks of different machines tell no order."""


def discovery(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> Discovery:
    """Return who found the flaw of a case, and in which order.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    case = casework.case(desk, transaction, actor, case_id)
    told: dict[str, datetime] = {}
    for one in case.participants:
        told[one.party] = min(one.read_in_at, told.get(one.party, one.read_in_at))
    reports = load(desk, transaction, casework.reports_of(transaction, case_id), files=True)
    held = [
        HeldSince(party=one.party_id, at=one.received_at, told_at=told.get(one.party_id))
        for one in reports
    ]
    prints = sorted(
        {found for report in reports for found in fingerprints(report.content)},
        key=lambda one: (one.grain, one.package or "", one.value),
    )
    with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
        committed = commitments.held_since(desk, machinery, prints)
    # A commitment counts for those who report: revealed fingerprints alone name no flaw for sure.
    parties = {one.party for one in held}
    return order([*held, *(one for one in committed if one.party in parties)], tie=TIE)


def note_rediscovery(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> Case | Refused:
    """Let the embargo take account of that a second party found the flaw by itself.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = discovery(desk, transaction, actor, case_id)
    if found.rediscovered_at is None:
        return Refused(code="found-once", reason="one party alone has found this flaw by itself")
    news = News(channel=Channel(name=AGAIN, contacted_at=found.rediscovered_at))
    return casework.learn(desk, transaction, actor, case_id, news=news)
