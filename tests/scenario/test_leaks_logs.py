"""What a report says reaches no log: not ours at its loudest, not a process's, not the store's."""

import io
import json
import logging
import time
from urllib.parse import quote

import psycopg
import pytest

from clearhouse.clearing.intake import operations as intake
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli.logs import WordlessFormatter
from house import coordinator, reporter
from scenario.leaks_canaries import MARK, MARKDOWN, TAP_REPORT, Scanner, word
from scenario.leaks_processes import lodging, serving
from scenario.leaks_routes import asks
from scenario.leaks_scene import embargoed_case, fresh_house, ordinary_day

pytestmark = pytest.mark.no_cover

SCANNER = Scanner()
BAD_BODIES = (
    json.dumps(TAP_REPORT | {word("unknownfield"): 1}).encode(),
    json.dumps(TAP_REPORT | {"purl": word("nopurl")}).encode(),
    json.dumps(TAP_REPORT | {"email": f"{word('twice')} @ x"}).encode() + b"}",
    b'{"purl": "' + word("latin").encode() + b'\xe9"}',
    b'{"purl": "pkg:pypi/x", "software": "\\ud800 ' + word("surrogate").encode() + b'"}',
    b'{"purl": "pkg:pypi/x", "code_path": "\\u0000' + word("nul").encode() + b'"}',
    b'{"a":' * 500 + json.dumps(word("deep")).encode() + b"}" * 500,
    b'{"purl": "pkg:pypi/' + word("dup").encode() + b'", "purl": "pkg:pypi/b"}',
)


@pytest.fixture(scope="module")
def loud(installation, tmp_path_factory):
    """The whole scene with every logger of the process at its loudest, and what they wrote."""
    heard, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(WordlessFormatter("%(name)s %(levelname)s %(message)s"))
    handler.addFilter(lambda record: not record.name.startswith("httpx"))  # the asker's own
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with fresh_house(installation, tmp_path_factory.mktemp("loud")) as (app, owner_url):
            scene = ordinary_day(app, owner_url)
            embargoed_case(scene)
            scene.heard = heard
            yield scene
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def test_all_doors_and_jobs_at_their_loudest_log_no_word_of_a_report(loud):
    for viewer in (*loud.strangers.values(), loud.owner):
        answers = [viewer.ask(ask) for ask in asks(loud.secret)]
    assert any(SCANNER.found(answer.all) for answer in answers), "the owner was shown it"
    client = loud.rita.doors["counter"]
    for body in BAD_BODIES:
        for path in ("/v1/reports", "/v1/documents"):
            sent = {"Content-Type": "application/json"}
            assert client.post(path, content=body, headers=sent).status_code in {202, 400, 413, 422}
    form = {"key": "frm_" + "b" * 26, "token": word("token"), "text": MARKDOWN}
    assert client.post("/report", data=form).status_code == 401
    loud.desk.jobs.run_until_empty(loud.desk.database.url)
    said = loud.heard.getvalue()
    assert "clear_report" in said, "the loggers were listened to"
    assert not [line for line in said.splitlines() if SCANNER.found(line.encode())]


def test_a_job_that_fails_over_the_words_of_a_report_logs_where_and_not_what(loud):
    def stumble(**_):
        raise ValueError(f"cannot read {word('stumble')}")

    loud.desk.jobs.add("stumble", stumble)
    with loud.desk.database.transaction(None) as transaction:
        loud.desk.jobs.ask(transaction, "stumble", name="any")
    loud.desk.jobs.run_until_empty(loud.desk.database.url)
    said = loud.heard.getvalue()
    assert "ValueError at" in said, said[-3000:]
    assert "stumble" in said
    assert MARK not in said


QUOTED = "ospreyquire"
"""Of its own, because a row that was refused still leaves its trace in the store's journal."""


def _quoted(name):
    return f"{QUOTED}{name}"


PROVOKED = {
    "a number that is none": ("SELECT %s::int", [_quoted("number")]),
    "a date that is none": ("SELECT %s::timestamptz", [_quoted("date")]),
    "an array that is none": ("SELECT %s::text[]", ["{" + _quoted("array")]),
    "a key that is there": (
        """INSERT INTO party (party_id, kind, name, created_at)
           SELECT 'x' || n, 'vendor', %s, now() FROM generate_series(1, 2) AS n""",
        [_quoted("unique")],
    ),
    "a value that a rule refuses": (
        "INSERT INTO party (party_id, kind, name, created_at) VALUES ('y', %s, 'y', now())",
        [_quoted("check")],
    ),
    "a reference that leads nowhere": (
        "INSERT INTO vendor_package (purl, party_id) VALUES ('p', %s)",
        [_quoted("foreign")],
    ),
    "a document that is none": ("SELECT %s::jsonb", ["{" + _quoted("json")]),
}


@pytest.mark.parametrize("provoked", PROVOKED)
def test_an_error_of_the_store_leaves_no_value_in_its_log(loud, installation, provoked):
    _, server = installation
    statement, values = PROVOKED[provoked]
    with psycopg.connect(
        loud.desk.database.url, options="-c search_path=clearhouse,public"
    ) as connection:
        with pytest.raises(psycopg.Error) as told:
            connection.execute(statement, values)
        assert QUOTED in f"{told.value} {told.value.diag.message_detail}", "it does quote the value"
    assert QUOTED not in (server.folder / "server.log").read_text("utf-8", "replace")


@pytest.fixture(scope="module")
def processes(installation, tmp_path_factory):
    home, server = installation
    folder = tmp_path_factory.mktemp("serving")
    with fresh_house(installation, folder) as (app, owner_url):
        lodged = lodging(home, folder / "home")
        rita, cora = reporter(app, "Rita Reporter"), coordinator(app)
        with app.desk.database.transaction(None) as transaction:
            tokens = {
                name: identity.issue_token(
                    transaction, actor.actor_id, label="test", scopes=[scope]
                )
                for name, actor, scope in (
                    ("rita", rita, Scope.SUBMIT),
                    ("cora", cora, Scope.DESK),
                )
            }
        with serving(lodged, owner_url, folder) as made:
            yield app, owner_url, made, tokens, server


def test_serving_processes_print_no_word_of_a_report_whatever_happens_to_them(processes):
    app, owner_url, made, tokens, server = processes
    accepted = [made.submit(tokens["rita"], TAP_REPORT, **{"Idempotency-Key": word("key")})]
    accepted += [
        made.ask(
            "counter", "POST", f"/v1/documents?filename={word('document')}.md", MARKDOWN,
            {"Content-Type": "text/markdown", "Authorization": f"Bearer {tokens['rita']}"},
        )
    ]  # fmt: skip
    assert [answer[0] for answer in accepted] == [202, 202]
    for body in BAD_BODIES:
        for path in ("/v1/reports", "/v1/documents"):
            sent = {"Content-Type": "application/json", "Authorization": f"Bearer {tokens['rita']}"}
            assert made.ask("counter", "POST", path, body, sent)[0] < 500
    for door in ("counter", "desk"):
        for path in (f"/{word('path')}", f"/?q={word('query')}", f"/status/{word('receipt')}",
                     f"/v1/submissions/{word('receipt')}", f"/sign-in?code={word('code')}"):  # fmt: skip
            assert made.ask(door, "GET", path, headers={"User-Agent": word("agent")})[0] < 500
        made.ask(door, "POST", "/sign-in", f"token={quote(word('token'))}",
                 {"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
        # No request at all, half of one, and one that breaks off in the middle of its body.
        made.ask(door, word("METHOD").upper(), "/")
        made.ask(door, "POST", "/report", word("half").encode(), {"Content-Length": "999999"})
    _wait_until_cleared(app)
    for _ in range(
        20
    ):  # whether a cut connection is noticed in passing or loudly is a matter of luck
        _disturb(made, owner_url, tokens["rita"])
        if b"clearhouse" in made.text():
            break
    report = _tap_report(app)
    shown = made.ask(
        "desk", "GET", f"/v1/desk/reports/{report}",
        headers={"Authorization": f"Bearer {tokens['cora']}"},
    )  # fmt: skip
    assert MARK.encode() in shown[1], "who is read in sees it by the same processes"
    printed = made.text()
    assert b"clearhouse" in printed, "the disturbance left its trace"
    assert not SCANNER.found(printed)
    assert not SCANNER.found((server.folder / "server.log").read_bytes())


def _tap_report(app):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one("SELECT report_id FROM report WHERE format = 'tap' LIMIT 1")
    return row["report_id"]


def _wait_until_cleared(app):
    deadline = time.monotonic() + 60
    while True:
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            if intake.counts(transaction)["waiting"] == 0:
                return
        assert time.monotonic() < deadline, "the worker did not clear what came"
        time.sleep(0.2)


def _disturb(made, owner_url, token):
    """Cut every connection to the store while reports come in."""
    for number in range(6):
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        made.submit(token, TAP_REPORT, **{"Idempotency-Key": f"{word('again')}{number}"})
