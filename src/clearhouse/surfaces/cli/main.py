"""Where every command starts.

Exit codes: 0 done; 1 the answer is no (something does not verify, a check failed); 2 the command
line is wrong; 65 the input is refused; 69 something outside failed (store, network, package
index); 70 our bug; 77 the policy refuses.
"""

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from clearhouse.kernel.backup import BackupError, Manifest
from clearhouse.kernel.keys import KeyFileError
from clearhouse.kernel.policy import ForbiddenError, PolicyError
from clearhouse.kernel.services import App, Counter, GatewayHome
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.kernel.store.migrate import SchemaMismatchError
from clearhouse.surfaces.cli.logs import log_to_stderr


@dataclass(frozen=True, slots=True)
class Connect:
    """Wires what a command needs, when it needs it."""

    app: Callable[[], App]
    counter: Callable[[], Counter]
    """Only what the counter may hold: its own database role, and the key that seals."""
    gateway: Callable[[], GatewayHome]
    """Only what the gateway may hold: a role that reads no table."""
    restore: Callable[[Path], Manifest] | None = None
    """Loads a backup into this installation's empty store."""

    def __call__(self) -> App:
        """Return the wired installation."""
        return self.app()


EXIT_NO, EXIT_REFUSED, EXIT_OUTSIDE, EXIT_FORBIDDEN = 1, 65, 69, 77

_EXIT_CODES: Mapping[type[Exception], int] = {
    StoreUnavailableError: EXIT_OUTSIDE,
    SchemaMismatchError: EXIT_OUTSIDE,
    KeyFileError: EXIT_OUTSIDE,
    PolicyError: EXIT_OUTSIDE,
    BackupError: EXIT_REFUSED,
    ForbiddenError: EXIT_FORBIDDEN,
}

_COMMANDS = {
    "up": "Set up, clear the example flood, and serve pages and API on loopback.",
    "check": "Run everything that must hold: style, types, contracts, tests.",
    "submit": "Take reports in from files or a folder.",
    "status": "Say how far the holder of a receipt has come.",
    "queue": "List findings, most urgent first, and say why.",
    "show": "Show a finding or a case.",
    "match": "Say which earlier reports a file is like, and why.",
    "rematch": "Match a whole archive: what waits, or everything with a new model.",
    "validate": "Examine a report in depth: source, scope, and its proof in the sandbox.",
    "reproduce": "Run a reproduction bundle in the sandbox.",
    "verdict": "Check a signed verdict.",
    "publish": "Release what is due; make the public files and the signed feed.",
    "verify": "Check a feed, a document or a CSAF provider from outside.",
    "criteria": "Decide from criteria and evidence which models count as powerful.",
    "bench": "Measure a room on files whose truth is known.",
    "access": "Offer, admit, grant, stop and prove early access to a model.",
    "defense": "Say whether a tool helps to defend this network.",
    "watch": "Say whether an inventory is affected, by when to act, and what else helps.",
    "advisory": "Read, preview, correct and withdraw advisories; judge those of others.",
    "acknowledge": "Sign what an advisory meant for you, in days, and send it back.",
    "detection": "Keep rules that find a flaw with its case, and show them.",
    "reach": "Say how many operators advisories reached, and how fast they patched.",
    "route": "Print the route and what is on it.",
    "ledger": "Verify, prove and export the ledger.",
    "case": "Let people into cases, trace leaks, read Vultron messages, destroy what a case says.",
    "relay": "Relay cases to other coordinators and take theirs.",
    "known": "Ask blindly whether a flaw is known; commit to one; meet who else holds it.",
    "lease": "Claim scan leases, hand them back, and say what maintainers allow.",
    "embargo": "Say why a case is kept back, what would change it, and ask for exceptions.",
    "contacts": "Find whom to tell of a package, and log attempts to reach them.",
    "keys": "List, rotate and retire the keys that open what is sealed.",
    "backup": "Write a copy of the store that can be restored.",
    "restore": "Load a backup into an empty store.",
    "mcp": "Serve tools to an agent that starts this as its helper, over standard input.",
    "docs": "Make a site of the documents, and refuse links that lead nowhere.",
    "people": "Add parties, persons and agents; issue and revoke tokens.",
    "serve": "Run one process: counter, desk, worker, validator, or the gateway of early access.",
}
"""Every command and its summary; each lives in the module of its name, loaded when called."""


class _Commands(click.Group):
    """Loads a command's module only when it is called, so that start-up stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"clearhouse.surfaces.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Clear a flood of vulnerability reports: from intake to signed advisories."""


def run_command_line(connect: Connect) -> None:
    """Run the command line and exit with a documented code."""
    log_to_stderr()
    try:
        cli.main(prog_name="clearhouse", obj=connect, standalone_mode=True)
    except tuple(_EXIT_CODES) as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)))


def emit(document: Mapping[str, Any], *, as_json: bool, text: str) -> None:
    """Print the answer, for a script or for a person.

    What strangers wrote may be in it; nothing of it can steer the terminal.
    """
    click.echo(json.dumps(document) if as_json else _inert(text))


def _inert(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
