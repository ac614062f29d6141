"""`clearhouse rematch`: match a whole archive, and go on where it stopped."""

import sys
import time

import click

from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import bulk
from clearhouse.surfaces.cli.main import Connect, emit, json_option


@click.command("rematch")
@click.option("--again", is_flag=True, help="Match everything anew, as after a new model.")
@json_option
@click.pass_obj
def command(connect: Connect, *, again: bool, as_json: bool) -> None:
    """Match every report that waits, in order of arrival; killed, it goes on when called again."""
    desk = connect().desk
    if again:
        bulk.begin_again(desk)
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        total = intake.counts(transaction)["reports"]
    begin = time.monotonic()
    with click.progressbar(length=total, label="clearhouse: matching", file=sys.stderr) as bar:
        done = bulk.match_archive(desk, lambda progress: bar.update(progress.seen - bar.pos))
    took_s = round(time.monotonic() - begin, 3)
    emit(
        {"seen": done.seen, "matched": done.matched, "took_s": took_s},
        as_json=as_json,
        text=f"{done.matched} of {done.seen} reports matched in {took_s:.1f} s",
    )
