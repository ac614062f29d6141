"""Judge whether a report is ready: which of the six elements are there, and what to add.

In: a draft. Out: `Completeness`, in words that a reporter or an agent can act on.
Refused: nothing; a partial report is accepted and listed, never turned away.
(Interface used by operations.py, receive.py: judge(draft) -> Completeness with .present,
.missing[i].element, .missing[i].what_to_do. The intake owner replaces this first version.)
"""

from dataclasses import dataclass
from enum import StrEnum

from clearhouse.clearing.intake.record import AttachmentKind, Draft


class Element(StrEnum):
    """The six elements of a ready report. Source: Akrites SIRT, report template."""

    DESCRIPTION = "description"
    TRIGGER = "trigger"
    SEVERITY = "severity"
    POC = "poc"
    PATCH = "patch"
    TESTS = "tests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """An element that is not there."""

    element: Element
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Completeness:
    """Which elements are there."""

    present: tuple[Element, ...]
    missing: tuple[Missing, ...]

    @property
    def ready(self) -> bool:
        """Say whether all six are there."""
        return not self.missing


_ADVICE = {
    Element.DESCRIPTION: "say what the flaw is: which code does what wrong, and what it leads to",
    Element.TRIGGER: "say how the flaw is reached: the steps, or the input and the entry point",
    Element.SEVERITY: "estimate the severity: a word, or a CVSS 4.0 vector",
    Element.POC: "attach a proof of concept that shows the flaw",
    Element.PATCH: "attach a patch as a unified diff, and name the commit it applies to",
    Element.TESTS: "attach a test that fails before the patch and passes after it",
}


def judge(draft: Draft) -> Completeness:
    """Answer which elements a draft has."""
    kinds = {file.kind for file in draft.attachments if file.data.strip()}
    there = {
        Element.DESCRIPTION: bool(draft.description),
        Element.TRIGGER: bool(draft.trigger),
        Element.SEVERITY: bool(draft.severity or draft.cvss_vectors),
        Element.POC: bool(kinds & {AttachmentKind.POC, AttachmentKind.REPRODUCER}),
        Element.PATCH: AttachmentKind.PATCH in kinds,
        Element.TESTS: AttachmentKind.TEST in kinds,
    }
    return Completeness(
        present=tuple(element for element, present in there.items() if present),
        missing=tuple(
            Missing(element=element, what_to_do=_ADVICE[element])
            for element, present in there.items()
            if not present
        ),
    )
