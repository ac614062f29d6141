"""What the doors of acts share: a body that takes nothing else, and the answer to a no.

In: what an operation said. Out: the same, or a problem document with the reason.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.surfaces.api.problems import ProblemError

T = TypeVar("T")


class Closed(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def settled(done: T | Refused) -> T:
    """Return what was done. Raises: ProblemError (409) with the reason why it was not."""
    if isinstance(done, Refused):
        raise ProblemError(409, done.reason)
    return done
