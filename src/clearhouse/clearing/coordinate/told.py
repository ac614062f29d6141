"""A case as messages tell of it, and what each message does to it.

In: a told case, one message, and what is known of the ids that messages name. Out: the case after
the message, with the message among its letters. What a state machine does not draw changes nothing
and is kept with the reason.
Source: CERT/CC Vultron, specifications VAM, SM and CM.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from clearhouse.clearing.coordinate.embargo_consent import (
    EMBARGO_CONSENT,
    ConsentEvent,
    ConsentState,
)
from clearhouse.clearing.coordinate.embargo_management import EMBARGO_MANAGEMENT, EmEvent, EmState
from clearhouse.clearing.coordinate.machine import Refused, Situation
from clearhouse.clearing.coordinate.report_management import (
    REPORT_MANAGEMENT,
    RmEvent,
    RmState,
)
from clearhouse.formats import vultron
from clearhouse.formats.vultron import Activity, EmbargoEvent, Kind, Message, Note


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One message of a case."""

    id: str
    semantic: str
    """What it meant, `told` for a bare object, `unknown` when its object never came."""
    actor: str | None
    refused: str | None = None
    """Why it changed nothing, when a state machine draws no such step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldParty:
    """A party as the messages tell of it."""

    actor: str
    name: str
    roles: tuple[str, ...] = ()
    report: RmState = RmState.START
    consent: ConsentState = ConsentState.NO_EMBARGO
    fix: str = "vfd"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldCase:
    """A case as the messages tell of it."""

    id: str
    owner: str | None = None
    reports: tuple[str, ...] = ()
    parties: Mapping[str, ToldParty] = field(default_factory=dict)
    embargo_state: EmState = EmState.NONE
    embargo: EmbargoEvent | None = None
    proposals: tuple[str, ...] = ()
    world: str = "pxa"
    world_since: datetime | None = None
    received_at: datetime | None = None
    notes: tuple[Note, ...] = ()
    letters: tuple[Letter, ...] = ()

    @property
    def situation(self) -> Situation:
        """Return what the guards of the state machines look at."""
        return Situation(
            public="P" in self.world,
            exploit_public="X" in self.world,
            attacked="A" in self.world,
            embargo_in_force=self.embargo_state in {EmState.ACTIVE, EmState.REVISE},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What ids are, as far as any message says."""

    kinds: dict[str, Kind]
    things: dict[str, Message]
    names: dict[str, str]

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Known":
        """Return what these messages say of ids, those of objects within objects too."""
        known = cls(kinds={}, things={}, names={})
        for message in messages:
            for one in _within(message):
                known._note(one)
        return known

    def _note(self, message: Message) -> None:
        self.things.setdefault(message.id, message)
        kind = vultron.kind_of(message, self.kinds)
        if kind is not None:
            self.kinds[message.id] = kind
        if isinstance(message, vultron.Organisation):
            self.names[message.id] = message.name
        if isinstance(message, vultron.Participant):
            self.names.setdefault(message.actor, message.name)
        if isinstance(message, Activity):
            if isinstance(message.object, str) and message.about in {Kind.CASE, Kind.ACTOR}:
                self.kinds.setdefault(message.object, message.about)
            return
        context = context_of(message)
        if context:
            self.kinds.setdefault(context, Kind.CASE)

    def is_case(self, id_: str | None) -> bool:
        """Return whether an id is known to be a case's."""
        return id_ is not None and self.kinds.get(id_) is Kind.CASE


def _within(message: Message) -> Iterator[Message]:
    """Yield a message and all records that it carries."""
    yield message
    carried: list[Message] = []
    if isinstance(message, Activity):
        carried = [*message.choices]
        if message.object is not None and not isinstance(message.object, str):
            carried.append(message.object)
    elif isinstance(message, vultron.VulnerabilityCase):
        carried = [*message.participants, *message.statuses]
        carried += [message.embargo] if message.embargo else []
    elif isinstance(message, vultron.Participant):
        carried = [*message.statuses]
    for one in carried:
        yield from _within(one)


def context_of(message: Message | None) -> str:
    """Return the case or report that an object says it belongs to; empty when it says none."""
    if message is None or isinstance(message, vultron.Organisation | vultron.VulnerabilityCase):
        return ""
    return message.context or ""


def object_of(activity: Activity) -> str:
    """Return the id of what an activity is about; empty when it is about nothing."""
    held = activity.object
    return held if isinstance(held, str) else "" if held is None else held.id


def tell(case: ToldCase, message: Message, known: Known) -> ToldCase:
    """Return the case after one message, with the message among its letters."""
    if not isinstance(message, Activity):
        changed = _told_object(case, message, known)
        letter = Letter(id=message.id, semantic="told", actor=None)
        return replace(changed, letters=(*changed.letters, letter))
    semantic = vultron.semantic(message, known.kinds)
    act = _ACTS.get(semantic)
    outcome = case if act is None else act(case, message, known)
    refused = outcome.reason if isinstance(outcome, Refused) else None
    after = case if isinstance(outcome, Refused) else outcome
    letter = Letter(id=message.id, semantic=semantic, actor=message.actor, refused=refused)
    return replace(after, letters=(*after.letters, letter))


def _told_object(case: ToldCase, message: Message, known: Known) -> ToldCase:
    if isinstance(message, vultron.VulnerabilityCase):
        return _told_case(case, message, known)
    if isinstance(message, vultron.Participant):
        return _told_participant(case, message, known)
    if isinstance(message, vultron.ParticipantStatus):
        return _told_status(case, message, known)
    if isinstance(message, vultron.CaseStatus):
        return _told_world(case, message, None)
    return _told_words(case, message)


def _told_words(case: ToldCase, message: Message) -> ToldCase:
    if isinstance(message, vultron.Report):
        return _with_report(case, message.id, message.published)
    if isinstance(message, Note):
        return _with_note(case, message)
    return case  # an embargo that somebody has written down is not yet proposed


def _told_case(case: ToldCase, message: vultron.VulnerabilityCase, known: Known) -> ToldCase:
    told = replace(case, owner=message.attributed_to or case.owner)
    for report in message.reports:
        told = _with_report(told, report, message.published)
    for one in message.participants:
        told = _told_participant(told, one, known)
    for status in message.statuses:
        told = _told_world(told, status, message.published)
    return replace(told, embargo=message.embargo or told.embargo)


def _told_participant(case: ToldCase, message: vultron.Participant, known: Known) -> ToldCase:
    named = replace(_member(case, message.actor, known), name=message.name, roles=message.roles)
    told = _with_party(case, named)
    for status in message.statuses:
        told = _told_status(told, replace(status, actor=message.actor), known)
    return told


def _told_status(case: ToldCase, message: vultron.ParticipantStatus, known: Known) -> ToldCase:
    told = case if message.case_status is None else _told_world(case, message.case_status, None)
    if message.actor is None:
        return told
    party = replace(
        _member(told, message.actor, known), report=RmState(message.rm), fix=message.vfd
    )
    return _with_party(told, party)


def _told_world(case: ToldCase, status: vultron.CaseStatus, at: datetime | None) -> ToldCase:
    """Take the state of the world over; what has happened once stays so."""
    world = "".join(
        mine if mine.isupper() else theirs
        for mine, theirs in zip(case.world, status.pxa, strict=True)
    )
    return replace(
        case, embargo_state=EmState(status.em), world=world, world_since=case.world_since or at
    )


def _with_report(case: ToldCase, report: str, at: datetime | None) -> ToldCase:
    instants = [one for one in (case.received_at, at) if one is not None]
    return replace(
        case,
        reports=tuple(dict.fromkeys((*case.reports, report))),
        received_at=min(instants, default=None),
    )


def _with_note(case: ToldCase, note: Note) -> ToldCase:
    known = {one.id for one in case.notes}
    return case if note.id in known else replace(case, notes=(*case.notes, note))


def _with_party(case: ToldCase, party: ToldParty) -> ToldCase:
    return replace(case, parties={**case.parties, party.actor: party})


def _member(case: ToldCase, actor: str, known: Known) -> ToldParty:
    return case.parties.get(actor) or ToldParty(actor=actor, name=known.names.get(actor, actor))


Outcome = ToldCase | Refused
_Act = Callable[[ToldCase, Activity, Known], Outcome]


def _report_step(*events: RmEvent) -> _Act:
    """Move the actor's own state of the report."""

    def act(case: ToldCase, activity: Activity, known: Known) -> Outcome:
        if activity.actor is None:
            return Refused(code="no-actor", reason="nobody is said to have done it")
        party = _member(case, activity.actor, known)
        steps = (RmEvent.RECEIVE, *events) if party.report is RmState.START else events
        reached = REPORT_MANAGEMENT.follow(party.report, steps, case.situation)
        if isinstance(reached, Refused):
            return reached
        return _with_party(case, replace(party, report=reached))

    return act


def _engage(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    """Accept the report; whoever joins a case has found it valid. Source: Vultron, VP-02."""
    valid = _report_step(RmEvent.VALIDATE, RmEvent.ACCEPT)(case, activity, known)
    if isinstance(valid, Refused):
        return _report_step(RmEvent.ACCEPT)(case, activity, known)
    return valid


def _embargo_step(event: EmEvent, consent: ConsentEvent | None = None) -> _Act:
    def act(case: ToldCase, activity: Activity, known: Known) -> Outcome:
        state = EMBARGO_MANAGEMENT.step(case.embargo_state, event, case.situation)
        if isinstance(state, Refused):
            return state
        told = _with_embargo(replace(case, embargo_state=state), activity, event, known)
        if consent is None or activity.actor is None:
            return told
        party = _member(told, activity.actor, known)
        agreed = EMBARGO_CONSENT.step(party.consent, consent, told.situation)
        if isinstance(agreed, Refused):
            return agreed
        return _with_party(told, replace(party, consent=agreed))

    return act


def _with_embargo(case: ToldCase, activity: Activity, event: EmEvent, known: Known) -> ToldCase:
    named = known.things.get(object_of(activity))
    if isinstance(named, Activity) and not isinstance(named.object, str):
        named = named.object
    if event is EmEvent.PROPOSE and isinstance(named, EmbargoEvent):
        return replace(case, proposals=(*case.proposals, named.id))
    if event is EmEvent.ACCEPT and isinstance(named, EmbargoEvent):
        rest = tuple(one for one in case.proposals if one != named.id)
        return replace(case, embargo=named, proposals=rest)
    return case


def _activate(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    """Put an embargo in force that was proposed, or that comes with the case itself."""
    in_force = case.embargo if case.embargo_state is EmState.ACTIVE else None
    if in_force is not None and in_force.id == object_of(activity):
        return case  # accepted already, and now said so
    both = (EmEvent.PROPOSE, EmEvent.ACCEPT)
    steps = both if case.embargo_state in {EmState.NONE, EmState.ACTIVE} else both[1:]
    state = EMBARGO_MANAGEMENT.follow(case.embargo_state, steps, case.situation)
    if isinstance(state, Refused):
        return state
    return _with_embargo(replace(case, embargo_state=state), activity, EmEvent.ACCEPT, known)


def _remove_embargo(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    """End the embargo when it is the one in force; else a proposal is taken back."""
    removed = object_of(activity)
    if case.embargo is None or case.embargo.id != removed:
        return replace(case, proposals=tuple(one for one in case.proposals if one != removed))
    return _embargo_step(EmEvent.TERMINATE)(case, activity, known)


def _create_case(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    told = replace(case, owner=case.owner or activity.actor)
    if isinstance(activity.object, vultron.VulnerabilityCase):
        return _told_case(told, activity.object, known)
    return told


def _own(case: ToldCase, activity: Activity, known: Known) -> Outcome:  # noqa: ARG001 - an act
    return replace(case, owner=activity.actor)


def _let_in(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    return (
        case if activity.actor is None else _with_party(case, _member(case, activity.actor, known))
    )


def _carried(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    """Take over what the activity brings, or what its id names."""
    held = activity.object
    thing = known.things.get(held) if isinstance(held, str) else held
    return case if thing is None else _told_object(case, thing, known)


def _remove_participant(case: ToldCase, activity: Activity, known: Known) -> Outcome:
    thing = known.things.get(object_of(activity))
    if not isinstance(thing, vultron.Participant):
        return case
    rest = {actor: one for actor, one in case.parties.items() if actor != thing.actor}
    return replace(case, parties=rest)


_ACTS: Mapping[str, _Act] = {
    "create-case": _create_case,
    "update-case": _create_case,
    "add-report": _carried,
    "acknowledge-report": _report_step(),
    "validate-report": _report_step(RmEvent.VALIDATE),
    "invalidate-report": _report_step(RmEvent.INVALIDATE),
    "close-report": _report_step(RmEvent.CLOSE),
    "engage-case": _engage,
    "defer-case": _report_step(RmEvent.DEFER),
    "close-case": _report_step(RmEvent.CLOSE),
    "accept-ownership": _own,
    "accept-invitation": _let_in,
    "create-participant": _carried,
    "add-participant": _carried,
    "remove-participant": _remove_participant,
    "propose-embargo": _embargo_step(EmEvent.PROPOSE),
    "accept-embargo": _embargo_step(EmEvent.ACCEPT, ConsentEvent.ACCEPT),
    "reject-embargo": _embargo_step(EmEvent.REJECT, ConsentEvent.DECLINE),
    "activate-embargo": _activate,
    "remove-embargo": _remove_embargo,
    "create-note": _carried,
    "add-note": _carried,
    "add-case-status": _carried,
    "add-participant-status": _carried,
}
"""What changes a case. What is not here asks, offers or announces, and changes nothing."""
