"""`clearhouse case discovery`: who found the flaw of a case, and in which order."""

import click

from clearhouse.clearing.coordinate.discovery import discovery, note_rediscovery
from clearhouse.clearing.deconflict.commitments.record import Discovery
from clearhouse.kernel import identity
from clearhouse.kernel.ids import PartyId
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.case_acts import act
from clearhouse.surfaces.cli.main import Connect, emit, json_option


@click.command("discovery")
@click.argument("case")
@click.option("--note", is_flag=True, help="Let the embargo take account of a second finding.")
@json_option
@click.pass_obj
def show(connect: Connect, case: str, *, note: bool, as_json: bool) -> None:
    """Say who found the flaw of CASE first, and who found it independently."""
    found = act(connect, lambda desk, transaction, me: discovery(desk, transaction, me, case))
    until = None
    if note:
        done = act(
            connect, lambda desk, transaction, me: note_rediscovery(desk, transaction, me, case)
        )
        until = done.embargo.instant
    document = {
        "first": list(found.first),
        "later": list(found.later),
        "not_independent": list(found.not_independent),
        "rediscovered_at": found.rediscovered_at and found.rediscovered_at.isoformat(),
        "embargo_until": until and until.isoformat(),
    }
    text = _told(connect, found) + (f"\nembargo until {until:%Y-%m-%d %H:%M} UTC" if until else "")
    emit(document, as_json=as_json, text=text)


def _told(connect: Connect, found: Discovery) -> str:
    app = connect()
    parties = [PartyId(one) for one in (*found.first, *found.later, *found.not_independent)]
    with app.desk.database.transaction(acting(app).actor_id) as transaction:
        names = identity.party_names(transaction, parties)
    rows = (("first", found.first), ("later", found.later), ("told", found.not_independent))
    return "\n".join(
        f"{what:<6} {names.get(PartyId(one), one)}" for what, parties in rows for one in parties
    )


COMMANDS = (show,)
