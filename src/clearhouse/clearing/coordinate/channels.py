"""Where parties want to be told, how many new cases they take, and what they were told of.

In: what a party says of itself, or a coordinator for it; or a case. Out: the wish as it is kept;
the notices of the case, those that are held back with their reason. Refused: addresses that others
could read along, parties that the house does not know, and whoever may not.
"""

from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate.casework import case_file
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.pacing import Wish
from clearhouse.formats import openpgp_mail
from clearhouse.formats.openpgp_mail import Certificate, OpenPgpError
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.addresses import AddressRefusedError, demand_outside
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """What a party is told of, and how far that is."""

    notice_id: str
    party_id: str
    kind: str
    """case or message."""
    made_at: datetime
    due_at: datetime
    held_because: str | None
    attempts: int
    failure: str | None
    sent_at: datetime | None


def notices(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> list[Notice]:
    """Return who was told of a case, who was not yet, and why, the newest first.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    case_file(desk, transaction, actor, case_id)
    rows = transaction.all(
        "SELECT * FROM notice WHERE case_id = %s ORDER BY made_at DESC, notice_id LIMIT 1000",
        [case_id],
    )
    return [_notice(row) for row in rows]


def set_channel(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    party: str,
    *,
    webhook: str | None,
    wish: Wish,
    openpgp: str | None = None,
) -> Wish | Refused:
    """Note where a party wants to be told, and how many new cases it takes.

    A party's own people may say so, or a coordinator for them.
    Raises: ForbiddenError.
    """
    own = actor.party_id == party
    decision = desk.authority.demand(actor, "channel.set_own" if own else "channel.set")
    if identity.party_kind(transaction, PartyId(party)) is None:
        return Refused(code="unknown-party", reason="the house knows no party of that id")
    certificate = None
    try:
        if webhook is not None:
            demand_outside(webhook, at_home=desk.outside.at_home)
        if openpgp is not None:
            certificate = openpgp_mail.certificate(openpgp.encode(), transaction.now)
    except AddressRefusedError as error:
        return Refused(code="address-refused", reason=str(error))
    except OpenPgpError as error:
        return Refused(code="certificate-refused", reason=str(error))
    _keep(transaction, party, webhook, wish, certificate)
    ledger.append(
        transaction,
        "party.channel",
        party,
        {
            "by_request": webhook is not None,
            "openpgp": None if certificate is None else certificate.fingerprint,
            "cases_per_week": wish.cases_per_week,
            "paused_until": None if wish.paused_until is None else wish.paused_until.isoformat(),
            "authority": decision.policy,
        },
        readers=(actor.actor_id, *identity.WATCHERS),
    )
    return wish


def _keep(
    transaction: Transaction,
    party: str,
    webhook: str | None,
    wish: Wish,
    certificate: Certificate | None,
) -> None:
    transaction.execute(
        "INSERT INTO party_channel (party_id, webhook, cases_per_week, paused_until, openpgp)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (party_id) DO UPDATE"
        " SET webhook = excluded.webhook, cases_per_week = excluded.cases_per_week,"
        " paused_until = excluded.paused_until, openpgp = excluded.openpgp",
        [party, webhook, wish.cases_per_week, wish.paused_until,
         None if certificate is None else certificate.armored],
    )  # fmt: skip


def _notice(row: Row) -> Notice:
    return Notice(
        notice_id=row["notice_id"],
        party_id=row["party_id"],
        kind=row["kind"],
        made_at=row["made_at"],
        due_at=row["due_at"],
        held_because=row["held_because"],
        attempts=row["attempts"],
        failure=row["failure"],
        sent_at=row["sent_at"],
    )
