"""The embargo policy as a record, read from a versioned file.

In: a YAML document such as `policies/embargo/clearhouse-1.yaml`. Out: an `EmbargoPolicy`.
Refused: a document with an unknown field, clock or kind, a rule without a length where its
clock needs one, or two rules of one id; every mistake is named, not only the first.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from clearhouse.formats.tlp import Tlp

_CLOSED = ConfigDict(extra="forbid")
Days = Annotated[int, Field(gt=0, le=366)]
Hours = Annotated[int, Field(gt=0, le=366 * 24)]


class PolicyError(ValueError):
    """The policy file is wrong; the message lists every mistake."""


class Kind(StrEnum):
    """What a rule may do to the instant."""

    TERM = "term"
    """Sets a length of its own; the fallback is then not needed."""
    CAP = "cap"
    """Can only shorten."""
    FALLBACK = "fallback"
    """Counts only when no term applies."""


class Applies(StrEnum):
    """Which facts make a rule apply."""

    ALWAYS = "always"
    PROJECT_POLICY = "project-policy"
    NEGOTIATED = "negotiated"
    INHERITED = "inherited"
    """A case that was joined to this one had an instant already."""
    EXPLOITED = "exploited"
    CHANNEL = "channel"
    FINDER_POLICY = "finder-policy"


class Clock(StrEnum):
    """What a length is counted from."""

    RECEIVED = "received"
    CONTACTED = "contacted"
    FIX_READY = "fix-ready"
    EXPLOITED = "exploited"
    """The later of the first exploitation and the receipt of the report."""
    GIVEN = "given"
    """The facts give the instant themselves."""


class Bar(StrEnum):
    """What makes an embargo impossible."""

    PUBLIC = "public"
    EXPLOIT_PUBLIC = "exploit-public"
    PUBLIC_TOOLING = "public-tooling"


class Share(StrEnum):
    """Parts of a case that a read-in may or may not include."""

    SUMMARY = "summary"
    DETAILS = "details"
    PROOF = "proof"
    PATCH = "patch"
    ARTIFACT = "artifact"
    TIMING = "timing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One line of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    kind: Kind
    applies: Applies
    clock: Clock
    precedence: int
    """1 is strongest; decides which rule is named when two give the same instant."""
    sentence: str
    source: str
    name: str | None = None
    """The channel or finder policy that the rule is about."""
    days: Days | None = None
    hours: Hours | None = None
    days_after_fix: Days | None = None

    @property
    def length(self) -> timedelta:
        """How long the rule lets an embargo last; zero when the facts give the instant."""
        return timedelta(days=self.days or 0, hours=self.hours or 0)

    @property
    def after_fix(self) -> timedelta | None:
        """How long details wait once a fix came out in time; None when nothing changes."""
        return None if self.days_after_fix is None else timedelta(days=self.days_after_fix)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoEmbargo:
    """One reason for which the policy allows no embargo at all."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    when: Bar
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TierRule:
    """What somebody read in at one tier may see before publication."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    tier: Annotated[int, Field(ge=0, le=3)]
    who: str
    sees: tuple[Share, ...]
    tlp: Tlp


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbargoPolicy:
    """One version of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    version: int
    since: date
    rationale_above_days: Days
    """A longer embargo needs a written reason."""
    no_embargo_when: tuple[NoEmbargo, ...]
    rules: tuple[Rule, ...]
    tiers: tuple[TierRule, ...]

    def tier(self, number: int) -> TierRule:
        """Return what the tier may see.

        Raises: KeyError when the policy has no such tier.
        """
        for rule in self.tiers:
            if rule.tier == number:
                return rule
        raise KeyError(number)


def load(path: Path) -> EmbargoPolicy:
    """Read a policy file.

    Raises: PolicyError when the file is not a valid policy.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise PolicyError(f"{path.name} is not YAML") from error
    return parse(document)


def parse(document: object) -> EmbargoPolicy:
    """Turn a policy document into a record.

    Raises: PolicyError that lists every mistake.
    """
    try:
        policy = _reader().validate_python(document)
    except ValidationError as error:
        raise PolicyError("; ".join(_sentences(error))) from error
    mistakes = _contradictions(policy)
    if mistakes:
        raise PolicyError("; ".join(mistakes))
    return policy


@cache
def _reader() -> TypeAdapter[EmbargoPolicy]:
    return TypeAdapter(EmbargoPolicy)


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(part) for part in mistake['loc']) or 'the document'}: {mistake['msg']}"
        for mistake in error.errors(include_url=False)
    ]


def _contradictions(policy: EmbargoPolicy) -> list[str]:
    """Name what no single field shows."""
    ids = [rule.id for rule in policy.rules] + [bar.id for bar in policy.no_embargo_when]
    tiers = [rule.tier for rule in policy.tiers]
    mistakes = [f"the id {name} is used twice" for name in sorted(set(ids)) if ids.count(name) > 1]
    if tiers != [0, 1, 2, 3]:
        mistakes.append("tiers must be 0, 1, 2, 3, each once and in this order")
    if not any(_always_gives_an_instant(rule) for rule in policy.rules):
        mistakes.append("no fallback applies always, so some case would have no instant")
    for rule in policy.rules:
        mistakes += _rule_contradictions(rule)
    return mistakes


def _always_gives_an_instant(rule: Rule) -> bool:
    return (rule.kind, rule.applies, rule.clock) == (Kind.FALLBACK, Applies.ALWAYS, Clock.RECEIVED)


_NAMED = (Applies.CHANNEL, Applies.FINDER_POLICY)
_GIVEN = (Applies.PROJECT_POLICY, Applies.NEGOTIATED, Applies.INHERITED)


def _rule_contradictions(rule: Rule) -> list[str]:
    mistakes = []
    if (rule.applies in _NAMED) != (rule.name is not None):
        mistakes.append(f"rule {rule.id}: a name belongs to channels and finder policies only")
    if (rule.applies in _GIVEN) != (rule.clock is Clock.GIVEN):
        mistakes.append(f"rule {rule.id}: project policies and agreed dates give the instant")
    if (rule.clock is Clock.GIVEN) != (not rule.length):
        mistakes.append(f"rule {rule.id}: needs a length unless the instant is given")
    if rule.clock is Clock.CONTACTED and rule.applies is not Applies.CHANNEL:
        mistakes.append(f"rule {rule.id}: only a channel has an instant of contact")
    if rule.clock is Clock.EXPLOITED and rule.applies is not Applies.EXPLOITED:
        mistakes.append(f"rule {rule.id}: the exploitation clock belongs to exploited flaws")
    return mistakes
