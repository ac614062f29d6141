"""By when a flaw must be fixed on an asset: CISA BOD 26-04, SSVC deployer, forensic triage.

In: what is published of a flaw, whether it is in a catalogue of exploited ones, and how exposed and
how vital the asset is. Out: one `Urgency`, with every input told and every assumption marked; a
guess never passes for a decision. Pure, apart from the policies.

Days count from the day on which the flaw entered the catalogue, else from its publication; the
clocks of a forensic triage count from the moment at which the operator learns of it.

Source: CISA BOD 26-04, cisa:DT_BOD2604:1.0.0; SSVC, ssvc:DT_DP:1.0.0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final, cast

from clearhouse.clearing.coordinate import deadlines as clocks
from clearhouse.clearing.deliver.watch.record import Clock, Urgency
from clearhouse.clearing.intake.record import ExploitState
from clearhouse.clearing.prioritize import tables as priority
from clearhouse.clearing.prioritize import triage
from clearhouse.clearing.prioritize.record import (
    Answer,
    Input,
    KevListing,
    PriorityFacts,
    VectorClaim,
    VectorSource,
)
from clearhouse.formats.cwe import CweError, family
from clearhouse.formats.inventory import Exposure, HumanImpact
from clearhouse.formats.ssvc import DecisionTable, table_of
from clearhouse.kernel.policy import PolicyError, load

_POLICY: Final = "deliver/operator-1"
_FORENSIC: Final = "3DF"


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What is public of one flaw and decides how urgent it is."""

    id: str
    published: datetime | None
    vectors: tuple[str, ...] = ()
    cwes: tuple[str, ...] = ()
    kev: KevListing | None = None
    kev_checked: bool = False
    exploited: bool = False
    """Whether a document says that exploitation was observed."""
    demonstrated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    """The operator's policy with the tables that it leads to."""

    name: str
    tables: priority.Tables
    deployer: DecisionTable
    exposures: Mapping[str, Mapping[str, str]]
    impacts: Mapping[str, str]
    days: Mapping[str, int | None]
    words: Mapping[str, str]
    cannot_patch: Mapping[str, str]


@cache
def operator() -> Operator:
    """Return the policy in force.

    Raises: PolicyError when it lacks an exposure, an impact, or an outcome of the table.
    """
    document = load(_POLICY)
    tables = priority.current()
    deployer = table_of(load("priority/ssvc-deployer-patch-1.0.0"))
    own = priority.read_assumptions(document, (tables.remediation, deployer))
    found = Operator(
        name=f"{document['id']}/{document['version']}",
        tables=replace(tables, assumptions={**tables.assumptions, **own}),
        deployer=deployer,
        exposures=cast("Mapping[str, Mapping[str, str]]", document["exposures"]),
        impacts=cast("Mapping[str, str]", document["impacts"]),
        days=cast("Mapping[str, int | None]", document["days"]),
        words=cast("Mapping[str, str]", document["words"]),
        cannot_patch=cast("Mapping[str, str]", document["cannot_patch"]),
    )
    outcomes = set(tables.remediation.outcome.keys)
    whole = (
        found.exposures.keys() == set(Exposure) == found.cannot_patch.keys()
        and found.impacts.keys() == set(HumanImpact)
        and found.days.keys() == outcomes == found.words.keys()
    )
    if not whole:
        raise PolicyError(f"{found.name} does not name every exposure, impact and outcome once")
    return found


def urgency(
    flaw: Published,
    *,
    exposure: Exposure | None,
    human_impact: HumanImpact | None,
    at: datetime,
) -> Urgency:
    """Return by when one asset needs the fix."""
    policy = operator()
    # Many flaws differ in nothing that a table asks for, so the tables are asked once for all.
    alike = replace(flaw, id="", published=None)
    remediation, deployer = _answers(alike, exposure, human_impact)
    start = _start(flaw, at)
    days = policy.days[remediation.key]
    return Urgency(
        exposure=exposure,
        human_impact=human_impact,
        remediation=remediation,
        deployer=deployer,
        counted_from=start,
        due=None if days is None else start + timedelta(days=days),
        words=policy.words[remediation.key],
        forensics=_forensics(at) if remediation.key == _FORENSIC else (),
        fallback=policy.cannot_patch[exposure or Exposure.OPEN],
    )


def rank(found: Urgency, at: datetime) -> tuple[date, int, int]:
    """Return what sorts urgencies: what is late is due today, then the graver outcome first."""
    table = operator()
    remediation = table.tables.remediation.outcome.keys
    deployer = table.deployer.outcome.keys
    return (
        max(found.due or date.max, at.astimezone(UTC).date()),
        -remediation.index(found.remediation.key),
        -deployer.index(found.deployer.key),
    )


def policies() -> tuple[str, ...]:
    """Return id and version of everything that a deadline is decided by."""
    policy = operator()
    tables = (policy.tables.remediation.id, policy.deployer.id)
    return (*tables, policy.tables.assumptions_name, policy.name, clocks.in_force().name)


@lru_cache(maxsize=4096)
def _answers(
    flaw: Published, exposure: Exposure | None, human_impact: HumanImpact | None
) -> tuple[Answer, Answer]:
    policy = operator()
    remediation = _remediation(_facts(flaw), exposure, policy)
    return remediation, _deployer(flaw, remediation, exposure, human_impact, policy)


def _facts(flaw: Published) -> PriorityFacts:
    """Return what the tables are asked with; nothing in them depends on when or by which name."""
    return PriorityFacts(
        finding_id=flaw.id,
        first_received=datetime.min.replace(tzinfo=UTC),
        parties=1,
        vectors=tuple(VectorClaim(vector=one, by=VectorSource.VENDOR) for one in flaw.vectors),
        claimed_exploit=ExploitState.ACTIVE if flaw.exploited else ExploitState.UNKNOWN,
        kev=flaw.kev,
        kev_checked=flaw.kev_checked,
        public=True,
        families=_families(flaw.cwes),
    )


def _remediation(facts: PriorityFacts, exposure: Exposure | None, policy: Operator) -> Answer:
    """Ask the table for what holds; with the exposure unknown, for the worse case, and mark it."""
    point = "cisa:PE:1.0.0"
    if exposure is not None:
        exposed = policy.exposures[exposure][point] == "Y"
        found = triage.remediation(facts, policy.tables, exposed=exposed)
        return replace(found, inputs=tuple(_told(one, point, exposure) for one in found.inputs))
    assumed = policy.tables.assumptions[point]
    worst, other = (
        triage.remediation(facts, policy.tables, exposed=exposed)
        for exposed in (assumed.key == "Y", assumed.key != "Y")
    )
    keys = policy.tables.remediation.outcome
    possible = {*worst.possible, *other.possible}
    return replace(
        worst,
        inputs=tuple(
            replace(one, reason=assumed.because, assumed=True) if one.point == point else one
            for one in worst.inputs
        ),
        possible=tuple(name for _, name in keys.values if name in possible),
    )


def _told(one: Input, point: str, exposure: Exposure) -> Input:
    return replace(one, reason=f"the asset's exposure is {exposure}") if one.point == point else one


def _deployer(
    flaw: Published,
    remediation: Answer,
    exposure: Exposure | None,
    human_impact: HumanImpact | None,
    policy: Operator,
) -> Answer:
    automatable = next(one for one in remediation.inputs if one.point == "ssvc:A:2.0.0")
    stated: dict[str, tuple[str, str] | None] = {
        "ssvc:E:1.1.0": _exploitation(flaw),
        "ssvc:EXP:1.0.1": None
        if exposure is None
        else (policy.exposures[exposure]["ssvc:EXP:1.0.1"], f"the asset's exposure is {exposure}"),
        automatable.point: None if automatable.assumed else (automatable.key, automatable.reason),
        "ssvc:HI:2.0.2": None
        if human_impact is None
        else (policy.impacts[human_impact], f"the asset's human impact is {human_impact}"),
    }
    return triage.answer(policy.deployer, stated, policy.tables)


def _exploitation(flaw: Published) -> tuple[str, str] | None:
    if flaw.kev is not None:
        return "A", f"{flaw.kev.id} is listed as exploited since {flaw.kev.added}"
    if flaw.exploited:
        return "A", "a document says that exploitation was observed"
    return ("P", "a document links to a demonstration") if flaw.demonstrated else None


def _start(flaw: Published, at: datetime) -> date:
    if flaw.kev is not None:
        return date.fromisoformat(flaw.kev.added)
    return (flaw.published or at).astimezone(UTC).date()


def _forensics(at: datetime) -> tuple[Clock, ...]:
    return tuple(
        Clock(
            id=one.id,
            sentence=one.sentence,
            due=at + timedelta(hours=one.hours),
            source=one.source,
        )
        for one in clocks.in_force().clocks
        if one.whose == "operator" and one.id.startswith("bod-forensic") and one.hours is not None
    )


def _families(cwes: Sequence[str]) -> tuple[str, ...]:
    found = []
    for cwe in cwes:
        try:
            found.append(family(cwe))
        except CweError:
            continue  # some databases write NVD-CWE-noinfo and the like
    return tuple(dict.fromkeys(one for one in found if one))
