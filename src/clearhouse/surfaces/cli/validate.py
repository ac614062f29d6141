"""`clearhouse validate`: examine a report now, or say how far the examinations are.

A report of this house (rep_…) is examined anew and its verdict kept; a file is examined as it would
be if it were taken in, and nothing is kept.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from clearhouse.clearing import route
from clearhouse.clearing.intake.readers import ReadRefusal, read
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.operations import NoSuchReportError
from clearhouse.clearing.validate.record import Verdict
from clearhouse.clearing.validate.statement import as_statement, sign
from clearhouse.clearing.validate.worker import Content
from clearhouse.clearing.validate.workers import Workers
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("validate")
@click.argument("thing", required=False)
@click.option("--statement", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the verdict as a signed in-toto statement.")  # fmt: skip
@json_option
@click.pass_obj
def command(connect: Connect, thing: str | None, statement: Path | None, *, as_json: bool) -> None:
    """Examine THING now: a report (rep_…) or a file. Without THING, say what waits and runs."""
    app = connect()
    if thing is None:
        emit(_progress(app), as_json=as_json, text=_progress_text(_progress(app)))
        return
    workers = Workers()
    try:
        verdicts = (
            [_stored(app, workers, ReportId(thing))]
            if thing.startswith("rep_")
            else _file(app, workers, Path(thing))
        )
    finally:
        workers.close()
    if statement is not None:
        key = app.desk.keys.signing_key()
        statement.write_text("\n".join(json.dumps(sign(one, [key])) for one in verdicts))
    emit(
        {"reports": [verdict_as_json(one) for one in verdicts]},
        as_json=as_json,
        text="\n\n".join(map(verdict_as_text, verdicts)),
    )


def verdict_as_json(verdict: Verdict) -> dict[str, object]:
    """Return a verdict with every claim looked at, for somebody who may read the report."""
    predicate = as_statement(verdict)["predicate"]
    checks = [
        {
            "claim": one.claim,
            "result": one.result,
            "subject": one.subject,
            "reason": one.reason,
            "looked_at": one.looked_at,
        }
        for one in verdict.checks
    ]
    inputs = {one.name: one.sha256 for one in verdict.inputs}
    whole = dict(predicate) if isinstance(predicate, Mapping) else {}
    return {**whole, "reason": verdict.reason, "checks": checks, "inputs": inputs}


def verdict_as_text(verdict: Verdict) -> str:
    """Return a verdict as a few lines."""
    level = verdict.level.name if verdict.level is not None else "below E0"
    return "\n".join(
        (
            f"{verdict.kind} at {level}: {verdict.reason}",
            *(f"  {one.result}: {one.reason}" for one in verdict.checks),
            *(f"  not established: {one}" for one in verdict.not_established),
        )
    )


def _stored(app: App, workers: Workers, report_id: ReportId) -> Verdict:
    """Examine a stored report anew and take it through the later rooms with the verdict."""
    me = owner(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            asked = examination.ask(app.desk, transaction, me, report_id, again=True)
        route.examine(app.desk, workers, asked.examination_id)
        with app.desk.database.transaction(me.actor_id) as transaction:
            verdict = validate.verdict_of(app.desk, transaction, report_id)
    except NoSuchReportError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_NO)
    if verdict is None:
        click.echo("clearhouse: no verdict that you may read", err=True)
        sys.exit(EXIT_NO)
    return verdict


def _file(app: App, workers: Workers, file: Path) -> list[Verdict]:
    if not file.is_file():
        raise click.UsageError(f"{file} is neither a report of this house (rep_…) nor a file")
    found = read(file.read_bytes(), filename=file.name, content_type=None)
    if isinstance(found, ReadRefusal):
        click.echo(f"clearhouse: {file.name} is refused: {found.detail}", err=True)
        sys.exit(EXIT_REFUSED)
    return [examination.examine_now(app.desk, workers, Content.of(draft)) for draft in found.drafts]


def _progress(app: App) -> dict[str, object]:
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        counts = validate.counts(transaction)
        waiting = examination.open_ones(transaction)
    return {
        "counts": counts,
        "open": [
            {
                "examination": one.examination_id,
                "report": one.report_id,
                "state": one.state,
                "asked_at": one.asked_at.isoformat(),
                "started_at": one.started_at.isoformat() if one.started_at else None,
            }
            for one in waiting
        ],
    }


def _progress_text(progress: Mapping[str, object]) -> str:
    counts, waiting = progress["counts"], progress["open"]
    lines = []
    if isinstance(counts, Mapping):
        lines += [f"{count} {name}" for name, count in counts.items()]
    if isinstance(waiting, list):
        lines += [f"  {one['report']} {one['state']} since {one['asked_at']}" for one in waiting]
    return "\n".join(lines)
