"""The route of a report: its order, its loops and its refusals, as one table.

In: a report id. Out: the report taken as far as it can go, each room in a transaction of its
own, each passage written down. A killed worker's report starts again at the first room; every
room does nothing the second time, so nothing is lost or doubled.
What takes long, examining a report in depth, is asked for on the way and never waited for: when its
verdict comes, the report goes through the later rooms again.
Only this module knows the order. The diagram, `clearhouse route` and the tests come from `ROUTE`.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from clearhouse.clearing.coordinate import (
    answers_in,
    clocks,
    invitations,
    mail_in,
    notices,
    statements_in,
)
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.invited import TAKE_STATEMENT
from clearhouse.clearing.coordinate.letterbox import TAKE_ANSWER
from clearhouse.clearing.coordinate.relay import inbox, lookup, outbox, peers
from clearhouse.clearing.coordinate.relay.compose import SEND_RELAYS
from clearhouse.clearing.coordinate.relay.reception import TAKE_RELAYED
from clearhouse.clearing.deconflict.blind import answering, epochs, holding
from clearhouse.clearing.deconflict.leases import operations as leasing
from clearhouse.clearing.deliver import acknowledging
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.match import matching, proving
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.clearing.match.record import Relation
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish import release
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.attached import carries_bundle
from clearhouse.clearing.validate.record import ExaminationId, VerdictKind
from clearhouse.clearing.validate.workers import Workers
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor, PartyKind
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.vault import SealedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """One room of the route, as people see it."""

    name: str
    gives: str
    """The noun that leaves the room."""
    does: str
    not_attempted: str | None = None
    """What this version does not do here, said plainly."""
    returns_to: str | None = None
    """The room a report may go back to from here, and why."""


ROUTE = (
    Room(
        name="deconflict",
        gives="Lease",
        does="looks up what is public in local copies; answers blindly whether something is known",
    ),
    Room(name="intake", gives="Report", does="reads, judges completeness, seals, acknowledges"),
    Room(
        name="match",
        gives="Finding",
        does="joins reports that are proven to be one bug, suggests the rest with reasons",
        returns_to="intake: the reporter is asked for what is missing",
    ),
    Room(
        name="validate",
        gives="Verdict",
        does="checks claims at once; then looks the source up, applies the project's scope and "
        "runs an attached proof, and its patch, in the sandbox (E0 to E6)",
        not_attempted="confirmation by others (E7); proofs where bubblewrap is missing, source "
        "where its registry is out of reach",
        returns_to="match: proven edges count only when no side is contradicted, and proofs that "
        "were run on each other's fixes show same or different",
    ),
    Room(
        name="prioritize",
        gives="Priority",
        does="gives four separate axes and a queue that says why",
        returns_to="prioritize: again whenever the finding grows",
    ),
    Room(
        name="coordinate",
        gives="Case",
        does="opens the case, reads people in, computes the embargo instant",
    ),
    Room(
        name="publish",
        gives="Advisory",
        does="writes OSV and CSAF at the instant, with their ledger proof",
    ),
    Room(
        name="deliver",
        gives="Notice",
        does="lets operators match on their own machines, and counts what they say back",
    ),
)

SEAL_LEDGER, PUBLISH_DUE, CATCH_UP = "seal_ledger", "publish_due", "catch_up"
RENEW_FEED = "renew_feed"
PACK_INDEX, SWEEP_CASES, TELL = "pack_index", "sweep_cases", "tell_parties"
TURN_KEYS, ENTER_AGAIN, HIDE_COUNTS = "turn_known_keys", "enter_again", "hide_known_counts"
LAPSE_LEASES = "lapse_leases"
RELEASE_REACH = "release_reach"
SEND_RELAYS_AGAIN, REFRESH_PEERS = "send_relays_again", "refresh_peers"
READ_MAIL = "read_mail"
TELL_INVITED = "tell_invited"
ENTERED_TOGETHER = 200
"""So many reports are entered under a new key in one transaction."""
MATCHED_TOGETHER = 127
"""So many reports that came next are matched along with one, which spares each most of its cost.
Their own jobs find them matched."""
STRANDED_AFTER = timedelta(hours=3)
"""Longer than a job is retried; a report that is not through by then has no job any more."""


def register_jobs(desk: Desk, workers: Workers) -> None:
    """Tell the job kernel which work this system has, and who looks at what strangers sent."""
    desk.jobs.add(intake.CLEAR_REPORT, partial(_clear_job, desk))
    desk.jobs.add(
        examination.EXAMINE_REPORT,
        partial(_examine_job, desk, workers),
        queue=examination.QUEUE,
    )
    desk.jobs.add_periodic(SEAL_LEDGER, "* * * * * */5", partial(seal_ledger, desk))
    desk.jobs.add_periodic(PUBLISH_DUE, "* * * * * */10", partial(publish_due, desk))
    desk.jobs.add_periodic(RENEW_FEED, "7 * * * *", partial(renew_feed, desk))
    desk.jobs.add_periodic(SWEEP_CASES, "* * * * * */10", partial(sweep_cases, desk))
    desk.jobs.add_periodic(TELL, "* * * * * */15", partial(tell_parties, desk))
    desk.jobs.add(TAKE_RELAYED, partial(_take_job, desk))
    desk.jobs.add(TAKE_ANSWER, partial(answers_in.take, desk))
    desk.jobs.add(TAKE_STATEMENT, partial(statements_in.take, desk))
    desk.jobs.add_periodic(TELL_INVITED, "* * * * * */10", partial(tell_invited, desk))
    desk.jobs.add(SEND_RELAYS, partial(send_relays, desk))
    desk.jobs.add_periodic(SEND_RELAYS_AGAIN, "* * * * * */3", partial(send_relays, desk))
    desk.jobs.add_periodic(REFRESH_PEERS, "23 * * * *", partial(refresh_peers, desk))
    desk.jobs.add_periodic(READ_MAIL, "* * * * * */15", partial(read_mail, desk))
    desk.jobs.add_periodic(PACK_INDEX, "* * * * * */15", partial(match.pack_index, desk))
    desk.jobs.add(lookup.ANSWER_LOOKUPS, partial(answer_lookups, desk))
    desk.jobs.add(ENTER_AGAIN, partial(enter_again, desk))
    desk.jobs.add_periodic(TURN_KEYS, "* * * * * */20", partial(turn_known_keys, desk))
    desk.jobs.add_periodic(LAPSE_LEASES, "* * * * * */30", partial(lapse_leases, desk))
    desk.jobs.add_periodic(HIDE_COUNTS, "41 * * * *", partial(hide_known_counts, desk))
    desk.jobs.add_periodic(RELEASE_REACH, "11 * * * *", partial(release_reach, desk))
    desk.jobs.add_periodic(CATCH_UP, "17 * * * *", partial(catch_up, desk))


def clear(desk: Desk, report_id: ReportId) -> None:
    """Take one report along the route as far as it can go; running it again changes nothing."""
    _walk(desk, report_id, (("intake", partial(_begin, desk, report_id)),))
    _match_ahead(desk, report_id)
    steps: _Steps = (
        ("match", partial(_match, desk, report_id)),
        ("validate", partial(_validate, desk, report_id)),
        *_later_rooms(desk, report_id),
        ("intake", partial(_finish, desk, report_id)),
    )
    _walk(desk, report_id, steps)


def examine(desk: Desk, workers: Workers, examination_id: ExaminationId) -> None:
    """Examine a report in depth, and take it through the later rooms again with the verdict.

    Running it again changes nothing.
    """
    report_id, verdict = examination.examine_report(desk, workers, examination_id)
    if verdict is not None and verdict.kind is VerdictKind.REPRODUCED:
        _compare_proofs(desk, workers, report_id)
    outcome = "examined" if verdict is None else str(verdict.kind)
    _walk(desk, report_id, (("validate", lambda _: outcome), *_later_rooms(desk, report_id)))


_Steps = tuple[tuple[str, Callable[[Transaction], str]], ...]


def _later_rooms(desk: Desk, report_id: ReportId) -> _Steps:
    return (
        ("match", partial(_settle, desk, report_id)),
        ("prioritize", partial(_prioritize, desk, report_id)),
        ("coordinate", partial(_coordinate, desk, report_id)),
    )


def _walk(desk: Desk, report_id: ReportId, steps: _Steps) -> None:
    for room, step in steps:
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            outcome = step(transaction)
            intake.passed(transaction, report_id, room, outcome)


def seal_ledger(desk: Desk) -> None:
    """Give waiting events their place and sign the tree."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        ledger.sequence(transaction)
        ledger.sign_head(transaction, desk.keys.signing_key())


def renew_feed(desk: Desk) -> None:
    """Sign the feed anew, so that its readers see that nothing is held back."""
    release.renew(desk)


def publish_due(desk: Desk) -> None:
    """Publish every case whose instant has come, and let rules that find flaws come and expire."""
    publish.publish_due(desk)
    release.carry(desk)


def sweep_cases(desk: Desk) -> None:
    """End what time ends: embargoes at their instant, read-ins at theirs."""
    clocks.sweep(desk)


def tell_parties(desk: Desk) -> None:
    """Send the notices that are due."""
    notices.deliver(desk)


def tell_invited(desk: Desk) -> None:
    """Lay out anew what links into cases show, where something has changed."""
    invitations.lay_out_due(desk)


def send_relays(desk: Desk) -> None:
    """Send to peers what is due."""
    outbox.deliver(desk)


def take_relayed(desk: Desk, inbound_id: str) -> None:
    """Clear the reports that came with an envelope, and take it up; again changes nothing."""
    clearing = desk.clearing_actor.actor_id
    with desk.database.transaction(clearing) as transaction:
        reports = inbox.reports_of(transaction, inbound_id)
    for report_id in reports:
        clear(desk, report_id)
    with desk.database.transaction(clearing) as transaction:
        inbox.take(desk, transaction, inbound_id)


def refresh_peers(desk: Desk) -> None:
    """Ask peers for their present keys, and forget the nonces that have expired."""
    peers.refresh(desk)


def read_mail(desk: Desk) -> None:
    """Take in what parties answered by mail."""
    mail_in.receive(desk)


def turn_known_keys(desk: Desk) -> None:
    """Open the next key of blind lookup when its time has come, and enter every report under it."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        if epochs.turn(desk, transaction) is not None:
            desk.jobs.ask(transaction, ENTER_AGAIN, after="")


def open_known_key(desk: Desk, transaction: Transaction, actor: Actor) -> str:
    """Open the next key of blind lookup now, on a person's word, and enter every report under it.

    Raises: ForbiddenError.
    """
    epoch_id = epochs.open_epoch(desk, transaction, actor)
    desk.jobs.ask(transaction, ENTER_AGAIN, after="")
    return epoch_id


def enter_again(desk: Desk, after: str) -> None:
    """Enter some reports under the newest key, and ask for the next; again changes nothing.

    What was shredded stays behind: nobody can open it any more.
    """
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        last = ReportId(after) if after else None
        batch = intake.arrived_after(transaction, last, most=ENTERED_TOGETHER)
        for report_id in batch:
            with contextlib.suppress(SealedError):
                _enter(desk, report_id, transaction)
        if batch:
            desk.jobs.ask(transaction, ENTER_AGAIN, after=batch[-1])


def answer_lookups(desk: Desk) -> None:
    """Answer what other houses have asked blindly."""
    lookup.answer_waiting(desk)


def lapse_leases(desk: Desk) -> None:
    """Let scan leases lapse whose time is over."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        leasing.lapse(transaction)


def hide_known_counts(desk: Desk) -> None:
    """Add entries that nobody holds, and write down who has asked how much."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        epochs.decoys(transaction)
        answering.note_asked(transaction)


def release_reach(desk: Desk) -> None:
    """Release what operators said together, where a whole group has said something new."""
    acknowledging.release_due(desk)


def catch_up(desk: Desk) -> None:
    """Ask again for every report whose job was given up, so that none is stranded."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        for report_id in intake.stranded(transaction, before=transaction.now - STRANDED_AFTER):
            desk.jobs.ask(transaction, intake.CLEAR_REPORT, report_id=report_id)


def survey(transaction: Transaction) -> dict[str, dict[str, int]]:
    """Count what is in each room and for how many seconds the oldest waits, as the actor sees."""
    return {
        "deconflict": leasing.counts(transaction),
        "intake": intake.counts(transaction),
        "match": match.counts(transaction),
        "validate": validate.counts(transaction),
        "prioritize": prioritize.counts(transaction),
        "coordinate": coordinate.counts(transaction),
        "publish": publish.counts(transaction),
        "deliver": acknowledging.counts(transaction),
    }


def _clear_job(desk: Desk, report_id: str) -> None:
    clear(desk, ReportId(report_id))


def _take_job(desk: Desk, inbound_id: str) -> None:
    take_relayed(desk, inbound_id)


def _examine_job(desk: Desk, workers: Workers, examination_id: str) -> None:
    examine(desk, workers, ExaminationId(examination_id))


def _compare_proofs(desk: Desk, workers: Workers, report_id: ReportId) -> None:
    """Run the proof of a reproduced report against those of its suspected duplicates."""
    actor = desk.clearing_actor
    with desk.database.transaction(actor.actor_id) as transaction:
        pairs = _runnable_pairs(desk, transaction, report_id)
    for pair in pairs:
        compared = examination.compare(desk, workers, pair)
        if compared is None or compared.relation not in {Relation.SAME, Relation.DIFFERENT}:
            continue
        with desk.database.transaction(actor.actor_id) as transaction:
            proving.prove(
                desk,
                transaction,
                actor,
                *(one.report_id for one in pair),
                relation=Relation(compared.relation),
                seen=compared.seen,
            )


def _runnable_pairs(
    desk: Desk, transaction: Transaction, report_id: ReportId
) -> list[tuple[Report, Report]]:
    """Pair a report with the suspects that were reproduced and carry a bundle, as it does."""
    wanted = [report_id, *proving.suspects(transaction, report_id)]
    reports = {
        one.report_id: one
        for one in intake.load(desk, transaction, wanted, files=True)
        if carries_bundle(one.content.attachments)
        and (verdict := validate.verdict_of(desk, transaction, one.report_id)) is not None
        and verdict.kind is VerdictKind.REPRODUCED
    }
    mine = reports.pop(report_id, None)
    return [] if mine is None else [(mine, other) for other in reports.values()]


def _begin(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    (report,) = intake.load(desk, transaction, [report_id])
    intake.mark(transaction, report.receipt, "processing")
    return "received"


def _match_ahead(desk: Desk, report_id: ReportId) -> None:
    """Match a report with those that came next, as far as nobody else is at them."""
    actor = desk.clearing_actor
    with desk.database.transaction(actor.actor_id) as transaction:
        if matching.waits(transaction, report_id):
            others = intake.next_after(transaction, report_id, most=MATCHED_TOGETHER)
            matching.match_reports(desk, transaction, actor, [report_id, *others], wait=False)


def _match(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    matching.match_reports(desk, transaction, desk.clearing_actor, [report_id])
    _enter(desk, report_id, transaction)
    return "compared"


def _enter(desk: Desk, report_id: ReportId, transaction: Transaction) -> None:
    """Let others ask blindly for what a report is about, as far as its party allows."""
    for report in intake.load(desk, transaction, [report_id], files=True):
        kind = identity.party_kind(transaction, report.party_id)
        ours = report.party_id == desk.clearing_actor.party_id
        holding.enter_report(
            desk,
            transaction,
            report_id,
            fingerprints(report.content),
            party_id=report.party_id,
            received_at=report.received_at,
            relayed=kind is PartyKind.COORDINATOR and not ours,
            compartment=report.compartment,
            readers=report.readers,
        )


def _validate(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    verdict = validate.validate_report(desk, transaction, desk.clearing_actor, report_id)
    examination.ask(desk, transaction, desk.clearing_actor, report_id)
    return str(verdict.kind)


def _settle(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    verdicts = validate.verdicts(desk, transaction, [report_id])
    contradicted = any(verdict.kind is VerdictKind.CONTRADICTED for verdict in verdicts)
    match.settle(desk, transaction, desk.clearing_actor, report_id, contradicted=contradicted)
    return "contradicted" if contradicted else "settled"


def _prioritize(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    finding_id = match.finding_of(transaction, report_id)
    prioritize.prioritize_finding(desk, transaction, desk.clearing_actor, finding_id)
    # Not the band: it weighs the other reports too, and the reporter of this one reads on.
    return "prioritized"


def _coordinate(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    finding_id = match.finding_of(transaction, report_id)
    case = coordinate.consider(desk, transaction, desk.clearing_actor, finding_id)
    return "case" if case else "waits in the queue"


def _finish(desk: Desk, report_id: ReportId, transaction: Transaction) -> str:
    (report,) = intake.load(desk, transaction, [report_id])
    intake.finish(transaction, report.receipt)
    return "cleared"
