"""Takes the example flood in as its reporters would, and answers as its vendors would.

The persons in `examples/` are invented; the flaws are real and long fixed. `examples/README.md`
and `examples/vendors.yaml` describe the shape of the folder.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.machine import Refused as RefusedStep
from clearhouse.clearing.coordinate.record import Case, Outcome
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.receive import Accepted, Incoming, Refused, receive
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind
from clearhouse.kernel.ids import PartyId, Receipt, ReportId
from clearhouse.kernel.services import App
from clearhouse.kernel.store.database import Transaction


def report_files(folder: Path) -> list[Path]:
    """Return the report files in the order of their names."""
    return sorted(path for path in (folder / "reports").iterdir() if path.is_file())


def take_in(app: App, folder: Path, file: Path) -> Accepted | Refused:
    """Hand one report in as the finder that `truth.json` names."""
    finder = _finders(folder).get(file.name, "somebody")
    return receive(app.counter, _reporter(app, finder), Incoming.file(file.name, file.read_bytes()))


def register_vendors(app: App, me: Actor, folder: Path) -> None:
    """Note who answers for which packages, so that cases find their vendor."""
    with app.desk.database.transaction(me.actor_id) as transaction:
        for vendor in _vendors(folder):
            casework.register_vendor(
                app.desk,
                transaction,
                me,
                name=vendor["name"],
                packages=vendor["packages"],
                contact=vendor["contact"],
            )


def apply_answers(app: App, me: Actor, folder: Path, taken: Mapping[str, Receipt]) -> None:
    """Write down, as coordinator, what the vendors said; an answer is written down once.

    A vendor that answers has a case, whatever the queue thought of the finding.
    """
    for vendor, answer in _answers(folder):
        with app.desk.database.transaction(me.actor_id) as transaction:
            party_id = identity.add_party(transaction, PartyKind.VENDOR, vendor["name"])
            report_id = _report(transaction, answer, taken)
            if report_id is not None:
                finding_id = match.finding_of(transaction, report_id)
                case = coordinate.open_case(app.desk, transaction, me, finding_id)
                _answer(app, transaction, me, case, party_id, answer)


def _answer(
    app: App,
    transaction: Transaction,
    me: Actor,
    case: Case,
    vendor: PartyId,
    answer: Mapping[str, Any],
) -> None:
    if case.latest_verdict(vendor) is not None:
        return
    outcomes: list[Case | RefusedStep] = [
        casework.give_verdict(
            app.desk,
            transaction,
            me,
            case.id,
            vendor=vendor,
            outcome=Outcome(answer["outcome"]),
            reason=answer.get("reason"),
            fixed_version=answer.get("fixed"),
        )
    ]
    if "publication" in answer and case.embargo.instant is not None:
        date = _relative(answer["publication"], transaction.now)
        outcomes.append(
            casework.agree_date(
                app.desk,
                transaction,
                me,
                case.id,
                vendor=vendor,
                date=date,
                agreed_at=min(date, transaction.now),
            )
        )
    for outcome in outcomes:
        if isinstance(outcome, RefusedStep):
            raise click.ClickException(
                f"the answer to {answer['report']} is refused: {outcome.reason}"
            )


def _report(
    transaction: Transaction, answer: Mapping[str, Any], taken: Mapping[str, Receipt]
) -> ReportId | None:
    receipt = taken.get(Path(answer["report"]).name)
    if receipt is None:
        return None
    found = intake.reports_of(transaction, [receipt])
    wanted = [report for report, (_, place) in found.items() if place == answer.get("index", 0)]
    return wanted[0] if wanted else None


def _relative(duration: str, now: datetime) -> datetime:
    """Return the instant that `P-3D` or `P+20D` names. Source: ISO 8601-2 §4.4 (signed days)."""
    return now + timedelta(days=int(duration.removeprefix("P").removesuffix("D")))


def _vendors(folder: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load((folder / "vendors.yaml").read_text("utf-8"))
    return list(document["vendors"])


def _answers(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for vendor in _vendors(folder):
        for answer in vendor.get("answers", []):
            yield vendor, answer


@cache
def _finders(folder: Path) -> dict[str, str]:
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return {Path(entry["file"]).name: entry["finder"] for entry in truth["reports"]}


def _reporter(app: App, finder: str) -> Actor:
    with app.desk.database.transaction(None) as transaction:
        party_id = identity.add_party(transaction, PartyKind.FINDER, finder)
        actor_id = identity.add_actor(
            transaction, party_id, ActorKind.PERSON, finder, roles=["reporter"]
        )
        actor = identity.actor(transaction, actor_id)
    if actor is None:
        raise PermissionError(f"{finder} was revoked")
    return actor
