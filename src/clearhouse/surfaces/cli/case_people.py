"""`clearhouse case …`: who may read a case, who was given what, and whose copy a leak was."""

import sys
from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.clearing.coordinate import copies, mail_in, own_view, read_in_log, read_ins
from clearhouse.clearing.coordinate.copies import Copy
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.mail_in import Received
from clearhouse.clearing.coordinate.own_view import OwnView
from clearhouse.clearing.coordinate.read_in_log import Entry
from clearhouse.clearing.coordinate.record import Case
from clearhouse.kernel.ids import ActorId
from clearhouse.surfaces.cli.case_acts import act, because_option
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option

_ENTRIES = TypeAdapter(tuple[Entry, ...])
_OWN = TypeAdapter(OwnView)
_COPIES = TypeAdapter(list[Copy])
_MAILS = TypeAdapter(list[Received])


@click.command("read-in")
@click.argument("case")
@click.argument("who")
@click.option("--tier", type=click.IntRange(0, 3), required=True)
@click.option("--emergency", is_flag=True, help="On your word alone, for the hours of the policy.")
@because_option
@json_option
@click.pass_obj
def read_in(
    connect: Connect, case: str, who: str, tier: int, because: str, *, emergency: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Let WHO (an id) read CASE, or ask for it where a second person must agree."""
    done = act(
        connect,
        lambda desk, transaction, me: read_ins.read_in_by_id(
            desk,
            transaction,
            me,
            case,
            who=ActorId(who),
            tier=tier,
            reason=because,
            emergency=emergency,
        ),
    )
    waits = not any(one.actor == who and one.revoked_at is None for one in done.participants)
    number = len(done.requests) - 1
    emit(
        {"case": done.id, "who": who, "request": number if waits else None},
        as_json=as_json,
        text=f"asked as number {number}; a second person must grant it" if waits else "read in",
    )


@click.command("decide")
@click.argument("case")
@click.argument("number", type=click.IntRange(0))
@click.option("--grant/--refuse", required=True)
@because_option
@json_option
@click.pass_obj
def decide(
    connect: Connect, case: str, number: int, because: str, *, grant: bool, as_json: bool
) -> None:
    """Grant or refuse request NUMBER of CASE, which somebody else made."""
    done = act(
        connect,
        lambda desk, transaction, me: read_ins.decide(
            desk, transaction, me, case, number=number, grant=grant, because=because
        ),
    )
    _done(done, "granted" if grant else "refused", as_json=as_json)


@click.command("review")
@click.argument("case")
@click.argument("number", type=click.IntRange(0))
@click.option("--uphold/--overrule", required=True)
@because_option
@json_option
@click.pass_obj
def review(
    connect: Connect, case: str, number: int, because: str, *, uphold: bool, as_json: bool
) -> None:
    """Say whether emergency read-in NUMBER of CASE was right; if not, it ends at once."""
    done = act(
        connect,
        lambda desk, transaction, me: read_ins.review(
            desk, transaction, me, case, number=number, upheld=uphold, because=because
        ),
    )
    _done(done, "upheld" if uphold else "ended", as_json=as_json)


@click.command("conflict")
@click.argument("case")
@click.argument("who")
@click.option("--lift", is_flag=True, help="The conflict is over; not for your own.")
@because_option
@json_option
@click.pass_obj
def conflict(
    connect: Connect, case: str, who: str, because: str, *, lift: bool, as_json: bool
) -> None:
    """Keep WHO (an id) out of CASE because of a conflict of interest."""
    done = act(
        connect,
        lambda desk, transaction, me: (
            read_ins.lift_conflict(desk, transaction, me, case, who=who, because=because)
            if lift
            else read_ins.declare_conflict(desk, transaction, me, case, who=who, what=because)
        ),
    )
    _done(done, "lifted" if lift else "kept out", as_json=as_json)


@click.command("log")
@click.argument("case")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, to be handed to an auditor.")
@json_option
@click.pass_obj
def log(connect: Connect, case: str, *, as_csv: bool, as_json: bool) -> None:
    """Print who was let into CASE, asked to be, or kept out."""
    rows = act(connect, lambda desk, transaction, me: read_ins.log(desk, transaction, me, case))
    if as_csv:
        click.echo(read_in_log.as_csv(rows), nl=False)
        return
    lines = [
        f"{row.requested:%Y-%m-%d %H:%M} {row.nominee} ({row.organisation or 'house'}) "
        f"{'kept out' if row.tier is None else f'tier {row.tier}'}: "
        f"{row.notes or row.need_to_know or 'no reason given'}; "
        f"{'ended ' + format(row.ended, '%Y-%m-%d %H:%M') if row.ended else row.expires}"
        for row in rows
    ]
    emit({"entries": _ENTRIES.dump_python(rows, mode="json")}, as_json=as_json,
         text="\n".join(lines) or "nobody")  # fmt: skip


@click.command("seen")
@click.argument("case")
@json_option
@click.pass_obj
def seen(connect: Connect, case: str, *, as_json: bool) -> None:
    """Print who was given what of CASE, and when first."""
    _copies(
        act(connect, lambda desk, transaction, me: copies.seen(desk, transaction, me, case)),
        "nobody was given anything",
        as_json=as_json,
    )


@click.command("canary")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_obj
def canary(connect: Connect, file: Path, *, as_json: bool) -> None:
    """Name whose copy the leaked text in FILE was; exit 1 when it holds no mark of yours."""
    text = file.read_bytes().decode("utf-8", "replace")
    found = act(
        connect, lambda desk, transaction, me: copies.recipients(desk, transaction, me, text)
    )
    _copies(found, "no mark of a copy that you may trace", as_json=as_json)
    if not found:
        sys.exit(EXIT_NO)


@click.command("mail")
@click.option("--all", "everything", is_flag=True, help="Also what reached its thread.")
@json_option
@click.pass_obj
def mail(connect: Connect, *, everything: bool, as_json: bool) -> None:
    """Print mail that was set aside, and why."""
    found = act(
        connect,
        lambda desk, transaction, me: mail_in.received(desk, transaction, me, aside=not everything),
    )
    lines = [f"{one.at:%Y-%m-%d %H:%M} {one.outcome.value} {one.mail_id}" for one in found]
    emit({"mail": _MAILS.dump_python(found, mode="json")}, as_json=as_json,
         text="\n".join(lines) or "none")  # fmt: skip


@click.command("give")
@click.argument("case")
@click.argument("share", type=click.Choice([one.value for one in own_view.GIVEN]))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_obj
def give(connect: Connect, case: str, share: str, file: Path, *, as_json: bool) -> None:
    """Write part SHARE of CASE, from FILE, for those whose tier sees it."""
    text = file.read_bytes().decode("utf-8", "replace")
    done = act(
        connect,
        lambda desk, transaction, me: own_view.give(
            desk, transaction, me, case, share=Share(share), text=text
        ),
    )
    emit({"part": done}, as_json=as_json, text=done)


@click.command("own")
@click.argument("case")
@json_option
@click.pass_obj
def own(connect: Connect, case: str, *, as_json: bool) -> None:
    """Show CASE as your tier allows; for readers who are not of the house."""
    view = act(
        connect, lambda desk, transaction, me: own_view.own_view(desk, transaction, me, case)
    )
    lines = [view.told.sentence]
    for one in view.parts:
        lines += ["", f"{one.share.value} (copy {one.copy}):", one.text]
    emit(_OWN.dump_python(view, mode="json"), as_json=as_json, text="\n".join(lines))


def _copies(found: list[Copy], otherwise: str, *, as_json: bool) -> None:
    lines = [
        f"{one.given_at:%Y-%m-%d %H:%M} {one.actor_id} of {one.party_id} was given {one.what} "
        f"of {one.case_id} ({one.mark})"
        for one in found
    ]
    document = {"copies": _COPIES.dump_python(found, mode="json")}
    emit(document, as_json=as_json, text="\n".join(lines) or otherwise)


def _done(done: Case, said: str, *, as_json: bool) -> None:
    emit({"case": done.id, "done": said}, as_json=as_json, text=said)


COMMANDS = (read_in, decide, review, conflict, log, seen, canary, mail, give, own)
