"""`clearhouse ledger`: verify, prove, export."""

import json
import sys
from pathlib import Path

import click

from clearhouse.kernel import ledger, ledger_export
from clearhouse.kernel.ids import EventId
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.group("ledger")
def command() -> None:
    """Verify, prove and export the ledger."""


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.pass_obj
def export(connect: Connect, file: Path | None) -> None:
    """Write the ledger as lines of JSON to FILE, or to standard output.

    Events that you are not read in to appear as hashes only.
    """
    app = connect()
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        ledger.sequence(transaction)
        ledger.sign_head(transaction, app.desk.keys.signing_key())
        lines = ledger_export.export(transaction, app.desk.keys.signing_key().public_key())
        text = "".join(f"{line}\n" for line in lines)
    if file is None:
        click.echo(text, nl=False)
    else:
        file.write_text(text)


@command.command("verify")
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False
)
@json_option
@click.pass_obj
def verify(connect: Connect, file: Path | None, *, as_json: bool) -> None:
    """Verify an exported FILE, or the installation's own ledger."""
    if file is not None:
        result = ledger_export.verify(file.read_text().splitlines())
    else:
        app = connect()
        key = app.desk.keys.signing_key()
        with app.desk.database.transaction(owner(app).actor_id) as transaction:
            ledger.sequence(transaction)
            ledger.sign_head(transaction, key)
            lines = ledger_export.export(transaction, key.public_key())
            result = ledger_export.verify(lines, key.public_key())
    document = {
        "holds": result.holds,
        "size": result.size,
        "root": result.root,
        "events_shown": result.events_shown,
        "faults": list(result.faults),
    }
    text = (
        f"holds: {result.size} events, {result.events_shown} of them readable, root {result.root}"
        if result.holds
        else "does not hold:\n" + "\n".join(f"  {fault}" for fault in result.faults)
    )
    emit(document, as_json=as_json, text=text)
    sys.exit(0 if result.holds else EXIT_NO)


@command.command("prove")
@click.argument("event")
@click.pass_obj
def prove(connect: Connect, event: str) -> None:
    """Print a proof that EVENT is in the signed ledger, as one JSON document."""
    app = connect()
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        ledger.sequence(transaction)
        ledger.sign_head(transaction, app.desk.keys.signing_key())
        proof = ledger.prove(transaction, EventId(event))
    if proof is None:
        click.echo("clearhouse: no event of this id that you may read", err=True)
        sys.exit(EXIT_NO)
    click.echo(json.dumps(proof.as_json()))
