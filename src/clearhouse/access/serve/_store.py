"""Where receipts and fingerprints are read."""

from clearhouse.access.serve.fingerprint import Same
from clearhouse.kernel.store.database import Row, Transaction


def chains(transaction: Transaction, window_id: str) -> dict[str, list[str]]:
    """Return the entries of every chain of a window that the actor may read."""
    rows = transaction.all(
        "SELECT r.chain, r.body FROM access_receipt r JOIN access_grant g ON g.grant_id = r.chain"
        " WHERE g.window_id = %s ORDER BY r.chain, r.entry",
        [window_id],
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["chain"], []).append(row["body"])
    return found


def add_fingerprint(
    transaction: Transaction,
    fingerprint_id: str,
    window_id: str,
    moment: str,
    verdict: Same,
    matched: int,
    answers: tuple[str, ...],
    policy: str,
    place: tuple[str, list[str]],
) -> None:
    """Store the outcome of one comparison."""
    transaction.execute(
        "INSERT INTO access_fingerprint (fingerprint_id, window_id, at, moment, verdict, matched,"
        " prompts, answers_sha256, policy, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            fingerprint_id,
            window_id,
            transaction.now,
            moment,
            verdict,
            matched,
            len(answers),
            list(answers),
            policy,
            *place,
        ],
    )


def fingerprints(transaction: Transaction, window_id: str) -> list[Row]:
    """Return the comparisons of a window that the actor may read, the oldest first."""
    return transaction.all(
        "SELECT fingerprint_id, at, moment, verdict, matched, prompts, answers_sha256, policy"
        " FROM access_fingerprint WHERE window_id = %s ORDER BY at, fingerprint_id",
        [window_id],
    )
