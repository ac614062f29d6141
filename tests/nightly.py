"""Tests that need the extra `inspect` or minutes: they run when `CLEARHOUSE_NIGHTLY` is set."""

import importlib.util
import os
import shutil

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install

needs_sandbox = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason=f"no sandbox here: {how_to_install()}"
)
NIGHTLY = bool(os.environ.get("CLEARHOUSE_NIGHTLY"))
has_inspect = NIGHTLY and importlib.util.find_spec("inspect_ai") is not None
needs_inspect = pytest.mark.skipif(
    not has_inspect,
    reason="runs nightly: ./clearhouse install inspect, then set CLEARHOUSE_NIGHTLY=1",
)
