"""What tools take and give, as schemas: closed, small, and free of anything that is not data.

Text that others wrote is always `Fenced`; every other string is ours, an id, or cleaned of what
hides. Source: Model Context Protocol 2026-07-28, Tools (input and output schemas).
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from clearhouse.surfaces.api.schemas import REPORT
from clearhouse.surfaces.mcp.fence import Fenced

MOST_TEXT = 1024 * 1024
_RECEIPT = "^SUB-[a-z2-7]{18}$"


class Closed(BaseModel):
    """Arguments: nothing besides them is taken, and nothing is guessed from another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ReportArguments(Closed):
    """One report, in one of two forms."""

    report: Annotated[dict[str, Any], WithJsonSchema(REPORT)] | None = Field(
        default=None, description="The report object of the TAP Intake API."
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_TEXT,
        description="The report as Markdown: package, versions, place, trigger, impact, proof.",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.report is None) is (self.text is None):
            raise ValueError("give `report` or `text`, and not both")
        return self


class SubmitArguments(ReportArguments):
    """One report, to be sent."""

    authorised: Literal[True] = Field(
        description="You state that you tested only what you were authorised to test."
    )
    idempotency_key: str | None = Field(
        default=None,
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="The same report under the same key is taken in once; made from the report "
        "when not given.",
    )


class KnownArguments(Closed):
    """What to look for."""

    ids: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{2,79}$")]] = Field(
        default=[], max_length=20, description="Ids such as CVE-2026-12345 or GHSA-….",
    )  # fmt: skip
    purl: str | None = Field(
        default=None, max_length=512, description="Package URL, for example pkg:pypi/example."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.ids and self.purl is None:
            raise ValueError("give `ids` or `purl`")
        return self


class FollowArguments(Closed):
    """Which submission."""

    receipt: str = Field(pattern=_RECEIPT, description="What `submit_report` answered.")


class AnswerArguments(FollowArguments):
    """An answer to a question."""

    question: str = Field(pattern="^let_[a-z2-7]{26}$", description="Its id, from `follow`.")
    text: str = Field(min_length=1, max_length=20_000, description="Your answer.")


class Given(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True)


class Missing(Given):
    """An element of a ready report that is not there."""

    element: str
    what_to_do: str


class Contradiction(Given):
    """A claim that public knowledge contradicts."""

    claim: str
    about: Fenced
    reason: str


class Fault(Given):
    """A rule of the format that is broken, or something that was not taken as it stood."""

    code: str
    field: str
    reason: str


class LookedAt(Given):
    """What one report has and lacks."""

    ready: bool
    present: list[str]
    missing: list[Missing]
    hints: list[str]
    contradicted: list[Contradiction] = []


class CheckAnswer(Given):
    """What a report has, lacks and gets wrong."""

    would_be_taken: bool
    refused: str | None = None
    faults: list[Fault] = []
    reports: list[LookedAt] = []
    warnings: list[Fault] = []
    next: str


class SubmitAnswer(Given):
    """The report is on disk."""

    receipt: str
    reports: list[LookedAt]
    warnings: list[Fault] = []
    next: str


class Record(Given):
    """One public record."""

    id: str
    aliases: list[str]
    published_here: bool
    published: datetime | None
    withdrawn: datetime | None
    affected: str | None
    fixed: list[str]
    summary: Fenced


class KnownAnswer(Given):
    """What is public. It says nothing of what is not."""

    public: bool
    records: list[Record]
    left_out: int = Field(description="Records that match and are not listed.")
    not_public: str = Field(description="What was found out about flaws that are not public.")
    next: str


class Question(Given):
    """Something the house wants to know."""

    question: str
    asked_at: datetime
    answered_at: datetime | None
    words: Fenced


class FollowAnswer(Given):
    """How far a submission is."""

    receipt: str
    status: str = Field(json_schema_extra={"enum": ["queued", "processing", "done"]})
    since: datetime
    advisories: list[str] = Field(description="Public advisories that it became part of.")
    questions: list[Question]
    next: str


class AnswerAnswer(Given):
    """The answer is on disk."""

    taken: Literal[True] = True
    next: str
