"""Commands answer people and scripts, and end with documented codes."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import casebook
from clearhouse.clearing import route
from clearhouse.kernel.keys import KeyFileError
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.surfaces.cli import main as cli_main
from clearhouse.surfaces.cli.check import steps
from clearhouse.surfaces.cli.logs import WordlessFormatter
from clearhouse.surfaces.cli.main import Connect, cli
from command_line import command_line

REPORT = "Package: pkg:pypi/example\nCWE: CWE-22\n\nSummary\n\nThe loader leaves its folder.\n"


@pytest.fixture
def run(app):
    """Run a command over the test's own installation and return its result."""

    return command_line(app)


@pytest.fixture
def report_file(tmp_path):
    file = tmp_path / "report.md"
    file.write_text(REPORT)
    return file


def _json(result):
    return json.loads(result.stdout)


def test_help_names_every_command_with_what_it_does():
    text = CliRunner().invoke(cli, ["--help"]).stdout
    for name, summary in cli_main._COMMANDS.items():
        assert name in text
        assert summary.split()[0] in text


@pytest.mark.parametrize("name", list(cli_main._COMMANDS))
def test_every_command_has_help(name):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_a_submitted_file_gets_a_receipt_and_is_told_what_is_missing(run, report_file):
    done = _json(run("submit", report_file, "--json"))["submissions"][0]
    assert re.fullmatch(r"SUB-[a-z2-7]{18}", done["receipt"])
    assert {gap["element"] for gap in done["reports"][0]["missing"]} >= {"poc", "patch"}
    assert "missing poc" in run("submit", report_file).stdout


def test_the_same_file_twice_is_one_submission(run, report_file):
    first = _json(run("submit", report_file, "--json"))
    assert _json(run("submit", report_file, "--json")) == first


def test_a_folder_is_taken_in_the_order_of_its_names(run, tmp_path):
    for name in ("b.md", "a.md"):
        (tmp_path / name).write_text(REPORT + name)
    done = _json(run("submit", "--dir", tmp_path, "--json"))["submissions"]
    assert [Path(one["file"]).name for one in done] == ["a.md", "b.md"]


def test_a_refused_file_says_why_and_ends_with_65(run, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"a": 1, "a": 2}')
    result = run("submit", bad, "--json", code=65)
    assert _json(result)["submissions"][0]["refused"]


def test_submit_without_files_is_a_wrong_command_line(run):
    run("submit", code=2)


def test_the_holder_of_a_receipt_can_follow_it(run, report_file):
    receipt = _json(run("submit", report_file, "--json"))["submissions"][0]["receipt"]
    assert _json(run("status", receipt, "--json"))["status"] == "queued"
    run("status", "SUB-aaaaaaaaaaaaaaaaaa", code=1)


def test_a_cleared_report_stands_in_the_queue_and_can_be_shown(run, app, report_file):
    run("submit", report_file)
    app.desk.jobs.run_until_empty(app.desk.database.url)
    (entry,) = _json(run("queue", "--json"))["queue"]
    assert entry["package"] == "pkg:pypi/example"
    shown = _json(run("show", entry["finding"], "--json"))
    assert shown["reports"][0]["package"] == "pkg:pypi/example"
    assert any("Queue:" in line for line in shown["priority"])
    assert "pkg:pypi/example" in run("queue").stdout
    assert "priority:" in run("show", entry["finding"]).stdout


def test_what_does_not_exist_is_said_in_one_line(run):
    assert "clearhouse:" in run("show", "fnd_nothing", code=1).output
    assert "clearhouse:" in run("show", "cas_nothing", code=1).output
    assert run("queue").stdout == "the queue is empty\n"


def test_the_route_names_what_is_not_attempted(run):
    rooms = _json(run("route", "--json"))["rooms"]
    assert [room["room"] for room in rooms] == [
        "deconflict", "intake", "match", "validate", "prioritize", "coordinate", "publish",
        "deliver",
    ]  # fmt: skip
    assert "not attempted: confirmation by others" in run("route").stdout


def test_the_route_says_how_long_the_oldest_waits(run, monkeypatch):
    counts = {room.name: {} for room in route.ROUTE}
    counts["intake"] = {"reports": 2, "waited_s": 56}
    counts["validate"] = {"examinations waiting": 1, "examinations waited_s": 9}
    monkeypatch.setattr(route, "survey", lambda _: counts)
    said = run("route").stdout
    assert "2 reports, the oldest waits 56 s" in said
    assert "1 examinations waiting, the oldest of the examinations waits 9 s" in said


def test_an_exported_ledger_verifies_from_its_file_alone(run, report_file, tmp_path):
    run("submit", report_file)
    exported = tmp_path / "ledger.jsonl"
    run("ledger", "export", exported)
    assert _json(run("ledger", "verify", exported, "--json"))["holds"]
    assert "holds" in run("ledger", "verify").stdout
    lines = exported.read_text().splitlines()
    exported.write_text("\n".join([lines[0], *lines[2:]]))
    assert not _json(run("ledger", "verify", exported, "--json", code=1))["holds"]


def test_an_event_can_be_proven(run, app, report_file):
    run("submit", report_file)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        event = transaction.one("SELECT event_id FROM ledger_event")["event_id"]
    proof = _json(run("ledger", "prove", event))
    assert proof["event"]["id"] == event
    run("ledger", "prove", "evt_nothing", code=1)


def test_people_get_tokens_that_end_when_revoked(run, app):
    added = _json(run("people", "add", "Lab", "Ada", "--party-kind", "lab", "--json"))
    token = _json(run("people", "token", added["actor"], "--json"))["token"]
    assert token.startswith("chs_")
    assert _json(run("people", "revoke", added["actor"], "--json")) == {"revoked": True}
    assert _json(run("people", "revoke", added["actor"], "--json")) == {"revoked": False}
    assert run("people", "revoke", "tok_none").stdout == "was not live\n"


def test_an_agent_is_added_with_a_responsible_person(run, app):
    added = _json(run("people", "add", "Lab", "finder-bot", "--agent", "--json"))
    with app.desk.database.transaction(None) as transaction:
        row = transaction.one(
            "SELECT kind, responsible_actor_id FROM actor WHERE actor_id = %s", [added["actor"]]
        )
    assert row["kind"] == "agent"
    assert row["responsible_actor_id"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailableError("no store"), 69),
        (KeyFileError("no key"), 69),
        (ForbiddenError("not you"), 77),
    ],
)
def test_known_errors_are_one_line_with_a_documented_code(monkeypatch, capsys, error, code):
    def fail():
        raise error

    monkeypatch.setattr("sys.argv", ["clearhouse", "route"])
    with pytest.raises(SystemExit) as ended:
        cli_main.run_command_line(Connect(fail, fail, fail))
    assert ended.value.code == code
    assert capsys.readouterr().err == f"clearhouse: {error}\n"


def test_text_of_strangers_cannot_steer_the_terminal(capsys):
    cli_main.emit({}, as_json=False, text="a\x1b[31mb\u202ec\n")
    assert capsys.readouterr().out == "a\ufffd[31mb\ufffdc\n\n"


def test_a_logged_exception_shows_no_words_of_it():
    import logging

    try:
        int("secret words of a report")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "failed", (), (type(error), error, error.__traceback__)
        )
    text = WordlessFormatter().format(record)
    assert "ValueError at" in text
    assert "test_cli.py" in text
    assert "secret words" not in text


def test_check_runs_style_types_contracts_tests_and_coverage():
    names = [step.name for step in steps(Path("/bin"))]
    assert names[:4] == ["format", "style", "types", "import contracts"]
    assert "coverage of the kernel" in names


def test_a_file_is_told_what_it_is_like_without_being_taken_in(run, app, report_file, tmp_path):
    run("submit", report_file)
    app.desk.jobs.run_until_empty(app.desk.database.url)
    assert _json(run("match", report_file, "--json"))["reports"][0]
    other = tmp_path / "other.md"
    other.write_text("Package: pkg:npm/elsewhere\n\nSummary\n\nQuadratic time in the header.\n")
    assert run("match", other).stdout == "like nothing that you may read\n"
    assert _json(run("route", "--json"))["rooms"][1]["counts"]["reports"] == 1


def test_a_verdict_nobody_trusted_signed_does_not_hold(run, tmp_path):
    forged = tmp_path / "verdict.json"
    forged.write_text('{"payload": "e30=", "payloadType": "x", "signatures": []}')
    assert "does not hold" in run("verdict", "verify", forged, code=1).output


def test_a_folder_that_is_no_bundle_is_a_wrong_command_line(run, tmp_path):
    assert "bundle.yaml" in run("reproduce", tmp_path, code=2).output


def test_crash_logs_are_read_into_their_states(run, suites):
    measured = _json(run("bench", "stacks", "--data", suites / "clusterfuzz", "--json"))
    assert measured["total"] == 159
    assert measured["exact"] >= 150


def test_an_archive_is_matched_once_and_again_on_demand(run, report_file):
    run("submit", report_file)
    assert _json(run("rematch", "--json"))["matched"] == 1
    assert _json(run("rematch", "--json"))["matched"] == 0
    assert "1 of 1 reports matched" in run("rematch", "--again").stdout


def test_tasks_that_are_not_there_are_refused_with_a_documented_code(run, tmp_path):
    assert run("criteria", "tasks").stdout == "no tasks\n"
    assert "no task with this id" in run("criteria", "use-task", "tsk_x", tmp_path, code=1).stderr
    assert "no case" in run("criteria", "task-from-case", "cas_x", code=1).stderr


def test_a_role_that_there_is_not_is_refused_with_those_that_there_are(run):
    refused = run("people", "add", "Lab", "Ada", "--role", "fnder", code=2).stderr
    assert "no role fnder; there are" in refused
    assert "finder" in refused


def test_whoever_adds_a_person_is_told_how_to_make_a_token(run):
    added = run("people", "add", "Lab", "Ada", "--role", "finder")
    actor = added.stdout.strip()
    assert actor.startswith("act_")
    assert f"./clearhouse people token {actor}" in added.stderr


def test_another_house_is_not_asked_without_a_token_of_it(run, tmp_path, monkeypatch):
    monkeypatch.delenv("CLEARHOUSE_TOKEN", raising=False)
    report = tmp_path / "report.md"
    report.write_text(f"{REPORT}\nFile: a/b.py:12\nFunction: load\n")
    refused = run("known", "ask", report, "--house", "http://127.0.0.1:1", code=2)
    assert "set CLEARHOUSE_TOKEN" in refused.stderr


def test_measuring_with_a_key_that_is_not_set_is_a_wrong_command_line(run):
    assert (
        "NO_SUCH_KEY is not set"
        in run(
            "criteria", "measure", "openai-api/local/x", "--key-env", "NO_SUCH_KEY", code=2
        ).stderr
    )


def test_an_embargo_is_explained_and_what_would_change_it_without_changing_it(run, app):
    case = casebook.opened(app)
    now = _json(run("embargo", "explain", case.id, "--json"))
    assert now["rule"] == "default-30"
    assert "if" not in now
    asked = _json(run("embargo", "explain", case.id, "--if-channel", "linux-distros", "--json"))
    assert asked["if"]["rule"] == "linux-distros-14"
    assert asked["if"]["instant"] < asked["instant"] == now["instant"]
    assert _json(run("embargo", "explain", case.id, "--json")) == now
    text = run("embargo", "explain", case.id, "--if-public").stdout
    assert "as asked:\nno embargo: already-public" in text
    run("embargo", "explain", "cas_" + "a" * 26, code=1)


def test_messages_of_others_are_put_together_into_cases(run, tmp_path):
    note = {"type": "Note", "id": "urn:n", "context": "urn:case", "content": "hello"}
    close = {"type": "RmCloseCase", "id": "urn:c", "actor": "urn:a", "object": "urn:case"}
    (tmp_path / "1.json").write_text(json.dumps(note))
    (tmp_path / "2.json").write_text(json.dumps(close))
    told = _json(run("case", "read", tmp_path / "1.json", tmp_path / "2.json", "--json"))
    assert told["cases"][0]["messages"] == ["told", "close-case"]
    assert "not possible" in told["cases"][0]["refused"][0]
    assert "1 refused" in run("case", "read", tmp_path / "1.json", tmp_path / "2.json").stdout
    (tmp_path / "3.json").write_text('{"type": "Poke", "id": "x"}')
    run("case", "read", tmp_path / "3.json", code=65)


def test_a_case_lets_people_in_by_two_persons_and_a_leak_is_traced(run, app, tmp_path, monkeypatch):
    from casebook import acting, opened, read
    from clearhouse.clearing.coordinate import casework, messages
    from clearhouse.clearing.coordinate.record import PartyRole
    from clearhouse.formats.tlp import Tlp
    from clearhouse.kernel import identity
    from clearhouse.kernel.identity import PartyKind, Scope
    from clearhouse.surfaces.cli.owner import owner
    from house import coordinator, person

    case, me, dora = opened(app).id, owner(app), coordinator(app, "Dora Deputy")
    ed = person(app, "A firm", PartyKind.OPERATOR, "Ed", "vendor")
    with acting(app, me) as transaction:
        casework.join(app.desk, transaction, me, case, party=ed.party_id, role=PartyRole.OTHER)
        token = identity.issue_token(transaction, dora.actor_id, label="t", scopes=[Scope.DESK])
    why = ("--because", "it helps")
    asked = run("case", "read-in", case, ed.actor_id, "--tier", 1, *why, "--json")
    assert json.loads(asked.output)["request"] == 0
    run("case", "decide", case, 0, "--grant", *why, code=65)
    run("embargo", "except", case, "--rule", "default-30", "--until", "2099-01-01", *why, code=2)
    run("embargo", "except", case, "--rule", "default-30", "--until", "soon", *why, code=2)
    late = ("--until", "2099-01-01T00:00Z")
    run("embargo", "except", case, "--rule", "default-30", *late, *why, code=65)
    monkeypatch.setenv("CLEARHOUSE_TOKEN", token)
    assert "granted" in run("case", "decide", case, 0, "--grant", *why).output
    assert read(app, case).participants[-1].actor == ed.actor_id
    with acting(app, dora) as transaction:
        thread = messages.open_thread(app.desk, transaction, dora, case, party=None)
        messages.post(app.desk, transaction, dora, thread.thread_id,
                      text="The loader trusts the header. " * 9, tlp=Tlp.RED)  # fmt: skip
    with acting(app, ed) as transaction:
        _, (said,) = messages.messages(app.desk, transaction, ed, thread.thread_id)
    leak = tmp_path / "leak.txt"
    leak.write_text(messages.as_copy(said).words.text, "utf-8")
    traced = json.loads(run("case", "canary", leak, "--json").output)["copies"]
    assert [one["actor_id"] for one in traced] == [ed.actor_id]
    assert ed.actor_id in run("case", "seen", case).output
    assert "Ed (A firm) tier 1" in run("case", "log", case).output
    assert run("case", "log", case, "--csv").output.startswith("case_id,requested,")
    assert "kept out" in run("case", "conflict", case, ed.actor_id, *why).output
    assert "lifted" in run("case", "conflict", case, ed.actor_id, "--lift", *why).output
    run("case", "read-in", case, ed.actor_id, "--tier", 1, "--emergency", *why)
    number = len(read(app, case).participants) - 1
    monkeypatch.delenv("CLEARHOUSE_TOKEN")
    assert "ended" in run("case", "review", case, number, "--overrule", *why).output
    leak.write_text("nothing", "utf-8")
    run("case", "canary", leak, code=1)
    run("case", "seen", "cas_" + "a" * 26, code=1)


def test_contacts_are_resolved_from_files_and_attempts_are_logged(run, app, tmp_path):
    from casebook import opened, register

    policy = tmp_path / "SECURITY.md"
    policy.write_text("Report flaws to security@yaml.example.", "utf-8")
    resolve = ("contacts", "resolve", "pkg:pypi/example-yaml")
    told = json.loads(run(*resolve, "--from", "security-md", policy, "--json").output)
    assert told["contacts"][0]["address"] == "security@yaml.example"
    assert "medium" in run(*resolve, "--from", "security-md", policy).output
    policy.write_text("Nobody.", "utf-8")
    run(*resolve, "--from", "security-md", policy, code=1)
    run("contacts", "resolve", "no purl", "--from", "security-md", policy, code=65)
    register(app)
    case = opened(app)
    vendor = case.vendors[0].id
    run("contacts", "attempt", case.id, vendor, "--by", "email", "--because", "wrote")
    assert "waiting, 1 attempts" in run("contacts", "silence", case.id).output
    run("contacts", "answered", case.id, vendor, "--because", "called")
    assert "answered" in run("contacts", "silence", case.id).output
