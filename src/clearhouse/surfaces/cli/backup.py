"""`clearhouse backup`: a copy of the store that can be restored. The keys are not in it."""

from pathlib import Path

import click

from clearhouse.kernel import backup
from clearhouse.kernel.keys import KeyFolder
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
@click.pass_obj
def command(connect: Connect, folder: Path, *, as_json: bool) -> None:
    """Write a backup to FOLDER, which must be fresh; the house may go on working.

    Back the keys folder up apart from it: without its keys nobody can read a backup.
    """
    app = connect()
    app.desk.authority.demand_person(owner(app), "store.back_up")
    made = backup.back_up(
        app.owner_url,
        KeyFolder(app.home / "keys"),
        folder,
        published=app.desk.published_folder,
        at=app.desk.database.clock(),
    )
    emit(
        {
            "folder": str(folder),
            "sha256": made.dump_sha256,
            "keys": list(made.kek_ids),
            "compartments": made.compartments,
            "ledger": {"size": made.ledger_size, "root": made.ledger_root},
        },
        as_json=as_json,
        text=f"{made.compartments} compartments, {made.ledger_size} events; "
        f"needs the keys {', '.join(made.kek_ids) or 'of no one'}",
    )
