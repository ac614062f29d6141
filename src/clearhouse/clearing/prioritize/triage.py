"""The decision tables of SSVC and CISA, with every input told and every assumption marked.

In: `PriorityFacts` and the tables in force. Out: one `Answer` per table. An input that nobody
stated takes the value that the assumptions policy gives it; the answer then also lists every
outcome that some other value would have given, so that a guess never passes for a decision.

Source: CERT/CC SSVC 2, coordinator triage, utility, public safety impact; CISA BOD 26-04; CISA
coordinator 2.0.3.
"""

from collections.abc import Mapping
from dataclasses import replace

from clearhouse.clearing.prioritize.axes import best_score, impact_word, reach_word
from clearhouse.clearing.prioritize.record import (
    Answer,
    Exploit,
    ExploitLevel,
    Input,
    PriorityFacts,
)
from clearhouse.clearing.prioritize.tables import Tables
from clearhouse.clearing.validate.record import Level, VerdictKind
from clearhouse.formats.ssvc import DecisionTable

_Stated = tuple[str, str] | None
"""A value key and the reason for it, or nothing."""


def coordinator_triage(facts: PriorityFacts, tables: Tables) -> Answer:
    """Answer whether a coordinator should act on the finding."""
    utility = answer(
        tables.utility,
        {"ssvc:A:2.0.0": _automatable(facts), "ssvc:VD:1.0.0": _value_density(facts)},
        tables,
    )
    safety = answer(tables.safety, {"ssvc:SI:2.0.1": _safety(facts)}, tables)
    stated: dict[str, _Stated] = {
        "ssvc:RP:1.0.0": _public(facts),
        "ssvc:SCON:1.0.0": _flag(
            facts.supplier_contacted, "the supplier was {}contacted", "Y", "N"
        ),
        "ssvc:RC:1.0.0": _credible(facts),
        "ssvc:SC:1.0.0": _cardinality(facts),
        "ssvc:SE:1.0.0": _flag(facts.supplier_engaged, "the supplier is {}answering", "A", "U"),
    }
    derived = {"ssvc:U:1.0.1": utility, "ssvc:PSI:2.0.1": safety}
    return answer(tables.triage, stated, tables, derived)


def remediation(facts: PriorityFacts, tables: Tables, *, exposed: bool) -> Answer:
    """Answer by when BOD 26-04 asks for the fix, for an asset that is publicly exposed or not."""
    asked = "if the asset is publicly exposed" if exposed else "if the asset is not exposed"
    stated: dict[str, _Stated] = {
        "cisa:PE:1.0.0": ("Y" if exposed else "N", f"{asked}: the operator knows"),
        "cisa:KEV:1.0.0": _kev(facts),
        "ssvc:A:2.0.0": _automatable(facts),
        "ssvc:TI:1.0.0": _impact(facts),
    }
    return answer(tables.remediation, stated, tables)


def attention(facts: PriorityFacts, exploit: Exploit, tables: Tables) -> tuple[Answer, ...]:
    """Answer CISA's tree for low, medium and high impact on mission and well-being."""
    point = next(one for one in tables.attention.points if one.id == "ssvc:MWI:1.0.0")
    stated: dict[str, _Stated] = {
        "ssvc:E:1.1.0": _exploitation(facts, exploit),
        "ssvc:A:2.0.0": _automatable(facts),
        "ssvc:TI:1.0.0": _impact(facts),
    }
    return tuple(
        answer(
            tables.attention,
            {**stated, point.id: (key, f"if the impact on missions is {name.lower()}")},
            tables,
        )
        for key, name in point.values
    )


def answer(
    table: DecisionTable,
    stated: Mapping[str, _Stated],
    tables: Tables,
    derived: Mapping[str, Answer] | None = None,
) -> Answer:
    """Ask a table, filling what nobody stated from the assumptions."""
    derived = derived or {}
    inputs = tuple(
        _from_answer(point.id, point.name, derived[point.id])
        if point.id in derived
        else _input(point.id, point.name, dict(point.values), stated[point.id], tables)
        for point in table.points
    )
    key = table.decide({one.point: one.key for one in inputs})
    open_points = {
        one.point: _possible_keys(table, one, derived) if one.assumed else (one.key,)
        for one in inputs
    }
    return Answer(
        table=table.id,
        name=table.name,
        key=key,
        outcome=table.outcome.name_of(key),
        inputs=inputs,
        possible=tuple(table.outcome.name_of(one) for one in table.possible(open_points)),
    )


def _input(
    point: str, name: str, values: Mapping[str, str], stated: _Stated, tables: Tables
) -> Input:
    assumption = tables.assumptions.get(point)
    if stated is not None:
        key, reason = stated
        return Input(point=point, name=name, key=key, value=values[key], reason=reason)
    if assumption is None:
        raise AssertionError(f"{point} is neither stated nor assumed")
    return Input(
        point=point,
        name=name,
        key=assumption.key,
        value=values[assumption.key],
        reason=assumption.because,
        assumed=True,
    )


def _from_answer(point: str, name: str, found: Answer) -> Input:
    """Return the input that another table's answer gives."""
    told = ", ".join(f"{one.name} {one.value.lower()}: {one.reason}" for one in found.inputs)
    given = Input(point=point, name=name, key=found.key, value=found.outcome, reason=told)
    return replace(given, assumed=bool(found.assumed))


def _possible_keys(
    table: DecisionTable, one: Input, derived: Mapping[str, Answer]
) -> tuple[str, ...]:
    point = next(point for point in table.points if point.id == one.point)
    if one.point not in derived:
        return point.keys
    return tuple(key for key, name in point.values if name in derived[one.point].possible)


def _public(facts: PriorityFacts) -> _Stated:
    if facts.public_record is not None:
        return "Y", f"{facts.public_record} is published"
    return _flag(facts.public, "a report says that the flaw is {}public", "Y", "N")


def _credible(facts: PriorityFacts) -> _Stated:
    if facts.verdict is VerdictKind.CONTRADICTED:
        return "NC", "a claim of the report is contradicted"
    if facts.level is not None and facts.level >= Level.E1:
        return "C", f"evidence {facts.level.name}: {facts.level.label}"
    return None


def _cardinality(facts: PriorityFacts) -> _Stated:
    count = len(set(facts.packages))
    if count == 0:
        return None
    return ("M", f"{count} packages are named") if count > 1 else ("O", "one package is named")


def _automatable(facts: PriorityFacts) -> _Stated:
    if facts.automatable is not None:
        return _flag(facts.automatable, "assessed as {}automatable", "Y", "N")
    score = best_score(facts)
    if score is None:
        return None
    stated = score.metric("AU") if score.version == "4.0" else None
    if stated in {"Y", "N"}:
        return stated, "the vector says so (AU)"
    if reach_word(score) == "open":
        return "Y", "by the vector anybody on the network can attack alone"
    return "N", "by the vector an attacker needs access, privileges, conditions or a user's help"


def _value_density(facts: PriorityFacts) -> _Stated:
    return _flag(facts.value_concentrated, "what it guards is {}rich", "C", "D")


def _safety(facts: PriorityFacts) -> _Stated:
    return None if facts.safety_impact is None else (facts.safety_impact, "assessed by a person")


def _kev(facts: PriorityFacts) -> _Stated:
    if facts.kev is not None:
        return "Y", f"{facts.kev.id} is listed since {facts.kev.added}"
    return ("N", "not in the catalogue at hand") if facts.kev_checked else None


def _impact(facts: PriorityFacts) -> _Stated:
    score = best_score(facts)
    word = impact_word(facts, score)
    basis = "the vector" if score is not None else "the kind of weakness"
    return None if word == "unknown" else (word[0].upper(), f"{word} by {basis}")


def _exploitation(facts: PriorityFacts, exploit: Exploit) -> _Stated:
    if exploit.value in {ExploitLevel.KEV, ExploitLevel.ACTIVE}:
        return "A", exploit.reason
    if facts.public and exploit.value in {ExploitLevel.POC, ExploitLevel.DEMONSTRATED}:
        return "P", f"the flaw is public and {exploit.reason}"
    return None


def _flag(value: bool | None, sentence: str, yes: str, no: str) -> _Stated:
    if value is None:
        return None
    return (yes if value else no), sentence.format("" if value else "not ")
