"""`clearhouse match`: what a report would be like, without taking it in."""

import sys
from pathlib import Path

import click

from clearhouse.clearing.intake.readers import ReadRefusal, read
from clearhouse.clearing.match import operations as matching
from clearhouse.clearing.match.record import Suggestion
from clearhouse.surfaces.cli.main import EXIT_REFUSED, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("match")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_obj
def command(connect: Connect, file: Path, *, as_json: bool) -> None:
    """Say which earlier reports FILE is like, and why."""
    found = read(file.read_bytes(), filename=file.name, content_type=None)
    if isinstance(found, ReadRefusal):
        click.echo(f"clearhouse: {file.name} is refused: {found.detail}", err=True)
        sys.exit(EXIT_REFUSED)
    app = connect()
    me = owner(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        alike = [matching.alike(app.desk, transaction, me, draft) for draft in found.drafts]
    doubts = [matching.doubts(app.desk, draft) for draft in found.drafts]
    said = [_text(one) for suggestions in alike for one in suggestions]
    emit(
        {
            "reports": [[_as_json(one) for one in suggestions] for suggestions in alike],
            "doubts": doubts,
        },
        as_json=as_json,
        text="\n".join(
            [
                *(said or ["like nothing that you may read"]),
                *(f"doubt: {one}" for some in doubts for one in some),
            ]
        ),
    )


def _as_json(suggestion: Suggestion) -> dict[str, object]:
    return {
        "report": suggestion.report,
        "probability": round(suggestion.score, 4),
        "band": suggestion.band,
        "meaning": suggestion.meaning,
        "reasons": [
            {"text": reason.text, "weight": reason.weight, "evidence": list(reason.evidence)}
            for reason in suggestion.reasons
        ],
    }


def _text(suggestion: Suggestion) -> str:
    head = f"{suggestion.report}  {suggestion.band} {suggestion.meaning}, {suggestion.score:.0%}"
    return "\n".join([head, *(f"    {reason.text}" for reason in suggestion.reasons)])
