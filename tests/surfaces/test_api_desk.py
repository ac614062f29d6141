import dataclasses

import pytest

import hostile
import house
from asking import Client
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import identity
from clearhouse.kernel.identity import PartyKind, Scope
from clearhouse.surfaces.api import desk as api
from clearhouse.surfaces.web.desk import application
from visitor import HOUSE, Visitor

PURL = "pkg:pypi/pyyaml"
POC = Attachment(
    filename="poc.py",
    content_type="text/plain",
    data=b"yaml.load(x)\n" * 9,
    kind=AttachmentKind.POC,
)
YAML = Draft(
    title="The full loader builds objects that it should not",
    description="The loader calls constructors that the document names, so a document from a"
    " stranger runs code of the stranger's choice in the process that reads it.",
    purl=PURL,
    aliases=("CVE-2020-14343",),
    cwes=("CWE-502",),
    attachments=(POC,),
)
LIKE = dataclasses.replace(
    YAML, title="Full loader of documents builds any object", attachments=(), aliases=()
)
ABSENT = "a" * 26


class Tool:
    """A program with a token."""

    def __init__(self, app, actor, *scopes):
        with app.desk.database.transaction(None) as transaction:
            secret = identity.issue_token(
                transaction, actor.actor_id, label="tool", scopes=scopes or [Scope.DESK]
            )
        self.client = Client(
            application(app.desk, also=[api.router]),
            base_url=HOUSE,
            headers={"authorization": f"Bearer {secret}"},
            follow_redirects=False,
        )

    def get(self, path, **options):
        return self.client.get(f"/v1/desk{path}", **options)

    def post(self, path, body=None):
        return self.client.post(f"/v1/desk{path}", json=body)

    def json(self, path, **options):
        answer = self.get(path, **options)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.json()


@pytest.fixture
def ann(app):
    roles = ("intake_analyst", "coordinator", "coordinator_on_duty", "auditor")
    return house.person(app, "House", PartyKind.COORDINATOR, "Ann Analyst", *roles)


@pytest.fixture
def tool(app, ann):
    return Tool(app, ann)


def clear(app, draft):
    report_id = house.submit(app, draft)
    route.clear(app.desk, report_id)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return report_id, match.finding_of(transaction, report_id)


def get_paths():
    """Every reading path of the API with a made-up id in it."""
    return sorted(
        {
            f"{path.replace('{finding_id}', 'fnd_' + ABSENT)}".replace(
                "{report_id}", "rep_" + ABSENT
            )
            .replace("{case_id}", "cas_" + ABSENT)
            .replace("{event_id}", "evt_" + ABSENT)
            .removeprefix("/v1/desk")
            for route_ in api.router.routes
            if "GET" in route_.methods
            for path in [route_.path]
        }
    )


@pytest.mark.parametrize("path", get_paths())
def test_nothing_answers_without_a_token(app, path):
    client = Client(application(app.desk, also=[api.router]), base_url=HOUSE)
    answer = client.get(f"/v1/desk{path}")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "www-authenticate" in answer.headers


def test_a_token_for_submissions_opens_nothing(app, ann):
    assert Tool(app, ann, Scope.SUBMIT).get("/queue").status_code == 401


def test_a_cookie_opens_pages_and_not_the_api(app, ann):
    assert Visitor(app.desk, ann).get("/v1/desk/queue").status_code == 401


def test_a_browser_of_another_site_is_refused(app, tool):
    headers = {"origin": "https://evil.test"}
    assert tool.client.get("/v1/desk/queue", headers=headers).status_code == 403


def test_the_queue_says_what_comes_first_and_why(app, tool):
    _, finding = clear(app, YAML)
    clear(app, Draft(title="Something small"))
    queue = tool.json("/queue")
    assert queue["total"] == 2
    first = queue["entries"][0]
    assert first["finding_id"] == finding
    assert first["why"].startswith("Comes first")
    assert first["untrusted"] == {"title": YAML.title, "package": PURL}
    assert tool.json("/queue", params={"limit": 1, "offset": 1})["entries"][0]["place"] == 2
    assert tool.json("/rooms")["match"]["findings"] == 2


@pytest.mark.parametrize(
    "params",
    [{"band": "nonsense"}, {"limit": 0}, {"limit": 10**9}, {"offset": -1}, {"offset": "x"}],
)
def test_a_wrong_question_is_a_problem_document(tool, params):
    answer = tool.get("/queue", params=params)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_a_finding_comes_with_reports_evidence_and_what_the_caller_may_do(app, tool):
    report, finding = clear(app, YAML)
    _, other = clear(app, LIKE)
    found = tool.json(f"/findings/{finding}")
    assert [one["report_id"] for one in found["reports"]] == [report]
    assert found["reports"][0]["untrusted"]["title"] == YAML.title
    assert found["reports"][0]["verdict"]["level"] == 0
    assert {"element": "tests"}.items() <= found["reports"][0]["missing"][-1].items()
    assert [one["other_finding"] for one in found["suggestions"]] == [other]
    assert "finding.merge" in found["may"]
    assert tool.json(f"/reports/{report}")["receipt"].startswith("SUB-")
    assert [one["report_id"] for one in tool.json("/reports")][-1] == report


def test_two_findings_are_joined_and_parted_again(app, tool):
    _, one = clear(app, YAML)
    _, other = clear(app, LIKE)
    note = {"note": "the same constructor"}
    joined = tool.post(f"/findings/{one}/same", {"other": other, **note})
    assert joined.json() == {"findings": [one]}
    found = tool.json(f"/findings/{other}")
    assert found["finding_id"] == one
    edge = found["joins"][0]["edge"]["id"]
    assert sorted(tool.post(f"/edges/{edge}/undo").json()["findings"]) == sorted([one, other])


def test_reports_are_split_and_the_word_against_joining_stands(app, tool):
    first, finding = clear(app, YAML)
    second, _ = clear(app, dataclasses.replace(YAML, title="Loader runs code"))
    everything = {"reports": [first, second], "note": "n"}
    assert tool.post(f"/findings/{finding}/split", everything).status_code == 409
    parts = tool.post(f"/findings/{finding}/split", {"reports": [second], "note": "n"})
    assert len(parts.json()["findings"]) == 2
    one, other = parts.json()["findings"]
    refused = tool.post(f"/findings/{one}/same", {"other": other, "note": "n"})
    assert refused.status_code == 409
    assert refused.json()["title"]


@pytest.mark.parametrize("word", ["sibling", "different"])
def test_two_findings_are_related(app, tool, word):
    _, one = clear(app, YAML)
    _, other = clear(app, LIKE)
    edge = tool.post(f"/findings/{one}/{word}", {"other": other, "note": "n"}).json()
    assert (edge["relation"], edge["basis"]) == (word, "person")
    itself = tool.post(f"/findings/{one}/{word}", {"other": one, "note": "n"})
    assert itself.status_code == 409


@pytest.mark.parametrize(
    "body",
    [None, {}, {"other": "x", "note": "n"}, {"other": "fnd_" + ABSENT}, [], "x",
     {"other": "fnd_" + ABSENT, "note": "n", "surplus": 1}],
)  # fmt: skip
def test_a_wrong_body_changes_nothing(app, tool, body):
    _, one = clear(app, YAML)
    assert tool.post(f"/findings/{one}/same", body).status_code == 400


def open_case(app, ann, tool):
    with app.desk.database.transaction(ann.actor_id) as transaction:
        casework.register_vendor(app.desk, transaction, ann, name="Vendor", packages=[PURL])
    report, finding = clear(app, YAML)
    return report, finding, tool.post(f"/findings/{finding}/case").json()


def test_a_case_takes_a_verdict_a_date_and_another_opinion(app, ann, tool):
    _, finding, case = open_case(app, ann, tool)
    here = f"/cases/{case['id']}"
    assert tool.json(here)["findings"] == [finding]
    assert [one["id"] for one in tool.json("/cases")] == [case["id"]]
    vendor = next(party["id"] for party in case["parties"] if party["role"] == "vendor")
    said = tool.post(f"{here}/verdict", {"vendor": vendor, "outcome": "rejected", "reason": "no"})
    assert said.json()["verdicts"][0]["reason"] == "no"
    other = tool.post(f"{here}/disagree", {"verdict": 0, "reason": "yes"})
    assert other.json()["disagreements"][0]["reason"] == "yes"
    naive = tool.post(f"{here}/date", {"vendor": vendor, "when": "2030-01-01T00:00:00"})
    assert naive.status_code == 400
    past = tool.post(f"{here}/date", {"vendor": vendor, "when": "2020-01-01T00:00:00Z"})
    assert past.status_code == 409
    nobody = tool.post(f"{here}/verdict", {"vendor": "nobody", "outcome": "accepted"})
    assert nobody.status_code == 409


def test_the_ledger_is_listed_verified_and_proven(app, tool):
    clear(app, YAML)
    route.seal_ledger(app.desk)
    events = tool.json("/ledger", params={"limit": 3})
    more = tool.json("/ledger", params={"before": events[-1]["event_id"]})
    assert not {one["event_id"] for one in events} & {one["event_id"] for one in more}
    assert tool.post("/ledger/verify").json()["faults"] == []
    proof = tool.json(f"/ledger/events/{events[0]['event_id']}/proof")
    assert proof["event"]["id"] == events[0]["event_id"]


def test_whoever_is_not_read_in_gets_the_answer_of_what_does_not_exist(app, ann, tool):
    report, finding, case = open_case(app, ann, tool)
    otto = Tool(app, house.outsider(app))
    for kind, real in (("findings", finding), ("reports", report), ("cases", case["id"])):
        assert tool.get(f"/{kind}/{real}").status_code == 200  # there is something to hide
        hidden, absent = otto.get(f"/{kind}/{real}"), otto.get(f"/{kind}/{real[:4]}{ABSENT}")
        assert hidden.status_code == absent.status_code == 404
        assert hidden.content == absent.content
        assert otto.get(f"/{kind}/..%2f%00").status_code == 404
    assert otto.json("/queue")["total"] == 0
    assert otto.json("/cases") == []
    assert otto.json("/reports") == []
    assert case["id"] not in otto.get("/ledger", params={"limit": 200}).text
    assert otto.post(f"/findings/{finding}/case").status_code == 404


def test_an_act_that_the_policy_does_not_give_is_forbidden(app, ann):
    _, finding = clear(app, YAML)
    analyst = Tool(app, house.analyst(app))
    assert analyst.get(f"/findings/{finding}").status_code == 200
    answer = analyst.post(f"/findings/{finding}/case")
    assert answer.status_code == 403
    assert "case.open" in answer.json()["detail"]


def test_a_hostile_report_comes_as_data(app, tool):
    report, finding = clear(app, hostile.draft(purl=PURL))
    answer = tool.get(f"/findings/{finding}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert hostile.MARK in answer.json()["reports"][0]["untrusted"]["title"]
    assert tool.get(f"/reports/{report}").status_code == 200


def test_the_description_of_the_api_names_every_path_and_its_refusals(tool):
    document = tool.client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    paths = {path for path in document["paths"] if path.startswith("/v1/desk/")}
    assert paths == {route_.path for route_ in api.router.routes}
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "4XX" in operation["responses"]
            assert "422" not in operation["responses"]
            assert operation["security"]
