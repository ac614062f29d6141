"""The one screen an analyst reads in the morning, and the same as one JSON document."""

import textwrap
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from clearhouse.clearing import route
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import listing
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.explain import summary as in_short
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import Verdict, VerdictKind
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId, Receipt, ReportId
from clearhouse.kernel.services import App
from clearhouse.kernel.store.database import Transaction

Place = tuple[str, int]
"""The file a report came in, and its place in it, from 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What came of a flood."""

    rooms: Mapping[str, Mapping[str, int]]
    ledger_size: int
    ledger_head: str
    seconds: float
    verdicts: Mapping[Place, Verdict]
    joined: tuple[tuple[Place, ...], ...]
    """Reports that proof or a person made one finding; singles are left out."""
    first: tuple[str, ...]
    """The top of the queue, one line each."""

    def as_json(self) -> dict[str, object]:
        """Return the document that `up --json` prints."""
        rooms = self.rooms
        return {
            "reports": rooms["intake"]["reports"],
            "findings": rooms["match"]["findings"],
            "merged": rooms["match"]["merged"],
            "suggested": rooms["match"]["suggested"],
            "invented": len(self._refuted),
            "cases": rooms["coordinate"]["cases"],
            "advisories": rooms["publish"]["advisories"],
            "rooms": {name: dict(counts) for name, counts in rooms.items()},
            "merged_reports": [[list(place) for place in group] for group in self.joined],
            "flagged": [
                {"file": file, "index": index, "verdict": verdict, "reasons": list(reasons)}
                for (file, index), (verdict, reasons) in self._refuted.items()
            ],
            "not_established": [
                {"file": file, "index": index, "not_established": list(verdict.not_established)}
                for (file, index), verdict in self.verdicts.items()
            ],
            "ledger": {"size": self.ledger_size, "head": self.ledger_head},
            "seconds": round(self.seconds, 2),
        }

    def as_text(self) -> str:
        """Return the one screen."""
        flat = self.as_json()
        lines = [
            "",
            (
                f"  {flat['reports']} reports are {flat['findings']} findings:"
                f" {flat['merged']} joined"
                f" by proof, {flat['suggested']} pairs suggested to a person"
            ),
            f"  {flat['cases']} cases opened, {flat['advisories']} advisories published",
            f"  ledger: {self.ledger_size} events, root {self.ledger_head[:16]}…",
            "",
            "  First in the queue",
            *(_folded(line) for line in self.first),
            "",
            f"  Refuted or out of scope, for a person to decide: {flat['invented']}",
            *(_folded(f"{place[0]}: {why[0]}") for place, (_, why) in self._refuted.items()),
            "",
            f"  {self.seconds:.1f} s",
        ]
        return "\n".join(lines)

    @property
    def _refuted(self) -> dict[Place, tuple[VerdictKind, tuple[str, ...]]]:
        """What evidence speaks against, with the verdict and every reason."""
        return {
            place: (
                verdict.kind,
                tuple(one.reason for one in verdict.contradicted) or (verdict.reason,),
            )
            for place, verdict in self.verdicts.items()
            if verdict.contradicted or verdict.kind is VerdictKind.OUT_OF_SCOPE
        }


def summarize(
    app: App, me: Actor, taken: Mapping[str, Receipt], seconds: float, *, first: int = 5
) -> Summary:
    """Sum up what `me` may see of the files that were taken in, and of the whole house."""
    desk = app.desk
    with desk.database.transaction(me.actor_id) as transaction:
        head = ledger.head(transaction)
        places = _places(transaction, taken)
        verdicts = {
            places[report_id]: verdict
            for report_id in places
            if (verdict := validate.verdict_of(desk, transaction, report_id)) is not None
        }
        queue = prioritize.queue(desk, transaction, limit=first)
        notes = listing.notes(desk, transaction, [FindingId(one.finding_id) for one in queue])
        return Summary(
            rooms=route.survey(transaction),
            ledger_size=head.size if head else 0,
            ledger_head=head.root.hex() if head else "",
            seconds=seconds,
            verdicts=verdicts,
            joined=_joined(transaction, places),
            first=tuple(
                f"{in_short(one)}: {notes[FindingId(one.finding_id)].title or 'untitled'}"
                for one in queue
            ),
        )


def _places(transaction: Transaction, taken: Mapping[str, Receipt]) -> dict[ReportId, Place]:
    file_of = {receipt: file for file, receipt in taken.items()}
    found = intake.reports_of(transaction, list(file_of))
    return {report: (file_of[receipt], ordinal) for report, (receipt, ordinal) in found.items()}


def _joined(
    transaction: Transaction, places: Mapping[ReportId, Place]
) -> tuple[tuple[Place, ...], ...]:
    groups: dict[FindingId, list[Place]] = defaultdict(list)
    for report_id, place in places.items():
        groups[match.finding_of(transaction, report_id)].append(place)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _folded(line: str) -> str:
    return textwrap.shorten(line, 100, initial_indent="    ", placeholder="…")
