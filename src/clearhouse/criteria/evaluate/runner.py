"""The process in which Inspect runs: `python -m clearhouse.criteria.evaluate.runner PLAN`.

PLAN is a JSON file with an `Evaluation`'s fields. One line of JSON per log goes to standard output.
It is a process of its own so that Inspect's packages, event loop and environment stay out of the
house, and so that killing its group ends everything it started.
"""

import ctypes
import json
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""Die with the process that started this one. Source: Linux prctl(2)."""


def main(plan_path: str) -> None:
    """Run every model of a plan through the task, one after another."""
    from inspect_ai import eval as inspect_eval  # noqa: PLC0415  # heavy, and an extra

    from clearhouse.criteria.evaluate import inspect_registry  # noqa: PLC0415  # needs the extra

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    plan = json.loads(Path(plan_path).read_text("utf-8"))
    for model in plan["models"]:
        task = inspect_registry.clearhouse_cyber(scaffold=plan["scaffold"], folder=plan["folder"])
        logs = inspect_eval(
            task,
            model=model,
            model_base_url=plan["base_url"],
            model_args=plan["model_args"],
            epochs=plan["epochs"],
            sample_id=plan["sample_ids"],
            message_limit=plan["message_limit"],
            token_limit=plan["token_limit"],
            time_limit=plan["time_limit_s"],
            max_samples=plan["max_samples"],
            max_tokens=plan["max_tokens"],
            temperature=plan["temperature"],
            log_dir=plan["log_folder"],
            log_format="eval",
            log_model_api=plan["log_model_api"],
            fail_on_error=False,
            display="none",
            log_level="error",
        )
        for log in logs:
            said = {"model": model, "status": log.status, "log": str(log.location)}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
