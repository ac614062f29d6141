"""`clearhouse reach`: how many operators advisories reached, and how fast they patched."""

import sys

import click

from clearhouse.clearing.deliver import acknowledging
from clearhouse.clearing.deliver.acknowledging import NoSuchAdvisoryError, Released
from clearhouse.surfaces.api.reach import as_json as document
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import EXIT_REFUSED, Connect, emit, json_option


@click.command("reach")
@click.argument("advisory", required=False)
@json_option
@click.pass_obj
def command(connect: Connect, advisory: str | None, *, as_json: bool) -> None:
    """Say how many operators ADVISORY reached, or each advisory; numbers are rounded down."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            found = (
                acknowledging.reach_of_all(app.desk, transaction, me)
                if advisory is None
                else [acknowledging.reach_of(app.desk, transaction, me, advisory)]
            )
    except NoSuchAdvisoryError:
        click.echo("clearhouse: no public advisory has this id", err=True)
        sys.exit(EXIT_REFUSED)
    emit(
        {"advisories": [document(one) for one in found]},
        as_json=as_json,
        text="\n".join(map(_line, found)) or "nothing is published",
    )


def _line(one: Released) -> str:
    told = one.reach
    if told is None:
        return f"{one.advisory_id}  not known: too few operators have said anything"
    few = f"fewer than {told.group}"
    within = ", ".join(f"{count or few} within {days} days" for days, count in told.fixed_within)
    middle = f"{told.median_days} days" if told.median_days is not None else "not known"
    return (
        f"{one.advisory_id}  {told.operators or few} operators or more: affected"
        f" {told.affected or few}, not affected {told.not_affected or few}\n"
        f"    patched {told.fixed or few} ({within}); median {middle}: {told.median_reason}"
    )
