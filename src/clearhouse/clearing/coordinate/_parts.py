"""Where the parts of a case that outsiders may read are kept, each sealed apart by who may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.kernel import vault
from clearhouse.kernel.ids import Compartment, PayloadId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a case, as it was last written."""

    part_id: str
    share: Share
    at: datetime
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Where a part is, without what it says."""

    share: Share
    compartment: Compartment
    readers: tuple[str, ...]


def add(
    desk: Desk, transaction: Transaction, case_id: str, share: Share, text: str,
    readers: Sequence[str],
) -> str:  # fmt: skip
    """Seal a part for its readers; the one before stays, and is no longer the latest."""
    box = desk.vault.new_box(transaction, readers)
    part_id = new_id("prt")
    payload = box.seal(transaction, "case part", text.encode())
    transaction.execute(
        "INSERT INTO case_part (part_id, case_id, share, at, actor_id, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [part_id, case_id, share.value, transaction.now, transaction.actor, payload,
         box.compartment, list(box.readers)],
    )  # fmt: skip
    return part_id


def latest(desk: Desk, transaction: Transaction, case_id: str) -> list[Part]:
    """Return the latest of each part that the actor may read."""
    rows = transaction.all(
        "SELECT DISTINCT ON (share) * FROM case_part WHERE case_id = %s"
        " ORDER BY share, at DESC, part_id",
        [case_id],
    )
    said = desk.vault.open_many(transaction, [PayloadId(row["content_payload"]) for row in rows])
    found = [
        Part(
            part_id=row["part_id"],
            share=Share(row["share"]),
            at=row["at"],
            text=said[row["content_payload"]].decode(),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: list(Share).index(one.share))


def kept(transaction: Transaction, case_id: str) -> list[Kept]:
    """Return where every part of a case is, earlier ones too."""
    rows = transaction.all("SELECT * FROM case_part WHERE case_id = %s", [case_id])
    return [
        Kept(
            share=Share(row["share"]),
            compartment=Compartment(row["compartment"]),
            readers=tuple(row["readers"]),
        )
        for row in rows
    ]


def set_readers(transaction: Transaction, part: Kept, readers: Sequence[str]) -> None:
    """Let exactly these principals read a part."""
    if sorted(part.readers) != sorted(readers):
        vault.set_readers(transaction, part.compartment, readers)


def move(transaction: Transaction, to: str, other: str) -> None:
    """Let the parts of a case that joined another one stand there."""
    transaction.execute("UPDATE case_part SET case_id = %s WHERE case_id = %s", [to, other])
