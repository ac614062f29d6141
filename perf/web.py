"""Measures the pages of the desk over a large house, on the real server.

    .clearhouse/env/bin/python perf/web.py [--findings 100000] [--times 200] [--home FOLDER]

Takes reports in by the operation of the counter into an embedded store with fsync on, and lets the
rooms' own operations validate and prioritize the first of each kind and open cases; the others of
its kind get the same verdict and priority, sealed and stored all at once. The comparing of each
report with all others is left out, because it takes hours and no page reads its index: findings are
founded by the store of match, and every fifth gets a suggestion with reasons. With `--home` the
filled store is kept, and used again by the next run.

Then it starts the desk as `clearhouse serve desk` does and asks for each page `--times` times, one
after the other over one connection on loopback: the time from request to last byte, which is the
server's time and a little more. Three people ask: an analyst who may read all that no case keeps
back, a coordinator who is read in to every case, and somebody who is read in to nothing. Beside
each page: the bytes of its answer, and the time of processors that the desk and the store's server
took for it, which other work on the machine does not change much. The peer in the same run is a
bare FastAPI and Jinja application that writes a table of fifty rows from memory, in a process of
its own.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import fastapi
import jinja2
import psycopg
import uvicorn
from pydantic import TypeAdapter

from clearhouse.app import HOUSE, Settings, build
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, Report, load, reports_of, take_in
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Draft,
    ExploitState,
    Location,
)
from clearhouse.clearing.match import _store as findings
from clearhouse.clearing.match.matching import new_edge
from clearhouse.clearing.match.record import Basis, Edge, Reason, ReasonCode, Relation
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.record import Priority
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import Verdict
from clearhouse.kernel import identity, ledger, sessions, vault
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind, Scope
from clearhouse.kernel.ids import Compartment, ReportId, new_id
from clearhouse.kernel.services import App
from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.vault import Box
from kills import _free_port, _wait_for_counter

PACKAGES = 9000
TOGETHER = 100
"""Reports that come in one submission, as from an archive."""
START = datetime(2026, 8, 1, tzinfo=UTC)
MOST_MS, MOST_BYTES = 100.0, 100_000
"""What every page of the desk promises: p95 of the server's time, and the bytes of the first."""
PEOPLE = {
    "analyst": ("intake_analyst", "auditor"),
    "coordinator": ("coordinator", "coordinator_on_duty"),
    "outsider": ("coordinator",),
}
VECTORS = (
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:L/I:L/A:N",
    "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N",
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
)
MIDDLE = {
    "finding": "SELECT r.finding_id AS id FROM match_edge e JOIN match_report r"
    " ON r.report_id = e.right_report WHERE 'role:intake_analyst' = ANY(r.readers)"
    " ORDER BY e.edge_id LIMIT 1 OFFSET 10",
    "pair": "SELECT edge_id AS id FROM match_edge WHERE state = 'active'"
    " AND relation = 'suggested' AND 'role:intake_analyst' = ANY(readers)"
    " ORDER BY edge_id LIMIT 1 OFFSET 10",
    "report": "SELECT report_id AS id FROM report"
    " WHERE 'role:intake_analyst' = ANY(readers) ORDER BY report_id LIMIT 1 OFFSET 50",
    "case": "SELECT case_id AS id FROM coordination_case ORDER BY case_id LIMIT 1",
    "event": "SELECT event_id AS id FROM ledger_event WHERE kind = 'finding.prioritized'"
    " AND 'role:intake_analyst' = ANY(readers) ORDER BY event_id LIMIT 1",
}
"""Something of each kind, neither the first nor the last."""
PARTS = ("parser", "loader", "router", "decoder", "scheduler", "allocator", "session", "cache")
FLAWS = (
    ("trusts a length and copies beyond its buffer", "CWE-787"),
    ("builds objects that a document names", "CWE-502"),
    ("answers before the signature is checked", "CWE-347"),
    ("follows links out of its folder", "CWE-22"),
    ("takes quadratic time on nested input", "CWE-1333"),
)
Measured = dict[str, float]
Flavour = tuple[object, ...]
VERDICT, PRIORITY = TypeAdapter(Verdict), TypeAdapter(Priority)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--home", type=Path, help="keep the filled store here")
    parser.add_argument("--pages", nargs="*", help="only pages whose name holds one of these words")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = arguments.home or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="clearhouse-perf-"))
        )
        home.mkdir(exist_ok=True, parents=True)
        home.chmod(0o711)
        print(json.dumps(run(home / "home", arguments), indent=2))


def run(home: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Fill the house where it has too few findings, and measure it."""
    app = build(Settings(home=home))
    try:
        begin = time.perf_counter()
        _fill(app, home, arguments.findings - _founded(app), arguments.workers)
        filled_s = round(time.perf_counter() - begin, 1)
        with _serving_desk(home) as (port, desk), _serving_peer() as (peer, bare_pid):
            store = app.server.pid if app.server else None
            pages = _measure(app, port, [desk, store], arguments)
            bare = _asked(peer, "/", "", [bare_pid], arguments.times)
    finally:
        app.stop()
    slow = [name for name, page in pages.items() if page["p95_ms"] > MOST_MS]
    return {
        "machine": f"{os.cpu_count()} cores",
        "findings": arguments.findings,
        "filling_s": filled_s,
        "pages": pages,
        "peer, a bare page of fifty rows": bare,
        "ratios of p50 to the peer": {
            name: round(page["p50_ms"] / bare["p50_ms"], 1) for name, page in pages.items()
        },
        "slower than promised": slow,
        "larger than promised": [
            name for name, page in pages.items() if page["bytes"] > MOST_BYTES
        ],
    }


def _founded(app: App) -> int:
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one("SELECT count(*) AS findings FROM finding")
    return int(row["findings"]) if row else 0


def _person(app: App, name: str, roles: Sequence[str], *, house: str = HOUSE) -> Actor:
    kind = PartyKind.COORDINATOR if house == HOUSE else PartyKind.LAB
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, kind, house)
        actor_id = identity.add_actor(
            transaction, party, ActorKind.PERSON, name, roles=sorted(roles)
        )
        actor = identity.actor(transaction, actor_id)
    if actor is None:
        raise AssertionError("the person was added")
    return actor


# Filling: every report by the operations that the route calls, in order of arrival.


def _fill(app: App, home: Path, missing: int, workers: int) -> None:
    if missing <= 0:
        return
    reporters = [_person(app, "load", ["reporter"], house=f"Lab {n}") for n in range(20)]
    _register_vendors(app)
    batches = range(-(-missing // TOGETHER))
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        pool.starmap(
            _fill_share,
            [(str(home), reporters, batches[share::workers]) for share in range(workers)],
        )
    waiting = 1
    while waiting:
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            waiting = ledger.sequence(transaction)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        ledger.sign_head(transaction, app.desk.keys.signing_key())
    with psycopg.connect(app.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")  # as the server does by itself after a while


def _register_vendors(app: App) -> None:
    """Let three hundred maintainers answer for thirty packages each."""
    clerk = _person(app, "clerk", ["coordinator"])
    for first in range(0, PACKAGES, 30):
        with app.desk.database.transaction(clerk.actor_id) as transaction:
            casework.register_vendor(
                app.desk, transaction, clerk, name=f"Maintainers of {first}",
                packages=[f"pkg:pypi/perf-{number}" for number in range(first, first + 30)],
            )  # fmt: skip


def _fill_share(home: str, reporters: Sequence[Actor], batches: Sequence[int]) -> None:
    app = build(Settings(home=Path(home)))
    like: dict[Flavour, tuple[Verdict, Priority]] = {}
    for batch in batches:
        at = START + timedelta(minutes=batch * 100)
        app.desk.database.clock = app.counter.database.clock = partial(_same, at)
        drafts = tuple(_draft(batch * TOGETHER + place) for place in range(TOGETHER))
        arrival = Arrival(original=b"perf", format="perf", drafts=drafts)
        receipt = take_in(app.counter, reporters[batch % len(reporters)], arrival)
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            ids = list(reports_of(transaction, [receipt]))
            _clear(app, transaction, load(app.desk, transaction, ids), like)
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            intake.finish(transaction, receipt)
    app.close()


def _same(at: datetime) -> datetime:
    return at


def _clear(
    app: App,
    transaction: Transaction,
    reports: Sequence[Report],
    like: dict[Flavour, tuple[Verdict, Priority]],
) -> None:
    """Take reports through the rooms; a case is opened for one of fifty."""
    desk, actor = app.desk, app.desk.clearing_actor
    places = findings.found(desk, transaction, reports)
    edges: list[tuple[findings.Place, list[Edge]]] = [
        (right, [_suggestion(transaction, left.report_id, right.report_id)])
        for left, right in itertools.pairwise(places)
        if right.serial % 5 == 0
    ]
    findings.insert_edges(desk, transaction, edges)
    later: list[tuple[Report, findings.Place, Verdict, Priority]] = []
    for report, place in zip(reports, places, strict=True):
        flavour = _flavour(report.content)
        if flavour in like:
            later.append((report, place, *like[flavour]))
            continue
        like[flavour] = (
            validate.validate_report(desk, transaction, actor, report.report_id),
            prioritize.prioritize_finding(desk, transaction, actor, place.finding_id),
        )
    _decide_alike(app, transaction, later)
    transaction.execute(
        "UPDATE match_report SET contradicted = false WHERE report_id = ANY(%s)",
        [[one.report_id for one in places]],
    )
    transaction.execute(
        "INSERT INTO passage (report_id, room, at, outcome, compartment, readers)"
        " SELECT report_id, room, received_at, 'done', compartment, readers FROM report,"
        " unnest(ARRAY['match', 'validate', 'coordinate']) AS room WHERE report_id = ANY(%s)",
        [[one.report_id for one in places]],
    )
    for place in places[::50]:
        coordinate.open_case(desk, transaction, actor, place.finding_id)


def _flavour(draft: Draft) -> Flavour:
    """Name all of a report that its verdict and its priority depend on."""
    return (draft.cvss_vectors, draft.exploit_state, draft.trigger is None,
            len(draft.attachments), draft.cwes, draft.severity)  # fmt: skip


def _decide_alike(
    app: App,
    transaction: Transaction,
    given: Sequence[tuple[Report, findings.Place, Verdict, Priority]],
) -> None:
    """Store, all at once, the verdict and the priority of reports that are like an earlier one."""
    boxes = _boxes(app, transaction, [end.compartment for one in given for end in one[:2]])
    priorities = [
        replace(like, finding_id=place.finding_id, first_received=report.received_at)
        for report, place, _, like in given
    ]
    verdict_payloads = vault.seal_many(
        transaction, "verdict",
        [(boxes[report.compartment], VERDICT.dump_json(like)) for report, _, like, _ in given],
    )  # fmt: skip
    priority_payloads = vault.seal_many(
        transaction, "priority",
        [
            (boxes[one[1].compartment], PRIORITY.dump_json(priority))
            for one, priority in zip(given, priorities, strict=True)
        ],
    )  # fmt: skip
    transaction.many(
        "INSERT INTO verdict (verdict_id, report_id, decided_at, kind, level, doubt, rules, basis,"
        " content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (new_id("ver"), report.report_id, transaction.now, like.kind, like.level, like.doubt,
             like.rules, report.report_id.encode(), payload, report.compartment,
             list(report.readers))
            for (report, _, like, _), payload in zip(given, verdict_payloads, strict=True)
        ],
    )  # fmt: skip
    transaction.many(
        "INSERT INTO priority (priority_id, finding_id, computed_at, band, due, rating, exploit,"
        " coordination, sort_key, first_received, policies, basis, content_payload, compartment,"
        " readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (new_id("pri"), one.finding_id, transaction.now, one.band, one.queue.due,
             one.severity.rating, one.exploit.value, one.coordination, list(one.key),
             one.first_received, list(one.policies), one.finding_id.encode(), payload,
             place.compartment, list(place.readers))
            for one, (_, place, _, _), payload in zip(
                priorities, given, priority_payloads, strict=True
            )
        ],
    )  # fmt: skip
    ledger.append_all(
        transaction,
        [
            ledger.Event("finding.prioritized", place.finding_id, {"rule": like.queue.rule},
                         place.readers, place.compartment)
            for _, place, _, like in given
        ],
    )  # fmt: skip


def _boxes(
    app: App, transaction: Transaction, compartments: Sequence[Compartment]
) -> dict[Compartment, Box]:
    rows = transaction.all(
        "SELECT compartment, wrapped, kek_id, readers FROM data_key WHERE compartment = ANY(%s)",
        [list(compartments)],
    )
    return {
        row["compartment"]: Box(
            row["compartment"],
            tuple(row["readers"]),
            app.desk.vault.unwrap(row["compartment"], row["wrapped"], row["kek_id"]),
        )
        for row in rows
    }


def _draft(number: int) -> Draft:
    part, (flaw, cwe) = PARTS[number % len(PARTS)], FLAWS[number % len(FLAWS)]
    said = f"The {part} of package {number % PACKAGES} {flaw}, number {number}. "
    graded = number % 3 != 0
    return Draft(
        title=f"The {part} {flaw} ({number})",
        description=said * 8,
        trigger=f"Give it input number {number}." if number % 4 else None,
        purl=f"pkg:pypi/perf-{number % PACKAGES}",
        affected_versions=("1.0", "1.1"),
        cwes=(cwe,),
        severity="high" if number % 2 else "low",
        cvss_vectors=(VECTORS[number % len(VECTORS)],) if graded else (),
        exploit_state=ExploitState.ACTIVE if number % 997 == 0 else ExploitState.UNKNOWN,
        locations=(Location(file=f"src/{part}.c", function=f"{part}_{number % 300}", line=7),),
        attachments=(
            Attachment(
                filename="poc.py",
                content_type="text/plain",
                data=f"# proof {number}\n".encode() * 20,
                kind=AttachmentKind.POC,
            ),
        )
        if number % 5
        else (),
    )


def _suggestion(transaction: Transaction, left: ReportId, right: ReportId) -> Edge:
    made = new_edge(transaction, left, right, Relation.SUGGESTED, Basis.SIMILARITY)
    reasons = (
        Reason(code=ReasonCode.SAME_NAMES, text="Both name the same function.", weight=1.4,
               evidence=("decoder_7",)),
        Reason(code=ReasonCode.OTHER_PACKAGE, text="They name other packages.", weight=-0.6),
    )  # fmt: skip
    return replace(made, reasons=reasons, score=0.62)


# Measuring: the real server, and the peer.


@contextlib.contextmanager
def _serving_desk(home: Path) -> Iterator[tuple[int, int]]:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "clearhouse.app", "serve", "desk", "--port", str(port)],
        env=os.environ | {"CLEARHOUSE_HOME": str(home)},
    )
    try:
        _wait_for_counter(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def _serving_peer() -> Iterator[tuple[int, int | None]]:
    port = _free_port()
    process = multiprocessing.get_context("spawn").Process(target=_peer, args=(port,), daemon=True)
    process.start()
    try:
        _wait_for_counter(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.join(30)


def _peer(port: int) -> None:
    """Serve a table of fifty rows as FastAPI and Jinja do when there is nothing else to do."""
    rows = [{"title": f"The parser trusts a length ({n})", "band": "urgent"} for n in range(50)]
    template = jinja2.Environment(autoescape=True).from_string(
        "<!doctype html><title>Peer</title><table>{% for row in rows %}<tr><td>{{ loop.index }}"
        "<td><a href='/{{ loop.index }}'>{{ row.title }}</a><td>{{ row.band }}</tr>{% endfor %}"
    )
    application = fastapi.FastAPI(openapi_url=None)

    @application.get("/")
    def page() -> fastapi.Response:
        return fastapi.responses.HTMLResponse(template.render(rows=rows))

    uvicorn.run(application, port=port, log_config=None, access_log=False)


def _measure(
    app: App, port: int, pids: Sequence[int | None], arguments: argparse.Namespace
) -> dict[str, Measured]:
    cookies = {name: _cookie(app, name, roles) for name, roles in PEOPLE.items()}
    addresses = _addresses(app)
    sheet = "/static/clearhouse.css"
    wanted = [
        (f"{name} for the {who}", address, cookies[who])
        for who in PEOPLE
        for name, address in addresses[who].items()
    ]
    words = arguments.pages or [""]
    return {
        name: _asked(port, address, cookie, pids, arguments.times)
        for name, address, cookie in [*wanted, ("static file", sheet, "")]
        if any(word in name for word in words)
    }


def _cookie(app: App, name: str, roles: Sequence[str]) -> str:
    actor = _person(app, name, roles)
    with app.desk.database.transaction(actor.actor_id) as transaction:
        token = identity.issue_token(transaction, actor.actor_id, label="x", scopes=[Scope.DESK])
        return f"desk={sessions.open_with_token(transaction, token)}"


def _addresses(app: App) -> dict[str, dict[str, str]]:
    """Name the pages, with one finding, report, case and event from the middle of the house."""
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        middle = {kind: _id(transaction, statement) for kind, statement in MIDDLE.items()}
    everywhere = {
        "today": "/",
        "today, critical": "/?severity=critical",
        "today, demonstrated": "/?exploit=demonstrated",
        "reports": "/reports",
        "ledger": "/ledger",
        "first pair": "/decide",
    }
    analyst = everywhere | {
        "finding": f"/findings/{middle['finding']}",
        "report": f"/reports/{middle['report']}",
        "event": f"/ledger/events/{middle['event']}",
        "pair": f"/decide/{middle['pair']}",
        "ledger of a kind": "/ledger?kind=finding.prioritized",
        "you": "/me",
    }
    coordinator = everywhere | {
        "cases": "/cases",
        "case": f"/cases/{middle['case']}",
        "pacing": "/pacing",
        "agents": "/agents",
        "check of the ledger": "/ledger/check",
        "messages": "/threads",
        "leases": "/leases",
        "releases": "/releases",
        "reach": "/reach",
        "access": "/access",
        "criteria": "/criteria",
        "defense": "/defense",
    }
    return {"analyst": analyst, "coordinator": coordinator, "outsider": everywhere}


def _id(transaction: Transaction, statement: str) -> str:
    row = transaction.one(statement)
    if row is None:
        raise AssertionError("the house has one of these")
    return str(row["id"])


def _asked(
    port: int, address: str, cookie: str, pids: Sequence[int | None], times: int
) -> Measured:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Cookie": cookie} if cookie else {}
    took, first, cpu = [], 0.0, 0.0
    size = 0
    for number in range(times + 1):
        begin = time.perf_counter()
        connection.request("GET", address, headers=headers)
        answer = connection.getresponse()
        size = len(answer.read())
        if answer.status not in {200, 303}:
            raise AssertionError(f"{address} answered {answer.status}")
        if number:
            took.append((time.perf_counter() - begin) * 1000)
        else:
            first = (time.perf_counter() - begin) * 1000
            cpu = _cpu_s(pids)
    connection.close()
    took.sort()
    return {
        "first_ms": round(first, 1),
        "p50_ms": round(statistics.median(took), 2),
        "p95_ms": round(took[int(len(took) * 0.95)], 2),
        "slowest_ms": round(took[-1], 1),
        "cpu_ms": round((_cpu_s(pids) - cpu) / times * 1000, 1),
        "bytes": size,
    }


def _cpu_s(pids: Sequence[int | None]) -> float:
    """Return the processor time of processes and their children so far, those that live."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(stat.parent.name) in pids or int(fields[1]) in pids:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
