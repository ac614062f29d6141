"""`clearhouse status`: how far the holder of a receipt has come."""

import sys
from datetime import UTC

import click

from clearhouse.clearing.intake import operations as intake
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option


@click.command("status")
@click.argument("receipt")
@json_option
@click.pass_obj
def command(connect: Connect, receipt: str, *, as_json: bool) -> None:
    """Say how far the submission of RECEIPT has come."""
    known = intake.status(connect().counter, receipt)
    if known is None:
        click.echo("clearhouse: no submission has this receipt", err=True)
        sys.exit(EXIT_NO)
    at = known.at.astimezone(UTC).isoformat(timespec="seconds")
    emit(
        {"receipt": known.receipt, "status": known.status, "at": at},
        as_json=as_json,
        text=f"{known.receipt}: {known.status} since {at}",
    )
