"""`clearhouse case`: what only the command line does to a case."""

import sys

import click

from clearhouse.clearing.coordinate import shredding
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.kernel import backup
from clearhouse.kernel.keys import KeyFolder
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option


@click.group("case")
def command() -> None:
    """Destroy what a closed case says."""


@command.command("shred")
@click.argument("case")
@click.option("--because", required=True, help="Kept in the ledger; say nothing of the flaw.")
@json_option
@click.pass_obj
def shred(connect: Connect, case: str, because: str, *, as_json: bool) -> None:
    """Destroy the keys of CASE and of its reports; nobody can ever read them again.

    Only what is published stays. A case under embargo is refused.
    """
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = shredding.shred(app.desk, transaction, me, case, because=because)
    except NoSuchCaseError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_NO)
    if isinstance(done, Refused):
        emit({"refused": done.code, "reason": done.reason}, as_json=as_json, text=done.reason)
        sys.exit(EXIT_NO)
    backup.note_shredded(app.owner_url, KeyFolder(app.home / "keys"))
    backup.scrub(app.owner_url)
    emit(
        {"case": case, "compartments": len(done)},
        as_json=as_json,
        text=f"destroyed the keys of {len(done)} compartments",
    )
