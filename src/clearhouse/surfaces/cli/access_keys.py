"""`clearhouse access`: the key of a grant, the terms, and lending the key to clients.

A key is made where it is used and never leaves that machine.
"""

import json
import os
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from clearhouse.access.grant import operations as granting
from clearhouse.access.offer import operations as offer
from clearhouse.access.terms import terms as terms_of
from clearhouse.formats import dpop
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.access_acts import do, show, stop
from clearhouse.surfaces.cli.main import EXIT_REFUSED, Connect, emit, json_option


@click.command("key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def key(file: Path, *, as_json: bool) -> None:
    """Make a key in FILE, for yourself alone, and print its public part."""
    made = Ed25519PrivateKey.generate()
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        stop(f"{file} is there already; a key is for one grant", EXIT_REFUSED)
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
    jwk = dpop.public_jwk(made.public_key())
    emit({"jwk": jwk, "jkt": dpop.thumbprint(jwk)}, as_json=as_json, text=json.dumps(jwk))


@click.command("terms")
@click.argument("name", default="access/terms-1")
@json_option
def terms(name: str, *, as_json: bool) -> None:
    """Print the terms, clause by clause, with their hashes."""
    found = terms_of(name)
    text = "\n\n".join(
        f"{one.title}  [{one.id} {one.sha256[:16]}]\n{one.text}" for one in found.clauses
    )
    document = {"name": name, "sha256": found.sha256, "clauses": [
        {"id": one.id, "title": one.title, "text": one.text, "sha256": one.sha256}
        for one in found.clauses
    ]}  # fmt: skip
    emit(document, as_json=as_json, text=text)


@click.command("activate")
@click.argument("grant")
@click.argument("key_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--accept-terms", metavar="SHA256", required=True,
              help="Hash of the terms that you have read; `terms --json` prints it.")  # fmt: skip
@json_option
@click.pass_obj
def activate(
    connect: Connect, grant: str, key_file: Path, accept_terms: str, *, as_json: bool
) -> None:
    """Bind GRANT to your key and accept its terms."""
    jwk = dpop.public_jwk(read_key(key_file).public_key())

    def bind(desk: Desk, transaction: Transaction, me: Actor) -> Any:  # noqa: ANN401 - a grant or why not
        window_id = granting.grant(desk, transaction, me, grant).window_id
        known = terms_of(offer.window(desk, transaction, me, window_id).terms)
        read = known.clauses if known.sha256 == accept_terms else ()
        accepted = {one.id: one.sha256 for one in read}
        return granting.activate(desk, transaction, me, grant, jwk=jwk, accepted=accepted)

    done = do(connect, bind)
    show(done, as_json, f"{done.grant_id}  {done.state.value}")


def read_key(file: Path) -> dpop.PrivateKey:
    """Return the key of a file that `clearhouse access key` made."""
    if file.stat().st_mode & 0o077:
        stop(f"{file} is open to others; run: chmod 600 {file}", EXIT_REFUSED)
    try:
        found = load_pem_private_key(file.read_bytes(), None)
    except ValueError:
        found = None
    if not isinstance(found, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        stop(f"{file} holds no Ed25519 or P-256 key", EXIT_REFUSED)
    return found


@click.command("connect")
@click.argument("key_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--gateway", required=True, help="Address of the gateway, without a path.")
@click.option("--port", default=8443, show_default=True)
@click.option("--purpose")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for sealed exchanges.")  # fmt: skip
@click.option("--recipient", help="Your age public key, for --keep.")
def connect_(
    key_file: Path, gateway: str, port: int, purpose: str | None, keep: Path | None,
    recipient: str | None,
) -> None:  # fmt: skip
    """Lend your key to OpenAI and Anthropic clients on this machine, through loopback."""
    import uvicorn  # noqa: PLC0415 - only this command needs the gateway's packages

    from clearhouse.access.serve.connect import Companion, Keeper, NoRecipientError  # noqa: PLC0415 - as above

    if (keep is None) != (recipient is None):
        raise click.UsageError("--keep and --recipient go together")
    try:
        keeper = Keeper.of(keep, recipient) if keep and recipient else None
    except NoRecipientError as error:
        raise click.UsageError(str(error)) from error
    companion = Companion(gateway.rstrip("/"), read_key(key_file), purpose, keeper)
    click.echo(
        f"base URL  http://127.0.0.1:{port}/v1 (OpenAI), http://127.0.0.1:{port} (Anthropic)"
    )
    click.echo(f"API key   {companion.secret}")
    uvicorn.run(companion, host="127.0.0.1", port=port, log_config=None, access_log=False,
                server_header=False, proxy_headers=False)  # fmt: skip


COMMANDS = (key, terms, activate, connect_)
