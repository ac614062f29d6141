"""The nouns of watch: what an operator asks, and everything that the answer says.

Every component of the inventory is in exactly one of three groups: something is known against it,
nothing is known against it, or it was not evaluated; the last is never counted as the second.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from clearhouse.clearing.prioritize.record import Answer, KevListing
from clearhouse.formats.feed import Rule
from clearhouse.formats.inventory import Component, Exposure, HumanImpact
from clearhouse.formats.statements import Remedy


class Conclusion(StrEnum):
    """The answer in one word; the worst that holds."""

    AFFECTED = "affected"
    NOT_EVALUATED = "not-evaluated"
    """Nothing found, but not everything could be looked at."""
    CLEAN = "clean"
    """Everything was looked at, and nothing is known against it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What holds for assets of which the inventory does not say it."""

    exposure: Exposure | None = None
    human_impact: HumanImpact | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """One source of advisories that was looked at."""

    name: str
    kind: str
    """`signed feed`, `OSV and CSAF files` or `KEV`."""
    documents: int
    newest: datetime | None
    """When the newest document in it was changed."""
    warnings: tuple[str, ...] = ()
    """Why its word is weaker than it looks: expired, or believed on first sight."""
    damage: tuple[str, ...] = ()
    """Files that could not be read, each with the field and the reason."""
    unmatched: int = 0
    """Documents that name no package or product at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Something that is due by an instant."""

    id: str
    sentence: str
    due: datetime
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Urgency:
    """By when one asset needs the fix of one flaw, by the tables."""

    exposure: Exposure | None
    """None: not stated, so the worst was assumed."""
    human_impact: HumanImpact | None
    remediation: Answer
    """CISA BOD 26-04."""
    deployer: Answer
    """SSVC, deployer."""
    counted_from: date
    due: date | None
    """None: with the next planned upgrade."""
    words: str
    forensics: tuple[Clock, ...] = ()
    """The clocks of the forensic triage, where the table asks for one; they count from now."""
    fallback: str = ""
    """What to do where no document names a workaround; general."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One component that has a flaw."""

    component: Component
    version: str
    fixed_in: str | None
    """The lowest fixed version above the installed one, where one is named."""
    documents: tuple[str, ...]
    """Which documents say so."""
    urgency: Urgency
    note: str | None = None
    """What makes the match weaker: by name alone, as part of another product, or disputed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    """A component that a document names without saying that it is affected."""

    component: Component
    reason: str
    document: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionRule:
    """A rule of a signed feed that finds a flaw, or its use, in logs, traffic or files."""

    rule: Rule
    place: Path
    """Where its file is on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """One flaw, however many documents and names it has; it counts once."""

    id: str
    """A CVE id where there is one."""
    ids: tuple[str, ...]
    title: str
    published: datetime | None
    vectors: tuple[str, ...]
    kev: KevListing | None
    remedies: tuple[Remedy, ...]
    links: tuple[str, ...]
    documents: tuple[str, ...]
    hits: tuple[Hit, ...]
    """The most urgent first."""
    investigating: tuple[Other, ...] = ()
    cleared: tuple[Other, ...] = ()
    """Components that their vendor says are not affected, though another document says they are."""
    rules: tuple[DetectionRule, ...] = ()
    """What finds it, of those rules that are good yet."""

    @property
    def first(self) -> Hit:
        """The hit that is due first."""
        return self.hits[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unchecked:
    """A component, or a document about one, that could not be evaluated."""

    component: Component | None
    reason: str
    place: str
    """Where in the inventory, or which document and field."""
    action: str
    """What would make it evaluable."""
    of_inventory: bool = True
    """Whether the entry of the inventory is at fault, and not a document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchReport:
    """The whole answer."""

    at: datetime
    inventory: str
    """The inventory's subject or file."""
    format: str
    origins: tuple[Origin, ...]
    components: int
    flaws: tuple[Flaw, ...]
    """The most urgent first; only those with a hit."""
    investigating: tuple[Flaw, ...]
    """Flaws that a vendor still looks into for some component."""
    unchecked: tuple[Unchecked, ...]
    withdrawn: int
    """Documents about these packages that were withdrawn and say nothing any more."""
    policies: tuple[str, ...]

    @property
    def affected_components(self) -> int:
        """How many components have at least one flaw."""
        return len({hit.component.place for flaw in self.flaws for hit in flaw.hits})

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the word of the sources weaker."""
        return tuple(f"{one.name}: {each}" for one in self.origins for each in one.warnings)

    @property
    def damage(self) -> tuple[str, ...]:
        """Files of the sources that could not be read."""
        return tuple(each for one in self.origins for each in one.damage)

    @property
    def conclusion(self) -> Conclusion:
        """The answer in one word."""
        if self.flaws:
            return Conclusion.AFFECTED
        doubts = (self.unchecked, self.damage, self.warnings, self.investigating)
        return Conclusion.NOT_EVALUATED if any(doubts) else Conclusion.CLEAN
