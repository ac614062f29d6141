"""Who must agree before somebody reads a case, and how long one person's word alone lasts.

In: a versioned file such as `policies/read-in/clearhouse-1.yaml`. Out: a `ReadInPolicy`. Refused: a
document with an unknown field, a tier that is not there, or fewer than one approval.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from clearhouse.clearing.coordinate.record import PartyRole
from clearhouse.kernel import policy

Hours = Annotated[int, Field(gt=0, le=24 * 14)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadInPolicy:
    """One version of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    version: int
    since: date
    approvals: Annotated[
        dict[Annotated[int, Field(ge=0, le=3)], Annotated[int, Field(ge=1, le=2)]],
        Field(min_length=4),
    ]
    own_people_of: tuple[PartyRole, ...]
    emergency_hours: Hours
    review_hours: Hours
    source: str

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.id}/{self.version}"

    @property
    def emergency(self) -> timedelta:
        """How long an emergency read-in lasts at most."""
        return timedelta(hours=self.emergency_hours)

    def needed(self, tier: int, role: PartyRole | None) -> int:
        """Return how many persons must agree to let somebody of such a party in at a tier."""
        return 1 if role in self.own_people_of else self.approvals.get(tier, 2)


def parse(document: object) -> ReadInPolicy:
    """Turn a policy document into a record.

    Raises: pydantic.ValidationError.
    """
    return TypeAdapter(ReadInPolicy).validate_python(document)


def in_force() -> ReadInPolicy:
    """Return the policy in force."""
    return parse(policy.load("read-in/clearhouse-1"))
