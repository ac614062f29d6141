"""`clearhouse verdict`: check a signed verdict."""

import base64
import json
import sys
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.clearing.validate.statement import verify as verify_statement
from clearhouse.formats.dsse import UntrustedEnvelopeError
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option


@click.group("verdict")
def command() -> None:
    """Check a signed verdict."""


@command.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", help="Public key, base64 of its 32 bytes; without it, this house's own.")
@json_option
@click.pass_obj
def verify(connect: Connect, file: Path, key: str | None, *, as_json: bool) -> None:
    """Check that a trusted key signed the verdict in FILE, and print it."""
    try:
        trusted = (
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
            if key
            else connect().desk.keys.signing_key().public_key()
        )
        statement = verify_statement(json.loads(file.read_text("utf-8")), [trusted])
    except (UntrustedEnvelopeError, ValueError) as error:
        click.echo(f"clearhouse: does not hold: {error}", err=True)
        sys.exit(EXIT_NO)
    document = {
        "holds": True,
        "verdict": dict(statement.predicate),
        "inputs": dict(statement.subjects),
        "signed_by": list(statement.key_ids),
    }
    emit(document, as_json=as_json, text=json.dumps(document, indent=2))
