"""`clearhouse known`: whether something is known, without telling what, and what follows."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.clearing import route
from clearhouse.clearing.coordinate.relay import lookup
from clearhouse.clearing.deconflict import exchanges
from clearhouse.clearing.deconflict.blind import epochs, holding
from clearhouse.clearing.deconflict.blind.answering import HouseDoor
from clearhouse.clearing.deconflict.blind.asking import ask as ask_house
from clearhouse.clearing.deconflict.blind.record import Allowed, Answer, Fingerprint
from clearhouse.clearing.deconflict.commitments import operations as commitments
from clearhouse.clearing.deconflict.commitments import rules
from clearhouse.clearing.deconflict.commitments.opening import new_opening
from clearhouse.clearing.deconflict.commitments.record import Opening
from clearhouse.clearing.deconflict.introductions import operations as introductions
from clearhouse.clearing.deconflict.introductions.record import Field, Introduction
from clearhouse.clearing.intake.readers import ReadRefusal, read
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.formats.voprf import VoprfError
from clearhouse.kernel.addresses import AddressRefusedError
from clearhouse.kernel.keys import KeyFolder
from clearhouse.kernel.outside import OutsideError
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.deconflict_acts import act, done
from clearhouse.surfaces.cli.house_door import HttpDoor, keep_tables, kept_tables
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_OUTSIDE, EXIT_REFUSED, Connect, emit
from clearhouse.surfaces.cli.main import json_option as _json

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_PLAIN = TypeAdapter(object)


@click.group("known")
def command() -> None:
    """Ask blindly whether something is known; commit, be introduced, and say what was exchanged."""


@command.command("ask")
@click.argument("file", type=_FILE)
@click.option("--house", help="Address of another house's desk; CLEARHOUSE_TOKEN is of there.")
@click.option("--peer", help="Id of a peer that this house asks for you; see: relay peers.")
@click.option("--bits", default=0, show_default=True,
              help="Show so many bits of each output, to fetch only a part.")  # fmt: skip
@_json
@click.pass_obj
def ask(
    connect: Connect, file: Path, house: str | None, peer: str | None, bits: int, *, as_json: bool
) -> None:
    """Say for each fingerprint of the report in FILE whether it is known; exit 1 when none is."""
    prints = _fingerprints(file)
    answers = _asked_peer(connect, prints, peer) if peer else _asked(connect, prints, house, bits)
    emit({"answers": list(map(_answer, answers))}, as_json=as_json,
         text="\n".join(map(_line, answers)))  # fmt: skip
    sys.exit(0 if any(one.known for one in answers) else EXIT_NO)


@command.command("hold")
@click.argument("file", type=_FILE)
@click.option("--opening", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="Where to keep what opens it; guard it like the finding.")  # fmt: skip
@_json
@click.pass_obj
def hold(connect: Connect, file: Path, opening: Path, *, as_json: bool) -> None:
    """Commit to the report in FILE, and let others find it known, without telling it."""
    prints = _fingerprints(file)
    answers = _asked(connect, prints, None, 0)
    made = new_opening(prints, file.read_bytes())
    _write_private(opening, json.dumps(rules.write_opening(made)))
    commitment = done(act(connect, commitments.commit, rules.digest_of(made)))
    entered = done(
        act(connect, holding.hold, answers[0].epoch_id, [one.held for one in answers],
            subject=commitment.commitment_id)
    )  # fmt: skip
    emit(
        {"commitment": commitment.commitment_id, "event": commitment.event_id, "entered": entered,
         "known_before": [_answer(one) for one in answers if one.known]},
        as_json=as_json,
        text=f"{commitment.commitment_id} at {commitment.made_at:%Y-%m-%d %H:%M:%S} UTC,"
        f" {entered} fingerprints entered, {sum(one.known for one in answers)} known before",
    )  # fmt: skip


@command.command("reveal")
@click.argument("commitment")
@click.argument("opening", type=_FILE)
@_json
@click.pass_obj
def reveal(connect: Connect, commitment: str, opening: Path, *, as_json: bool) -> None:
    """Open COMMITMENT to the house with the file OPENING."""
    said = done(act(connect, commitments.reveal, commitment, _opening(opening)))
    emit({"commitment": said.commitment_id, "made_at": said.made_at.isoformat()}, as_json=as_json,
         text=f"{said.commitment_id} was made at {said.made_at:%Y-%m-%d %H:%M:%S} UTC")  # fmt: skip


@command.command("prove")
@click.argument("export", type=_FILE)
@click.argument("opening", type=_FILE)
@_json
def prove(export: Path, opening: Path, *, as_json: bool) -> None:
    """Prove from a ledger's EXPORT alone who held what OPENING says, and since when."""
    with export.open(encoding="utf-8") as lines:
        proven = done(rules.prove((line.rstrip("\n") for line in lines), _opening(opening)))
    emit(
        {"party": proven.party_id, "made_at": proven.made_at.isoformat(),
         "event": proven.event_id, "leaf": proven.leaf_index},
        as_json=as_json,
        text=f"{proven.party_id} held it at {proven.made_at:%Y-%m-%d %H:%M:%S} UTC"
        f" (event {proven.event_id}, leaf {proven.leaf_index})",
    )  # fmt: skip


@command.command("introduce")
@click.argument("ticket")
@_json
@click.pass_obj
def introduce(connect: Connect, ticket: str, *, as_json: bool) -> None:
    """Ask to be introduced to whoever holds what TICKET stands for."""
    try:
        data = bytes.fromhex(ticket)
    except ValueError as error:
        raise click.UsageError("a ticket is hexadecimal, as `known ask` prints it") from error
    _show(done(act(connect, introductions.seek, data)), as_json=as_json)


@command.command("introductions")
@_json
@click.pass_obj
def listed(connect: Connect, *, as_json: bool) -> None:
    """List the introductions of your party, with what was shown."""
    _show(act(connect, introductions.mine), as_json=as_json)


@command.command("lay-down")
@click.argument("introduction")
@click.argument("field", type=click.Choice([one.value for one in Field]))
@click.argument("text")
@_json
@click.pass_obj
def lay_down(connect: Connect, introduction: str, field: str, text: str, *, as_json: bool) -> None:
    """Lay FIELD down; it is shown to both once the other side has laid it down too."""
    said = done(act(connect, introductions.lay_down, introduction, Field(field), text))
    _show([said], as_json=as_json)


@command.command("decline")
@click.argument("introduction")
@_json
@click.pass_obj
def decline(connect: Connect, introduction: str, *, as_json: bool) -> None:
    """Go no further with INTRODUCTION."""
    _show([done(act(connect, introductions.decline, introduction))], as_json=as_json)


@command.command("tell")
@click.option("--answers/--no-answers", default=True, help="Whether others find it known.")
@click.option("--since/--no-since", default=False, help="And since which day.")
@_json
@click.pass_obj
def tell(connect: Connect, *, answers: bool, since: bool, as_json: bool) -> None:
    """Say what others may learn of what your party enters from now on."""
    said = act(connect, holding.prefer, Allowed(answer=answers, since=since))
    emit({"answers": said.answer, "since": said.since}, as_json=as_json,
         text=f"answers: {said.answer}, since: {said.since}")  # fmt: skip


@command.command("keys")
@click.option("--turn", is_flag=True, help="Open the next key now.")
@click.option("--destroy", is_flag=True, help="Destroy the keys that answer no more.")
@_json
@click.pass_obj
def keys(connect: Connect, *, turn: bool, destroy: bool, as_json: bool) -> None:
    """List the keys that answer; open the next, or destroy what has outlived its time."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        if turn:
            route.open_known_key(app.desk, transaction, me)
        found = epochs.card(transaction).epochs
        old = epochs.outlived(transaction, app.desk.keys.holder.names())
    if destroy:
        app.desk.authority.demand_person(me, "keys.rotate")
        folder = KeyFolder(app.home / "keys")
        for name in old:
            folder.remove(name)
    emit(
        {"epochs": [{"epoch": one.epoch_id, "public_key": one.public_key.hex()} for one in found],
         "outlived": old, "destroyed": destroy},
        as_json=as_json,
        text="\n".join(
            [f"{one.epoch_id}  {one.public_key.hex()}" for one in found]
            + [f"{name}  {'destroyed' if destroy else 'answers no more'}" for name in old]
        ) or "no key answers yet",
    )  # fmt: skip


@command.command("exchanges")
@click.option("--days", default=30, show_default=True, help="Of so many days until now.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@_json
@click.pass_obj
def exchanged(connect: Connect, days: int, *, as_csv: bool, as_json: bool) -> None:
    """Print what was exchanged between whom, as far as you may read it."""
    now = datetime.now(UTC)
    found = act(connect, exchanges.exchanges, since=now - timedelta(days=days),
                until=now + timedelta(minutes=5))  # fmt: skip
    if as_csv:
        click.echo(exchanges.as_csv(found), nl=False)
        return
    lines = [f"{one.at:%Y-%m-%d %H:%M}  {one.kind:<14}  {one.party or '-':<20}  {one.facts}"
             for one in found]  # fmt: skip
    emit({"exchanges": _PLAIN.dump_python(found, mode="json")}, as_json=as_json,
         text="\n".join(lines) or "nothing was exchanged")  # fmt: skip


def _asked(
    connect: Connect, prints: tuple[Fingerprint, ...], house: str | None, bits: int
) -> tuple[Answer, ...]:
    try:
        if house is None:
            app = connect()
            return done(ask_house(HouseDoor(app.desk, acting(app)), prints, bits=bits))
        token = os.environ.get("CLEARHOUSE_TOKEN")
        if not token:
            raise click.UsageError(
                "set CLEARHOUSE_TOKEN to a token of that house, with the scope desk"
            )
        tables, folder = kept_tables(house)
        door = HttpDoor(house, token)
        answers = done(ask_house(door, prints, bits=bits, tables=tables))
        keep_tables(tables, folder)
    except (OutsideError, VoprfError) as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_OUTSIDE)
    return answers


def _asked_peer(connect: Connect, prints: tuple[Fingerprint, ...], peer: str) -> tuple[Answer, ...]:
    """Ask a peer, showing it as many bits as leave enough others."""
    door = done(act(connect, lookup.door_to, peer))
    try:
        bits = max(door.card().most_bits, default=0)
        return done(ask_house(door, prints, bits=bits))
    except (OutsideError, AddressRefusedError, VoprfError) as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_OUTSIDE)


def _fingerprints(file: Path) -> tuple[Fingerprint, ...]:
    found = read(file.read_bytes(), filename=file.name, content_type=None)
    if isinstance(found, ReadRefusal):
        click.echo(f"clearhouse: {file.name} is refused: {found.detail}", err=True)
        sys.exit(EXIT_REFUSED)
    prints = tuple(dict.fromkeys(one for draft in found.drafts for one in fingerprints(draft)))
    if not prints:
        click.echo(
            f"clearhouse: {file.name} names no place, proof, patch or crash to look up; add the"
            " file, the function and the CWE of the flaw",
            err=True,
        )
        sys.exit(EXIT_REFUSED)
    return prints


def _opening(file: Path) -> Opening:
    try:
        return rules.read_opening(json.loads(file.read_bytes()))
    except ValueError as error:
        click.echo(f"clearhouse: {file.name} is no opening: {error}", err=True)
        sys.exit(EXIT_REFUSED)


def _write_private(file: Path, text: str) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        click.echo(f"clearhouse: {file} is there already; each opening is kept", err=True)
        sys.exit(EXIT_REFUSED)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)


def _answer(one: Answer) -> dict[str, object]:
    return {
        "grain": one.fingerprint.grain.value,
        "package": one.fingerprint.package,
        "value": one.fingerprint.value,
        "known": one.known,
        "since": None if one.since is None else one.since.isoformat(),
        "ticket": None if one.ticket is None else one.ticket.hex(),
    }


def _line(one: Answer) -> str:
    said = "not known"
    if one.known:
        since = f" since {one.since}" if one.since else ""
        said = f"KNOWN{since}, ticket {one.ticket.hex() if one.ticket else ''}"
    return f"{one.fingerprint.grain:<8}  {one.fingerprint.value}\n    {said}"


def _show(found: list[Introduction], *, as_json: bool) -> None:
    lines = []
    for one in found:
        lines.append(f"{one.introduction_id}  you are the {one.side}  {one.state}")
        lines += [f"  {part.field}: {part.mine!r}, theirs {part.theirs!r}" for part in one.fields]
    emit({"introductions": _PLAIN.dump_python(found, mode="json")}, as_json=as_json,
         text="\n".join(lines) or "no introductions")  # fmt: skip
