r"""Trains the last forest of the matcher, which says whether a report joins a group.

    python gen_flood.py --atoms ATOMS -n 60000 --seed 13 --no-raw --gzip --out FLOOD
    python perf/train_groups.py --flood FLOOD --model policies/match/model-1.json.gz

Needs lightgbm, which the software itself does not. ATOMS should hold only vulnerabilities that the
other trees do not know (`--atoms` writes such a file, with one half of them), because they are
surer of what they know. A copy of the flood's reports and key lies in FLOOD.*.jsonl.gz.

The flood goes through the matcher in order of arrival, in memory. What a list says of a group
depends on the groups that were made before it, so the flood is walked again with the forest that
the walk before it taught. The last one is written into the model with the threshold `JOIN_AT`.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from clearhouse.clearing.match.bench import Archive, lines
from clearhouse.clearing.match.forest import Forest
from clearhouse.clearing.match.groups import FIRST, GroupLooks, group_looks, joinings
from clearhouse.clearing.match.model import read
from clearhouse.clearing.match.pairing import IN_GROUP
from clearhouse.clearing.match.ranking import Ranked
from clearhouse.clearing.match.sketch import material, sketch
from match import draft_of
from train_ranking import COMMON, export, write

WALKS = 2
ROUNDS = 150
JOIN_AT = 0.75
"""Set on a flood of other vulnerabilities, above where 95 of 100 pairs in groups are right."""
TREES = COMMON | {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "lambda_l2": 5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--flood", help="folder and name of the flood, without its endings")
    parser.add_argument("--atoms", type=pathlib.Path, help="only write half of --flood-atoms here")
    parser.add_argument("--flood-atoms", type=pathlib.Path)
    parser.add_argument("--known", type=pathlib.Path, help="atoms that the other trees know")
    args = parser.parse_args()
    if args.atoms:
        print(half(args.flood_atoms, args.known, args.atoms), "vulnerabilities")
        return
    made = json.loads(gzip.decompress(args.model.read_bytes()))
    made |= {"group": export(stump(), IN_GROUP), "join_at": JOIN_AT}
    reports, key = (pathlib.Path(f"{args.flood}.{what}.jsonl.gz") for what in ("reports", "key"))
    truth = {line["rid"]: line["cluster"] for line in lines(key)}
    flood = list(listed(made, reports, truth))
    made["group"] = export(taught(flood), IN_GROUP)
    made["provenance"]["groups"] = {
        "flood_sha256": hashlib.sha256(reports.read_bytes()).hexdigest(),
        "reports": len(flood),
    }
    write(made, args.model)


def half(atoms: pathlib.Path, known: pathlib.Path, out: pathlib.Path) -> int:
    """Write one half of the vulnerabilities that the other trees do not know; return how many."""
    taught = {line["cid"] for line in lines(known)}
    kept = [
        line
        for line in lines(atoms)
        if line["cid"] not in taught and zlib.crc32(line["cid"].encode()) % 2 == 0
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
    out.write_bytes(gzip.compress(text.encode(), mtime=0))
    return len(kept)


Flood = Sequence[tuple[str, Sequence[Ranked]]]
"""Each report's vulnerability, and the earlier ones as the list ranks them, in order."""
Decide = Callable[[Sequence[Ranked], dict[int, int]], int | None]


def listed(
    made: dict[str, Any], reports: pathlib.Path, truth: dict[str, str]
) -> Iterator[tuple[str, Sequence[Ranked]]]:
    archive, begun = Archive(model=read(made)), time.time()
    for number, line in enumerate(lines(reports), 1):
        found = archive.take(line["rid"], sketch(material(draft_of(line))))
        yield truth[line["rid"]], [_light(one, place) for place, one in enumerate(found)]
        if number % 5000 == 0:
            print(f"{time.time() - begun:7.1f} s  {number} reports are listed", flush=True)


def _light(one: Ranked, place: int) -> Ranked:
    """Keep of a listed report what a look at its group needs, in little memory."""
    numbers: Any = np.array(one.numbers if place < FIRST else (), np.float32)
    return replace(one, numbers=numbers)


def taught(flood: Flood) -> lightgbm.Booster:
    """Walk the flood, each time with what was learnt the last time, and return the last trees."""
    trees: lightgbm.Booster | None = None
    for _ in range(WALKS):
        seen, same = walk(flood, _best if trees is None else _by(trees))
        trees = lightgbm.train(TREES, lightgbm.Dataset(seen, same), ROUNDS)
        print(len(same), "groups were looked at;", round(float(same.mean()), 3), "are right")
    assert trees is not None
    return trees


def walk(flood: Flood, decide: Decide) -> tuple[np.ndarray, np.ndarray]:
    """Return what is seen of every group that a report might join, and which of them are right."""
    groups: dict[int, int] = {}
    looks: list[GroupLooks] = []
    same: list[bool] = []
    for number, (cluster, found) in enumerate(flood):
        joined = decide(found, groups) if found else None
        if found:
            looks.append(group_looks(found, groups))
            same += [flood[one][0] == cluster for one in looks[-1].companions]
        groups[number] = number if joined is None else joined
    return np.vstack([one.numbers for one in looks]), np.array(same, float)


SURE = 2.0
"""Before anything is learnt, a report joins its best candidate at these log-odds."""


def _best(found: Sequence[Ranked], groups: dict[int, int]) -> int | None:
    return groups[found[0].number] if found[0].log_odds >= SURE else None


def _by(trees: lightgbm.Booster) -> Decide:
    forest = Forest.of(export(trees, IN_GROUP), IN_GROUP)

    def decide(found: Sequence[Ranked], groups: dict[int, int]) -> int | None:
        (one,) = joinings(forest, JOIN_AT, [group_looks(found, groups)])
        return None if one is None else one.group

    return decide


def stump() -> lightgbm.Booster:
    """Return trees that say nothing, so that a model without groups can be read."""
    rows = np.zeros((200, len(IN_GROUP)))
    return lightgbm.train(TREES, lightgbm.Dataset(rows, np.arange(200) % 2), 1)


if __name__ == "__main__":
    main()
