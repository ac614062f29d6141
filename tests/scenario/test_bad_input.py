"""Whatever comes through a door ends as a clear refusal or an accepted report: nothing is lost,
nothing is decided by what a report demands, and no log holds what it said.
"""

import io
import json
import logging
import time
from dataclasses import replace
from urllib.parse import quote

import pytest

from asking import Client
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Credit,
    Draft,
    Location,
    ModelUse,
    Provenance,
)
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.validate import operations as validate
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli.logs import WordlessFormatter
from house import coordinator, reporter
from scenario.hostile_reports import HOSTILE, INSTRUCTIONS, MARK, TAP, WARNED, tap
from scenario.leaks_scene import doors_of, fresh_house, visitor

pytestmark = pytest.mark.no_cover

MOST_CPU_S = 20.0
"""Several times what the slowest needs where `REFERENCE_S` holds; a reader whose time explodes
takes minutes."""
REFERENCE_S = 0.11
"""Processor time of two million squares on the machine on which that was set."""


@pytest.fixture(scope="module")
def most_cpu_s():
    """The limit on this machine, as it is loaded now; never less than the one that was set."""
    begin = time.process_time()
    sum(number * number for number in range(2_000_000))
    return MOST_CPU_S * max(1.0, (time.process_time() - begin) / REFERENCE_S)


@pytest.fixture(scope="module")
def door(installation, tmp_path_factory):
    """The counter's door, a house behind it, and everything that was logged meanwhile."""
    heard, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(WordlessFormatter("%(name)s %(levelname)s %(message)s"))
    handler.addFilter(lambda record: not record.name.startswith("httpx"))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with fresh_house(installation, tmp_path_factory.mktemp("bad")) as (app, _):
            yield Door(app, heard)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class Door:
    def __init__(self, app, heard):
        self.app, self.heard = app, heard
        rita = reporter(app, "Hostile Hal")
        with app.desk.database.transaction(None) as transaction:
            token = identity.issue_token(
                transaction, rita.actor_id, label="bad", scopes=[Scope.SUBMIT]
            )
        self.client = Client(
            doors_of(app)["counter"], base_url="http://counter.test", raise_server_exceptions=False
        )
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.cora = visitor(app, "coordinator", coordinator(app))

    def send(self, sent):
        return self.client.post(
            sent.path,
            content=sent.body,
            params={"filename": sent.filename} if sent.filename else None,
            headers={"Content-Type": sent.kind},
        )

    def clear(self):
        self.app.desk.jobs.run_until_empty(self.app.desk.database.url)

    def reading(self):
        return self.app.desk.database.transaction(self.app.desk.clearing_actor.actor_id)

    def stored(self):
        with self.reading() as transaction:
            return intake.counts(transaction)["submissions"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_report_is_refused_clearly_or_taken_in_whole(door, name, most_cpu_s):
    sent, before = HOSTILE[name], door.stored()
    body, begin = sent.body, time.process_time()
    answer = door.send(sent)
    assert time.process_time() - begin < most_cpu_s
    document = answer.json()
    if answer.status_code == 202:
        assert "accepted" in sent.outcomes, document
        assert door.stored() == before + 1
        with door.reading() as transaction:
            assert intake.original(door.app.desk, transaction, document["receipt"]) == body
        assert document["reports"]
        warned = {warning["code"] for warning in document.get("warnings", ())}
        assert WARNED.get(name) in {None, *warned}
    else:
        assert "refused" in sent.outcomes, document
        assert answer.status_code in {400, 413, 415, 422}, document
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(document["detail"]) > 10, "it says what to do"
        assert door.stored() == before


def test_what_was_taken_in_is_cleared_and_can_be_read_by_people(door):
    door.clear()
    with door.reading() as transaction:
        waiting = transaction.all("SELECT receipt, format FROM submission WHERE status <> 'done'")
        failed = transaction.all(
            "SELECT task_name, attempts FROM procrastinate_jobs WHERE attempts > 0"
        )
        reports = transaction.all("SELECT report_id, receipt FROM report")
        findings = match.findings(transaction)
    assert not waiting
    assert not failed
    assert reports, "the tests before this one handed something in"
    desk = door.cora.doors["desk"]
    with door.reading() as transaction:
        for finding in findings:  # so that somebody at the desk may read it
            coordinate.open_case(door.app.desk, transaction, door.app.desk.clearing_actor, finding)
    one_each = {row["receipt"]: row["report_id"] for row in reports}
    for report in one_each.values():
        for path in ("/reports/{}", "/v1/desk/reports/{}", "/reports/{}/original"):
            answer = desk.get(path.format(report))
            assert answer.status_code == 200, path
            assert len(answer.content) < 20_000_000
    for path in ("/", "/reports", "/cases", "/ledger", "/v1/desk/queue", "/v1/desk/cases"):
        assert desk.get(path).status_code == 200, path


def test_what_was_sent_stands_in_no_log(door):
    said = door.heard.getvalue()
    assert len(said) > 1000
    assert not [line for line in said.splitlines() if MARK in line]


def test_the_form_takes_hostile_text_and_files_as_the_api_does(door):
    before = door.stored()
    secret = door.client.headers["Authorization"].removeprefix("Bearer ")
    texts = (
        "\ud800 lone",
        "a\0b",
        "x" * 900_000,
        "<script>",
        "\u202e" * 100,
        "'; DROP TABLE report; --",
    )
    for number, text in enumerate(texts):
        form = {
            "key": "frm_" + "abcdefg"[number] * 26,
            "token": secret,
            "text": f"# Flaw {MARK}\n{text}",
        }
        body = "&".join(f"{k}={_quoted(v)}" for k, v in form.items())
        answer = door.client.post(
            "/report", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in {200, 400, 413, 422}, (number, answer.status_code)
    big = {"file": ("x.md", b"# Flaw\n" + b"x" * (17 * 1024 * 1024), "text/markdown")}
    answer = door.client.post(
        "/report", data={"key": "frm_" + "h" * 26, "token": secret}, files=big
    )
    assert answer.status_code == 413, "a file is never cut without a word"
    assert door.stored() > before
    assert MARK not in door.heard.getvalue()


def _quoted(text):
    """Encode a field of a form, unpaired surrogates too, which no browser sends."""
    return quote(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("key", ["x" * 256, "a b", "", "\x7f", "é"])
def test_an_idempotency_key_of_another_shape_is_refused(door, key):
    before = door.stored()
    answer = door.client.post("/v1/reports", json=TAP, headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "header" in answer.json()["detail"]
    assert door.stored() == before


PLAIN = Draft(
    title="Parser reads past the end",
    description="The parser trusts a length that the sender chose and reads past the end.",
    trigger="Parse a header whose length is larger than the message.",
    impact="The process ends.",
    affected_versions=("vers:pypi/<2.0",),
    cwes=("CWE-125",),
    cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",),
    locations=(Location(file="src/parse.c", function="parse"),),
    severity="low",
    attachments=(
        Attachment(
            filename="poc.txt",
            content_type="text/plain",
            data=b"A header whose length is larger than the message, 70 bytes and more of it.",
            kind=AttachmentKind.POC,
        ),
    ),
    provenance=Provenance(models=(ModelUse(name="model-1"),)),
    credits=(Credit(name="A Finder"),),
)


def _laden(text):
    """The same report with an instruction in every free text and name."""
    return replace(
        PLAIN,
        title=f"{PLAIN.title}. {text}",
        description=f"{PLAIN.description}\n\n{text}",
        trigger=f"{PLAIN.trigger} {text}",
        impact=f"{PLAIN.impact} {text}",
        attachments=(
            replace(
                PLAIN.attachments[0],
                filename=f"{text}.txt",
                data=PLAIN.attachments[0].data + text.encode(),
                description=text,
            ),
        ),
        provenance=replace(
            PLAIN.provenance,
            tooling=text,
            scaffold=text,
            models=(ModelUse(name=text, version=text),),
        ),
        credits=(Credit(name=text),),
        contact=text,
        unknown={text: {"instruction": text}},
    )


@pytest.fixture(scope="module")
def decided(installation, tmp_path_factory):
    """What the house decides about a plain report and about each that is laden with orders."""
    with fresh_house(installation, tmp_path_factory.mktemp("orders")) as (app, _):
        drafts = [PLAIN, *map(_laden, INSTRUCTIONS)]
        drafts = [replace(one, purl=f"pkg:pypi/orders-{n:02}") for n, one in enumerate(drafts)]
        receipts = [
            take_in(
                app.counter, reporter(app), Arrival(original=b"x", format="test", drafts=(one,))
            )
            for one in drafts
        ]
        app.desk.jobs.run_until_empty(app.desk.database.url)
        yield [_decisions(app, receipt) for receipt in receipts]


def _decisions(app, receipt):
    """Everything that was decided about a report, without names and texts."""
    actor = app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        (report,) = intake.reports_of(transaction, [receipt])
        verdict = validate.verdict_of(app.desk, transaction, report)
        finding = match.finding(app.desk, transaction, match.finding_of(transaction, report))
        priority = prioritize.priority_of(app.desk, transaction, finding.finding_id)
        case_id = casework.case_of(transaction, report)
        case = case_id and casework.case(app.desk, transaction, actor, case_id)
        row = transaction.one(
            "SELECT band, rating, exploit, coordination, due, sort_key[1:3] AS sort_key"
            " FROM priority WHERE finding_id = %s AND superseded_at IS NULL", [finding.finding_id],
        )  # fmt: skip
        readers = transaction.one("SELECT readers FROM report WHERE report_id = %s", [report])
    return {
        "verdict": (verdict.kind, verdict.level, verdict.doubt, len(verdict.contradicted)),
        "reports in its finding": len(finding.report_ids),
        "priority": {name: value for name, value in row.items() if name != "due"},
        "rule": priority.queue.rule,
        "severity": (priority.severity.score, priority.severity.rating),
        "ssvc": priority.coordination,
        "case": None if case is None else (
            case.embargo.rule, case.embargo_state, case.verdicts, case.published_at,
            case.embargo.instant and case.embargo.instant - case.opened_at,
        ),
        "readers": len(readers["readers"]),
    }  # fmt: skip


@pytest.mark.parametrize("place", range(len(INSTRUCTIONS)))
def test_a_report_that_gives_orders_is_decided_as_the_same_report_without_them(decided, place):
    assert decided[place + 1] == decided[0], INSTRUCTIONS[place]


def test_orders_in_what_arrives_as_tap_change_nothing_but_may_be_warned_of(door):
    plain = TAP | {"purl": "pkg:pypi/tap-orders-0@1.0"}
    receipts = [door.send(tap(plain)).json()["receipt"]]
    for number, text in enumerate(INSTRUCTIONS, start=1):
        laden = TAP | {
            "purl": f"pkg:pypi/tap-orders-{number}@1.0",
            "discovery_tooling": text[:120],
            "enrichment": TAP["enrichment"] | {"title": text, "note": text},
        }
        answer = door.send(tap(laden))
        assert answer.status_code == 202, answer.text
        receipts.append(answer.json()["receipt"])
    door.clear()
    first, *others = [_decisions(door.app, receipt) for receipt in receipts]
    assert others == [first] * len(others)


def test_the_answer_to_a_bad_report_does_not_repeat_what_it_said(door):
    for field in ("purl", "software", "email", "notify", "introduced_commit", "package_repo_url"):
        answer = door.send(tap({"purl": "pkg:pypi/x", field: f"{MARK}\u0007<script>" * 3}))
        assert answer.status_code in {400, 413}, field
        assert MARK not in json.dumps(answer.json()), field
