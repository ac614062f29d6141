"""Whether an advisory may go out, and what goes out then.

In: a case, what validate found, the facts of the advisory and the instant. Out: refusals, or the
documents. Refused, with every reason at once: before the embargo's instant, without the vendor's
word or an agreed date, against the vendor's word, for a finding that is contradicted, and when no
honest document can be made. A missing fix is no reason: the advisory then says that none is known.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clearhouse.clearing.coordinate.record import Case, Outcome
from clearhouse.clearing.coordinate.rules import utc
from clearhouse.clearing.publish import content as contents
from clearhouse.clearing.publish import forms
from clearhouse.clearing.publish.record import AdvisoryFacts, Documents, Refusal

_AGREES: Final = frozenset({Outcome.ACCEPTED, Outcome.FIX_RELEASED})


def advisory_id(year: int, number: int) -> str:
    """Return the id of the advisory that is the `number`-th of a year, counted from 1."""
    return f"CLR-{year:04d}-{number:05d}"


def year_and_number(id_: str) -> tuple[int, int]:
    """Return the year and the number of an advisory id."""
    _, year, number = id_.split("-")
    return int(year), int(number)


def cve_of(bodies: Mapping[str, bytes]) -> str | None:
    """Return the CVE id that published documents give the flaw."""
    aliases = json.loads(bodies["osv"]).get("aliases", [])
    return next((str(one) for one in aliases if str(one).startswith("CVE-")), None)


def may_publish(case: Case, *, contradicted: bool, at: datetime) -> tuple[Refusal, ...]:
    """Return every reason for which the case may not be published now; none when it may."""
    return tuple(_against(case, contradicted=contradicted, at=at))


def _against(case: Case, *, contradicted: bool, at: datetime) -> Iterator[Refusal]:
    if case.embargo.holds(at) and case.embargo.instant is not None:
        until = f"{utc(case.embargo.instant)} by rule {case.embargo.rule}"
        yield Refusal(code="embargo", reason=f"the embargo holds until {until}")
    if contradicted:
        yield Refusal(code="contradicted", reason="a claim of the finding is contradicted")
    said = [case.latest_verdict(vendor.id) for vendor in case.vendors]
    outcomes = {verdict.outcome for verdict in said if verdict is not None}
    if not outcomes & _AGREES:
        if Outcome.REJECTED in outcomes:
            yield Refusal(code="rejected", reason="the vendor rejects it, and owns the verdict")
        elif case.embargo.facts.negotiated is None:
            reason = "the vendor has neither accepted it nor agreed to a date"
            yield Refusal(code="no-verdict", reason=reason)


def documents(facts: AdvisoryFacts) -> Documents | tuple[Refusal, ...]:
    """Return the advisory in every format, or every reason for which it cannot be made."""
    content = contents.read(facts)
    if isinstance(content, tuple):
        return content
    made = forms.make_all(content)
    faults = [f"{name} {fault}" for name, one in made.items() for fault in one.faults]
    if faults:
        return tuple(Refusal(code="document", reason=fault) for fault in faults)
    return Documents(
        id=facts.id,
        revision=len(facts.revisions),
        bodies={name: one.body for name, one in made.items()},
        left_out=content.left_out,
    )
