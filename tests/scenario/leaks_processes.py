"""The house as its processes run it: counter, desk and worker, over a database of their own."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Processes:
    """Running processes, where they listen, and what they have printed."""

    ports: dict[str, int]
    running: dict[str, subprocess.Popen]
    printed: dict[str, Path] = field(default_factory=dict)

    def ask(self, door, method, path, body=None, headers=None):
        """Send one request as it stands and return status and body; None when it broke off."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[door], timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def submit(self, token, report, **headers):
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"} | headers
        return self.ask("counter", "POST", "/v1/reports", json.dumps(report), sent)

    def text(self):
        return b"".join(path.read_bytes() for path in self.printed.values())


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lodging(home, folder):
    """A home of its own for processes, with the keys and passwords of the test store."""
    folder.mkdir(mode=0o711)
    shutil.copy(home / "roles.json", folder / "roles.json")
    shutil.copytree(home / "keys", folder / "keys")
    return folder


@contextlib.contextmanager
def serving(home, owner_url, folder):
    """Run counter, desk and worker until the block ends."""
    ports = {"counter": _free_port(), "desk": _free_port()}
    environment = os.environ | {
        "CLEARHOUSE_HOME": str(home),
        "CLEARHOUSE_DATABASE_URL": owner_url,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    commands = {
        "worker": ("serve", "worker"),
        "desk": ("serve", "desk", "--port", str(ports["desk"])),
        "counter": ("serve", "counter", "--port", str(ports["counter"])),
    }
    made = Processes(ports, {})
    try:
        for name, command in commands.items():
            made.printed[name] = folder / f"{name}.log"
            with made.printed[name].open("wb") as log:
                made.running[name] = subprocess.Popen(
                    [sys.executable, "-m", "clearhouse.app", *command],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if name == "desk":
                _wait_for(ports["desk"])  # it equips the counter
        _wait_for(ports["counter"])
        yield made
    finally:
        for process in made.running.values():
            process.terminate()
        for process in made.running.values():
            process.wait(30)


def _wait_for(port):
    deadline = time.monotonic() + 180  # a loaded machine is no failure
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "a process did not start"
            time.sleep(0.1)
        else:
            return
