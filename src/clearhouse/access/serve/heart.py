"""Hears the store: which grants are live, and that it is there at all. Ships receipts to it.

In: the gateway's own database role, which may call four functions and read no table. Out: a fresh
table of grants with every change, and the instant when the store was last heard. A gateway that has
not heard it for `unheard_s` serves nothing. One gateway at a time: it holds a lock that the store
releases with the connection.
Runs in a thread of its own, so that no load of calls can make the store seem silent.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import psycopg
from psycopg.rows import dict_row

from clearhouse.access.serve.chain import Link
from clearhouse.access.serve.journal import FULL_BATCH, Journal
from clearhouse.access.serve.live import LiveGrant
from clearhouse.formats import dpop

_LOCK = 0x67617465  # "gate"
_BEAT_S = 0.2
_PAUSE_S = 0.3
_RECORD = "SELECT gateway_record(string_to_array(%s, E'\\n'))"
"""Takes entries as lines: escaping them one by one for an array took a third of the processor."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """Where a chain ended, and what its grant had spent."""

    link: Link
    spent: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ears:
    """What the gateway does with what is heard; called from the thread."""

    grants: Callable[[Sequence[LiveGrant]], None]
    tails: Callable[[Mapping[str, Tail]], None]


class Heart:
    """The connection to the store."""

    def __init__(self, url: str, journal: Journal, ears: Ears) -> None:
        self._url = url
        self._journal = journal
        self._ears = ears
        self._alarms: deque[Mapping[str, object]] = deque(maxlen=10_000)
        self._heard_at = float("-inf")
        self._stopping = threading.Event()
        self._told_tails = False
        self._forked = False
        self._thread = threading.Thread(target=self._live, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ship what is left and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def silent_s(self) -> float:
        """Return how long the store has not been heard; for ever once receipts do not fit."""
        return float("inf") if self._forked else time.monotonic() - self._heard_at

    def alarm(self, item: Mapping[str, object]) -> None:
        """Let somebody know."""
        self._alarms.append(item)

    def _live(self) -> None:
        while not self._stopping.is_set() and not self._forked:
            try:
                with psycopg.connect(
                    self._url, autocommit=True, row_factory=dict_row, connect_timeout=5,
                    application_name="gateway", options="-c statement_timeout=5000",
                ) as connection:  # fmt: skip
                    self._hear(connection)
            except psycopg.errors.CheckViolation:
                self._forked = True
                _log.critical("receipts do not continue what the store has; serving has stopped")
            except psycopg.Error as error:
                _log.warning("the store is not heard: %s", type(error).__name__)
                self._stopping.wait(_PAUSE_S)

    def _hear(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        row = connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", [_LOCK]).fetchone()
        if row is None or not row["mine"]:
            _log.warning("another gateway serves; waiting for it to end")
            self._stopping.wait(1)
            return
        connection.execute("LISTEN access")
        self._begin(connection)
        self._reload(connection)
        while not self._stopping.is_set():
            changed = False
            for _ in connection.notifies(timeout=_BEAT_S, stop_after=1):
                changed = True
            if changed:
                self._reload(connection)
            else:
                connection.execute("SELECT 1")
            self._heard_at = time.monotonic()
            self._ship(connection)
        self._ship(connection)

    def _begin(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        """Ship what earlier gateways left, then learn where every chain ends; once."""
        if self._told_tails:
            return
        left = self._journal.left_over()
        for place in range(0, len(left), 500):
            connection.execute(_RECORD, ["\n".join(left[place : place + 500])])
        self._journal.forget_left_over()
        rows = connection.execute("SELECT * FROM gateway_tails()").fetchall()
        self._ears.tails({row["chain"]: _tail(row) for row in rows})
        self._told_tails = True

    def _reload(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        rows = connection.execute("SELECT * FROM gateway_grants()").fetchall()
        self._ears.grants([_grant(row) for row in rows])
        self._heard_at = time.monotonic()

    def _ship(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._journal.sync()
        for bodies in iter(self._journal.batch, []):
            connection.execute(_RECORD, ["\n".join(bodies)])
            self._journal.shipped(len(bodies))
            if len(bodies) < FULL_BATCH:
                break
        if self._alarms:
            items = [self._alarms[place] for place in range(len(self._alarms))]
            connection.execute("SELECT gateway_alarm(%s)", [json.dumps(items)])
            for _ in items:
                self._alarms.popleft()


def _tail(row: Mapping[str, Any]) -> Tail:
    link = Link(row["chain"], row["entry"], bytes(row["sha256"]), row["sequence"])
    return Tail(link=link, spent=int(row["spent"]))


def _grant(row: Mapping[str, Any]) -> LiveGrant:
    return LiveGrant(
        grant_id=row["grant_id"],
        window_id=row["window_id"],
        jkt=row["jkt"],
        key=dpop.public_key(row["jwk"]),
        model=row["model"],
        served_names=frozenset(row["served_names"]),
        endpoints=frozenset(row["endpoints"]),
        purposes=tuple(row["purposes"]),
        networks=tuple(ip_network(one) for one in row["networks"]),
        calls_per_minute=row["calls_per_minute"],
        concurrent_calls=row["concurrent_calls"],
        token_budget=row["token_budget"],
        not_before=row["not_before"].timestamp(),
        not_after=row["not_after"].timestamp(),
        canaries=tuple(row["canaries"]),
    )
