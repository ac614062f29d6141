"""Vultron's messages: cases, reports, embargoes and what parties say of them, as ActivityStreams.

Here are the records and what an activity means; `vultron_reading` makes them from documents. What
an activity is about is known only once its object is: a bare id is looked up among what other
messages brought (`semantic`), and stays UNKNOWN where none did.
Source: CERT/CC Vultron, specification VAM (semantic mapping), doc/examples (57 messages).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from clearhouse.formats.canonical import Json

CONTEXT = "https://www.w3.org/ns/activitystreams"


class Verb(StrEnum):
    """What an activity does."""

    CREATE = "Create"
    UPDATE = "Update"
    OFFER = "Offer"
    READ = "Read"
    ACCEPT = "Accept"
    REJECT = "Reject"
    TENTATIVE_REJECT = "TentativeReject"
    ADD = "Add"
    REMOVE = "Remove"
    INVITE = "Invite"
    ANNOUNCE = "Announce"
    JOIN = "Join"
    IGNORE = "Ignore"
    LEAVE = "Leave"
    QUESTION = "Question"


class Kind(StrEnum):
    """What an object is."""

    ACTOR = "actor"
    REPORT = "report"
    CASE = "case"
    PARTICIPANT = "participant"
    EMBARGO = "embargo"
    CASE_STATUS = "case-status"
    PARTICIPANT_STATUS = "participant-status"
    NOTE = "note"
    INVITATION = "invitation"
    """An earlier activity that asked an actor into a case."""
    TRANSFER = "transfer"
    """An earlier activity that offered the ownership of a case."""
    SUGGESTION = "suggestion"
    """An earlier activity that named an actor for a case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Organisation:
    """Somebody who can have a part in a case."""

    id: str
    name: str
    type: str
    """Person, Organization, Service, Group, Application or Actor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report of a flaw."""

    id: str
    content: str | None
    attributed_to: tuple[str, ...]
    published: datetime | None
    context: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseStatus:
    """How far the embargo is, and what the world knows."""

    id: str
    context: str | None
    em: str
    """none, proposed, active, revise or exited."""
    pxa: str
    """Public, exploit, attacks; a capital where it has happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantStatus:
    """How far one participant is."""

    id: str
    actor: str | None
    context: str | None
    rm: str
    """start, received, invalid, valid, accepted, deferred or closed."""
    vfd: str
    """Vendor aware, fix ready, fix deployed; a capital where it has happened."""
    engaged: bool
    adheres: bool
    case_status: CaseStatus | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """An actor's part in a case."""

    id: str
    actor: str
    name: str
    roles: tuple[str, ...]
    """finder, reporter, vendor, coordinator, deployer, other."""
    statuses: tuple[ParticipantStatus, ...]
    context: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbargoEvent:
    """From when until when nothing is said."""

    id: str
    context: str | None
    starts: datetime | None
    ends: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Words in a case."""

    id: str
    context: str | None
    content: str
    attributed_to: str | None
    in_reply_to: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VulnerabilityCase:
    """A case as one party tells of it."""

    id: str
    name: str
    attributed_to: str | None
    participants: tuple[Participant, ...]
    reports: tuple[str, ...]
    statuses: tuple[CaseStatus, ...]
    embargo: EmbargoEvent | None
    published: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """Something that an actor did."""

    id: str
    verb: Verb
    actor: str | None
    object: "Message | str | None"
    """What it is about: a record, or an id to be looked up."""
    about: Kind | None
    """What the object is, where the type of the activity says so by itself."""
    target: str | None
    origin: str | None
    context: str | None
    published: datetime | None
    choices: tuple[EmbargoEvent, ...] = ()
    """Of a question: the embargoes to choose from."""


Message: TypeAlias = (
    Organisation
    | Report
    | CaseStatus
    | ParticipantStatus
    | Participant
    | EmbargoEvent
    | Note
    | VulnerabilityCase
    | Activity
)

SEMANTICS: Mapping[tuple[Verb, Kind], str] = {
    (Verb.CREATE, Kind.REPORT): "create-report",
    (Verb.OFFER, Kind.REPORT): "submit-report",
    (Verb.READ, Kind.REPORT): "acknowledge-report",
    (Verb.ACCEPT, Kind.REPORT): "validate-report",
    (Verb.TENTATIVE_REJECT, Kind.REPORT): "invalidate-report",
    (Verb.REJECT, Kind.REPORT): "close-report",
    (Verb.CREATE, Kind.CASE): "create-case",
    (Verb.UPDATE, Kind.CASE): "update-case",
    (Verb.JOIN, Kind.CASE): "engage-case",
    (Verb.IGNORE, Kind.CASE): "defer-case",
    (Verb.LEAVE, Kind.CASE): "close-case",
    (Verb.ADD, Kind.REPORT): "add-report",
    (Verb.OFFER, Kind.ACTOR): "suggest-actor",
    (Verb.ACCEPT, Kind.SUGGESTION): "accept-suggestion",
    (Verb.REJECT, Kind.SUGGESTION): "reject-suggestion",
    (Verb.INVITE, Kind.CASE): "invite-actor",
    (Verb.ACCEPT, Kind.INVITATION): "accept-invitation",
    (Verb.REJECT, Kind.INVITATION): "reject-invitation",
    (Verb.OFFER, Kind.CASE): "offer-ownership",
    (Verb.ACCEPT, Kind.TRANSFER): "accept-ownership",
    (Verb.REJECT, Kind.TRANSFER): "reject-ownership",
    (Verb.CREATE, Kind.EMBARGO): "create-embargo",
    (Verb.ADD, Kind.EMBARGO): "activate-embargo",
    (Verb.REMOVE, Kind.EMBARGO): "remove-embargo",
    (Verb.ANNOUNCE, Kind.EMBARGO): "announce-embargo",
    (Verb.INVITE, Kind.EMBARGO): "propose-embargo",
    (Verb.ACCEPT, Kind.EMBARGO): "accept-embargo",
    (Verb.REJECT, Kind.EMBARGO): "reject-embargo",
    (Verb.QUESTION, Kind.EMBARGO): "choose-embargo",
    (Verb.CREATE, Kind.PARTICIPANT): "create-participant",
    (Verb.ADD, Kind.PARTICIPANT): "add-participant",
    (Verb.REMOVE, Kind.PARTICIPANT): "remove-participant",
    (Verb.CREATE, Kind.NOTE): "create-note",
    (Verb.ADD, Kind.NOTE): "add-note",
    (Verb.REMOVE, Kind.NOTE): "remove-note",
    (Verb.CREATE, Kind.CASE_STATUS): "create-case-status",
    (Verb.ADD, Kind.CASE_STATUS): "add-case-status",
    (Verb.CREATE, Kind.PARTICIPANT_STATUS): "create-participant-status",
    (Verb.ADD, Kind.PARTICIPANT_STATUS): "add-participant-status",
}
UNKNOWN = "unknown"
"""Nothing may be done on the strength of it. Source: VAM-01-007, VAM-01-009."""

VFD = {
    "vfd": "CS_VENDOR_UNAWARE__NO_FIX__NOT_DEPLOYED",
    "Vfd": "CS_VENDOR_AWARE__NO_FIX__NOT_DEPLOYED",
    "VFd": "CS_VENDOR_AWARE__FIX_READY__NOT_DEPLOYED",
    "VFD": "CS_VENDOR_AWARE__FIX_READY__FIX_DEPLOYED",
}
PXA = {
    f"{p}{x}{a}": f"CS_PUBLIC_{'AWARE' if p == 'P' else 'UNAWARE'}__"
    f"{'EXPLOIT' if x == 'X' else 'NO_EXPLOIT'}__{'ATTACKS' if a == 'A' else 'NO_ATTACKS'}"
    for p in "pP"
    for x in "xX"
    for a in "aA"
}


def kind_of(message: Message, kinds: Mapping[str, Kind]) -> Kind | None:
    """Return what a record is; of an activity, what answering it would be about."""
    if isinstance(message, Activity):
        return _ANSWERED.get((message.verb, _about(message, kinds)))
    return _KINDS[type(message)]


def semantic(activity: Activity, kinds: Mapping[str, Kind]) -> str:
    """Return what an activity means; `kinds` says what ids are.

    Accepting an offer or invitation is about what was offered. Source: VAM-02 to VAM-05.
    """
    about = _about(activity, kinds)
    return UNKNOWN if about is None else SEMANTICS.get((activity.verb, about), UNKNOWN)


_ANSWERED: Mapping[tuple[Verb, Kind | None], Kind] = {
    (Verb.OFFER, Kind.REPORT): Kind.REPORT,
    (Verb.OFFER, Kind.CASE): Kind.TRANSFER,
    (Verb.OFFER, Kind.ACTOR): Kind.SUGGESTION,
    (Verb.INVITE, Kind.CASE): Kind.INVITATION,
    (Verb.INVITE, Kind.EMBARGO): Kind.EMBARGO,
    (Verb.ADD, Kind.EMBARGO): Kind.EMBARGO,
}


def _about(activity: Activity, kinds: Mapping[str, Kind]) -> Kind | None:
    held = activity.object
    if activity.about is not None or held is None:
        return activity.about
    return kinds.get(held) if isinstance(held, str) else kind_of(held, kinds)


def status_words(*, em: str, pxa: str) -> dict[str, Json]:
    """Return the protocol's words for the state of a case."""
    return {"emState": f"EMBARGO_MANAGEMENT_{em.upper()}", "pxaState": PXA[pxa]}


def participant_words(*, rm: str, vfd: str) -> dict[str, Json]:
    """Return the protocol's words for the state of a participant."""
    return {"rmState": f"REPORT_MANAGEMENT_{rm.upper()}", "vfdState": VFD[vfd]}


_KINDS: Mapping[type[object], Kind] = {
    Organisation: Kind.ACTOR,
    Report: Kind.REPORT,
    VulnerabilityCase: Kind.CASE,
    Participant: Kind.PARTICIPANT,
    ParticipantStatus: Kind.PARTICIPANT_STATUS,
    CaseStatus: Kind.CASE_STATUS,
    EmbargoEvent: Kind.EMBARGO,
    Note: Kind.NOTE,
}
