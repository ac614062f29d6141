"""Inspect as a client of early access: its own log and the receipts tell the same story."""

import json

import pytest

from clearhouse import handoffs
from clearhouse.access.serve import operations as serving
from clearhouse.access.serve.connect import Companion
from early import MODEL, act, granted, opened
from gateway_house import running
from inspect_client import QUESTIONS, with_inspect
from nightly import needs_inspect
from scripted_model import served


@pytest.fixture
def evaluated(app, tmp_path):
    """Run Inspect through a holder's companion; return its log, the chains and the grant."""
    early = opened(app)
    eva = granted(early, early.people.evaluator)
    with running(app, tmp_path) as house:
        companion = Companion(house.address, eva.key, "evaluation")
        with served(companion, lifespan="on") as address:
            log = with_inspect(address, companion.secret, MODEL, tmp_path / "logs")
        house.settled()
        assert len(house.model.served) == len(QUESTIONS)
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
