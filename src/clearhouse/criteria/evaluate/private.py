"""Tasks that no model has seen: made from closed cases, sealed until they are used.

In: a closed case's bundle as named bytes, and later an answer. Out: a `PrivateTask`; when it is
used, its question, and its files for whoever scores. Refused: actors whose role does not allow it,
a bundle that is a task already, and a task that is not there or not the actor's to read.

Using a task is an act of its own: from then on it counts as seen, and a score says less.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from clearhouse.criteria.evaluate import _store
from clearhouse.formats.canonical import canonical_bytes, digest
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

READERS = ("role:determiner",)
"""Who reads held tasks; not even the person who made one, without that role."""


class NoSuchTaskError(LookupError):
    """There is no such task, or the actor is not read in to it."""


class TaskExistsError(ValueError):
    """This bundle is a task already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateTask:
    """One task, without what it asks."""

    task_id: str
    made_at: datetime
    used_at: datetime | None
    """None while it is held and fresh."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What is sealed."""

    case_id: str
    question: str
    canary: str
    files: Mapping[str, bytes]
    """The bundle, with the proof that the case was closed with."""


def make(desk: Desk, transaction: Transaction, actor: Actor, content: Content) -> PrivateTask:
    """Seal a task and return it.

    Raises: ForbiddenError; TaskExistsError.
    """
    allowed = desk.authority.demand(actor, "task.make")
    packed = _packed(content)
    mark = _mark(desk, content.files)
    if _store.known(transaction, mark):
        raise TaskExistsError("this bundle is a task already")
    box = desk.vault.new_box(transaction, READERS)
    task_id = _store.insert(transaction, box, mark, packed)
    ledger.append(
        transaction,
        "task.made",
        task_id,
        {"authority": allowed.policy},
        readers=box.readers,
        compartment=box.compartment,
    )
    return PrivateTask(task_id=task_id, made_at=transaction.now, used_at=None)


def tasks(desk: Desk, transaction: Transaction, actor: Actor) -> list[PrivateTask]:
    """Return the tasks that the actor may know of, the oldest first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "task.use")
    return [
        PrivateTask(task_id=row["task_id"], made_at=row["made_at"], used_at=row["used_at"])
        for row in _store.listed(transaction)
    ]


def use(desk: Desk, transaction: Transaction, actor: Actor, task_id: str) -> Content:
    """Open a task for an evaluation; from now on it counts as seen.

    Raises: ForbiddenError; NoSuchTaskError.
    """
    allowed = desk.authority.demand(actor, "task.use")
    row = _store.one(transaction, task_id)
    if row is None:
        raise NoSuchTaskError("no task with this id that you may read")
    content = _unpacked(desk.vault.open(transaction, row["content_payload"]))
    if row["used_at"] is None:
        _store.mark_used(transaction, task_id)
    ledger.append(
        transaction,
        "task.used",
        task_id,
        {"authority": allowed.policy, "first": row["used_at"] is None},
        readers=row["readers"],
        compartment=row["compartment"],
    )
    return content


def _mark(desk: Desk, files: Mapping[str, bytes]) -> bytes:
    """Return a keyed hash, so that a thief cannot tell which known bundles are tasks."""
    named = {name: base64.b64encode(data).decode() for name, data in files.items()}
    return hmac.digest(desk.keys.index_key(), f"task:{digest(named)}".encode(), "sha256")


def _packed(content: Content) -> bytes:
    return canonical_bytes(
        {
            "case": content.case_id,
            "question": content.question,
            "canary": content.canary,
            "files": {
                name: base64.b64encode(data).decode() for name, data in content.files.items()
            },
        }
    )


def _unpacked(data: bytes) -> Content:
    document = json.loads(data)
    return Content(
        case_id=document["case"],
        question=document["question"],
        canary=document["canary"],
        files={name: base64.b64decode(text) for name, text in document["files"].items()},
    )
