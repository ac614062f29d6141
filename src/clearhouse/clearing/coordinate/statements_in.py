"""Enters what was said by the link of an invitation into its case, as the invited person.

In: the id of a statement. Out: the vendor's verdict, the status of a product, its word on the
embargo and its message, each as if the person had signed in at the desk, once; the copy that lay
between is destroyed. What the case refuses is noted with the statement, in codes. Running it again
changes nothing.
"""

from collections.abc import Callable, Iterator

from clearhouse.clearing.coordinate import _threads, casework, invitations, messages, standing
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.invited import STATEMENT, Statement
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, vault
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, Compartment, PayloadId
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

ENTERED, CLOSED = "entered", "closed"
_Part = tuple[str, Callable[[], object]]


def take(desk: Desk, statement_id: str) -> None:
    """Enter one statement into its case."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        row = transaction.one(
            "SELECT i.actor_id, i.case_id FROM counter_statement s"
            " JOIN counter_invitation i USING (invitation_id)"
            " WHERE s.statement_id = %s AND s.outcome IS NULL",
            [statement_id],
        )
        who = None if row is None else ActorId(row["actor_id"])
        if who is not None and identity.actor(transaction, who) is None:
            _settle(transaction, statement_id, CLOSED)
            return
    if row is None or who is None:
        return
    with desk.database.transaction(who) as transaction:
        waiting = transaction.one(
            "SELECT content_payload, compartment FROM counter_statement"
            " WHERE statement_id = %s AND outcome IS NULL FOR UPDATE",
            [statement_id],
        )
        actor = identity.actor(transaction, who)
        if waiting is None or actor is None:
            return
        payload = desk.vault.open(transaction, PayloadId(waiting["content_payload"]))
        said = STATEMENT.validate_json(payload)
        _settle(transaction, statement_id, _entered(desk, transaction, actor, row["case_id"], said))
        vault.shred(transaction, Compartment(waiting["compartment"]))
    invitations.lay_out_due(desk)


def _settle(transaction: Transaction, statement_id: str, outcome: str) -> None:
    transaction.execute(
        "UPDATE counter_statement SET outcome = %s WHERE statement_id = %s", [outcome, statement_id]
    )


def _entered(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, said: Statement
) -> str:
    """Do all that a statement says, and return what became of each part."""
    results = []
    for name, act in _parts(desk, transaction, actor, case_id, said):
        try:
            done = act()
        except (NoSuchCaseError, ForbiddenError):
            results.append(f"{name}: {CLOSED}")
            continue
        results.append(f"{name}: {done.code if isinstance(done, Refused) else ENTERED}")
    return ", ".join(results)


def _parts(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, said: Statement
) -> Iterator[_Part]:
    party, outcome, product, words = actor.party_id, said.outcome, said.product, said.words
    if outcome is not None:
        yield "verdict", lambda: casework.give_verdict(
            desk, transaction, actor, case_id, vendor=party, outcome=outcome,
            reason=said.reason, fixed_version=said.fixed_version,
        )  # fmt: skip
    if product is not None:
        cell = standing.Said(
            vendor=party, product=product.product, state=product.state,
            versions=product.versions, justification=product.justification,
        )  # fmt: skip
        yield "product", lambda: standing.say_of_products(desk, transaction, actor, case_id, [cell])
    if words is not None:
        yield "message", lambda: _post(desk, transaction, actor, case_id, words)
    if said.stands_by_embargo is not None:  # last: who declines reads no more
        event = ConsentEvent.ACCEPT if said.stands_by_embargo else ConsentEvent.DECLINE
        yield (
            "embargo",
            lambda: standing.consent(desk, transaction, actor, case_id, party=party, event=event),
        )


def _post(desk: Desk, transaction: Transaction, actor: Actor, case_id: str, words: str) -> object:
    """Post in the thread of the actor's party, which the invitation opened."""
    for one in _threads.threads(transaction, case_id):
        if one.party_id == actor.party_id:
            return messages.post(
                desk, transaction, actor, one.thread_id, text=words, tlp=Tlp.AMBER_STRICT
            )
    return Refused(code=CLOSED, reason="the thread of the party is closed to it")
