"""Replaces the key that opens everything, while the house works on.

In: the owner's address of the store, and the folder of keys. Out: every data key wrapped anew.
Refused: nothing; it may be killed at any instant and run again.

1. The present key is kept under the name of its public half; a new one gets such a name too.
2. The new one becomes the present key. What is sealed from now on is sealed to it.
3. Every data key is unwrapped and wrapped to the new key, a few thousand to a transaction.
4. `retire` destroys the keys to which nothing is sealed. The store then refuses what a process
   that was not started anew would still seal to them; nothing is taken in that nobody can open.

Only the wrapping changes: payloads are not sealed anew, because no data key was exposed with the
key that wrapped it unless somebody had both that key and a copy of the store.
Source: NIST SP 800-57 part 1 rev. 5, §5.3 (cryptoperiods) and §8.2.3 (replacement).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.clock import Clock, system_clock
from clearhouse.kernel.keys import OPENING, KeyFolder, Keys, kek_id_of
from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.vault import Vault, wrapped

_BATCH = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What a rotation did."""

    new: str
    """Id of the key that is the present one now."""
    rewrapped: int
    kept: tuple[str, ...]
    """Ids of earlier keys that are still there."""


def rotate(owner_url: str, folder: KeyFolder) -> Rotation:
    """Make a new opening key and wrap every data key to it.

    Raises: DamagedPayloadError when a data key was wrapped to a key that is not here.
    """
    keys = Keys(folder)
    present = keys.opening_key()
    folder.put(f"{OPENING}-{kek_id_of(present.public_key())}", present.private_bytes_raw())
    fresh = X25519PrivateKey.generate()
    folder.put(f"{OPENING}-{kek_id_of(fresh.public_key())}", fresh.private_bytes_raw())
    folder.put(OPENING, fresh.private_bytes_raw())
    return rewrap(owner_url, folder)


def rewrap(owner_url: str, folder: KeyFolder) -> Rotation:
    """Wrap to the present key what is wrapped to an earlier one; a killed rotation ends so too."""
    keys = Keys(folder)
    vault = Vault.with_key(keys.opening_key(), keys.opening_key_of)
    done = 0
    with psycopg.connect(owner_url, options="-c search_path=clearhouse") as connection:
        while count := _rewrap_some(connection, vault):
            connection.commit()
            done += count
    new, *kept = keys.kek_ids()
    return Rotation(new=new, rewrapped=done, kept=tuple(kept))


def retire(owner_url: str, folder: KeyFolder, *, clock: Clock = system_clock) -> tuple[str, ...]:
    """Destroy the earlier keys to which nothing is sealed, and return their ids."""
    _, *earlier = Keys(folder).kek_ids()
    gone = []
    with psycopg.connect(owner_url, options="-c search_path=clearhouse") as connection:
        # Nobody may seal to an old key between the look and the note.
        connection.execute("LOCK TABLE data_key IN SHARE ROW EXCLUSIVE MODE")
        for kek_id in earlier:
            used = connection.execute(
                "SELECT FROM data_key WHERE kek_id = %s AND wrapped IS NOT NULL LIMIT 1", [kek_id]
            ).fetchone()
            if used is None:
                connection.execute(
                    "INSERT INTO retired_key VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    [kek_id, clock()],
                )
                gone.append(kek_id)
    for kek_id in gone:
        folder.remove(f"{OPENING}-{kek_id}")
    return tuple(gone)


def note(transaction: Transaction, kind: str, facts: Mapping[str, Json]) -> None:
    """Write to the ledger what became of the keys: `keys.rotated` or `keys.retired`."""
    ledger.append(transaction, kind, "keys", facts, readers=identity.WATCHERS)


def _rewrap_some(connection: psycopg.Connection, vault: Vault) -> int:
    """Wrap a batch anew; what was shredded has no key, and only its note changes."""
    present = kek_id_of(vault.sealing_key)
    rows = connection.execute(
        "SELECT compartment, wrapped, kek_id FROM data_key WHERE kek_id < %s OR kek_id > %s"
        " LIMIT %s FOR UPDATE",
        [present, present, _BATCH],
    ).fetchall()
    there = {
        compartment: vault.unwrap(compartment, old, kek_id)
        for compartment, old, kek_id in rows
        if old is not None
    }
    fresh = dict(zip(there, wrapped(there.items(), vault.sealing_key), strict=True))
    connection.execute(
        "UPDATE data_key SET wrapped = f.wrapped, kek_id = %s"
        " FROM unnest(%s::text[], %b::bytea[]) AS f (compartment, wrapped)"
        " WHERE data_key.compartment = f.compartment",
        [present, [row[0] for row in rows], [fresh.get(row[0]) for row in rows]],
    )
    return len(rows)
