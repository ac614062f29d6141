r"""Trains the matcher's model from a public file of reports whose duplicates are known.

    python gen_flood.py --atoms ATOMS -n 24000 --seed 7 --days 120 --no-raw --gzip --out FLOOD
    python perf/train_ranking.py --data dedupe_public.jsonl.gz --flood FLOOD \
        --cache numbers.npz --out policies/match/model-1.json.gz

Needs lightgbm and numpy, which the software itself does not. ATOMS must hold no vulnerability of
the split `dev` (`--atoms` writes such a file). Nothing but the content of the reports is used: no
reporter, no time but the order of arrival, no id.

Then `perf/train_groups.py` adds the trees that judge groups.

1. The reports of several streams look for others (`match_streams`): the split `train`, each for
   earlier ones; the pairs of `train`, each of both for the other among all of them, which brings
   many look-alikes of one product and weakness; a flood with verbatim and re-worded copies; many
   small stores; and `dev`, which is only measured.
2. The first look is trained on what they find, the closer look on what the first leaves, and the
   look at the list on scores of trees that did not know the answer (folds by vulnerability).
3. They are measured on `dev`, which none of them knows and which gives calibration, thresholds and
   bands; and, as a check on that, trees that know the older three quarters of `train` on the rest.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import sys
import time
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from clearhouse.clearing.match.bench import Report, lines
from clearhouse.clearing.match.forest import Forest, probability
from clearhouse.clearing.match.lexicon import lexicon
from clearhouse.clearing.match.pairing import CLOSER_LOOK, FIRST_LOOK, IN_LIST
from clearhouse.clearing.match.ranking import LISTED, TOLD, in_lists, log_odds, standing
from match_streams import Rows, Sources, Streams, atoms_without, numbers_of

SEED = 20261126
FOLDS = 2
TRAINED_ON = {"train": 1.0, "both": 1.0, "flood": 0.2, "small": 1.0}
"""How much a row of each stream counts. Copies are many in a flood and easy to know; at full weight
they taught that whatever is laid out alike is the same."""
COMMON = {
    "objective": "binary",
    "bagging_freq": 1,
    "bagging_fraction": 0.8,
    "num_threads": 1,
    "verbose": -1,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "max_bin": 63,
}
FIRST = COMMON | {
    "learning_rate": 0.12,
    "num_leaves": 16,
    "min_data_in_leaf": 60,
    "min_sum_hessian_in_leaf": 2,
    "lambda_l2": 10,
}
CLOSER_TREES = COMMON | {
    "learning_rate": 0.12,
    "num_leaves": 24,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.35,
    "lambda_l2": 5,
    "min_sum_hessian_in_leaf": 0.5,
}
FINAL = COMMON | {
    "learning_rate": 0.06,
    "num_leaves": 16,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "lambda_l2": 8,
    "min_sum_hessian_in_leaf": 0.5,
}
ROUNDS = {"first": 80, "closer": 120, "final": 150}


def main() -> None:
    args = _arguments()
    say = Progress(time.time())
    if args.atoms:
        print(atoms_without(args.data, args.atoms, args.flood_atoms), "atoms without dev")
        return
    sources = Sources(data=args.data, flood=args.flood, cache=args.cache, counted=args.counted)
    streams = numbers_of(sources, first_trees, say)
    trees = trained({name: streams.rows(name) for name in TRAINED_ON if streams.size(name)})
    say("trained without dev")
    told = answers(streams.rows("dev"), trees)
    judgements = judged(streams.rows("pairs"), trees)
    made = document(streams, trees, told, judgements)
    made["provenance"] = {
        "data": "public advisories of many databases, masked; see docs/route/3-match.md",
        "data_sha256": hashlib.sha256(args.data.read_bytes()).hexdigest(),
        "trained_on": {name: streams.size(name) for name in TRAINED_ON},
        "dev": {**ranking(told), "pair_f1": round(f1_of(judgements)[0], 4)},
        "dev_bands_set_by_the_other_half": on_unseen_half(told),
        "time_forward": forward(streams, say) if args.forward else None,
        "seed": SEED,
        "script": "perf/train_ranking.py",
        "rounds": ROUNDS,
        "lightgbm": lightgbm.__version__,
    }
    print(json.dumps(made["provenance"] | {"bands": made["bands"]}, indent=1))
    write(made, args.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--flood", type=pathlib.Path, help="what gen_flood.py was told as --out")
    parser.add_argument("--cache", type=pathlib.Path, help="keeps the numbers between runs")
    parser.add_argument("--forward", action="store_true", help="measure forward in time as well")
    parser.add_argument("--counted", type=pathlib.Path, help="a model that counted `train` already")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("model-1.json.gz"))
    parser.add_argument("--atoms", type=pathlib.Path, help="only write --flood-atoms, without dev")
    parser.add_argument("--flood-atoms", type=pathlib.Path)
    return parser.parse_args()


class Progress:
    """Says what was done and when."""

    def __init__(self, started: float) -> None:
        self._started = started

    def __call__(self, text: str) -> None:
        print(f"{time.time() - self._started:7.1f} s  {text}", flush=True)


def first_trees(numbers: np.ndarray, same: np.ndarray) -> dict[str, Any]:
    """Train the first look."""
    return export(fit(FIRST, numbers, same, ROUNDS["first"]), FIRST_LOOK)


@dataclass
class Trees:
    """The closer look and the looks at lists, trained together."""

    closer: lightgbm.Booster
    final: lightgbm.Booster

    def told(self, rows: Rows) -> np.ndarray:
        """Return the log-odds of every row that reaches the list, the others far below."""
        alone = self.closer.predict(rows.numbers, raw_score=True)
        return listed_odds(rows, alone, self.final)


def trained(streams: dict[str, Rows]) -> Trees:
    """Train all looks; those at lists learn from scores of trees that did not know the cluster."""
    rows = Rows.joined(streams.values())
    kept = thinned(rows)
    counts = np.concatenate([np.full(len(r.same), TRAINED_ON[name]) for name, r in streams.items()])
    alone = np.zeros(len(rows.same))
    for outside in folds(rows):
        inside = kept & ~outside
        trees = fit(
            CLOSER_TREES,
            rows.numbers[inside],
            rows.same[inside],
            ROUNDS["closer"],
            counts[inside],
        )
        alone[outside] = trees.predict(rows.numbers[outside], raw_score=True)
    closer = fit(CLOSER_TREES, rows.numbers[kept], rows.same[kept], ROUNDS["closer"], counts[kept])
    chosen, numbers = lists(rows, alone)
    final = fit(FINAL, numbers, rows.same[chosen], ROUNDS["final"], counts[chosen])
    return Trees(closer, final)


def folds(rows: Rows) -> list[np.ndarray]:
    """Return which rows each fold leaves out; all of one vulnerability share a fold."""
    return [rows.fold % FOLDS == one for one in range(FOLDS)]


def thinned(rows: Rows) -> np.ndarray:
    """Leave out three in four of the candidates that the first look puts last and rightly."""
    chance = np.random.default_rng(SEED)
    place = np.zeros(len(rows.owner), int)
    for start, end in rows.lists():
        place[start:end] = np.arange(end - start)
    return (place < LISTED) | rows.same | rows.forced | (chance.random(len(place)) < 0.25)


def fit(
    settings: dict[str, Any], numbers: Any, answers: Any, rounds: int, counts: Any = None
) -> lightgbm.Booster:
    return lightgbm.train(settings, lightgbm.Dataset(numbers, answers, weight=counts), rounds)


def lists(rows: Rows, alone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that reach a list, and each with what its list looks like."""
    chosen: list[int] = []
    numbers: list[np.ndarray] = []
    for start, end in rows.lists():
        order = start + np.argsort(-alone[start:end], kind="stable")
        kept = [int(i) for n, i in enumerate(order) if n < LISTED or rows.forced[i]]
        chosen += kept
        told = in_lists(
            rows.numbers[kept].astype(np.float64), alone[kept], np.array([0, len(kept)])
        )
        numbers.append(told.astype(np.float32))
    return np.array(chosen), np.vstack(numbers)


def listed_odds(rows: Rows, alone: np.ndarray, final: lightgbm.Booster) -> np.ndarray:
    chosen, numbers = lists(rows, alone)
    odds = np.full(len(alone), -np.inf)
    odds[chosen] = final.predict(numbers, raw_score=True)
    return odds


def forward(streams: Streams, say: Progress) -> dict[str, Any]:
    """Measure trees that know the older three quarters of `train` on the rest."""
    rows, both = streams.rows("train"), streams.rows("both")
    turn = np.quantile(rows.owner, 0.75)
    late, late_pair = rows.owner >= turn, both.owner >= turn
    known = set(rows.cluster[~late].tolist())
    early = (both.owner < turn) & (both.other < turn)
    trees = trained({"train": rows.where(~late), "both": both.where(early)})
    told = answers(rows.where(late), trees)
    say("trained on the older part of train")
    return {
        **ranking([one for one in told if one.cluster not in known or not one.known]),
        "pair_f1": round(f1_of(judged(both.where(late_pair), trees))[0], 4),
    }


@dataclass(frozen=True)
class Answer:
    """What a new report was told: candidates best first, and which of them are right."""

    cluster: int
    known: bool
    """Whether an earlier report of the same vulnerability was stored."""
    odds: tuple[float, ...]
    same: tuple[bool, ...]


def answers_in(reports: list[Report], predictions: pathlib.Path) -> list[Answer]:
    """Return what the reports were told by the predictions of `clearhouse bench match`."""
    clusters = {one.rid: one.cluster for one in reports}
    told, seen = {x["rid"]: x["ranked"] for x in lines(predictions) if x["type"] == "rank"}, set()
    found = []
    for one in sorted(reports, key=lambda report: report.sequence):
        found.append(
            Answer(
                cluster=int.from_bytes(hashlib.sha256(str(one.cluster).encode()).digest()[:6]),
                known=one.cluster in seen,
                odds=tuple(log_odds(score) for _, score in told[one.rid]),
                same=tuple(clusters[rid] == one.cluster for rid, _ in told[one.rid]),
            )
        )
        seen.add(one.cluster)
    return found


def answers(rows: Rows, trees: Trees) -> list[Answer]:
    told, found = trees.told(rows), []
    for start, end in rows.lists():
        order = [
            i for i in start + np.argsort(-told[start:end], kind="stable") if told[i] > -np.inf
        ]
        found.append(
            Answer(
                cluster=int(rows.cluster[start]),
                known=bool(rows.known[start]),
                odds=tuple(float(told[i]) for i in order[:TOLD]),
                same=tuple(bool(rows.same[i]) for i in order[:TOLD]),
            )
        )
    return found


def judged(rows: Rows, trees: Trees) -> list[tuple[float, bool]]:
    """Judge pairs both ways, as `bench.pair_scores` does."""
    told = trees.told(rows)
    both: dict[tuple[int, int], list[float]] = {}
    same: dict[tuple[int, int], bool] = {}
    for i in np.flatnonzero(rows.forced):
        pair = tuple(sorted((int(rows.owner[i]), int(rows.other[i]))))
        both.setdefault(pair, []).append(float(told[i]))
        same[pair] = bool(rows.same[i])
    return [(sum(odds) / len(odds), same[pair]) for pair, odds in both.items()]


def ranking(told: list[Answer]) -> dict[str, float]:
    """Measure how often the right one comes first, and what linking at the best threshold does."""
    known = [one for one in told if one.known]
    best = [(one.odds[0], one.same[0]) for one in told if one.odds]
    f1, at = f1_of(best, len(known))
    false = sum(one.odds[0] >= at for one in told if one.odds and not one.known)
    new = len(told) - len(known)
    return {
        "reports": len(told),
        "duplicates": len(known),
        "recall@1": round(sum(any(one.same[:1]) for one in known) / len(known), 4),
        "recall@10": round(sum(any(one.same) for one in known) / len(known), 4),
        "link_f1": round(f1, 4),
        "false_per_1000_new": round(1000 * false / max(new, 1), 1),
        "link_at_odds": round(at, 3),
    }


def f1_of(told: list[tuple[float, bool]], positives: int | None = None) -> tuple[float, float]:
    """Return the best F1 and the log-odds at which it is reached."""
    positives = sum(same for _, same in told) if positives is None else positives
    right, best, at = 0, 0.0, float("inf")
    for count, (odds, same) in enumerate(sorted(told, reverse=True), 1):
        right += same
        f1 = 2 * right / (count + positives)
        if f1 > best:
            best, at = f1, odds
    return best, at


def lowest_near_best(told: list[tuple[float, bool]], positives: int) -> float:
    """Return the lowest log-odds at which F1 is at most `GIVEN` below its best."""
    best, at = f1_of(told, positives)
    right = 0
    for count, (odds, same) in enumerate(sorted(told, reverse=True), 1):
        right += same
        if 2 * right / (count + positives) >= best - GIVEN:
            at = min(at, odds)
    return at


def document(
    streams: Streams, trees: Trees, told: list[Answer], judgements: list[tuple[float, bool]]
) -> dict[str, Any]:
    """Return the model's document, without its provenance."""
    return {
        "id": "match-model",
        "version": 1,
        "lexicon": lexicon().name,
        "reports": streams.background["reports"],
        "counts": streams.background["counts"],
        "first": streams.first,
        "closer": export(trees.closer, CLOSER_LOOK),
        "final": export(trees.final, IN_LIST),
        **limits(told, judgements),
    }


PROVEN = ("proven", 0.99)
ABOVE_ALL_WRONG = 0.5
"""The surest band begins so many log-odds above the likeliest wrong suggestion. Public advisories
of one flaw in nearly the same words are rare, so the band is nearly empty on them; it is there for
copies."""
STATED = (("likely", 0.85, 0.90), ("possible", 0.35, 0.42))
"""Band, the precision it states, and the precision it must show where it was measured."""


GIVEN = 0.01
"""So much link F1 is given for knowing more copies again: the threshold is the lowest that costs no
more. At the very best one on `dev`, a flood was left with B-cubed .917."""


def limits(told: list[Answer], judgements: list[tuple[float, bool]]) -> dict[str, Any]:
    """Set calibration, thresholds and bands by what was judged without being known."""
    each = [pair for one in told for pair in zip(standing(one.odds), one.same, strict=True)]
    wrong = max(odds for odds, same in each if not same)
    knots = calibrate(each)
    knots = [k for k in knots if k[0] < wrong and k[1] < PROVEN[1]]
    knots.append([round(wrong + ABOVE_ALL_WRONG, 4), 0.995])
    best = [(one.odds[0], one.same[0]) for one in told if one.odds]
    return {
        "knots": knots,
        "link_at": round(probability(lowest_near_best(best, sum(one.known for one in told))), 6),
        "pair_at": round(probability(f1_of(judgements)[1]), 6),
        "bands": [[PROVEN[0], 0.995, PROVEN[1]], *bands(each, knots)],
    }


def bands(told: list[tuple[float, bool]], knots: list[list[float]]) -> list[list[Any]]:
    """Let each band begin where everything from there to the band above is right often enough."""
    found, above = [], knots[-1][0]
    x, y = zip(*knots, strict=True)
    for band, stated, shown in STATED:
        inside = [pair for pair in told if pair[0] < above]
        above = min(least_odds(inside, shown), above)
        found.append([band, round(float(np.interp(above, x, y)), 6), stated])
    return found


def least_odds(told: list[tuple[float, bool]], precision: float) -> float:
    """Return the lowest log-odds above which the share of right ones is at least `precision`."""
    right, least = 0, float("inf")
    for count, (odds, same) in enumerate(sorted(told, reverse=True), 1):
        right += same
        if right / count >= precision and count >= 50:
            least = odds
    return least


def calibrate(told: list[tuple[float, bool]]) -> list[list[float]]:
    """Return rising knots of log-odds and measured share (pooled adjacent violators)."""
    blocks: list[list[float]] = []
    ordered = sorted(told)
    size = 60
    for start in range(0, len(ordered), size):
        some = ordered[start : start + size]
        blocks.append([sum(o for o, _ in some), float(sum(s for _, s in some)), float(len(some))])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    knots = [[round(o / n, 4), round((s + 0.5) / (n + 1), 6)] for o, s, n in blocks]
    # Rising strictly, so that a band's limit lies at one place only.
    return [k for i, k in enumerate(knots) if i == 0 or k[1] > max(y for _, y in knots[:i])]


def on_unseen_half(told: list[Answer]) -> dict[str, Any]:
    """Set bands by one half of the vulnerabilities of `dev` and count them in the other."""
    stated = dict([PROVEN, *((band, share) for band, share, _ in STATED)])
    counts: dict[str, list[int]] = {band: [0, 0] for band in stated}
    for half in (0, 1):
        known = [one for one in told if one.cluster % 2 == half]
        set_by = limits(known, [(0.0, True)])
        x, y = zip(*set_by["knots"], strict=True)
        for one in told:
            if one.cluster % 2 != half:
                for odds, same in zip(standing(one.odds), one.same, strict=True):
                    share = float(np.interp(odds, x, y))
                    band = next((b for b, low, _ in set_by["bands"] if share >= low), None)
                    if band is not None:
                        counts[band][0] += same
                        counts[band][1] += 1
    return {
        band: {
            "stated": share,
            "measured": round(counts[band][0] / counts[band][1], 4) if counts[band][1] else None,
            "suggestions": counts[band][1],
        }
        for band, share in stated.items()
    }


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
    probe = np.random.default_rng(SEED).uniform(-2, 60, (50, len(features))).astype(np.float32)
    said = booster.predict(probe, raw_score=True)
    assert np.allclose(forest.log_odds(probe), said, atol=1e-3)
    return document


def _export_node(node: dict[str, Any], nodes: list[list[float]], leaves: list[float]) -> int:
    if "leaf_value" in node:
        leaves.append(round(node["leaf_value"], 5))
        return -len(leaves)
    place = len(nodes)
    nodes.append([node["split_feature"], float(f"{node['threshold']:.7g}"), 0, 0])
    nodes[place][2] = _export_node(node["left_child"], nodes, leaves)
    nodes[place][3] = _export_node(node["right_child"], nodes, leaves)
    return place


def write(document: dict[str, Any], path: pathlib.Path) -> None:
    """Write a model file whose bytes depend on nothing but its content."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
