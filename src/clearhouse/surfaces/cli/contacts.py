"""`clearhouse contacts`: whom to tell of a package, and how long they have said nothing."""

from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.clearing.coordinate import contact_policy, contacts, reaching
from clearhouse.clearing.coordinate.contact_places import look_up, read_public
from clearhouse.clearing.coordinate.contacts import Document, Kind, Resolved
from clearhouse.clearing.coordinate.record import Way
from clearhouse.clearing.coordinate.silence import Silence
from clearhouse.formats.purl import PurlError
from clearhouse.surfaces.cli.case_acts import act, because_option, stop
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect, emit, json_option

_RESOLVED = TypeAdapter(Resolved)
_SILENCES = TypeAdapter(tuple[Silence, ...])
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("contacts")
def command() -> None:
    """Find whom to tell of a package, and log attempts to reach them."""


@command.command("resolve")
@click.argument("purl")
@click.option("--from", "files", nargs=2, multiple=True, metavar="KIND FILE",
              type=(click.Choice([one.value for one in Kind]), _FILE),
              help="Read this document instead of asking the network.")  # fmt: skip
@json_option
def resolve(purl: str, files: tuple[tuple[str, Path], ...], *, as_json: bool) -> None:
    """Say whom to tell of a flaw in package PURL, who says so, and how credible it is."""
    given = [
        Document(kind=Kind(kind), where=path.name, content=path.read_bytes())
        for kind, path in files
    ]
    try:
        found = contacts.resolve(
            purl,
            given or look_up(purl, read_public),
            contact_policy.in_force(),
            datetime.now(UTC),
        )
    except PurlError as error:
        stop(str(error), EXIT_REFUSED)
    emit(_RESOLVED.dump_python(found, mode="json"), as_json=as_json, text=_told(found))
    if not found.contacts:
        raise SystemExit(EXIT_NO)


@command.command("find")
@click.argument("case")
@json_option
@click.pass_obj
def find(connect: Connect, case: str, *, as_json: bool) -> None:
    """Ask the usual places who answers for the package of CASE, and keep what they say."""
    documents = act(connect, lambda desk, _, me: reaching.look_for(desk, me, case))
    done = act(
        connect,
        lambda desk, transaction, me: reaching.keep_contacts(
            desk, transaction, me, case, documents=documents
        ),
    )
    kept = done.contacts
    if kept is None:
        raise AssertionError("contacts were kept")
    emit(_RESOLVED.dump_python(kept, mode="json"), as_json=as_json, text=_told(kept))


@command.command("attempt")
@click.argument("case")
@click.argument("party")
@click.option("--by", "way", type=click.Choice([one.value for one in Way]), required=True)
@because_option
@json_option
@click.pass_obj
def attempt(
    connect: Connect, case: str, party: str, way: str, because: str, *, as_json: bool
) -> None:
    """Write down that somebody tried to reach PARTY about CASE."""
    act(
        connect,
        lambda desk, transaction, me: reaching.attempt(
            desk, transaction, me, case, party=party, way=Way(way), note=because
        ),
    )
    emit({"case": case, "party": party}, as_json=as_json, text="recorded")


@command.command("answered")
@click.argument("case")
@click.argument("party")
@because_option
@json_option
@click.pass_obj
def answered(connect: Connect, case: str, party: str, because: str, *, as_json: bool) -> None:
    """Write down that PARTY answered elsewhere; its clock begins anew."""
    act(
        connect,
        lambda desk, transaction, me: reaching.answered(
            desk, transaction, me, case, party=party, note=because
        ),
    )
    emit({"case": case, "party": party}, as_json=as_json, text="recorded")


@command.command("silence")
@click.argument("case")
@json_option
@click.pass_obj
def silence(connect: Connect, case: str, *, as_json: bool) -> None:
    """Say which vendors of CASE owe an answer, what is due next, and when waiting is over."""
    found = act(
        connect, lambda desk, transaction, me: reaching.silences(desk, transaction, me, case)
    )
    lines = []
    for one in found:
        lines.append(f"{one.party}: {one.state.value}, {one.attempts} attempts")
        if one.next_step and one.due_at:
            lines.append(f"  due {one.due_at:%Y-%m-%d %H:%M} UTC: {one.next_step}")
        lines += [f"  or: {way.sentence}" for way in one.last_resort]
    emit({"silence": _SILENCES.dump_python(found, mode="json")}, as_json=as_json,
         text="\n".join(lines) or "no vendor has a part in this case")  # fmt: skip


def _told(found: Resolved) -> str:
    lines = []
    for one in found.contacts:
        lines.append(f"{one.confidence.value:6} {one.address}")
        lines += [
            f"       {named.source.value}: {named.where}{f' ({named.note})' if named.note else ''}"
            for named in one.named_by
        ]
    lines += [f"nobody in {one.where}: {one.reason}" for one in found.unread]
    return "\n".join(lines) or "nobody is named anywhere"
