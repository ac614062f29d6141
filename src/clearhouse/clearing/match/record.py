"""The nouns of match: what is compared, what is said about a pair, and why.

`Features` come out of one report and go into the comparison. An `Edge` is what somebody or a proof
has said about two reports; a `Suggestion` is what similarity says about them. Only edges that stand
on a proof or on a person join reports into one finding (design, law 4).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.clearing.intake.record import Credit
from clearhouse.kernel.ids import Compartment, FindingId, ReportId


class KeyKind(StrEnum):
    """What an exact key is made of."""

    PUBLIC_ID = "public-id"
    """A CVE, GHSA, PYSEC, ... id that the report claims for its flaw."""
    POC = "poc"
    """SHA-256 of the bytes of a proof of concept."""
    PATCH = "patch"
    """Id of a patch that ignores places, line numbers and white space."""
    PLACE = "place"
    """File, function and CWE family."""
    CRASH = "crash"
    """Crash type and the first frames of the stack."""
    COMMIT = "commit"
    """The commit that brought the flaw in or took it out; one commit may do so for several."""

    @property
    def proves(self) -> bool:
        """Say whether an equal key in the same package can prove that two reports are one bug."""
        return self in {KeyKind.PUBLIC_ID, KeyKind.POC, KeyKind.PATCH}


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class ExactKey:
    """One value that two reports either share or do not."""

    kind: KeyKind
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """What the matcher knows about one report."""

    package: str | None
    """Canonical purl without a version; None when the report names no package."""
    keys: tuple[ExactKey, ...]
    families: tuple[str, ...]
    """CWE families, sorted; empty when the report names no CWE."""
    tested: str | None = None
    """The version in which the reporter saw the flaw."""
    fixed: tuple[str, ...] = ()
    """Versions that the report says are fixed."""
    missing: tuple[str, ...] = ()
    """Why some features are absent, in words for a reader."""


class Relation(StrEnum):
    """What an edge says about two reports."""

    SAME = "same"
    """Fixing one fixes the other."""
    SIBLING = "sibling"
    """The same kind of flaw in another place, or a return of a fixed one."""
    SUGGESTED = "suggested"
    """They look alike; nobody has decided."""
    DIFFERENT = "different"
    """A person has looked and says that these are two bugs."""


class Basis(StrEnum):
    """What an edge stands on."""

    PROOF = "proof"
    PERSON = "person"
    SIMILARITY = "similarity"


class ReasonCode(StrEnum):
    """The kinds of evidence that a reader meets."""

    SAME_PUBLIC_ID = "same-public-id"
    SAME_POC = "same-poc"
    SAME_PATCH = "same-patch"
    SAME_PLACE = "same-place"
    SAME_CRASH = "same-crash"
    SAME_COMMIT = "same-commit"
    RARE_WORDS = "rare-words"
    TEXT = "text"
    SAME_NAMES = "same-names"
    SAME_CLASS = "same-class"
    SAME_PRODUCT = "same-product"
    PERSON = "person"
    OTHER_NAMES = "other-names"
    OTHER_PLACE = "other-place"
    AFTER_FIX = "after-fix"
    OTHER_SETTING = "other-setting"
    TERSE = "terse"
    OTHER_PUBLIC_ID = "other-public-id"
    OTHER_FAMILY = "other-weakness-family"
    OTHER_TEXT = "other-words"
    OTHER_PACKAGE = "other-package"
    UNTRUSTED = "contradicted-report"
    SAID_DIFFERENT = "said-different"
    CROSS_FIX = "cross-fix"
    """Their proofs were run on each other's fixes."""


class Meaning(StrEnum):
    """What a suggestion asks a person."""

    DUPLICATE = "duplicate"
    """Is it the same bug?"""
    SIBLING = "sibling"
    """Is it the same kind of flaw in another place?"""
    REGRESSION = "regression"
    """Has a fixed bug come back, or was it never fixed?"""


class Band(StrEnum):
    """How sure the model is, in words; each band has a measured precision."""

    PROVEN = "proven"
    """As good as certain by its text; still not a proof that merges."""
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNRELATED = "unrelated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One piece of evidence for or against a relation."""

    code: ReasonCode
    text: str
    """One sentence for the coordinator."""
    weight: float
    """Above 0 speaks for, below 0 against. Comparable within one suggestion only."""
    evidence: tuple[str, ...] = ()
    """The shared values themselves. Each is really in both reports."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """What similarity and keys say about an earlier report."""

    report: ReportId
    """The earlier report."""
    score: float
    """The measured probability that it is the same bug; sorts suggestions and proves nothing."""
    band: Band = Band.POSSIBLE
    reasons: tuple[Reason, ...]

    @property
    def meaning(self) -> Meaning:
        """Say which question the reasons raise; a fix that did not hold comes before all else."""
        codes = {reason.code for reason in self.reasons}
        if ReasonCode.AFTER_FIX in codes:
            return Meaning.REGRESSION
        if ReasonCode.OTHER_PLACE in codes and not codes & _SIGNATURES:
            return Meaning.SIBLING
        return Meaning.DUPLICATE


_SIGNATURES = frozenset(
    {
        ReasonCode.SAME_PUBLIC_ID,
        ReasonCode.SAME_POC,
        ReasonCode.SAME_PATCH,
        ReasonCode.SAME_PLACE,
        ReasonCode.SAME_CRASH,
        ReasonCode.SAME_COMMIT,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One statement about two reports. Edges are never deleted, only retracted."""

    id: str
    left: ReportId
    """The report received earlier."""
    right: ReportId
    relation: Relation
    basis: Basis
    reasons: tuple[Reason, ...]
    decided_by: str
    """The person or agent, or the rule, that made this edge."""
    decided_at: datetime
    policy: str = ""
    """Id and version of the rule that fired, or of the authority that allowed a person to act."""
    score: float | None = None
    """What similarity gave; None where nothing was compared."""
    companion: bool = False
    """The later report was taken to belong to the group of the earlier one, nearest to this one."""
    pending: bool = False
    """A proof that counts only once validation has contradicted neither side."""
    retracted_at: datetime | None = None
    retracted_by: str | None = None

    @property
    def active(self) -> bool:
        """Say whether the edge counts now."""
        return self.retracted_at is None and not self.pending

    @property
    def joins(self) -> bool:
        """Say whether the edge makes its two reports one finding."""
        return (
            self.active
            and self.relation is Relation.SAME
            and self.basis in {Basis.PROOF, Basis.PERSON}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One report as the clusters see it."""

    report: ReportId
    finding: FindingId
    """The finding that this report is, as long as nothing earlier turns out to be the same."""
    received_at: datetime
    credits: tuple[Credit, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """All reports of one bug, the first reporter first."""

    finding: FindingId
    """Id of the finding of the earliest report; it survives every merge."""
    members: tuple[Member, ...]
    credits: tuple[Credit, ...]
    """Everybody who is to be thanked, in the order of their reports, each once per role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One bug as the house knows it now: the reports that are one, the first reporter first."""

    finding_id: FindingId
    report_ids: tuple[ReportId, ...]
    """Those that the actor may read."""
    founded_at: datetime
    """When the first of them was received."""
    merged: tuple[FindingId, ...]
    """Findings that became this one; their ids keep leading here."""
    compartment: Compartment
    readers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchOutcome:
    """What matching one report gave."""

    finding_id: FindingId
    suggestions: tuple[Suggestion, ...]
    pending_proofs: tuple[ReportId, ...]
    """Earlier reports that this one is proven to be the same as, unless validation objects."""
