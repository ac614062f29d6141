"""`clearhouse mcp`: the agent's own helper, over standard input and output."""

import os
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
def command(counter: str, known: Path | None) -> None:
    """Serve tools to the agent that started this; its token is in CLEARHOUSE_TOKEN."""
    # Only this command needs the packages of the extra `agents`.
    import anyio  # noqa: PLC0415

    from clearhouse.surfaces.mcp.checking import check_tool  # noqa: PLC0415
    from clearhouse.surfaces.mcp.own_side import ClearTextError, OwnSide  # noqa: PLC0415

    public = partial(current, known) if known else Known
    token = os.environ.get("CLEARHOUSE_TOKEN") or None
    try:
        helper = OwnSide(counter, token, [check_tool(public, system_clock)])
    except ClearTextError as error:
        raise click.UsageError(str(error)) from error
    anyio.run(helper.serve)
