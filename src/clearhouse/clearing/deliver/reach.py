"""How many operators an advisory reached and how fast they patched, without telling of any one.

In: the newest statement of each operator, the day of publication, the policy. Out: `Reach`, in
which every number is rounded down to a multiple of the group, each on its own. Refused: nothing.

Numbers that are rounded each on its own cannot be subtracted back to an exact one: the total hides
as much as its parts do. And because numbers are released only when a whole group has said something
new, two releases after each other do not show what one operator said. What remains: whoever
controls all but one of a group can learn about that one; parties are registered to make that dear.
The median is by Kaplan and Meier: who has not patched yet, or stopped answering, counts as waiting
and not as fast. It is a day of one operator, and is given only when a group patched and another
group was affected besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, cast

from clearhouse.bench.statistics.survival import kaplan_meier, median
from clearhouse.formats.acknowledgement import Acknowledgement, Affected
from clearhouse.formats.canonical import Json
from clearhouse.kernel import policy
from clearhouse.kernel.policy import PolicyError

_POLICY: Final = "deliver/acknowledgement-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReachPolicy:
    """One version of the policy."""

    name: str
    group: int
    days: tuple[int, ...]
    apart_hours: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What is said of one advisory. `None` stands for fewer than a group, which may be nobody."""

    group: int
    operators: int | None
    affected: int | None
    not_affected: int | None
    unknown: int | None
    fixed: int | None
    fixed_within: tuple[tuple[int, int | None], ...]
    """Days after publication, and how many had patched by then."""
    median_days: int | None
    median_reason: str
    policy: str

    def as_json(self) -> dict[str, Json]:
        """Return it as a JSON object."""
        return {
            "group": self.group,
            "operators": self.operators,
            "affected": self.affected,
            "not_affected": self.not_affected,
            "unknown": self.unknown,
            "fixed": self.fixed,
            "fixed_within": [[days, count] for days, count in self.fixed_within],
            "median_days": self.median_days,
            "median_reason": self.median_reason,
            "policy": self.policy,
        }


def in_force() -> ReachPolicy:
    """Return the policy in force.

    Raises: PolicyError for a group below 5, or days that do not rise.
    """
    document = policy.load(_POLICY)
    name = f"{document['id']}/{document['version']}"
    group, days = document.get("group"), document.get("days")
    hours = document.get("apart_hours")
    if not isinstance(group, int) or group < 5 or not isinstance(hours, int) or hours < 1:
        raise PolicyError(f"{name} needs a group of at least 5 and hours between releases")
    if not isinstance(days, list) or days != sorted(set(days)) or not days:
        raise PolicyError(f"{name} needs days that rise")
    return ReachPolicy(name=name, group=group, days=tuple(days), apart_hours=hours)


def reach(said: Sequence[Acknowledgement], published: date, rules: ReachPolicy) -> Reach:
    """Return what may be said."""
    affected = [one for one in said if one.affected is Affected.YES]
    waits = [_wait(one, published) for one in affected]
    fixed = [days for days, happened in waits if happened]

    def rounded(count: int) -> int | None:
        return count // rules.group * rules.group or None

    def count(status: Affected) -> int | None:
        return rounded(sum(one.affected is status for one in said))

    middle, reason = _median(waits, rules.group)
    return Reach(
        group=rules.group,
        operators=rounded(len(said)),
        affected=count(Affected.YES),
        not_affected=count(Affected.NO),
        unknown=count(Affected.UNKNOWN),
        fixed=rounded(len(fixed)),
        fixed_within=tuple(
            (days, rounded(sum(one <= days for one in fixed))) for days in rules.days
        ),
        median_days=middle,
        median_reason=reason,
        policy=rules.name,
    )


def from_json(body: Mapping[str, Json]) -> Reach:
    """Return what `Reach.as_json` wrote."""
    within = cast("list[list[int | None]]", body["fixed_within"])
    return Reach(
        group=cast("int", body["group"]),
        operators=cast("int | None", body["operators"]),
        affected=cast("int | None", body["affected"]),
        not_affected=cast("int | None", body["not_affected"]),
        unknown=cast("int | None", body["unknown"]),
        fixed=cast("int | None", body["fixed"]),
        fixed_within=tuple((cast("int", days), count) for days, count in within),
        median_days=cast("int | None", body["median_days"]),
        median_reason=str(body["median_reason"]),
        policy=str(body["policy"]),
    )


def _wait(one: Acknowledgement, published: date) -> tuple[float, bool]:
    """Return how long it took or is taking, and whether it is over."""
    end = one.fixed_on or one.said_on
    return float(max(0, (end - published).days)), one.fixed_on is not None


def _median(waits: Sequence[tuple[float, bool]], group: int) -> tuple[int | None, str]:
    done = sum(happened for _, happened in waits)
    if done < group or len(waits) < 2 * group:
        return None, "too few operators have said that they patched"
    middle = median(kaplan_meier(waits))
    if middle is None:
        return None, "less than half of those affected have patched so far"
    return int(middle), "by Kaplan and Meier; who still waits counts as waiting"
