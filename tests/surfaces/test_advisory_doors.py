"""Advisories through commands and the counter's API: every form, acts after publication, judging."""

import json
from datetime import UTC, datetime

import pytest

from advisories import PLAIN
from asking import Client
from casebook import accepted, move, set_clock
from clearhouse.clearing.publish import forms, operations
from clearhouse.clearing.publish.rules import documents
from clearhouse.surfaces.api import counter as counter_api
from clearhouse.surfaces.api.requests import HourlyQuota
from clearhouse.surfaces.cli import advisory as door
from command_line import command_line

ID = "CLR-2026-00001"


@pytest.fixture
def run(app):
    return command_line(app)


@pytest.fixture
def case(app):
    """A case whose advisory is public."""
    set_clock(app, datetime(2026, 11, 10, 12, 0, tzinfo=UTC))
    found = accepted(app)
    move(app, days=30)
    assert operations.publish_due(app.desk) == [ID]
    move(app, days=1)
    return found


def said(result):
    return json.loads(result.stdout)


def test_a_coordinator_reads_words_corrects_and_withdraws(app, run, case, tmp_path):
    assert said(run("advisory", "list", "--json"))["advisories"][0]["id"] == ID
    for form in ("osv", "csaf", "openvex", "cyclonedx", "ghsa", "page"):
        found = said(run("advisory", "show", ID, "--format", form, "--json"))
        assert found["document"] == json.loads(run("advisory", "show", ID, "--format", form).stdout)
    assert "Am I affected?" in run("advisory", "show", ID).stdout
    run("advisory", "show", ID, "--format", "cve", code=1)  # the house is no CNA
    run("advisory", "show", "CLR-2026-00009", code=1)

    words = tmp_path / "words.json"
    words.write_text(json.dumps({"mitigations": ["Use the safe loader."]}))
    said(run("advisory", "word", case.id, words, "--json"))
    assert "Use the safe loader." in run("advisory", "preview", case.id).stdout
    span = {"first": "4.0", "last": "5.3", "silent_before": "3.9", "silent_after": "5.4"}
    words.write_text(json.dumps({"history": {**span, "untried": ["4.1"], "tried": 6}}))
    seen = said(run("advisory", "observed", case.id, words, "--json"))
    assert seen["affected"] == "vers:pypi/>=4.0|<5.4"
    assert seen["open"] == ["could not be built or run: 4.1"]
    text = run("advisory", "preview", case.id).stdout
    assert "from 4.0 before 5.4" in text
    assert "Use the safe loader." in text
    words.write_text('{"history": "not searched"}')
    assert "/history" in run("advisory", "observed", case.id, words, code=65).stderr
    told = said(run("advisory", "revise", case.id, "--summary", "Help added", "--json"))
    assert told == {"issues": [{"id": ID, "issue": 2}]}
    run("advisory", "revise", case.id, "--summary", "too soon", code=1)
    operations.publish_due(app.desk)
    assert "2. 2026-12-11 12:00 UTC: Help added" in run("advisory", "show", ID).stdout

    said(run("advisory", "withdraw", case.id, "--reason", "Seen again.", "--json"))
    operations.publish_due(app.desk)
    assert "Withdrawn: Seen again." in run("advisory", "show", ID).stdout
    refused = said(run("advisory", "withdraw", case.id, "--reason", "x", "--json", code=65))
    assert refused["refused"][0]["code"] == "withdrawn"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"summary": 5}', "/summary"),
        ('{"summary": "a", "summary": "b"}', "/summary"),
        ('{"summary": "a"', "byte 15"),
    ],
)
def test_words_that_cannot_be_read_name_the_file_and_the_field(run, case, tmp_path, text, place):
    file = tmp_path / "words.json"
    file.write_text(text)
    result = run("advisory", "word", case.id, file, code=65)
    assert f"words.json {place}" in result.stderr


@pytest.mark.parametrize("verb", ["merge", "relate"])
def test_a_case_without_a_public_advisory_is_told(run, case, verb):
    other = ["--into", case.id, "--reason", "x"] if verb == "merge" else ["--other", case.id]
    more = [] if verb == "merge" else ["--summary", "x"]
    run("advisory", verb, "cas_none", *other, *more, code=1)


def test_files_of_others_are_judged_one_by_one(run, tmp_path, monkeypatch):
    good, bad, cut = (tmp_path / name for name in ("good.json", "bad.json", "cut.json"))
    body = documents(PLAIN).bodies["osv"]
    good.write_bytes(body)
    bad.write_bytes(body.replace(b'"introduced": "3.0"', b'"introduced": "9.0"'))
    cut.write_bytes(body[:100])
    monkeypatch.setattr(door, "_now", lambda: datetime(2027, 1, 1, tzinfo=UTC))
    assert "good.json: valid osv" in run("advisory", "check", good).stdout
    found = said(run("advisory", "check", good, bad, cut, "--json", code=1))["files"]
    assert [one["valid"] for one in found] == [True, False, False]
    assert found[1]["faults"] == [
        {
            "place": "/affected/0/ranges/0/events",
            "reason": "a range ends before it begins",
            "rule": "osv",
        }
    ]
    assert found[2]["faults"][0]["rule"] == "json syntax"


def test_without_the_packages_judging_says_how_to_get_them(run, tmp_path, monkeypatch):
    def missing(*_):
        raise ImportError

    file = tmp_path / "x.json"
    file.write_text("{}")
    monkeypatch.setattr("clearhouse.formats.judging.judge", missing)
    result = run("advisory", "check", file, code=69)
    assert "./clearhouse advisory" in result.stderr


def test_the_api_lists_and_gives_every_form(app, case):
    client = Client(
        counter_api.application(app.counter, HourlyQuota(app.counter.database.clock, 9))
    )
    (one,) = client.get("/v1/advisories").json()["advisories"]
    assert (one["id"], one["issue"], one["withdrawn"]) == (ID, 1, False)
    with app.counter.database.transaction(None) as transaction:
        bodies = operations.advisory(transaction, ID).bodies
    for form, body in bodies.items():
        answer = client.get(f"/v1/advisories/{ID}", params={"format": form})
        assert answer.content == body
        assert answer.headers["content-type"].startswith(
            forms.BY_NAME[form].media_type.split(";")[0]
        )
    assert client.get(f"/v1/advisories/{ID}", params={"format": "nothing"}).status_code == 404
    assert client.get("/v1/advisories/CLR-2026-00009").status_code == 404
    assert client.get("/v1/advisories/nothing").status_code == 422
