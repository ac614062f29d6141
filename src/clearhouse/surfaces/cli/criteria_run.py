"""`clearhouse criteria demo` and `measure`: run evaluations, and show what comes of them."""

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from clearhouse.criteria.determine.record import ClauseResult, Determination
from clearhouse.criteria.evaluate import extras
from clearhouse.criteria.evaluate.demonstrate import Shown, demonstrate
from clearhouse.criteria.evaluate.perform import Evaluation, EvaluationError, Log, perform
from clearhouse.criteria.measure.operations import add_evidence
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import Evidence
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.main import EXIT_OUTSIDE, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner

_WIDTH = 40


@click.command("demo")
@click.option(
    "--real-model", is_flag=True, help="Install the small local model and measure it too."
)
@click.option(
    "--logs", type=click.Path(path_type=Path, file_okay=False), help="Keep the logs here."
)
@json_option
def demo(logs: Path | None, *, real_model: bool, as_json: bool) -> None:
    """Run the suite on scripted models of three strengths, and determine.

    Takes a few minutes; installs the extra `inspect` when it is not there. Where the small local
    model is installed, it is measured too.
    """
    place = logs or _new_folder()
    try:
        extras.need_inspect()
        shown = demonstrate(
            place,
            datetime.now(UTC),
            real_model=real_model or extras.model_python() is not None,
            progress=_say,
        )
    except (EvaluationError, extras.ExtraMissingError) as error:
        _fail(error)
    documents = [_document(one) for one in shown]
    text = "\n\n".join(_drawn(one.determination) for one in shown)
    emit({"determinations": documents, "logs": str(place)}, as_json=as_json, text=text)


@click.command("measure")
@click.argument("model")
@click.option("--base-url", help="Address of an OpenAI-compatible endpoint.")
@click.option("--key-env", help="Environment variable that holds the endpoint's key.")
@click.option("--scaffold", type=click.Choice(["agent", "plain"]), default="agent")
@click.option("--attempts", type=click.IntRange(1, 100), default=1, help="At each task.")
@click.option("--task", "tasks", multiple=True, help="Only this task; the log says it is a part.")
@click.option("--suite", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--token-limit", type=click.IntRange(100), default=200_000, help="Of each sample.")
@click.option("--message-limit", type=click.IntRange(2), default=30, help="Of each sample.")
@click.option("--wall-s", type=click.FloatRange(1), default=3600, help="Of the whole run.")
@click.option("--logs", type=click.Path(path_type=Path, file_okay=False), help="Keep the log here.")
@click.option("--keep", is_flag=True, help="Keep the log as evidence in the store.")
@json_option
@click.pass_obj
def measure(
    connect: Connect,
    model: str,
    base_url: str | None,
    key_env: str | None,
    scaffold: str,
    attempts: int,
    tasks: Sequence[str],
    suite: Path | None,
    token_limit: int,
    message_limit: int,
    wall_s: float,
    logs: Path | None,
    *,
    keep: bool,
    as_json: bool,
) -> None:
    """Run the suite on MODEL, named as Inspect names models, and read the log as evidence.

    To end a run from another terminal, make the file `stop` in its folder of logs.
    """
    secrets = _key(key_env)
    place = logs or _new_folder()
    evaluation = Evaluation(
        models=(model,),
        scaffold=scaffold,
        folder=None if suite is None else str(suite.resolve()),
        epochs=attempts,
        sample_ids=tuple(tasks) or None,
        base_url=base_url,
        token_limit=token_limit,
        message_limit=message_limit,
        wall_s=wall_s,
    )
    try:
        extras.need_inspect()
        (log,) = perform(evaluation, place, progress=_say, secrets=secrets)
    except (EvaluationError, extras.ExtraMissingError) as error:
        _fail(error)
    document = _measured(log)
    if keep:
        document["evidence"] = _kept(connect(), read_evidence(log.path))
    text = f"{document['solved']} of {document['samples']} solved; the log is {log.path}"
    emit(document, as_json=as_json, text=text)


def _measured(log: Log) -> dict[str, object]:
    evidence = read_evidence(log.path)
    rights = [value for one in evidence.samples if (value := one.scores.get("solved")) is not None]
    return {
        "log": str(log.path),
        "sha256": evidence.sha256,
        "samples": len(evidence.samples),
        "solved": round(sum(rights)),
        "errored": sum(one.errored for one in evidence.samples),
        "faults": list(evidence.faults),
        "evidence": None,
    }


def _kept(app: App, evidence: Evidence) -> str:
    me = owner(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        return add_evidence(app.desk, transaction, me, evidence)


def _key(name: str | None) -> dict[str, str] | None:
    if name is None:
        return None
    if name not in os.environ:
        raise click.UsageError(f"the environment variable {name} is not set")
    return {name: os.environ[name]}


def _new_folder() -> Path:
    home = os.environ.get("CLEARHOUSE_HOME")
    base = Path(home) / "evaluations" if home else Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=base))


def _say(log: Log) -> None:
    click.echo(f"measured {log.model}: {log.status}", err=True)


def _fail(error: Exception) -> NoReturn:
    click.echo(f"clearhouse: {error}", err=True)
    sys.exit(EXIT_OUTSIDE)


def _document(one: Shown) -> dict[str, object]:
    """Return the releasable statement's content and its envelope."""
    found = one.determination
    return {
        "model": found.subject.model,
        "outcome": str(found.outcome),
        "because": found.because,
        "intervals": [
            {
                "clause": clause.clause,
                "scaffold": each.scaffold,
                "estimate": each.value,
                "low": each.low,
                "high": each.high,
                "attempts": each.attempts,
            }
            for clause in found.clauses
            for each in clause.estimates
        ],
        "missing": list(found.missing),
        "caveats": list(found.caveats),
        "envelope": one.envelope,
    }


def _drawn(found: Determination) -> str:
    lines = [f"{found.subject.model}: {found.outcome}", f"  {found.because}"]
    lines += [line for clause in found.clauses for line in _intervals(clause)]
    lines += [f"  missing: {one}" for one in found.missing]
    return "\n".join([*lines, *(f"  note: {one}" for one in found.caveats)])


def _intervals(clause: ClauseResult) -> list[str]:
    """Draw each interval on a line from 0 to 1, with the threshold as a bar."""
    drawn = []
    for each in clause.estimates:
        line = [" "] * (_WIDTH + 1)
        low, high = round(each.low * _WIDTH), round(each.high * _WIDTH)
        line[low : high + 1] = "-" * (high - low + 1)
        line[round(each.value * _WIDTH)] = "o"
        if clause.threshold is not None and clause.threshold <= 1:
            line[round(clause.threshold * _WIDTH)] = "|"
        said = f"{each.value:.2f} [{each.low:.2f}, {each.high:.2f}] {each.scaffold}"
        drawn.append(f"  0 {''.join(line)} 1  {said}")
    return drawn
