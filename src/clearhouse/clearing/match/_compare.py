"""Finds the earlier reports worth comparing with a new one, and compares them.

Runs in a transaction of the house's machinery, which alone may search the index. Everything is
compared by keyed sketches; what an earlier report says is opened only where a shared key may prove
that the two are one bug.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake.operations import load
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import _index, _store
from clearhouse.clearing.match.evidence import after_fix, key_reasons, rivals
from clearhouse.clearing.match.explanation import explain
from clearhouse.clearing.match.keyed import KeyedFeatures, keyed, number
from clearhouse.clearing.match.model import Model, model
from clearhouse.clearing.match.pairing import FIRST_LOOK, Query, Side, Weights
from clearhouse.clearing.match.ranking import Candidate, Ranked, query, rank
from clearhouse.clearing.match.record import Band, Features, Suggestion
from clearhouse.clearing.match.retrieval import asked_under, filed_under, filing_tokens, weigh
from clearhouse.clearing.match.rules import Ruling, features, proof
from clearhouse.clearing.match.sketch import Sketch, Token, keyed_sketch, material, sketch
from clearhouse.formats import cwe
from clearhouse.formats.stacktrace import parse
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

CONTAINED = FIRST_LOOK.index("words shared of shorter")
LEAST_FRAMES = 2
"""A crash with fewer telling frames gives no key: one name alone is shared by many bugs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A report as the matcher holds it, in the clear and as the index sees it."""

    clear: Features
    keyed: KeyedFeatures
    plain: Sketch
    hashed: Sketch
    readable: dict[Token, str]
    """The tokens of the sketch in the clear."""
    filing: dict[str, float]
    numbers: dict[str, int]
    """The keyed numbers of the filing tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What comparing two reports gave."""

    suggestion: Suggestion
    ruling: Ruling
    keyed: bool
    """Whether they share an exact key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """All comparisons of a report, best first, and what the index is to hold of it."""

    comparisons: tuple[Comparison, ...]
    side: Side
    filed: tuple[int, ...]


def read(desk: Desk, draft: Draft) -> Reading:
    """Take from a report what is compared; its files must have been loaded."""
    index_key = desk.keys.index_key()
    clear = _features(desk, draft)
    plain = sketch(material(draft))
    readable: dict[Token, str] = {}

    def hashed(text: str) -> int:
        value = number(index_key, "sketch", text)
        readable[value] = text
        return value

    filing = filing_tokens(plain)
    return Reading(
        clear=clear,
        keyed=keyed(index_key, clear),
        plain=plain,
        hashed=keyed_sketch(plain, hashed),
        readable=readable,
        filing=filing,
        numbers={token: number(index_key, "filed", token) for token in filing},
    )


def compare(
    desk: Desk, machinery: Transaction, reading: Reading, *, but: int | None = None
) -> Found:
    """Compare a report with the earlier ones that share a key or rare words.

    `but` is the serial number of the report itself when it is already in the index.
    """
    trained = model()
    reports = _index.size(machinery)
    by_number = _index.held(machinery, reading.numbers.values())
    held = {t: by_number[n] for t, n in reading.numbers.items() if n in by_number}
    asked = asked_under(reading.filing, held, reports, trained.background)
    near = _index.nearest(
        machinery, {reading.numbers[t]: weight for t, weight in asked.items()}, but=but
    )
    holders = _index.key_holders(machinery, list(reading.keyed.keys), but=but)
    near += _missing(near, _index.sides_of(machinery, list(holders)))
    weights = _hashed_weights(reading, held, reports, trained)
    prepared = query(reading.hashed, weights, _class_weights(desk.keys.index_key()), near)
    by_serial = {candidate.number: candidate for candidate in near}
    serials = _index.reports_of(machinery, list(by_serial))
    forced = [serial for serial, report in serials.items() if report in holders]
    ranked = rank(trained, prepared, near, always=forced)
    opened = _open(desk, machinery, reading, holders)
    places = _store.places(machinery, list(serials.values()))
    compared = [
        _comparison(
            prepared,
            by_serial[one.number].whole(),
            one,
            reading,
            opened,
            places[serials[one.number]],
            trained,
        )
        for one in ranked
        if one.number in serials and serials[one.number] in places
    ]
    return Found(
        comparisons=tuple(sorted(compared, key=_best_first)),
        side=prepared.side,
        filed=tuple(reading.numbers[t] for t in filed_under(reading.filing, trained.background)),
    )


def suggestions(found: Iterable[Comparison]) -> tuple[Suggestion, ...]:
    """Keep the comparisons that are worth a look, without those already proven."""
    return tuple(
        one.suggestion
        for one in found
        if not one.ruling.proven and (one.keyed or one.suggestion.band is not Band.UNRELATED)
    )


def _comparison(  # everything that is known of one candidate comes together here
    prepared: Query,
    old: Side,
    ranked: Ranked,
    reading: Reading,
    opened: dict[ReportId, Features],
    place: _store.Place,
    trained: Model,
) -> Comparison:
    known = opened.get(place.report_id)
    reasons = explain(prepared, old, reading.readable)
    if known is None:
        ruling = Ruling(proven=False, reasons=())
    else:
        contained = ranked.numbers[CONTAINED]
        contradicted = bool(place.contradicted)
        ruling = proof(reading.clear, known, contained=contained, contradicted=contradicted)
        said = (*rivals(reading.clear, known), *after_fix(reading.clear, known))
        reasons = (*key_reasons(reading.clear, known), *said, *reasons)
    return Comparison(
        suggestion=Suggestion(
            report=place.report_id,
            score=round(ranked.probability, 4),
            band=trained.band(ranked.probability),
            reasons=reasons,
        ),
        ruling=ruling,
        keyed=known is not None,
    )


def _best_first(one: Comparison) -> tuple[bool, bool, float, str]:
    return not one.ruling.proven, not one.keyed, -one.suggestion.score, one.suggestion.report


def _missing(near: list[Candidate], sides: dict[int, Side]) -> list[Candidate]:
    """Make candidates of those that share a key and that retrieval did not find."""
    known = {candidate.number for candidate in near}
    least = near[-1].score if near else 0.0
    return [
        Candidate(number=serial, side=side, score=least)
        for serial, side in sorted(sides.items())
        if serial not in known
    ]


def _hashed_weights(
    reading: Reading, held: dict[str, int], reports: int, trained: Model
) -> Weights:
    plain = weigh(reading.plain, held, reports, trained.background)
    return {value: plain[text] for value, text in reading.readable.items() if text in plain}


@lru_cache(maxsize=4)
def _class_weights(index_key: bytes) -> Weights:
    return {number(index_key, "sketch", str(c)): w for c, w in model().classes.items()}


def _open(
    desk: Desk, machinery: Transaction, reading: Reading, holders: dict[ReportId, list[bytes]]
) -> dict[ReportId, Features]:
    """Open the reports that share a key; keys of their files are known by their hash alone."""
    found = {}
    for report in load(desk, machinery, list(holders)):
        shared = (reading.keyed.keys[value] for value in holders[report.report_id])
        own = _features(desk, report.content)
        found[report.report_id] = replace(own, keys=tuple(sorted({*own.keys, *shared})))
    return found


def _features(desk: Desk, draft: Draft) -> Features:
    known = current(desk.known_folder)
    crash = crash_key(draft.crash_log) if draft.crash_log else None
    return features(draft, family=family, canonical_id=canonical_id(known), crash=crash)


def crash_key(log: str) -> str | None:
    """Return what stands for the crash of a log, None when it tells too little."""
    crash = parse(log)
    if len(crash.state) < LEAST_FRAMES:
        return None
    return "|".join(((crash.type or "").split("\n")[0], *crash.state))


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
