"""The one screen an analyst reads in the morning, and the same as one JSON document."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

from clearhouse.clearing import route
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.validate import operations as validate
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import App


@dataclass(frozen=True, kw_only=True, slots=True)
class Flagged:
    """A report with a claim that local evidence refutes."""

    receipt: str
    title: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What came of a flood."""

    rooms: Mapping[str, Mapping[str, int]]
    ledger_size: int
    ledger_head: str
    seconds: float
    flagged: tuple[Flagged, ...] = ()
    first: tuple[str, ...] = field(default=())
    """The top of the queue: band, title and why, one line each."""

    def as_json(self) -> dict[str, object]:
        """Return the document that `up --json` prints."""
        rooms = self.rooms
        return {
            "reports": rooms["intake"]["reports"],
            "findings": rooms["match"]["findings"],
            "merged": rooms["match"]["merged"],
            "suggested": rooms["match"]["suggested"],
            "invented": len(self.flagged),
            "cases": rooms["coordinate"]["cases"],
            "advisories": rooms["publish"]["advisories"],
            "rooms": {name: dict(counts) for name, counts in rooms.items()},
            "flagged": [
                {"receipt": report.receipt, "reasons": list(report.reasons)}
                for report in self.flagged
            ],
            "ledger": {"size": self.ledger_size, "head": self.ledger_head},
            "seconds": round(self.seconds, 2),
        }

    def as_text(self) -> str:
        """Return the one screen."""
        flat = self.as_json()
        lines = [
            "",
            f"  {flat['reports']} reports are {flat['findings']} findings:"
            f" {flat['merged']} joined by proof, {flat['suggested']} pairs suggested to a person",
            f"  {flat['invented']} reports say something that local evidence refutes",
            f"  {flat['cases']} cases, {flat['advisories']} advisories published",
            f"  ledger: {self.ledger_size} events, root {self.ledger_head[:16]}…",
            "",
            "  First in the queue:",
            *(_folded(line) for line in self.first),
        ]
        if self.flagged:
            lines += ["", "  Refuted by local evidence (a person decides):"]
            lines += [_folded(f"{flag.title}: {flag.reasons[0]}") for flag in self.flagged]
        lines += ["", f"  {self.seconds:.1f} s"]
        return "\n".join(lines)


def summarize(app: App, me: Actor, seconds: float, *, first: int = 5) -> Summary:
    """Count what `me` may see and name what comes first."""
    desk = app.desk
    with desk.database.transaction(me.actor_id) as transaction:
        rooms = route.survey(desk, transaction)
        head = ledger.head(transaction)
        flagged = [
            Flagged(receipt=report.receipt, title=report.content.title or "untitled", reasons=why)
            for report, why in validate.contradicted(desk, transaction)
        ]
        queue = prioritize.queue(desk, transaction, limit=first)
        titles = match.titles(desk, transaction, [entry.finding_id for entry in queue])
        top = [
            f"{entry.band}: {titles[entry.finding_id]} ({entry.why})" for entry in queue
        ]
    return Summary(
        rooms=rooms,
        ledger_size=head.size if head else 0,
        ledger_head=head.root.hex() if head else "",
        seconds=seconds,
        flagged=tuple(flagged),
        first=tuple(top),
    )


def _folded(line: str) -> str:
    return textwrap.shorten(line, 96, initial_indent="    ", placeholder="…")
