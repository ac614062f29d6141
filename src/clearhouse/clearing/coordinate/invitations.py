"""Invitations by link, as the desk makes and ends them and keeps what they show up to date.

In: a person of a vendor, and for how long. Out: that person is read in by the usual policy, and the
code of a link to the counter, which is told once. What the link shows is what its person may see of
the case at that moment, sealed under a key that the code and the counter's folder give together;
the house keeps the code sealed, so that it can lay out anew what has changed. Refused: a party
without a part in the case, and every read-in that the policy refuses or leaves to a second person
shows nothing until it stands.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.clearing.coordinate import casework, messages, own_view, read_ins
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.clearing.coordinate.invited import Line, Part, Told, Verdict, sealed
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Party, PartyRole
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.ids import ActorId, PartyId, PayloadId, new_id, new_secret
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

LONGEST_DAYS = 180
_ACT = "case.read_in"
_TIER = 0
"""A vendor's own people see everything that is written for outsiders; they have to fix it."""
_AT_ONCE = 200
_STANDS = "read-in-twice"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """One link, without its code."""

    invitation_id: str
    party_id: PartyId
    actor_id: ActorId
    made_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    shows: bool
    """Whether it shows anything now."""


def invite(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    vendor: str,
    name: str,
    days: int,
) -> str | Refused:
    """Read a person of a vendor in, and return the code of a link for it.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = casework.case_file(desk, transaction, actor, case_id)
    decision = desk.authority.demand(actor, _ACT, stored.readers)
    refused = _mistake(stored.case.party(vendor), name, days)
    if refused is not None:
        return refused
    party, now = PartyId(vendor), transaction.now
    who = identity.actor(
        transaction,
        identity.add_actor(transaction, party, ActorKind.PERSON, name.strip(), roles=["vendor"]),
    )
    if who is None:
        return Refused(code="revoked", reason="that person may act no more")
    expires = now + timedelta(days=days)
    done = read_ins.read_in(desk, transaction, actor, case_id, who=who, tier=_TIER,
                            expires_at=expires, reason="invited by link")  # fmt: skip
    if isinstance(done, Refused) and done.code != _STANDS:
        return done
    messages.open_thread(desk, transaction, actor, case_id, party=vendor)
    return _made(desk, transaction, who, case_id, expires, decision.policy)


def end(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, invitation_id: str
) -> bool:
    """End a link at once; True when it was live. Its person stays read in until read out.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = casework.case_file(desk, transaction, actor, case_id)
    decision = desk.authority.demand(actor, _ACT, stored.readers)
    ended = transaction.execute(
        "UPDATE counter_invitation SET ended_at = %s, sealed = ''"
        " WHERE invitation_id = %s AND case_id = %s AND ended_at IS NULL",
        [transaction.now, invitation_id, case_id],
    )
    if ended:
        _note(transaction, "invitation.ended", invitation_id, case_id, decision.policy)
    return bool(ended)


def of_case(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> tuple[Invitation, ...]:
    """Return the links into a case, the newest first.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    casework.case_file(desk, transaction, actor, case_id)
    if not desk.authority.may(actor, _ACT).allowed:
        return ()
    rows = transaction.all(
        "SELECT * FROM counter_invitation WHERE case_id = %s ORDER BY made_at DESC, invitation_id",
        [case_id],
    )
    return tuple(_invitation(row, transaction.now) for row in rows)


def lay_out_due(desk: Desk) -> int:
    """Lay out anew what links show wherever something has changed, and return for how many."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all(_CHANGED, [transaction.now, _AT_ONCE])
    for row in rows:
        _lay_out(desk, row)
    return len(rows)


# Counts and revisions, not times: what is committed late bears an early time.
_CHANGED = """
SELECT invitation_id, state FROM (
    SELECT i.*, concat_ws('/', c.revision,
               (SELECT count(*) FROM case_part p WHERE p.case_id = i.case_id),
               (SELECT count(*) FROM case_message JOIN case_thread t USING (thread_id)
                 WHERE t.case_id = i.case_id AND t.party_id = i.party_id)) AS state
      FROM counter_invitation i JOIN coordination_case c USING (case_id)
     WHERE i.ended_at IS NULL AND i.expires_at > %s) AS live
 WHERE told_of IS DISTINCT FROM state
 ORDER BY told_at NULLS FIRST, invitation_id LIMIT %s
"""


def _lay_out(desk: Desk, row: Row) -> None:
    """Seal what one link shows now; nothing when its person reads the case no more."""
    clearing = desk.clearing_actor.actor_id
    with desk.database.transaction(clearing) as transaction:
        found = transaction.one(
            "SELECT * FROM counter_invitation WHERE invitation_id = %s AND ended_at IS NULL",
            [row["invitation_id"]],
        )
        if found is None:
            return
        code = desk.vault.open(transaction, PayloadId(found["code_payload"])).decode()
        begun = transaction.now
    told = _told(desk, found)
    with desk.database.transaction(clearing) as transaction:
        transaction.execute(
            "UPDATE counter_invitation SET sealed = %s, told_at = %s, told_of = %s"
            " WHERE invitation_id = %s AND ended_at IS NULL",
            [b"" if told is None else sealed(desk.keys.marking_key(), code, told), begun,
             row["state"], found["invitation_id"]],
        )  # fmt: skip


def _told(desk: Desk, row: Row) -> Told | None:
    """Return what the invited person may see, asked for as that person."""
    who = ActorId(row["actor_id"])
    with desk.database.transaction(who) as transaction:
        actor = identity.actor(transaction, who)
        if actor is None:
            return None
        try:
            view = own_view.own_view(desk, transaction, actor, row["case_id"])
        except (NoSuchCaseError, ForbiddenError):
            return None
        names = identity.party_names(transaction, [actor.party_id])
        return Told(
            case_id=view.case_id,
            person=actor.name,
            party=names.get(actor.party_id, ""),
            sentence=view.told.sentence,
            until=view.until,
            rule=view.rule,
            parts=tuple(
                Part(share=one.share.value, at=one.at, text=one.said, copy=one.copy)
                for one in view.parts
            ),
            consent=view.consent,
            products=view.products,
            verdicts=tuple(
                Verdict(
                    at=one.at,
                    outcome=one.outcome,
                    reason=one.reason,
                    fixed_version=one.fixed_version,
                )
                for one in view.verdicts
            ),
            lines=_lines(desk, transaction, actor, view.threads),
        )


def _lines(
    desk: Desk, transaction: Transaction, actor: Actor, threads: Sequence[str]
) -> tuple[Line, ...]:
    """Return what was said between the house and the person's own party."""
    said: list[Line] = []
    for one in threads:
        thread, found = messages.messages(desk, transaction, actor, one)
        if thread.party_id == actor.party_id:
            said += [
                Line(
                    at=each.at,
                    own=each.party_id == actor.party_id,
                    text=each.words.text,
                    copy=each.copy,
                )
                for each in found
            ]
    return tuple(said)


def _made(
    desk: Desk,
    transaction: Transaction,
    who: Actor,
    case_id: str,
    expires: datetime,
    authority: str,
) -> str:
    code, invitation_id = new_secret("chi"), new_id("inv")
    box = desk.vault.new_box(transaction, HOUSE_READERS)
    transaction.execute(
        "INSERT INTO counter_invitation (invitation_id, hash, case_id, party_id, actor_id, made_by,"
        " made_at, expires_at, code_payload, sealed, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '', %s, %s)",
        [invitation_id, hashlib.sha256(code.encode()).digest(), case_id, who.party_id,
         who.actor_id, transaction.actor, transaction.now, expires,
         box.seal(transaction, "invitation", code.encode()), box.compartment, list(box.readers)],
    )  # fmt: skip
    _note(transaction, "invitation.made", invitation_id, case_id, authority)
    return code


def _note(
    transaction: Transaction, kind: str, invitation_id: str, case_id: str, authority: str
) -> None:
    facts = {"case": case_id, "authority": authority}
    ledger.append(transaction, kind, invitation_id, facts, readers=HOUSE_READERS)


def _mistake(party: Party | None, name: str, days: int) -> Refused | None:
    if party is None or party.role is not PartyRole.VENDOR:
        return Refused(code="unknown-party", reason="that party is no vendor of the case")
    if not name.strip() or not 1 <= days <= LONGEST_DAYS:
        reason = f"an invitation names a person, and lasts 1 to {LONGEST_DAYS} days"
        return Refused(code="malformed", reason=reason)
    return None


def _invitation(row: Row, now: datetime) -> Invitation:
    return Invitation(
        invitation_id=row["invitation_id"],
        party_id=PartyId(row["party_id"]),
        actor_id=ActorId(row["actor_id"]),
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        shows=bool(row["sealed"]) and row["expires_at"] > now,
    )
