"""Copies of the store that can be brought back, and never bring back what was shredded.

In: the owner's address of a store. Out: a folder with a dump, the published files and a manifest
that names the keys it needs. Refused: a folder that is not empty; when restoring, a store that is
not empty, a dump that is not the one of the manifest, and a folder of keys that could not open it.
The keys are not in the backup: keep them apart, or the backup is worth as much as the house.
What was shredded since a backup was made is noted beside the keys, and shredded again at once when
that backup is restored.
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from clearhouse.kernel.keys import KeyFileError, KeyFolder, Keys
from clearhouse.kernel.store.database import Role
from clearhouse.kernel.store.embedded import StoreUnavailableError, tool
from clearhouse.kernel.store.migrate import make_roles
from clearhouse.kernel.vault import NOBODY

EARLIER_S = 30.0
"""So long it is waited for transactions that may still read what is to be gone."""
_DUMP, _MANIFEST, _PUBLISHED = "store.dump", "manifest.json", "published"


class BackupError(RuntimeError):
    """A backup cannot be made there, or is not what its manifest says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a backup holds."""

    made_at: str
    dump_sha256: str
    kek_ids: tuple[str, ...]
    """Opening keys to which something in it is sealed."""
    compartments: int
    ledger_size: int
    ledger_root: str


def back_up(
    owner_url: str, keys: KeyFolder, folder: Path, *, published: Path, at: datetime
) -> Manifest:
    """Write a backup; the house may go on working, the dump is of one instant.

    Raises: BackupError when the folder is not empty; StoreUnavailableError when the dump fails.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name a fresh folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    note_shredded(owner_url, keys)
    _run("pg_dump", owner_url, "--format=custom", f"--file={folder / _DUMP}")
    if published.is_dir():
        shutil.copytree(published, folder / _PUBLISHED, symlinks=True)
    with psycopg.connect(owner_url, options="-c search_path=clearhouse") as connection:
        kek_ids = connection.execute(
            "SELECT DISTINCT kek_id FROM data_key WHERE wrapped IS NOT NULL ORDER BY 1"
        ).fetchall()
        (compartments,) = connection.execute("SELECT count(*) FROM data_key").fetchone() or (0,)
        head = connection.execute(
            "SELECT size, root FROM tree_head ORDER BY size DESC LIMIT 1"
        ).fetchone()
    manifest = Manifest(
        made_at=at.isoformat(),
        dump_sha256=_sha256(folder / _DUMP),
        kek_ids=tuple(kek_id for (kek_id,) in kek_ids),
        compartments=compartments,
        ledger_size=head[0] if head else 0,
        ledger_root=head[1].hex() if head else "",
    )
    (folder / _MANIFEST).write_text(json.dumps(_plain(manifest), indent=1) + "\n", "utf-8")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup, its dump checked against it.

    Raises: BackupError when either is missing or not what was written.
    """
    try:
        document = json.loads((folder / _MANIFEST).read_text("utf-8"))
        manifest = Manifest(**document | {"kek_ids": tuple(document["kek_ids"])})
        found = _sha256(folder / _DUMP)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackupError(f"{folder} is not a backup of Clearhouse") from error
    if found != manifest.dump_sha256:
        raise BackupError(f"{folder / _DUMP} is not the dump that was written; use another backup")
    return manifest


def restore(
    owner_url: str,
    keys: KeyFolder,
    folder: Path,
    *,
    passwords: Mapping[Role, str],
    published: Path,
) -> Manifest:
    """Load a backup into an empty store; what was shredded since stays shredded.

    Raises: BackupError, KeyFileError, StoreUnavailableError; the message says what to do.
    """
    manifest = read_manifest(folder)
    missing = set(manifest.kek_ids) - set(Keys(keys).kek_ids() if keys.names() else [])
    if missing:
        raise KeyFileError(
            f"the keys folder lacks the opening key {min(missing)}; bring {keys.folder} back from "
            "its own backup first"
        )
    with psycopg.connect(owner_url) as connection:
        known = connection.execute("SELECT FROM pg_namespace WHERE nspname = 'clearhouse'")
        if known.fetchone() is not None:
            raise BackupError("the store is not empty; restore into a fresh one")
    make_roles(owner_url, passwords)
    _run("pg_restore", owner_url, "--no-owner", "--exit-on-error", str(folder / _DUMP))
    with psycopg.connect(owner_url, options="-c search_path=clearhouse") as connection:
        _shred_again(connection, keys.shredded())
    scrub(owner_url)
    if (folder / _PUBLISHED).is_dir():
        shutil.copytree(folder / _PUBLISHED, published, symlinks=True, dirs_exist_ok=True)
    return manifest


def _shred_again(connection: psycopg.Connection, compartments: Sequence[str]) -> None:
    """Destroy the keys again, and close the rows to everybody, so that no list trips over them."""
    connection.execute(
        "UPDATE data_key SET wrapped = NULL, shredded_at = now()"
        " WHERE compartment = ANY(%s) AND wrapped IS NOT NULL",
        [list(compartments)],
    )
    connection.execute(
        "SELECT limit_readers(compartment, %s) FROM data_key WHERE compartment = ANY(%s)",
        [list(NOBODY), list(compartments)],
    )


def note_shredded(owner_url: str, keys: KeyFolder) -> None:
    """Write down beside the keys what was shredded, for backups that are older than that."""
    with psycopg.connect(owner_url, options="-c search_path=clearhouse") as connection:
        rows = connection.execute(
            "SELECT compartment FROM data_key WHERE shredded_at IS NOT NULL"
        ).fetchall()
    keys.note_shredded(compartment for (compartment,) in rows)


def scrub(owner_url: str) -> None:
    """Leave no earlier version of a data key in the store's own files.

    Its write-ahead log still holds wrapped keys until it is reused; rotating and retiring the
    opening key makes those worthless (docs/route/6-coordinate.md). What a transaction that began
    earlier may still read would be kept, so those are waited for.
    Raises: StoreUnavailableError when one stays open; scrub again once it has ended.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        _wait_for_earlier(connection)
        connection.execute("VACUUM (FULL) clearhouse.data_key")
        connection.execute("CHECKPOINT")


def _wait_for_earlier(connection: psycopg.Connection[TupleRow]) -> None:
    """Wait until no transaction of this database began before now."""
    (now,) = connection.execute("SELECT pg_current_xact_id()::xid").fetchone() or (None,)
    patience = time.monotonic() + EARLIER_S
    while connection.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND age(backend_xmin) > age(%s::xid)",
        [str(now)],
    ).fetchall():
        if time.monotonic() > patience:
            raise StoreUnavailableError(
                "another process has had a transaction open since before, which keeps earlier data"
                " keys in the store's files; stop it and try again"
            )
        time.sleep(0.05)


def _run(name: str, owner_url: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL; the password goes by the environment, where no one else sees it."""
    parts = {name: str(value) for name, value in conninfo_to_dict(owner_url).items()}
    password = parts.pop("password", "")
    done = subprocess.run(  # noqa: S603 - the server's own tool with our own arguments
        [str(tool(name)), f"--dbname={make_conninfo(**parts)}", *arguments],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise StoreUnavailableError(f"{name} failed: {said[0] if said else 'without a word'}")


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _plain(manifest: Manifest) -> dict[str, object]:
    names = Manifest.__dataclass_fields__
    return {name: getattr(manifest, name) for name in names}
