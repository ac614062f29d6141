"""Where private tasks are kept: what they ask is sealed."""

from clearhouse.kernel.ids import new_id
from clearhouse.kernel.store.database import Row, Transaction
from clearhouse.kernel.vault import Box


def known(transaction: Transaction, mark: bytes) -> bool:
    """Return whether a bundle is a task already, as far as the actor may see."""
    return transaction.one("SELECT 1 FROM private_task WHERE mark = %s", [mark]) is not None


def insert(transaction: Transaction, box: Box, mark: bytes, content: bytes) -> str:
    """Store a sealed task and return its id."""
    task_id = new_id("tsk")
    payload = box.seal(transaction, "private task", content)
    transaction.execute(
        "INSERT INTO private_task (task_id, mark, made_at, content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [task_id, mark, transaction.now, payload, box.compartment, list(box.readers)],
    )
    return task_id


def listed(transaction: Transaction) -> list[Row]:
    """Return the tasks that the actor may see, the oldest first."""
    return transaction.all(
        "SELECT task_id, made_at, used_at FROM private_task ORDER BY made_at, task_id"
    )


def one(transaction: Transaction, task_id: str) -> Row | None:
    """Return one task, None when the actor may not see it."""
    return transaction.one("SELECT * FROM private_task WHERE task_id = %s FOR UPDATE", [task_id])


def mark_used(transaction: Transaction, task_id: str) -> None:
    """Note that a task was opened."""
    transaction.execute(
        "UPDATE private_task SET used_at = %s WHERE task_id = %s", [transaction.now, task_id]
    )
