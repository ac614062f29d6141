"""Kills the counter, a worker or the store at random under load, and counts what was lost.

    .clearhouse/env/bin/python perf/kills.py --kills 300

Starts an installation of its own in a temporary folder on loopback and submits reports from
several clients that retry under the same Idempotency-Key. Again and again it waits until the house
acknowledges reports, and then, after a random moment, sends SIGKILL to a random process. Afterwards
every acknowledged report must be there once, byte for byte, every accepted report must be cleared
once, and the ledger must verify. Prints one JSON document; exit code 1 when a promise broke.
"""

import argparse
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from clearhouse.app import Settings, build
from clearhouse.clearing.intake import operations as intake
from clearhouse.kernel import identity, ledger, ledger_export
from clearhouse.kernel.identity import ActorKind, PartyKind, Scope
from clearhouse.kernel.ids import Receipt
from clearhouse.kernel.services import App
from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.store.embedded import Embedded

CLIENTS = 4
CLIENT_PAUSE_S = 0.05
"""Between two reports of one client: the kills are to hit work under way, not a saturated disk."""
ANSWERS_BETWEEN_KILLS = 5
RECOVERY_TIMEOUT_S = 60.0
SETTLE_TIMEOUT_S = 120.0
"""Longest time in which nothing more is cleared."""


@dataclass
class Load:
    """Clients that submit until told to stop, and what they were told."""

    port: int
    token: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Receipt by idempotency key."""
    attempted: set[str] = field(default_factory=set)
    """Every key under which something was sent, heard or not."""
    answers: int = 0
    changed_receipts: int = 0
    retries: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def client(self, number: int) -> None:
        count = 0
        while not self.stopping.is_set():
            key, count = f"client-{number}-{count}", count + 1
            self._submit(key)
            if count % 5 == 0:
                self._submit(key)  # a client that did not hear the answer asks again
            time.sleep(CLIENT_PAUSE_S)

    def _submit(self, key: str) -> None:
        body = body_of(key)
        self.attempted.add(key)
        while not self.stopping.is_set():
            receipt = self._try(key, body)
            if receipt is not None:
                self.changed_receipts += self.acknowledged.setdefault(key, receipt) != receipt
                self.answers += 1
                return
            self.retries += 1
            time.sleep(0.1)

    def _try(self, key: str, body: str) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(
                "POST",
                "/v1/reports",
                body,
                {
                    "Content-Type": "application/json",
                    "Authorization": f"Bearer {self.token}",
                    "Idempotency-Key": key,
                },
            )
            answer = connection.getresponse()
            document = json.loads(answer.read() or b"{}")
            return document["receipt"] if answer.status == 202 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()


def body_of(key: str) -> str:
    """Return the report that is sent under a key."""
    return json.dumps(
        {
            "purl": f"pkg:npm/kill-test-{key}@1.0.0",
            "affected_symbol": {"file": "src/parse.js", "function": key.replace("-", "_")},
            "enrichment": {"cwe": "CWE-1333"},
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearhouse-kills-") as folder:
        Path(folder).chmod(0o711)
        outcome = run(Path(folder) / "home", kills=arguments.kills, seed=arguments.seed)
    print(json.dumps(outcome, indent=2))
    sys.exit(0 if outcome["holds"] else 1)


def run(home: Path, *, kills: int, seed: int) -> dict[str, object]:
    """Run the whole experiment and return its counts."""
    app = build(Settings(home=home))
    assert app.server is not None
    load = Load(port=_free_port(), token=_token(app))
    app.close()
    supervisor = _start_supervisor(home, load.port)
    begin = time.monotonic()
    try:
        _wait_for_counter(load.port)
        clients = [
            threading.Thread(target=load.client, args=[number], daemon=True)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        killed = _kill_at_random(app.server, supervisor.pid, load, kills, random.Random(seed))
        load.stopping.set()
        for client in clients:
            client.join(timeout=60)
        settled = _settle(home)
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(60)
    return _judge(home, load, killed, settled, time.monotonic() - begin)


def _token(app: App) -> str:
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, PartyKind.LAB, "kill test")
        actor = identity.add_actor(transaction, party, ActorKind.PERSON, "load", roles=["reporter"])
        return identity.issue_token(transaction, actor, label="load", scopes=[Scope.SUBMIT])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_SUPERVISED = """
import sys
from clearhouse.app import Settings, build
from clearhouse.clearing.intake import operations as intake
from clearhouse.surfaces.cli import supervise
from clearhouse.surfaces.cli.supervise import Supervisor
supervise._LONGEST_PAUSE_S = 0.5  # what dies by our hand may come back at once
app = build(Settings.from_environment())
app.close()
Supervisor(
    {"counter": ("serve", "counter", "--port", sys.argv[1], "--reports-per-hour", "10000000"),
     "worker": ("serve", "worker")},
    app.server,
).run()
"""


def _start_supervisor(home: Path, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _SUPERVISED, str(port)],
        env=os.environ | {"CLEARHOUSE_HOME": str(home)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for_counter(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the counter did not start")


def _kill_at_random(
    server: Embedded, supervisor_pid: int, load: Load, kills: int, chance: random.Random
) -> Counter[str]:
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        _wait_for_answers(load, load.answers + ANSWERS_BETWEEN_KILLS)
        time.sleep(chance.uniform(0.0, 0.5))
        name, pid = _victim(server, supervisor_pid, chance)
        if pid is None:
            continue
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        killed[name] += 1
    return killed


def _wait_for_answers(load: Load, wanted: int) -> None:
    deadline = time.monotonic() + RECOVERY_TIMEOUT_S
    while load.answers < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the house did not come back within {RECOVERY_TIMEOUT_S:.0f} s")
        time.sleep(0.01)


def _victim(server: Embedded, supervisor_pid: int, chance: random.Random) -> tuple[str, int | None]:
    name = chance.choice(["counter", "worker", "store", "store connection"])
    if name == "store":
        return name, server.pid
    parent = server.pid if name == "store connection" else supervisor_pid
    children = [
        (pid, line) for pid, line in _children(parent) if name == "store connection" or name in line
    ]
    return name, chance.choice(children)[0] if children else None


def _children(parent: int | None) -> list[tuple[int, str]]:
    """Return (pid, command line) of a process's children."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent or -1)],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    rows = (line.split(None, 1) for line in listing.splitlines())
    return [(int(pid), rest) for pid, rest in rows]


def _settle(home: Path) -> bool:
    """Wait until the worker has cleared everything that was accepted."""
    app = build(Settings(home=home))
    try:
        least, deadline = float("inf"), time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
                row = transaction.one(
                    "SELECT count(*) AS waiting FROM submission WHERE status <> 'done'"
                )
            waiting = row["waiting"] if row is not None else 0
            if waiting == 0:
                return True
            if waiting < least:
                least, deadline = waiting, time.monotonic() + SETTLE_TIMEOUT_S
            time.sleep(0.5)
        return False
    finally:
        app.close()


def _judge(
    home: Path, load: Load, killed: Counter[str], settled: bool, seconds: float
) -> dict[str, object]:
    app = build(Settings(home=home))
    try:
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            counts = _counts(transaction)
            altered = _altered(app, transaction, load)
            while ledger.sequence(transaction):
                pass
            ledger.sign_head(transaction, app.desk.keys.signing_key())
            key = app.desk.keys.signing_key().public_key()
            verification = ledger_export.verify(ledger_export.export(transaction, key), key)
    finally:
        app.stop()
    stored: int = counts["submissions"]
    outcome: dict[str, object] = {
        "kills": dict(killed),
        "kills_total": killed.total(),
        "acknowledged": len(load.acknowledged),
        "retries": load.retries,
        "stored": stored,
        "lost": len(altered),
        "duplicated": max(0, stored - len(load.attempted)) + counts["doubled"],
        "receipts_that_changed": load.changed_receipts,
        "all_cleared": settled,
        "cleared_once": all(counts[name] == counts["reports"] for name in _ONCE_A_REPORT),
        "jobs_given_up": counts["given_up"],
        "ledger_size": verification.size,
        "ledger_verifies": verification.holds,
        "ledger_agrees_with_reports": counts["received"] == counts["reports"] == stored,
        "seconds": round(seconds, 1),
    }
    return outcome | {
        "holds": not outcome["lost"]
        and not outcome["duplicated"]
        and not load.changed_receipts
        and settled
        and bool(outcome["cleared_once"])
        and verification.holds
        and bool(outcome["ledger_agrees_with_reports"])
        and len(load.acknowledged) >= killed.total()
    }


_ONCE_A_REPORT = ("matched", "findings", "verdicts", "verdict_events", "match_events")


def _counts(transaction: Transaction) -> dict[str, int]:
    row = transaction.one(
        "SELECT (SELECT count(*) FROM submission) AS submissions,"
        " (SELECT count(*) FROM report) AS reports,"
        " (SELECT count(*) - count(DISTINCT receipt) FROM report) AS doubled,"
        " (SELECT count(*) FROM match_report) AS matched,"
        " (SELECT count(*) FROM finding) AS findings,"
        " (SELECT count(*) FROM verdict) AS verdicts,"
        " (SELECT count(DISTINCT subject) FROM ledger_event WHERE kind = 'report.received')"
        " AS received,"
        " (SELECT count(*) FROM ledger_event WHERE kind = 'verdict.decided') AS verdict_events,"
        " (SELECT count(*) FROM ledger_event WHERE kind = 'report.matched') AS match_events,"
        " (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS given_up"
    )
    return dict(row or {})


def _altered(app: App, transaction: Transaction, load: Load) -> list[str]:
    """Return the keys of acknowledged reports that are not there, or not byte for byte."""
    return [
        key
        for key, receipt in load.acknowledged.items()
        if intake.original(app.desk, transaction, Receipt(receipt)) != body_of(key).encode()
    ]


if __name__ == "__main__":
    main()
