"""Where invitations into cases are kept."""

from clearhouse.kernel.ids import Compartment
from clearhouse.kernel.store.database import Transaction


def compartments(transaction: Transaction, case_id: str) -> list[Compartment]:
    """Return where the codes of the links into a case are sealed."""
    rows = transaction.all(
        "SELECT compartment FROM counter_invitation WHERE case_id = %s ORDER BY compartment",
        [case_id],
    )
    return [Compartment(row["compartment"]) for row in rows]


def move(transaction: Transaction, to: str, other: str) -> None:
    """Let links into a case that joined another one lead there, and show it anew."""
    transaction.execute(
        "UPDATE counter_invitation SET case_id = %s, told_of = NULL WHERE case_id = %s", [to, other]
    )
