"""Issue a public advisory anew: corrected, withdrawn, merged into another, or told apart from one.

In: a case whose advisory is public. Out: the documents of the next issue, which go out with the
next release, or every reason against it. Refused: an actor who may not publish, a case without a
public advisory, an issue that is still being released. Ids stay, and every issue stays readable:
what was once public is never unsaid.

A merge withdraws one advisory as a duplicate and issues the other anew, in one transaction. A split
is two advisories that name each other: the second comes from its own case, then `relate` does it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from psycopg import Rollback
from psycopg.errors import UniqueViolation

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.clearing.publish import _store, making, rules
from clearhouse.clearing.publish._store import Past
from clearhouse.clearing.publish.record import Documents, Refusal, Withdrawal
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

Answer = Documents | tuple[Refusal, ...]


class NotPublishedError(LookupError):
    """The case has no public advisory, or its last issue is still being released."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Public:
    """A case with its public advisory."""

    kept: CaseFile
    authority: str
    id: str
    issues: tuple[Past, ...]
    cve: str | None


def revise(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    summary: str,
    reinstate: bool = False,
) -> Answer:
    """Issue an advisory anew from what its case and its wording say now.

    A withdrawn one comes back only with `reinstate`.
    Raises: NoSuchCaseError, ForbiddenError, NotPublishedError.
    """
    found = _public(desk, transaction, actor, case_id)
    if found.issues[-1].withdrawal is not None and not reinstate:
        return (Refusal(code="withdrawn", reason="it is withdrawn; reinstate it to correct it"),)
    issue = Past(at=transaction.now, summary=summary)
    return _issue(desk, transaction, found, issue, rule="reinstated" if reinstate else "corrected")


def withdraw(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, reason: str
) -> Answer:
    """Withdraw an advisory that is no vulnerability, or was an error.

    Raises: NoSuchCaseError, ForbiddenError, NotPublishedError.
    """
    found = _public(desk, transaction, actor, case_id)
    return _withdraw(desk, transaction, found, Withdrawal(at=transaction.now, reason=reason))


def merge(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, into: str, reason: str
) -> tuple[Documents, ...] | tuple[Refusal, ...]:
    """Withdraw the advisory of a case as a duplicate of another case's, which is issued anew.

    Raises: NoSuchCaseError, ForbiddenError, NotPublishedError.
    """
    lost = _public(desk, transaction, actor, case_id)
    kept = _public(desk, transaction, actor, into)
    withdrawal = Withdrawal(
        at=transaction.now, reason=reason, duplicate_of=kept.id, cve_elsewhere=kept.cve
    )
    told = Past(at=transaction.now, summary=f"{lost.id} was a duplicate of this advisory")

    def work() -> Sequence[Answer]:
        _relate(desk, transaction, kept, lost)
        return (
            _withdraw(desk, transaction, lost, withdrawal),
            _issue(desk, transaction, kept, told, rule="merged"),
        )

    return _both(transaction, work)


def relate(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, other: str, summary: str
) -> tuple[Documents, ...] | tuple[Refusal, ...]:
    """Let the advisories of two cases name each other, as after a split; both are issued anew.

    Raises: NoSuchCaseError, ForbiddenError, NotPublishedError.
    """
    both = [_public(desk, transaction, actor, one) for one in (case_id, other)]
    told = Past(at=transaction.now, summary=summary)

    def work() -> Sequence[Answer]:
        _relate(desk, transaction, *both)
        return [_issue(desk, transaction, one, told, rule="related") for one in both]

    return _both(transaction, work)


def _public(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> _Public:
    kept = casework.case_file(desk, transaction, actor, case_id, to_change=True)
    authority = desk.authority.demand(actor, "advisory.publish", kept.readers).policy
    known = _store.publication(transaction, case_id)
    issues = _store.issues(transaction, known.advisory_id) if known and known.advisory_id else ()
    if known is None or known.advisory_id is None or not issues:
        raise NotPublishedError("the case has no public advisory yet")
    newest = _store.public_one(transaction, known.advisory_id)
    cve = rules.cve_of(newest.bodies) if newest else None
    return _Public(kept=kept, authority=authority, id=known.advisory_id, issues=issues, cve=cve)


def _withdraw(
    desk: Desk, transaction: Transaction, found: _Public, withdrawal: Withdrawal
) -> Answer:
    words = "Withdrawn" if withdrawal.duplicate_of is None else "Withdrawn as a duplicate"
    if found.issues[-1].withdrawal is not None:
        return (Refusal(code="withdrawn", reason="it is withdrawn already"),)
    issue = Past(at=transaction.now, summary=words, withdrawal=withdrawal)
    rule = "withdrawn" if withdrawal.duplicate_of is None else "duplicate"
    return _issue(desk, transaction, found, issue, rule=rule)


def _issue(
    desk: Desk, transaction: Transaction, found: _Public, issue: Past, *, rule: str
) -> Answer:
    sources = making.sources(desk, transaction, found.kept.case.id)
    made = rules.documents(
        making.facts(
            desk,
            transaction,
            found.kept,
            sources,
            id_=found.id,
            issues=(*found.issues, issue),
        )
    )
    embargo = found.kept.case.embargo
    why: dict[str, Json] = {
        "policy": f"{embargo.policy}/{embargo.version}",
        "rule": rule,
        "authority": found.authority,
    }
    if isinstance(made, Documents):
        try:
            with transaction.connection.transaction():
                making.keep(transaction, made, issue, why)
        except UniqueViolation:
            raise NotPublishedError("an issue of it is being released; try again") from None
    return made


def _relate(desk: Desk, transaction: Transaction, one: _Public, other: _Public) -> None:
    """Let both wordings name the other advisory."""
    for this, that in ((one, other), (other, one)):
        case_id = this.kept.case.id
        wording = _store.wording(desk, transaction, case_id)
        related = dict.fromkeys((*(wording.related or ()), that.id))
        changed = replace(wording, related=tuple(related))
        _store.set_wording(desk, transaction, case_id, this.kept.compartment, changed)
        ledger.append(
            transaction,
            "advisory.worded",
            case_id,
            {"authority": this.authority},
            readers=this.kept.readers,
            compartment=this.kept.compartment,
        )


def _both(
    transaction: Transaction, work: Callable[[], Sequence[Answer]]
) -> tuple[Documents, ...] | tuple[Refusal, ...]:
    """Do several issues, or undo all of it and return every reason."""
    with transaction.connection.transaction():
        answers = work()
        refusals = [one for answer in answers if isinstance(answer, tuple) for one in answer]
        if refusals:
            raise Rollback
    return tuple(refusals) or tuple(one for one in answers if isinstance(one, Documents))
