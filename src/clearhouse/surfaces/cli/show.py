"""`clearhouse show`: a finding or a case, whole, as far as you may read it."""

import sys
from typing import Any

import click

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.matching import NoSuchFindingError
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.explain import explain
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.validate import operations as validate
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId
from clearhouse.kernel.services import App
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("show")
@click.argument("thing")
@json_option
@click.pass_obj
def command(connect: Connect, thing: str, *, as_json: bool) -> None:
    """Show THING: a finding (fnd_…) or a case (cas_…)."""
    app = connect()
    me = owner(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        try:
            document = (
                _case(app, transaction, me, thing)
                if thing.startswith("cas")
                else _finding(app, transaction, FindingId(thing))
            )
        except (NoSuchCaseError, NoSuchFindingError) as error:
            click.echo(f"clearhouse: {error}", err=True)
            sys.exit(EXIT_NO)
    emit(document, as_json=as_json, text=_text(document))


def _finding(app: App, transaction: Transaction, finding_id: FindingId) -> dict[str, Any]:
    desk = app.desk
    finding = match.finding(desk, transaction, finding_id)
    reports = intake.load(desk, transaction, finding.report_ids)
    priority = prioritize.priority_of(desk, transaction, finding_id)
    verdicts = [validate.verdict_of(desk, transaction, one) for one in finding.report_ids]
    return {
        "finding": finding.finding_id,
        "case": next(
            (
                case_id
                for one in finding.report_ids
                if (case_id := casework.case_of(transaction, one)) is not None
            ),
            None,
        ),
        "reports": [
            {
                "report": report.report_id,
                "received_at": report.received_at.isoformat(),
                "format": report.format,
                "title": report.content.title,
                "package": report.content.purl,
                "verdict": str(verdict.kind) if verdict else None,
                "checks": [
                    f"{check.result}: {check.reason}"
                    for check in (verdict.checks if verdict else ())
                ],
            }
            for report, verdict in zip(reports, verdicts, strict=True)
        ],
        "credits": [
            f"{credit.name} ({credit.role})"
            for credit in match.credits_of(desk, transaction, finding_id)
        ],
        "priority": explain(priority).splitlines() if priority else ["not attempted"],
    }


def _case(app: App, transaction: Transaction, me: Actor, case_id: str) -> dict[str, Any]:
    case = casework.case(app.desk, transaction, me, case_id)
    embargo = case.embargo
    return {
        "case": case.id,
        "findings": list(case.findings),
        "package": case.purl,
        "embargo": {
            "instant": embargo.instant.isoformat() if embargo.instant else None,
            "state": case.embargo_state,
            "rule": embargo.rule,
            "policy": embargo.policy,
            "considered": [f"{one.rule}: {one.effect}, {one.reason}" for one in embargo.considered],
        },
        "parties": [f"{party.name} ({party.role})" for party in case.parties],
        "verdicts": [
            f"{said.outcome}: {said.reason or 'no reason given'}" for said in case.verdicts
        ],
        "you_may_say": casework.told(app.desk, transaction, me, case_id).sentence,
        "held_back_by": [
            refusal.reason for refusal in publish.why_not(app.desk, transaction, me, case_id)
        ],
    }


def _text(value: object, indent: int = 0) -> str:
    """Lay a document out as an indented outline."""
    margin = "  " * indent
    if isinstance(value, dict):
        return "\n".join(
            f"{margin}{name.replace('_', ' ')}:\n{_text(inner, indent + 1)}"
            if isinstance(inner, dict | list) and inner
            else f"{margin}{name.replace('_', ' ')}: {inner or 'none'}"
            for name, inner in value.items()
        )
    if isinstance(value, list):
        joint = "\n\n" if value and isinstance(value[0], dict) else "\n"
        return joint.join(_text(inner, indent) for inner in value)
    return f"{margin}{value}"
