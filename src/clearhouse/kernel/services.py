"""What the kernel lends to rooms and doors: at the counter, at the desk, and all of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clearhouse.kernel.identity import Actor
from clearhouse.kernel.jobs import Jobs
from clearhouse.kernel.keys import Keys
from clearhouse.kernel.outside import Outside
from clearhouse.kernel.policy import Authority
from clearhouse.kernel.providers import Providers
from clearhouse.kernel.store.database import Database
from clearhouse.kernel.store.embedded import Embedded
from clearhouse.kernel.vault import Sealer, Vault


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """Services for taking in: a database role that reads no case, and a key that only seals."""

    database: Database
    sealer: Sealer
    authority: Authority
    jobs: Jobs
    marking_key: bytes = field(repr=False)
    """HMAC key of what must be recognised and may not be kept: idempotency keys and bodies."""
    node_file: Path | None = None
    """The signed document by which other coordinators know this house."""
    published_folder: Path | None = None
    """Where advisories are written at their instant; None: this process cannot show the files."""
    known_folder: Path | None = None
    """Local copies of public knowledge, which anybody may read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Services for working on what came in."""

    database: Database
    vault: Vault
    keys: Keys
    authority: Authority
    jobs: Jobs
    clearing_actor: Actor
    """The house's own machinery, which acts when no person does."""
    known_folder: Path
    """Local copies of public knowledge: OSV records, release lists, KEV."""
    validate_folder: Path
    """Fetched packages and builds, by their content; nothing of a report is in it."""
    published_folder: Path
    """Where advisories are written at their instant."""
    outside: Outside
    """How parties are told that there is something to read."""
    providers: Providers
    """Who is trusted to say who somebody is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayHome:
    """What the gateway of early access may hold: a role that reads no table, and a folder."""

    database_url: str = field(repr=False)
    folder: Path
    """Where receipts wait for the store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """One wired installation."""

    home: Path
    """Folder of keys, store and published advisories; private to this installation."""
    desk: Desk
    counter: Counter
    stop_examining: Callable[[], None]
    """Ends what this process has running outside the store; another process takes it up."""
    owner_url: str = field(repr=False)
    """The address of the store's owner, for rotation, backup and scrubbing alone."""
    server: Embedded | None
    """The embedded database server, None when the database is somebody else's."""

    def close(self) -> None:
        """Close the connections; the embedded server keeps running until `stop`."""
        self.stop_examining()
        self.desk.database.close()
        self.counter.database.close()

    def stop(self) -> None:
        """Close the connections and stop the embedded server."""
        self.close()
        if self.server is not None:
            self.server.stop()
