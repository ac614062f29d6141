"""The nouns of validate: claims checked, levels of evidence, and the verdict.

A `ClaimCheck` answers one claim of the report. A `Verdict` shows the highest level reached and what
is not established; it carries no score. What a check quotes comes from the report and is sealed
with it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NewType

from clearhouse.kernel.ids import ReportId

VerdictId = NewType("VerdictId", str)
ExaminationId = NewType("ExaminationId", str)


class ClaimResult(StrEnum):
    """What looking at one claim gave."""

    HOLDS = "holds"
    """The claim agrees with the place looked at."""
    CONTRADICTED = "contradicted"
    """The place looked at says otherwise, and no kind reading of the claim saves it."""
    UNCHECKABLE = "uncheckable"
    """Not decided: nothing to look at yet, or doubt. Says nothing against the claim."""


class Claim(StrEnum):
    """What kind of statement a check looks at."""

    TARGET = "target"
    VERSION = "version"
    VERSION_RANGE = "version-range"
    COMMIT = "commit"
    IDENTIFIER = "identifier"
    IDENTIFIER_SUBJECT = "identifier-subject"
    """That a public id is about the flaw described."""
    WEAKNESS = "weakness"
    SEVERITY = "severity"
    PACKAGE_NAMED = "package-named"
    """That the text speaks of the package the report is filed against."""
    CRASH_LOG = "crash-log"
    FRAME = "frame"
    FILE = "file"
    SYMBOL = "symbol"
    LINE = "line"
    SNIPPET = "snippet"
    INTERFACE = "interface"
    """That a call exists with such a signature."""
    GUARD = "guard"
    """A check in front of the cited line that the report should explain; only a hint."""
    PROOF = "proof"
    """That an attached proof touches the target at all."""
    SCOPE = "scope"
    PATCH = "patch"
    """One step of the patch gate: applies, silences, tests, regression test, variants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimCheck:
    """One claim, the answer, and where the answer comes from."""

    claim: Claim
    subject: str
    """What was claimed, shortened: text from a stranger."""
    result: ClaimResult
    reason: str
    """One sentence for the analyst."""
    looked_at: str | None = None
    """The place looked at: a file, a list with its instant, a rule; None when there was none."""


class Level(IntEnum):
    """How much is established. Levels build on each other."""

    E0 = 0
    E1 = 1
    E2 = 2
    E3 = 3
    E4 = 4
    E5 = 5
    E6 = 6
    E7 = 7

    @property
    def label(self) -> str:
        """The level in one word."""
        return LEVELS[self][0]

    @property
    def gate(self) -> str:
        """What must hold to reach the level."""
        return LEVELS[self][1]


LEVELS: dict[Level, tuple[str, str]] = {
    Level.E0: ("claimed", "the report is valid and its target resolves"),
    Level.E1: (
        "consistent",
        "every cited file, symbol, line, snippet, commit and version exists at the claimed ref",
    ),
    Level.E2: (
        "in scope",
        "supported version, shipped component, and a trust boundary of the project is crossed",
    ),
    Level.E3: ("observed", "ran in the sandbox and an oracle declared before the run fired"),
    Level.E4: ("attributed", "the target itself is reached, not only the proof's own code"),
    Level.E5: (
        "differential",
        "fires on the vulnerable version and is silent on the fixed one, every time",
    ),
    Level.E6: (
        "patched",
        "a patch applies, silences every proof, passes the project's tests and a regression test",
    ),
    Level.E7: ("confirmed", "an independent run or the vendor agrees, signed"),
}


class VerdictKind(StrEnum):
    """What the house says about the claim so far. None of them closes a report."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not-reproduced"
    """The proof ran and its oracle stayed silent. Never means that the claim is invalid."""
    INCONCLUSIVE = "inconclusive"
    CONTRADICTED = "contradicted"
    OUT_OF_SCOPE = "out-of-scope"
    NOT_ATTEMPTED = "not-attempted"


class Doubt(StrEnum):
    """Why a verdict is INCONCLUSIVE."""

    BUILD = "build"
    ENVIRONMENT = "environment"
    ORACLE = "oracle"
    """The oracle cannot tell the flaw from something else, or fires on the fixed version too."""
    FLAKY = "flaky"
    ATTRIBUTION = "attribution"
    """The oracle fired, but nothing shows that the target did it."""
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, kw_only=True, slots=True)
class InputHash:
    """One input of a verdict, so that an outsider can tell that it is the same."""

    name: str
    sha256: str
    """64 lower-case hexadecimal digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """One limit asked for in a run, and what enforced it."""

    name: str
    value: str
    """With its unit."""
    enforced_by: str | None
    """The mechanism that held it; None when this machine could not enforce it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is established about one report, and what is not."""

    level: Level | None
    """Highest level reached; None when not even the target resolves."""
    kind: VerdictKind
    reason: str
    """Why this kind, in one sentence."""
    doubt: Doubt | None = None
    """Set exactly when the kind is INCONCLUSIVE."""
    checks: tuple[ClaimCheck, ...] = ()
    not_established: tuple[str, ...] = ()
    """What nobody has checked or shown yet, in words for the analyst."""
    inputs: tuple[InputHash, ...] = ()
    limits: tuple[Limit, ...] = ()
    """Empty when nothing was run."""
    rules: str
    """Version of the rules that decided."""
    decided_at: datetime

    @property
    def contradicted(self) -> tuple[ClaimCheck, ...]:
        """The claims that the places looked at contradict."""
        return tuple(one for one in self.checks if one.result is ClaimResult.CONTRADICTED)


class ExaminationState(StrEnum):
    """How far an examination is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """One examination of one report: source, scope, and the attached proof."""

    examination_id: ExaminationId
    report_id: ReportId
    state: ExaminationState
    asked_at: datetime
    asked_by: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
