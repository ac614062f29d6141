"""How applications are measured and decided: published criteria, two sides, one of each.

In: an application and what was written about it. Out: a score, or what the two words together say.
Approved means that the lab and the government both approve; one word against it declines, with
reason codes from the published list. Nobody with a conflict of interest decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clearhouse.access.admit.record import AdmissionStep, Application, Assessment, AssessmentKind
from clearhouse.access.offer.record import Side
from clearhouse.access.refusal import Refused
from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.policy import PolicyError, load


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """One published question."""

    id: str
    weight: int
    question: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """The questions for one kind of applicant."""

    id: str
    sponsor: bool
    """Whether somebody else must apply on behalf of the party."""
    threshold: float
    """Least weighted mean, on the scale of the policy."""
    minimum: int
    """Least score of every single question."""
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The published criteria of one version."""

    name: str
    least: int
    most: int
    tracks: Mapping[str, Track]
    reason_codes: Mapping[str, str]
    appeal_within_days: int


def selection(name: str = "access/selection-1") -> Selection:
    """Return the criteria of that name.

    Raises: PolicyError when they cannot be read.
    """
    document = load(name)
    match document:
        case {
            "scale": [int(least), int(most)],
            "tracks": dict(tracks),
            "reason_codes": dict(codes),
            "appeal_within_days": int(days),
        }:
            return Selection(
                name=name,
                least=least,
                most=most,
                tracks={str(key): _track(name, str(key), one) for key, one in tracks.items()},
                reason_codes={str(key): str(one) for key, one in codes.items()},
                appeal_within_days=days,
            )
        case _:
            raise PolicyError(f"the criteria {name} lack a scale, tracks, codes or appeal days")


def application_faults(
    policy: Selection, track: str, application: Application, *, sponsored: bool
) -> tuple[Refused, ...]:
    """Return everything that an application lacks."""
    found = []
    known = policy.tracks.get(track)
    if known is None:
        found.append(Refused(code="track", reason=f"{policy.name} has no track {track}"))
    elif known.sponsor != sponsored:
        said = "a sponsor applies" if known.sponsor else "the party itself applies"
        found.append(Refused(code="sponsor", reason=f"on the track {track}, {said}"))
    if not application.statement.strip() or not application.purposes:
        found.append(Refused(code="incomplete", reason="say what for, and why"))
    if not application.holders:
        found.append(Refused(code="incomplete", reason="name the persons or agents, one by one"))
    if len({one.actor_id for one in application.holders}) != len(application.holders):
        found.append(Refused(code="incomplete", reason="a holder is named twice"))
    return tuple(found)


def score_faults(policy: Selection, track: str, scores: Mapping[str, int]) -> tuple[Refused, ...]:
    """Return everything that is wrong with one person's scores."""
    asked = {one.id for one in policy.tracks[track].criteria}
    found = []
    if set(scores) != asked:
        said = f"score exactly {', '.join(sorted(asked))}"
        found.append(Refused(code="criteria", reason=said))
    if any(not policy.least <= one <= policy.most for one in scores.values()):
        said = f"scores go from {policy.least} to {policy.most}"
        found.append(Refused(code="scale", reason=said))
    return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """What the scores of both sides come to."""

    mean: float
    """Weighted mean over questions and scorers."""
    lowest: int
    scorers: int
    enough: bool
    """Whether both sides scored and the published threshold is reached."""


def score(policy: Selection, track: str, written: Sequence[Assessment]) -> Score | None:
    """Return the joint score, None while nobody has scored. A person's last score counts."""
    last = {
        one.actor_id: one
        for one in written
        if one.kind is AssessmentKind.SCORE and one.actor_id not in conflicted(written)
    }
    if not last:
        return None
    asked = policy.tracks[track]
    total = sum(one.weight for one in asked.criteria) * len(last)
    got = sum(
        one.weight * given.opinion.scores.get(one.id, policy.least)
        for given in last.values()
        for one in asked.criteria
    )
    lowest = min(
        min(given.opinion.scores.values(), default=policy.least) for given in last.values()
    )
    mean = got / total
    both = {given.side for given in last.values()} == set(Side)
    return Score(
        mean=mean,
        lowest=lowest,
        scorers=len(last),
        enough=both and mean >= asked.threshold and lowest >= asked.minimum,
    )


def conflicted(written: Sequence[Assessment]) -> frozenset[ActorId]:
    """Return who has declared a conflict of interest."""
    return frozenset(one.actor_id for one in written if one.kind is AssessmentKind.CONFLICT)


def decision_faults(
    policy: Selection,
    track: str,
    written: Sequence[Assessment],
    fresh: Assessment,
    *,
    places_left: int,
) -> tuple[Refused, ...]:
    """Return everything that stands against one side's word."""
    found = []
    if fresh.actor_id in conflicted(written):
        found.append(Refused(code="conflict", reason="you declared a conflict of interest"))
    if any(_is_decision(one, fresh.round) and one.side is fresh.side for one in written):
        found.append(Refused(code="decided", reason=f"the {fresh.side} has said its word"))
    if fresh.opinion.approve:
        reached = score(policy, track, written)
        if reached is None or not reached.enough:
            said = "both sides score first, and the published threshold must be reached"
            found.append(Refused(code="SCORE", reason=said))
        if places_left < 1:
            found.append(Refused(code="CAPACITY", reason="the window is full"))
    elif not fresh.opinion.codes or not set(fresh.opinion.codes) <= set(policy.reason_codes):
        said = f"give reason codes of {policy.name}: {', '.join(policy.reason_codes)}"
        found.append(Refused(code="reason", reason=said))
    return tuple(found)


def verdict(written: Sequence[Assessment], round_: int) -> AdmissionStep | None:
    """Return what the words of one round say together; None while one is missing."""
    words = [one for one in written if _is_decision(one, round_)]
    if any(one.opinion.approve is False for one in words):
        return AdmissionStep.DECLINE
    if {one.side for one in words} == set(Side):
        return AdmissionStep.APPROVE
    return None


def _is_decision(one: Assessment, round_: int) -> bool:
    return one.kind is AssessmentKind.DECISION and one.round == round_


def _track(name: str, key: str, found: object) -> Track:
    match found:
        case {
            "sponsor": bool(sponsor),
            "threshold": int() | float() as threshold,
            "minimum": int(minimum),
            "criteria": dict(criteria),
        } if criteria:
            return Track(
                id=key,
                sponsor=sponsor,
                threshold=float(threshold),
                minimum=minimum,
                criteria=tuple(
                    Criterion(id=str(one), weight=int(said["weight"]), question=said["question"])
                    for one, said in criteria.items()
                ),
            )
        case _:
            raise PolicyError(f"the track {key} of {name} cannot be read")
