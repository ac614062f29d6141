"""Messages of the Vultron protocol, put together into the cases that they tell of.

In: documents, in the order in which they came. Out: every case with its parties, their states,
its embargo and its notes, and for each message what it meant and whether it changed anything.
Refused: documents that are not of the protocol (`VultronError`). What a state machine does not draw
changes nothing and is kept with the reason, as is what names an object that nobody has sent.
A message about a report counts for the case that the report is put into, before or after.
Source: CERT/CC Vultron, specifications VAM, SM and CM.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate.embargo import EmbargoFacts, compute
from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy
from clearhouse.clearing.coordinate.record import Case, Party, PartyRole
from clearhouse.clearing.coordinate.told import (
    Known,
    ToldCase,
    ToldParty,
    context_of,
    object_of,
    tell,
)
from clearhouse.formats import vultron, vultron_reading
from clearhouse.formats.vultron import Activity, Kind, Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Correspondence:
    """Everything that a sequence of messages tells."""

    actors: Mapping[str, str]
    """Names by id."""
    cases: Mapping[str, ToldCase]
    elsewhere: tuple[str, ...]
    """Ids of messages that concern no case so far: reports that no case holds."""


def read(documents: Iterable[object]) -> Correspondence:
    """Put messages together.

    Raises: VultronError for a document that is not of the protocol.
    """
    messages = [vultron_reading.read(document) for document in documents]
    known = Known.of(messages)
    cases = {id_: ToldCase(id=id_) for id_, kind in known.kinds.items() if kind is Kind.CASE}
    held = _reports_held(messages, known, cases)
    elsewhere = []
    for message in messages:
        places = _places(message, known, held)
        for place in places:
            cases[place] = tell(cases[place], message, known)
        if not places and not isinstance(message, vultron.Organisation):
            elsewhere.append(message.id)
    return Correspondence(actors=known.names, cases=cases, elsewhere=tuple(elsewhere))


def as_case(told: ToldCase, policy: EmbargoPolicy, *, opened_at: datetime) -> Case:
    """Return a told case as one of ours, its embargo computed by our policy.

    What the others agreed on counts as the negotiated date; our caps still hold.
    """
    since = told.world_since or opened_at
    agreed = told.embargo.ends if told.embargo and told.situation.embargo_in_force else None
    facts = EmbargoFacts(
        received_at=told.received_at or opened_at,
        negotiated=agreed,
        public_since=since if "P" in told.world else None,
        exploit_public_since=since if "X" in told.world else None,
        exploited_since=since if "A" in told.world else None,
    )
    return Case(
        id=told.id,
        findings=told.reports,
        purl=None,
        opened_at=opened_at,
        embargo=compute(policy, facts),
        embargo_state=told.embargo_state,
        parties=tuple(_party(one) for one in told.parties.values()),
    )


_ROLES = {
    "vendor": PartyRole.VENDOR,
    "coordinator": PartyRole.COORDINATOR,
    "finder": PartyRole.FINDER,
    "reporter": PartyRole.FINDER,
    "deployer": PartyRole.DISTRIBUTOR,
}


def _party(told: ToldParty) -> Party:
    role = next((_ROLES[one] for one in _ROLES if one in told.roles), PartyRole.OTHER)
    return Party(id=told.actor, role=role, name=told.name, report=told.report, consent=told.consent)


def _reports_held(
    messages: Iterable[Message], known: Known, cases: Mapping[str, ToldCase]
) -> dict[str, list[str]]:
    """Return the cases that hold each report, whenever it was put there."""
    held: dict[str, list[str]] = {}
    for message in messages:
        if isinstance(message, vultron.VulnerabilityCase):
            for report in message.reports:
                held.setdefault(report, []).append(message.id)
        elif isinstance(message, Activity):
            if vultron.semantic(message, known.kinds) == "add-report" and message.target in cases:
                held.setdefault(object_of(message), []).append(str(message.target))
        elif isinstance(message, vultron.Report) and message.context in cases:
            held.setdefault(message.id, []).append(str(message.context))
    return held


def _places(message: Message, known: Known, held: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return the cases that a message concerns."""
    if isinstance(message, vultron.VulnerabilityCase):
        return (message.id,)
    if isinstance(message, vultron.Report):
        return tuple(dict.fromkeys(held.get(message.id, [])))
    if isinstance(message, Activity):
        return _places_of_activity(message, known, held)
    context = context_of(message)
    if context in held:  # a state that is told of a report, not of a case
        return tuple(dict.fromkeys(held[context]))
    return (context,) if known.is_case(context) else ()


def _places_of_activity(
    activity: Activity, known: Known, held: Mapping[str, list[str]]
) -> tuple[str, ...]:
    object_id = object_of(activity)
    if object_id in held:
        return tuple(dict.fromkeys(held[object_id]))
    inner = activity.object
    about = (
        inner if inner is not None and not isinstance(inner, str) else known.things.get(object_id)
    )
    if isinstance(about, Activity):  # an answer, or an announcement, of an earlier one
        return _places_of_activity(about, known, held)
    named = (
        object_id,
        context_of(about),
        activity.target,
        activity.context,
        activity.origin,
    )
    found = next((one for one in named if known.is_case(one)), None)
    return () if found is None else (found,)
