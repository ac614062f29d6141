"""Measures how many reports the counter accepts durably, and whether that lasts.

    .clearhouse/env/bin/python perf/intake.py [--stored 1000 100000] [--seconds 10] [--counters 2]

Runs real counters (HTTP on loopback, full validation, sealing, ledger, job), as many as
`--counters` says, over one embedded store with fsync on. Fills it to each size through the same
operation, submits from one client and from eight spread over the counters, and prints reports per
second, latency and memory at each size, and the ratios.
The clients run on the same machine and take their share of it; no worker runs meanwhile.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from clearhouse.app import Settings, build
from clearhouse.clearing.intake.receive import Accepted, Incoming, receive
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind, Scope
from clearhouse.kernel.services import App
from kills import _free_port, _wait_for_counter

Measured = dict[str, float]


def report(number: int) -> bytes:
    """Return a TAP report of about 5 kB, each about another package."""
    poc = f"const parse = require('perf-{number}');\n" + "parse('a'.repeat(100));\n" * 120
    return json.dumps(
        {
            "purl": f"pkg:npm/perf-{number}@1.0.{number % 50}",
            "versions": ["1.0.0", "1.0.1"],
            "affected_symbol": {"file": f"src/m{number % 97}.js", "function": f"f{number}"},
            "references": ["https://example.org/issue/1"],
            "package_repo_url": "https://example.org/perf.git",
            "discovery_method": "ai-discovered",
            "discovery_tooling": "finder-large 2.1 in seekloop 0.14",
            "attachments": [
                {
                    "filename": "poc.js",
                    "data": poc,
                    "content_type": "text/plain",
                    "type": "exploit-proof-of-concept",
                },
                {
                    "filename": "fix.patch",
                    "data": "--- a/src/m.js\n+++ b/src/m.js\n@@ -1,2 +1,2 @@\n-a\n+b\n" * 20,
                    "content_type": "text/plain",
                    "type": "patch",
                },
            ],
            "enrichment": {"cwe": "CWE-1333", "severity": "High"},
        }
    ).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--stored", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--counters", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as folder:
        Path(folder).chmod(0o711)
        outcome = run(
            Path(folder) / "home", arguments.stored, arguments.seconds, arguments.counters
        )
    print(json.dumps(outcome, indent=2))


def run(home: Path, sizes: Sequence[int], seconds: float, counters: int) -> dict[str, object]:
    """Fill to each size in turn and measure there."""
    app = build(Settings(home=home))
    assert app.server is not None
    actor, token = _reporter(app)
    sizes = sorted(sizes)
    results: dict[str, dict[str, Measured]] = {}
    try:
        for size in sizes:
            _fill(home, actor, size - _stored(app))
            results[str(size)] = _measure(home, app, token, seconds, counters)
    finally:
        app.stop()
    small, large = (results[str(sizes[0])], results[str(sizes[-1])])
    ratios = {
        f"{clients}, p50 at {sizes[-1]} over p50 at {sizes[0]}":
            round(large[clients]["p50_ms"] / small[clients]["p50_ms"], 2)
        for clients in small
    }  # fmt: skip
    machine = f"{os.cpu_count()} cores, {counters} counters"
    return {"machine": machine, "at": results, "ratios": ratios}


def _reporter(app: App) -> tuple[Actor, str]:
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, PartyKind.LAB, "perf")
        actor_id = identity.add_actor(
            transaction, party, ActorKind.PERSON, "load", roles=["reporter"]
        )
        token = identity.issue_token(transaction, actor_id, label="x", scopes=[Scope.SUBMIT])
        actor = identity.actor(transaction, actor_id)
    assert actor is not None
    return actor, token


def _stored(app: App) -> int:
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one("SELECT count(*) AS n FROM report")
    return int(row["n"]) if row else 0


def _fill(home: Path, actor: Actor, count: int) -> None:
    if count <= 0:
        return
    shares = [range(start, count, 8) for start in range(8)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(8) as pool:
        pool.starmap(_fill_share, [(str(home), actor, share) for share in shares])


def _fill_share(home: str, actor: Actor, share: range) -> None:
    app = build(Settings(home=Path(home)))
    for number in share:
        incoming = Incoming(
            data=report(10_000_000 + number), content_type="application/json", tap=True
        )
        assert isinstance(receive(app.counter, actor, incoming), Accepted)
    app.close()


def _measure(
    home: Path, app: App, token: str, seconds: float, counters: int
) -> dict[str, Measured]:
    ports = [_free_port() for _ in range(counters)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "clearhouse.app", "serve", "counter", "--port", str(port),
             "--reports-per-hour", "100000000"],
            env=os.environ | {"CLEARHOUSE_HOME": str(home)},
        )
        for port in ports
    ]  # fmt: skip
    try:
        for port in ports:
            _wait_for_counter(port)
        _load(ports, token, clients=2 * counters, seconds=2)  # warm up
        return {
            f"{clients} client{'s' if clients > 1 else ''}": _load(
                ports, token, clients=clients, seconds=seconds
            )
            | _memory([process.pid for process in processes], app)
            for clients in (1, 8)
        }
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def _load(ports: Sequence[int], token: str, *, clients: int, seconds: float) -> Measured:
    context = multiprocessing.get_context("spawn")
    begin = time.time() + 1.5  # all start together
    with context.Pool(clients) as pool:
        shares = pool.starmap(
            _client,
            [
                (ports[number % len(ports)], token, begin, seconds, number)
                for number in range(clients)
            ],
        )
    latencies = sorted(latency for share in shares for latency in share)
    return {
        "reports_per_s": round(len(latencies) / seconds, 1),
        "p50_ms": round(statistics.median(latencies) * 1000, 2),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
    }


def _client(port: int, token: str, begin: float, seconds: float, number: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    bodies = [report(number * 1_000_000 + count) for count in range(200)]
    latencies: list[float] = []
    time.sleep(max(0.0, begin - time.time()))
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        connection.request("POST", "/v1/reports", bodies[len(latencies) % 200], headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
        latencies.append(time.perf_counter() - now)
    return latencies


def _memory(counters: Sequence[int], app: App) -> Measured:
    assert app.server is not None
    store = [app.server.pid or 0, *_child_pids(app.server.pid or 0)]
    return {
        "counter_pss_mb": _pss_mb(counters),
        "store_pss_mb": _pss_mb(store),
    }


def _child_pids(parent: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listing.stdout.split()]


def _pss_mb(pids: Sequence[int]) -> float:
    """Return the proportional set size of processes, in MB; 0 where the system does not tell."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        if rollup.exists():
            total += next(
                int(line.split()[1])
                for line in rollup.read_text().splitlines()
                if line.startswith("Pss:")
            )
    return round(total / 1024, 1)


if __name__ == "__main__":
    main()
