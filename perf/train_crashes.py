"""Trains the comparison of crashes from a public file of pairs whose answers are known.

    python perf/train_crashes.py --data crash_public.jsonl.gz --out policies/match/crash-1.json.gz

Needs lightgbm and numpy. The threshold, the bands and the printed measures come from predictions
for projects that the trees had not seen (five folds by project); the model that is written has
seen all.
"""

import argparse
import hashlib
import json
import pathlib
import random
import sys
from typing import Any

import lightgbm
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from clearhouse.clearing.match.bench_crashes import among_first_ten, crash_pairs, measured
from clearhouse.clearing.match.crashes import FEATURES
from clearhouse.clearing.match.forest import probability
from train_ranking import export, f1_of, least_odds, write

SEED = 20261123
FOLDS = 5
ROUNDS = 150
SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 8,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10,
    "num_threads": 1,
    "verbose": -1,
    "seed": SEED,
    "deterministic": True,
}
SHOWN = (0.6, 0.4, 0.25)
"""Precisions that the bands must show on unseen projects."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    data = pathlib.Path(args.data)
    pairs = crash_pairs(data)
    numbers = np.array([pair.numbers for pair in pairs], np.float32)
    answers = np.array([pair.same for pair in pairs])
    folds = np.array([random.Random(f"{SEED}{p.project}").randrange(FOLDS) for p in pairs])
    odds = np.zeros(len(pairs))
    for held_out in range(FOLDS):
        inside = folds != held_out
        trees = fit(numbers[inside], answers[inside])
        odds[~inside] = trees.predict(numbers[~inside], raw_score=True)
    told = [(float(o), bool(same)) for o, same in zip(odds, answers, strict=True)]
    _, at = f1_of(told, int(answers.sum()))
    limits = [(least_odds(told, shown), shown) for shown in SHOWN]
    unseen = {
        "ours": measured([(o >= at, same) for o, same in told]),
        "published_rule": measured([(pair.rule, pair.same) for pair in pairs]),
        **among_first_ten(pairs, [o for o, _ in told]),
    }
    document: dict[str, Any] = {
        "id": "crash-model",
        "version": 1,
        "forest": export(fit(numbers, answers), FEATURES),
        "same_at": round(probability(at), 6),
        "bands": [[round(probability(o), 6), p] for o, p in limits if o < float("inf")],
        "provenance": {
            "data": "OSS-Fuzz crashes of OSV records (CC-BY-4.0); same fix means same bug",
            "data_sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
            "pairs": len(pairs),
            "seed": SEED,
            "script": "perf/train_crashes.py",
            "on_unseen_projects": unseen,
            "lightgbm": lightgbm.__version__,
        },
    }
    write(document, pathlib.Path(args.out))
    print(json.dumps({"same_at": document["same_at"], "bands": document["bands"], **unseen}))


def fit(numbers: np.ndarray, answers: np.ndarray) -> lightgbm.Booster:
    return lightgbm.train(SETTINGS, lightgbm.Dataset(numbers, answers), ROUNDS)


if __name__ == "__main__":
    main()
