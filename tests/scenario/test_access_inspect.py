"""Inspect as a client of early access: its own log and the receipts tell the same story."""

import json
import subprocess
import sys

import pytest

from clearhouse import handoffs
from clearhouse.access.serve import operations as serving
from clearhouse.access.serve.connect import Companion
from early import MODEL, act, granted, opened
from gateway_house import running
from nightly import needs_inspect
from scripted_model import served

QUESTIONS = ("say 2", "say 3", "say 4", "say 5", "say 6")
INSPECT = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import includes
plan = json.load(sys.stdin)
model = get_model(plan["model"], base_url=plan["address"], api_key=plan["secret"])
samples = [Sample(input=one, target="word") for one in plan["questions"]]
eval(Task(dataset=samples, scorer=includes()), model=model, max_tokens=60,
     log_dir=plan["logs"], log_format="eval", display="none")
"""


@pytest.fixture
def evaluated(app, tmp_path):
    """Run Inspect through a holder's companion; return its log, the chains and the grant."""
    early = opened(app)
    eva = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        companion = Companion(house.address, eva.key, "evaluation")
        with served(companion, lifespan="on") as address:
            plan = {
                "model": f"openai-api/lab/{MODEL}", "address": f"{address}/v1",
                "secret": companion.secret, "questions": QUESTIONS, "logs": str(tmp_path / "logs"),
            }  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-c", INSPECT],
                input=json.dumps(plan), capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        house.settled()
        assert len(house.model.served) == len(QUESTIONS), done.stdout
    (log,) = (tmp_path / "logs").glob("*.eval")
    return log, act(app, early.people.lab, serving.chains, early.id), eva.grant.grant_id


@needs_inspect
def test_a_log_of_inspect_joins_the_receipts_one_to_one(evaluated):
    log, chains, grant = evaluated
    joined = handoffs.join_log(log, chains)
    assert (joined.matched, joined.complete) == (len(QUESTIONS), True)
    others = {name: bodies for name, bodies in chains.items() if name != grant}
    assert len(handoffs.join_log(log, others).extra) == len(QUESTIONS)
    less = handoffs.join_log(log, chains | {grant: _without_last_call(chains[grant])})
    assert (less.matched, len(less.extra)) == (len(QUESTIONS) - 1, 1)


def _without_last_call(bodies):
    last = max(json.loads(body)["sequence"] for body in bodies)
    return [body for body in bodies if json.loads(body)["sequence"] != last]
