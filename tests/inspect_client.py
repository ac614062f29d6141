"""Inspect as a client of an OpenAI-compatible endpoint, in a process of its own."""

import json
import subprocess
import sys

QUESTIONS = ("say 2", "say 3", "say 4", "say 5", "say 6")
_INSPECT = """
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


def with_inspect(address, secret, model, folder):
    """Ask every question once; return the log that Inspect wrote."""
    plan = {
        "model": f"openai-api/lab/{model}", "address": f"{address}/v1", "secret": secret,
        "questions": QUESTIONS, "logs": str(folder),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _INSPECT],
        input=json.dumps(plan), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (log,) = folder.glob("*.eval")
    return log
