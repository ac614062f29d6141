"""Appeals against a verdict, deviation notes beside a severity, and clocks that were met.

In: an actor, a case id and words. Out: the changed case, or `Refused` with the reason; and the
notice that a report was made. Refused by exception: whoever may not, and a case that is not there
for this actor. An appeal asks; it overrules nobody: its resolution is words, and the verdict stays
the vendor's. A deviation note stands beside a severity and never in its place.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from clearhouse.clearing.coordinate import casework, deadlines
from clearhouse.clearing.coordinate.casework import change
from clearhouse.clearing.coordinate.deadlines import Deadline
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Appeal, Case, Deviation, Met
from clearhouse.formats import cvss
from clearhouse.formats.canonical import Json
from clearhouse.formats.cvss import CvssError
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

MOST_WORDS = 4000
_Apply = Callable[[Case], Case | Refused]


def appeal(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, verdict: int, reason: str,
    party: str | None = None,
) -> Case | Refused:  # fmt: skip
    """Ask that a verdict be looked at again; a party for itself, or a coordinator for it.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    who = party or actor.party_id
    act = "message.write" if who == actor.party_id else "verdict.record_for_vendor"
    filed = Appeal(verdict=verdict, party=who, by=actor.actor_id, at=transaction.now, reason=reason)

    def apply(found: Case) -> Case | Refused:
        if not 0 <= verdict < len(found.verdicts):
            return Refused(code="no-such-verdict", reason="there is no such verdict to appeal")
        if found.party(who) is None:
            return Refused(code="unknown-party", reason="that party has no part in the case")
        if found.verdicts[verdict].party == who:
            return Refused(
                code="own-verdict", reason="a vendor changes its own verdict, and appeals none"
            )
        return replace(found, appeals=(*found.appeals, filed))

    return _write(desk, transaction, actor, case_id, act, "verdict.appealed", reason,
                  {"verdict": verdict, "party": who}, apply)  # fmt: skip


def acknowledge(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, number: int
) -> Case | Refused:
    """Say that an appeal was read.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    now = transaction.now

    def apply(found: Case) -> Case | Refused:
        one = found.appeals[number] if 0 <= number < len(found.appeals) else None
        if one is None or one.acknowledged_at is not None:
            return Refused(code="no-such-appeal", reason="no appeal of that number waits for this")
        return _with_appeal(found, number, replace(one, acknowledged_at=now,
                                                   acknowledged_by=actor.actor_id))  # fmt: skip

    return _write(desk, transaction, actor, case_id, "verdict.record_for_vendor",
                  "appeal.acknowledged", "read", {"number": number}, apply)  # fmt: skip


def resolve(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, number: int, upheld: bool,
    resolution: str,
) -> Case | Refused:  # fmt: skip
    """Resolve an appeal in words; by somebody else than who filed it.

    Raises: NoSuchCaseError, ForbiddenError; an agent may not.
    """
    found = casework.case_file(desk, transaction, actor, case_id)
    desk.authority.demand_person(actor, "verdict.record_for_vendor", found.readers)
    now = transaction.now

    def apply(case: Case) -> Case | Refused:
        one = case.appeals[number] if 0 <= number < len(case.appeals) else None
        if one is None or one.resolved_at is not None:
            return Refused(code="no-such-appeal", reason="no appeal of that number waits for this")
        if one.by == actor.actor_id:
            return Refused(code="second-person", reason="this needs a second person")
        done = replace(
            one,
            acknowledged_at=one.acknowledged_at or now,
            acknowledged_by=one.acknowledged_by or actor.actor_id,
            resolved_at=now,
            resolved_by=actor.actor_id,
            upheld=upheld,
            resolution=resolution,
        )
        return _with_appeal(case, number, done)

    return _write(desk, transaction, actor, case_id, "verdict.record_for_vendor",
                  "appeal.resolved", resolution, {"number": number, "upheld": upheld},
                  apply)  # fmt: skip


def deviate(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, of: str, value: str,
    reason: str,
) -> Case | Refused:  # fmt: skip
    """Note another severity beside one that stays; `of` is whose: a party, or a public record's id.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    try:
        cvss.parse(value)
    except CvssError as error:
        casework.case(desk, transaction, actor, case_id)  # who may not see it learns nothing else
        return Refused(code="no-severity", reason=str(error))
    note = Deviation(of=of, value=value, by=actor.actor_id, at=transaction.now, reason=reason)
    return _write(desk, transaction, actor, case_id, "verdict.record_for_vendor",
                  "severity.deviated", reason, {"of": of},
                  lambda found: replace(found, deviations=(*found.deviations, note)))  # fmt: skip


def meet(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, clock: str, note: str
) -> Case | Refused:
    """Write down that what a clock asks for was done.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    rules, now = deadlines.in_force(), transaction.now
    done = Met(clock=clock, at=now, by=actor.actor_id, note=note)

    def apply(found: Case) -> Case | Refused:
        running = {one.id for one in deadlines.deadlines(found, rules, now) if one.met_at is None}
        if clock not in running or ":" in clock:
            return Refused(code="no-such-clock", reason="no clock of that name runs in this case")
        return replace(found, met=(*found.met, done))

    return _write(desk, transaction, actor, case_id, "embargo.set", "clock.met", note,
                  {"clock": clock, "clocks": rules.name}, apply)  # fmt: skip


def running(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> tuple[Deadline, ...]:
    """Return the clocks that run beside a case, the earliest first.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = casework.case(desk, transaction, actor, case_id)
    return deadlines.deadlines(found, deadlines.in_force(), transaction.now)


def transparency_notice(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str
) -> dict[str, Json]:
    """Return what may be said in public while the case is kept back: vendor, product, dates.

    It is handed out and published by nobody: that a report exists is the vendor's to weigh too.
    Raises: NoSuchCaseError, ForbiddenError.
    """
    found = casework.case_file(desk, transaction, actor, case_id)
    desk.authority.demand(actor, "advisory.publish", found.readers)
    case = found.case
    instant = case.embargo.instant
    return {
        "vendors": sorted(one.name for one in case.vendors),
        "product": case.purl,
        "reported": _day(case.embargo.facts.received_at),
        "details_by": None if instant is None else _day(instant),
    }


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _with_appeal(case: Case, number: int, one: Appeal) -> Case:
    return replace(case, appeals=(*case.appeals[:number], one, *case.appeals[number + 1 :]))


def _write(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, act: str, event: str,
    words: str, data: dict[str, Json], apply: _Apply,
) -> Case | Refused:  # fmt: skip
    def checked(found: Case) -> Case | Refused:
        if not words.strip() or len(words) > MOST_WORDS:
            return Refused(
                code="no-words", reason=f"it needs words, at most {MOST_WORDS} characters"
            )
        return apply(found)

    return change(desk, transaction, actor, case_id, act=act, event=event, data=data, apply=checked)
