"""The policies of prioritize, read once and checked: decision tables, assumptions, queue.

In: the documents below `policies/priority/`. Out: one frozen `Tables`. Refused with `PolicyError`:
a document with a fact, value, band or decision point that does not exist, or a queue that leaves
some finding without a band.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, cast

from clearhouse.clearing.prioritize.record import Band, ExploitLevel
from clearhouse.clearing.validate.record import Level, VerdictKind
from clearhouse.formats.cvss import Rating
from clearhouse.formats.ssvc import DecisionTable, SsvcError, table_of
from clearhouse.kernel.policy import PolicyError, load

_YES_NO: Final = frozenset({"yes", "no"})
_THREE: Final = _YES_NO | {"unknown"}

CONDITIONS: Final[Mapping[str, frozenset[str]]] = {
    "exploit": frozenset(ExploitLevel),
    "fixed": _THREE,
    "impact": frozenset({"total", "partial", "unknown"}),
    "level": frozenset({"none", *(level.name for level in Level)}),
    "package": _YES_NO,
    "proof": _YES_NO,
    "public": _THREE,
    "rating": frozenset({*Rating, "unknown"}),
    "reach": frozenset({"open", "limited", "unknown"}),
    "trigger": _YES_NO,
    "verdict": frozenset(VerdictKind),
}
"""The facts that a queue rule may ask for, and the values that they can have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRule:
    """One rule of the queue: all conditions hold, so this band."""

    name: str
    band: Band
    when: tuple[tuple[str, frozenset[str]], ...]
    because: str

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Answer whether every condition fits."""
        return all(facts[name] in values for name, values in self.when)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePolicy:
    """Bands, rules and order of one version."""

    name: str
    """Id and version, as decisions cite it."""
    within_hours: Mapping[Band, int]
    rules: tuple[QueueRule, ...]
    severity_order: tuple[str, ...]
    """Ratings and `unknown`, the first in the queue first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumption:
    """What a decision point counts as while nobody has said anything."""

    key: str
    because: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """Everything versioned that a priority is decided by."""

    triage: DecisionTable
    utility: DecisionTable
    safety: DecisionTable
    remediation: DecisionTable
    attention: DecisionTable
    assumptions: Mapping[str, Assumption]
    assumptions_name: str
    queue: QueuePolicy

    @property
    def versions(self) -> tuple[str, ...]:
        """Id and version of each."""
        tables = (self.triage, self.utility, self.safety, self.remediation, self.attention)
        return (*(table.id for table in tables), self.assumptions_name, self.queue.name)


@cache
def current() -> Tables:
    """Return the tables in force.

    Raises: `PolicyError` when a document is missing or says what cannot be.
    """
    tables = {
        "triage": _table("ssvc-coordinator-triage-1.0.0"),
        "utility": _table("ssvc-utility-1.0.0"),
        "safety": _table("ssvc-public-safety-impact-1.0.0"),
        "remediation": _table("cisa-bod-26-04-1.0.0"),
        "attention": _table("cisa-coordinator-2.0.3"),
    }
    document = load("priority/assumptions-1")
    return Tables(
        **tables,
        assumptions=read_assumptions(document, tables.values()),
        assumptions_name=_name(document),
        queue=read_queue(load("priority/queue-1")),
    )


def read_queue(document: Mapping[str, object]) -> QueuePolicy:
    """Return the queue policy that a document holds.

    Raises: `PolicyError` naming every fault.
    """
    name = _name(document)
    try:
        bands = cast("list[Mapping[str, object]]", document["bands"])
        listed = cast("list[Mapping[str, object]]", document["rules"])
        policy = QueuePolicy(
            name=name,
            within_hours={Band(str(one["name"])): int(str(one["within_hours"])) for one in bands},
            rules=tuple(_rule(one) for one in listed),
            severity_order=tuple(map(str, cast("list[object]", document["severity_order"]))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PolicyError(f"{name} has not the shape of a queue policy: {error}") from error
    faults = _faults(policy)
    if faults:
        raise PolicyError(f"{name}: {'; '.join(faults)}")
    return policy


def read_assumptions(
    document: Mapping[str, object], tables: Iterable[DecisionTable]
) -> Mapping[str, Assumption]:
    """Return the assumption for each decision point.

    Raises: `PolicyError` for a point or value that no table has.
    """
    known = {point.id: point.keys for table in tables for point in table.points}
    try:
        points = cast("Mapping[str, Mapping[str, str]]", document["points"])
        found = {
            point: Assumption(key=fields["value"], because=fields["because"])
            for point, fields in points.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise PolicyError(f"{_name(document)} has not the shape of assumptions: {error}") from error
    wrong = [point for point, one in found.items() if one.key not in known.get(point, ())]
    if wrong:
        raise PolicyError(f"{_name(document)} assumes what no table has: {', '.join(wrong)}")
    return found


def _table(name: str) -> DecisionTable:
    try:
        return table_of(load(f"priority/{name}"))
    except SsvcError as error:
        raise PolicyError(f"the policy priority/{name} is no decision table: {error}") from error


def _name(document: Mapping[str, object]) -> str:
    return f"{document['id']}/{document['version']}"


def _rule(fields: Mapping[str, object]) -> QueueRule:
    when = cast("Mapping[str, list[str]]", fields["when"])
    return QueueRule(
        name=str(fields["rule"]),
        band=Band(str(fields["band"])),
        when=tuple((name, frozenset(map(str, values))) for name, values in when.items()),
        because=str(fields["because"]),
    )


def _faults(policy: QueuePolicy) -> list[str]:
    faults = [f"band {band} has no time" for band in Band if band not in policy.within_hours]
    for rule in policy.rules:
        for name, values in rule.when:
            stray = values - CONDITIONS.get(name, frozenset())
            if stray or not values:
                faults.append(f"rule {rule.name} asks {name} for {sorted(stray)}")
    if not policy.rules or policy.rules[-1].when:
        faults.append("the last rule has a condition, so some finding would have no band")
    if sorted(policy.severity_order) != sorted({*Rating, "unknown"}):
        faults.append("severity_order does not name every rating and unknown once")
    return faults
