"""Finds the earlier reports worth comparing with a new one, and compares them.

Runs in a transaction of the house's machinery, which alone may search the index. Everything is
compared by keyed sketches; what an earlier report says is opened only where a shared key may prove
that the two are one bug.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake.operations import load
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import _index, _store
from clearhouse.clearing.match.columns import Asking, queries
from clearhouse.clearing.match.evidence import after_fix, key_reasons, rivals
from clearhouse.clearing.match.explanation import ASKED_OF_OLD, explain
from clearhouse.clearing.match.groups import Joining, join_groups
from clearhouse.clearing.match.keyed import KeyedFeatures, Numbers, keyed
from clearhouse.clearing.match.model import Model, model
from clearhouse.clearing.match.packing import pack, unpack
from clearhouse.clearing.match.pairing import FIRST_LOOK, Query, query
from clearhouse.clearing.match.ranking import Candidates, Ranked, rank
from clearhouse.clearing.match.record import Band, ExactKey, Features, Reason, Suggestion
from clearhouse.clearing.match.retrieval import (
    CROWDED,
    NOBODY,
    asked_under,
    entry,
    filed_under,
    filing_tokens,
    name_token,
    nearest,
    weigh,
)
from clearhouse.clearing.match.rules import Ruling, features, proof
from clearhouse.clearing.match.shelf import shelf_of
from clearhouse.clearing.match.sides import Weights, side
from clearhouse.clearing.match.sketch import (
    Sketch,
    Token,
    keyed_sketch,
    material,
    product_names,
    sketch,
)
from clearhouse.formats import cwe
from clearhouse.formats.stacktrace import parse
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_NOT_PROVEN = Ruling(proven=False, reasons=())
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

    place: _store.Place
    """Where the earlier report stands."""
    suggestion: Suggestion
    log_odds: float
    ruling: Ruling
    keyed: bool
    """Whether they share an exact key."""
    companion: bool
    """Whether the new report joins the group of the earlier one, nearest to this one."""

    @property
    def shown(self) -> bool:
        """Say whether it is worth a person's look."""
        return self.keyed or self.companion or self.suggestion.band is not Band.UNRELATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A report to be compared."""

    reading: Reading
    serial: int | None = None
    """Its serial number when it is to be filed; the reports after it then find it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """All comparisons of a report, best first, and what the index is to hold of it."""

    comparisons: tuple[Comparison, ...]
    packed: bytes
    """The report as a side of later comparisons."""
    filed: tuple[int, ...]
    joining: Joining | None
    """The group of earlier reports that it joins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """Where one report looks, and where it files itself."""

    asked: Asked
    held: Mapping[str, int]
    reports: int
    under: Mapping[int, float]
    filed: tuple[int, ...]

    @property
    def entry(self) -> int | None:
        """What stands for it in postings, None when it is not to be filed."""
        serial = self.asked.serial
        return None if serial is None else entry(serial, self.asked.reading.plain)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """One report beside its candidates."""

    reading: Reading
    query: Query | None
    """None when there is no candidate."""
    opened: Mapping[ReportId, Features]
    """The candidates that share a key with it, in the clear."""
    packed: Mapping[int, bytes]
    """The candidates by their serial numbers."""
    joining: Joining | None


def read(desk: Desk, draft: Draft) -> Reading:
    """Take from a report what is compared; its files must have been loaded."""
    return read_all(desk, [draft])[0]


def read_all(desk: Desk, drafts: Iterable[Draft]) -> list[Reading]:
    """Take from reports what is compared; their files must have been loaded."""
    index_key, known = desk.keys.index_key(), current(desk.known_folder)
    return [_read(index_key, known, draft) for draft in drafts]


def _read(index_key: bytes, known: Known, draft: Draft) -> Reading:
    clear = _features(known, draft)
    plain = sketch(material(draft))
    hashing = Numbers(index_key, "sketch")
    hashed = keyed_sketch(plain, hashing.__getitem__)
    filing, filed = filing_tokens(plain), Numbers(index_key, "filed")
    return Reading(
        clear=clear,
        keyed=keyed(index_key, clear),
        plain=plain,
        hashed=hashed,
        readable={number: text for text, number in hashing.items()},
        filing=filing,
        numbers={token: filed[token] for token in filing},
    )


def names(desk: Desk, draft: Draft) -> frozenset[int]:
    """Return under what names a report must not be matched beside another: package, products."""
    index_key = desk.keys.index_key()
    filed = Numbers(index_key, "filed")
    found = {filed[name_token(name)] for name in product_names(material(draft))}
    if draft.purl is not None:
        found.add(Numbers(index_key, "package")[draft.purl])
    return frozenset(found) or frozenset([0])


def compare(desk: Desk, machinery: Transaction, reading: Reading, reader: Transaction) -> Found:
    """Compare a report with the filed ones that share a key or rare words and that `reader` sees.

    What the reader does not see takes no part: it would weigh on the answers about the others.
    """
    return compare_all(desk, machinery, [Asked(reading=reading)], reader)[0]


def compare_all(
    desk: Desk, machinery: Transaction, asked: Sequence[Asked], reader: Transaction | None = None
) -> list[Found]:
    """Compare reports with those filed, and each also with those before it that are to be filed.

    The answers are those of comparing and filing one after the other. Their keys must be filed.
    """
    looks, near = _find(machinery, asked)
    holders = _holders(machinery, asked)
    if reader is not None:
        near, holders = _seen(reader, near, holders)
    wanted = {n for found in near for n, _ in found}
    wanted |= {one.serial for found in holders for one in found}
    filed = _index.filed(shelf_of(desk.database), machinery, wanted)
    packed = {serial: one.packed for serial, one in filed.items()}
    asking = [_asking(look) for look in looks]
    own = [pack(one.side) for one in asking]
    fresh = {x.asked.serial: side for x, side in zip(looks, own, strict=True) if x.asked.serial}
    packed |= fresh
    asked_for = queries(asking, _class_weights(desk.keys.index_key()))
    given = zip(near, holders, strict=True)
    ranked, around = rank(
        model(), asked_for, [_candidates(found, holding, packed) for found, holding in given]
    )
    places = _store.places_of(machinery, [one.number for listed in ranked for one in listed])
    groups = {serial: one.group for serial, one in filed.items()}
    findings = {serial: place.finding_id for serial, place in places.items()}
    joinings = join_groups(
        model(), zip((one.serial for one in asked), ranked, strict=True), groups, findings
    )
    opened = _open(desk, machinery, asked, holders)
    compared = [
        _Compared(
            reading=look.asked.reading,
            query=None if around is None else query(asked_for, around, place),
            opened=opened[place],
            packed=packed,
            joining=joinings[place],
        )
        for place, look in enumerate(looks)
    ]
    return [
        Found(
            comparisons=_comparisons(one, listed, places),
            packed=side,
            filed=look.filed,
            joining=one.joining,
        )
        for look, one, listed, side in zip(looks, compared, ranked, own, strict=True)
    ]


def _seen(
    reader: Transaction,
    near: Sequence[Sequence[tuple[int, float]]],
    holders: Sequence[Sequence[_index.Holder]],
) -> tuple[list[list[tuple[int, float]]], list[list[_index.Holder]]]:
    """Keep of what was found what the reader sees."""
    wanted = [*(n for some in near for n, _ in some), *(h.serial for some in holders for h in some)]
    seen = _store.places_of(reader, wanted)
    return (
        [[(n, score) for n, score in some if n in seen] for some in near],
        [[one for one in some if one.serial in seen] for some in holders],
    )


def _find(
    machinery: Transaction, asked: Sequence[Asked]
) -> tuple[list[_Look], list[list[tuple[int, float]]]]:
    """Decide where each report looks, and return that with whom it finds there."""
    held = _index.held(machinery, {n for one in asked for n in one.reading.numbers.values()})
    looks = _looks(machinery, asked, held.counts)
    return looks, _nearest(machinery, looks, held)


def _looks(
    machinery: Transaction, asked: Sequence[Asked], counts: Mapping[int, int]
) -> list[_Look]:
    """Decide where each report looks and files itself, as if those before it were filed."""
    background = model().background
    reports, counts = _index.size(machinery), dict(counts)
    looks = []
    for one in asked:
        numbers, filing = one.reading.numbers, one.reading.filing
        held = {t: min(counts[n], CROWDED + 1) for t, n in numbers.items() if n in counts}
        under = asked_under(filing, held, reports, background)
        filed = [t for t in filed_under(filing, background) if held.get(t, 0) <= CROWDED]
        look = _Look(
            asked=one,
            held=held,
            reports=reports,
            under={numbers[t]: weight for t, weight in under.items()},
            filed=tuple(numbers[t] for t in filed),
        )
        looks.append(look)
        if one.serial is not None:
            reports = max(reports, one.serial)
            for n in look.filed:
                counts[n] = counts.get(n, 0) + 1
    return looks


def _nearest(
    machinery: Transaction, looks: Sequence[_Look], held: _index.Held
) -> list[list[tuple[int, float]]]:
    under = {token for look in looks for token in look.under}
    postings = _index.postings(machinery, held, under)
    found = []
    for look in looks:
        found.append(nearest((w, postings.get(t, NOBODY)) for t, w in look.under.items()))
        if look.entry is not None:
            for token in under.intersection(look.filed):
                postings.setdefault(token, array("q")).append(look.entry)
    return found


def _holders(machinery: Transaction, asked: Sequence[Asked]) -> list[list[_index.Holder]]:
    """Find for each report who shares a key with it, without itself and those after it."""
    values = {value for one in asked for value in one.reading.keyed.keys}
    holders = _index.key_holders(machinery, list(values))
    found = []
    later = {one.serial for one in asked}
    for one in asked:
        keys = one.reading.keyed.keys
        found.append([h for h in holders if h.value in keys and h.serial not in later])
        later.discard(one.serial)
    return found


def _candidates(
    near: Sequence[tuple[int, float]],
    holders: Sequence[_index.Holder],
    packed: Mapping[int, bytes],
) -> Candidates:
    """Return what was found, best first, and then those that share a key and were not found."""
    found = dict(near)
    least = near[-1][1] if near else 0.0
    keyed = sorted({one.serial for one in holders} - found.keys())
    found |= dict.fromkeys(keyed, least)
    there = [n for n in found if n in packed]
    return Candidates(
        numbers=there,
        scores=[found[n] for n in there],
        packed=[packed[n] for n in there],
        always=frozenset([one.serial for one in holders]),
    )


def _asking(look: _Look) -> Asking:
    reading = look.asked.reading
    weights = _hashed_weights(reading, look.held, look.reports, model())
    return Asking(side=side(reading.hashed, weights, reading.readable.__getitem__), weights=weights)


def _comparisons(
    compared: _Compared, ranked: Sequence[Ranked], places: Mapping[int, _store.Place]
) -> tuple[Comparison, ...]:
    found = [
        _comparison(compared, one, places[one.number]) for one in ranked if one.number in places
    ]
    return tuple(sorted(found, key=_best_first))


def suggestions(found: Iterable[Comparison]) -> tuple[Suggestion, ...]:
    """Keep the comparisons that are worth a look, without those already proven."""
    return tuple(one.suggestion for one in found if one.shown and not one.ruling.proven)


def _comparison(compared: _Compared, ranked: Ranked, place: _store.Place) -> Comparison:
    reading = compared.reading
    known = compared.opened.get(place.report_id)
    band = model().band(ranked.probability)
    ruling = _NOT_PROVEN
    reasons: tuple[Reason, ...] = ()
    joined = compared.joining
    companion = joined is not None and joined.companion == ranked.number
    shown = known is not None or companion or band is not Band.UNRELATED
    if compared.query is not None and shown:
        old = unpack(compared.packed[ranked.number], ASKED_OF_OLD)
        reasons = explain(compared.query, old, reading.readable)
    if known is not None:
        contained = ranked.numbers[CONTAINED]
        contradicted = bool(place.contradicted)
        ruling = proof(reading.clear, known, contained=contained, contradicted=contradicted)
        said = (*rivals(reading.clear, known), *after_fix(reading.clear, known))
        reasons = (*key_reasons(reading.clear, known), *said, *reasons)
    return Comparison(
        place=place,
        suggestion=Suggestion(
            report=place.report_id,
            score=round(ranked.probability, 4),
            band=band,
            reasons=reasons,
        ),
        log_odds=ranked.log_odds,
        ruling=ruling,
        keyed=known is not None,
        companion=companion,
    )


def _best_first(one: Comparison) -> tuple[bool, bool, float, str]:
    return not one.ruling.proven, not one.keyed, -one.suggestion.score, one.suggestion.report


def _hashed_weights(
    reading: Reading, held: Mapping[str, int], reports: int, trained: Model
) -> Weights:
    plain = weigh(reading.plain, held, reports, trained.background)
    return {value: plain[text] for value, text in reading.readable.items() if text in plain}


@lru_cache(maxsize=4)
def _class_weights(index_key: bytes) -> Weights:
    numbers = Numbers(index_key, "sketch")
    return {numbers[str(c)]: w for c, w in model().classes.items()}


def _open(
    desk: Desk,
    machinery: Transaction,
    asked: Sequence[Asked],
    holders: Sequence[Sequence[_index.Holder]],
) -> list[dict[ReportId, Features]]:
    """Open the reports that share a key; keys of their files are known by their hash alone."""
    wanted = {one.report_id for found in holders for one in found}
    loaded = load(desk, machinery, list(wanted)) if wanted else []
    known = current(desk.known_folder)
    own = {report.report_id: _features(known, report.content) for report in loaded}
    opened: list[dict[ReportId, Features]] = []
    for one, found in zip(asked, holders, strict=True):
        keys = one.reading.keyed.keys
        shared: defaultdict[ReportId, set[ExactKey]] = defaultdict(set)
        for holder in found:
            shared[holder.report_id].add(keys[holder.value])
        opened.append(
            {
                report: replace(own[report], keys=tuple(sorted({*own[report].keys, *more})))
                for report, more in shared.items()
                if report in own
            }
        )
    return opened


def _features(known: Known, draft: Draft) -> Features:
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
