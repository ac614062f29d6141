"""`clearhouse reproduce`: run one bundle in the sandbox and say what is established."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from clearhouse.clearing.validate.reproduce.bundle import BundleError
from clearhouse.clearing.validate.reproduce.history import Span, span_of_folder
from clearhouse.clearing.validate.reproduce.native import reproduce_folder
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.statement import sign
from clearhouse.surfaces.cli.bench import package_cache
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.validate import verdict_as_json, verdict_as_text


@click.command("reproduce")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--statement", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the verdict as a signed in-toto statement.")  # fmt: skip
@click.option("--history", is_flag=True,
              help="Also find the first and last released version that fires.")  # fmt: skip
@json_option
@click.pass_obj
def command(
    connect: Connect, bundle: Path, statement: Path | None, *, history: bool, as_json: bool
) -> None:
    """Reproduce BUNDLE, a folder with bundle.yaml, on its vulnerable and its fixed version."""
    click.echo(f"clearhouse: fetching sources and running {bundle.name}, minutes at most", err=True)
    try:
        verdict = reproduce_folder(bundle, package_cache(), now=datetime.now(UTC))
        span = _span(bundle) if history else None
    except BundleError as error:
        raise click.UsageError(str(error)) from error
    if statement is not None:
        key = connect().desk.keys.signing_key()
        statement.write_text(json.dumps(sign(verdict, [key])))
    found = {} if span is None else {"history": span if isinstance(span, str) else asdict(span)}
    text = verdict_as_text(verdict) + _in_words(span)
    emit(verdict_as_json(verdict) | found, as_json=as_json, text=text)


def _span(bundle: Path) -> Span | str:
    """Search the released versions; a sentence when that cannot be done.

    Raises: BundleError.
    """
    try:
        found = span_of_folder(bundle, package_cache())
    except BuildError as error:
        return f"not attempted: {error}"
    return "the proof does not fire on its own version" if found is None else found


def _in_words(span: Span | str | None) -> str:
    if span is None:
        return ""
    if isinstance(span, str):
        return f"\n  history: {span}"
    after = "none" if span.silent_after is None else span.silent_after
    untried = f", {len(span.untried)} could not be built" if span.untried else ""
    return (
        f"\n  history: fires from {span.first} to {span.last}, silent again in {after} "
        f"({span.tried} versions tried{untried})"
    )
