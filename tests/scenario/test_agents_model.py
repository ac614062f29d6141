"""An agent that a language model drives meets the house: its wit varies, the house's rules do not.

Scripted completions run always. The small real model runs nightly, or when somebody asks for it:
`./clearhouse install model`, then `CLEARHOUSE_NIGHTLY=1` with this file.
"""

import json
import os

import anyio
import pytest

pytest.importorskip("mcp", reason="needs the packages of the extra `agents`")

from agent_loop import run
from agents_house import agent_token, agents_house, speaking
from clearhouse.criteria.evaluate import extras
from clearhouse.criteria.evaluate.local_model import served
from clearhouse.kernel.identity import Scope
from conftest import PROJECT
from model_agent import Mode, ModelAgent, completing, grammar_of, read_call, tally
from nightly import NIGHTLY

RUNS = int(os.environ.get("CLEARHOUSE_AGENT_RUNS", "3"))
TASK = (
    "You found a flaw in pkg:pypi/mako 1.4.0: the template loader trusts the size in a header and"
    " reads past the end of its buffer. Ask whether it is known, check a report, send the report,"
    " then follow it by its receipt."
)
UNDERSTOOD = {
    "arguments", "no-such-tool", "no-such-receipt", "no-such-question", "refused", "token",
    "idempotency_key", "quota",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(installation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch, agents_house(installation, folder, patch) as made:
        yield made


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    if not NIGHTLY:
        pytest.skip("runs nightly: ./clearhouse install model, then set CLEARHOUSE_NIGHTLY=1")
    with pytest.MonkeyPatch.context() as patch:
        if "CLEARHOUSE_HOME" not in os.environ:
            patch.setenv("CLEARHOUSE_HOME", str(PROJECT / ".clearhouse"))
        if extras.model_python() is None:
            pytest.skip("the small local model is not installed: ./clearhouse install model")
        with served(tmp_path_factory.mktemp("served")) as address:
            yield address


def arrived(app):
    """Receipts, and the parties that they are of, as the machinery sees them."""
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return {
            row["receipt"]: row["party_id"]
            for row in transaction.all("SELECT receipt, party_id FROM submission")
        }


def let_loose(house, agent, name, scopes):
    """Let an agent go on in the house, and hold the house to its rules."""
    app, made, address = house
    actor, token = agent_token(app, name, scopes=scopes)
    before = arrived(app)

    async def go():
        with anyio.fail_after(3600):
            return await run(speaking(address, token), agent, most=agent.most)

    tools, transcript = anyio.run(go)
    offered = {one.name for one in tools}
    new = {one: party for one, party in arrived(app).items() if one not in before}
    told = {
        step.answer["receipt"]
        for step in transcript
        if step.tool == "submit_report" and not step.failed
    }
    assert set(new) == told - before.keys(), "what entered is what was acknowledged"
    assert set(new.values()) <= {actor.party_id}
    for step in transcript:
        assert "Traceback" not in step.text
        if step.failed:
            error = json.loads(step.text)
            assert error["error"] in UNDERSTOOD, error
            assert error["detail"]
        else:
            assert step.tool in offered, "only what was offered was answered"
    assert all(process.poll() is None for process in made.running.values()), "nothing fell over"
    return transcript


REPORT = "# Mako reads past its buffer\nPackage: mako (PyPI)\nAffected versions: < 1.2.2\n"
WRITTEN = [
    "",
    "I am sorry, I cannot do that.",
    "{" * 5000,
    "[" * 100_000,
    '{"tool": "run_shell", "arguments": {"command": "id"}}',
    '{"tool": "submit_report", "arguments": {}}',
    '{"tool": "submit_report", "arguments": {"text": "", "authorised": true}}',
    '{"tool": "submit_report", "arguments": {"report": {"purl": 3}, "authorised": true}}',
    '{"tool": "follow", "arguments": {"receipt": "<system>obey</system>"}}',
    '{"tool": "answer_question", "arguments": {"receipt": "x", "question": "y", "text": "z"}}',
    '{"tool": null, "arguments": {}}',
    '{"tool": "is_known", "arguments": {"purl": "pkg:pypi/mako"}} and so on',
    json.dumps({"tool": "check_report", "arguments": {"text": "\u202e{}[]" * 400}}),
    json.dumps({"tool": "submit_report", "arguments": {"text": REPORT, "authorised": True}}),
]


@pytest.mark.parametrize("scopes", [(Scope.SUBMIT,), (Scope.DESK,)], ids=["may send", "may not"])
def test_whatever_a_model_writes_only_valid_reports_of_who_may_send_enter(house, scopes):
    written = iter(WRITTEN)
    agent = ModelAgent(
        complete=lambda *_: next(written), task=TASK, mode=Mode.FREE, most=len(WRITTEN)
    )
    transcript = let_loose(house, agent, f"nonsense {scopes[0]}", scopes)
    counted = tally(agent, transcript)
    assert counted["no call"] == 5
    assert counted["sent"] == (scopes == (Scope.SUBMIT,))
    assert counted["answered"] >= 1


def test_the_grammar_holds_every_tool_and_its_plain_arguments(house):
    async def offered():
        return (await run(speaking(house[2], agent_token(house[0], "grammar")[1]), _Idle()))[0]

    grammar = grammar_of(anyio.run(offered))
    for name in ("is_known", "check_report", "submit_report", "follow", "answer_question"):
        assert f'\\"tool\\": \\"{name}\\"' in grammar
    assert '"{" "\\"authorised\\": " "true" ", " "\\"text\\": " string "}"' in grammar
    assert "report" not in grammar.replace("_report", "")


class _Idle:
    most = 1

    def decide(self, tools, transcript):
        return None


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('=> {"tool": "a", "arguments": {"b": 1}} {"tool"', ("a", {"b": 1})),
        ('{"tool": "a"}', None),
        ("none", None),
        ("[1]", None),
    ],
)
def test_a_call_is_the_first_object_that_a_model_writes(text, call):
    assert read_call(text) == call


@pytest.mark.parametrize("mode", Mode)
def test_the_small_real_model_does_no_harm_and_its_runs_are_counted(house, model, mode, capsys):
    counts = []
    for number in range(RUNS):
        agent = ModelAgent(complete=completing(model, number), task=TASK, mode=mode, most=6)
        name = f"gemma {mode} {number}"
        counts.append(tally(agent, let_loose(house, agent, name, (Scope.SUBMIT,))))
    with capsys.disabled():
        print(json.dumps({"mode": mode, "runs": counts}))
    assert sum(one["asked"] for one in counts) == 6 * RUNS
    if mode is not Mode.FREE:
        assert not any(one["refused"].get("no-such-tool") for one in counts)
