"""`clearhouse access`: how a window ends, and what each side can prove afterwards."""

import json
import os
import secrets
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from clearhouse import handoffs
from clearhouse.access.close import dossier as dossiers
from clearhouse.access.close import operations as closing
from clearhouse.access.offer import operations as offer
from clearhouse.access.refusal import Refused
from clearhouse.access.serve import export as exports
from clearhouse.access.serve import operations as serving
from clearhouse.access.serve.asking import NoAnswerError, asker
from clearhouse.access.serve.fingerprint import Prompts, Same, answers, prompts
from clearhouse.criteria.measure.record import EvidenceError
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import App, Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.access_acts import do, plain, show, stop
from clearhouse.surfaces.cli.main import (
    EXIT_NO,
    EXIT_OUTSIDE,
    EXIT_REFUSED,
    Connect,
    emit,
    json_option,
)


@click.command("close")
@click.argument("window")
@click.option("--because", required=True)
@json_option
@click.pass_obj
def close(connect: Connect, window: str, because: str, *, as_json: bool) -> None:
    """End WINDOW and every grant in it."""
    done = do(
        connect,
        lambda desk, transaction, me: closing.close(desk, transaction, me, window, because=because),
    )
    show(done, as_json, done.state.value)


@click.command("seal")
@click.argument("window")
@json_option
@click.pass_obj
def seal(connect: Connect, window: str, *, as_json: bool) -> None:
    """Put the receipts of a closed WINDOW under one root; the worker does it by itself."""
    done = do(connect, lambda desk, transaction, me: closing.seal(desk, transaction, me, window))
    show(done, as_json, f"{done.root}  {done.receipts} receipts in {done.chains} chains")


@click.command("certify")
@click.argument("admission")
@click.option("--destroyed", multiple=True, required=True)
@click.option("--method", required=True)
@json_option
@click.pass_obj
def certify(
    connect: Connect, admission: str, destroyed: tuple[str, ...], method: str, *, as_json: bool
) -> None:
    """Certify, for the party of ADMISSION, what was destroyed and how."""
    done = do(
        connect,
        lambda desk, transaction, me: closing.certify(
            desk, transaction, me, admission, destroyed=destroyed, method=method
        ),
    )
    show(done, as_json, done.certificate_id)


@click.command("dossier")
@click.argument("window")
@click.pass_obj
def dossier(connect: Connect, window: str) -> None:
    """Print everything that you may prove about WINDOW, as one JSON document."""
    found = do(
        connect, lambda desk, transaction, me: dossiers.dossier(desk, transaction, me, window)
    )
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@click.command("receipts")
@click.argument("window")
@click.pass_obj
def receipts(connect: Connect, window: str) -> None:
    """Print the receipts of WINDOW that you may read, to be checked by anybody."""
    chains = do(
        connect, lambda desk, transaction, me: serving.chains(desk, transaction, me, window)
    )
    for line in exports.export(window, chains):
        click.echo(line)


@click.command("verify")
@click.argument("file", type=click.File("r"))
@click.option("--against", type=click.File("r"), help="The other side's export of the same window.")
@json_option
def verify(file: Any, against: Any, *, as_json: bool) -> None:  # noqa: ANN401 - open files
    """Check an export of receipts, or a dossier, without seeing a prompt; needs no store."""
    text = file.read()
    if text.lstrip().startswith("{\n"):
        _verify_dossier(text, as_json=as_json)
        return
    try:
        report = exports.verify(text.splitlines())
        apart = exports.disagreements(report, exports.verify(against)) if against else ()
    except exports.NoExportError as error:
        stop(str(error), EXIT_REFUSED)
    lines = [
        f"{one.chain}: {one.calls} calls, {one.refused} refused, {one.tokens} tokens"
        + "".join(f"\n  WRONG: {fault}" for fault in one.faults)
        + (f"\n  not ended: {', '.join(map(str, one.unfinished))}" if one.unfinished else "")
        for one in report.chains
    ]
    lines += [f"THE SIDES DISAGREE: {one}" for one in apart]
    good = report.holds and not apart
    lines.append(f"{'holds' if good else 'DOES NOT HOLD'}  root {report.root}")
    document = {"holds": good, "root": report.root, "disagreements": list(apart),
                "chains": [asdict(one) for one in report.chains]}  # fmt: skip
    emit(document, as_json=as_json, text="\n".join(lines))
    sys.exit(0 if good else EXIT_NO)


def _verify_dossier(text: str, *, as_json: bool) -> None:
    try:
        found = dossiers.faults(json.loads(text))
    except ValueError:
        stop("this is no dossier", EXIT_REFUSED)
    emit({"holds": not found, "faults": list(found)}, as_json=as_json,
         text="\n".join(found) or "holds")  # fmt: skip
    sys.exit(EXIT_NO if found else 0)


@click.command("join")
@click.argument("window")
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--attest", "out", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the endpoint's signed word for criteria to this file.")  # fmt: skip
@json_option
@click.pass_obj
def join(connect: Connect, window: str, log: Path, out: Path | None, *, as_json: bool) -> None:
    """Join an evaluation LOG with the receipts of WINDOW: dropped, extra or off-gateway calls."""
    app: App = connect()

    def read(desk: Desk, transaction: Transaction, me: Actor) -> Any:  # noqa: ANN401 - two answers
        since = serving.invalid_from(desk, transaction, me, window)
        return serving.chains(desk, transaction, me, window), since

    chains, since = do(connect, read)
    try:
        found = handoffs.join_log(log, chains, invalid_from=since.isoformat() if since else None)
        if out is not None:
            signed = handoffs.attest_receipts(log, chains, app.desk.keys.signing_key())
            out.write_text(json.dumps(signed))
    except EvidenceError as error:
        stop(str(error), EXIT_REFUSED)
    wrong = {"dropped": found.dropped, "extra": found.extra, "twice": found.twice,
             "unserved": found.unserved, "after a swap": found.after_swap}  # fmt: skip
    lines = [f"{found.matched} calls match"]
    lines += [f"{name}: {', '.join(ids)}" for name, ids in wrong.items() if ids]
    emit(asdict(found) | {"complete": found.complete}, as_json=as_json, text="\n".join(lines))
    sys.exit(0 if found.complete else EXIT_NO)


@click.command("fingerprint")
@click.argument("window")
@click.option("--address", required=True, help="Without /v1, for example that of access connect.")
@click.option("--key-variable", default="OPENAI_API_KEY", show_default=True)
@click.option("--moment", type=click.Choice(["reference", "start", "random", "end"]),
              required=True)  # fmt: skip
@click.option("--chat/--completion", default=True, help="How the model is asked.")
@click.option("--watch", metavar="MINUTES", type=click.FloatRange(0.1),
              help="Go on at random moments, so far apart on average.")  # fmt: skip
@json_option
@click.pass_obj
def fingerprint(
    connect: Connect,
    window: str,
    address: str,
    key_variable: str,
    moment: str,
    watch: float | None,
    *,
    chat: bool,
    as_json: bool,
) -> None:
    """Pin the model of WINDOW by its answers, or compare what answers now with the pin."""
    asked = prompts()
    pinned = do(connect, lambda desk, transaction, me: offer.window(desk, transaction, me, window))
    key = os.environ.get(key_variable, "")
    ask = asker(address.rstrip("/"), key, pinned.model.name, chat=chat)
    while True:
        try:
            given = answers(asked, ask)
        except NoAnswerError as error:
            stop(str(error), EXIT_OUTSIDE)
        found = do(connect, partial(_noted, window, asked, given, moment))
        text = f"{found.verdict.value}  {found.matched} of {found.prompts}"
        emit(plain(found), as_json=as_json, text=text)
        if found.verdict is Same.SWAP or watch is None:
            sys.exit(EXIT_NO if found.verdict is Same.SWAP else 0)
        moment = "random"
        time.sleep(secrets.SystemRandom().expovariate(1 / (watch * 60)))


def _noted(
    window: str,
    asked: Prompts,
    given: tuple[str, ...],
    moment: str,
    desk: Desk,
    transaction: Transaction,
    me: Actor,
) -> serving.Fingerprint | Refused:
    return serving.note_fingerprint(desk, transaction, me, window, asked, given, moment=moment)


COMMANDS = (fingerprint, close, seal, certify, dossier, receipts, verify, join)
