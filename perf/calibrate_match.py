r"""Sets calibration, thresholds and bands of the matcher's model anew, and leaves its trees alone.

    clearhouse bench match --data FILE --split dev --predictions OUT.jsonl
    python perf/calibrate_match.py --data FILE --predictions OUT.jsonl --model MODEL.json.gz

Training measures on lists that it made itself; this takes the reports of `dev` as the benchmark
ranked them, so it also serves after a change that leaves the trees alone. Needs lightgbm, because
`train_ranking` does.
"""

import argparse
import gzip
import json
import pathlib

from clearhouse.clearing.match.bench import read_pairs, read_reports
from train_ranking import answers_in, f1_of, limits, lines, log_odds, on_unseen_half, ranking, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "predictions", "model"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    args = parser.parse_args()
    told = answers_in(read_reports(args.data, "dev"), args.predictions)
    scores = {
        (line["a"], line["b"]): line["score"]
        for line in lines(args.predictions)
        if line["type"] == "pair"
    }
    judgements = [
        (log_odds(scores[pair.one, pair.other]), bool(pair.same))
        for pair in read_pairs(args.data)
        if pair.split == "dev"
    ]
    document = json.loads(gzip.decompress(args.model.read_bytes()))
    document |= limits(told, judgements)
    document["provenance"] |= {
        "dev": {**ranking(told), "pair_f1": round(f1_of(judgements)[0], 4)},
        "dev_bands_set_by_the_other_half": on_unseen_half(told),
    }
    print(json.dumps(document["provenance"] | {"bands": document["bands"]}, indent=1))
    write(document, args.model)


if __name__ == "__main__":
    main()
