"""Takes what operators say about advisories, and releases what may be said of it.

In: a signed statement of an operator whom the door knows; or the clock. Out: a row under a
pseudonym with its ledger event; or new numbers. Refused: an advisory that is not public, a day that
is not now, who may not acknowledge.

The event of a statement names the advisory and the hash of the envelope, and no actor: the store
does not write down who said it. The house's marking key could tell, by trying every party; nobody
at the desk holds it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, cast

from clearhouse.clearing.deliver import reach as rules
from clearhouse.clearing.deliver.reach import Reach, ReachPolicy
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.house import PUBLIC_READERS
from clearhouse.formats.acknowledgement import (
    Acknowledgement,
    AcknowledgementError,
    Affected,
    read,
)
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Counter, Desk
from clearhouse.kernel.store.database import Transaction

_MACHINERY: Final = ("role:clearing",)
_A_DAY: Final = timedelta(days=1)


class NoSuchAdvisoryError(LookupError):
    """There is no public advisory of this id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """The newest numbers of one advisory."""

    advisory_id: str
    published: date
    reach: Reach | None
    """None while nothing was released."""
    released_at: datetime | None
    number: int
    """How many releases there were."""


def acknowledge(counter: Counter, actor: Actor, data: bytes) -> str:
    """Keep what an operator says about an advisory, and return the id of the statement.

    Raises: AcknowledgementError, NoSuchAdvisoryError, ForbiddenError.
    """
    counter.authority.demand(actor, "advisory.acknowledge")
    statement, envelope = read(data)
    # Under nobody's name: neither row nor event may say whose statement this is.
    with counter.database.transaction(None) as transaction:
        _demand_now(statement, transaction.now.date())
        if publish.advisory(transaction, statement.advisory) is None:
            raise NoSuchAdvisoryError(statement.advisory)
        return _insert(transaction, counter, actor, statement, envelope)


def release_due(desk: Desk) -> list[str]:
    """Release new numbers wherever a group of operators has said something new.

    Running it again releases nothing twice. Returns the advisories.
    """
    policy = rules.in_force()
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        waiting = transaction.all(
            "SELECT advisory_id FROM acknowledgement WHERE release IS NULL GROUP BY advisory_id"
            " HAVING count(DISTINCT pseudonym) >= %s ORDER BY 1",
            [policy.group],
        )
    return [
        row["advisory_id"] for row in waiting if _release(desk, str(row["advisory_id"]), policy)
    ]


def counts(transaction: Transaction) -> dict[str, int]:
    """Count the advisories of which a whole group of operators has said something."""
    return transaction.counts("SELECT count(DISTINCT advisory_id) AS reached FROM reach_release")


def reach_of(desk: Desk, transaction: Transaction, actor: Actor, advisory_id: str) -> Released:
    """Return the newest numbers of a public advisory.

    Raises: NoSuchAdvisoryError, ForbiddenError.
    """
    desk.authority.demand(actor, "reach.read")
    found = publish.advisory(transaction, advisory_id)
    if found is None:
        raise NoSuchAdvisoryError(advisory_id)
    row = transaction.one(
        "SELECT number, released_at, body FROM reach_release WHERE advisory_id = %s"
        " ORDER BY number DESC LIMIT 1",
        [advisory_id],
    )
    return Released(
        advisory_id=advisory_id,
        published=_published(found.bodies["osv"]),
        reach=None if row is None else rules.from_json(row["body"]),
        released_at=None if row is None else row["released_at"],
        number=0 if row is None else row["number"],
    )


def reach_of_all(desk: Desk, transaction: Transaction, actor: Actor) -> list[Released]:
    """Return the newest numbers of every public advisory, the newest advisory first.

    Raises: ForbiddenError.
    """
    return [
        reach_of(desk, transaction, actor, one.advisory_id)
        for one in publish.advisories(transaction)
    ]


def _demand_now(statement: Acknowledgement, today: date) -> None:
    """Leave a day for time zones; an old statement must not be sent again as a new one."""
    if abs(statement.said_on - today) > _A_DAY:
        raise AcknowledgementError(f"said_on: is not today, {today}; check the clock and sign anew")


def _insert(
    transaction: Transaction,
    counter: Counter,
    actor: Actor,
    statement: Acknowledgement,
    envelope: Mapping[str, Json],
) -> str:
    name = f"acknowledgement\n{statement.advisory}\n{actor.party_id}".encode()
    id_ = new_id("ack")
    transaction.execute(
        "INSERT INTO acknowledgement (acknowledgement_id, advisory_id, pseudonym, affected,"
        " fixed_on, said_on, envelope, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            id_,
            statement.advisory,
            hmac.digest(counter.marking_key, name, "sha256"),
            statement.affected,
            statement.fixed_on,
            statement.said_on,
            json.dumps(envelope),
            list(_MACHINERY),
        ],
    )
    digest = hashlib.sha256(canonical_bytes(dict(envelope))).hexdigest()
    ledger.append(
        transaction,
        "advisory.acknowledged",
        statement.advisory,
        {"statement_sha256": digest},
        readers=_MACHINERY,
    )
    return id_


def _release(desk: Desk, advisory_id: str, policy: ReachPolicy) -> bool:
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        # Two workers may come at once; the second one waits here and finds nothing new.
        transaction.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"reach {advisory_id}"]
        )
        found = publish.advisory(transaction, advisory_id)
        last = transaction.one(
            "SELECT max(number) AS number, max(released_at) AS at FROM reach_release"
            " WHERE advisory_id = %s",
            [advisory_id],
        )
        number, at = (last["number"] or 0, last["at"]) if last else (0, None)
        early = at is not None and transaction.now < at + timedelta(hours=policy.apart_hours)
        if found is None or early or not _is_new(transaction, advisory_id, policy):
            return False
        said = _newest(transaction, advisory_id)
        body = rules.reach(said, _published(found.bodies["osv"]), policy).as_json()
        _write(transaction, advisory_id, number + 1, body)
    return True


def _is_new(transaction: Transaction, advisory_id: str, policy: ReachPolicy) -> bool:
    row = transaction.one(
        "SELECT count(DISTINCT pseudonym) AS fresh FROM acknowledgement"
        " WHERE advisory_id = %s AND release IS NULL",
        [advisory_id],
    )
    return row is not None and row["fresh"] >= policy.group


def _newest(transaction: Transaction, advisory_id: str) -> list[Acknowledgement]:
    rows = transaction.all(
        "SELECT DISTINCT ON (pseudonym) affected, fixed_on, said_on FROM acknowledgement"
        " WHERE advisory_id = %s ORDER BY pseudonym, place DESC",
        [advisory_id],
    )
    return [
        Acknowledgement(
            advisory=advisory_id,
            affected=Affected(row["affected"]),
            fixed_on=row["fixed_on"],
            said_on=row["said_on"],
        )
        for row in rows
    ]


def _write(
    transaction: Transaction, advisory_id: str, number: int, body: Mapping[str, Json]
) -> None:
    transaction.execute(
        "INSERT INTO reach_release (advisory_id, number, released_at, body, readers)"
        " VALUES (%s, %s, %s, %s, %s)",
        [
            advisory_id,
            number,
            transaction.now,
            json.dumps(body),
            list(PUBLIC_READERS),
        ],
    )
    transaction.execute(
        "UPDATE acknowledgement SET release = %s WHERE advisory_id = %s AND release IS NULL",
        [number, advisory_id],
    )
    ledger.append(
        transaction,
        "reach.released",
        advisory_id,
        {"number": number, "policy": body["policy"]},
        readers=PUBLIC_READERS,
    )


def _published(osv: bytes) -> date:
    document = cast("dict[str, str]", json.loads(osv))
    stated = document.get("published") or document["modified"]
    return datetime.fromisoformat(stated).date()
