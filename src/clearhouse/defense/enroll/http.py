"""A product with an HTTP interface as a tool: events are posted, findings are polled.

`POST {url}/events` takes JSON lines, `POST {url}/end` says that all was sent, `GET {url}/findings`
gives `{"done": bool, "findings": [...], "answers": [...]}`. A shared secret goes as a bearer token.
Only loopback is spoken to, unless the operator says otherwise: recordings stay on the machine.
What comes after the end of the time is a fault and not read.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from itertools import islice

from clearhouse.defense.enroll.patience import read_within
from clearhouse.defense.enroll.reach import demand_reachable
from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said, lines
from clearhouse.defense.scenario.task import TaskKind

_BATCH = 1000
_POLL_S = 0.2
_LARGEST = 64 << 20
_PATIENCE_S = 30.0
"""For one answer; a product that needs longer hangs."""


class HttpTool:
    """A product behind an address."""

    tasks = frozenset(TaskKind)

    def __init__(
        self, url: str, *, name: str = "http", version: str = "unknown",
        secret: str | None = None, remote: bool = False,
    ) -> None:  # fmt: skip
        """Take the address; `remote` allows one that is not on this machine."""
        demand_reachable(url, remote=remote)
        self.name, self.version = name, version
        self._url, self._secret = url.rstrip("/"), secret

    def run(self, view: View, budget: Budget) -> Output:
        """Replay the view and gather what the product says within its time."""
        begun = time.monotonic()
        said = Said(budget=budget)
        if not self._replay(view, begun + budget.seconds):
            said.fault(f"it did not take all events within {budget.seconds:g} s")
        done = False
        while not done and time.monotonic() - begun < budget.seconds:
            document = self._get("findings")
            done = document.get("done") is True
            if not done:
                time.sleep(_POLL_S)
        if not done:
            document = self._get("findings")
            said.fault(f"it was not done after {budget.seconds:g} s")
        for part in ("findings", "answers"):
            for one in _list(document.get(part)):
                said.take_record(one)
        return Output(
            findings=tuple(said.findings),
            answers=tuple(said.answers),
            usage=Usage(seconds=time.monotonic() - begun, faults=tuple(said.faults)),
        )

    def _replay(self, view: View, until: float) -> bool:
        """Post everything, and return whether there was time for all of it."""
        all_lines = lines(view.events, view.tasks)
        while batch := b"".join(islice(all_lines, _BATCH)):
            if time.monotonic() > until:
                return False
            self._speak("events", batch)
        self._speak("end", b"{}")
        return True

    def _get(self, where: str) -> dict[str, object]:
        try:
            document = json.loads(self._speak(where, None))
        except ValueError as error:
            raise ToolFaultError(f"{self.name} answered no JSON") from error
        if not isinstance(document, dict):
            raise ToolFaultError(f"{self.name} answered no JSON object")
        return document

    def _speak(self, where: str, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/x-ndjson"}
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        asked = urllib.request.Request(f"{self._url}/{where}", body, headers)  # noqa: S310 - looked at above
        try:
            with urllib.request.urlopen(asked, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
                return read_within(answer, most_bytes=_LARGEST, seconds=_PATIENCE_S)
        except urllib.error.HTTPError as error:
            raise ToolFaultError(f"{self.name} answered {error.code} to {where}") from error
        except OSError as error:
            raise ToolFaultError(f"{self.name} did not answer: {type(error).__name__}") from error


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
