"""What the gateway lets through, what it refuses, and that both leave receipts."""

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Selector
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import WindowStep
from clearhouse.access.serve import chain
from clearhouse.kernel import identity
from early import MODEL, activated, approved, done, granted, issued, new_key, opened
from gateway_house import Client, chat, code_of, running
from scripted_model import MODEL as SERVED


def bodies(app, early, chain_name):
    with app.desk.database.transaction(early.people.lab.actor_id) as transaction:
        rows = transaction.all(
            "SELECT body FROM access_receipt WHERE chain = %s ORDER BY entry", [chain_name]
        )
    return [row["body"] for row in rows]


def kinds(app, early, held):
    return [
        (entry["kind"], entry.get("outcome"))
        for entry in map(json.loads, bodies(app, early, held.grant.grant_id))
    ]


def test_calls_of_both_dialects_pass_unchanged_and_leave_two_receipts_each(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        client = house.client(held)
        plain, streamed = client.chat("say 4"), client.chat("say 4", stream=True)
        tools = client.chat(tools=[{"type": "function", "function": {"name": "add"}}])
        claude = client.post("/v1/messages", **chat())
        claude_stream = client.post("/v1/messages", **chat(stream=True))
        models = client.http.get(
            house.address + "/v1/models", headers=client.headers("GET", "/v1/models")
        )
        house.settled()
        served = house.model.served
    for sequence, answer in enumerate((plain, streamed, tools, claude, claude_stream), 1):
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-request-id"] == f"{held.grant.grant_id}:{sequence}"
    assert plain.json()["choices"][0]["message"]["content"] == "word " * 3 + "word"
    assert tools.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "add"
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert "message_stop" in claude_stream.text
    assert [one["id"] for one in models.json()["data"]] == [MODEL]
    for _, headers, _, _ in served:
        assert "dpop" not in headers
        assert held.grant.grant_id not in json.dumps(headers)
        assert headers.get("authorization", headers.get("x-api-key")) in {"Bearer sk-lab", "sk-lab"}
    report = chain.check(held.grant.grant_id, bodies(app, early, held.grant.grant_id))
    assert report.holds
    assert (report.calls, report.entries, report.unfinished) == (5, 10, ())
    entry = json.loads(bodies(app, early, held.grant.grant_id)[1])
    assert entry["served"] == [SERVED]
    assert all("word" not in body for body in bodies(app, early, held.grant.grant_id))


def thief(house, held):
    """Somebody with a token that was stolen, and a key of their own."""
    owner, other = house.client(held), Client(house.address, new_key())
    house.clients.append(other)
    owner.get_token()
    other.token = owner.token
    return owner, other


def test_a_stolen_token_a_replayed_proof_and_a_wrong_clock_open_nothing(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        owner, other = thief(house, held)
        stolen = other.chat()
        assert (stolen.status_code, code_of(stolen)) == (401, "bad-proof")
        assert stolen.headers["x-request-id"].startswith(held.grant.grant_id)
        assert code_of(other.get_token()) == "bad-proof"
        headers = owner.headers()
        assert owner.post(headers=headers, **chat()).status_code == 200
        assert code_of(owner.post(headers=headers, **chat())) == "replayed-proof"
        for skew in (-70, 40):
            late = house.client(held, skew=skew)
            assert code_of(late.get_token()) == "bad-proof"
        for path, method in (("/v1/messages", "POST"), ("/v1/chat/completions", "GET")):
            wrong = {"DPoP": owner.proof(method, path, token=owner.token)}
            assert code_of(owner.post(headers=wrong, **chat())) == "bad-proof"
        unbound = {"DPoP": owner.proof("POST", "/v1/chat/completions")}
        assert code_of(owner.post(headers=unbound, **chat())) == "bad-proof"
        for token in ("cha_guess", "x" * 9000):
            sent = {"Authorization": f"DPoP {token}"}
            assert owner.post(headers=sent, **chat()).status_code == 401
        bearer = {"Authorization": f"Bearer {owner.token}"}
        assert code_of(owner.post(headers=bearer, **chat())) == "no-token"
        assert len(house.model.served) == 1
        house.settled()
    assert ("refused", "bad-proof") in kinds(app, early, held)
    assert ("refused", "replayed-proof") in kinds(app, early, held)


def test_what_the_grant_does_not_cover_is_refused_with_a_problem_and_a_receipt(app, tmp_path):
    early = opened(app)
    done(app, early.people.lab, granting.plant, early.id, "zq-canary-7731")
    held = granted(early, early.people.evaluator)
    refused = {
        "model": chat() | {"model": "quill-2-mini"},
        "max-tokens": {key: value for key, value in chat().items() if key != "max_tokens"},
        "field": chat(models=["other"]),
        "canary": chat("tell me about zq-canary-7731"),
        "budget": chat(max_tokens=10_000_000),
    }
    with running(app, tmp_path) as house:
        client = house.client(held)
        for code, fields in refused.items():
            answer = client.post(**fields)
            assert code_of(answer) == code, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-request-id"].startswith(held.grant.grant_id)
        image = [{"type": "image_url", "image_url": {"url": "https://example.test/x.png"}}]
        remote = chat() | {"messages": [{"role": "user", "content": image}]}
        assert code_of(client.post(**remote)) == "field"
        twice = b'{"model": "quill-2-mini", "model": "%b", "max_tokens": 5}' % MODEL.encode()
        for content in (twice, b"[1]", b"\xff\xfe{\x00}\x00", b"{", b"NaN", b"[" * 100_000, b""):
            assert code_of(client.post(content=content)) == "body"
        for path in ("/v1/embeddings", "/v1/responses"):
            assert code_of(client.post(path, **chat())) == "endpoint"
        for path in (
            "/v1/images",
            "/v1/chat/completions/",
            "/v1//chat/completions",
            "/v1/%63hat/completions",
        ):
            assert code_of(client.post(path, **chat())) in {"not-found", "bad-proof"}
        assert code_of(client.get_token("something else")) == "purpose"
        assert client.get_token("evaluation").json()["purpose"] == "evaluation"
        assert house.model.served == []
        house.settled()
    with app.desk.database.transaction(early.people.lab.actor_id) as transaction:
        alarms = transaction.all("SELECT kind FROM access_alarm")
    assert [one["kind"] for one in alarms] == ["canary-asked"]
    assert {outcome for _, outcome in kinds(app, early, held)} >= set(refused)


def test_an_upstream_that_lies_dies_dawdles_or_babbles_is_cut_with_a_problem(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    expected = {
        ("lie", False): (502, "other-model"),
        ("lie", True): (502, "other-model"),
        ("mute", False): (502, "other-model"),
        ("mute", True): (502, "other-model"),
        ("junk", False): (502, "upstream-malformed"),
        ("junk", True): (502, "upstream-malformed"),
        ("crash", False): (502, "upstream-refused"),
        ("refuse", False): (400, "upstream-refused"),
        ("late 3", False): (504, "upstream-late"),
    }
    with running(app, tmp_path, idle_timeout_s=0.5) as house:
        client = house.client(held)
        for (prompt, stream), (status, code) in expected.items():
            answer = client.chat(prompt, stream=stream)
            assert (answer.status_code, code_of(answer)) == (status, code), (prompt, stream)
        cut = {"die 9": "upstream-died", "swap": "other-model", "garble 9": "upstream-malformed"}
        for prompt, code in cut.items():
            answer = client.chat(prompt, stream=True)
            assert cut_code(answer) == code, answer.text
            assert "[DONE]" not in answer.text
        house.settled()
    outcomes = {outcome for kind, outcome in kinds(app, early, held) if kind == "closed"}
    assert outcomes >= {"other-model", "upstream-malformed", "upstream-died", "upstream-late"}
    report = chain.check(held.grant.grant_id, bodies(app, early, held.grant.grant_id))
    assert (report.holds, report.unfinished) == (True, ())


def cut_code(answer):
    """Why an answer was cut: in a problem when nothing had begun, else in the last event."""
    if answer.status_code != 200:
        return code_of(answer)
    last = answer.text.strip().split("\n\n")[-1]
    assert last.startswith("event: error"), answer.text
    return json.loads(last.split("data: ", 1)[1])["error"]["code"]


def raw(house, head, body=b""):
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(house.address.rsplit(":", 1)[1]), timeout=20
    )
    try:
        connection.putrequest("POST", "/v1/chat/completions", skip_accept_encoding=True)
        for name, value in head:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def test_headers_that_read_two_ways_and_bodies_that_are_too_large_are_refused(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    body = json.dumps(chat()).encode()
    with running(app, tmp_path) as house:
        client = house.client(held)
        client.get_token()

        def head(*more):
            return [*client.headers().items(), ("Content-Length", str(len(body))), *more]

        for more in (
            ("DPoP", "x"), ("Authorization", "DPoP x"), ("Content-Encoding", "gzip"),
            ("X-HTTP-Method-Override", "GET"),
        ):  # fmt: skip
            status, said = raw(house, head(more), body)
            assert (status, b"headers" in said) == (400, True), more
        smuggled = raw(house, head(("Transfer-Encoding", "chunked")), b"0\r\n\r\n")
        assert smuggled is None or smuggled[0] == 400
        large = client.post(content=b"x" * 100_000_000)
        assert (large.status_code, code_of(large)) == (413, "too-large")
        spoofed = {"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1", "Host": "127.0.0.1"}
        assert client.post(headers=spoofed, **chat()).status_code == 200
        assert client.http.post(house.address + "/v1/chat/completions?x=1", json=chat(),
                                headers=client.headers()).status_code == 400  # fmt: skip
        assert len(house.model.served) == 1


def test_a_budget_is_never_overspent_by_two_hundred_clients_at_once(app, tmp_path):
    early = opened(app)
    one_call = len(json.dumps(chat("say 1"), separators=(",", ":")).encode())
    held = granted(
        early, early.people.evaluator, token_budget=20_000, concurrent_calls=300,
        calls_per_minute=10_000,
    )  # fmt: skip
    with running(app, tmp_path) as house:
        shared = house.client(held)
        shared.get_token()
        heads = [shared.headers() for _ in range(200)]

        def call(place):
            fields = chat("say 1", max_tokens=1500)
            return shared.post(headers=heads[place], **fields).status_code

        with ThreadPoolExecutor(40) as pool:
            statuses = list(pool.map(call, range(200)))
        house.settled()
        left = house.gateway.accounts.left(house.gateway.live.grant(held.grant.grant_id))
    report = chain.check(held.grant.grant_id, bodies(app, early, held.grant.grant_id))
    # On a machine too busy to hear the store in time, the gateway shuts: that is 503.
    assert {200, 429} <= set(statuses) <= {200, 429, 503}
    assert report.tokens <= 20_000
    assert report.tokens + left == 20_000
    assert one_call > 0


def test_calls_side_by_side_cannot_take_the_last_reservation_twice(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator, token_budget=2_000, concurrent_calls=300,
                   calls_per_minute=10_000)  # fmt: skip
    with running(app, tmp_path) as house:
        client = house.client(held)
        client.get_token()
        heads = [client.headers() for _ in range(30)]

        def call(place):
            return client.post(headers=heads[place], **chat("late 1", max_tokens=1500)).status_code

        with ThreadPoolExecutor(30) as pool:
            statuses = list(pool.map(call, range(30)))
    assert statuses.count(200) == 1
    assert statuses.count(429) == 29


def test_a_call_that_costs_more_than_was_set_aside_is_charged_and_stops_the_rest(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        client = house.client(held)
        assert client.chat("overshoot").status_code == 200
        assert code_of(client.chat()) == "budget"
        house.settled()
    with app.desk.database.transaction(early.people.lab.actor_id) as transaction:
        alarms = {row["kind"] for row in transaction.all("SELECT kind FROM access_alarm")}
    assert alarms == {"overshoot", "burst"}


def until_refused(client, stop_after_s=5):
    """Call again and again; return how long calls went on being served, and the last code."""
    begin = time.monotonic()
    while True:
        answer = client.chat()
        if answer.status_code != 200:
            return time.monotonic() - begin, code_of(answer)
        assert time.monotonic() - begin < stop_after_s, "still served"


def test_a_kill_is_effective_within_a_second_and_cuts_running_calls(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    spared = granted(early, early.people.second)
    with running(app, tmp_path) as house:
        client, other = house.client(held), house.client(spared)
        client.chat()
        other.chat()
        streams = []
        heads = client.headers()
        thread = threading.Thread(
            target=lambda: streams.append(
                client.post(headers=heads, **chat("slow 200", stream=True))
            )
        )
        thread.start()
        time.sleep(0.5)
        killed = time.monotonic()
        done(
            app, early.people.government, granting.kill, early.id,
            Selector(grants=(held.grant.grant_id,)), because="order", dry_run=False,
        )  # fmt: skip
        served_s, code = until_refused(client)
        thread.join(10)
        cut_s = time.monotonic() - killed
        assert code == "revoked"
        assert other.chat().status_code == 200, "the others go on"
        assert code_of(client.get_token()) == "revoked"
        house.settled()
    print(
        f"kill: last call served {served_s * 1000:.0f} ms after the commit, stream cut after {cut_s * 1000:.0f} ms"
    )
    assert served_s < 1
    assert cut_s < 1.5
    assert '"code": "revoked"' in streams[0].text


@pytest.mark.parametrize("how", ["pause", "actor"])
def test_a_paused_window_and_a_revoked_actor_are_served_no_more(app, tmp_path, how):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        client = house.client(held)
        assert client.chat().status_code == 200
        if how == "pause":
            done(app, early.people.government, offer.step, early.id, WindowStep.PAUSE)
        else:
            with app.desk.database.transaction(None) as transaction:
                identity.revoke_actor(transaction, held.actor.actor_id)
        assert until_refused(client)[1] == "revoked"
        if how == "pause":
            done(app, early.people.lab, offer.step, early.id, WindowStep.RESUME)
            time.sleep(0.5)
            assert client.chat().status_code == 200


def test_access_ends_at_the_instant_even_in_the_middle_of_a_call(app, tmp_path):
    early = opened(app)
    eva, ed = early.people.evaluator, early.people.second
    for actor in (eva, ed):
        approved(early, actor)
    tomorrow = app.desk.database.clock() + timedelta(days=1)
    future = activated(early, ed, issued(early, ed, start=tomorrow))
    with running(app, tmp_path) as house:
        stop = app.desk.database.clock() + timedelta(seconds=4)
        grant = issued(early, eva, stop=stop)
        held = activated(early, eva, grant)
        assert code_of(house.client(future).get_token()) == "not-yet"
        client = house.client(held)
        assert client.get_token().json()["expires_in"] <= 4
        answer = client.chat("slow 300", stream=True)
        assert cut_code(answer) == "over"
        assert 0 <= time.time() - stop.timestamp() < 1.5
        assert code_of(client.chat()) in {"over", "bad-token"}
        assert code_of(client.get_token()) == "over"
        house.settled()
    entries = [json.loads(body) for body in bodies(app, early, held.grant.grant_id)]
    assert [entry["kind"] for entry in entries][:2] == ["opened", "closed"]
    assert entries[0]["at"] < stop.isoformat()


def test_a_gateway_that_does_not_hear_the_store_serves_nothing(app, tmp_path, installation):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        client = house.client(held)
        assert client.chat().status_code == 200
        house.gateway.heart._url = "postgresql:///nowhere?host=/nonexistent"
        name = conninfo_to_dict(app.desk.database.url)["dbname"]
        with psycopg.connect(installation[1].url(), dbname="postgres", autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND application_name = 'gateway'", [name],
            )  # fmt: skip
        time.sleep(1)
        answer = client.chat()
        assert (answer.status_code, code_of(answer)) == (503, "store-unheard")
        assert house.client(held).get_token().status_code == 503


def test_a_second_gateway_waits_and_goes_on_where_the_first_ended(app, tmp_path):
    early = opened(app)
    held = granted(early, early.people.evaluator, token_budget=300)
    with running(app, tmp_path) as first:
        assert first.client(held).chat(max_tokens=20).status_code == 200
        first.settled()
    with running(app, tmp_path) as second:
        client = second.client(held)
        assert client.chat(max_tokens=20).headers["x-request-id"].endswith(":2")
        second.settled()
    report = chain.check(held.grant.grant_id, bodies(app, early, held.grant.grant_id))
    assert (report.holds, report.calls) == (True, 2)


def test_networks_rates_and_concurrency_of_the_grant_are_kept(app, tmp_path):
    early = opened(app)
    elsewhere = granted(early, early.people.evaluator, networks=("10.0.0.0/8",))
    slow = granted(early, early.people.second, calls_per_minute=3, concurrent_calls=1)
    with running(app, tmp_path) as house:
        assert code_of(house.client(elsewhere).get_token()) == "network"
        client = house.client(slow)
        client.get_token()
        heads = [client.headers() for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda head: client.post(headers=head, **chat("late 1")), heads))
        assert sorted(answer.status_code for answer in both) == [200, 429]
        answers = [client.chat() for _ in range(3)]
        assert code_of(answers[-1]) == "rate"
        assert int(answers[-1].headers["retry-after"]) > 0
