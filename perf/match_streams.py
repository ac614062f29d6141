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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import lightgbm
import numpy as np

from clearhouse.clearing.match.bench import (
    Report,
    lines,
    read_pairs,
    read_reports,
    report_of,
)
from clearhouse.clearing.match.lexicon import lexicon
from clearhouse.clearing.match.pairing import Query, Side, closer_look, masses
from clearhouse.clearing.match.ranking import CLOSER, Candidate, first_looks
from clearhouse.clearing.match.ranking import query as prepare
from clearhouse.clearing.match.retrieval import (
    Background,
    MemoryIndex,
    asked_under,
    filed_under,
    filing_tokens,
    weigh,
)

SEED = 20261126
LEAST_COUNT = 3
SMALL_STORES = 900
FIRST_ON = 5_000
"""The first look is trained on so many reports of `train`, the latest, in a store of their own."""
LATEST = 14_000
"""So many reports of `train`, the latest, look for earlier ones among themselves."""
FLOOD = 2_500
MEASURED = 2_500
"""So many reports of `dev`, the first."""
LOOKED_AT = 40
"""So many candidates of retrieval are looked at; the right one is hardly ever further down."""
STREAMS = ("train", "flood", "small", "dev", "pairs")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """A new report with its candidates."""

    owner: int
    cluster: str
    known: bool
    query: Query
    candidates: list[Candidate]
    clusters: list[str]
    """The cluster of each candidate."""
    forced: frozenset[int] = frozenset()
    looks: list[list[float]] = field(default_factory=list)


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
    """All rows by stream, the first look, and what the background counts."""

    def __init__(
        self, kept: dict[str, np.ndarray], first: lightgbm.Booster, background: dict[str, Any]
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


def numbers_of(
    data: pathlib.Path,
    flood: pathlib.Path | None,
    cache: pathlib.Path | None,
    counted: pathlib.Path | None,
    settings: dict[str, Any],
    rounds: int,
    say: Say,
) -> Streams:
    """Read and compare everything, or take it from the cache."""
    if cache is None or not cache.exists():
        kept, first, background = _walk_all(data, flood, counted, settings, rounds, say)
        if cache is None:
            return Streams(kept, first, background)
        np.savez(cache, **kept)
        cache.with_suffix(".json").write_text(
            json.dumps({"first": first.model_to_string(), "background": background})
        )
    beside = json.loads(cache.with_suffix(".json").read_text())
    with np.load(cache) as file:
        kept = {name: file[name] for name in file.files}
    return Streams(kept, lightgbm.Booster(model_str=beside["first"]), beside["background"])


def _walk_all(
    data: pathlib.Path,
    flood: pathlib.Path | None,
    counted: pathlib.Path | None,
    settings: dict[str, Any],
    rounds: int,
    say: Say,
) -> tuple[dict[str, np.ndarray], lightgbm.Booster, dict[str, Any]]:
    raw = {
        line["rid"]: line
        for line in lines(data)
        if line["type"] == "report" and line["split"] == "train"
    }
    if counted is None:
        train = read_reports(data, "train")
        counts = Counter(token for one in train for token in filing_tokens(one.sketch))
        background = {
            "reports": len(train),
            "counts": {t: n for t, n in sorted(counts.items()) if n >= LEAST_COUNT},
        }
    else:
        given = json.loads(gzip.decompress(counted.read_bytes()))
        background = {name: given[name] for name in ("reports", "counts")}
        latest = sorted(raw.values(), key=lambda line: line["seq"])[-LATEST:]
        train = [report_of(line) for line in latest]
    dev = sorted(
        (report_of(line) for line in firsts(data, "dev")), key=lambda report: report.sequence
    )
    train = train[-LATEST:]
    plain = Background(**background)
    seen = Background(**background, seen_in_training=2)
    say("read the reports")
    first = _first([walk(train[-FIRST_ON:], seen, plain)], settings, rounds)
    say("trained the first look")
    walked: dict[str, list[Asked]] = {"train": walk(train, seen, plain)}
    kept: dict[str, np.ndarray] = {}

    def keep(name: str) -> None:
        asked = walked.pop(name)
        kept.update({f"{name}.{k}": v for k, v in closer_rows(asked, first).items()})
        say(f"compared {name}: {len(asked)} reports")

    keep("train")
    walked["small"] = small_stores(list(raw.values()), seen, plain)
    keep("small")
    if flood is not None:
        walked["flood"] = walk(flood_reports(flood), plain, plain)
        keep("flood")
    walked["dev"] = walk(dev, plain, plain)
    keep("dev")
    walked["pairs"] = pairs_of(data, dev, plain)
    keep("pairs")
    return kept, first, background


def firsts(data: pathlib.Path, split: str) -> list[dict[str, Any]]:
    """Return the first reports of a split."""
    some = [line for line in lines(data) if line["type"] == "report" and line["split"] == split]
    return sorted(some, key=lambda line: line["seq"])[:MEASURED]


def _classes(background: Background) -> dict[Any, float]:
    return {f"class:{c}": background.weight(f"class:{c}", 0, 0) for c, _ in lexicon().classes}


class Store:
    """Earlier reports in memory."""

    def __init__(self, known: Background, plain: Background) -> None:
        self._known, self._plain, self._classes = known, plain, _classes(plain)
        self._index, self._sides, self._clusters = MemoryIndex(), [], []

    def ask(self, owner: int, report: Report, *, but: int | None = None, always: Any = ()) -> Asked:
        tokens = filing_tokens(report.sketch)
        held = self._index.held(tokens)
        under = asked_under(tokens, held, len(self._sides), self._known)
        near = self._index.nearest(under, limit=LOOKED_AT)
        weights = weigh(report.sketch, held, len(self._sides), self._known)
        sides = self._sides
        found = [Candidate.of(n, s, sides[n]) for n, s in near if n != but]
        least, there = (found[-1].score if found else 0.0), {one.number for one in found}
        found += [Candidate.of(n, least, sides[n]) for n in sorted(always) if n not in there]
        return Asked(
            owner=owner,
            cluster=str(report.cluster),
            known=report.cluster in self._clusters if len(sides) < 100 else False,
            query=prepare(report.sketch, weights, self._classes, found),
            candidates=found,
            clusters=[self._clusters[one.number] for one in found],
            forced=frozenset(always),
        )

    def add(self, report: Report) -> None:
        tokens = filing_tokens(report.sketch)
        held = self._index.held(tokens)
        weights = weigh(report.sketch, held, len(self._sides), self._known)
        self._index.add(report.sketch, filed_under(tokens, self._plain))
        self._sides.append(Side(sketch=report.sketch, masses=masses(report.sketch, weights)))
        self._clusters.append(report.cluster)


def walk(reports: list[Report], known: Background, plain: Background) -> list[Asked]:
    """Let every report look for earlier ones, in order of arrival."""
    store, found, seen = Store(known, plain), [], set()
    for one, report in enumerate(reports):
        asked = store.ask(one, report)
        found.append(dataclasses.replace(asked, known=report.cluster in seen))
        store.add(report)
        seen.add(report.cluster)
    return found


def pairs_of(data: pathlib.Path, dev: list[Report], plain: Background) -> list[Asked]:
    """Let the reports of the pairs of `dev` look among all of `dev`, with their partners forced."""
    number = {report.rid: n for n, report in enumerate(dev)}
    partners: defaultdict[int, set[int]] = defaultdict(set)
    for pair in read_pairs(data):
        if pair.split == "dev" and pair.one in number and pair.other in number:
            partners[number[pair.one]].add(number[pair.other])
            partners[number[pair.other]].add(number[pair.one])
    store = Store(plain, plain)
    for report in dev:
        store.add(report)
    return [store.ask(n, dev[n], but=n, always=partners[n]) for n in sorted(partners)]


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
        kind = chance.choice(("copy", "copy", "reworded", "reworded", "other", "other", "new"))
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
            asked = base[0] if kind == "copy" else reworded(base[0], chance)
        store = Store(known, plain)
        for line in dict.fromkeys(map(_Line, chance.sample(stored, len(stored)))):
            store.add(report_of(line.line))
        found.append(store.ask(trial, report_of(asked)))
    return [one for one in found if one.candidates]


class _Line:
    """A report by its id."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.line = line

    def __hash__(self) -> int:
        return hash(self.line["rid"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Line) and self.line["rid"] == other.line["rid"]


_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


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


def _first(walked: list[list[Asked]], settings: dict[str, Any], rounds: int) -> lightgbm.Booster:
    """Train the first look on every candidate that retrieval found."""
    numbers, same = [], []
    for asked in (one for some in walked for one in some):
        asked.looks.extend(first_looks(asked.query, asked.candidates))
        numbers += asked.looks
        same += [cluster == asked.cluster for cluster in asked.clusters]
    return lightgbm.train(
        settings, lightgbm.Dataset(np.array(numbers, np.float32), np.array(same)), rounds
    )


def closer_rows(walked: list[Asked], first: lightgbm.Booster) -> dict[str, np.ndarray]:
    """Take the closer look at what the first look leaves."""
    columns: dict[str, list[Any]] = {f.name: [] for f in dataclasses.fields(Rows)}
    told = [one for one in walked if one.candidates]
    all_looks = [one.looks or first_looks(one.query, one.candidates) for one in told]
    every = first.predict(
        np.array([look for looks in all_looks for look in looks], np.float32), raw_score=True
    )
    start = 0
    for asked, looks in zip(told, all_looks, strict=True):
        scores, start = every[start : start + len(looks)], start + len(looks)
        order = np.argsort(-scores, kind="stable")
        numbers = [one.number for one in asked.candidates]
        for place, i in enumerate(order.tolist()):
            forced = numbers[i] in asked.forced
            if place >= CLOSER and not forced:
                continue
            row = closer_look(asked.query, asked.candidates[i].side(), looks[i])
            columns["numbers"].append(np.array(row, np.float32))
            columns["same"].append(asked.clusters[i] == asked.cluster)
            columns["owner"].append(asked.owner)
            columns["other"].append(numbers[i])
            columns["cluster"].append(_number(asked.cluster))
            columns["known"].append(asked.known)
            columns["forced"].append(forced)
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
