"""What agents did lately, from the ledger: which agent, for whom, which acts, how many an hour.

In: a transaction. Out: one `Agent` for each agent of whom the transaction's actor may read an act,
and for those of its own party. Refused: nothing; what the actor may not read is not counted, and an
agent of others whose every act is hidden does not appear. Who answers for an agent, and its tokens,
are shown to its own party and to those who watch over who may act.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.kernel import identity, sessions
from clearhouse.kernel.identity import ActorKind
from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.sessions import TokenNote
from clearhouse.kernel.store.database import Row, Transaction

LOOKS_BACK = timedelta(days=7)
COUNTED = 1000
"""So many of the newest acts of each agent are counted."""
_MOST_AGENTS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """An agent and what it did in the last seven days."""

    actor_id: ActorId
    name: str
    party: str
    responsible: str | None
    """The person who answers for it; None to whom that is not told."""
    revoked_at: datetime | None
    acts: tuple[tuple[str, int], ...]
    """Kinds of acts with their number, the most frequent first."""
    in_day: int
    in_hour: int
    last_at: datetime | None
    more: bool
    """Whether there are older acts within the seven days that were not counted."""

    @property
    def total(self) -> int:
        """Acts counted."""
        return sum(count for _, count in self.acts)


def agents(transaction: Transaction, reader: identity.Actor) -> tuple[Agent, ...]:
    """Return the agents whose acts the reader may see, those that acted last first."""
    found = _known(transaction, reader, None)
    never = datetime.min.replace(tzinfo=transaction.now.tzinfo)
    return tuple(sorted(found, key=lambda one: one.last_at or never, reverse=True))


def agent(transaction: Transaction, reader: identity.Actor, actor_id: ActorId) -> Agent | None:
    """Return one agent, None when there is none of which the reader may know."""
    return next(iter(_known(transaction, reader, actor_id)), None)


def _known(transaction: Transaction, reader: identity.Actor, only: ActorId | None) -> list[Agent]:
    rows = transaction.all(
        "SELECT a.actor_id, a.name, p.name AS party, p.party_id, b.name AS responsible,"
        " a.revoked_at FROM actor a JOIN party p USING (party_id)"
        " JOIN actor b ON b.actor_id = a.responsible_actor_id WHERE a.kind = %s"
        " AND coalesce(a.actor_id = %s, true) AND (a.party_id = %s OR EXISTS ("
        " SELECT FROM ledger_event e WHERE e.actor_id = a.actor_id AND e.at > %s))"
        " ORDER BY a.name LIMIT %s",
        [ActorKind.AGENT, only, reader.party_id, transaction.now - LOOKS_BACK, _MOST_AGENTS],
    )
    return [_agent(transaction, row, reader) for row in rows]


def by_hour(transaction: Transaction, actor_id: ActorId, *, hours: int = 24) -> tuple[int, ...]:
    """Count the acts of one actor by hour, the present hour last, as far as one may see them."""
    rows = transaction.all(
        "SELECT floor(extract(epoch FROM %s - at) / 3600)::integer AS ago, count(*) AS acts"
        " FROM ledger_event WHERE actor_id = %s AND at > %s AND at <= %s GROUP BY 1",
        [transaction.now, actor_id, transaction.now - timedelta(hours=hours), transaction.now],
    )
    counted = {row["ago"]: row["acts"] for row in rows}
    return tuple(counted.get(ago, 0) for ago in reversed(range(hours)))


def tokens_of(
    transaction: Transaction, reader: identity.Actor, actor_id: ActorId
) -> tuple[TokenNote, ...] | None:
    """Return what may be shown of an agent's tokens; None when the reader may not know of them."""
    found = identity.actor(transaction, actor_id)
    if found is None or not _answers(reader, found.party_id):
        return None
    return sessions.tokens_of(transaction, found)


def _answers(reader: identity.Actor, party_id: str) -> bool:
    """Return whether the reader is told who answers for a party's agents, and by what they come."""
    return party_id == reader.party_id or reader.reads(identity.WATCHERS)


def _agent(transaction: Transaction, row: Row, reader: identity.Actor) -> Agent:
    acts = transaction.all(
        "SELECT kind, at FROM ledger_event WHERE actor_id = %s AND at > %s"
        " ORDER BY at DESC, event_id DESC LIMIT %s",
        [row["actor_id"], transaction.now - LOOKS_BACK, COUNTED + 1],
    )
    counted = acts[:COUNTED]

    def within(length: timedelta) -> int:
        return sum(one["at"] > transaction.now - length for one in counted)

    return Agent(
        actor_id=ActorId(row["actor_id"]),
        name=row["name"],
        party=row["party"],
        responsible=row["responsible"] if _answers(reader, row["party_id"]) else None,
        revoked_at=row["revoked_at"],
        acts=tuple(Counter(one["kind"] for one in counted).most_common()),
        in_day=within(timedelta(days=1)),
        in_hour=within(timedelta(hours=1)),
        last_at=counted[0]["at"] if counted else None,
        more=len(acts) > COUNTED,
    )
