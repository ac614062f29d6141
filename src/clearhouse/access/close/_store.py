"""Where closures, certificates and routed findings are kept."""

from clearhouse.access.close.record import (
    Certificate,
    ChainPlace,
    Closure,
    FindingKind,
    RoutedFinding,
)
from clearhouse.access.offer.record import Window
from clearhouse.kernel.store.database import Row, Transaction


def insert(transaction: Transaction, window: Window, closure: Closure) -> bool:
    """Store a closure; False when there is one."""
    return bool(
        transaction.execute(
            "INSERT INTO access_closure (window_id, at, because, receipts, chains, root,"
            " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (window_id) DO NOTHING",
            [
                closure.window_id,
                closure.at,
                closure.because,
                closure.receipts,
                closure.chains,
                bytes.fromhex(closure.root),
                window.compartment,
                list(window.readers),
            ],
        )
    )


def insert_place(transaction: Transaction, window: Window, place: ChainPlace) -> None:
    """Store where a chain stands, for those who may read the chain."""
    transaction.execute(
        "INSERT INTO access_closure_path (chain, window_id, leaf_index, size, path, head, entries,"
        " compartment, readers) SELECT %s, %s, %s, %s, %s, %s, %s, compartment, readers"
        " FROM access_grant WHERE grant_id = %s",
        [
            place.chain,
            window.window_id,
            place.leaf_index,
            place.size,
            [bytes.fromhex(step) for step in place.path],
            place.head,
            place.entries,
            place.chain,
        ],
    )


def closure(transaction: Transaction, window_id: str) -> Closure | None:
    """Return the closure of a window."""
    row = transaction.one(
        "SELECT window_id, at, because, receipts, chains, root FROM access_closure"
        " WHERE window_id = %s",
        [window_id],
    )
    return None if row is None else Closure(**{**row, "root": bytes(row["root"]).hex()})


def places(transaction: Transaction, window_id: str) -> tuple[ChainPlace, ...]:
    """Return where the chains stand that the actor may read."""
    rows = transaction.all(
        "SELECT chain, entries, head, leaf_index, size, path FROM access_closure_path"
        " WHERE window_id = %s ORDER BY chain",
        [window_id],
    )
    return tuple(
        ChainPlace(**{**row, "path": tuple(bytes(step).hex() for step in row["path"])})
        for row in rows
    )


def unsealed(transaction: Transaction) -> list[str]:
    """Return the closed windows without a closure."""
    rows = transaction.all(
        "SELECT window_id FROM access_window w WHERE state = 'closed' AND opened_at IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM access_closure c WHERE c.window_id = w.window_id)"
        " ORDER BY window_id"
    )
    return [row["window_id"] for row in rows]


def certify(
    transaction: Transaction, window_id: str, one: Certificate, place: tuple[str, list[str]]
) -> bool:
    """Store a certificate; False when the party has given one."""
    return bool(
        transaction.execute(
            "INSERT INTO access_certificate (certificate_id, window_id, admission_id, actor_id, at,"
            " destroyed, method, terms_sha256, compartment, readers)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                one.certificate_id,
                window_id,
                one.admission_id,
                one.actor_id,
                one.at,
                list(one.destroyed),
                one.method,
                one.terms_sha256,
                *place,
            ],
        )
    )


def certificates(transaction: Transaction, window_id: str) -> tuple[Certificate, ...]:
    """Return the certificates of a window that the actor may read."""
    rows = transaction.all(
        "SELECT certificate_id, admission_id, actor_id, at, destroyed, method, terms_sha256"
        " FROM access_certificate WHERE window_id = %s ORDER BY at, certificate_id",
        [window_id],
    )
    return tuple(Certificate(**{**row, "destroyed": tuple(row["destroyed"])}) for row in rows)


def route(
    transaction: Transaction,
    window_id: str,
    one: RoutedFinding,
    content_payload: str | None,
    place: tuple[str, list[str]],
) -> None:
    """Store where a finding went."""
    transaction.execute(
        "INSERT INTO access_finding (routing_id, window_id, grant_id, kind, receipt, at,"
        " content_payload, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            one.routing_id,
            window_id,
            one.grant_id,
            one.kind,
            one.receipt,
            one.at,
            content_payload,
            *place,
        ],
    )


def findings(transaction: Transaction, window_id: str) -> tuple[RoutedFinding, ...]:
    """Return the routed findings of a window that the actor may read."""
    rows = transaction.all(
        "SELECT routing_id, grant_id, kind, receipt, at FROM access_finding"
        " WHERE window_id = %s ORDER BY at, routing_id",
        [window_id],
    )
    return tuple(RoutedFinding(**{**row, "kind": FindingKind(row["kind"])}) for row in rows)


def safeguards(transaction: Transaction, window_id: str) -> list[Row]:
    """Return the sealed findings about the model that the actor may read."""
    return transaction.all(
        "SELECT routing_id, grant_id, at, content_payload FROM access_finding"
        " WHERE window_id = %s AND kind = 'safeguards' ORDER BY at, routing_id",
        [window_id],
    )


def acceptances(transaction: Transaction, window_id: str) -> list[Row]:
    """Return who accepted which terms, by grant, as far as the actor may read it."""
    return transaction.all(
        "SELECT grant_id, actor_id, count(*) AS clauses, max(at) AS at FROM access_acceptance"
        " JOIN access_grant USING (grant_id) WHERE window_id = %s"
        " GROUP BY grant_id, actor_id ORDER BY grant_id",
        [window_id],
    )
