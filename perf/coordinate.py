"""Measures a house with many open cases: the sweep of clocks, the list, a page of 150 vendors.

    .clearhouse/env/bin/python perf/coordinate.py [--cases 10000] [--vendors 150] [--times 20]

Makes the cases by the room's own functions in one embedded store with fsync on, each with three
parties, an embargo of its own and sealed content. Prints, in seconds:
- the sweep when no clock is due, and its ratio to a peer that opens every case to look (as a store
  without the next instant beside each case would have to);
- the sweep when the embargoes of `--due` cases end at once, and then those of all others, each with
  its ledger entry; beside the time of the clock, that of the processors in this process and in the
  server's; and its ratio to a peer that opens each due case and seals it anew;
- what is due for publication among all cases;
- pages: the list, and the case with many vendors and two products each, median and slowest of
  `--times`, through the whole desk application.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.testclient import TestClient

from clearhouse.app import HOUSE, Settings, build
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import _store, casework, clocks, standing, transitions
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.duty import ON_DUTY
from clearhouse.clearing.coordinate.embargo import EmbargoFacts
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Case,
    Participant,
    Party,
    PartyRole,
    ProductState,
)
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import identity, sessions
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind, Scope
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli import serve

START = datetime(2026, 11, 1, tzinfo=UTC)
PEER_CASES = 200
Measured = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--due", type=int, default=1000)
    parser.add_argument("--vendors", type=int, default=150)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as folder:
        Path(folder).chmod(0o711)
        app = build(Settings(home=Path(folder) / "home"))
        try:
            outcome = run(app, arguments)
        finally:
            app.stop()
    print(json.dumps(outcome, indent=2))


def run(app: App, arguments: argparse.Namespace) -> dict[str, object]:
    app.desk.database.clock = lambda: START
    who = _coordinator(app)
    begin = time.perf_counter()
    _fill(app, who, arguments.cases - 1, arguments.due)
    large = _large(app, who, arguments.vendors)
    filled_s = time.perf_counter() - begin
    app.desk.database.clock = lambda: START + timedelta(days=10)
    idle = _timed(lambda: clocks.sweep(app.desk), arguments.times)
    opened_s = _open_all(app)
    due_s = _timed(lambda: _due(app), arguments.times)
    pages = _pages(app, who, large, arguments.times)
    # Later than the embargo of the first `--due` cases, and of no other.
    app.desk.database.clock = lambda: START + timedelta(days=20)
    opened = _open_due(app, PEER_CASES)
    some = _swept(app)
    app.desk.database.clock = lambda: START + timedelta(days=40)
    everything = _swept(app)
    return {
        "cases": arguments.cases,
        "filling_s": round(filled_s, 1),
        "sweep_nothing_due": idle,
        "peer_that_opens_every_case_s": round(opened_s, 2),
        "times_faster_than_peer": round(opened_s / idle["median_s"]),
        "sweep_some_due": some,
        "sweep_all_due": everything,
        "peer_that_opens_and_seals_each": opened,
        "times_faster_than_that_peer": round(everything["per_s"] / opened["per_s"], 1),
        "due_for_publication": due_s,
        "pages": pages,
    }


def _coordinator(app: App) -> Actor:
    with app.desk.database.transaction(None) as transaction:
        house = identity.add_party(transaction, PartyKind.COORDINATOR, HOUSE)
        actor_id = identity.add_actor(transaction, house, ActorKind.PERSON, "Cora",
                                      roles=["coordinator", "coordinator_on_duty"])  # fmt: skip
        actor = identity.actor(transaction, actor_id)
    if actor is None:
        raise AssertionError("the coordinator was added")
    return actor


def _fill(app: App, who: Actor, cases: int, due: int) -> None:
    """Store the cases, the first `due` of them with an earlier end."""
    for first in range(0, cases, 200):
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            for number in range(first, min(first + 200, cases)):
                case = _case(who, number, days=15 if number < due else 30)
                box = app.desk.vault.new_box(transaction, casework.readers_of(case, START))
                _store.insert(transaction, box, case, ahead=casework.ahead(case, START))


def _large(app: App, who: Actor, vendors: int) -> str:
    """Open a case of a report, give it many vendors, and let two thirds speak of two products."""
    draft = Draft(
        title="A parser overflows", description="In every stack.", purl="pkg:generic/perf"
    )
    arrival = Arrival(original=b"perf", format="perf", drafts=(draft,))
    receipt = take_in(app.counter, app.desk.clearing_actor, arrival)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        (report,) = intake.reports_of(transaction, [receipt])
    route.clear(app.desk, report)
    with app.desk.database.transaction(who.actor_id) as transaction:
        finding = match.finding_of(transaction, report)
        case = coordinate.open_case(app.desk, transaction, who, finding)
        for number in range(vendors):
            party = identity.add_party(transaction, PartyKind.VENDOR, f"Vendor {number:03}")
            casework.join(app.desk, transaction, who, case.id, party=party, role=PartyRole.VENDOR)
        found = casework.case(app.desk, transaction, who, case.id).vendors
        said = [
            Said(vendor=party.id, product=f"pkg:generic/stack-{product}", versions="<3",
                 state=list(ProductState)[place % 4], note="as the vendor wrote")
            for place, party in enumerate(found[: vendors * 2 // 3])
            for product in range(2)
        ]  # fmt: skip
        standing.say_of_products(app.desk, transaction, who, case.id, said)
    return case.id


def _case(who: Actor, number: int, *, days: int) -> Case:
    vendor = Party(id=new_id("pty"), role=PartyRole.VENDOR, name=f"Vendor of {number}")
    finder = Party(id=new_id("pty"), role=PartyRole.FINDER, name=f"Finder {number}")
    house = Party(id=who.party_id, role=PartyRole.COORDINATOR, name="This house")
    opened = transitions.open_case(
        new_id("cas"),
        findings=(new_id("fnd"),),
        purl=f"pkg:pypi/perf-{number}",
        parties=(vendor, finder, house),
        facts=EmbargoFacts(received_at=START, negotiated=START + timedelta(days=days)),
        policy=casework.embargo_policy(),
        at=START,
    )
    on_duty = Participant(actor=ON_DUTY, party=who.party_id, tier=0, read_in_at=START,
                          approved_by=(who.actor_id,))  # fmt: skip
    read = opened if isinstance(opened, Refused) else transitions.read_in(opened, on_duty)
    if isinstance(read, Refused):
        raise AssertionError(read.reason)  # noqa: TRY004 - our own mistake, not a wrong type
    return read


def _open_all(app: App) -> float:
    """Look at the instant of every case by opening it."""
    begin = time.perf_counter()
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        now = transaction.now
        for stored in _store.newest(app.desk, transaction, 1_000_000):
            transitions.tick(stored.case, now)
    return time.perf_counter() - begin


def _swept(app: App) -> Measured:
    """Sweep once, by the clock of the wall and by those of the processors."""
    server, own, begin = _server_cpu_s(app), time.process_time(), time.perf_counter()
    cases = clocks.sweep(app.desk)
    wall = time.perf_counter() - begin
    return {
        "cases": cases,
        "s": round(wall, 2),
        "cpu_here_s": round(time.process_time() - own, 2),
        "cpu_server_s": round(_server_cpu_s(app) - server, 2),
        "per_s": round(cases / wall),
    }


def _open_due(app: App, cases: int) -> Measured:
    """Do what a sweep does that opens each due case, and take it back."""
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        begin = time.perf_counter()
        due = _store.clocks_due(app.desk, transaction, cases)
        for stored in due:
            clocks._tick(app.desk, transaction, stored)  # noqa: SLF001 - the peer is its inside
        wall = time.perf_counter() - begin
        transaction.connection.rollback()
    return {"cases": len(due), "s": round(wall, 2), "per_s": round(len(due) / wall)}


def _server_cpu_s(app: App) -> float:
    """Return the processor time of the embedded server's processes so far, those that live."""
    if app.server is None:
        return float("nan")
    with app.desk.database.transaction(None) as transaction:
        row = transaction.one("SELECT pg_backend_pid() AS pid")
    if row is None:
        raise AssertionError("the server has a process")
    parent = Path(f"/proc/{row['pid']}/stat").read_text().rpartition(")")[2].split()[1]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if fields[1] == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _due(app: App) -> None:
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        casework.due(transaction)


def _pages(app: App, who: Actor, large: str, times: int) -> dict[str, Measured]:
    client = TestClient(serve.desk_application(app), base_url="http://desk.test")
    with app.desk.database.transaction(who.actor_id) as transaction:
        token = identity.issue_token(transaction, who.actor_id, label="perf", scopes=[Scope.DESK])
        client.cookies.set("desk", sessions.open_with_token(transaction, token) or "")
    return {
        "list of cases": _timed(lambda: _get(client, "/cases"), times),
        "case of many vendors": _timed(lambda: _get(client, f"/cases/{large}"), times),
        "today": _timed(lambda: _get(client, "/"), times),
    }


def _get(client: TestClient, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise AssertionError(f"{address} answered {answer.status_code}")


def _timed(work: Callable[[], object], times: int) -> Measured:
    work()
    took, own = [], time.process_time()
    for _ in range(times):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return {
        "median_s": round(statistics.median(took), 4),
        "slowest_s": round(max(took), 4),
        "mean_cpu_here_s": round((time.process_time() - own) / times, 4),
    }


if __name__ == "__main__":
    main()
