"""`clearhouse relay`: who we relay cases to, handing one over, and what became of it."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import keys, peers, sending
from clearhouse.clearing.coordinate.relay.peers import Limits, Other
from clearhouse.clearing.coordinate.relay.record import Peer, PeerKind, Sent
from clearhouse.clearing.coordinate.relay.sending import Relayed
from clearhouse.formats import relay_node
from clearhouse.formats.relay_node import NodeError
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.addresses import AddressRefusedError
from clearhouse.kernel.keys import KeyFolder
from clearhouse.kernel.outside import OutsideError
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import (
    EXIT_NO,
    EXIT_OUTSIDE,
    EXIT_REFUSED,
    Connect,
    emit,
    json_option,
)

_LABELS = click.Choice([one.value for one in Tlp])


@click.group("relay")
def command() -> None:
    """Relay cases to other coordinators and take theirs."""


@command.command("node")
@click.option("--document", is_flag=True, help="Print the signed document, to be given to others.")
@json_option
@click.pass_obj
def node(connect: Connect, *, document: bool, as_json: bool) -> None:
    """Say who this house is to others, and the fingerprint to read out to them."""
    app = connect()
    now = app.desk.database.clock()
    if document:
        click.echo(keys.own_document(app.desk.keys, app.desk.outside, now).decode())
        return
    own = keys.own_node(app.desk.keys, app.desk.outside, now)
    emit(
        {"node": own.id, "name": own.name, "address": own.address, "fingerprint": own.fingerprint},
        as_json=as_json,
        text=f"{own.name}  {own.address}  {own.id}\nfingerprint {own.fingerprint}",
    )


@command.command("peers")
@json_option
@click.pass_obj
def known(connect: Connect, *, as_json: bool) -> None:
    """List the peers, the live ones first."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        found = [_peer(one) for one in peers.peers(app.desk, transaction, me)]
    lines = [
        f"{one['peer']}  {one['kind']:<10}  {one['name']}  {one['address']}"
        f"  sends up to {one['sends_up_to']}{'  ENDED' if one['revoked_at'] else ''}"
        for one in found
    ]
    emit({"peers": found}, as_json=as_json, text="\n".join(lines) or "no peers yet")


@command.command("enroll")
@click.argument("where")
@click.option("--fingerprint", help="As their people read it out; of a Clearhouse only.")
@click.option("--kind", type=click.Choice([one.value for one in PeerKind]),
              default=PeerKind.CLEARHOUSE.value, show_default=True)  # fmt: skip
@click.option("--name", help="How the house calls it; a Clearhouse says so itself.")
@click.option("--secret-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Holds the token that the other system gave us; it is sealed.")  # fmt: skip
@click.option("--sends-up-to", type=_LABELS, required=True, help="What may go to it at most.")
@click.option("--takes-up-to", type=_LABELS, default=Tlp.RED.value, show_default=True)
@json_option
@click.pass_obj
def enroll(
    connect: Connect,
    where: str,
    fingerprint: str | None,
    kind: str,
    name: str | None,
    secret_file: Path | None,
    sends_up_to: str,
    takes_up_to: str,
    *,
    as_json: bool,
) -> None:
    """Enroll a peer. WHERE is a node document's file, a Clearhouse's address, or another system's.

    A Clearhouse is enrolled by both sides, each with the fingerprint that the other read out;
    without --fingerprint the one of the document is printed and nothing is enrolled.
    """
    app, limits = connect(), Limits(sends_up_to=Tlp(sends_up_to), takes_up_to=Tlp(takes_up_to))
    me = acting(app)
    if kind == PeerKind.CLEARHOUSE:
        document = _document(app, where)
        if fingerprint is None:
            _show_fingerprint(document, as_json=as_json)
            return
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = peers.enroll(
                app.desk, transaction, me, document,
                fingerprint=fingerprint, limits=limits, name=name,
            )  # fmt: skip
    else:
        secret = None if secret_file is None else secret_file.read_text("utf-8").strip()
        other = Other(kind=PeerKind(kind), name=name or where, address=where, secret=secret)
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = peers.enroll_other(app.desk, transaction, me, other, limits=limits)
    if isinstance(done, Refused):
        _refuse(done, as_json=as_json)
    emit(_peer(done), as_json=as_json, text=f"{done.peer_id}  {done.name}")


@command.command("revoke")
@click.argument("peer")
@click.option("--because", required=True, help="Kept in the ledger.")
@json_option
@click.pass_obj
def revoke(connect: Connect, peer: str, because: str, *, as_json: bool) -> None:
    """End PEER at once: nothing more goes to it, and nothing of it is taken."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        done = peers.revoke(app.desk, transaction, me, peer, because=because)
    if isinstance(done, Refused):
        _refuse(done, as_json=as_json)
    emit(_peer(done), as_json=as_json, text=f"{done.name} is ended")


@command.command("refresh")
@json_option
@click.pass_obj
def refresh(connect: Connect, *, as_json: bool) -> None:
    """Ask every peer for its present keys now; otherwise that happens once an hour."""
    renewed = peers.refresh(connect().desk)
    emit({"renewed": renewed}, as_json=as_json, text=f"{renewed} peers had news")


@command.command("rotate")
@json_option
@click.pass_obj
def rotate(connect: Connect, *, as_json: bool) -> None:
    """Announce a new key for the relay, and destroy those that count no more.

    It signs from the named instant on; peers hear of it when they look, once an hour.
    """
    app = connect()
    me = acting(app)
    app.desk.authority.demand_person(me, "keys.rotate")
    now = app.desk.database.clock()
    since = keys.announce(app.desk.keys, now)
    gone = keys.outlived(app.desk.keys, now)
    for one in gone:
        KeyFolder(app.home / "keys").remove(one)
    app.close()
    connect().close()  # writes the document that others see anew
    emit(
        {"signs_from": since.isoformat(), "destroyed": len(gone)},
        as_json=as_json,
        text=f"a new key signs from {since:%Y-%m-%d %H:%M} UTC on",
    )


@command.command("send")
@click.argument("case")
@click.argument("peer")
@click.option("--because", required=True, help="Why it needs to know; kept with its read-in.")
@click.option("--tlp", type=_LABELS, default=Tlp.RED.value, show_default=True)
@json_option
@click.pass_obj
def send(connect: Connect, case: str, peer: str, because: str, tlp: str, *, as_json: bool) -> None:
    """Hand CASE to PEER (ids): originals, credits, who conveyed it, embargo."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = sending.send(app.desk, transaction, me, case, peer, tlp=Tlp(tlp), reason=because)
    except NoSuchCaseError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_NO)
    if isinstance(done, Refused):
        _refuse(done, as_json=as_json)
    emit({"handle": done.our_handle, "case": case}, as_json=as_json,
         text=f"it goes out with the worker's next run, as {done.our_handle}")  # fmt: skip


@command.command("status")
@click.argument("case")
@json_option
@click.pass_obj
def status(connect: Connect, case: str, *, as_json: bool) -> None:
    """Say what was relayed of CASE, to whom, and what came back."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            found = sending.relays(app.desk, transaction, me, case)
    except NoSuchCaseError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_NO)
    lines = [line for one in found for line in _lines(one)]
    emit({"relays": [_relayed(one) for one in found]}, as_json=as_json,
         text="\n".join(lines) or "nothing was relayed of it")  # fmt: skip


def _document(app: App, where: str) -> bytes:
    if "://" not in where:
        try:
            return Path(where).read_bytes()
        except OSError as error:
            click.echo(f"clearhouse: cannot read {where}: {error.strerror}", err=True)
            sys.exit(EXIT_REFUSED)
    try:
        answer = app.desk.outside.ask("GET", where.rstrip("/") + relay_node.WELL_KNOWN)
    except (OutsideError, AddressRefusedError) as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_OUTSIDE)
    return answer.body


def _show_fingerprint(document: bytes, *, as_json: bool) -> None:
    try:
        found = relay_node.read(document)
    except NodeError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    emit(
        {"node": found.id, "name": found.name, "fingerprint": found.fingerprint},
        as_json=as_json,
        text=f"{found.name}: {found.fingerprint}\n"
        "Let their people read theirs out; if it is this one, enroll with --fingerprint.",
    )


def _refuse(refused: Refused, *, as_json: bool) -> NoReturn:
    emit({"refused": str(refused.code), "reason": refused.reason}, as_json=as_json,
         text=refused.reason)  # fmt: skip
    sys.exit(EXIT_NO)


def _peer(peer: Peer) -> dict[str, Any]:
    return {
        "peer": peer.peer_id,
        "kind": peer.kind.value,
        "name": peer.name,
        "node": peer.node_id,
        "address": peer.address,
        "sends_up_to": peer.sends_up_to.value,
        "takes_up_to": peer.takes_up_to.value,
        "keys": list(peer.key_ids),
        "revoked_at": None if peer.revoked_at is None else peer.revoked_at.isoformat(),
    }


def _relayed(found: Relayed) -> dict[str, Any]:
    link = found.link
    return {
        "peer": link.peer_id,
        "name": found.peer,
        "our_handle": link.our_handle,
        "their_handle": link.their_handle,
        "told_until": None if link.told_until is None else link.told_until.isoformat(),
        "closed_because": link.closed_because,
        "sent": [
            {"envelope": one.envelope_id, "kind": one.kind, "tlp": one.tlp.value,
             "attempts": one.attempts, "failure": one.failure, "refused": one.refused,
             "sent_at": None if one.sent_at is None else one.sent_at.isoformat()}
            for one in found.sent
        ],
        "heard": [
            {"envelope": one.envelope_id, "kind": one.kind, "tlp": one.tlp.value,
             "received_at": one.received_at.isoformat(), "outcome": one.outcome}
            for one in found.heard
        ],
    }  # fmt: skip


def _how_far(sent: Sent) -> str:
    if sent.sent_at is not None:
        return f"taken {sent.sent_at:%Y-%m-%d %H:%M} UTC"
    if sent.refused is not None:
        return f"refused, {sent.refused}"
    return f"waits, {sent.failure}" if sent.failure else "waits"


def _lines(found: Relayed) -> list[str]:
    link = found.link
    until = link.told_until
    holds = "no embargo said" if until is None else f"holds it until {until:%Y-%m-%d %H:%M} UTC"
    theirs = link.their_handle or "nothing yet"
    head = f"{found.peer}: we say {link.our_handle}, they say {theirs}; {holds}"
    sent = [f"  out {one.kind}: {_how_far(one)}" for one in found.sent]
    heard = [f"  in {one.kind}: {one.outcome or 'waits'}" for one in found.heard]
    return [head, *sent, *heard]
