"""The calls of each grant: what they may cost, what they left as receipts, and how they are cut.

In: live grants, and the ends of their chains. Out: an open call with its place in the chain and its
tokens set aside; later the same call settled. Refused: a call over the rate, the concurrency or the
budget.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from clearhouse.access.serve.alarms import Alarms
from clearhouse.access.serve.chain import Kind, Link
from clearhouse.access.serve.heart import Tail
from clearhouse.access.serve.journal import Journal, JournalError
from clearhouse.access.serve.limits import Limits
from clearhouse.access.serve.live import LiveGrant
from clearhouse.access.serve.purse import Purse, Rate
from clearhouse.access.serve.refusals import Code, RefusedCallError
from clearhouse.formats.canonical import Json


@dataclass(slots=True, eq=False)
class Call:
    """One call that was let through."""

    grant: LiveGrant
    sequence: int
    reserved: int
    began: float
    deadline: asyncio.Timeout | None = None
    cut_because: Code | None = None

    @property
    def request_id(self) -> str:
        """Where its receipts are: grant and sequence."""
        return f"{self.grant.grant_id}:{self.sequence}"

    def cut(self, code: Code) -> None:
        """End it now, wherever it is."""
        if self.cut_because is None:
            self.cut_because = code
            if self.deadline is not None:
                self.deadline.reschedule(asyncio.get_running_loop().time())


@dataclass(slots=True)
class Account:
    """What the gateway keeps of one grant while it runs."""

    link: Link
    purse: Purse
    rate: Rate
    running: set[Call] = field(default_factory=set)
    refusals: Rate = field(default_factory=lambda: Rate(1))
    uncounted: dict[str, int] = field(default_factory=dict)


class Accounts:
    """Every grant's chain, purse and running calls."""

    def __init__(self, limits: Limits, journal: Journal, alarms: Alarms) -> None:
        self._limits = limits
        self._journal = journal
        self._alarms = alarms
        self._tails: Mapping[str, Tail] = {}
        self._accounts: dict[str, Account] = {}

    def begin(self, tails: Mapping[str, Tail]) -> None:
        """Go on where the chains ended."""
        self._tails = tails

    def open(self, grant: LiveGrant, tokens: int, now: float, facts: Mapping[str, Json]) -> Call:
        """Let a call through: count it, set its tokens aside, write its first receipt.

        Raises: RefusedCallError.
        """
        account = self._account(grant)
        if len(account.running) >= grant.concurrent_calls:
            raise RefusedCallError(Code.CONCURRENCY, retry_after_s=1)
        if not account.rate.take(now):
            raise RefusedCallError(Code.RATE, retry_after_s=account.rate.wait_s(now))
        if not account.purse.reserve(tokens):
            left = f"{account.purse.left} are left and {tokens} would be set aside"
            raise RefusedCallError(Code.BUDGET, left)
        call = Call(grant, account.link.next_sequence(), tokens, time.monotonic())
        account.running.add(call)
        self._write(account, Kind.OPENED, now, facts, call.sequence, tokens)
        return call

    def close(self, call: Call, charged: int, now: float, facts: Mapping[str, Json]) -> None:
        """Settle a call and write its last receipt."""
        account = self._account(call.grant)
        account.running.discard(call)
        account.purse.settle(call.reserved, charged)
        self._write(account, Kind.CLOSED, now, facts, call.sequence, charged)
        self._alarms.settled(call.grant, call.sequence, call.reserved, charged, now)

    def refuse(
        self, grant: LiveGrant, code: Code, now: float, facts: Mapping[str, Json]
    ) -> str | None:
        """Write a refusal into the chain; return its request id, None when it was only counted.

        A flood of refusals must not fill the disk: those over the limit are counted together.
        """
        account = self._account(grant)
        if not account.refusals.take(now):
            account.uncounted[code.value] = account.uncounted.get(code.value, 0) + 1
            return None
        self._write_counted(account, now)
        sequence = account.link.next_sequence()
        facts = {**facts, "outcome": code.value}
        self._write(account, Kind.REFUSED, now, facts, sequence, 0)
        return f"{grant.grant_id}:{sequence}"

    def count(self, chain: str, code: Code) -> None:
        """Count a refusal that no grant can be named for."""
        account = self._bare(chain)
        account.uncounted[code.value] = account.uncounted.get(code.value, 0) + 1

    def write_counts(self, now: float) -> None:
        """Write what was only counted so far into the chains it belongs to."""
        for account in list(self._accounts.values()):
            self._write_counted(account, now)

    def enforce(self, live: Mapping[str, LiveGrant]) -> None:
        """Cut the running calls of grants that are live no more, or whose end moved past."""
        for grant_id, account in list(self._accounts.items()):
            now_live = live.get(grant_id)
            for call in list(account.running):
                if now_live is None:
                    call.cut(Code.REVOKED)
                elif now_live.not_after < call.grant.not_after:
                    left = now_live.not_after - time.time()
                    asyncio.get_running_loop().call_later(max(0, left), call.cut, Code.OVER)

    def cut_all(self, code: Code) -> None:
        """Cut every running call."""
        for account in self._accounts.values():
            for call in list(account.running):
                call.cut(code)

    def running(self) -> int:
        """Count running calls."""
        return sum(len(account.running) for account in self._accounts.values())

    def left(self, grant: LiveGrant) -> int:
        """Return the tokens that a grant has left."""
        return self._account(grant).purse.left

    def _account(self, grant: LiveGrant) -> Account:
        account = self._accounts.get(grant.grant_id)
        if account is None:
            account = self._bare(grant.grant_id)
            account.rate = Rate(grant.calls_per_minute)
        account.purse.budget = grant.token_budget
        account.rate.per_minute = grant.calls_per_minute
        return account

    def _bare(self, chain: str) -> Account:
        account = self._accounts.get(chain)
        if account is None:
            tail = self._tails.get(chain)
            account = Account(
                link=tail.link if tail else Link(chain),
                purse=Purse(0, tail.spent if tail else 0),
                rate=Rate(1),
                refusals=Rate(self._limits.refusals_per_minute),
            )
            self._accounts[chain] = account
        return account

    def _write_counted(self, account: Account, now: float) -> None:
        if account.uncounted:
            counts: dict[str, Json] = {"counts": dict(sorted(account.uncounted.items()))}
            account.uncounted.clear()
            self._write(account, Kind.COUNTED, now, counts, account.link.sequence, 0)

    def _write(
        self,
        account: Account,
        kind: Kind,
        now: float,
        facts: Mapping[str, Json],
        sequence: int,
        tokens: int,
    ) -> None:
        body = account.link.append(kind, now, facts, sequence=sequence, tokens=tokens)
        try:
            self._journal.write(body)
        except JournalError as error:
            raise RefusedCallError(Code.JOURNAL) from error
