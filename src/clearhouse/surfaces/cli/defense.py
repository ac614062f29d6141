"""`clearhouse defense`: audit labels, test tools, compare them, and do so on one's own logs."""

import importlib
import importlib.util
import sys
from typing import Any

import click

from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_OUTSIDE, EXIT_REFUSED

NEEDED = ("ahocorasick_rs", "duckdb", "evtx", "mcp", "sigma")
_COMMANDS = {
    "demo": ("run", "Test Sigma, rarity and a scripted agent on the small office."),
    "audit": ("audit", "Audit a pack's labels: the grade caps what may be claimed."),
    "run": ("run", "Put tools through a pack and write the result card."),
    "compare": ("run", "Compare the tools of result cards on one pack."),
    "report": ("run", "Write the report of a result card as one HTML page."),
    "verify": ("run", "Check who signed a result card."),
    "hand-in": ("desk", "Keep signed result cards for your organisation."),
    "cards": ("desk", "List the kept cards that you may read, or show one."),
    "trust": ("desk", "Let a key speak for an organisation, or no longer."),
    "pool": ("desk", "Pool what several networks shared of a tool."),
    "baseline": ("own", "Take one's own logs as a baseline; stops at possible real intrusions."),
    "transplant": ("own", "Move a pack's attacks into a baseline, under its own names."),
    "here": ("own", "One folder of logs in, one page out."),
    "adjudicate": ("own", "Draw alerts for an analyst to judge, and count what was judged."),
    "rehearse": ("rules", "Try rules on one's own ordinary days before they are deployed."),
    "form": ("own", "Write the form for an analyst to fill."),
    "export": ("own", "Write a pack's events for a SIEM's test index."),
    "convert": ("convert", "Make a pack of public recordings that you fetched."),
    "selftest": ("convert", "Run rules on the recordings that each must fire on."),
    "office": ("audit", "Make the small office as a pack."),
    "sign": ("audit", "Sign a pack, so that others know that it is yours."),
}
"""Each command, the module it lives in, and its summary; loaded when called."""


class _Group(click.Group):
    """Loads commands when they are called, because they need the extra `defense`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        _demand_extra()
        module = f"clearhouse.surfaces.cli.defense_{_COMMANDS[cmd_name][0]}"
        command: click.Command = getattr(
            importlib.import_module(module), cmd_name.replace("-", "_")
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        _demand_extra()
        refusals = importlib.import_module("clearhouse.surfaces.cli.defense_refusals")
        codes = ((refusals.REFUSED, EXIT_REFUSED), (refusals.OUTSIDE, EXIT_OUTSIDE),
                 (refusals.NO, EXIT_NO))  # fmt: skip
        try:
            return super().invoke(ctx)
        except tuple(kind for kinds, _ in codes for kind in kinds) as error:
            click.echo(f"clearhouse: {error}", err=True)
            sys.exit(next(code for kinds, code in codes if isinstance(error, kinds)))


def _demand_extra() -> None:
    missing = [one for one in NEEDED if importlib.util.find_spec(one) is None]
    if missing:
        click.echo(
            f"clearhouse: defense needs {', '.join(missing)}; start it through ./clearhouse, which"
            " installs them",
            err=True,
        )
        sys.exit(EXIT_OUTSIDE)


@click.group("defense", cls=_Group)
def command() -> None:
    """Say whether a tool helps to defend this network, with false alarms and intervals."""
