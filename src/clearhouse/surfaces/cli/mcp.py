"""`clearhouse mcp`: the agent's own helper, over standard input and output."""

import os
import sys
from functools import partial
from pathlib import Path

import click

from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.kernel.clock import system_clock


@click.command("mcp")
@click.option(
    "--counter",
    default="http://127.0.0.1:8440",
    show_default=True,
    envvar="CLEARHOUSE_COUNTER_ADDRESS",
    help="Address of the house's counter.",
)
@click.option("--known", type=click.Path(path_type=Path, file_okay=False),
              envvar="CLEARHOUSE_KNOWN", help="Local copies of public knowledge.")  # fmt: skip
@click.option("--desk", envvar="CLEARHOUSE_DESK_ADDRESS",
              help="Address of the house's desk, for blind questions and leases.")  # fmt: skip
@click.option("--inventory", "inventories", multiple=True,
              type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="An inventory that the agent may ask about, by its file's name.")  # fmt: skip
@click.option("--feed", "feeds", multiple=True, help="Advisories to ask, as for `watch`.")
def command(
    counter: str,
    known: Path | None,
    desk: str | None,
    inventories: tuple[Path, ...],
    feeds: tuple[str, ...],
) -> None:
    """Serve tools to the agent that started this; its token is in CLEARHOUSE_TOKEN."""
    if bool(inventories) is not bool(feeds):
        raise click.UsageError("an --inventory is asked about with a --feed, and the other way")
    named = {one.name: one for one in inventories}
    if len(named) < len(inventories):
        raise click.UsageError("two inventories have the same name; an agent tells them by it")
    # Only this command needs the packages of the extra `agents`.
    import anyio  # noqa: PLC0415

    from clearhouse.clearing.deliver.watch.sources import Keeping  # noqa: PLC0415
    from clearhouse.surfaces.cli.watch import kept_folder  # noqa: PLC0415
    from clearhouse.surfaces.mcp.before_scanning import BeforeScanning  # noqa: PLC0415
    from clearhouse.surfaces.mcp.checking import check_tool  # noqa: PLC0415
    from clearhouse.surfaces.mcp.own_side import (  # noqa: PLC0415
        ClearTextError,
        OwnSide,
        demand_hidden,
    )
    from clearhouse.surfaces.mcp.watching import Watching  # noqa: PLC0415

    here = [check_tool(partial(current, known) if known else Known, system_clock)]
    if named:
        watching = Watching(
            inventories=named,
            feeds=feeds,
            keeping=Keeping(folder=kept_folder()),
            clock=system_clock,
        )
        here.append(watching.tool())
    token = os.environ.get("CLEARHOUSE_TOKEN") or None
    try:
        if desk and token:
            demand_hidden(desk)
            here += BeforeScanning(desk=desk, token=token).tools()
        helper = OwnSide(counter, token, here)
    except ClearTextError as error:
        raise click.UsageError(str(error)) from error
    if sys.stdin.isatty():
        click.echo(
            "clearhouse: an agent starts this and speaks MCP to it; Ctrl-C ends it", err=True
        )
    anyio.run(helper.serve)
