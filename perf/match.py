"""Measures the matcher: a flood of reports in order of arrival, look-ups, and crashes.

    python perf/match.py flood --reports F.reports.jsonl[.gz] --key F.key.jsonl[.gz]
    python perf/match.py lookups --size 100000
    python perf/match.py crashes --data crash_public.jsonl.gz

`flood` goes through ranking in one process per share of the packages' alphabet; it prints reports
per second, memory, B-cubed and pair precision, and the same for TF-IDF at its best threshold.
A report is linked to its best candidate from the model's threshold on; the clearinghouse itself
would only suggest.
"""

import argparse
import collections
import json
import pathlib
import resource
import sys
import tempfile
import time
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))

from clearhouse.app import App, Settings, build
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import _index
from clearhouse.clearing.match._compare import Reading, compare, read
from clearhouse.clearing.match.bench import Archive, lines, report_of
from clearhouse.clearing.match.forest import probability
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.pairing import Side, masses
from clearhouse.clearing.match.retrieval import filed_under, weigh
from clearhouse.kernel.store.database import Transaction

BATCH = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    flood = commands.add_parser("flood")
    flood.add_argument("--reports", required=True)
    flood.add_argument("--key", required=True)
    flood.add_argument("--limit", type=int)
    lookups = commands.add_parser("lookups")
    lookups.add_argument("--reports", required=True)
    lookups.add_argument("--size", type=int, default=100_000)
    lookups.add_argument("--asked", type=int, default=300)
    args = parser.parse_args()
    measure = {"flood": measure_flood, "lookups": measure_lookups}[args.what]
    print(json.dumps(measure(args), indent=1))


def measure_flood(args: argparse.Namespace) -> dict[str, Any]:
    truth = {line["rid"]: line["cluster"] for line in lines(pathlib.Path(args.key))}
    archive, labels, waits = Archive(model=model()), {}, []
    started = time.perf_counter()
    for line in lines(pathlib.Path(args.reports)):
        if args.limit and len(labels) >= args.limit:
            break
        begun = time.perf_counter()
        report = report_of(line, line["fields"])
        ranked = archive.take(report.rid, report.sketch)
        best = ranked[0] if ranked else None
        linked = best is not None and probability(best.log_odds) >= archive.model.link_at
        labels[report.rid] = labels[archive.rids[best.number]] if linked else report.rid
        waits.append(time.perf_counter() - begun)
    spent = time.perf_counter() - started
    waits.sort()
    return {
        "reports": len(labels),
        "reports_per_second": round(len(labels) / spent, 1),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **agreement(labels, truth),
    }


def measure_lookups(args: argparse.Namespace) -> dict[str, Any]:
    """File reports in a fresh embedded store and ask what others are like, one at a time."""
    given = lines(pathlib.Path(args.reports))
    with tempfile.TemporaryDirectory() as home:
        app = build(Settings(home=pathlib.Path(home)))
        try:
            filed, begun = 0, time.perf_counter()
            while filed < args.size:
                batch = [read(app.desk, draft_of(next(given))) for _ in range(BATCH)]
                with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as machinery:
                    for one in batch:
                        filed += 1
                        file_one(machinery, filed, one)
            filing = time.perf_counter() - begun
            waits = [lookup(app, draft_of(next(given))) for _ in range(args.asked)]
        finally:
            app.stop()
    waits.sort()
    return {
        "stored": filed,
        "filed_per_second": round(filed / filing, 1),
        "asked": len(waits),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
        "p90_ms": round(waits[int(len(waits) * 0.9)] * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
    }


def draft_of(line: dict[str, Any]) -> Draft:
    fields = line["fields"]
    return Draft(
        title=fields["title"] or None,
        description=fields["text"] or None,
        software=(fields["component"] or [None])[0],
        purl=(fields["purl"] or [None])[0],
        ecosystem=fields["ecosystem"],
        cwes=tuple(fields["cwe"]),
    )


def file_one(machinery: Transaction, serial: int, one: Reading) -> None:
    background = model().background
    weights = weigh(one.plain, {}, serial, background)
    hashed = {number: weights.get(text, 0.0) for number, text in one.readable.items()}
    side = Side(sketch=one.hashed, masses=masses(one.hashed, hashed))
    tokens = [one.numbers[token] for token in filed_under(one.filing, background)]
    _index.file(machinery, serial, side, package=one.keyed.package, tokens=tokens, keys={})


def lookup(app: App, draft: Draft) -> float:
    """Ask what a report is like, and return how long the answer took, in seconds."""
    begun = time.perf_counter()
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as machinery:
        compare(app.desk, machinery, read(app.desk, draft))
    return time.perf_counter() - begun


def agreement(labels: dict[str, str], truth: dict[str, str]) -> dict[str, float]:
    """Return B-cubed and pairwise precision and recall of a clustering."""
    ours, theirs = collections.Counter(labels.values()), collections.Counter()
    both: collections.Counter[tuple[str, str]] = collections.Counter()
    for rid, label in labels.items():
        theirs[truth[rid]] += 1
        both[label, truth[rid]] += 1
    precision = sum(n * n / ours[label] for (label, _), n in both.items()) / len(labels)
    recall = sum(n * n / theirs[cluster] for (_, cluster), n in both.items()) / len(labels)
    right = sum(n * (n - 1) for n in both.values())
    return {
        "b_cubed": round(2 * precision * recall / (precision + recall), 4),
        "b_cubed_precision": round(precision, 4),
        "b_cubed_recall": round(recall, 4),
        "pair_precision": round(right / max(sum(n * (n - 1) for n in ours.values()), 1), 4),
        "pair_recall": round(right / max(sum(n * (n - 1) for n in theirs.values()), 1), 4),
    }


if __name__ == "__main__":
    main()
