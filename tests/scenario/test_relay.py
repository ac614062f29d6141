"""Two houses as their processes run them exchange a case, are cut off in the middle, and go on."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from clearhouse.app import Settings, build
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import peers, sending
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.receive import Incoming, receive
from clearhouse.clearing.match import operations as match
from clearhouse.formats import relay_node
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.outside import Outside
from house import coordinator, reporter
from relay_houses import LIMITS, PROJECT, administrator, fresh_database, home_of_its_own

REPORT = """# Overflow in the tree loader

- Package: pkg:pypi/relayed-trees
- Affected: < 2.4
- CWE: CWE-787
- Reporter: Zoë Finder

The loader trusts the length in the header and copies it into a small buffer.
""".encode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gate:
    """What stands before a counter, as a reverse proxy does; it can swallow answers."""

    def __init__(self, inner):
        self.inner, self.swallow = inner, False
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                session, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(session,), daemon=True).start()

    def _carry(self, session):
        with (
            contextlib.suppress(OSError),
            session,
            socket.create_connection(("127.0.0.1", self.inner), timeout=10) as inside,
        ):
            threading.Thread(target=self._pump, args=(session, inside), daemon=True).start()
            while answer := inside.recv(65536):
                if self.swallow:
                    return
                session.sendall(answer)

    @staticmethod
    def _pump(session, inside):
        with contextlib.suppress(OSError):
            while asked := session.recv(65536):
                inside.sendall(asked)


class House:
    """One coordinator: a home with its own keys, a store, and processes when they are started."""

    def __init__(self, home, owner_url, name, policies):
        self.home, self.owner_url, self.name = home, owner_url, name
        self.port = free_port()
        self.gate = Gate(self.port)
        self.running = {}
        out = Outside(
            desk_address="http://127.0.0.1:8441",
            counter_address=f"http://127.0.0.1:{self.gate.port}",
            house_name=f"House {name}",
        )
        self.app = build(Settings(home=home, database_url=owner_url, outside=out))
        self.environment = os.environ | {
            "CLEARHOUSE_HOME": str(home),
            "CLEARHOUSE_DATABASE_URL": owner_url,
            "CLEARHOUSE_COUNTER_ADDRESS": out.counter_address,
            "CLEARHOUSE_NAME": out.house_name,
            "CLEARHOUSE_POLICIES": str(policies),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    @property
    def document(self):
        return (self.home / "counter" / "relay-node.json").read_bytes()

    def do(self, actor, verb, *arguments, **more):
        with self.app.desk.database.transaction(actor.actor_id) as transaction:
            done = verb(self.app.desk, transaction, actor, *arguments, **more)
        assert not isinstance(done, Refused), done
        return done

    def start(self, process):
        more = ("--port", str(self.port)) if process == "counter" else ()
        with (self.home / f"{process}.log").open("ab") as log:
            self.running[process] = subprocess.Popen(
                [sys.executable, "-m", "clearhouse.app", "serve", process, *more],
                env=self.environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def kill(self, process):
        self.running[process].kill()
        self.running.pop(process).wait(10)

    def stop(self):
        for one in self.running.values():
            one.terminate()
        for one in self.running.values():
            one.wait(30)
        self.gate.server.close()
        self.app.close()

    def rows(self, sql):
        with psycopg.connect(self.owner_url, options="-c search_path=clearhouse") as owner:
            return owner.execute(sql).fetchall()

    def until(self, sql, seconds=200):  # of a machine that may have much else to do
        deadline = time.monotonic() + seconds
        while not (found := self.rows(sql)):
            assert time.monotonic() < deadline, (self.name, sql)
            time.sleep(0.05)
        return found


@pytest.fixture
def houses(installation, tmp_path):
    tmp_path.chmod(0o711)
    policies = tmp_path / "policies"
    shutil.copytree(PROJECT / "policies", policies)
    relaying = policies / "relay" / "clearhouse-1.yaml"
    relaying.write_text(
        relaying.read_text().replace("longest_pause_s: 21600", "longest_pause_s: 2")
    )
    with contextlib.ExitStack() as stack:
        made = []
        for name in ("a", "b"):
            url = stack.enter_context(fresh_database(installation))
            home = home_of_its_own(installation, tmp_path / name)
            made.append(House(home, url, name, policies))
            stack.callback(made[-1].stop)
        yield made


def enroll(house, other):
    return house.do(
        administrator(house.app), peers.enroll, other.document, limits=LIMITS,
        fingerprint=relay_node.read(other.document).fingerprint,
    )  # fmt: skip


def opened_case(house):
    receipt = receive(
        house.app.counter, reporter(house.app), Incoming(data=REPORT, filename="report.md")
    ).receipt
    clearing = house.app.desk.clearing_actor
    with house.app.desk.database.transaction(clearing.actor_id) as transaction:
        (report_id,) = intake.reports_of(transaction, [receipt])
    route.clear(house.app.desk, report_id)
    with house.app.desk.database.transaction(clearing.actor_id) as transaction:
        finding = match.finding_of(transaction, report_id)
        return coordinate.open_case(house.app.desk, transaction, clearing, finding)


def test_a_case_is_exchanged_cut_off_in_the_middle_and_resumed_with_nothing_lost_or_doubled(houses):
    a, b = houses
    peer, _ = enroll(a, b), enroll(b, a)
    case = opened_case(a)
    link = a.do(coordinator(a.app), sending.send, case.id, peer.peer_id, tlp=Tlp.RED, reason="both")

    b.gate.swallow = True  # what b answers never reaches a
    b.start("counter")
    a.start("worker")
    b.until("SELECT 1 FROM relay_in")
    b.kill("counter")
    assert a.rows("SELECT sent_at FROM relay_out WHERE kind = 'case'") == [(None,)]
    b.gate.swallow = False
    for house, process in ((b, "counter"), (b, "worker"), (a, "counter")):
        house.start(process)
    a.until("SELECT 1 FROM relay_out WHERE sent_at IS NOT NULL")
    a.until("SELECT 1 FROM relay_link WHERE their_handle IS NOT NULL")

    ((attempts,),) = a.rows("SELECT attempts FROM relay_out WHERE kind = 'case'")
    assert attempts >= 2
    for table in ("submission", "report", "relay_in", "relay_link", "coordination_case"):
        assert b.rows(f"SELECT count(*) FROM {table}") == [(1,)], table  # noqa: S608 - names of ours
    ((there, named),) = b.rows("SELECT case_id, their_handle FROM relay_link")
    assert named == link.our_handle
    cora = coordinator(b.app)
    arrived = b.do(cora, casework.case, there)
    with b.app.desk.database.transaction(cora.actor_id) as transaction:
        assert [
            one.name for one in match.credits_of(b.app.desk, transaction, arrived.findings[0])
        ] == ["Zoë Finder"]
        (receipt,) = [row["receipt"] for row in transaction.all("SELECT receipt FROM submission")]
        assert intake.original(b.app.desk, transaction, receipt) == REPORT
    here = a.do(coordinator(a.app), casework.case, case.id)
    assert here.embargo.instant == arrived.embargo.instant
    for house in houses:
        for log in house.home.glob("*.log"):
            assert b"length in the header" not in log.read_bytes()
