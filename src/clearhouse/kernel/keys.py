"""The keys of one installation: who signs, who can open what was sealed, who can index it.

The opening key may be replaced (`rotation`); the ones before it are kept, named by their public
half, until nothing is sealed to them any more.

In: a folder that only this installation can read, or another `KeyHolder`. Out: the keys.
Refused: key files that other users of the machine can read.
A key management service plugs in as another `KeyHolder`.
"""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

_RAW_KEY_BYTES = 32


class KeyFileError(RuntimeError):
    """A key file is missing, damaged, or open to others."""


OPENING = "opening"


class KeyHolder(Protocol):
    """Where keys come from: files here, a key management service elsewhere."""

    def secret(self, name: str) -> bytes:
        """Return the 32 bytes of a named secret key, made when there is none."""
        ...

    def names(self) -> list[str]:
        """Return the names of the keys that are there."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Keys as files of 32 raw bytes, mode 0600, made when first asked for."""

    folder: Path

    def secret(self, name: str) -> bytes:
        """Return the named key, making it if it does not exist.

        Raises: KeyFileError when the file is damaged or readable by others.
        """
        path = self.folder / f"{name}.key"
        if not path.exists():
            self._make(path)
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path} is open to others; run: chmod 600 {path}")
        key = path.read_bytes()
        if len(key) != _RAW_KEY_BYTES:
            raise KeyFileError(f"{path} is damaged; restore it from the backup of the keys")
        return key

    def names(self) -> list[str]:
        """Return the names of the keys that are there."""
        return sorted(path.stem for path in self.folder.glob("[!.]*.key"))

    def put(self, name: str, key: bytes) -> None:
        """Let a name stand for this key from now on; whoever reads finds the old or the new."""
        self._written(f"{name}.key", key).rename(self.folder / f"{name}.key")
        _sync_folder(self.folder)

    def remove(self, name: str) -> None:
        """Destroy a key: its bytes are overwritten before its name goes."""
        path = self.folder / f"{name}.key"
        with path.open("r+b") as handle:
            handle.write(os.urandom(_RAW_KEY_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
        path.unlink()
        _sync_folder(self.folder)

    def note_shredded(self, compartments: Iterable[str]) -> None:
        """Add to the list of what was shredded, which outlives the store."""
        known = sorted({*self.shredded(), *compartments})
        fresh = self._written("shredded.txt", "".join(f"{one}\n" for one in known).encode())
        fresh.rename(self.folder / "shredded.txt")
        _sync_folder(self.folder)

    def shredded(self) -> tuple[str, ...]:
        """Return the compartments that were shredded, as far as they were noted."""
        path = self.folder / "shredded.txt"
        return tuple(path.read_text("ascii").split()) if path.exists() else ()

    def _written(self, name: str, key: bytes) -> Path:
        """Return a fresh private file with these bytes, on disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A random name: process ids come again, in containers always the same.
        fresh = self.folder / f".{name}.{secrets.token_hex(8)}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, key)
            os.fsync(handle)
        finally:
            os.close(handle)
        return fresh

    def _make(self, path: Path) -> None:
        """Make a key that is on disk, name and all, before anything can be sealed to it."""
        fresh = self._written(path.name, os.urandom(_RAW_KEY_BYTES))
        try:
            os.link(fresh, path)  # fails, rather than replaces, if another process was first
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        _sync_folder(self.folder)
        _sync_folder(self.folder.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk; a lost key would make what was sealed unreadable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def kek_id_of(sealing_key: X25519PublicKey) -> str:
    """Return the name under which the store notes to which key something was sealed."""
    return sealing_key.public_bytes_raw().hex()[:16]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the desk and the workers, who may open what was sealed."""

    holder: KeyHolder

    def signing_key(self) -> Ed25519PrivateKey:
        """Return the key that signs tree heads, statements and advisories."""
        return Ed25519PrivateKey.from_private_bytes(self.holder.secret("signing"))

    def opening_key(self) -> X25519PrivateKey:
        """Return the key-encryption key that unwraps data keys."""
        return X25519PrivateKey.from_private_bytes(self.holder.secret(OPENING))

    def opening_key_of(self, kek_id: str) -> X25519PrivateKey | None:
        """Return the opening key whose public half has this id, None when it is not here."""
        name = f"{OPENING}-{kek_id}"
        if name in self.holder.names():
            return X25519PrivateKey.from_private_bytes(self.holder.secret(name))
        current = self.opening_key()
        return current if kek_id_of(current.public_key()) == kek_id else None

    def kek_ids(self) -> list[str]:
        """Return the ids of all opening keys, the present one first."""
        earlier = [
            name.removeprefix(f"{OPENING}-")
            for name in self.holder.names()
            if name.startswith(f"{OPENING}-")
        ]
        return list(dict.fromkeys([kek_id_of(self.sealing_key()), *earlier]))

    def sealing_key(self) -> X25519PublicKey:
        """Return the public half, all that the counter needs to seal."""
        return self.opening_key().public_key()

    def index_key(self) -> bytes:
        """Return the HMAC key of features, so that the index alone tells a thief nothing."""
        return self.holder.secret("index")

    def marking_key(self) -> bytes:
        """Return the counter's HMAC key, by which it knows again what it may not read."""
        return self.holder.secret("marking")

    def canary_key(self) -> bytes:
        """Return the HMAC key of the marks that copies given out carry."""
        return self.holder.secret("canary")
