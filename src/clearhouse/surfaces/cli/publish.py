"""`clearhouse publish`: what is out, releasing what is due, making the public files anew."""

import click

from clearhouse.clearing.publish import operations, release
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.group("publish")
def command() -> None:
    """Release what is due, and make the public files and the signed feed.

    The folder is a CSAF trusted provider, an OSV bucket and a signed feed; any web server can
    carry it, and the counter serves it. `clearhouse verify provider` checks it.
    """


@command.command("due")
@json_option
@click.pass_obj
def due(connect: Connect, *, as_json: bool) -> None:
    """Release every case whose instant has come; the worker does so every ten seconds."""
    ids = operations.publish_due(connect().desk)
    emit({"published": ids}, as_json=as_json, text="\n".join(ids) or "nothing is due")


@command.command("rebuild")
@json_option
@click.pass_obj
def rebuild(connect: Connect, *, as_json: bool) -> None:
    """Make all public files anew from the store, and show them in one instant."""
    app = connect()
    count = release.rebuild(app.desk)
    folder = str(app.desk.published_folder)
    emit(
        {"advisories": count, "folder": folder},
        as_json=as_json,
        text=f"{count} advisories stand in {folder}",
    )


@command.command("renew")
@json_option
@click.pass_obj
def renew(connect: Connect, *, as_json: bool) -> None:
    """Sign the feed anew when it is a day old; the worker looks every hour."""
    renewed = release.renew(connect().desk)
    text = "the feed is signed anew" if renewed else "the feed is new enough"
    emit({"renewed": renewed}, as_json=as_json, text=text)


@command.command("rotate-keys")
@json_option
@click.pass_obj
def rotate_keys(connect: Connect, *, as_json: bool) -> None:
    """Let new keys sign the feed and the CSAF documents, led to by the present ones.

    Back the keys folder up afterwards: readers follow the chain through every key in it.
    """
    app = connect()
    version = release.rotate_keys(app.desk, owner(app))
    emit({"keys_version": version}, as_json=as_json, text=f"key list {version} holds now")
