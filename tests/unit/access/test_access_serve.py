"""The parts of the gateway, each by itself."""

import json
from ipaddress import ip_network

import pytest

from clearhouse.access.serve.alarms import Alarms, Watch
from clearhouse.access.serve.dialects import ENDPOINTS, Answer, asked, event_data, read_json
from clearhouse.access.serve.join import join
from clearhouse.access.serve.journal import Journal, JournalError
from clearhouse.access.serve.limits import limits
from clearhouse.access.serve.live import LiveGrant, Replays
from clearhouse.access.serve.refusals import SAID, Code, RefusedCallError, document, headers
from clearhouse.kernel.policy import PolicyError
from early import new_key

CHAT = ENDPOINTS["/v1/chat/completions"]
MESSAGES = ENDPOINTS["/v1/messages"]
RESPONSES = ENDPOINTS["/v1/responses"]


def grant(**more):
    values = {
        "grant_id": "gra_x", "window_id": "win_x", "jkt": "j", "key": new_key().public_key(),
        "model": "m", "served_names": frozenset({"m"}), "endpoints": frozenset({"openai.chat"}),
        "purposes": ("p",), "networks": (ip_network("0.0.0.0/0"),), "calls_per_minute": 10,
        "concurrent_calls": 2, "token_budget": 1000, "not_before": 0.0, "not_after": 1e12,
    }  # fmt: skip
    return LiveGrant(**(values | more))


def read(endpoint=CHAT, **fields):
    body = json.dumps({"model": "m"} | fields).encode()
    return asked(endpoint, body, limits().refused_fields), len(body)


def test_what_a_call_can_cost_is_its_bytes_and_its_stated_bound():
    for fields, bound in (
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 9),
        ({"max_tokens": 7, "n": 3}, 21),
    ):
        wanted, size = read(**fields)
        assert wanted.most_tokens == size + bound
    assert read(ENDPOINTS["/v1/embeddings"], input="x")[0].most_tokens < 100
    assert read(ENDPOINTS["/v1/messages/count_tokens"])[0].stream is False


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, Code.MAX_TOKENS),
        ({"max_tokens": 0}, Code.MAX_TOKENS),
        ({"max_tokens": -1}, Code.MAX_TOKENS),
        ({"max_tokens": True}, Code.MAX_TOKENS),
        ({"max_tokens": 1.5}, Code.MAX_TOKENS),
        ({"max_tokens": "5"}, Code.MAX_TOKENS),
        ({"max_tokens": 5, "n": "2"}, Code.MAX_TOKENS),
        ({"max_tokens": 5, "model": 3}, Code.MODEL),
        ({"max_tokens": 5, "store": True}, Code.FIELD),
        ({"max_tokens": 5, "stream": "yes"}, Code.FIELD),
        ({"max_tokens": 5, "previous_response_id": "r"}, Code.FIELD),
        ({"max_tokens": 5, "messages": [{"content": [{"url": "https://x.test"}]}]}, Code.FIELD),
        ({"max_tokens": 5, "messages": [{"content": [{"url": " HTTP://x.test"}]}]}, Code.FIELD),
    ],
)
def test_requests_that_nothing_bounds_are_refused(fields, code):
    with pytest.raises(RefusedCallError) as raised:
        read(**fields)
    assert raised.value.code is code


def test_an_endpoint_without_streams_does_not_stream():
    with pytest.raises(RefusedCallError):
        read(ENDPOINTS["/v1/embeddings"], stream=True)


def test_usage_text_and_model_are_read_in_every_dialect():
    chat = Answer(set())
    words = chat.take(CHAT, {"model": "m", "choices": [{"message": {"content": "hi"}}],
                             "usage": {"prompt_tokens": 2, "completion_tokens": 3}})  # fmt: skip
    assert (words, chat.models, chat.tokens) == ("hi", {"m"}, 5)
    claude = Answer(set())
    claude.take(MESSAGES, {"type": "message_start", "message": {
        "model": "m", "usage": {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 1}}})  # fmt: skip
    text = claude.take(MESSAGES, {"type": "content_block_delta", "delta": {"text": "a"}})
    claude.take(MESSAGES, {"type": "message_delta", "usage": {"output_tokens": 9}})
    claude.take(MESSAGES, {"type": "message_stop"})
    assert (text, claude.models, claude.tokens, claude.finished) == ("a", {"m"}, 19, True)
    response = Answer(set())
    response.take(RESPONSES, {"type": "response.created", "response": {"model": "m"}})
    done = {"type": "response.completed", "response": {"model": "m", "usage": {"total_tokens": 8}}}
    response.take(RESPONSES, done)
    assert (response.models, response.tokens, response.finished) == ({"m"}, 8, True)
    for odd in ({"usage": {"total_tokens": -1}}, {"usage": {"total_tokens": True}}, {"usage": 3}):
        silent = Answer(set())
        silent.take(CHAT, odd)
        assert silent.tokens is None


def test_events_are_read_by_their_data_lines():
    assert list(event_data(b"event: x\ndata: {}\n\ndata:[DONE]\r\n\r\n: note\n")) == [
        b"{}",
        b"[DONE]",
    ]
    assert read_json(b"[1]") is None
    assert read_json(b"\xff") is None
    assert read_json(b"[" * 100_000) is None


def test_a_string_that_comes_in_pieces_is_seen():
    watch = Watch(("zq canary", "other"))
    assert [watch.sees(piece) for piece in ("a zq", " can", "", "ary b")] == [
        False,
        False,
        False,
        True,
    ]
    assert not Watch(()).sees("anything")


def test_alarms_name_the_shape_and_come_once_in_a_while():
    raised = []
    alarms = Alarms(limits().alarms, raised.append)
    one = grant()
    for place in range(5):
        alarms.settled(one, place, 100, 90, 1000.0 + place)
    assert [item["kind"] for item in raised] == ["burst"]
    alarms.settled(one, 9, 10, 20, 5000.0)
    assert [item["kind"] for item in raised] == ["burst", "overshoot"]
    other = grant(grant_id="gra_y", token_budget=10**9)
    for place in range(250):
        alarms.answered(other, place, 10, 100, 1000.0 + place)
    assert [item["kind"] for item in raised][2:] == ["harvest"]
    quiet = grant(grant_id="gra_z", token_budget=10**9)
    for place in range(250):
        alarms.answered(quiet, place, 100, 100, 1000.0 + place)
    assert len(raised) == 3
    late = 10_000.0
    alarms.answered(other, 1, 1, 1, late)
    alarms.note(one, None, "burst", "again", late)
    assert len(raised) == 4


def test_a_proof_is_remembered_as_long_as_it_could_be_used_again():
    replays = Replays(90)
    assert replays.fresh(b"a", 1000)
    assert not replays.fresh(b"a", 1000 + 89)
    assert replays.fresh(b"b", 1000 + 95)
    assert not replays.fresh(b"a", 1000 + 100), "the generation before is remembered too"
    assert replays.fresh(b"a", 1000 + 1000)


def test_a_journal_gives_back_what_a_killed_gateway_left(tmp_path, monkeypatch):
    first = Journal(tmp_path)
    for place in range(3):
        first.write(f'{{"entry": {place}}}')
    first.shipped(1)
    assert (first.waiting, len(first.batch())) == (2, 2)
    with (tmp_path / "000000000000.jsonl").open("a") as file:
        file.write('{"entry": 3')  # it died in the middle of a line
    second = Journal(tmp_path)
    assert [json.loads(line)["entry"] for line in second.left_over()] == [0, 1, 2]
    second.forget_left_over()
    assert second.left_over() == []
    monkeypatch.setattr("clearhouse.access.serve.journal._TURN_BYTES", 10, raising=False)
    second.write('{"entry": 4}')
    second.sync()
    second.shipped(1)
    assert second.waiting == 0
    second.close()
    first.close()
    with pytest.raises(JournalError):
        second.write("x")


def test_every_code_has_a_document_that_says_what_to_do():
    assert set(SAID) == set(Code)
    for code in Code:
        refused = RefusedCallError(code, retry_after_s=2.5)
        said = json.loads(document(refused, "gra_x:3"))
        assert said["status"] == refused.status
        assert said["instance"].endswith("gra_x:3")
        assert said["error"]["message"] == said["detail"]
        sent = dict(headers(refused))
        assert sent[b"retry-after"] == b"3"
        assert (b"www-authenticate" in sent) == (refused.status == 401)


def entry(chain, sequence, kind, outcome="served"):
    at = f"2026-12-01T00:00:0{sequence}+00:00"
    return json.dumps(
        {"chain": chain, "sequence": sequence, "kind": kind, "outcome": outcome, "at": at}
    )


def test_a_log_is_joined_call_by_call_and_ends_with_the_model():
    chains = {
        "gra_x": [entry("gra_x", n, kind) for n in (1, 2, 3) for kind in ("opened", "closed")],
        "gra_y": [entry("gra_y", 1, "opened"), entry("gra_y", 1, "closed", "other-model")],
    }
    found = join(chains, ["gra_x:1", "gra_x:2", "gra_y:1"])
    assert (found.matched, found.dropped, found.unserved) == (2, ("gra_x:3",), ("gra_y:1",))
    assert not found.complete
    whole = join(chains, ["gra_x:1", "gra_x:2", "gra_x:3"])
    assert whole.complete
    late = join(chains, ["gra_x:1", "gra_x:2", "gra_x:3"], invalid_from="2026-12-01T00:00:02+00:00")
    assert late.after_swap == ("gra_x:2", "gra_x:3")
    assert not late.complete


def test_limits_that_cannot_be_read_are_refused(tmp_path, monkeypatch):
    (tmp_path / "l.yaml").write_text("id: x\nversion: 1\ntoken_life_s: 0\n")
    monkeypatch.setenv("CLEARHOUSE_POLICIES", str(tmp_path))
    with pytest.raises(PolicyError):
        limits("l")
