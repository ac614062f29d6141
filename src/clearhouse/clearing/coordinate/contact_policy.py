"""Whom to believe about a security contact, and what is due when nobody answers, as a record.

In: a versioned file such as `policies/contact/clearhouse-1.yaml`. Out: a `ContactPolicy`. Refused:
a document with an unknown field or source.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from clearhouse.kernel import policy

_CLOSED = ConfigDict(extra="forbid")


class Source(StrEnum):
    """Where a contact was named."""

    DIRECTORY = "directory"
    SECURITY_INSIGHTS = "security-insights"
    SECURITY_TXT = "security-txt"
    SECURITY_MD = "security-md"
    REGISTRY_SECURITY = "registry-security"
    REGISTRY_FAULTS = "registry-faults"
    REGISTRY_PEOPLE = "registry-people"


class Confidence(StrEnum):
    """How surely somebody who answers for security reads there."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, kw_only=True, slots=True)
class Belief:
    """How far one source is believed."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    source: Source
    confidence: Confidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What is due so many business days after the first attempt that nobody answered."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    business_days: Annotated[int, Field(ge=0, le=260)]
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LastResort:
    """One way on when nobody ever answered."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactPolicy:
    """One version of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    version: int
    since: date
    calendar: str
    sources: Annotated[tuple[Belief, ...], Field(min_length=len(Source), max_length=len(Source))]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    decision_days: Annotated[int, Field(gt=0, le=365)]
    last_resort: tuple[LastResort, ...]
    source: str

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.id}/{self.version}"

    def place(self, source: Source) -> int:
        """Return the place of a source in the order of belief, 0 for the best."""
        return [one.source for one in self.sources].index(source)

    def confidence(self, source: Source) -> Confidence:
        """Return how far a source is believed."""
        return self.sources[self.place(source)].confidence


def parse(document: object) -> ContactPolicy:
    """Turn a policy document into a record.

    Raises: pydantic.ValidationError.
    """
    return TypeAdapter(ContactPolicy).validate_python(document)


def in_force() -> ContactPolicy:
    """Return the policy in force."""
    return parse(policy.load("contact/clearhouse-1"))
