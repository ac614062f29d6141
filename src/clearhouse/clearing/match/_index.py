"""The index of earlier reports in the database; only the house's machinery may search it.

Holds keyed hashes alone: the tokens a report is filed under, its exact keys, and its packed sketch.
"""

from collections.abc import Iterable, Mapping, Sequence

from clearhouse.clearing.match.packing import pack, unpack, unpack_first
from clearhouse.clearing.match.pairing import Side
from clearhouse.clearing.match.ranking import Candidate
from clearhouse.clearing.match.record import ExactKey
from clearhouse.clearing.match.retrieval import CANDIDATES, CROWDED
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.store.database import Transaction


def file(
    transaction: Transaction,
    serial: int,
    side: Side,
    *,
    package: int | None,
    tokens: Sequence[int],
    keys: Mapping[bytes, ExactKey],
) -> None:
    """Make a report findable."""
    transaction.execute(
        "WITH report AS (INSERT INTO match_index_report (serial, package, length, sketch)"
        "  VALUES (%s, %s, %s, %s)), keys AS ("
        "  INSERT INTO match_index_key (value, serial, kind)"
        "  SELECT value, %s, kind FROM unnest(%s::bytea[], %s::text[]) AS k (value, kind))"
        " INSERT INTO match_index_token (token, serial)"
        " SELECT token, %s FROM unnest(%s::bigint[]) AS token",
        [
            serial,
            package,
            len(side.sketch.all_words),
            pack(side),
            serial,
            list(keys),
            [str(key.kind) for key in keys.values()],
            serial,
            list(dict.fromkeys(tokens)),
        ],
    )


def remove(transaction: Transaction, serial: int) -> None:
    """Take a report out of the index, as when its compartment is shredded."""
    transaction.execute(
        "WITH report AS (DELETE FROM match_index_report WHERE serial = %s), keys AS"
        " (DELETE FROM match_index_key WHERE serial = %s)"
        " DELETE FROM match_index_token WHERE serial = %s",
        [serial, serial, serial],
    )


def size(transaction: Transaction) -> int:
    """Return about how many reports are filed."""
    row = transaction.one("SELECT coalesce(max(serial), 0) AS reports FROM match_index_report")
    return int(row["reports"]) if row else 0


def held(transaction: Transaction, tokens: Iterable[int]) -> dict[int, int]:
    """Return how many reports are filed under each token; a crowd is not counted to its end."""
    rows = transaction.all(
        "SELECT token, found.count FROM unnest(%s::bigint[]) AS asked (token), LATERAL ("
        "  SELECT count(*) AS count FROM (SELECT FROM match_index_token t"
        "   WHERE t.token = asked.token LIMIT %s) AS counted) AS found WHERE found.count > 0",
        [list(tokens), CROWDED + 1],
    )
    return {row["token"]: row["count"] for row in rows}


def nearest(
    transaction: Transaction, weights: Mapping[int, float], *, but: int | None
) -> list[Candidate]:
    """Return the reports that share most of what is asked for, best first."""
    rows = transaction.all(
        "SELECT serial, score / sqrt(length + 8) AS score, sketch FROM ("
        "  SELECT serial, sum(weight) AS score"
        "  FROM unnest(%s::bigint[], %s::float8[]) AS asked (token, weight)"
        "  JOIN match_index_token USING (token)"
        "  WHERE serial IS DISTINCT FROM %s GROUP BY serial ORDER BY 2 DESC LIMIT %s) AS near"
        " JOIN match_index_report USING (serial) ORDER BY 2 DESC, serial LIMIT %s",
        [list(weights), list(weights.values()), but, 4 * CANDIDATES, CANDIDATES],
    )
    return [
        Candidate(
            number=row["serial"],
            side=unpack_first(row["sketch"]),
            score=row["score"],
            packed=row["sketch"],
        )
        for row in rows
    ]


def key_holders(
    transaction: Transaction, hashes: Sequence[bytes], *, but: int | None
) -> dict[ReportId, list[bytes]]:
    """Return who holds which of these keys: the earliest report of each finding and key."""
    rows = transaction.all(
        "SELECT DISTINCT ON (k.value, r.finding_id) r.report_id, k.value"
        " FROM match_index_key k JOIN match_report r USING (serial)"
        " WHERE k.value = ANY(%s) AND k.serial IS DISTINCT FROM %s"
        " ORDER BY k.value, r.finding_id, r.received_at, r.report_id",
        [list(hashes), but],
    )
    holders: dict[ReportId, list[bytes]] = {}
    for row in rows:
        holders.setdefault(ReportId(row["report_id"]), []).append(bytes(row["value"]))
    return holders


def reports_of(transaction: Transaction, serials: Sequence[int]) -> dict[int, ReportId]:
    """Return the reports that have these serial numbers."""
    rows = transaction.all(
        "SELECT serial, report_id FROM match_report WHERE serial = ANY(%s)", [list(serials)]
    )
    return {row["serial"]: ReportId(row["report_id"]) for row in rows}


def sides_of(transaction: Transaction, report_ids: Sequence[ReportId]) -> dict[int, Side]:
    """Return the packed sketches of some reports by their serial numbers."""
    rows = transaction.all(
        "SELECT serial, sketch FROM match_report JOIN match_index_report USING (serial)"
        " WHERE report_id = ANY(%s)",
        [list(report_ids)],
    )
    return {row["serial"]: unpack(row["sketch"]) for row in rows}
