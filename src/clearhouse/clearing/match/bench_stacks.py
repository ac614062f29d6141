"""Measures the reading of crash logs on a folder of logs whose states are known.

In comes a folder with `expected.json` and `stacktraces/`, out comes how many states were
reproduced exactly and which were not.
"""

import json
from pathlib import Path
from typing import Any

from clearhouse.formats.stacktrace import parse


def stacks(folder: Path) -> dict[str, Any]:
    """Compare the state of every log with the expected one.

    Returns `exact`, `total` and `misses`, each miss with what was expected and what was read.
    """
    cases = json.loads((folder / "expected.json").read_text("utf-8"))
    misses = []
    for case in cases:
        log = (folder / "stacktraces" / case["file"]).read_text("utf-8", "replace")
        state = list(parse(log).state)
        if state != case["crash_state"]:
            misses.append({"case": case["case"], "want": case["crash_state"], "got": state})
    return {"exact": len(cases) - len(misses), "total": len(cases), "misses": misses}
