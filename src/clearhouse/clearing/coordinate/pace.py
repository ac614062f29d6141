"""The board of maintainers: how much each has open, how fast it is handed more, and what waits.

In: somebody of the house. Out: one `Maintainer` for each party that was handed a case, or waits for
one, of the cases that the actor may read. Refused: an actor who may not read cases. Whoever is read
in to some cases sees only these counted; nobody learns that there are others.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.clearing.coordinate import pacing
from clearhouse.clearing.coordinate.pacing import PacingPolicy
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import CaseId, PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

MOST = 60
"""So many maintainers a board shows, the most loaded first."""
_MOST_WAITING = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A case that is held back from a maintainer until its turn."""

    case_id: CaseId
    until: datetime
    because: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Maintainer:
    """One party and its load."""

    party_id: PartyId
    name: str
    open_cases: int
    open_reports: int
    oldest_at: datetime | None
    """When the oldest open case was opened."""
    handed_lately: int
    """Cases handed over within the window of the policy."""
    per_week: int
    own_wish: bool
    """Whether the party said that number itself."""
    paused_until: datetime | None
    held: int
    waiting: tuple[Waiting, ...]
    """The first few of those that are held back."""
    failing: int
    """Cases that could not be handed over so far, because the party could not be told."""


def board(
    desk: Desk, transaction: Transaction, actor: Actor
) -> tuple[PacingPolicy, tuple[Maintainer, ...]]:
    """Return the policy in force and the maintainers, those with the most waiting first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "case.read")
    rules = pacing.in_force()
    now = transaction.now
    rows = transaction.all(
        "SELECT n.party_id, p.name, w.cases_per_week, w.paused_until,"
        " count(*) FILTER (WHERE c.published_at IS NULL) AS open_cases,"
        " coalesce(sum(r.reports) FILTER (WHERE c.published_at IS NULL), 0)::integer AS reports,"
        " min(c.opened_at) FILTER (WHERE c.published_at IS NULL) AS oldest_at,"
        " count(*) FILTER (WHERE n.sent_at > %s) AS handed_lately,"
        " count(*) FILTER (WHERE n.sent_at IS NULL AND n.due_at > %s"
        "  AND n.held_because IS NOT NULL) AS held,"
        " count(*) FILTER (WHERE n.sent_at IS NULL AND n.failure IS NOT NULL) AS failing"
        " FROM notice n JOIN coordination_case c USING (case_id) JOIN party p USING (party_id)"
        " LEFT JOIN party_channel w USING (party_id)"
        " CROSS JOIN LATERAL (SELECT count(*) AS reports FROM case_report"
        "  WHERE case_id = c.case_id) AS r"
        " WHERE n.kind = 'case' AND c.merged_into IS NULL GROUP BY 1, 2, 3, 4"
        " ORDER BY held DESC, open_cases DESC, p.name LIMIT %s",
        [now - timedelta(days=rules.window_days), now, MOST],
    )
    waits = _waiting(transaction, [row["party_id"] for row in rows if row["held"]])
    return rules, tuple(_maintainer(row, rules, waits[row["party_id"]], now) for row in rows)


def _maintainer(row: Row, rules: PacingPolicy, waiting: list[Waiting], now: datetime) -> Maintainer:
    wish, paused = row["cases_per_week"], row["paused_until"]
    return Maintainer(
        party_id=PartyId(row["party_id"]),
        name=row["name"],
        open_cases=row["open_cases"],
        open_reports=row["reports"],
        oldest_at=row["oldest_at"],
        handed_lately=row["handed_lately"],
        per_week=rules.cases_per_week if wish is None else wish,
        own_wish=wish is not None,
        paused_until=paused if paused is not None and paused > now else None,
        held=row["held"],
        waiting=tuple(waiting),
        failing=row["failing"],
    )


def _waiting(transaction: Transaction, parties: list[str]) -> defaultdict[str, list[Waiting]]:
    rows = transaction.all(
        "SELECT party_id, case_id, due_at, held_because FROM (SELECT n.*, row_number()"
        "  OVER (PARTITION BY n.party_id ORDER BY n.due_at, n.notice_id) AS place"
        "  FROM notice n JOIN coordination_case c USING (case_id) WHERE n.kind = 'case'"
        "  AND n.sent_at IS NULL AND n.due_at > %s AND n.held_because IS NOT NULL"
        "  AND c.merged_into IS NULL AND n.party_id = ANY(%s)) AS held WHERE place <= %s"
        " ORDER BY due_at, case_id",
        [transaction.now, parties, _MOST_WAITING],
    )
    found: defaultdict[str, list[Waiting]] = defaultdict(list)
    for row in rows:
        found[row["party_id"]].append(
            Waiting(
                case_id=CaseId(row["case_id"]), until=row["due_at"], because=row["held_because"]
            )
        )
    return found
