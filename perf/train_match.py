"""Trains the matcher's model from a public file of reports whose duplicates are known.

    python perf/train_match.py --data dedupe_public.jsonl.gz --out policies/match/model-1.json.gz

Needs lightgbm and numpy, which the software itself does not. The split `train` trains the trees,
the split `dev` gives calibration, thresholds and bands. Nothing but the content of the reports is
used: no reporter, no time but the order of arrival, no id.

1. Every report of `train` looks for earlier ones; the first look is trained on what it finds.
2. The closer look is trained on what the first leaves, in folds by cluster, so that
3. the look at the list as a whole learns from scores of trees that did not know the answer.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import random
import sys
import time
from collections import Counter
from typing import Any

import lightgbm
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))

from clearhouse.clearing.match.bench import (
    Report,
    pair_scores,
    rankings,
    read_pairs,
    read_reports,
    split_of,
)
from clearhouse.clearing.match.forest import Forest, probability
from clearhouse.clearing.match.lexicon import lexicon
from clearhouse.clearing.match.model import read
from clearhouse.clearing.match.pairing import (
    CLOSER_LOOK,
    FIRST_LOOK,
    IN_LIST,
    Query,
    Side,
    closer_look,
    masses,
)
from clearhouse.clearing.match.ranking import (
    CLOSER,
    LISTED,
    Candidate,
    context,
    first_looks,
    log_odds,
)
from clearhouse.clearing.match.ranking import query as prepare
from clearhouse.clearing.match.retrieval import (
    Background,
    MemoryIndex,
    asked_under,
    filed_under,
    filing_tokens,
    weigh,
)

SEED = 20261123
FOLDS = 3
KEPT_IN_TRAINING = 40
LEAST_COUNT = 3
COMMON = {
    "objective": "binary",
    "bagging_freq": 1,
    "bagging_fraction": 0.8,
    "num_threads": 1,
    "verbose": -1,
    "seed": SEED,
    "deterministic": True,
}
FIRST = COMMON | {"learning_rate": 0.2, "num_leaves": 8, "min_data_in_leaf": 100}
CLOSER_TREES = COMMON | {
    "learning_rate": 0.1,
    "num_leaves": 24,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.5,
    "lambda_l2": 5,
}
FINAL = COMMON | {
    "learning_rate": 0.06,
    "num_leaves": 16,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.4,
    "lambda_l2": 8,
}
ROUNDS = {"first": 40, "closer": 150, "final": 150}


def main() -> None:
    args = _arguments()
    say = Progress(time.time())
    if not args.only_tune:
        document = train(pathlib.Path(args.data), args.version, say)
        write(document, pathlib.Path(args.out))
    document = json.loads(gzip.decompress(pathlib.Path(args.out).read_bytes()))
    write(tuned(document, pathlib.Path(args.data), say), pathlib.Path(args.out))


def train(data: pathlib.Path, version: int, say: "Progress") -> dict[str, Any]:
    """Train the three looks and return the model's document, without calibration."""
    reports = read_reports(data)
    trained, dev = split_of(reports, "train"), split_of(reports, "dev")
    counts = Counter(token for one in trained for token in filing_tokens(one.sketch))
    counts = Counter({t: n for t, n in counts.items() if n >= LEAST_COUNT})
    known = Background(reports=len(trained), counts=counts, seen_in_training=2)
    plain = Background(reports=len(trained), counts=counts)
    classes = {f"class:{c}": plain.weight(f"class:{c}", 0, 0) for c, _ in lexicon().classes}
    lists = walk(trained, known, plain, classes)
    say(f"walked {len(trained)} reports")

    looks = [first_looks(q, found) for _, q, found in lists]
    numbers, answers = stack(
        (look, trained[one].cluster == trained[c.number].cluster)
        for (one, _, found), some in zip(lists, looks, strict=True)
        for place, (look, c) in enumerate(zip(some, found, strict=True))
        if place < KEPT_IN_TRAINING or trained[one].cluster == trained[c.number].cluster
    )
    first = fit(FIRST, numbers, answers, ROUNDS["first"])
    say(f"first look trained on {len(answers)} pairs")

    rows, owners = closer_rows(trained, lists, looks, first)
    numbers, answers = stack((row.numbers, row.same) for row in rows)
    folds = np.array([fold(trained[owner].cluster) for owner in owners])
    alone = np.zeros(len(rows))
    for held_out in range(FOLDS):
        inside = folds != held_out
        trees = fit(CLOSER_TREES, numbers[inside], answers[inside], ROUNDS["closer"])
        alone[~inside] = trees.predict(numbers[~inside], raw_score=True)
    closer = fit(CLOSER_TREES, numbers, answers, ROUNDS["closer"])
    say(f"closer look trained on {len(answers)} pairs")

    numbers, answers = stack(listed(rows, owners, alone))
    final = fit(FINAL, numbers, answers, ROUNDS["final"])
    say(f"list trained on {len(answers)} pairs")

    return {
        "id": "match-model",
        "version": version,
        "lexicon": lexicon().name,
        "reports": len(trained),
        "counts": dict(sorted(counts.items())),
        "first": export(first, FIRST_LOOK),
        "closer": export(closer, CLOSER_LOOK),
        "final": export(final, IN_LIST),
        "knots": [],
        "link_at": 0.5,
        "pair_at": 0.5,
        "bands": [],
        "provenance": {
            "data_sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
            "data": "public advisories of many databases, masked; see docs/route/3-match.md",
            "train": len(trained),
            "dev": len(dev),
            "seed": SEED,
            "script": "perf/train_match.py",
            "rounds": ROUNDS,
            "lightgbm": lightgbm.__version__,
        },
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--only-tune", action="store_true")
    return parser.parse_args()


class Progress:
    """Says what was done and when."""

    def __init__(self, started: float) -> None:
        self._started = started

    def __call__(self, text: str) -> None:
        print(f"{time.time() - self._started:7.1f} s  {text}", flush=True)


def walk(
    reports: list[Report], known: Background, plain: Background, classes: dict[str, float]
) -> list[tuple[int, Query, list[Candidate]]]:
    """Let every report look for earlier ones, in order of arrival."""
    index, sides, lists = MemoryIndex(), [], []
    for one, report in enumerate(reports):
        tokens = filing_tokens(report.sketch)
        held = index.held(tokens)
        near = index.nearest(asked_under(tokens, held, len(sides), known))
        weights = weigh(report.sketch, held, len(sides), known)
        found = [Candidate.of(n, score, sides[n]) for n, score in near]
        asked = prepare(report.sketch, weights, classes, found)
        index.add(report.sketch, filed_under(tokens, plain))
        sides.append(Side(sketch=report.sketch, masses=masses(report.sketch, weights)))
        if found:
            lists.append((one, asked, found))
    return lists


class Row:
    """One candidate of one report after the closer look."""

    __slots__ = ("numbers", "same")

    def __init__(self, numbers: list[float], *, same: bool) -> None:
        self.numbers, self.same = numbers, same


def closer_rows(
    reports: list[Report],
    lists: list[tuple[int, Query, list[Candidate]]],
    looks: list[list[list[float]]],
    first: lightgbm.Booster,
) -> tuple[list[Row], list[int]]:
    """Give the closer look at what the first look leaves of each list."""
    rows, owners = [], []
    for (one, asked, found), some in zip(lists, looks, strict=True):
        scores = first.predict(np.array(some, np.float32), raw_score=True)
        for i in np.argsort(-scores, kind="stable")[:CLOSER]:
            numbers = closer_look(asked, found[i].side(), some[i])
            same = reports[one].cluster == reports[found[i].number].cluster
            rows.append(Row(numbers, same=same))
            owners.append(one)
    return rows, owners


def listed(rows: list[Row], owners: list[int], alone: np.ndarray) -> Any:
    """Give each candidate of a list with what the list looks like."""
    start = 0
    while start < len(rows):
        end = start
        while end < len(rows) and owners[end] == owners[start]:
            end += 1
        order = sorted(range(start, end), key=lambda i: -alone[i])[:LISTED]
        numbers = context([rows[i].numbers for i in order], [float(alone[i]) for i in order])
        yield from ((n, rows[i].same) for n, i in zip(numbers, order, strict=True))
        start = end


def stack(pairs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Make arrays of numbers and answers."""
    numbers, answers = [], []
    for some, same in pairs:
        numbers.append(np.asarray(some, np.float32))
        answers.append(same)
    return np.array(numbers), np.array(answers)


def fold(cluster: str) -> int:
    """Return the fold of a cluster; all reports of one vulnerability share it."""
    return random.Random(f"{SEED}{cluster}").randrange(FOLDS)


def fit(settings: dict[str, Any], numbers: Any, answers: Any, rounds: int) -> lightgbm.Booster:
    return lightgbm.train(settings, lightgbm.Dataset(numbers, answers), rounds)


def export(booster: lightgbm.Booster, features: tuple[str, ...]) -> dict[str, Any]:
    """Turn trained trees into plain data, and check that they say the same."""
    trees = []
    for tree in booster.dump_model()["tree_info"]:
        nodes: list[list[float]] = []
        leaves: list[float] = []
        _export_node(tree["tree_structure"], nodes, leaves)
        trees.append({"nodes": nodes, "leaves": leaves})
    document = {"features": list(features), "trees": trees}
    forest = Forest.of(document, features)
    probe = np.random.default_rng(SEED).uniform(-2, 60, (50, len(features)))
    told = booster.predict(probe, raw_score=True)
    assert np.allclose([forest.log_odds(list(row)) for row in probe], told, atol=1e-4)
    return document


def _export_node(node: dict[str, Any], nodes: list[list[float]], leaves: list[float]) -> int:
    if "leaf_value" in node:
        leaves.append(round(node["leaf_value"], 6))
        return -len(leaves)
    place = len(nodes)
    nodes.append([node["split_feature"], node["threshold"], 0, 0])
    nodes[place][2] = _export_node(node["left_child"], nodes, leaves)
    nodes[place][3] = _export_node(node["right_child"], nodes, leaves)
    return place


KNOTS = 24
STATED = (("proven", 0.99, 0.995), ("likely", 0.85, 0.9), ("possible", 0.35, 0.4))
"""Band, the precision it states, and the precision it must show on the tuning data."""


def tuned(document: dict[str, Any], data: pathlib.Path, say: "Progress") -> dict[str, Any]:
    """Set calibration, thresholds and bands by the split `dev`."""
    document |= {"knots": [], "link_at": 0.5, "pair_at": 0.5, "bands": []}
    reports = read_reports(data, "dev")
    clusters = {one.rid: one.cluster for one in reports}
    seen: set[str | None] = set()
    told, best, duplicates = [], [], 0
    for report, ranked in rankings(read(document), reports):
        answers = [(odds, clusters[rid] == report.cluster) for rid, odds, _ in ranked]
        told += answers
        best += answers[:1]
        duplicates += report.cluster in seen
        seen.add(report.cluster)
    say(f"ranked {len(reports)} reports of dev")
    document["knots"] = calibrate(told)
    model = read(document)
    document["bands"] = [
        [band, round(model.calibrated(least_odds(told, shown)), 6), stated]
        for band, stated, shown in STATED
    ]
    document["link_at"] = round(probability(best_threshold(best, duplicates)), 6)
    pairs = [pair for pair in read_pairs(data) if pair.split == "dev"]
    scores = pair_scores(model, reports, pairs)
    judged = [(log_odds(scores[pair.one, pair.other]), bool(pair.same)) for pair in pairs]
    say(f"judged {len(pairs)} pairs of dev")
    document["pair_at"] = round(probability(best_threshold(judged, sum(s for _, s in judged))), 6)
    say(f"link_at {document['link_at']} pair_at {document['pair_at']} {document['bands']}")
    return document


def calibrate(told: list[tuple[float, bool]]) -> list[list[float]]:
    """Return rising knots of log-odds and measured share (pooled adjacent violators)."""
    blocks: list[list[float]] = []
    ordered = sorted(told)
    size = max(len(ordered) // (KNOTS * 8), 20)
    for start in range(0, len(ordered), size):
        some = ordered[start : start + size]
        odds = sum(o for o, _ in some)
        blocks.append([odds, float(sum(s for _, s in some)), float(len(some))])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    return [[round(o / n, 4), round((s + 0.5) / (n + 1), 5)] for o, s, n in blocks]


def least_odds(told: list[tuple[float, bool]], precision: float) -> float:
    """Return the lowest log-odds above which the share of right ones is at least `precision`."""
    right, least = 0, float("inf")
    for count, (odds, same) in enumerate(sorted(told, reverse=True), 1):
        right += same
        if right / count >= precision and count >= 50:
            least = odds
    return least


def best_threshold(told: list[tuple[float, bool]], positives: int) -> float:
    """Return the log-odds at which F1 is best."""
    right, best, at = 0, 0.0, float("inf")
    for count, (odds, same) in enumerate(sorted(told, reverse=True), 1):
        right += same
        f1 = 2 * right / (count + positives)
        if f1 > best:
            best, at = f1, odds
    return at


def write(document: dict[str, Any], path: pathlib.Path) -> None:
    """Write a model file whose bytes depend on nothing but its content."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
