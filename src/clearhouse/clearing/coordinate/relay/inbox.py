"""Takes up what came from peers: a case becomes a case here, words and states find theirs.

In: an envelope that the counter took in. Out: the case, with the peer's party in it and the
tightest of the two embargoes; and an envelope back, which says under which name the house handles
the matter, until when it holds it, or why not. Refused: words of a peer that is not read in any
more. Taking an envelope up again changes nothing. A peer's word on its own case is kept as its
word: it moves neither a verdict nor a state here. Only the embargo follows, and only when it gets
tighter; and a publication, which ends the secret.
Source: RFC-AI-0008 (draft), "The handling-identifier exchange", "Security model".
"""

from dataclasses import replace
from datetime import datetime

from clearhouse.clearing.coordinate import _store as cases
from clearhouse.clearing.coordinate import casework, messages, transitions
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.casework import NoSuchCaseError, embargo_policy
from clearhouse.clearing.coordinate.embargo import News, learned
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.messages import File, NoSuchThreadError
from clearhouse.clearing.coordinate.record import Case, Participant, PartyRole
from clearhouse.clearing.coordinate.relay import _store, compose, following, rules
from clearhouse.clearing.coordinate.relay._store import Inbound
from clearhouse.clearing.coordinate.relay.reception import HOLDERS, TAKE_RELAYED
from clearhouse.clearing.coordinate.relay.record import Code, Link, Peer, code_of
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import operations as match
from clearhouse.formats import relay_reading
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.relay import Envelope, Kind, Outcome
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, ledger, vault
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ReportId, new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

ACCEPTED = "accepted"


def reports_of(transaction: Transaction, inbound_id: str) -> list[ReportId]:
    """Return the reports that came with an envelope; they are cleared before it is taken up."""
    came = _store.inbound(transaction, inbound_id)
    return [] if came is None else list(intake.reports_of(transaction, came.receipts))


def take(desk: Desk, transaction: Transaction, inbound_id: str) -> None:
    """Take one envelope up; of words that came before their case, the case asks again."""
    came = _store.inbound(transaction, inbound_id, to_take=True)
    peer = None if came is None else _store.peer(transaction, came.peer_id)
    if came is None or peer is None or came.taken_at is not None:
        return
    envelope = relay_reading.read(desk.vault.open(transaction, came.content))
    if envelope.kind is Kind.CASE:
        _take_case(desk, transaction, came, peer, envelope)
        return
    links = _store.links_named(
        transaction, peer.peer_id, theirs=envelope.handle, ours=envelope.answers
    )
    if not links:
        return  # its case still waits
    _store.name_theirs(transaction, links[0].link_id, envelope.handle)
    # Words are said once; a state concerns every case here that is one over there.
    concerned = links[:1] if envelope.kind is Kind.MESSAGE else links
    outcomes = [_heard(desk, transaction, link, peer, envelope) for link in concerned]
    _done(transaction, came, outcomes[0], links[0])


def _take_case(
    desk: Desk, transaction: Transaction, came: Inbound, peer: Peer, envelope: Envelope
) -> None:
    """Open a case for each finding that the house itself sees in the originals.

    That they are one over there is a hint; whether they are one here, match and people say.
    """
    reports = intake.reports_of(transaction, came.receipts)
    findings = dict.fromkeys(match.finding_of(transaction, one) for one in reports)
    links: list[Link] = []
    held: list[datetime | None] = []
    for finding in findings:
        case = coordinate.open_case(desk, transaction, desk.clearing_actor, finding)
        case = _coordinated(desk, transaction, case, peer, envelope)
        held.append(case.embargo.instant if case.embargo.holds(transaction.now) else None)
        links.append(_link_of(desk, transaction, case, peer, envelope.handle))
        _keep_told(desk, transaction, links[-1], envelope, envelope.until)
    _done(transaction, came, ACCEPTED, links[0])
    until = None if None in held else min(one for one in held if one is not None)
    _acknowledge(desk, transaction, links[0], peer, envelope, ACCEPTED, until=until)
    for waiting in _store.waiting(transaction, peer.peer_id, envelope.handle):
        desk.jobs.ask(transaction, TAKE_RELAYED, inbound_id=waiting)


def _link_of(desk: Desk, transaction: Transaction, case: Case, peer: Peer, handle: str) -> Link:
    known = _store.links_named(transaction, peer.peer_id, theirs=handle, ours=None)
    here = [one for one in known if one.case_id == case.id]
    if here:
        return here[0]
    box = desk.vault.new_box(transaction, sorted(casework.house_readers(case)))
    return _store.open_link(
        transaction, box, case.id, peer.peer_id, ours=new_id("hnd"), theirs=handle
    )


def _coordinated(
    desk: Desk, transaction: Transaction, case: Case, peer: Peer, envelope: Envelope
) -> Case:
    """Let the peer coordinate along, and hold the case no longer than it asks for."""
    (party,) = cases.parties(transaction, [peer.party_id], PartyRole.COORDINATOR)
    participant = Participant(
        actor=peer.actor_id,
        party=peer.party_id,
        tier=0,
        read_in_at=transaction.now,
        approved_by=(desk.clearing_actor.actor_id,),
        reason="relayed it to this house",
    )
    now, policy = transaction.now, embargo_policy()
    done = casework.change(
        desk,
        transaction,
        desk.clearing_actor,
        case.id,
        act="relay.take",
        event="relay.taken",
        data={
            "peer": peer.peer_id,
            "envelope": envelope.id,
            "asked_until": None if envelope.until is None else envelope.until.isoformat(),
            "chain": [
                [hop.node or "outside" for hop in one.provenance.reporters]
                for one in envelope.originals
            ],
            "claims": [one.reports for one in envelope.claims],
        },
        apply=lambda found: rules.taken(found, party, participant, envelope.until, policy, now),
    )
    return case if isinstance(done, Refused) else done


def _heard(desk: Desk, transaction: Transaction, link: Link, peer: Peer, envelope: Envelope) -> str:
    """Let what a peer says have its effect, and return what became of it."""
    if envelope.outcome is not None:
        return _acknowledged(desk, transaction, link, peer, envelope, envelope.outcome)
    try:
        actor = identity.actor(transaction, peer.actor_id)
        if actor is None:
            return Code.NOT_READ_IN
        found = casework.case(desk, transaction, desk.clearing_actor, link.case_id)
        if envelope.kind is Kind.MESSAGE:
            return _said(desk, transaction, link, peer, actor, envelope)
        if found.published_at is None:  # what is public nobody needs to be read in to
            casework.case(desk, transaction, actor, link.case_id)
    except (NoSuchCaseError, NoSuchThreadError, ForbiddenError):
        reason = "you are not read in to this any more"
        _acknowledge(
            desk, transaction, link, peer, envelope, Code.NOT_READ_IN, reason=reason, until=None
        )
        return Code.NOT_READ_IN
    return _told(desk, transaction, link, envelope)


def _said(
    desk: Desk, transaction: Transaction, link: Link, peer: Peer, actor: Actor, envelope: Envelope
) -> str:
    thread = messages.open_thread(desk, transaction, actor, link.case_id, party=peer.party_id)
    if isinstance(thread, Refused):
        return thread.code
    posted = messages.post(
        desk,
        transaction,
        actor,
        thread.thread_id,
        text=envelope.text or "",
        tlp=envelope.tlp,
        files=[File.of(one.name, one.media_type, one.data) for one in envelope.files],
    )
    if isinstance(posted, Refused):
        _acknowledge(
            desk, transaction, link, peer, envelope, posted.code, reason=posted.reason, until=None
        )
        return posted.code
    return ACCEPTED


def _told(desk: Desk, transaction: Transaction, link: Link, envelope: Envelope) -> str:
    """Keep a peer's word on its case, and follow it where it makes the embargo tighter."""
    status = envelope.status
    theirs = status and following.as_case(status, embargo_policy(), envelope)
    until = theirs.embargo.facts.negotiated if theirs else None
    if status is not None and theirs is None:
        return "no-such-status"
    if until is not None and until <= transaction.now:
        return Code.EMBARGO_PAST  # who wants it to end now says that it is published
    _keep_told(desk, transaction, link, envelope, until)
    _follow(desk, transaction, link, until=until, published=envelope.published_at)
    return ACCEPTED


def _follow(
    desk: Desk,
    transaction: Transaction,
    link: Link,
    *,
    until: datetime | None,
    published: datetime | None,
) -> None:
    now, policy = transaction.now, embargo_policy()

    def apply(found: Case) -> Case:
        if published is not None:
            news = News(public_since=published)
            return transitions.learn(found, learned(found.embargo.facts, news), policy, now)
        held = found.embargo.instant
        if until is None or held is None or not now < until < held:
            return found
        return rules.tightened(found, until, policy, now)

    casework.change(
        desk,
        transaction,
        desk.clearing_actor,
        link.case_id,
        act="relay.take",
        event="relay.followed",
        data={"peer": link.peer_id, "published": published is not None},
        apply=apply,
    )


def _acknowledged(
    desk: Desk,
    transaction: Transaction,
    link: Link,
    peer: Peer,
    envelope: Envelope,
    outcome: Outcome,
) -> str:
    """Note how the other side calls the matter and until when it holds it; the tightest counts."""
    code = code_of(outcome.code)
    _event(transaction, "relay.acknowledged", link, {
        "peer": peer.peer_id, "envelope": outcome.envelope, "handle": envelope.handle, "code": code,
        "until": None if outcome.until is None else outcome.until.isoformat(),
    })  # fmt: skip
    if code != ACCEPTED:
        _store.refuse_in(transaction, link.link_id, outcome.envelope, code)
        return ACCEPTED
    _keep_told(desk, transaction, link, envelope, outcome.until)
    _consents(desk, transaction, link, peer)
    _follow(desk, transaction, link, until=outcome.until, published=None)
    return ACCEPTED


def _consents(desk: Desk, transaction: Transaction, link: Link, peer: Peer) -> None:
    """Who acknowledges a case stands by its embargo; where there is none, nothing changes."""
    casework.change(
        desk,
        transaction,
        desk.clearing_actor,
        link.case_id,
        act="relay.take",
        event="embargo.consent",
        data={"party": peer.party_id, "event": ConsentEvent.ACCEPT.value},
        apply=lambda found: transitions.consent(found, peer.party_id, ConsentEvent.ACCEPT),
    )


def _acknowledge(
    desk: Desk,
    transaction: Transaction,
    link: Link,
    peer: Peer,
    about: Envelope,
    code: str,
    *,
    until: datetime | None,
    reason: str = "it is taken up",
) -> None:
    envelope = replace(
        compose.blank(desk, transaction, link, peer, Kind.ACKNOWLEDGEMENT),
        tlp=Tlp.GREEN,
        outcome=Outcome(envelope=about.id, code=str(code), reason=reason, until=until),
    )
    compose.lay_out(desk, transaction, link, envelope)


def _keep_told(
    desk: Desk, transaction: Transaction, link: Link, envelope: Envelope, until: datetime | None
) -> None:
    """Keep what was said last; an older word that comes late is not what was said last."""
    payload = None
    if envelope.status is not None:
        box = desk.vault.open_box(transaction, link.compartment)
        payload = box.seal(transaction, "told", canonical_bytes(envelope.status))
    _store.note_told(transaction, link, until=until, number=envelope.sequence, payload=payload)


def _done(transaction: Transaction, came: Inbound, outcome: str, link: Link) -> None:
    _store.mark_taken(transaction, came.inbound_id, str(outcome), link.link_id)
    if set(link.readers) != set(HOLDERS):  # somebody on duty is kept out of the case
        vault.set_readers(transaction, came.compartment, link.readers)
    _event(transaction, "relay.heard", link, {
        "peer": came.peer_id, "envelope": came.envelope_id, "kind": came.kind,
        "outcome": str(outcome), "originals": len(came.receipts),
    })  # fmt: skip


def _event(transaction: Transaction, kind: str, link: Link, facts: dict[str, Json]) -> None:
    ledger.append(
        transaction, kind, link.case_id, facts, readers=HOLDERS, compartment=link.compartment
    )
