"""Finds the earlier reports worth comparing with a new one, and compares them.

Runs in a transaction of the house's machinery, which alone may search the index. Candidates come
out of the keyed index; what they say is opened only for the few that are compared.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake.operations import load
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import _store
from clearhouse.clearing.match.keyed import KeyedFeatures, keyed, number
from clearhouse.clearing.match.record import Features, Suggestion
from clearhouse.clearing.match.rules import Ruling, features, proof
from clearhouse.clearing.match.similarity import SUGGEST_AT, Frequencies, compare, overlap
from clearhouse.formats import cwe
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

CANDIDATES = 20
"""How many earlier reports are opened and compared."""
SHOWN = 10
"""How many of them are suggested at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A report as the matcher holds it, in the clear and as the index sees it."""

    clear: Features
    keyed: KeyedFeatures


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What comparing two reports gave."""

    suggestion: Suggestion
    ruling: Ruling


def read(desk: Desk, draft: Draft) -> Reading:
    """Take the features of a report; its files must have been loaded."""
    clear = _features(desk, draft)
    return Reading(clear=clear, keyed=keyed(desk.keys.index_key(), clear))


def comparisons(
    desk: Desk, machinery: Transaction, reading: Reading, *, but: int | None = None
) -> list[Comparison]:
    """Compare a report with the earlier ones that share a key or rare words, best first.

    `but` is the serial number of the report itself when it is already in the index.
    """
    total, counts = _store.frequencies(machinery, list(reading.keyed.tokens))
    holders = _store.key_holders(machinery, list(reading.keyed.keys), but=but)
    near: list[ReportId] = []
    if reading.keyed.package is not None:
        prior = Frequencies(reports=total, counts={str(t): n for t, n in counts.items()})
        weights = {token: prior.weight(str(token)) for token in counts}
        near = _store.nearest(machinery, reading.keyed.package, weights, but=but, limit=CANDIDATES)
    old = _open(desk, machinery, [*holders, *near])
    for report_id, hashes in holders.items():
        shared = {*old[report_id].keys, *(reading.keyed.keys[value] for value in hashes)}
        old[report_id] = replace(old[report_id], keys=tuple(sorted(shared)))
    table = _table(desk, machinery, [reading.clear, *old.values()], total)
    contradicted = {i: bool(p.contradicted) for i, p in _store.places(machinery, list(old)).items()}
    found = [_compare(reading.clear, old[i], i, table, contradicted[i]) for i in old]
    return sorted(found, key=lambda c: (-c.suggestion.score, c.suggestion.report))


def suggestions(found: Iterable[Comparison]) -> tuple[Suggestion, ...]:
    """Keep the comparisons that are worth a look, without those already proven."""
    worth = [c.suggestion for c in found if not c.ruling.proven]
    return tuple(s for s in worth if s.score >= SUGGEST_AT)[:SHOWN]


def _compare(
    new: Features, old: Features, report_id: ReportId, table: Frequencies, contradicted: bool
) -> Comparison:
    contained = overlap(new, old, table).contained
    return Comparison(
        suggestion=compare(new, old, report_id, table),
        ruling=proof(new, old, contained=contained, contradicted=contradicted),
    )


def _open(
    desk: Desk, machinery: Transaction, report_ids: list[ReportId]
) -> dict[ReportId, Features]:
    reports = load(desk, machinery, list(dict.fromkeys(report_ids)))
    return {report.report_id: _features(desk, report.content) for report in reports}


def _table(
    desk: Desk, machinery: Transaction, documents: list[Features], total: int
) -> Frequencies:
    """Look up in how many reports each token of these documents occurs."""
    index_key = desk.keys.index_key()
    tokens = {token for document in documents for token in document.tokens}
    hashed = {number(index_key, "token", token): token for token in tokens}
    _, counts = _store.frequencies(machinery, list(hashed))
    return Frequencies(reports=total, counts={hashed[value]: n for value, n in counts.items()})


def _features(desk: Desk, draft: Draft) -> Features:
    known = current(desk.known_folder)
    return features(draft, family=family, canonical_id=canonical_id(known))


def family(text: str) -> str:
    """Return the family of a CWE id; what is no CWE id is a family of its own."""
    try:
        return cwe.family(text)
    except cwe.CweError:
        return text.upper()


def canonical_id(known: Known) -> Callable[[str], str]:
    """Return a function from a public id to the one that stands for all its known aliases."""
    return partial(_canonical, known)


def _canonical(known: Known, name: str) -> str:
    record = known.by_id(name)
    if record is None:
        return name
    ids = sorted(one.upper() for one in record.ids)
    return next((one for one in ids if one.startswith("CVE-")), ids[0])
