"""`clearhouse case`: what people do with cases, what others tell of them, and their destruction."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from clearhouse.clearing.coordinate import correspondence, shredding
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.told import ToldCase
from clearhouse.formats.vultron_reading import VultronError
from clearhouse.kernel import backup
from clearhouse.kernel.keys import KeyFolder
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.case_clocks import COMMANDS as CLOCKS
from clearhouse.surfaces.cli.case_discovery import COMMANDS as DISCOVERY
from clearhouse.surfaces.cli.case_invitations import COMMANDS as INVITATIONS
from clearhouse.surfaces.cli.case_people import COMMANDS as PEOPLE
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect, emit, json_option


@click.group("case")
def command() -> None:
    """Let people into cases and trace leaks; read Vultron messages; destroy what a case says."""


for _one in (*PEOPLE, *INVITATIONS, *CLOCKS, *DISCOVERY):
    command.add_command(_one)


@command.command("read")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@json_option
def read(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Put the Vultron messages in FILES together and say what cases they tell of.

    Nothing is taken in. What no state table draws is named with its reason.
    """
    try:
        told = correspondence.read([json.loads(one.read_bytes()) for one in files])
    except (VultronError, ValueError) as error:
        click.echo(f"clearhouse: not a message of the protocol: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    cases = [_told(case) for case in told.cases.values()]
    lines = [
        f"{one['case']}: embargo {one['embargo']}, {len(one['parties'])} parties, "
        f"{len(one['messages'])} messages, {len(one['refused'])} refused"
        for one in cases
    ]
    document = {"cases": cases, "elsewhere": list(told.elsewhere)}
    emit(document, as_json=as_json, text="\n".join(lines) or "no case is told of")


def _told(case: ToldCase) -> dict[str, Any]:
    return {
        "case": case.id,
        "owner": case.owner,
        "reports": list(case.reports),
        "embargo": case.embargo_state.value,
        "until": None if case.embargo is None else case.embargo.ends.isoformat(),
        "world": case.world,
        "parties": [
            {"actor": one.actor, "name": one.name, "report": one.report.value,
             "consent": one.consent.value, "fix": one.fix}
            for one in case.parties.values()
        ],
        "messages": [one.semantic for one in case.letters],
        "refused": [one.refused for one in case.letters if one.refused],
    }  # fmt: skip


@command.command("shred")
@click.argument("case")
@click.option("--because", required=True, help="Kept in the ledger; say nothing of the flaw.")
@json_option
@click.pass_obj
def shred(connect: Connect, case: str, because: str, *, as_json: bool) -> None:
    """Destroy the keys of CASE and of its reports; nobody can ever read them again.

    Only what is published stays. A case under embargo is refused.
    """
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = shredding.shred(app.desk, transaction, me, case, because=because)
    except NoSuchCaseError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_NO)
    if isinstance(done, Refused):
        emit({"refused": done.code, "reason": done.reason}, as_json=as_json, text=done.reason)
        sys.exit(EXIT_NO)
    backup.note_shredded(app.owner_url, KeyFolder(app.home / "keys"))
    backup.scrub(app.owner_url)
    emit(
        {"case": case, "compartments": len(done)},
        as_json=as_json,
        text=f"destroyed the keys of {len(done)} compartments",
    )
