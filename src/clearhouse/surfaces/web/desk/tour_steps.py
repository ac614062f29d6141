"""The steps of the tour in their order: what there is to see, and what there is to do.

Each leads to something real of this installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where a step leads."""

    TODAY = "today"
    DUPLICATES = "duplicates"
    REFUTED = "refuted"
    EMBARGO = "embargo"
    RELEASE = "release"
    OPERATOR = "operator"
    LEDGER = "ledger"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step."""

    place: Place
    title: str
    see: str
    """What is there, and why it is as it is."""
    do: str
    """What to do there."""
    command: str = ""
    """What to type for it, where it is done outside the desk."""


STEPS = (
    Step(
        place=Place.TODAY,
        title="See where everything stands",
        see="The route from report to operator, with what is in each room and what waits there. The"
        " queue below it says of each finding why it stands before the next one.",
        do="Read why the first finding comes first, then open it.",
    ),
    Step(
        place=Place.DUPLICATES,
        title="Decide whether two reports are one bug",
        see="Only proof joins reports by itself. Likeness suggests, and gives its reasons: what"
        " both say, what only one says, and how much each weighs.",
        do="Read both reports and say: same bug, sibling, or different bug. It can be taken back.",
    ),
    Step(
        place=Place.REFUTED,
        title="Read why a report is refuted",
        see="What a report claims is looked up: files, functions, versions, ids. What is"
        " contradicted says by what. It stays in the queue, last in its band, for a person.",
        do="Find the claim that is CONTRADICTED and what speaks against it.",
    ),
    Step(
        place=Place.EMBARGO,
        title="Look at a case that is kept back",
        see="A case knows who was told, what the vendor said, until when it is kept back and by"
        " which rule. Nobody sees it who is not read in.",
        do="Read which rule keeps it back, and which others were considered.",
    ),
    Step(
        place=Place.RELEASE,
        title="Let it become public",
        see="The vendor owns the date. At that instant the advisory goes out as OSV, CSAF and more,"
        " signed, with its proof in the ledger.",
        do="Under “What vendors said”, write down that the vendor agrees to the next minute. Within"
        " ten seconds of it the case is published.",
    ),
    Step(
        place=Place.OPERATOR,
        title="Ask as an operator: are we affected?",
        see="Operators match their own inventory on their own machine; nothing of it leaves. What"
        " they say back is counted together only, so this page knows little on the first day.",
        do="In a terminal, ask for an example portal whether what this house published affects it.",
        command="./clearhouse watch examples/operator/portal.cdx.json --feed .clearhouse/published",
    ),
    Step(
        place=Place.LEDGER,
        title="Check that nothing was rewritten",
        see="Everything above left an event, yours too. The events form a tree whose root is"
        " signed; an outsider can check an export of it with one file.",
        do="Find the date that you wrote down among the newest events, then verify the chain.",
    ),
)
STEP: Mapping[str, Step] = {step.place: step for step in STEPS}
