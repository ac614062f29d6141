"""The counter's API keeps the TAP contract, and stores before it answers."""

import json
import re

import pytest
from starlette.testclient import TestClient

from clearhouse.clearing.intake import operations as intake
from clearhouse.formats.tap_record import MAX_BODY_BYTES
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.api.counter import application
from clearhouse.surfaces.api.requests import HourlyQuota
from house import reporter

REPORT = {
    "purl": "pkg:npm/example-lib@1.0.1",
    "affected_symbol": {"file": "src/parse.js", "function": "parseHeader", "line": 142},
    "attachments": [
        {
            "filename": "poc.js",
            "data": "require('example-lib').parseHeader('a'.repeat(9000))",
            "content_type": "text/plain",
            "type": "exploit-proof-of-concept",
        }
    ],
}


@pytest.fixture
def token(app):
    actor = reporter(app)
    with app.desk.database.transaction(None) as transaction:
        return identity.issue_token(
            transaction, actor.actor_id, label="test", scopes=[Scope.SUBMIT]
        )


@pytest.fixture
def client(app, token):
    with TestClient(_api(app, 50)) as http:
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


def _api(app, per_hour):
    return application(app.counter, HourlyQuota(app.counter.database.clock, per_hour))


def _stored(app) -> int:
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return intake.counts(transaction)["reports"]


def test_an_accepted_report_is_stored_and_can_be_followed(app, client):
    answer = client.post("/v1/reports", json=REPORT)
    assert answer.status_code == 202
    receipt = answer.json()["receipt"]
    assert re.fullmatch(r"SUB-[a-z2-7]{18}", receipt)
    assert answer.headers["Link"] == f'</v1/submissions/{receipt}>; rel="monitor"'
    assert _stored(app) == 1
    status = client.get(f"/v1/submissions/{receipt}", headers={"Authorization": ""})
    assert status.json()["status"] == "queued"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status.json()["at"])


def test_a_partial_report_is_accepted_and_told_what_is_missing(client):
    (report,) = client.post("/v1/reports", json=REPORT).json()["reports"]
    assert not report["ready"]
    assert "poc" in report["present"]
    assert {"patch", "tests"} <= {gap["element"] for gap in report["missing"]}
    assert all(len(gap["what_to_do"]) > 20 for gap in report["missing"])
    assert report["hints"], "an agent is told what about the discovery would help"


def test_the_original_comes_back_byte_for_byte(app, client):
    body = json.dumps(REPORT, indent=3).encode()
    answer = client.post("/v1/reports", content=body, headers={"Content-Type": "application/json"})
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        assert intake.original(app.desk, transaction, answer.json()["receipt"]) == body


def test_the_same_idempotency_key_gives_the_same_receipt_and_one_report(app, client):
    key = {"Idempotency-Key": "once"}
    first = client.post("/v1/reports", json=REPORT, headers=key)
    second = client.post("/v1/reports", json=REPORT, headers=key)
    assert first.json()["receipt"] == second.json()["receipt"]
    assert _stored(app) == 1


def test_an_idempotency_key_with_another_report_is_a_conflict(app, client):
    key = {"Idempotency-Key": "once"}
    client.post("/v1/reports", json=REPORT, headers=key)
    other = client.post("/v1/reports", json=REPORT | {"software": "other"}, headers=key)
    assert other.status_code == 409
    assert _stored(app) == 1


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer chs_wrong", "Basic abc"])
def test_without_a_live_token_nothing_is_read_or_stored(app, client, token):
    answer = client.post("/v1/reports", json=REPORT, headers={"Authorization": token})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert _stored(app) == 0


def test_the_older_token_header_still_works_and_may_not_disagree(client, token):
    old = {"TAP-SUBMISSION-TOKEN": token}
    assert client.post("/v1/reports", json=REPORT, headers=old).status_code == 202
    other = {"TAP-SUBMISSION-TOKEN": "chs_other"}
    assert client.post("/v1/reports", json=REPORT, headers=other).status_code == 400


def test_a_token_of_a_revoked_reporter_stops_working_at_once(app, client):
    actor = reporter(app)
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, actor.actor_id)
    assert client.post("/v1/reports", json=REPORT).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_browser_on_another_site_is_refused(app, client, headers):
    assert client.post("/v1/reports", json=REPORT, headers=headers).status_code == 403
    assert _stored(app) == 0


def test_every_violation_is_named_with_its_code(client):
    answer = client.post(
        "/v1/reports",
        json={"purl": "not a purl", "references": ["ftp://x"], "introduced_commit": "zz"},
    )
    problem = answer.json()
    assert answer.status_code == problem["status"] == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "tag:akrites.dev,2026-07:problem/validation"
    assert {entry["code"] for entry in problem["errors"]} >= {
        "invalid_purl",
        "invalid_reference",
        "invalid_commit",
    }


def test_an_oversize_field_is_413_with_its_code(client):
    answer = client.post("/v1/reports", json={"purl": "pkg:npm/x@1", "code_path": "x" * 1025})
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["code"] == "field_too_large"


def test_a_body_over_the_limit_is_413_before_it_is_parsed(client):
    answer = client.post(
        "/v1/reports",
        content=b"{" + b" " * MAX_BODY_BYTES + b"}",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"nonsense", b'{"purl":"pkg:npm/x","purl":"pkg:npm/y"}', b"\xff\xfe{}",
     b"[" * 100_000, b'{"purl": NaN}', b"{} {}"],
)  # fmt: skip
def test_what_is_not_one_json_report_is_refused_in_words(app, client, body):
    answer = client.post("/v1/reports", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "tag:akrites.dev,2026-07:problem/malformed-json"
    assert _stored(app) == 0


def test_another_content_type_is_415(client):
    answer = client.post(
        "/v1/reports", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 415


def test_a_multipart_report_is_taken_with_its_files(app, client):
    body = (
        b"--b\r\nContent-Disposition: attachment; name=report\r\n"
        b"Content-Type: application/json\r\n\r\n"
        b'{"purl": "pkg:npm/example-lib@1.0.1"}\r\n'
        b"--b\r\nContent-Disposition: attachment; name=attachment; filename=crash.bin\r\n"
        b"Content-Type: application/octet-stream\r\n"
        b"Content-Akrites-Type: exploit-proof-of-concept\r\n\r\n\x00\x01\xff\r\n--b--\r\n"
    )
    answer = client.post(
        "/v1/reports", content=body, headers={"Content-Type": "multipart/mixed; boundary=b"}
    )
    assert answer.status_code == 202, answer.text
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one("SELECT report_id FROM report")
        (report,) = intake.load(app.desk, transaction, [row["report_id"]], files=True)
    assert [file.data for file in report.content.attachments] == [b"\x00\x01\xff"]


@pytest.mark.parametrize("receipt", ["%00", "SUB-", "SUB-%00aaaaaaaaaaaaaaaaa", "x" * 5000])
def test_what_has_not_the_shape_of_a_receipt_is_an_unknown_one(client, receipt):
    assert client.get(f"/v1/submissions/{receipt}").status_code == 404


def test_unknown_receipts_and_paths_are_404_and_wrong_methods_405(client):
    assert client.get("/v1/submissions/SUB-aaaaaaaaaaaaaaaaaa").status_code == 404
    assert client.get("/v1/nothing").status_code == 404
    wrong = client.get("/v1/reports")
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "POST"
    assert wrong.headers["content-type"] == "application/problem+json"


def test_a_used_up_hour_is_429_with_a_time_to_come_back(app, token):
    with TestClient(_api(app, 1)) as http:
        http.headers["Authorization"] = f"Bearer {token}"
        assert http.post("/v1/reports", json=REPORT).status_code == 202
        answer = http.post("/v1/reports", json=REPORT)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 3600


def test_a_store_that_is_away_is_503_and_says_that_nothing_was_stored(app, token):
    from dataclasses import replace

    from clearhouse.kernel.store.database import Database

    away = Database("host=/nonexistent dbname=x connect_timeout=1", patience_s=0.2)
    with TestClient(_api(replace(app, counter=replace(app.counter, database=away)), 50)) as http:
        answer = http.post("/v1/reports", json=REPORT, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert "nothing is known to be stored" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_other_formats_come_in_as_documents(app, client):
    text = b"Package: pkg:pypi/example\n\nSummary\n\nThe parser loops for ever on an empty key.\n"
    answer = client.post(
        "/v1/documents?filename=report.md", content=text, headers={"Content-Type": "text/markdown"}
    )
    assert answer.status_code == 202, answer.text
    assert _stored(app) == 1


def test_a_document_that_no_reader_takes_says_where_and_what_to_do(app, client):
    answer = client.post("/v1/documents?filename=x.json", content=b'{"a": 1, "a": 2}')
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422
    assert problem["errors"][0]["code"]
    assert ";" in problem["detail"]
    assert _stored(app) == 0


def test_the_openapi_document_is_3_1_and_describes_every_path(client):
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/reports",
        "/v1/documents",
        "/v1/submissions/{receipt}",
        "/v1/advisories",
        "/v1/advisories/{advisory_id}",
        "/v1/advisories/{advisory_id}/detections",
        "/v1/acknowledgements",
    }
