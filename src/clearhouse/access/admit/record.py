"""The nouns of admit: an application, what the two sides write about it, and its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clearhouse.access.offer.record import Side
from clearhouse.access.refusal import States
from clearhouse.kernel.ids import ActorId, Compartment, PartyId


class Tier(StrEnum):
    """In which order access begins."""

    GOVERNMENT = "government"
    PARTNER = "partner"


class AdmissionState(StrEnum):
    """How far an application is."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    PROVISIONED = "provisioned"
    """Every holder has a grant."""
    READY = "ready"
    """A holder has shown a key and accepted the terms."""
    DECLINED = "declined"
    APPEALED = "appealed"
    REFUSED = "refused"
    """Declined again after an appeal; final."""
    WITHDRAWN = "withdrawn"


class AdmissionStep(StrEnum):
    """What happens to an application."""

    APPROVE = "approve"
    DECLINE = "decline"
    APPEAL = "appeal"
    PROVISION = "provision"
    ACTIVATE = "activate"
    WITHDRAW = "withdraw"


_S, _T = AdmissionState, AdmissionStep
ADMISSION: States[AdmissionState, AdmissionStep] = States(
    "admission",
    _S.SUBMITTED,
    {
        (_S.SUBMITTED, _T.APPROVE): _S.APPROVED,
        (_S.SUBMITTED, _T.DECLINE): _S.DECLINED,
        (_S.DECLINED, _T.APPEAL): _S.APPEALED,
        (_S.APPEALED, _T.APPROVE): _S.APPROVED,
        (_S.APPEALED, _T.DECLINE): _S.REFUSED,
        (_S.APPROVED, _T.PROVISION): _S.PROVISIONED,
        (_S.PROVISIONED, _T.PROVISION): _S.PROVISIONED,
        (_S.READY, _T.PROVISION): _S.READY,
        (_S.PROVISIONED, _T.ACTIVATE): _S.READY,
        (_S.READY, _T.ACTIVATE): _S.READY,
        (_S.SUBMITTED, _T.WITHDRAW): _S.WITHDRAWN,
        (_S.APPROVED, _T.WITHDRAW): _S.WITHDRAWN,
        (_S.PROVISIONED, _T.WITHDRAW): _S.WITHDRAWN,
        (_S.READY, _T.WITHDRAW): _S.WITHDRAWN,
    },
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A person or agent whom the applicant wants to hold a grant."""

    actor_id: ActorId
    attributes: Mapping[str, str] = field(default_factory=dict)
    """For example employer and, where the law asks, nationality; sealed with the application."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """What an applicant writes; sealed for the two sides and the applicant."""

    statement: str
    purposes: tuple[str, ...]
    holders: tuple[Holder, ...]
    appeal: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """One party's way into a window."""

    admission_id: str
    window_id: str
    party: PartyId
    sponsor: PartyId | None
    """Who applies and sets up on behalf of a small operator."""
    track: str
    tier: Tier
    state: AdmissionState
    submitted_at: datetime
    changed_at: datetime
    reason_codes: tuple[str, ...]
    """Of the last decision against it; what they mean is published with the criteria."""
    application: Application
    compartment: Compartment
    readers: tuple[str, ...]


class AssessmentKind(StrEnum):
    """What a side writes about an application."""

    SCORE = "score"
    CONFLICT = "conflict"
    DECISION = "decision"


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """The content of an assessment; sealed for the two sides."""

    scores: Mapping[str, int] = field(default_factory=dict)
    approve: bool | None = None
    codes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What one person of one side wrote about an application. Only ever added."""

    assessment_id: str
    admission_id: str
    side: Side
    kind: AssessmentKind
    actor_id: ActorId
    round: int
    """1 for the application, 2 for its appeal."""
    at: datetime
    opinion: Opinion
