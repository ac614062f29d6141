"""`clearhouse reproduce`: run one bundle in the sandbox and say what is established."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from clearhouse.clearing.validate.reproduce.bundle import BundleError
from clearhouse.clearing.validate.reproduce.native import reproduce_folder
from clearhouse.clearing.validate.statement import sign
from clearhouse.surfaces.cli.bench import package_cache
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.validate import verdict_as_json, verdict_as_text


@click.command("reproduce")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--statement", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the verdict as a signed in-toto statement.")  # fmt: skip
@json_option
@click.pass_obj
def command(connect: Connect, bundle: Path, statement: Path | None, *, as_json: bool) -> None:
    """Reproduce BUNDLE, a folder with bundle.yaml, on its vulnerable and its fixed version."""
    try:
        verdict = reproduce_folder(bundle, package_cache(), now=datetime.now(UTC))
    except BundleError as error:
        raise click.UsageError(str(error)) from error
    if statement is not None:
        key = connect().desk.keys.signing_key()
        statement.write_text(json.dumps(sign(verdict, [key])))
    emit(verdict_as_json(verdict), as_json=as_json, text=verdict_as_text(verdict))
