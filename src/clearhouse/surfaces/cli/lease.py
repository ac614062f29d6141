"""`clearhouse lease`: who scans what until when, and what maintainers allow."""

import sys
from datetime import UTC, datetime, timedelta

import click
from pydantic import TypeAdapter

from clearhouse.clearing.deconflict.leases import operations
from clearhouse.clearing.deconflict.leases.record import (
    Authorisation,
    Basis,
    Claim,
    Coverage,
    Disclosure,
    Extent,
    Lease,
    Limit,
    Overlap,
    Overlapping,
    Scope,
    Tool,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.surfaces.cli.deconflict_acts import act, done, refuse
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option

_TOOLS = click.Choice([one.value for one in Tool])
_target = click.argument("target")
_paths = click.option("--path", "paths", multiple=True, help="Below the root; all without one.")
_versions = click.option("--versions", help="A vers range; every version without one.")
_days = click.option("--days", default=7, show_default=True, help="How long.")
_starts = click.option("--starts", type=click.DateTime(), help="In UTC; now without it.")
_JSON = TypeAdapter(object)


@click.group("lease")
def command() -> None:
    """Claim scan leases, hand them back, and say what maintainers allow."""


@command.command("claim")
@_target
@click.option("--tool", type=_TOOLS, required=True)
@click.option("--basis", type=click.Choice([one.value for one in Basis]), required=True,
              help="What the scan stands on.")  # fmt: skip
@click.option("--reference", required=True, help="Where that can be read.")
@click.option("--accept", "safe_harbour", help="Id of the safe harbour text; see: lease terms.")
@click.option("--tell", type=click.Choice([one.value for one in Disclosure]),
              default=Disclosure.OVERLAP.value, show_default=True,
              help="What others may be told of it.")  # fmt: skip
@click.option("--share", is_flag=True, help="Scan all the same when others do.")
@_paths
@_versions
@_starts
@_days
@json_option
@click.pass_obj
def claim(
    connect: Connect, target: str, tool: str, basis: str, reference: str,
    safe_harbour: str | None, tell: str, paths: tuple[str, ...], versions: str | None,
    starts: datetime | None, days: int, *, share: bool, as_json: bool,
) -> None:  # fmt: skip
    """Claim TARGET (pkg:type/name or the https address of a repository)."""
    wanted = Claim(
        scope=_scope(target, paths, versions, starts, days),
        tool=Tool(tool),
        authorisation=Authorisation(
            basis=Basis(basis), reference=reference, safe_harbour=safe_harbour or ""
        ),
        disclosure=Disclosure(tell),
        share=share,
    )
    said = act(connect, operations.claim_lease, wanted)
    if isinstance(said, Refusal):
        refuse(said)
    if isinstance(said, Overlapping):
        emit(
            {"overlaps": _plain(said.overlaps)},
            as_json=as_json,
            text="others do the same:\n" + "\n".join(map(_overlap, said.overlaps)),
        )
        sys.exit(EXIT_NO)
    emit(
        {"lease": _plain(said.lease), "overlaps": _plain(said.overlaps)},
        as_json=as_json,
        text="\n".join([_line(said.lease), *map(_overlap, said.overlaps)]),
    )


@command.command("ask")
@_target
@_paths
@_versions
@_starts
@_days
@json_option
@click.pass_obj
def ask(
    connect: Connect, target: str, paths: tuple[str, ...], versions: str | None,
    starts: datetime | None, days: int, *, as_json: bool,
) -> None:  # fmt: skip
    """Ask who scans TARGET, without claiming it."""
    scope = _scope(target, paths, versions, starts, days)
    said = done(act(connect, operations.who_scans, scope))
    emit(
        {"overlaps": _plain(said)},
        as_json=as_json,
        text="\n".join(map(_overlap, said)) or "nobody who lets it be told",
    )


@command.command("list")
@json_option
@click.pass_obj
def listed(connect: Connect, *, as_json: bool) -> None:
    """List the leases that you may read."""
    found = act(connect, operations.leases)
    emit(
        {"leases": _plain(found)},
        as_json=as_json,
        text="\n".join(map(_line, found)) or "no leases",
    )


@command.command("hand-back")
@click.argument("lease")
@click.option("--covered", "covered", multiple=True, metavar="PATH@COMMIT=EXTENT", required=True,
              help="EXTENT: scanned, partly or not-scanned; PATH . is everything.")  # fmt: skip
@click.option("--note", default="", help="For every path.")
@json_option
@click.pass_obj
def hand_back(
    connect: Connect, lease: str, covered: tuple[str, ...], note: str, *, as_json: bool
) -> None:
    """Hand LEASE back with what was scanned at which commit, and what was not."""
    coverage = [_coverage(one, note) for one in covered]
    said = done(act(connect, operations.hand_back, lease, coverage))
    emit({"lease": _plain(said)}, as_json=as_json, text=_line(said))


@command.command("withdraw")
@click.argument("lease")
@json_option
@click.pass_obj
def withdraw(connect: Connect, lease: str, *, as_json: bool) -> None:
    """Give LEASE up before it begins."""
    said = done(act(connect, operations.withdraw, lease))
    emit({"lease": _plain(said)}, as_json=as_json, text=_line(said))


@command.command("scanned")
@_target
@json_option
@click.pass_obj
def scanned(connect: Connect, target: str, *, as_json: bool) -> None:
    """Say what was scanned of TARGET, as much as those who did let be told."""
    found = done(act(connect, operations.coverage_of, target))
    lines = [
        f"{one.party or 'a party'} with {one.tool or 'a tool'}: {part.path} at {part.commit[:12]}"
        f" {part.extent}"
        for one in found
        for part in one.coverage
    ]
    emit({"scanned": _plain(found)}, as_json=as_json, text="\n".join(lines) or "nothing is told")


@command.command("limit")
@_target
@click.option("--reference", required=True, help="Where the maintainers said so.")
@click.option("--opted-out", is_flag=True, help="They do not want to be scanned.")
@click.option("--at-once", type=click.IntRange(min=1), help="So many leases at once.")
@click.option("--bar", "barred", type=_TOOLS, multiple=True, help="A class of tool they bar.")
@json_option
@click.pass_obj
def limit(
    connect: Connect, target: str, reference: str, at_once: int | None, barred: tuple[str, ...],
    *, opted_out: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write down what the maintainers of TARGET allow."""
    wanted = Limit(target=target, opted_out=opted_out, at_once=at_once,
                   barred_tools=tuple(map(Tool, barred)), reference=reference)  # fmt: skip
    said = done(act(connect, operations.limit, wanted))
    emit({"limit": _plain(said)}, as_json=as_json, text=_limit(said))


@command.command("limits")
@json_option
@click.pass_obj
def limits(connect: Connect, *, as_json: bool) -> None:
    """List what maintainers allow."""
    found = act(connect, operations.limits)
    emit(
        {"limits": _plain(found)},
        as_json=as_json,
        text="\n".join(map(_limit, found)) or "no maintainer has said anything",
    )


@command.command("terms")
@json_option
def terms(*, as_json: bool) -> None:
    """Print the safe harbour text that whoever claims a lease accepts."""
    found = operations.lease_policy()
    emit(
        {"id": found.safe_harbour, "text": found.safe_harbour_text},
        as_json=as_json,
        text=f"{found.safe_harbour}\n{found.safe_harbour_text}",
    )


def _scope(
    target: str, paths: tuple[str, ...], versions: str | None, starts: datetime | None, days: int
) -> Scope:
    begins = datetime.now(UTC) if starts is None else starts.replace(tzinfo=UTC)
    return Scope(target=target, starts=begins, until=begins + timedelta(days=days),
                 paths=paths, versions=versions)  # fmt: skip


def _coverage(said: str, note: str) -> Coverage:
    path, at, rest = said.partition("@")
    commit, equals, extent = rest.partition("=")
    if not (path and at and equals) or extent not in set(Extent):
        raise click.UsageError("say --covered PATH@COMMIT=scanned, partly or not-scanned")
    return Coverage(path=path, commit=commit, extent=Extent(extent), note=note)


def _plain(found: object) -> object:
    return _JSON.dump_python(found, mode="json")


def _line(one: Lease) -> str:
    scope = one.scope
    what = " ".join([scope.target, *scope.paths, scope.versions or ""]).rstrip()
    shared = ", shared" if one.shared else ""
    return (
        f"{one.lease_id}  {one.state}{shared}  {scope.starts:%Y-%m-%d %H:%M} to"
        f" {scope.until:%Y-%m-%d %H:%M} UTC  {one.tool}  {what}"
    )


def _overlap(one: Overlap) -> str:
    said = [one.party or "somebody", f"with {one.tool}" if one.tool else "",
            f"until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else "",
            *(one.paths or ()), one.versions or "",
            "(versions could not be compared)" if one.unsure else ""]  # fmt: skip
    return "  " + " ".join(part for part in said if part)


def _limit(one: Limit) -> str:
    said = ["not to be scanned"] if one.opted_out else []
    said += [f"{one.at_once} at once"] if one.at_once else []
    said += [f"no {tool}" for tool in one.barred_tools]
    return f"{one.target}: {', '.join(said) or 'as the policy says'} ({one.reference})"
