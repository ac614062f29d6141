"""What operators say back, through the doors: command line, API and page."""

import json
import socket
import threading
import time

import pytest
import uvicorn
from click.testing import CliRunner

from asking import Client
from casebook import acting, set_clock
from clearhouse.clearing.deliver import acknowledging
from clearhouse.clearing.deliver.reach import in_force, reach
from clearhouse.formats.acknowledgement import Acknowledgement, Affected
from clearhouse.kernel import identity
from clearhouse.kernel.identity import PartyKind, Scope
from clearhouse.surfaces.cli import acknowledge as command
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.web.pictures.reach import reach_picture
from command_line import command_line
from house import coordinator, person
from published import OUT, published


@pytest.fixture
def token(app):
    def make(number, scope=Scope.ACKNOWLEDGE, role="operator"):
        one = person(app, f"Hospital {number}", PartyKind.OPERATOR, f"Op {number}", role)
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            return identity.issue_token(transaction, one.actor_id, label="t", scopes=[scope])

    return make


@pytest.fixture
def sign(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "system_clock", lambda: OUT)

    def run(*arguments, code=0, number=0):
        keep = ["--keep", str(tmp_path / f"keep-{number}")]
        result = CliRunner().invoke(command.command, [*arguments, *keep])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def counter(app):
    return Client(serve.counter_application(app.counter, reports_per_hour=100))


def post(counter, body, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return counter.post("/v1/acknowledgements", content=body, headers=headers)


def test_ten_operators_are_seen_together_at_every_door_of_the_desk(
    app, counter, sign, token, tmp_path
):
    _, advisory = published(app)
    for number in range(10):
        out = tmp_path / f"{number}.json"
        sign(advisory, "--affected", "yes", "--out", str(out), number=number)
        assert post(counter, out.read_bytes(), token(number)).status_code == 202
    assert acknowledging.release_due(app.desk) == [advisory]
    run = command_line(app)
    (told,) = json.loads(run("reach", "--json").stdout)["advisories"]
    assert told["reach"]["affected"] == 10
    assert "10 operators or more" in run("reach", advisory).stdout
    run("reach", "CLR-2026-77777", code=65)
    desk = Client(serve.desk_application(app))
    secret = _desk_token(app)
    headers = {"Authorization": f"Bearer {secret}"}
    assert desk.get(f"/v1/desk/reach/{advisory}", headers=headers).json() == told
    assert desk.get("/v1/desk/reach", headers=headers).json()["advisories"] == [told]
    assert desk.get("/v1/desk/reach/CLR-2026-77777", headers=headers).status_code == 404


def _desk_token(app):
    one = coordinator(app)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return identity.issue_token(transaction, one.actor_id, label="t", scopes=[Scope.DESK])


def test_the_picture_draws_what_is_known_and_says_what_is_not():
    one = Acknowledgement(
        advisory="CLR-2026-00001", affected=Affected.YES, fixed_on=None, said_on=OUT.date()
    )
    picture = str(reach_picture(reach([one] * 12, OUT.date(), in_force())))
    assert "10 or more" in picture
    assert "fewer than 10" in picture


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        (lambda body: body[:30], 422, "byte"),
        (lambda body: body.replace(b"signatures", b"other"), 422, "envelope"),
        (lambda body: b" " * 9000, 413, "bytes"),
    ],
)
def test_a_statement_that_cannot_be_taken_says_why(
    app, counter, sign, token, tmp_path, change, status, named
):
    _, advisory = published(app)
    sign(advisory, "--affected", "no", "--out", str(tmp_path / "s.json"))
    answer = post(counter, change((tmp_path / "s.json").read_bytes()), token(1))
    assert answer.status_code == status
    assert named in answer.json()["detail"]


def test_a_token_for_other_things_acknowledges_nothing(app, counter, sign, token, tmp_path):
    _, advisory = published(app)
    sign(advisory, "--affected", "no", "--out", str(tmp_path / "s.json"))
    body = (tmp_path / "s.json").read_bytes()
    assert post(counter, body).status_code == 401
    assert post(counter, body, token(1, Scope.SUBMIT)).status_code == 401
    assert post(counter, body, token(2, role="reporter")).status_code == 403


def test_an_advisory_that_is_not_public_answers_like_one_that_never_was(
    app, counter, sign, token, tmp_path
):
    set_clock(app, OUT)
    answers = []
    for advisory in ("CLR-2026-00001", "CLR-2026-00777"):
        sign(advisory, "--affected", "no", "--out", str(tmp_path / "s.json"))
        answers.append(post(counter, (tmp_path / "s.json").read_bytes(), token(1)))
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_what_cannot_be_is_refused_before_anything_is_signed(sign):
    said = sign("CLR-2026-00001", "--affected", "no", "--fixed-on", "2026-11-01", code=65)
    assert "fixed_on" in said


def test_the_command_sends_the_statement_and_says_what_the_house_answers(
    app, sign, token, monkeypatch
):
    _, advisory = published(app)
    application = serve.counter_application(app.counter, reports_per_hour=100)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        address = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("CLEARHOUSE_TOKEN", token(1))
        assert "sent" in sign(advisory, "--affected", "unknown", "--to", address)
        assert "refused" in sign("CLR-2026-00777", "--affected", "no", "--to", address, code=65)
    finally:
        server.should_exit = True
        thread.join(10)
    assert "nothing was sent" in sign(advisory, "--affected", "no", "--to", address, code=69)
    with acting(app, app.desk.clearing_actor) as transaction:
        assert transaction.one("SELECT affected FROM acknowledgement")["affected"] == "unknown"
