"""`clearhouse advisory`: read, preview, correct and withdraw advisories; judge those of others.

Acts of a coordinator go out with the next release, which runs every few seconds under `serve`.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from pydantic import TypeAdapter, ValidationError

from clearhouse.clearing.publish import forms, operations, revising
from clearhouse.clearing.publish.record import Documents, Refusal, Wording
from clearhouse.clearing.publish.revising import NotPublishedError
from clearhouse.clearing.validate.reproduce.history import Span
from clearhouse.formats import judging
from clearhouse.formats.fault import Fault
from clearhouse.formats.strict_json import StrictJsonError, parse
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.case_acts import act, stop
from clearhouse.surfaces.cli.main import (
    EXIT_NO,
    EXIT_OUTSIDE,
    EXIT_REFUSED,
    Connect,
    emit,
    json_option,
)

_WORDING = TypeAdapter(Wording)
_SPAN = TypeAdapter(Span)
_form_option = click.option(
    "--format",
    "form",
    type=click.Choice(list(forms.BY_NAME)),
    default="text",
    show_default=True,
    help="Which form of it.",
)
_Issues = Documents | tuple[Documents, ...] | tuple[Refusal, ...]
_Verb = Callable[[Desk, Transaction, Actor], _Issues]


@click.group("advisory")
def command() -> None:
    """Read, preview, word, correct and withdraw advisories; judge those of others."""


@command.command("list")
@json_option
@click.pass_obj
def list_(connect: Connect, *, as_json: bool) -> None:
    """List what is public, the newest first."""
    with connect().desk.database.transaction(None) as transaction:
        found = operations.advisories(transaction, form="osv")
    told = [
        {
            "id": one.advisory_id,
            "issue": one.revision,
            "at": one.decided_at.isoformat(),
            "summary": json.loads(one.bodies["osv"]).get("summary", ""),
        }
        for one in found
    ]
    lines = [f"{one['id']}  issue {one['issue']}  {one['summary']}" for one in told]
    text = "\n".join(lines) or "nothing is published yet"
    emit({"advisories": told}, as_json=as_json, text=text)


@command.command("show")
@click.argument("advisory_id")
@_form_option
@json_option
@click.pass_obj
def show(connect: Connect, advisory_id: str, form: str, *, as_json: bool) -> None:
    """Print a public advisory in one of its forms."""
    with connect().desk.database.transaction(None) as transaction:
        found = operations.advisory(transaction, advisory_id)
    if found is None:
        stop("no such public advisory; `clearhouse advisory list` names them", EXIT_NO)
    _print(found.bodies, form, {"id": advisory_id, "issue": found.revision}, as_json=as_json)


@command.command("preview")
@click.argument("case")
@_form_option
@json_option
@click.pass_obj
def preview(connect: Connect, case: str, form: str, *, as_json: bool) -> None:
    """Print what the advisory of CASE would be now, under a number that is none."""
    (made,) = _made(
        connect,
        lambda desk, transaction, me: operations.preview(desk, transaction, me, case),
        as_json=as_json,
    )
    head = {"id": made.id, "issue": made.revision, "left_out": list(made.left_out)}
    _print(made.bodies, form, head, as_json=as_json)


@command.command("word")
@click.argument("case")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_obj
def word(connect: Connect, case: str, file: Path, *, as_json: bool) -> None:
    """Put the words in FILE, a JSON object, into the advisory of CASE.

    Members: summary, details, affected_claims, fixed_versions, aliases, cwes, cvss_vectors,
    mitigations, related. What is left out is taken from the case. A public advisory changes with
    its next issue: `clearhouse advisory revise`.
    """
    try:
        wording = _WORDING.validate_python(parse(file.read_bytes()))
    except StrictJsonError as error:
        stop(f"{file} {error.place}: {error.reason}", EXIT_REFUSED)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = "/".join(map(str, first["loc"]))
        stop(f"{file} /{place}: {first['msg']}", EXIT_REFUSED)
    act(
        connect,
        lambda desk, transaction, me: operations.set_wording(desk, transaction, me, case, wording),
    )
    emit({"case": case, "worded": True}, as_json=as_json, text=f"{case}: worded")


@command.command("observed")
@click.argument("case")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_obj
def observed(connect: Connect, case: str, file: Path, *, as_json: bool) -> None:
    """Let the advisory of CASE state the versions on which its proof fires.

    FILE is what `clearhouse reproduce BUNDLE --history --json` printed.
    """
    try:
        found = parse(file.read_bytes())
        span = _SPAN.validate_python(found.get("history") if isinstance(found, dict) else None)
    except StrictJsonError as error:
        stop(f"{file} {error.place}: {error.reason}", EXIT_REFUSED)
    except ValidationError:
        stop(f"{file} /history: holds no span of versions", EXIT_REFUSED)
    told = act(
        connect,
        lambda desk, transaction, me: operations.use_observed(desk, transaction, me, case, span),
    )
    if told is None:
        stop("the order of this package's versions is not known; nothing changed", EXIT_REFUSED)
    document = {"case": case, "affected": told.claim, "open": list(told.open_questions)}
    lines = [f"{case}: affected {told.claim}", *(f"  open: {one}" for one in told.open_questions)]
    emit(document, as_json=as_json, text="\n".join(lines))


@command.command("revise")
@click.argument("case")
@click.option("--summary", required=True, help="What changes, for the public history.")
@click.option("--reinstate", is_flag=True, help="Also when it is withdrawn.")
@json_option
@click.pass_obj
def revise(connect: Connect, case: str, summary: str, *, reinstate: bool, as_json: bool) -> None:
    """Issue the public advisory of CASE anew, from what the case and its words say now."""
    _again(
        connect,
        lambda desk, transaction, me: revising.revise(
            desk, transaction, me, case, summary=summary, reinstate=reinstate
        ),
        as_json=as_json,
    )


@command.command("withdraw")
@click.argument("case")
@click.option("--reason", required=True, help="For the public.")
@json_option
@click.pass_obj
def withdraw(connect: Connect, case: str, reason: str, *, as_json: bool) -> None:
    """Withdraw the public advisory of CASE; its id and its issues stay."""
    _again(
        connect,
        lambda desk, transaction, me: revising.withdraw(desk, transaction, me, case, reason=reason),
        as_json=as_json,
    )


@command.command("merge")
@click.argument("case")
@click.option("--into", required=True, help="The case whose advisory stands.")
@click.option("--reason", required=True, help="For the public.")
@json_option
@click.pass_obj
def merge(connect: Connect, case: str, into: str, reason: str, *, as_json: bool) -> None:
    """Withdraw the advisory of CASE as a duplicate of another."""
    _again(
        connect,
        lambda desk, transaction, me: revising.merge(
            desk, transaction, me, case, into=into, reason=reason
        ),
        as_json=as_json,
    )


@command.command("relate")
@click.argument("case")
@click.option("--other", required=True, help="The other case, whose advisory is public too.")
@click.option("--summary", required=True, help="Why, for the public history of both.")
@json_option
@click.pass_obj
def relate(connect: Connect, case: str, other: str, summary: str, *, as_json: bool) -> None:
    """Let two public advisories name each other, as after a split."""
    _again(
        connect,
        lambda desk, transaction, me: revising.relate(
            desk, transaction, me, case, other=other, summary=summary
        ),
        as_json=as_json,
    )


@command.command("check")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@json_option
def check(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Judge FILES: OSV, CSAF 2.0 and 2.1, CVE, OpenVEX, CycloneDX or GitHub advisories.

    Every fault is named with its file and its field. Exit code 1 when a file is not valid.
    """
    try:
        told = {str(one): judging.judge(one.read_bytes(), _now()) for one in files}
    except ImportError:
        stop("this needs the packages of `./clearhouse advisory`; start it there", EXIT_OUTSIDE)
    document = {
        "files": [
            {
                "file": name,
                "format": one.kind,
                "valid": one.valid,
                "faults": [_plain(fault) for fault in one.faults],
            }
            for name, one in told.items()
        ]
    }
    lines = [
        line
        for name, one in told.items()
        for line in (
            [f"{name}: valid {one.kind}"] if one.valid else [f"{name}: {f}" for f in one.faults]
        )
    ]
    emit(document, as_json=as_json, text="\n".join(lines))
    if not all(one.valid for one in told.values()):
        sys.exit(EXIT_NO)


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(fault: Fault) -> dict[str, str]:
    return {"place": fault.place, "reason": fault.reason, "rule": fault.rule}


def _print(bodies: Mapping[str, bytes], form: str, head: dict[str, Any], *, as_json: bool) -> None:
    if form not in bodies:
        stop(f"it has no form {form}; it has {', '.join(bodies)}", EXIT_NO)
    body = bodies[form].decode()
    document = body if form == "text" else json.loads(body)
    emit({**head, "format": form, "document": document}, as_json=as_json, text=body)


def _again(connect: Connect, verb: _Verb, *, as_json: bool) -> None:
    """Run an act that makes new issues, and say which."""
    made = _made(connect, verb, as_json=as_json)
    told = [{"id": one.id, "issue": one.revision} for one in made]
    lines = [f"{one['id']}: issue {one['issue']} goes out with the next release" for one in told]
    emit({"issues": told}, as_json=as_json, text="\n".join(lines))


def _made(connect: Connect, verb: _Verb, *, as_json: bool) -> list[Documents]:
    """Run what makes documents; refusals end the command with every reason."""

    def flat(desk: Desk, transaction: Transaction, me: Actor) -> list[Documents | Refusal]:
        answer = verb(desk, transaction, me)
        return [answer] if isinstance(answer, Documents) else list(answer)

    try:
        answers = act(connect, flat)
    except NotPublishedError as error:
        stop(str(error), EXIT_NO)
    refusals = tuple(one for one in answers if isinstance(one, Refusal))
    if refusals:
        _refused(refusals, as_json=as_json)
    return [one for one in answers if isinstance(one, Documents)]


def _refused(refusals: tuple[Refusal, ...], *, as_json: bool) -> NoReturn:
    told = [{"code": one.code, "reason": one.reason} for one in refusals]
    emit(
        {"refused": told},
        as_json=as_json,
        text="\n".join(f"not done ({one.code}): {one.reason}" for one in refusals),
    )
    sys.exit(EXIT_REFUSED)
