"""The process in which Inspect runs: `python -m clearhouse.defense.enroll.inspect_runner < PLAN`.

PLAN is a JSON object: a model with tasks over a recording, or a log to read. One line of JSON per
sample goes to standard output. It is a process of its own so that Inspect's packages, event loop
and environment stay out of the house, and so that ending it ends everything it started.
"""

import ctypes
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspect_ai import eval as inspect_eval
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log import read_eval_log
from inspect_ai.model import get_model

from clearhouse.defense.enroll.inspect_task import ASKED, SAID, defense_task
from clearhouse.defense.scenario.recording import Recording

_PR_SET_PDEATHSIG = 1
"""Die with the process that started this one. Source: Linux prctl(2)."""


def main() -> None:
    """Run or read, and say what became of each sample."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    plan = json.load(sys.stdin)
    for sample in _read(plan) if "read" in plan else _run(plan):
        sys.stdout.write(json.dumps(sample) + "\n")
        sys.stdout.flush()


def _run(plan: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    made = defense_task(Recording(Path(plan["recording"])), plan["tasks"], plan["queries"])
    (log,) = inspect_eval(
        made,
        model=_model(plan),
        token_limit=plan["tokens"],
        time_limit=max(1, round(plan["seconds"])),
        temperature=0.0,
        seed=1,
        max_samples=4,
        log_dir=plan["logs"],
        log_format="eval",
        fail_on_error=False,
        display="none",
        log_level="error",
    )
    if not log.samples:
        raise SystemExit(f"Inspect ended as {log.status}: {log.error and log.error.message}")
    yield from map(_said, log.samples)


def _model(plan: Mapping[str, Any]) -> Any:
    """Return the model; one at an address of the operator's needs no key of a vendor."""
    try:
        if plan["base_url"] is None:
            return get_model(plan["model"])
        key = plan["key"] or "none"
        return get_model(plan["model"], base_url=plan["base_url"], api_key=key)
    except PrerequisiteError as error:
        raise SystemExit(str(error)) from error


def _read(plan: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    yield from map(_said, read_eval_log(plan["read"]).samples or ())


def _said(sample: Any) -> dict[str, object]:
    usage = sample.model_usage or {}
    return {
        "task": str(sample.id),
        "kind": sample.metadata.get("kind"),
        "said": sample.store.get(SAID) or _completion(sample),
        "tokens": sum(one.total_tokens for one in usage.values()),
        "queries": sample.store.get(ASKED) or 0,
        "error": sample.error.message if sample.error else None,
    }


def _completion(sample: Any) -> object:
    """Return the JSON object that a solver without our tools ended with, if it did."""
    text = sample.output.completion if sample.output and sample.output.choices else ""
    begin, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[begin : end + 1]) if begin >= 0 else None
    except ValueError:
        return None


if __name__ == "__main__":
    main()
