"""Turns streams of reports into numbers for training the matcher.

In come a public file of reports, and a flood made by its generator; out come, per stream, rows of
numbers as the closer look sees them, one row per new report and candidate.
"""

import dataclasses
import gzip
import hashlib
import json
import pathlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from clearhouse.clearing.match.bench import (
    Report,
    lines,
    numbered,
    read_pairs,
    read_reports,
    report_of,
    weighed,
)
from clearhouse.clearing.match.closely import closer_looks
from clearhouse.clearing.match.columns import Asking, Queries, queries
from clearhouse.clearing.match.forest import Forest
from clearhouse.clearing.match.lexicon import lexicon
from clearhouse.clearing.match.packing import pack
from clearhouse.clearing.match.pairing import FIRST_LOOK, first_looks
from clearhouse.clearing.match.ranking import CLOSER, Candidates, best
from clearhouse.clearing.match.retrieval import (
    Background,
    MemoryIndex,
    asked_under,
    filed_under,
    filing_tokens,
    weigh,
)
from clearhouse.clearing.match.sides import Weights

SEED = 20261126
LEAST_COUNT = 3
SMALL_STORES = 2_500
FLOOD = 2_500

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """A new report with its candidates."""

    owner: int
    cluster: str
    known: bool
    query: Queries
    candidates: Candidates
    clusters: list[str]
    """The cluster of each candidate."""
    forced: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Rows:
    """Candidates after the closer look; those of one new report stand together."""

    numbers: np.ndarray
    same: np.ndarray
    owner: np.ndarray
    other: np.ndarray
    cluster: np.ndarray
    known: np.ndarray
    forced: np.ndarray

    @property
    def fold(self) -> np.ndarray:
        """All reports of one vulnerability share a fold."""
        return self.cluster

    def lists(self) -> Iterator[tuple[int, int]]:
        """Give where each list begins and ends."""
        edges = np.flatnonzero(np.diff(self.owner)) + 1
        yield from zip([0, *edges.tolist()], [*edges.tolist(), len(self.owner)], strict=True)

    def where(self, mask: np.ndarray) -> "Rows":
        return Rows(**{f.name: getattr(self, f.name)[mask] for f in dataclasses.fields(self)})

    @staticmethod
    def joined(some: Iterable["Rows"]) -> "Rows":
        """Put streams one after the other, with owners of their own."""
        parts = list(some)
        owners, start = [], 0
        for part in parts:
            owners.append(part.owner + start)
            start += int(part.owner.max()) + 1
        merged = {
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in dataclasses.fields(Rows)
        }
        return Rows(**merged | {"owner": np.concatenate(owners)})


class Streams:
    """All rows by stream, the trees of the first look, and what the background counts."""

    def __init__(
        self, kept: dict[str, np.ndarray], first: dict[str, Any], background: dict[str, Any]
    ) -> None:
        self._kept, self.first, self.background = kept, first, background

    def rows(self, *names: str) -> Rows:
        found = [
            Rows(**{f.name: self._kept[f"{name}.{f.name}"] for f in dataclasses.fields(Rows)})
            for name in names
            if f"{name}.owner" in self._kept
        ]
        return found[0] if len(found) == 1 else Rows.joined(found)

    def size(self, name: str) -> int:
        return len(np.unique(self._kept[f"{name}.owner"])) if f"{name}.owner" in self._kept else 0


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the streams come from, and where their numbers are kept."""

    data: pathlib.Path
    flood: pathlib.Path | None
    cache: pathlib.Path | None
    counted: pathlib.Path | None
    """A model that counted `train` and took a first look at it already."""


Trained = Callable[[np.ndarray, np.ndarray], dict[str, Any]]
"""Trains the first look on numbers and answers, and gives its trees as data."""


def numbers_of(sources: Sources, first: Trained, say: Say) -> Streams:
    """Read and compare everything, or take it from the cache."""
    cache = sources.cache
    if cache is None or not cache.exists():
        kept, trees, background = _walk_all(sources, first, say)
        if cache is None:
            return Streams(kept, trees, background)
        np.savez(cache, **kept)
        cache.with_suffix(".json").write_text(
            json.dumps({"first": trees, "background": background})
        )
    beside = json.loads(cache.with_suffix(".json").read_text())
    with np.load(cache) as file:
        kept = {name: file[name] for name in file.files}
    return Streams(kept, beside["first"], beside["background"])


def _walk_all(
    sources: Sources, first: Trained, say: Say
) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]:
    raw = [
        line
        for line in lines(sources.data)
        if line["type"] == "report" and line["split"] == "train"
    ]
    train = read_reports(sources.data, "train")
    say("read the reports")
    if sources.counted is None:
        background = _counted(train)
    else:
        given = json.loads(gzip.decompress(sources.counted.read_bytes()))
        background = {name: given[name] for name in ("reports", "counts")}
    plain = Background(**background)
    seen = Background(**background, seen_in_training=2)
    trees = (
        first(*_first_looks(walk(train, seen, plain)))
        if (sources.counted is None)
        else given["first"]
    )
    look = Forest.of(trees, FIRST_LOOK)
    kept: dict[str, np.ndarray] = {}

    def keep(name: str, asked: Iterable[Asked]) -> None:
        kept.update({f"{name}.{k}": v for k, v in closer_rows(asked, look).items()})
        say(f"compared {name}")

    keep("train", walk(train, seen, plain))
    keep("both", pairs_of(sources.data, train, seen, plain))
    keep("small", small_stores(raw, seen, plain))
    if sources.flood is not None:
        keep("flood", walk(flood_reports(sources.flood), plain, plain))
    dev = read_reports(sources.data, "dev")
    keep("dev", walk(dev, plain, plain))
    keep("pairs", pairs_of(sources.data, dev, plain, plain))
    return kept, trees, background


def _counted(train: list[Report]) -> dict[str, Any]:
    counts = Counter(token for one in train for token in filing_tokens(one.sketch))
    return {
        "reports": len(train),
        "counts": {t: n for t, n in sorted(counts.items()) if n >= LEAST_COUNT},
    }


def _classes(background: Background) -> dict[Any, float]:
    names = [f"class:{name}" for name in lexicon().class_names]
    return numbered({name: background.weight(name, 0, 0) for name in names})


class Store:
    """Earlier reports in memory."""

    def __init__(self, known: Background, plain: Background) -> None:
        self._known, self._plain, self._classes = known, plain, _classes(plain)
        self._index = MemoryIndex()
        self._packed: list[bytes] = []
        self._clusters: list[str | None] = []

    def ask(self, owner: int, report: Report, *, but: int | None = None, always: Any = ()) -> Asked:
        tokens = filing_tokens(report.sketch)
        held = self._index.held(tokens)
        under = asked_under(tokens, held, len(self._packed), self._known)
        near = {n: score for n, score in self._index.nearest(under) if n != but}
        least = min(near.values(), default=0.0)
        near |= {n: least for n in sorted(always) if n not in near}
        side, weights = weighed(report.sketch, self._weights(report, held))
        return Asked(
            owner=owner,
            cluster=str(report.cluster),
            known=report.cluster in self._clusters if len(self._packed) < 100 else False,
            query=queries([Asking(side=side, weights=weights)], self._classes),
            candidates=Candidates(
                numbers=[*near], scores=[*near.values()], packed=[self._packed[n] for n in near]
            ),
            clusters=[str(self._clusters[n]) for n in near],
            forced=frozenset(always),
        )

    def add(self, report: Report) -> None:
        tokens = filing_tokens(report.sketch)
        held = self._index.held(tokens)
        side, _ = weighed(report.sketch, self._weights(report, held))
        self._index.add(report.sketch, filed_under(tokens, self._plain))
        self._packed.append(pack(side))
        self._clusters.append(report.cluster)

    def _weights(self, report: Report, held: Mapping[str, int]) -> Weights:
        return weigh(report.sketch, held, len(self._packed), self._known)


def walk(reports: list[Report], known: Background, plain: Background) -> Iterator[Asked]:
    """Let every report look for earlier ones, in order of arrival."""
    store, seen = Store(known, plain), set()
    for one, report in enumerate(reports):
        yield dataclasses.replace(store.ask(one, report), known=report.cluster in seen)
        store.add(report)
        seen.add(report.cluster)


def pairs_of(
    data: pathlib.Path, reports: list[Report], known: Background, plain: Background
) -> Iterator[Asked]:
    """Let the reports of pairs look among all of their split, with their partners forced."""
    number = {report.rid: n for n, report in enumerate(reports)}
    partners: defaultdict[int, set[int]] = defaultdict(set)
    for pair in read_pairs(data):
        if pair.one in number and pair.other in number:
            partners[number[pair.one]].add(number[pair.other])
            partners[number[pair.other]].add(number[pair.one])
    store = Store(known, plain)
    for report in reports:
        store.add(report)
    for n in sorted(partners):
        yield store.ask(n, reports[n], but=n, always=partners[n])


def flood_reports(flood: pathlib.Path) -> list[Report]:
    """Read a flood with its answers."""
    reports, key = (flood.with_name(f"{flood.name}.{part}.jsonl.gz") for part in ("reports", "key"))
    truth = {line["rid"]: line["cluster"] for line in lines(key)}
    return [
        dataclasses.replace(report_of(line, line["fields"]), cluster=f"flood {truth[line['rid']]}")
        for line in islice(lines(reports), FLOOD)
    ]


def small_stores(raw: list[dict[str, Any]], known: Background, plain: Background) -> list[Asked]:
    """Make small stores of reports of `train`, and ask them about copies, rewordings and others."""
    chance = random.Random(SEED)
    by_cluster, by_name = defaultdict(list), defaultdict(list)
    for line in raw:
        by_cluster[line["cluster"]].append(line)
        for name in line["component"][:1]:
            by_name[name.lower()].append(line)
    several = [some for some in by_cluster.values() if len(some) > 1]
    found = []
    for trial in range(SMALL_STORES):
        size = chance.choice((0, 1, 2, 4, 8, 15, 30, 60))
        stored = chance.sample(raw, size)
        kind = chance.choice(
            ("copy", "cut", "cut", "reworded", "reworded", "other", "other", "new")
        )
        base = chance.choice(several) if kind == "other" else [chance.choice(raw)]
        alike = [
            line
            for line in by_name[(base[0]["component"] or [""])[0].lower()]
            if line["cluster"] != base[0]["cluster"]
        ]
        stored += chance.sample(alike, min(len(alike), chance.choice((0, 0, 1, 3))))
        asked = base[0]
        if kind == "other":
            asked, mate = chance.sample(base, 2)
            stored.append(mate)
        elif kind != "new":
            stored.append(base[0])
            made = {"copy": dict, "cut": cut}.get(kind)
            asked = made(base[0]) if made else reworded(base[0], chance)
        store = Store(known, plain)
        for line in dict.fromkeys(map(_Line, chance.sample(stored, len(stored)))):
            store.add(report_of(line.line))
        found.append(store.ask(trial, report_of(asked)))
    return [one for one in found if one.candidates.numbers]


class _Line:
    """A report by its id."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.line = line

    def __hash__(self) -> int:
        return hash(self.line["rid"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Line) and self.line["rid"] == other.line["rid"]


_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def cut(line: dict[str, Any]) -> dict[str, Any]:
    """Leave out the title and the last third, as a form with a limit does."""
    words = line["text"].split(" ")
    return line | {"text": " ".join(words[: max(len(words) * 2 // 3, 1)]), "title": ""}


def reworded(line: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Leave out sentences, words and fields, as who sends a report a second time would."""
    sentences = [one for one in _SENTENCE.split(line["text"]) if one.strip()]
    if len(sentences) > 1:
        kept = max(1, round(len(sentences) * chance.uniform(0.5, 1)))
        sentences = [sentences[i] for i in sorted(chance.sample(range(len(sentences)), kept))]
    words = " ".join(sentences).split(" ")
    share = chance.choice((0.0, 0.05, 0.15))
    made = line | {"text": " ".join(word for word in words if chance.random() >= share)}
    for name in ("title", "purl", "cwe", "component"):
        if chance.random() < 0.25:
            made[name] = "" if name == "title" else []
    return made


def _first_looks(walked: Iterable[Asked]) -> tuple[np.ndarray, np.ndarray]:
    """Take the first look at every candidate that retrieval found."""
    numbers, same = [], []
    for asked in walked:
        found = asked.candidates
        if found.numbers:
            looked = first_looks(asked.query, [found.packed], [found.scores])
            numbers.append(looked.numbers.astype(np.float32))
            same += [cluster == asked.cluster for cluster in asked.clusters]
    return np.vstack(numbers), np.array(same)


def closer_rows(walked: Iterable[Asked], first: Forest) -> dict[str, np.ndarray]:
    """Take the closer look at what the first look leaves."""
    columns: dict[str, list[Any]] = {f.name: [] for f in dataclasses.fields(Rows)}
    for asked in walked:
        found, numbers = asked.candidates, asked.candidates.numbers
        if not numbers:
            continue
        looks = first_looks(asked.query, [found.packed], [found.scores])
        forced = np.array([number in asked.forced for number in numbers])
        kept = best(first.log_odds(looks.numbers), CLOSER, forced)
        packed = [found.packed[i] for i in kept]
        rows = closer_looks(asked.query, looks.around, [packed], looks.numbers[kept])
        for i, row in zip(kept, rows.astype(np.float32), strict=True):
            columns["numbers"].append(row)
            columns["same"].append(asked.clusters[i] == asked.cluster)
            columns["owner"].append(asked.owner)
            columns["other"].append(numbers[i])
            columns["cluster"].append(_number(asked.cluster))
            columns["known"].append(asked.known)
            columns["forced"].append(numbers[i] in asked.forced)
    return {name: np.array(column) for name, column in columns.items()}


def _number(cluster: str) -> int:
    return int.from_bytes(hashlib.sha256(cluster.encode()).digest()[:6], "big")


def atoms_without(data: pathlib.Path, atoms: pathlib.Path, out: pathlib.Path) -> int:
    """Write the atoms of the flood that share no run of eight words with a report of `dev`."""
    runs = {
        run
        for line in lines(data)
        if line["type"] == "report" and line["split"] == "dev"
        for run in _runs(f"{line['title']} {line['text']}")
    }
    kept = [
        line
        for line in lines(atoms)
        if not any(
            run in runs
            for text in line["texts"]
            for run in _runs(f"{text['title']} {text['text']}")
        )
    ]
    with gzip.open(out, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in kept)
    return len(kept)


def _runs(text: str) -> Iterator[int]:
    words = re.findall(r"\w+", text.lower())
    for start in range(max(len(words) - 7, 1)):
        yield hash(tuple(words[start : start + 8]))
