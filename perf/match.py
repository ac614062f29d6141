"""Measures the matcher: a flood of reports through the real path, and single look-ups.

    python perf/match.py flood --reports F.reports.jsonl.gz --key F.key.jsonl.gz [--limit N]
    python perf/match.py lookups --reports F.reports.jsonl.gz --sizes 10000 100000

`flood` takes the reports in by the operation of the counter, into a fresh embedded store with fsync
on, and matches them in order of arrival as the workers of the route do: in processes of their own,
several reports to a transaction. It prints reports per second, memory, B-cubed and pair precision,
and the same for TF-IDF and osv-dedupe, which run in an environment of their own over the first
`--peer-limit` reports. Both are given their best threshold on this very stream; we are not.

What is compared are the groups that reports join: the clearinghouse merges by proof and by persons
alone, and shows groups as what looks like one bug. Where a report joins a group was learnt and set
on other floods, of other vulnerabilities.
"""

import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))

from clearhouse.app import App, Settings, build
from clearhouse.clearing.intake.operations import Arrival, reports_of, take_in
from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.match import _index, matching
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match._compare import Asked, Reading, compare_all, read, read_all
from clearhouse.clearing.match.bench import lines
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.packing import pack
from clearhouse.clearing.match.retrieval import CROWDED, entry, filed_under, weigh
from clearhouse.clearing.match.sides import side
from clearhouse.kernel import identity
from clearhouse.kernel.disjoint import UnionFind
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.tidying import tidy_seldom

TOGETHER = 100
"""Reports that come in one submission, as from an archive."""
PACK_EVERY_S = 15.0
"""As often as the route's own job packs the index."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    flood = commands.add_parser("flood")
    flood.add_argument("--reports", required=True)
    flood.add_argument("--key", required=True)
    flood.add_argument("--limit", type=int)
    flood.add_argument("--workers", type=int, default=(os.cpu_count() or 1) + 1)
    flood.add_argument("--together", type=int, default=128)
    flood.add_argument("--peer-limit", type=int, default=10_000, help="0: no peers")
    flood.add_argument("--peers", help="an environment that has scikit-learn and osv-dedupe")
    lookups = commands.add_parser("lookups")
    lookups.add_argument("--reports", required=True)
    lookups.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    lookups.add_argument("--asked", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as home:
        pathlib.Path(home).chmod(0o711)
        measure = {"flood": measure_flood, "lookups": measure_lookups}[args.what]
        print(json.dumps(measure(args, pathlib.Path(home)), indent=1))


def measure_flood(args: argparse.Namespace, home: pathlib.Path) -> dict[str, Any]:
    truth = {line["rid"]: line["cluster"] for line in lines(pathlib.Path(args.key))}
    app = build(Settings(home=home))
    assert app.server is not None
    try:
        begun = time.perf_counter()
        rids = fill(app, first(args.reports, args.limit))
        filling = time.perf_counter() - begun
        ours = match_all(app, home, list(rids), args.workers, args.together)
    finally:
        app.stop()
    reports = UnionFind(rids.values())
    links = [(rids[one], rids[other]) for one, other in ours.pop("links")]
    for one, other in links:
        reports.join(one, other)
    labels = {rid: reports.root(rid) for rid in rids.values()}
    found = {
        "machine": f"{os.cpu_count()} cores",
        "model": model().name,
        "reports": len(rids),
        "taken_in_per_second": round(len(rids) / filling, 1),
        "clearhouse": ours | agreement(labels, truth),
    }
    return found | (peers(args, ours["reports_per_second"]) if args.peer_limit else {})


def first(path: str, limit: int | None) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines(pathlib.Path(path))):
        if number == limit:
            return
        yield line


def draft_of(line: dict[str, Any]) -> Draft:
    fields = line["fields"]
    return Draft(
        title=fields["title"] or None,
        description=fields["text"] or None,
        software=(fields["component"] or [None])[0],
        purl=(fields["purl"] or [None])[0],
        ecosystem=fields["ecosystem"],
        cwes=tuple(fields["cwe"]),
        locations=tuple(Location(function=symbol) for symbol in fields["symbols"]),
    )


def fill(app: App, given: Iterable[dict[str, Any]]) -> dict[ReportId, str]:
    """Take reports in by the operation; return their names in the flood, in order of arrival."""
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, PartyKind.LAB, "perf")
        actor_id = identity.add_actor(
            transaction, party, ActorKind.PERSON, "load", roles=["reporter"]
        )
        actor = identity.actor(transaction, actor_id)
    assert actor is not None
    names: dict[ReportId, str] = {}
    for batch in cut(given, TOGETHER):
        original = "\n".join(line.get("raw", "") for line in batch).encode()
        drafts = tuple(draft_of(line) for line in batch)
        receipt = take_in(
            app.counter, actor, Arrival(original=original, format="perf", drafts=drafts)
        )
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            places = reports_of(transaction, [receipt])
        names |= {
            report_id: batch[ordinal]["rid"]
            for report_id, (_, ordinal) in sorted(places.items(), key=lambda item: item[1][1])
        }
    return names


def cut(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for one in things:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def match_all(
    app: App, home: pathlib.Path, ids: Sequence[ReportId], workers: int, together: int
) -> dict[str, Any]:
    """Match every report in processes of its own kind, and say how fast and in how much memory."""
    assert app.server is not None
    context = multiprocessing.get_context("spawn")
    turn, ready, go = context.Value("l", 0), context.Semaphore(0), context.Event()
    links: Any = context.Queue()
    processes = [
        context.Process(
            target=work, args=(str(home), ids, together, number, turn, ready, go, links)
        )
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    begun, store = time.perf_counter(), store_cpu_s(app.server.pid or 0)
    go.set()
    peak = 0.0
    done: list[dict[str, Any]] = []
    while len(done) < workers:
        pids = [process.pid or 0 for process in processes]
        peak = max(peak, pss_mb([*pids, app.server.pid or 0, *children(app.server.pid or 0)]))
        while not links.empty():
            done.append(links.get())
        time.sleep(3.0)  # asking for memory takes a tenth of a second of a processor
        assert all(process.exitcode in {None, 0} for process in processes)
    spent = max(one["until"] for one in done) - begun
    for process in processes:
        process.join()
    cpu = sum(one["cpu_s"] for one in done)
    store = store_cpu_s(app.server.pid or 0) - store
    return {
        "links": [link for one in done for link in one["links"]],
        "workers": workers,
        "together": together,
        "reports_per_second": round(len(ids) / spent, 1),
        "worker_cpu_ms_per_report": round(1000 * cpu / len(ids), 2),
        "store_cpu_ms_per_report": round(1000 * store / len(ids), 2),
        "peak_mb_workers_and_store": round(peak),
    }


def work(
    home: str,
    ids: Sequence[ReportId],
    together: int,
    number: int,
    turn: Any,
    ready: Any,
    go: Any,
    links: Any,
) -> None:
    """Match chunk after chunk; what another worker is at comes again with the next chunk."""
    app = build(Settings(home=pathlib.Path(home)))
    actor, found = app.desk.clearing_actor, []
    model()
    tidy_seldom()
    ready.release()
    go.wait()
    begun, packed, left = time.process_time(), time.perf_counter(), list[ReportId]()
    while True:
        with turn.get_lock():
            start, turn.value = turn.value, turn.value + together
        fresh = ids[start : start + together]
        chunk = [*left, *fresh]
        if not chunk:
            break
        with app.desk.database.transaction(actor.actor_id) as transaction:
            # When there is nothing else to do, others are waited for.
            matched = matching.match_reports(app.desk, transaction, actor, chunk, wait=not fresh)
        left = [one for one in chunk if one not in matched]
        for report_id, its in matched.items():
            found += [(report_id, one.place.report_id) for one in its.comparisons if one.companion]
        if number == 0 and time.perf_counter() - packed > PACK_EVERY_S:
            match.pack_index(app.desk)
            packed = time.perf_counter()
    links.put({"links": found, "until": time.perf_counter(), "cpu_s": time.process_time() - begun})
    app.close()


def measure_lookups(args: argparse.Namespace, home: pathlib.Path) -> dict[str, Any]:
    """File reports in a fresh embedded store and ask what others are like, one at a time."""
    given = lines(pathlib.Path(args.reports))
    found: dict[str, Any] = {"machine": f"{os.cpu_count()} cores", "at": {}}
    app = build(Settings(home=home))
    try:
        filed = 0
        drafts = [draft_of(next(given)) for _ in range(args.asked)]
        for size in sorted(args.sizes):
            begun, before = time.perf_counter(), filed
            filed += load(app, given, filed, size - filed)
            filing = time.perf_counter() - begun
            for draft in drafts[:50]:
                lookup(app, draft)
            waits = sorted(lookup(app, draft) for draft in drafts)
            found["at"][filed] = {
                "filed_per_second": round((filed - before) / filing, 1),
                "asked": len(waits),
                "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
                "p90_ms": round(waits[int(len(waits) * 0.9)] * 1000, 2),
                "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
            }
        found["peak_mb_process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    finally:
        app.stop()
    return found


def load(app: App, given: Iterator[dict[str, Any]], filed: int, count: int) -> int:
    """File reports as the operation files them, but only in the index; return how many."""
    done = 0
    for batch in cut((line for line, _ in zip(given, range(count), strict=False)), 1000):
        readings = read_all(app.desk, map(draft_of, batch))
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as machinery:
            file_all(machinery, filed + done + 1, readings)
            _index.pack_postings(machinery)
        done += len(batch)
    return done


def file_all(machinery: Transaction, serial: int, readings: Sequence[Reading]) -> None:
    background = model().background
    counts = _index.held(machinery, {n for one in readings for n in one.numbers.values()}).counts
    filings = []
    for place, one in enumerate(readings, serial):
        held = {t: min(counts[n], CROWDED + 1) for t, n in one.numbers.items() if counts[n]}
        plain = weigh(one.plain, held, place - 1, background)
        weights = {value: plain[text] for value, text in one.readable.items() if text in plain}
        tokens = [
            one.numbers[token]
            for token in filed_under(one.filing, background)
            if held.get(token, 0) <= CROWDED
        ]
        counts.update(tokens)
        filings.append(
            _index.Filing(
                serial=place,
                entry=entry(place, one.plain),
                packed=pack(side(one.hashed, weights, one.readable.__getitem__)),
                package=one.keyed.package,
                tokens=tokens,
                group=place,
            )
        )
    _index.file(machinery, filings)


def lookup(app: App, draft: Draft) -> float:
    """Ask what a report is like, and return how long the answer took, in seconds."""
    begun = time.perf_counter()
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as machinery:
        compare_all(app.desk, machinery, [Asked(reading=read(app.desk, draft))])
    return time.perf_counter() - begun


def peers(args: argparse.Namespace, ours: float) -> dict[str, Any]:
    """Run the peers in an environment of their own over the first reports of the same flood."""
    script = pathlib.Path(__file__).with_name("match_peers.py")
    with tempfile.TemporaryDirectory(prefix="clearhouse-peers-") as folder:
        python = pathlib.Path(args.peers or folder) / "bin" / "python"
        if not args.peers:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            install = ["-m", "pip", "install", "-q", "osv-dedupe==0.1.0", "scikit-learn==1.9.1"]
            subprocess.run([python, *install], check=True)
        most = min(args.peer_limit, args.limit or args.peer_limit)
        asked = [python, script, args.reports, args.key, str(most)]
        said = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    truth = {line["rid"]: line["cluster"] for line in lines(pathlib.Path(args.key))}
    for peer in said.values():
        best = max(
            (agreement(labels, truth) | {"threshold": at} for at, labels in peer.pop("labels")),
            key=lambda one: one["b_cubed"],
        )
        peer.update(best)
        peer["our_speed_over_theirs"] = round(ours / peer["reports_per_second"], 3)
    return {"peers": said}


def agreement(labels: dict[str, str], truth: dict[str, str]) -> dict[str, float]:
    """Return B-cubed and pairwise precision and recall of a clustering."""
    ours, theirs = collections.Counter(labels.values()), collections.Counter[str]()
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


def store_cpu_s(server: int) -> float:
    """Return the processor time of the store: of its server, and of all that it started."""
    ticks = 0
    for pid in (server, *children(server)):
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, fields[11:15] if pid == server else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children(parent: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listing.stdout.split()]


def pss_mb(pids: Sequence[int]) -> float:
    """Return the proportional set size of processes in MB, which counts shared memory once."""
    total = 0
    for pid in pids:
        try:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += next((int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:")), 0)
    return total / 1024


if __name__ == "__main__":
    main()
