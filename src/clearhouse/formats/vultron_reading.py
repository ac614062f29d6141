"""Reads the messages of the Vultron protocol.

In: one JSON document, in the form of the protocol's example messages or of its present mapping.
Out: a record of what it says. Refused: documents that are no object, have no known type, lack an
id, or state a value that the protocol does not have; the error names the field.
Source: CERT/CC Vultron, specification VAM, doc/examples (57 messages).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from clearhouse.formats.vultron import (
    PXA,
    VFD,
    Activity,
    CaseStatus,
    EmbargoEvent,
    Kind,
    Message,
    Note,
    Organisation,
    Participant,
    ParticipantStatus,
    Report,
    Verb,
    VulnerabilityCase,
)

T = TypeVar("T")


class VultronError(ValueError):
    """The sender's document is not a message of the protocol; the message names the field."""


_NAMED_ACTIVITIES: Mapping[str, tuple[Verb, Kind]] = {
    "RmCreateReport": (Verb.CREATE, Kind.REPORT),
    "RmSubmitReport": (Verb.OFFER, Kind.REPORT),
    "RmReadReport": (Verb.READ, Kind.REPORT),
    "RmValidateReport": (Verb.ACCEPT, Kind.REPORT),
    "RmInvalidateReport": (Verb.TENTATIVE_REJECT, Kind.REPORT),
    "RmCloseReport": (Verb.REJECT, Kind.REPORT),
    "OfferCaseOwnershipTransfer": (Verb.OFFER, Kind.CASE),
    "AcceptCaseOwnershipTransfer": (Verb.ACCEPT, Kind.TRANSFER),
    "RejectCaseOwnershipTransfer": (Verb.REJECT, Kind.TRANSFER),
    "RmInviteToCase": (Verb.INVITE, Kind.CASE),
    "RmAcceptInviteToCase": (Verb.ACCEPT, Kind.INVITATION),
    "RmRejectInviteToCase": (Verb.REJECT, Kind.INVITATION),
    "SuggestNewCaseParticipant": (Verb.OFFER, Kind.ACTOR),
    "AcceptNewCaseParticipantSuggestion": (Verb.ACCEPT, Kind.SUGGESTION),
    "RejectNewCaseParticipantSuggestion": (Verb.REJECT, Kind.SUGGESTION),
    "RmEngageCase": (Verb.JOIN, Kind.CASE),
    "RmDeferCase": (Verb.IGNORE, Kind.CASE),
    "RmCloseCase": (Verb.LEAVE, Kind.CASE),
    "ChoosePreferredEmbargo": (Verb.QUESTION, Kind.EMBARGO),
}
"""Types that say what they are about by themselves."""

_ACTORS = ("Person", "Organization", "Service", "Group", "Application", "Actor")
_EM = ("none", "proposed", "active", "revise", "exited")
_RM = ("start", "received", "invalid", "valid", "accepted", "deferred", "closed")


def read(document: object) -> Message:
    """Return what a document says.

    Raises: VultronError that names the field.
    """
    if not isinstance(document, dict):
        raise VultronError("a message is a JSON object")
    type_ = document.get("type") or document.get("asType")
    if type_ in _ACTORS:
        return Organisation(
            id=_id(document), name=_text(document, "name") or _id(document), type=str(type_)
        )
    reader = _READERS.get(str(type_))
    if reader is not None:
        return reader(document)
    return _activity(document, str(type_))


def _report(document: Mapping[str, object]) -> Report:
    return Report(
        id=_id(document),
        content=_text(document, "content"),
        attributed_to=_ids(document, "attributedTo"),
        published=_instant(document, "published"),
        context=_text(document, "context"),
    )


def _case(document: Mapping[str, object]) -> VulnerabilityCase:
    return VulnerabilityCase(
        id=_id(document),
        name=_text(document, "name") or "",
        attributed_to=_one_id(document, "attributedTo"),
        participants=_several(document, "caseParticipants", _participant),
        reports=_ids(document, "vulnerabilityReports"),
        statuses=_several(document, "caseStatus", _case_status),
        embargo=_embedded(document, "activeEmbargo", _embargo),
        published=_instant(document, "published"),
    )


def _participant(document: Mapping[str, object]) -> Participant:
    actor = _one_id(document, "actor")
    if actor is None:
        raise VultronError("actor: a participant needs one")
    roles = document.get("caseRoles") or []
    if not isinstance(roles, list):
        raise VultronError("caseRoles: must be a list")
    return Participant(
        id=_id(document),
        actor=actor,
        name=_text(document, "name") or actor,
        roles=tuple(str(role).removeprefix("CVD_ROLE_").lower() for role in roles),
        statuses=_several(document, "participantStatus", _participant_status),
        context=_text(document, "context"),
    )


def _participant_status(document: Mapping[str, object]) -> ParticipantStatus:
    return ParticipantStatus(
        id=_id(document),
        actor=_one_id(document, "actor") or _one_id(document, "attributedTo"),
        context=_text(document, "context"),
        rm=_word(document, "rmState", {f"REPORT_MANAGEMENT_{one.upper()}": one for one in _RM}),
        vfd=_word(document, "vfdState", {words: state for state, words in VFD.items()}),
        engaged=bool(document.get("caseEngagement", True)),
        adheres=bool(document.get("embargoAdherence", True)),
        case_status=_embedded(document, "caseStatus", _case_status),
    )


def _case_status(document: Mapping[str, object]) -> CaseStatus:
    return CaseStatus(
        id=_id(document),
        context=_text(document, "context"),
        em=_word(document, "emState", {f"EMBARGO_MANAGEMENT_{one.upper()}": one for one in _EM}),
        pxa=_word(document, "pxaState", {words: state for state, words in PXA.items()}),
    )


def _embargo(document: Mapping[str, object]) -> EmbargoEvent:
    ends = _instant(document, "endTime")
    if ends is None:
        raise VultronError("endTime: an embargo needs its end")
    return EmbargoEvent(
        id=_id(document),
        context=_text(document, "context"),
        starts=_instant(document, "startTime"),
        ends=ends,
    )


def _note(document: Mapping[str, object]) -> Note:
    return Note(
        id=_id(document),
        context=_text(document, "context"),
        content=_text(document, "content") or "",
        attributed_to=_one_id(document, "attributedTo"),
        in_reply_to=_text(document, "inReplyTo"),
    )


def _activity(document: Mapping[str, object], type_: str) -> Activity:
    about: Kind | None = None
    if type_ in _NAMED_ACTIVITIES:
        verb, about = _NAMED_ACTIVITIES[type_]
    elif type_ in set(Verb):
        verb = Verb(type_)
    else:
        raise VultronError(f"type: the protocol has no {type_[:40]!r}")
    held = document.get("object")
    return Activity(
        id=_id(document),
        verb=verb,
        actor=_one_id(document, "actor"),
        object=read(held) if isinstance(held, dict) else _one_id(document, "object"),
        about=about,
        target=_one_id(document, "target"),
        origin=_one_id(document, "origin"),
        context=_text(document, "context"),
        published=_instant(document, "published"),
        choices=_several(document, "anyOf", _embargo),
    )


_READERS: Mapping[str, Callable[[Mapping[str, object]], Message]] = {
    "VulnerabilityReport": _report,
    "VulnerabilityCase": _case,
    "CaseParticipant": _participant,
    "ParticipantStatus": _participant_status,
    "CaseStatus": _case_status,
    "EmbargoEvent": _embargo,
    "Event": _embargo,
    "Note": _note,
}


def _id(document: Mapping[str, object]) -> str:
    found = document.get("id")
    if not isinstance(found, str) or not found:
        raise VultronError("id: every object of the protocol has one")
    return found


def _text(document: Mapping[str, object], name: str) -> str | None:
    found = document.get(name)
    if isinstance(found, dict):
        return _id(found)
    if found is not None and not isinstance(found, str):
        raise VultronError(f"{name}: must be text")
    return found


def _one_id(document: Mapping[str, object], name: str) -> str | None:
    found = _ids(document, name)
    return found[0] if found else None


def _ids(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the ids in a field that holds one or several, as ids or as objects."""
    found = document.get(name)
    listed = found if isinstance(found, list) else [] if found is None else [found]
    ids = [_id(one) if isinstance(one, dict) else one for one in listed]
    if not all(isinstance(one, str) for one in ids):
        raise VultronError(f"{name}: must be ids or objects")
    return tuple(str(one) for one in ids)


def _instant(document: Mapping[str, object], name: str) -> datetime | None:
    found = _text(document, name)
    if found is None:
        return None
    try:
        instant = datetime.fromisoformat(found)
    except ValueError as error:
        raise VultronError(f"{name}: is no time of RFC 3339") from error
    if instant.tzinfo is None:
        raise VultronError(f"{name}: needs a time zone")
    return instant


def _word(document: Mapping[str, object], name: str, words: Mapping[str, str]) -> str:
    found = document.get(name)
    if not isinstance(found, str) or found not in words:
        raise VultronError(f"{name}: is no state of the protocol")
    return words[found]


def _embedded(
    document: Mapping[str, object], name: str, reader: Callable[[Mapping[str, object]], T]
) -> T | None:
    found = document.get(name)
    return reader(found) if isinstance(found, dict) else None


def _several(
    document: Mapping[str, object], name: str, reader: Callable[[Mapping[str, object]], T]
) -> tuple[T, ...]:
    found = document.get(name)
    listed = found if isinstance(found, list) else [] if found is None else [found]
    return tuple(reader(one) for one in listed if isinstance(one, dict))
