"""When somebody should look: strings that must not pass, and use of an unusual shape.

In: texts that pass, and calls as they are settled. Out: alarms, each kind once in a while for each
grant. They name the call and say why in numbers; what was said stays out of them.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clearhouse.access.serve.limits import AlarmLimits
from clearhouse.access.serve.live import LiveGrant
from clearhouse.kernel.ids import new_id

Raise = Callable[[Mapping[str, object]], None]


@dataclass(slots=True)
class _Sliding:
    """Sums over the calls of the last while, kept up to date with each call."""

    within_s: float
    calls: int = 0
    into: int = 0
    out: int = 0
    _taken: deque[tuple[float, int, int]] = field(default_factory=deque)

    def add(self, at: float, into: int, out: int) -> None:
        self._taken.append((at, into, out))
        self.calls, self.into, self.out = self.calls + 1, self.into + into, self.out + out
        while self._taken[0][0] < at - self.within_s:
            _, old_into, old_out = self._taken.popleft()
            self.calls, self.into, self.out = (
                self.calls - 1,
                self.into - old_into,
                self.out - old_out,
            )


@dataclass(slots=True)
class Alarms:
    """Watches every grant."""

    limits: AlarmLimits
    raise_alarm: Raise
    _spent: dict[str, _Sliding] = field(default_factory=dict)
    _answered: dict[str, _Sliding] = field(default_factory=dict)
    _raised: dict[tuple[str, str], float] = field(default_factory=dict)

    def settled(
        self, grant: LiveGrant, sequence: int, reserved: int, charged: int, now: float
    ) -> None:
        """Look at the shape of a grant's use after a call."""
        if charged > reserved:
            said = f"{charged} tokens charged, {reserved} were set aside"
            self.note(grant, sequence, "overshoot", said, now)
        limit = self.limits.burst
        spent = self._spent.setdefault(grant.grant_id, _Sliding(limit.within_s))
        spent.add(now, 0, charged)
        if spent.out > limit.share_of_budget * grant.token_budget:
            said = f"{spent.out} of {grant.token_budget} tokens in {limit.within_s:.0f} s"
            self.note(grant, sequence, "burst", said, now)

    def answered(self, grant: LiveGrant, sequence: int, into: int, out: int, now: float) -> None:
        """Look at how long answers are for their prompts."""
        limit = self.limits.harvest
        recent = self._answered.setdefault(grant.grant_id, _Sliding(limit.within_s))
        recent.add(now, into, out)
        many = recent.calls >= limit.calls
        if many and recent.out > limit.answer_to_prompt * max(1, recent.into):
            said = f"{recent.calls} calls, {recent.out} tokens out for {recent.into} in"
            self.note(grant, sequence, "harvest", said, now)

    def note(
        self, grant: LiveGrant, sequence: int | None, kind: str, detail: str, now: float
    ) -> None:
        """Raise an alarm, unless the same was raised a moment ago."""
        key = (grant.grant_id, kind)
        if now - self._raised.get(key, float("-inf")) < self.limits.repeat_after_s:
            return
        self._raised[key] = now
        self.raise_alarm(
            {
                "alarm": new_id("alm"),
                "window": grant.window_id,
                "grant": grant.grant_id,
                "sequence": sequence,
                "kind": kind,
                "detail": detail,
                "at": datetime.fromtimestamp(now, UTC).isoformat(),
            }
        )


@dataclass(slots=True)
class Watch:
    """Looks for strings in a text that comes in pieces."""

    needles: tuple[str, ...]
    _tail: str = ""

    def sees(self, text: str) -> bool:
        """Say whether one of the strings has come by now."""
        if not self.needles or not text:
            return False
        seen = self._tail + text
        longest = max(map(len, self.needles))
        self._tail = seen[-longest:]
        return any(needle in seen for needle in self.needles)
