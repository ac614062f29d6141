"""What the criteria commands read from the command line, from files and from the environment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import click
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.criteria.measure.attest import AttestationError, Attested, Trusted
from clearhouse.formats import dsse
from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.owner import owner

TOKEN = "CLEARHOUSE_TOKEN"  # noqa: S105 - the variable's name
"""Environment variable with a token: the command acts as its person, not as the owner."""
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def acting(app: App) -> Actor:
    """Return the person whose token is in the environment, else the owner."""
    secret = os.environ.get(TOKEN)
    if not secret:
        return owner(app)
    with app.desk.database.transaction(None) as transaction:
        actor = identity.authenticate(transaction, secret)
    if actor is None:
        raise click.UsageError(f"the token in {TOKEN} is unknown, expired or revoked")
    return actor


def facts_of(given: tuple[str, ...]) -> dict[str, Json]:
    """Read NAME=VALUE; true, false and numbers are what they look like."""
    found: dict[str, Json] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"{one}: a fact is written NAME=VALUE")
        found[name] = _value(value)
    return found


def _value(written: str) -> Json:
    if written.lower() in {"true", "false"}:
        return written.lower() == "true"
    try:
        return float(written)
    except ValueError:
        return written


def document_of(path: Path) -> Mapping[str, object]:
    """Return the JSON object in a file.

    Raises: AttestationError.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise AttestationError(f"{path.name} is not JSON") from error
    if not isinstance(document, dict):
        raise AttestationError(f"{path.name} is no JSON object")
    return cast("Mapping[str, object]", document)


def trusted_of(path: Path | None) -> list[Trusted]:
    """Return the keys that a file says are trusted.

    Raises: AttestationError.
    """
    if path is None:
        return []
    try:
        return [
            Trusted(public_key(one["key"]), frozenset(Attested(kind) for kind in one["kinds"]))
            for one in yaml.safe_load(path.read_text("utf-8"))
        ]
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise AttestationError(
            f"{path.name} is no list of keys; each needs key (base64) and kinds"
        ) from error


def public_key(key: str) -> Ed25519PublicKey:
    """Return a key from its base64."""
    try:
        return dsse.public_key(key)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
