"""`clearhouse restore`: loads a backup into an empty store; what was shredded stays shredded."""

from pathlib import Path

import click

from clearhouse.surfaces.cli.main import Connect, emit, json_option


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option
@click.pass_obj
def command(connect: Connect, folder: Path, *, as_json: bool) -> None:
    """Load the backup in FOLDER into the empty store of this installation.

    Put the keys folder in its place first. Whoever can run this holds the keys already, so no
    role is asked for.
    """
    if connect.restore is None:
        raise click.UsageError("this installation cannot restore")
    done = connect.restore(folder)
    emit(
        {
            "restored": str(folder),
            "made_at": done.made_at,
            "compartments": done.compartments,
            "ledger": {"size": done.ledger_size, "root": done.ledger_root},
        },
        as_json=as_json,
        text=f"restored the backup of {done.made_at}: {done.compartments} compartments, "
        f"{done.ledger_size} events",
    )
