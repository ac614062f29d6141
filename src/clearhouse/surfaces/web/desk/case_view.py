"""One case as its page and the API show it: parties, words, and until when it is kept back.

In: a case's id. Out: a `CaseView`. Refused by coordinate: what the actor is not read in to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from clearhouse.clearing.coordinate import (
    canary,
    casework,
    channels,
    deadlines,
    giving,
    invitations,
    messages,
    reaching,
    read_in_log,
    read_ins,
    standing,
)
from clearhouse.clearing.coordinate.channels import Notice
from clearhouse.clearing.coordinate.deadlines import Deadline
from clearhouse.clearing.coordinate.embargo import Considered, Effect
from clearhouse.clearing.coordinate.invitations import Invitation
from clearhouse.clearing.coordinate.messages import Thread
from clearhouse.clearing.coordinate.record import (
    Case,
    Disclosure,
    Participant,
    ProductState,
    Request,
)
from clearhouse.clearing.coordinate.relay import peers, sending
from clearhouse.clearing.coordinate.relay.record import Peer
from clearhouse.clearing.coordinate.relay.sending import Relayed
from clearhouse.clearing.coordinate.silence import Silence
from clearhouse.clearing.coordinate.standing import Standing
from clearhouse.clearing.match import listing as match_listing
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.listing import FindingNote
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.record import Refusal
from clearhouse.kernel import identity, ledger_reading
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, FindingId
from clearhouse.kernel.ledger_reading import Event
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.web.pictures.states import Share, states_bar
from clearhouse.surfaces.web.pictures.timeline import RuleInstant, embargo_timeline

_ACTS = (
    "message.write",
    "verdict.record_for_vendor",
    "embargo.set",
    "advisory.publish",
    "case.read_in",
    "relay.send",
    "channel.set",
)
_LAST = {Effect.WON: 0, Effect.LATER: 1, Effect.WAITING: 2, Effect.BARRED: 3}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Somebody who is read in, with a name where there is one."""

    participant: Participant
    name: str
    reads_now: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseView:
    """Everything a page says about one case."""

    case: Case
    findings: tuple[FindingNote, ...]
    told: Disclosure
    """What this actor may see and say."""
    remaining: timedelta | None
    """Until the embargo ends; None when it has ended or never was."""
    timeline: Markup
    considered: tuple[Considered, ...]
    """Every rule, the one that won first."""
    readers: tuple[Reader, ...]
    advisory_id: str | None
    """None while it is held back."""
    held_back: tuple[Refusal, ...]
    """Everything that stands against an advisory at this instant."""
    events: tuple[Event, ...]
    matrix: tuple[Standing, ...]
    """One row a vendor, who has been silent longest first."""
    products: tuple[str, ...]
    """The columns of the matrix."""
    states: Markup
    """How many vendors are where."""
    threads: tuple[Thread, ...]
    notices: tuple[Notice, ...]
    """Who was told, who was not yet, and why."""
    relays: tuple[Relayed, ...]
    """Which other coordinators have the case, and what went to and fro."""
    peers: tuple[Peer, ...]
    """To whom it could be handed."""
    may: frozenset[str]
    copy: str
    """The mark of this reader's copy, as three words."""
    names: Mapping[ActorId, str]
    """Of the actors whom requests and conflicts of interest name."""
    excepted: tuple[str, ...]
    """Rules and bars that two persons may set aside."""
    silences: tuple[Silence, ...]
    """The clock of every vendor, the most pressing first."""
    deadlines: tuple[Deadline, ...]
    """The other clocks of the case, the earliest first."""
    invitations: tuple[Invitation, ...]
    """Links by which people of vendors read and answer without an account."""

    @property
    def waiting(self) -> tuple[tuple[int, Request], ...]:
        """What waits for a second person, by number."""
        numbered = enumerate(self.case.requests)
        return tuple((number, asked) for number, asked in numbered if asked.granted is None)

    @property
    def unreviewed(self) -> tuple[tuple[int, Reader], ...]:
        """Emergency read-ins that nobody else has looked at, by number."""
        numbered = enumerate(self.readers)
        return tuple(
            (number, one)
            for number, one in numbered
            if one.participant.review is not None and one.participant.review.by is None
        )

    @property
    def title(self) -> str:
        """In the words of the first reporter."""
        return next((note.title for note in self.findings if note.title), "Untitled case")


def case_view(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> CaseView:
    """Return a case as pages show it.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    case = casework.case(desk, transaction, actor, case_id)
    publication = publish.publication(desk, transaction, actor, case_id)
    now = transaction.now
    exceptions = read_ins.exception_policy()
    return CaseView(
        case=case,
        findings=_findings(desk, transaction, case),
        told=casework.told(desk, transaction, actor, case_id),
        remaining=case.embargo.instant - now
        if case.embargo.instant is not None and case.embargo.holds(now)
        else None,
        timeline=_timeline(case, now),
        considered=tuple(sorted(case.embargo.considered, key=lambda one: _LAST.get(one.effect, 9))),
        readers=_readers(transaction, case, now),
        advisory_id=publication.advisory_id if publication else None,
        held_back=publish.why_not(desk, transaction, actor, case_id),
        events=ledger_reading.history(transaction, (case.id,)),
        matrix=standing.standings(case, now),
        products=standing.products(case),
        states=_states(standing.standings(case, now)),
        threads=tuple(messages.threads_of(desk, transaction, actor, case_id)),
        notices=tuple(channels.notices(desk, transaction, actor, case_id)),
        relays=tuple(sending.relays(desk, transaction, actor, case_id)),
        peers=_peers(desk, transaction, actor),
        may=frozenset(act for act in _ACTS if desk.authority.may(actor, act).allowed),
        copy=canary.named(giving.given(desk, transaction, actor, case.id, [case.id])[case.id]),
        names=identity.actor_names(
            transaction, [ActorId(one) for one in sorted(read_in_log.ids(case))]
        ),
        excepted=(*exceptions.rules, *exceptions.bars),
        silences=reaching.silences_of(transaction, case),
        deadlines=deadlines.deadlines(case, deadlines.in_force(), now),
        invitations=invitations.of_case(desk, transaction, actor, case_id),
    )


def _peers(desk: Desk, transaction: Transaction, actor: Actor) -> tuple[Peer, ...]:
    if not desk.authority.may(actor, "relay.send").allowed:
        return ()
    found = peers.peers(desk, transaction, actor)
    return tuple(one for one in found if one.revoked_at is None)


def _findings(desk: Desk, transaction: Transaction, case: Case) -> tuple[FindingNote, ...]:
    """Return the findings of a case as they are now; several may have become one."""
    now = (match.finding(desk, transaction, FindingId(one)).finding_id for one in case.findings)
    ids = list(dict.fromkeys(now))
    notes = match_listing.notes(desk, transaction, ids)
    return tuple(notes[one] for one in ids if one in notes)


def _timeline(case: Case, now: datetime) -> Markup:
    rules = [
        RuleInstant(rule=one.rule, instant=one.instant, won=one.effect is Effect.WON)
        for one in case.embargo.considered
        if one.instant is not None
    ]
    return embargo_timeline(case.embargo.facts.received_at, now, rules)


def _readers(transaction: Transaction, case: Case, now: datetime) -> tuple[Reader, ...]:
    names = identity.actor_names(transaction, [ActorId(one.actor) for one in case.participants])
    reading = set(casework.readers_of(case, now))
    return tuple(
        Reader(
            participant=one,
            name=names.get(ActorId(one.actor)) or _group(one.actor),
            reads_now=one.reads(now) and one.actor in reading,
        )
        for one in case.participants
    )


def _group(name: str) -> str:
    return name.removeprefix("role:").replace("_", " ")


STATE_LOOKS = {
    ProductState.FIXED: "good",
    ProductState.NOT_AFFECTED: "accent",
    ProductState.UNDER_INVESTIGATION: "warn",
    ProductState.AFFECTED: "bad",
}


def _states(rows: Sequence[Standing]) -> Markup:
    """Count each vendor once, by the state of its products that asks for most attention."""
    order = [
        ProductState.AFFECTED,
        ProductState.UNDER_INVESTIGATION,
        ProductState.FIXED,
        ProductState.NOT_AFFECTED,
    ]
    found: dict[ProductState | None, int] = {}
    for row in rows:
        states = {one.state for one in row.products.values()}
        worst = next((state for state in order if state in states), None)
        found[worst] = found.get(worst, 0) + 1
    shares = [
        Share(
            name=state.value.removeprefix("known_").replace("_", " "),
            look=look,
            count=found.get(state, 0),
        )
        for state, look in STATE_LOOKS.items()
    ]
    return states_bar([*shares, Share(name="silent", look="quiet", count=found.get(None, 0))])
