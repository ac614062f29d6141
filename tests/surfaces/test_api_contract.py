"""The counter's OpenAPI document is a contract, and no request makes the server fail."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.api.counter import application
from clearhouse.surfaces.api.requests import HourlyQuota
from house import reporter


@contextmanager
def _served(asgi):
    """Serve an application on loopback and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(asgi, host="127.0.0.1", port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


def test_no_generated_request_breaks_the_contract(app, tmp_path):
    actor = reporter(app)
    with app.desk.database.transaction(None) as transaction:
        token = identity.issue_token(
            transaction, actor.actor_id, label="contract", scopes=[Scope.SUBMIT]
        )
    with _served(
        application(app.counter, HourlyQuota(app.counter.database.clock, 1_000_000))
    ) as address:
        done = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis",
                "run",
                f"{address}/v1/openapi.json",
                "--header",
                f"Authorization: Bearer {token}",
                "--checks",
                (
                    "not_a_server_error,status_code_conformance,content_type_conformance,"
                    "response_schema_conformance,response_headers_conformance"
                ),
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                "60",
                "--seed",
                "14409",
                "--no-color",
                "--request-timeout",
                "20",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "7 selected" in done.stdout or "7 / 7" in done.stdout, done.stdout[-3000:]
