"""Links by which people of a vendor read and answer at the counter, without an account.

In: a case that the caller is read in to, a vendor of it, and a person's name. Out: the link, once.
"""

import click

from clearhouse.clearing.coordinate import invitations, transparency
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.case_acts import act
from clearhouse.surfaces.cli.main import Connect, emit, json_option


@click.command("invite")
@click.argument("case")
@click.argument("vendor")
@click.argument("name")
@click.option("--days", type=click.IntRange(1, invitations.LONGEST_DAYS), default=30,
              show_default=True)  # fmt: skip
@json_option
@click.pass_obj
def invite(
    connect: Connect, case: str, vendor: str, name: str, days: int, *, as_json: bool
) -> None:
    """Read the person NAME of VENDOR (its party id) in to CASE, and print a link for it once."""

    def made(desk: Desk, transaction: Transaction, me: Actor) -> str | Refused:
        code = invitations.invite(desk, transaction, me, case, vendor=vendor, name=name, days=days)
        if isinstance(code, Refused):
            return code
        return f"{desk.outside.counter_address}/invitation/{code}"

    link = act(connect, made)
    emit({"case": case, "link": link, "days": days}, as_json=as_json, text=link)


@click.command("invitations")
@click.argument("case")
@click.option("--end", "ended", metavar="ID", help="End this link at once.")
@json_option
@click.pass_obj
def links(connect: Connect, case: str, ended: str | None, *, as_json: bool) -> None:
    """List the links into CASE, or end one."""
    if ended is not None:
        done = act(
            connect,
            lambda desk, transaction, me: invitations.end(desk, transaction, me, case, ended),
        )
        text = "ended" if done else "no live link with this id"
        emit({"case": case, "ended": done}, as_json=as_json, text=text)
        return
    found = act(
        connect, lambda desk, transaction, me: invitations.of_case(desk, transaction, me, case)
    )
    lines = [
        f"{one.invitation_id}  until {one.expires_at:%Y-%m-%d}  "
        f"{'ended' if one.ended_at else 'shows' if one.shows else 'shows nothing'}"
        for one in found
    ]
    listed = [
        {"invitation": one.invitation_id, "party": one.party_id, "actor": one.actor_id,
         "until": one.expires_at.isoformat(), "ended": one.ended_at is not None,
         "shows": one.shows}
        for one in found
    ]  # fmt: skip
    emit({"invitations": listed}, as_json=as_json, text="\n".join(lines) or "none")


@click.command("publish-notice")
@click.argument("case")
@json_option
@click.pass_obj
def publish_notice(connect: Connect, case: str, *, as_json: bool) -> None:
    """Say in public that a report was made: what `case notice` prints. It cannot be taken back."""
    notice = act(
        connect, lambda desk, transaction, me: transparency.publish(desk, transaction, me, case)
    )
    emit({"case": case, "notice": notice}, as_json=as_json, text=f"published as {notice}")


COMMANDS = (invite, links, publish_notice)
