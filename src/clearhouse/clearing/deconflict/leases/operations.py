"""Claiming leases, handing them back, and what maintainers allow.

In: a claim, or a lease and what was scanned. Out: the lease with what its holder is told of others;
`Overlapping` when others do the same; `Refusal` with the reason. By exception: whoever may not.
One target is decided on by one transaction at a time, so that two parties that ask at the same
instant get one consistent answer. Who was told of whom is in the ledger, for each side by itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from clearhouse.clearing.deconflict.leases import _store, rules
from clearhouse.clearing.deconflict.leases.record import (
    Basis,
    Claim,
    Coverage,
    Granted,
    Lease,
    LeasePolicy,
    Limit,
    Overlap,
    Overlapping,
    Scanned,
    Scope,
    State,
    Taken,
    Tool,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger, policy
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

CLAIM, READ, LIMIT = "lease.claim", "lease.read", "lease.limit"
MOST_LISTED = 500
_NOT_YOURS = Refusal(code="no-such-lease", reason="your party holds no lease of that id")


def lease_policy(name: str = "deconflict/leases-1") -> LeasePolicy:
    """Return the policy in force.

    Raises: PolicyError when it is missing or incomplete.
    """
    document = policy.load(name)
    try:
        bases = {
            Tool(tool): frozenset(map(Basis, named))
            for tool, named in dict(document["bases"]).items()  # type: ignore[call-overload]
        }
        found = LeasePolicy(
            name=f"{document['id']}/{document['version']}",
            longest=timedelta(days=_number(document, "longest_days")),
            ahead=timedelta(days=_number(document, "ahead_days")),
            open_per_party=_number(document, "open_per_party"),
            at_once_per_target=_number(document, "at_once_per_target"),
            statement=timedelta(days=_number(document, "statement_days")),
            shared=document["shared"] is True,
            bases={tool: bases[tool] for tool in Tool},
            safe_harbour=str(document["safe_harbour"]),
            safe_harbour_text=str(document["safe_harbour_text"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise policy.PolicyError(f"{name} is not whole: {error}") from error
    return found


def claim_lease(
    desk: Desk, transaction: Transaction, actor: Actor, claim: Claim
) -> Granted | Overlapping | Refusal:
    """Claim a lease.

    Raises: ForbiddenError.
    """
    decision, in_force = desk.authority.demand(actor, CLAIM), lease_policy()
    try:
        claim = replace(claim, scope=rules.cleaned(claim.scope))
    except ValueError as error:
        return Refusal(code="malformed", reason=str(error))
    others = _others(transaction, actor, claim.scope)
    said = rules.decide(
        claim,
        others,
        _store.limit(transaction, claim.scope.target),
        _store.standing(transaction, actor.party_id, transaction.now - in_force.statement),
        in_force,
        transaction.now,
    )
    if isinstance(said, Refusal):
        return said
    overlaps = said.overlaps if isinstance(said, Overlapping) else said
    _note_told(transaction, actor, claim.scope, others, overlaps)
    if isinstance(said, Overlapping):
        return said
    lease = _granted(transaction, actor, claim, in_force, shared=bool(overlaps))
    _note(transaction, "lease.granted", lease, {
        "target": claim.scope.target, "tool": claim.tool, "until": claim.scope.until.isoformat(),
        "basis": claim.authorisation.basis, "safe_harbour": claim.authorisation.safe_harbour,
        "shared": lease.shared, "policy": in_force.name, "authority": decision.policy,
    })  # fmt: skip
    return Granted(lease=lease, overlaps=overlaps)


def who_scans(
    desk: Desk, transaction: Transaction, actor: Actor, scope: Scope
) -> tuple[Overlap, ...] | Refusal:
    """Say what overlaps with a scope, without claiming it: as much as the holders let be told.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, CLAIM)
    try:
        scope = rules.cleaned(scope)
    except ValueError as error:
        return Refusal(code="malformed", reason=str(error))
    others = _others(transaction, actor, scope)
    found = tuple(said for _, said in rules.overlaps(scope, others))
    _note_told(transaction, actor, scope, others, found)
    return found


def hand_back(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    lease_id: str,
    coverage: Sequence[Coverage],
) -> Lease | Refusal:
    """End a lease of the actor's party with what was scanned, and what was not.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, CLAIM)
    lease = _store.lease(transaction, lease_id)
    if lease is None or lease.party_id != actor.party_id:
        return _NOT_YOURS
    if lease.state not in {State.HELD, State.LAPSED}:
        return Refusal(code="over", reason=f"this lease is {lease.state} already")
    try:
        refusal = rules.uncovered(lease.scope, coverage)
    except ValueError as error:
        refusal = Refusal(code="malformed", reason=str(error))
    if refusal is not None:
        return refusal
    _store.end(transaction, lease_id, State.HANDED_BACK, coverage)
    facts: dict[str, Json] = {"paths": len(coverage), "authority": decision.policy}
    _note(transaction, "lease.handed_back", lease, facts)
    return _store.lease(transaction, lease_id) or lease


def withdraw(desk: Desk, transaction: Transaction, actor: Actor, lease_id: str) -> Lease | Refusal:
    """Give up a lease before it began; one that has begun is handed back.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, CLAIM)
    lease = _store.lease(transaction, lease_id)
    if lease is None or lease.party_id != actor.party_id:
        return _NOT_YOURS
    if lease.state is not State.HELD or lease.scope.starts <= transaction.now:
        reason = "this lease has begun or is over; hand it back with what was scanned"
        return Refusal(code="has-begun", reason=reason)
    _store.end(transaction, lease_id, State.WITHDRAWN)
    _note(transaction, "lease.withdrawn", lease, {"authority": decision.policy})
    return _store.lease(transaction, lease_id) or lease


def lapse(transaction: Transaction) -> int:
    """Let every lease lapse whose time is over, and return how many did."""
    over = _store.lapse(transaction)
    for lease in over:
        _note(transaction, "lease.lapsed", lease, {})
    return len(over)


def counts(transaction: Transaction) -> dict[str, int]:
    """Count leases that are held or owe a statement, as far as the actor may see them."""
    return _store.count(transaction)


def leases(desk: Desk, transaction: Transaction, actor: Actor) -> list[Lease]:
    """Return the leases that the actor may read, those of the last month included.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, READ)
    return _store.leases(transaction, transaction.now - timedelta(days=30), MOST_LISTED)


def coverage_of(
    desk: Desk, transaction: Transaction, actor: Actor, target: str
) -> list[Scanned] | Refusal:
    """Return what was scanned of a target, as far as those who did let it be told.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, CLAIM)
    try:
        return _store.coverage_of(transaction, rules.target_of(target))
    except ValueError as error:
        return Refusal(code="malformed", reason=str(error))


def limit(desk: Desk, transaction: Transaction, actor: Actor, wanted: Limit) -> Limit | Refusal:
    """Write down what the maintainers of a target allow; leases that are held stay.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, LIMIT)
    if not wanted.reference.strip() or (wanted.at_once is not None and wanted.at_once < 1):
        reason = "say where the maintainers said so; a pace is 1 or more, opting out is said so"
        return Refusal(code="malformed", reason=reason)
    try:
        wanted = replace(wanted, target=rules.target_of(wanted.target))
    except ValueError as error:
        return Refusal(code="malformed", reason=str(error))
    _store.put_limit(transaction, wanted, actor.actor_id)
    ledger.append(
        transaction,
        "lease.limited",
        wanted.target,
        {"opted_out": wanted.opted_out, "at_once": wanted.at_once,
         "barred": [str(one) for one in wanted.barred_tools], "authority": decision.policy},
        readers=_store.KNOWN_TO,
    )  # fmt: skip
    return wanted


def limits(desk: Desk, transaction: Transaction, actor: Actor) -> list[Limit]:
    """Return what maintainers allow.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, READ)
    return _store.limits(transaction)


def _granted(
    transaction: Transaction, actor: Actor, claim: Claim, in_force: LeasePolicy, *, shared: bool
) -> Lease:
    lease = Lease(
        lease_id=new_id("lea"),
        party_id=actor.party_id,
        actor_id=actor.actor_id,
        scope=claim.scope,
        tool=claim.tool,
        disclosure=claim.disclosure,
        authorisation=claim.authorisation,
        shared=shared,
        state=State.HELD,
        granted_at=transaction.now,
        ended_at=None,
        coverage=(),
        policy=in_force.name,
    )
    _store.insert(transaction, lease)
    return lease


def _note(transaction: Transaction, kind: str, lease: Lease, facts: dict[str, Json]) -> None:
    readers = (lease.party_id, *_store.HOUSE)
    ledger.append(transaction, kind, lease.lease_id, facts, readers=readers)


def _others(transaction: Transaction, actor: Actor, scope: Scope) -> list[Taken]:
    """Return what other parties have taken on a target."""
    taken = _store.taken_on(transaction, scope.target)
    return [one for one in taken if one.party_id != actor.party_id]


def _note_told(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    others: Sequence[Taken],
    said: Sequence[Overlap],
) -> None:
    """Write down what each side was told of the other, so that neither reads the other's event."""
    watchers = _store.HOUSE
    asked: dict[str, Json] = {"target": scope.target, "overlaps": len(said)}
    asked["told"] = [
        [name for name in ("until", "tool", "party") if getattr(one, name) is not None]
        for one in said
    ]
    events = [
        ledger.Event("exchange.told_of_scans", actor.party_id, asked, (actor.party_id, *watchers))
    ]
    events += [
        ledger.Event("exchange.scan_told_of", one.lease_id, {"to": actor.party_id}, tuple(watchers))
        for one, _ in rules.overlaps(scope, others)
    ]
    ledger.append_all(transaction, events)


def _number(document: dict[str, object], name: str) -> int:
    value = document[name]
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} is not a positive whole number")
    return value
