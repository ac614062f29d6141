"""Peers and relays at the command line, in the API and on the case's page."""

import json

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from casebook import acting, opened, register, set_clock
from clearhouse.clearing.coordinate.relay import keys
from clearhouse.formats import relay_node
from clearhouse.formats.relay_node import Node, NodeKey
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.cli.main import Connect, cli
from house import coordinator
from relay_houses import NOW
from visitor import Visitor


@pytest.fixture
def run(app):
    set_clock(app, NOW)

    def command(*arguments, code=0):
        connect = Connect(lambda: app, lambda: app.counter, None)
        done = CliRunner().invoke(cli, ["relay", *arguments], obj=connect)
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in arguments else done.output

    return command


@pytest.fixture
def other(tmp_path):
    """The document of another house, as a file, and its fingerprint."""
    key = Ed25519PrivateKey.generate()
    node = Node(
        id="nod_other", name="Other <b>house</b>", address="http://127.0.0.1:9", at=NOW,
        keys=(NodeKey(public=key.public_key().public_bytes_raw(), since=NOW),),
    )  # fmt: skip
    file = tmp_path / "node.json"
    file.write_bytes(relay_node.write(node, [key]))
    return file, node.fingerprint


def enrolled(run, other):
    file, fingerprint = other
    return run(
        "enroll", str(file), "--fingerprint", fingerprint, "--sends-up-to", "TLP:RED", "--json"
    )["peer"]  # fmt: skip


def test_a_house_says_who_it_is_and_gives_its_document(app, run):
    said = run("node", "--json")
    document = relay_node.read(run("node", "--document").encode())
    assert (document.id, document.fingerprint) == (said["node"], said["fingerprint"])
    assert said["fingerprint"] in run("node")
    assert said["node"] == keys.node_id(app.desk.keys)


def test_a_peer_is_shown_before_it_is_enrolled_and_ends_with_a_reason(run, other, tmp_path):
    file, fingerprint = other
    assert "no peers yet" in run("peers")
    shown = run("enroll", str(file), "--sends-up-to", "TLP:RED", "--json")
    assert shown["fingerprint"] == fingerprint
    assert run("peers", "--json") == {"peers": []}, "nothing was enrolled by looking"
    wrong = run(
        "enroll", str(file), "--fingerprint", "00", "--sends-up-to", "TLP:RED", "--json", code=1
    )
    assert wrong["refused"] == "wrong-fingerprint"
    peer = enrolled(run, other)
    assert f"{peer}  clearhouse" in run("peers")
    assert run("revoke", "per_x", "--because", "r", code=1)
    assert run("revoke", peer, "--because", "lost", "--json")["revoked_at"] is not None
    assert "ENDED" in run("peers")
    run("enroll", str(tmp_path / "none"), "--sends-up-to", "TLP:RED", code=65)
    file.write_text("{}")
    run("enroll", str(file), "--sends-up-to", "TLP:RED", code=65)
    run("enroll", "http://127.0.0.1:9", "--sends-up-to", "TLP:RED", code=69)


def test_another_system_is_enrolled_with_its_token_in_a_file(run, tmp_path):
    token = tmp_path / "token"
    token.write_text("SECRET-TOKEN\n")
    done = run(
        "enroll", "https://kb.example.test", "--kind", "vince", "--name", "CERT/CC",
        "--secret-file", str(token), "--sends-up-to", "TLP:RED", "--json",
    )  # fmt: skip
    assert done["kind"] == "vince"
    assert "SECRET-TOKEN" not in json.dumps(done)


def test_a_case_is_handed_over_and_its_way_is_told_at_every_door(app, run, other):
    register(app)
    case = opened(app)
    assert run("status", case.id) == "nothing was relayed of it\n"
    peer = enrolled(run, other)
    sent = run("send", case.id, peer, "--because", "they fix it too", "--json")
    assert run("send", case.id, peer, "--because", "again", "--json", code=1)["refused"] == (
        "relayed-already"
    )
    run("send", "cas_" + "a" * 26, peer, "--because", "r", code=1)
    run("status", "cas_" + "a" * 26, code=1)
    (relayed,) = run("status", case.id, "--json")["relays"]
    assert relayed["our_handle"] == sent["handle"]
    assert "out case: waits" in run("status", case.id)

    cora = coordinator(app)
    with acting(app, cora) as transaction:
        token = identity.issue_token(transaction, cora.actor_id, label="t", scopes=[Scope.DESK])
    api = TestClient(serve.desk_application(app), base_url="http://desk.test")
    api.headers["Authorization"] = f"Bearer {token}"
    (known,) = api.get("/v1/desk/peers").json()
    assert (known["peer_id"], known["name"]) == (peer, "Other <b>house</b>")
    (told,) = api.get(f"/v1/desk/cases/{case.id}/relays").json()
    assert [one["kind"] for one in told["sent"]] == ["case"]
    again = {"peer": peer, "reason": "again"}
    assert api.post(f"/v1/desk/cases/{case.id}/relays", json=again).status_code == 409

    page = Visitor(app.desk, cora).page(f"/cases/{case.id}")
    assert "Other <b>house</b>" in page.words
    assert "no answer yet" in page.words
    assert sent["handle"] in page.words


def test_a_case_is_handed_over_on_its_page(app, run, other):
    register(app)
    case = opened(app)
    peer = enrolled(run, other)
    desk = Visitor(app.desk, coordinator(app))
    page = desk.page(f"/cases/{case.id}")
    assert "Nobody else coordinates it." in page.words
    where = f"/cases/{case.id}/relay"
    refused = desk.send(page, where, peer=peer, reason="r", tlp="TLP:GREEN")
    assert (refused.status_code, "nothing is freer than" in refused.text) == (409, True)
    assert desk.send(page, where, peer=peer, reason="r", tlp="TLP:RED").status_code == 303
    assert "1 out, 0 in" in " ".join(desk.page(f"/cases/{case.id}").words.split())


def test_keys_rotate_and_peers_are_asked_at_the_command_line(app, run, monkeypatch):
    assert run("refresh", "--json") == {"renewed": 0}
    monkeypatch.setattr(keys, "announce", lambda *_: NOW)  # the test's keys are everybody's
    assert run("rotate", "--json") == {"signs_from": NOW.isoformat(), "destroyed": 0}
