"""Inspect's own conformance checks of a sandbox provider, run on ours."""

import importlib.util

import pytest

from clearhouse.bench.sandbox.host.machine import machine
from nightly import needs_inspect, needs_sandbox

if importlib.util.find_spec("inspect_ai") is None:
    pytest.skip("the extra `inspect` is not installed", allow_module_level=True)

from inspect_ai.util._sandbox.self_check import *  # noqa: F403

from clearhouse.criteria.evaluate.inspect_sandbox import ClearhouseSandbox

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("default"),  # Inspect's own warnings are not ours to fix
    needs_inspect,
    needs_sandbox,
]
CANNOT = {
    "test_exec_as_user": "the guest has one account and no root, so no user can be added",
    "test_exec_permission_error": "the guest has no /etc/passwd that could be refused",
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def sandbox_env(request):
    assert machine().bubblewrap
    if request.node.originalname in CANNOT:
        request.node.add_marker(pytest.mark.xfail(reason=CANNOT[request.node.originalname]))
    environments = await ClearhouseSandbox.sample_init("self-check", None, {})
    yield environments["default"]
    await ClearhouseSandbox.sample_cleanup("self-check", None, environments, interrupted=False)
