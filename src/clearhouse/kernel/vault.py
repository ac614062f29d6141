"""Seals what must not lie around: report texts, proofs of concept, patches, messages.

In: bytes and the compartment they belong to. Out: the id of a sealed payload; later, for those
who are read in, the bytes again. Refused: opening a compartment that was shredded or that the
actor may not read (the database does not return the row).

Each compartment has a data key of its own (AES-256-GCM). Data keys that are made together are
wrapped by a passing key, and that one to the installation's X25519 key with HPKE, so that the
counter, which holds only the public half, can seal and never open. A wrapped key carries the
passing key that it needs; deleting it shreds the compartment.
Source: RFC 9180 (HPKE); NIST SP 800-38D (GCM).
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from clearhouse.kernel import ledger
from clearhouse.kernel.ids import Compartment, PayloadId, new_id
from clearhouse.kernel.keys import kek_id_of
from clearhouse.kernel.store.database import Transaction

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NONCE_BYTES = 12
_PASSING = b"passing key"
_HEAD_BYTES = 32 + 32 + 16
"""So long is a key that HPKE wrapped: the encapsulated key, the key, the tag."""
_REMEMBERED = 1000
"""So many passing keys are remembered, for what was made together is often read together."""
NOBODY = ("role:shredded",)
"""A group that nobody is in, for what was shredded."""
_BETWEEN = "\n"
"""Stands between the names of readers, none of which holds it."""


class SealedError(RuntimeError):
    """The payload cannot be opened: not read in, shredded, or not there."""


class DamagedPayloadError(RuntimeError):
    """What is stored is not what was sealed here: moved, changed, or sealed to another key."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed payload that is not stored yet."""

    payload_id: PayloadId
    kind: str
    cipher: bytes
    """Nonce and ciphertext."""


@dataclass(frozen=True, slots=True)
class Box:
    """A compartment opened for sealing: its name, its readers and its data key."""

    compartment: Compartment
    readers: tuple[str, ...]
    _data_key: bytes = field(repr=False)

    def seal(self, transaction: Transaction, kind: str, data: bytes) -> PayloadId:
        """Store `data` sealed and return its id."""
        sealed = self.sealed(kind, data)
        self.put(transaction, [sealed])
        return sealed.payload_id

    def sealed(self, kind: str, data: bytes) -> "Sealed":
        """Seal `data`; nothing is stored before `put`."""
        payload_id = PayloadId(new_id("pay"))
        cipher = _encrypted(AESGCM(self._data_key), data, _bound_to(payload_id, kind))
        return Sealed(payload_id, kind, cipher)

    def put(self, transaction: Transaction, payloads: Sequence["Sealed"]) -> None:
        """Store what was sealed here."""
        transaction.many(
            "INSERT INTO payload (payload_id, compartment, kind, sealed, readers)"
            " VALUES (%s, %s, %s, %s, %s)",
            [
                (one.payload_id, self.compartment, one.kind, one.cipher, list(self.readers))
                for one in payloads
            ],
        )

    @property
    def named_key(self) -> tuple[str, bytes]:
        """The compartment with its data key, to be wrapped."""
        return self.compartment, self._data_key


def wrapped(keys: Iterable[tuple[str, bytes]], sealing_key: X25519PublicKey) -> list[bytes]:
    """Return the data keys of compartments as only the holder of the other half can unwrap them."""
    passing = AESGCM.generate_key(256)
    head, cipher = _SUITE.encrypt(passing, sealing_key, info=_PASSING), AESGCM(passing)
    return [
        head + _encrypted(cipher, data_key, compartment.encode()) for compartment, data_key in keys
    ]


def seal_many(
    transaction: Transaction, kind: str, things: Sequence[tuple[Box, bytes]]
) -> list[PayloadId]:
    """Store several things sealed, each in its box, and return their ids."""
    sealed = [(box, box.sealed(kind, data)) for box, data in things]
    transaction.execute(
        "INSERT INTO payload (payload_id, compartment, kind, sealed, readers)"
        " SELECT id, compartment, %s, sealed, string_to_array(readers, %s)"
        " FROM unnest(%s::text[], %s::text[], %b::bytea[], %s::text[])"
        " AS s (id, compartment, sealed, readers)",
        [
            kind,
            _BETWEEN,
            [one.payload_id for _, one in sealed],
            [box.compartment for box, _ in sealed],
            [one.cipher for _, one in sealed],
            [_BETWEEN.join(box.readers) for box, _ in sealed],
        ],
    )
    return [one.payload_id for _, one in sealed]


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes compartments and seals into them; cannot open any."""

    sealing_key: X25519PublicKey

    def new_box(self, transaction: Transaction, readers: Sequence[str]) -> Box:
        """Make a compartment that `readers` may read."""
        return self.new_boxes(transaction, readers, 1)[0]

    def new_boxes(self, transaction: Transaction, readers: Sequence[str], count: int) -> list[Box]:
        """Make several compartments that the same readers may read."""
        boxes = [
            Box(Compartment(new_id("cmp")), tuple(readers), AESGCM.generate_key(256))
            for _ in range(count)
        ]
        transaction.execute(
            "INSERT INTO data_key (compartment, wrapped, kek_id, readers, created_at)"
            " SELECT compartment, wrapped, %s, %s, %s"
            " FROM unnest(%s::text[], %b::bytea[]) AS b (compartment, wrapped)",
            [
                kek_id_of(self.sealing_key),
                list(readers),
                transaction.now,
                [box.compartment for box in boxes],
                wrapped([box.named_key for box in boxes], self.sealing_key),
            ],
        )
        return boxes


@dataclass(frozen=True, slots=True)
class Vault(Sealer):
    """Seals and opens; only the desk and the workers have one."""

    opening_key: X25519PrivateKey
    other_key: Callable[[str], X25519PrivateKey | None] = lambda _: None
    """Finds a key that was or became the opening key, by its id: keys are rotated while we run."""
    _passing: dict[bytes, AESGCM] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def with_key(
        cls,
        opening_key: X25519PrivateKey,
        other_key: Callable[[str], X25519PrivateKey | None] = lambda _: None,
    ) -> "Vault":
        """Return a vault that seals to the public half of `opening_key`."""
        return cls(opening_key.public_key(), opening_key, other_key)

    def open_box(self, transaction: Transaction, compartment: Compartment) -> Box:
        """Open an existing compartment to seal more into it.

        Raises: SealedError when the actor may not read it or it was shredded.
        """
        row = transaction.one(
            "SELECT wrapped, kek_id, readers FROM data_key WHERE compartment = %s", [compartment]
        )
        if row is None or row["wrapped"] is None:
            raise SealedError("this compartment is closed to you, or shredded")
        data_key = self.unwrap(compartment, row["wrapped"], row["kek_id"])
        return Box(compartment, tuple(row["readers"]), data_key)

    def open(self, transaction: Transaction, payload_id: PayloadId) -> bytes:
        """Return the bytes of a sealed payload.

        Raises: SealedError when the actor may not read it, it was shredded or never existed;
        DamagedPayloadError when the stored bytes are not those that were sealed under this id.
        """
        return self.open_many(transaction, [payload_id])[payload_id]

    def open_many(
        self, transaction: Transaction, payload_ids: Sequence[PayloadId]
    ) -> dict[PayloadId, bytes]:
        """Return the bytes of several payloads; all or nothing.

        Raises: SealedError and DamagedPayloadError as `open`.
        """
        rows = transaction.tuples(
            "SELECT payload_id, kind, sealed, compartment, wrapped, kek_id"
            " FROM payload JOIN data_key USING (compartment) WHERE payload_id = ANY(%s)",
            [list(payload_ids)],
        )
        opened = {
            PayloadId(payload_id): _decrypt(
                payload_id, kind, sealed, self.unwrap(compartment, wrapped, kek_id)
            )
            for payload_id, kind, sealed, compartment, wrapped, kek_id in rows
            if wrapped is not None
        }
        if len(opened) != len(set(payload_ids)):
            raise SealedError("a payload is closed to you, shredded, or was never there")
        return opened

    def unwrap(self, compartment: str, wrapped: bytes, kek_id: str) -> bytes:
        """Return a data key.

        Raises: DamagedPayloadError when it was not wrapped to a key of ours.
        """
        head, rest = wrapped[:_HEAD_BYTES], wrapped[_HEAD_BYTES:]
        try:
            if not rest:  # as it was done before there were passing keys
                return _SUITE.decrypt(head, self._key(kek_id), info=compartment.encode())
            return _decrypted(self._passing_key(head, kek_id), rest, compartment.encode())
        except InvalidTag as error:
            raise DamagedPayloadError(
                f"the data key of {compartment} was not wrapped to this installation's key"
            ) from error

    def _passing_key(self, head: bytes, kek_id: str) -> AESGCM:
        known = self._passing.get(head)
        if known is None:
            known = AESGCM(_SUITE.decrypt(head, self._key(kek_id), info=_PASSING))
            if len(self._passing) >= _REMEMBERED:
                self._passing.clear()
            self._passing[head] = known
        return known

    def _key(self, kek_id: str) -> X25519PrivateKey:
        own = kek_id_of(self.sealing_key) == kek_id
        return (None if own else self.other_key(kek_id)) or self.opening_key


def set_readers(transaction: Transaction, compartment: Compartment, readers: Sequence[str]) -> None:
    """Change who may read a compartment: every row of it, in every table.

    Raises: SealedError when the actor is not read in itself; ValueError when nobody would be
    left who can read it.
    """
    if not readers:
        raise ValueError("a compartment needs a reader; shred it to close it for ever")
    try:
        transaction.execute("SELECT set_readers(%s, %s)", [compartment, sorted(set(readers))])
    except psycopg.errors.InsufficientPrivilege as error:
        raise SealedError("this compartment is closed to you") from error


def readers_of(transaction: Transaction, compartment: Compartment) -> tuple[str, ...]:
    """Return who may read a compartment.

    Raises: SealedError when the actor may not read it itself.
    """
    row = transaction.one("SELECT readers FROM data_key WHERE compartment = %s", [compartment])
    if row is None:
        raise SealedError("this compartment is closed to you, or was never there")
    return tuple(row["readers"])


def shred(transaction: Transaction, compartment: Compartment) -> None:
    """Destroy a compartment's data key; nothing sealed in it can ever be opened again.

    Shredding what is shredded changes nothing.
    Raises: SealedError when the actor may not read it: then nothing was shredded.
    """
    row = transaction.one(
        "SELECT readers, shredded_at FROM data_key WHERE compartment = %s FOR UPDATE",
        [compartment],
    )
    if row is None:
        raise SealedError("this compartment is closed to you, or was never there")
    if row["shredded_at"] is None:
        transaction.execute(
            "UPDATE data_key SET wrapped = NULL, shredded_at = %s WHERE compartment = %s",
            [transaction.now, compartment],
        )
        ledger.append(
            transaction, "compartment.shredded", compartment, {},
            readers=row["readers"], compartment=compartment,
        )  # fmt: skip


def _bound_to(payload_id: str, kind: str) -> bytes:
    """Return the associated data that ties a ciphertext to its place."""
    return f"{payload_id}\n{kind}".encode()


def _decrypt(payload_id: str, kind: str, sealed: bytes, data_key: bytes) -> bytes:
    try:
        return _decrypted(AESGCM(data_key), sealed, _bound_to(payload_id, kind))
    except InvalidTag as error:
        raise DamagedPayloadError(f"{payload_id} is not what was sealed") from error


def _encrypted(key: AESGCM, data: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, data, bound_to)


def _decrypted(key: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
