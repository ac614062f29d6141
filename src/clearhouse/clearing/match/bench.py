"""Measures the matcher on a file of reports whose duplicates are known.

In comes a file of lines `{"type": "report", ...}` and `{"type": "pair", ...}`, out come predictions
in the form of the benchmark's scorer and, where the file tells the answers, the measures. Reports
go through the very ranking that new reports go through, over an index in memory.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clearhouse.clearing.match.columns import Asking, queries
from clearhouse.clearing.match.forest import probability
from clearhouse.clearing.match.keyed import Numbers
from clearhouse.clearing.match.model import Model, model
from clearhouse.clearing.match.packing import pack
from clearhouse.clearing.match.ranking import Candidates, Ranked, rank
from clearhouse.clearing.match.retrieval import (
    MemoryIndex,
    asked_under,
    filed_under,
    filing_tokens,
    weigh,
)
from clearhouse.clearing.match.sides import Side, Weights, side
from clearhouse.clearing.match.sketch import Material, Sketch, Token, keyed_sketch, sketch


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One report of a benchmark."""

    rid: str
    sketch: Sketch
    split: str | None
    sequence: int
    cluster: str | None
    """The vulnerability it is about; None where the file keeps the answer to itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two reports to be judged."""

    one: str
    other: str
    split: str | None
    same: bool | None


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of JSON lines, packed or not."""
    with path.open("rb") as file:
        packed = path.suffix == ".gz"
        for line in gzip.GzipFile(fileobj=file) if packed else file:
            if line.strip():
                yield json.loads(line)


def report_of(line: dict[str, Any], fields: dict[str, Any] | None = None) -> Report:
    """Read one report; `fields` holds its content where the line nests it."""
    content = fields or line
    return Report(
        rid=line["rid"],
        sketch=sketch(
            Material(
                title=content.get("title") or "",
                text=content.get("text") or "",
                products=tuple(content.get("component") or ()),
                purls=tuple(content.get("purl") or ()),
                ecosystem=content.get("ecosystem"),
                cwes=tuple(content.get("cwe") or ()),
                symbols=tuple(content.get("symbols") or ()),
            )
        ),
        split=line.get("split"),
        sequence=line["seq"],
        cluster=line.get("cluster"),
    )


def read_reports(path: Path, split: str | None = None) -> list[Report]:
    """Read the reports of a benchmark, or of one split of it, in order of arrival."""
    found = [
        report_of(line)
        for line in lines(path)
        if line.get("type", "report") == "report" and split in {None, line.get("split")}
    ]
    return sorted(found, key=lambda report: report.sequence)


def read_pairs(path: Path) -> list[Pair]:
    """Read the pairs of a benchmark."""
    return [
        Pair(
            one=line["a"],
            other=line["b"],
            split=line.get("split"),
            same=bool(line["label"]) if "label" in line else None,
        )
        for line in lines(path)
        if line.get("type") == "pair"
    ]


def split_of(reports: Iterable[Report], split: str | None) -> list[Report]:
    """Return the reports of one split, or all."""
    return [report for report in reports if split is None or report.split == split]


_KEY = b"a benchmark keeps no secrets"


def weighed(
    one: Sketch, weights: Weights, readable: dict[Token, str] | None = None
) -> tuple[Side, Weights]:
    """Return a report as the index holds it, and the weights of its keyed tokens.

    The tokens in the clear are left in `readable`.
    """
    clear: dict[Token, str] = {} if readable is None else readable

    hashing = Numbers(_KEY, "sketch")
    keyed = keyed_sketch(one, hashing.__getitem__)
    clear |= {number: text for text, number in hashing.items()}
    by_number = {value: weights[text] for value, text in clear.items() if text in weights}
    return side(keyed, by_number, clear.__getitem__), by_number


def numbered(weights: Weights) -> Weights:
    """Return weights by the keyed tokens."""
    numbers = Numbers(_KEY, "sketch")
    return {numbers[str(token)]: weight for token, weight in weights.items()}


@dataclass(slots=True)
class Archive:
    """Reports in memory, with the index that finds them."""

    model: Model
    index: MemoryIndex = field(default_factory=MemoryIndex)
    rids: list[str] = field(default_factory=list)
    packed: list[bytes] = field(default_factory=list)
    classes: Weights = field(init=False)
    """The weights of the classes of flaws by their keyed tokens."""

    def __post_init__(self) -> None:
        self.classes = numbered(self.model.classes)

    def compare(
        self, one: Sketch, *, always: Collection[int] = (), but: int | None = None
    ) -> tuple[Ranked, ...]:
        """Rank the stored reports for one; `but` is left out, those in `always` are judged."""
        tokens = filing_tokens(one)
        return self._rank(tokens, *weighed(one, self.weights(one)), always, but)

    def take(self, rid: str, one: Sketch) -> tuple[Ranked, ...]:
        """Rank the stored reports for one, then store it."""
        tokens = filing_tokens(one)
        keyed, weights = weighed(one, self.weights(one))
        ranked = self._rank(tokens, keyed, weights, (), None)
        self._file(rid, one, tokens, keyed)
        return ranked

    def add(self, rid: str, one: Sketch) -> int:
        """Store a report and return its number."""
        tokens = filing_tokens(one)
        keyed, _ = weighed(one, self.weights(one))
        self._file(rid, one, tokens, keyed)
        return len(self.rids) - 1

    def weights(self, one: Sketch) -> Weights:
        """Return what the tokens of a report weigh beside those that are stored."""
        held = self.index.held(filing_tokens(one))
        return weigh(one, held, len(self.packed), self.model.background)

    def _rank(
        self,
        tokens: Mapping[str, float],
        keyed: Side,
        weights: Weights,
        always: Collection[int],
        but: int | None,
    ) -> tuple[Ranked, ...]:
        held, reports = self.index.held(tokens), len(self.packed)
        asked = asked_under(tokens, held, reports, self.model.background)
        near = {n: score for n, score in self.index.nearest(asked) if n != but}
        least = min(near.values(), default=0.0)
        near |= {n: least for n in sorted(always) if n not in near}
        found = Candidates(
            numbers=[*near],
            scores=[*near.values()],
            packed=[self.packed[n] for n in near],
            always=frozenset(always),
        )
        one = queries([Asking(side=keyed, weights=weights)], self.classes)
        ((ranked,), _) = rank(self.model, one, [found])
        return ranked

    def _file(self, rid: str, one: Sketch, tokens: Mapping[str, float], keyed: Side) -> None:
        self.packed.append(pack(keyed))
        self.rids.append(rid)
        self.index.add(one, filed_under(tokens, self.model.background))


def rankings(
    current: Model, reports: Iterable[Report]
) -> Iterator[tuple[Report, list[tuple[str, float, float]]]]:
    """Rank the earlier reports for each report, in order of arrival, best first.

    Gives the id of each with the log-odds of the trees and the calibrated probability.
    """
    archive = Archive(model=current)
    for report in reports:
        ranked = archive.take(report.rid, report.sketch)
        yield (
            report,
            [(archive.rids[one.number], one.log_odds, one.probability) for one in ranked],
        )


def pair_scores(
    current: Model, reports: Sequence[Report], pairs: Iterable[Pair]
) -> dict[tuple[str, str], float]:
    """Judge pairs by their content: the mean log-odds of each report in the other's list.

    The list around a pair is made of all reports of the file, whenever they came, so that nothing
    depends on time.
    """
    archive = Archive(model=current)
    numbers = {one.rid: archive.add(one.rid, one.sketch) for one in reports}
    sketches = {one.rid: one.sketch for one in reports}
    partners: defaultdict[str, set[str]] = defaultdict(set)
    asked = [(pair.one, pair.other) for pair in pairs]
    for one, other in asked:
        partners[one].add(other)
        partners[other].add(one)
    told: dict[tuple[str, str], float] = {}
    for rid, others in partners.items():
        number = numbers[rid]
        wanted = {numbers[other] for other in others}
        ranked = archive.compare(sketches[rid], always=wanted, but=number)
        told |= {(rid, archive.rids[one.number]): one.log_odds for one in ranked}
    return {(one, other): probability(_mean(told, one, other)) for one, other in asked}


def _mean(told: Mapping[tuple[str, str], float], one: str, other: str) -> float:
    return (told[one, other] + told[other, one]) / 2


def run(path: Path, *, split: str | None = None, predictions: Path | None = None) -> dict[str, Any]:
    """Rank and judge everything in a file, write predictions, and measure what can be measured.

    Predictions have the form of the benchmark's scorer; their scores are what the trees say, before
    calibration, and the model's thresholds (`link_at`, `pair_at`) are on the same scale.
    """
    current = model()
    reports = read_reports(path, split)
    pairs = [pair for pair in read_pairs(path) if split is None or pair.split in {split, None}]
    ranked = {
        report.rid: [(rid, probability(odds), share) for rid, odds, share in found]
        for report, found in rankings(current, reports)
    }
    judged = pair_scores(current, reports, pairs)
    if predictions is not None:
        _write(predictions, ranked, judged)
    found: dict[str, Any] = {
        "model": current.name,
        "reports": len(reports),
        "pairs": len(pairs),
        "link_at": current.link_at,
        "pair_at": current.pair_at,
    }
    if all(report.cluster is not None for report in reports):
        found["retrieval"] = measure_ranking(current, reports, ranked)
    if pairs and all(pair.same is not None for pair in pairs):
        found["pair"] = measure_pairs(current, pairs, judged)
    return found


Rankings = Mapping[str, list[tuple[str, float, float]]]
"""Per report the earlier ones, best first: id, score, calibrated probability."""


def measure_ranking(current: Model, reports: list[Report], ranked: Rankings) -> dict[str, Any]:
    """Measure how often the right earlier report comes first, and what linking would do."""
    clusters = {report.rid: report.cluster for report in reports}
    seen: set[str | None] = set()
    duplicates = first = ten = linked = right = false_merges = 0
    bands: defaultdict[str, list[bool]] = defaultdict(list)
    for report in reports:
        answers = [clusters[rid] == report.cluster for rid, _, _ in ranked[report.rid]]
        known = report.cluster in seen
        seen.add(report.cluster)
        duplicates += known
        first += any(answers[:1])
        ten += any(answers)
        for (_, _, share), same in zip(ranked[report.rid], answers, strict=True):
            bands[current.band(share)].append(same)
        if answers and ranked[report.rid][0][1] >= current.link_at:
            linked += 1
            right += answers[0]
            false_merges += not known
    return {
        "duplicates": duplicates,
        "recall@1": _share(first, duplicates),
        "recall@10": _share(ten, duplicates),
        "link_precision": _share(right, linked),
        "link_recall": _share(right, duplicates),
        "link_f1": _share(2 * right, linked + duplicates),
        "false_merges_per_1000_new": _share(1000 * false_merges, len(reports) - duplicates),
        "bands": {
            limit.band: {
                "stated": limit.precision,
                "measured": _share(sum(bands[limit.band]), len(bands[limit.band])),
                "suggestions": len(bands[limit.band]),
            }
            for limit in current.bands
        },
    }


def measure_pairs(
    current: Model, pairs: list[Pair], judged: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    """Measure the judgement of pairs at the model's threshold."""
    said = [(judged[pair.one, pair.other] >= current.pair_at, bool(pair.same)) for pair in pairs]
    right = sum(yes and same for yes, same in said)
    called, same = sum(yes for yes, _ in said), sum(same for _, same in said)
    return {
        "precision": _share(right, called),
        "recall": _share(right, same),
        "f1": _share(2 * right, called + same),
    }


def _share(part: float, whole: float) -> float | None:
    """Return a share, None of nothing: absence of evidence is not a number."""
    return round(part / whole, 4) if whole else None


def _write(path: Path, ranked: Rankings, judged: Mapping[tuple[str, str], float]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for rid, found in ranked.items():
            listed = [[other, round(score, 6)] for other, score, _ in found]
            file.write(json.dumps({"type": "rank", "rid": rid, "ranked": listed}) + "\n")
        for (one, other), score in judged.items():
            line = {"type": "pair", "a": one, "b": other, "score": round(score, 6)}
            file.write(json.dumps(line) + "\n")
