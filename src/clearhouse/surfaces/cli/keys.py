"""`clearhouse keys`: the keys that open what is sealed, and how they are replaced."""

import click

from clearhouse.kernel import rotation
from clearhouse.kernel.keys import KeyFolder, Keys
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.group("keys")
def command() -> None:
    """List, rotate and retire the keys that open what is sealed."""


def _folder(app: App) -> KeyFolder:
    """Return the keys of this house, for who may change them."""
    app.desk.authority.demand_person(owner(app), "keys.rotate")
    return KeyFolder(app.home / "keys")


@command.command("list")
@json_option
@click.pass_obj
def list_(connect: Connect, *, as_json: bool) -> None:
    """Name the present opening key, and earlier ones that are still needed."""
    present, *earlier = Keys(_folder(connect())).kek_ids()
    text = f"present  {present}" + "".join(f"\nearlier  {one}" for one in earlier)
    emit({"present": present, "earlier": earlier}, as_json=as_json, text=text)


@command.command("rotate")
@json_option
@click.pass_obj
def rotate(connect: Connect, *, as_json: bool) -> None:
    """Make a new opening key and wrap every data key to it; the house may go on working.

    Start counter, desk and worker anew then, and run `clearhouse keys retire`.
    """
    app = connect()
    done = rotation.rotate(app.owner_url, _folder(app))
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        rotation.note(
            transaction, "keys.rotated", {"present": done.new, "rewrapped": done.rewrapped}
        )
    emit(
        {"present": done.new, "rewrapped": done.rewrapped, "earlier": list(done.kept)},
        as_json=as_json,
        text=f"the opening key is {done.new}; {done.rewrapped} data keys are wrapped to it.\n"
        "Back the keys folder up, start the processes anew, then: clearhouse keys retire",
    )


@command.command("retire")
@json_option
@click.pass_obj
def retire(connect: Connect, *, as_json: bool) -> None:
    """Destroy earlier keys to which nothing is sealed; older backups need them no less."""
    app = connect()
    folder = _folder(app)
    rotation.rewrap(app.owner_url, folder)
    gone = rotation.retire(app.owner_url, folder)
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        rotation.note(transaction, "keys.retired", {"retired": list(gone)})
    emit(
        {"retired": list(gone), "earlier": Keys(folder).kek_ids()[1:]},
        as_json=as_json,
        text="\n".join(f"retired {one}" for one in gone) or "nothing to retire",
    )
