"""Budgets and rates: tokens are set aside before a call and settled after it.

In: what a call may cost at most. Out: whether it fits. The sum of what was charged and what is set
aside never passes the budget, so calls that run side by side cannot spend the same token twice. A
call that costs more than was set aside for it is charged in full, and nothing more is let through.
"""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Purse:
    """The token budget of one grant."""

    budget: int
    charged: int = 0
    reserved: int = 0

    def reserve(self, tokens: int) -> bool:
        """Set tokens aside; False when they are not there."""
        if self.charged + self.reserved + tokens > self.budget:
            return False
        self.reserved += tokens
        return True

    def settle(self, reserved: int, charged: int) -> None:
        """Give back what was set aside and take what was used."""
        self.reserved -= reserved
        self.charged += charged

    @property
    def left(self) -> int:
        """What can still be set aside."""
        return max(0, self.budget - self.charged - self.reserved)


@dataclass(slots=True)
class Rate:
    """At most so many calls in any minute."""

    per_minute: int
    _taken: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> bool:
        """Take one call at an instant in seconds; False when the minute is full."""
        taken = self._taken
        while taken and taken[0] <= now - 60:
            taken.popleft()
        if len(taken) >= self.per_minute:
            return False
        taken.append(now)
        return True

    def wait_s(self, now: float) -> float:
        """Return how long until the next call fits."""
        return max(0.0, self._taken[0] + 60 - now) if self._taken else 0.0
