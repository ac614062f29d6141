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
class _Recent:
    """Settled calls of one grant: instant, tokens charged, and out for each token in."""

    settled: deque[tuple[float, int, int, int]] = field(default_factory=deque)
    raised: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Alarms:
    """Watches every grant."""

    limits: AlarmLimits
    raise_alarm: Raise
    _recent: dict[str, _Recent] = field(default_factory=dict)

    def settled(
        self, grant: LiveGrant, sequence: int, reserved: int, charged: int, now: float
    ) -> None:
        """Look at the shape of a grant's use after a call."""
        recent = self._recent.setdefault(grant.grant_id, _Recent())
        recent.settled.append((now, charged, reserved, sequence))
        horizon = now - max(self.limits.burst.within_s, self.limits.harvest.within_s)
        while recent.settled[0][0] < horizon:
            recent.settled.popleft()
        if charged > reserved:
            said = f"{charged} tokens charged, {reserved} were set aside"
            self.note(grant, sequence, "overshoot", said, now)
        self._burst(grant, recent, sequence, now)

    def answered(self, grant: LiveGrant, sequence: int, into: int, out: int, now: float) -> None:
        """Look at how long answers are for their prompts."""
        limit = self.limits.harvest
        key = f"{grant.grant_id}/harvest"
        recent = self._recent.setdefault(key, _Recent())
        recent.settled.append((now, into, out, sequence))
        while recent.settled[0][0] < now - limit.within_s:
            recent.settled.popleft()
        if len(recent.settled) >= limit.calls:
            ins = sum(one[1] for one in recent.settled)
            outs = sum(one[2] for one in recent.settled)
            if outs > limit.answer_to_prompt * max(1, ins):
                said = f"{len(recent.settled)} calls, {outs} tokens out for {ins} in"
                self.note(grant, sequence, "harvest", said, now)

    def note(
        self, grant: LiveGrant, sequence: int | None, kind: str, detail: str, now: float
    ) -> None:
        """Raise an alarm, unless the same was raised a moment ago."""
        raised = self._recent.setdefault(grant.grant_id, _Recent()).raised
        if now - raised.get(kind, float("-inf")) < self.limits.repeat_after_s:
            return
        raised[kind] = now
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

    def _burst(self, grant: LiveGrant, recent: _Recent, sequence: int, now: float) -> None:
        limit = self.limits.burst
        spent = sum(one[1] for one in recent.settled if one[0] >= now - limit.within_s)
        if spent > limit.share_of_budget * grant.token_budget:
            said = f"{spent} of {grant.token_budget} tokens in {limit.within_s:.0f} s"
            self.note(grant, sequence, "burst", said, now)


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
