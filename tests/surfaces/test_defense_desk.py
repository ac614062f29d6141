"""Result cards by every door: commands, API, pages."""

import base64
import json

import pytest

from asking import Client
from clearhouse.defense.compare.card import shared, sign
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli import serve
from command_line import command_line
from defense_cards import HOSPITALS, Network, analyst, pooled_networks, public, whole
from house import outsider
from visitor import Visitor

API = "/v1/desk/defense"


@pytest.fixture
def run(app):
    return command_line(app, "defense")


def token(app, actor):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return identity.issue_token(transaction, actor.actor_id, label="t", scopes=[Scope.DESK])


@pytest.fixture
def client(app):
    """Return what speaks to the one application of this house as somebody."""
    served = serve.desk_application(app)

    def speaking_as(actor):
        headers = {"Authorization": f"Bearer {token(app, actor)}"}
        return Client(served, base_url="http://desk.test", headers=headers)

    return speaking_as


def written(path, envelope):
    path.write_text(json.dumps(envelope))
    return path


def test_a_card_is_handed_in_listed_and_shown_at_the_command_line(run, app, tmp_path, monkeypatch):
    dee = analyst(app)
    valley = Network(app, HOSPITALS[0], analyst=dee)
    monkeypatch.setenv("CLEARHOUSE_TOKEN", token(app, valley.person))
    assert "no card is kept" in run("cards").stdout
    files = [
        written(tmp_path / "card.json", sign(whole(), valley.key)),
        written(tmp_path / "shared.json", shared(whole(), valley.key)),
    ]
    ids = json.loads(run("hand-in", *files, "--json").stdout)["cards"]
    listed = json.loads(run("cards", "--json").stdout)["cards"]
    assert {one["card_id"]: one["kind"] for one in listed} == dict(
        zip(ids, ["whole", "shared"], strict=True)
    )
    assert "acme: found 60%" in run("cards", ids[0]).stdout
    assert "acme: found 6 of 10 steps, alarms up to 5 a day" in run("cards", ids[1]).stdout
    assert "no such card" in run("cards", "crd_" + "a" * 26, code=1).stderr
    run("hand-in", written(tmp_path / "x.json", {"payload": ""}), code=1)


def test_keys_are_trusted_and_ended_and_a_pool_is_released(run, app, tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARHOUSE_TOKEN", token(app, analyst(app)))
    assert "fewer would tell of one" in run("pool", code=1).stderr
    networks, *_ = pooled_networks(app)
    said = json.loads(run("pool", "--json").stdout)
    assert (said["tools"][0]["found"]["networks"], said["pool"]) == (3, None)
    assert json.loads(run("pool", "--release", "--json").stdout)["pool"].startswith("pol_")
    run("trust", HOSPITALS[0], networks[0].key_id, "--end")
    assert run("trust", "New Hospital", public(networks[0].key), code=65).stderr
    assert run("trust", HOSPITALS[0], public(networks[0].key)).stdout.strip() == networks[0].key_id


def test_shared_files_of_two_networks_are_pooled_without_a_desk(run, app, tmp_path):
    dee = analyst(app)
    networks = [Network(app, name, analyst=dee) for name in HOSPITALS[:2]]
    files = [
        written(tmp_path / f"{place}.json", shared(whole(found=4 + place), one.key))
        for place, one in enumerate(networks)
    ]
    keys = [option for one in networks for option in ("--key", public(one.key))]
    text = run("pool", *files, *keys).stdout
    assert "acme (1): found 45% [" in text
    assert "T1000" in text
    assert "no trusted key" in run("pool", *files, *keys[:2], code=1).stderr
    assert "measured by 2" in run("pool", files[0], *keys, code=65).stderr
    one = written(tmp_path / "whole.json", sign(whole(), networks[0].key))
    assert "whole card" in run("pool", one, *keys, code=65).stderr
    run("pool", *files, "--release", code=2)


def test_the_api_keeps_reads_pools_and_releases(app, client):
    dee = analyst(app)
    valley = Network(app, HOSPITALS[0], analyst=dee)
    operator, pooler = client(valley.person), client(dee)
    envelope = sign(whole(), valley.key)
    card = operator.post(f"{API}/cards", json=envelope).json()["id"]
    assert [one["card_id"] for one in operator.get(f"{API}/cards").json()] == [card]
    assert pooler.get(f"{API}/cards").json() == []
    answer = operator.get(f"{API}/cards/{card}").json()
    assert answer["whole"]["exercises"][0]["tool"] == "acme"
    assert answer["shared"] is None
    assert pooler.get(f"{API}/cards/{card}").status_code == 404
    assert operator.post(f"{API}/cards", json={"payload": "x"}).status_code == 422
    assert client(outsider(app)).post(f"{API}/cards", json=envelope).status_code == 403
    assert pooler.get(f"{API}/pool").status_code == pooler.post(f"{API}/pools").status_code == 409
    networks, _, released = pooled_networks(app)
    assert pooler.get(f"{API}/pool").json()["networks"] == 3
    made = pooler.post(f"{API}/pools").json()["id"]
    reader = client(networks[1].person)
    assert {one["pool_id"] for one in reader.get(f"{API}/pools").json()} == {made, released}
    assert reader.get(f"{API}/pools/{made}").json()["pool"]["tools"][0]["tool"] == "acme"
    (sums,) = [one for one in pooler.get(f"{API}/cards").json() if one["pack_sha256"][:2] == "11"]
    assert pooler.get(f"{API}/cards/{sums['card_id']}").json()["shared"]["grade"] == "B"


def test_keys_are_trusted_and_ended_by_the_api(app, client):
    dee = analyst(app)
    valley = Network(app, HOSPITALS[0], analyst=dee)
    pooler, party = client(dee), valley.person.party_id
    ended = pooler.post(f"{API}/keys/{valley.key_id}/end")
    assert ended.json() == {"id": valley.key_id}
    assert pooler.post(f"{API}/keys/{valley.key_id}/end").status_code == 404
    body = {"organisation": party, "key": public(valley.key)}
    assert pooler.post(f"{API}/keys", json=body).json() == {"id": valley.key_id}
    taken = pooler.post(f"{API}/keys", json=body | {"organisation": dee.party_id})
    assert taken.status_code == 409
    assert pooler.post(f"{API}/keys", json=body | {"key": "x"}).status_code == 422
    nobody = body | {"organisation": "pty_" + "a" * 26}
    assert pooler.post(f"{API}/keys", json=nobody).status_code == 404


def test_a_page_shows_the_pictures_of_ones_own_card_and_nothing_of_others(app):
    networks, card, pool = pooled_networks(app, tool="<b>acme</b>")
    mine, other = (Visitor(app.desk, one.person) for one in networks[:2])
    page = mine.page(f"/defense/cards/{card}")
    assert page.tags.count("svg") == 7
    assert "b" not in page.tags
    assert "<b>acme</b> found 60%" in page.words
    assert "Valley Hospital" in page.words
    other.page(f"/defense/cards/{card}", status=404)
    listed = mine.page("/defense")
    assert f"/defense/cards/{card}" in listed.links
    assert f"/defense/pools/{pool}" in listed.links
    assert f"/defense/cards/{card}" not in other.page("/defense").links
    said = other.page(f"/defense/pools/{pool}")
    assert "3 networks" in said.words
    assert not any(name in said.words for name in (HOSPITALS[0], HOSPITALS[2]))
    assert "T1000" in said.words
    sums = next(one for one in other.page("/defense").links if "/cards/" in one)
    assert "Sums alone" in other.page(sums).words


def test_a_card_is_handed_in_and_a_pool_released_by_their_forms(app):
    networks, *_ = pooled_networks(app)
    mine, pooler = Visitor(app.desk, networks[0].person), Visitor(app.desk, analyst(app))
    page = mine.page("/defense")
    form = page.form("/defense/cards")["fields"]
    content = json.dumps(sign(whole(found=9), networks[0].key)).encode()

    def send(data):
        return mine.client.post("/defense/cards", data=form, files={"card": ("c.json", data)})

    answer = send(content)
    assert answer.status_code == 303
    assert "acme found 90%" in mine.page(answer.headers["location"]).words
    for wrong in (b"PK", b"{}", base64.b64encode(content)):
        refused = send(wrong)
        assert refused.status_code == 422
        assert "Not done" in refused.text
    assert mine.send(page, "/defense/cards").status_code == 422
    released = pooler.send(pooler.page("/defense"), "/defense/pools")
    assert released.status_code == 303
    assert "3 networks" in pooler.page(released.headers["location"]).words


def test_the_desk_says_why_nothing_can_be_released(app):
    pooler = Visitor(app.desk, analyst(app))
    page = pooler.page("/defense")
    assert "fewer would tell of one" in page.words
    fields = page.form("/defense/cards")["fields"]
    assert pooler.client.post("/defense/pools", data=fields).status_code == 409
