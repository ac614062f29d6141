"""`clearhouse acknowledge`: an operator says back, in days, what an advisory meant.

Nothing is sent unless `--to` names where; what is sent is shown first with `--out`. The secret that
keys are derived from stays beside what `watch` keeps; it names nobody.
"""

import http.client
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

import click

from clearhouse.clearing.deliver.watch.fetching import is_address
from clearhouse.formats.acknowledgement import (
    Acknowledgement,
    AcknowledgementError,
    Affected,
    own_key,
    write,
)
from clearhouse.kernel.clock import system_clock
from clearhouse.surfaces.cli.main import EXIT_OUTSIDE, EXIT_REFUSED, emit, json_option
from clearhouse.surfaces.cli.watch import kept_folder, printable

_TIMEOUT_S: Final = 30
_SECRET_BYTES: Final = 32


@click.command("acknowledge")
@click.argument("advisory")
@click.option("--affected", type=click.Choice([one.value for one in Affected]), required=True)
@click.option("--fixed-on", type=click.DateTime(["%Y-%m-%d"]), help="Day on which all was fixed.")
@click.option("--to", help="Address of the counter; the token comes from CLEARHOUSE_TOKEN.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False))
@json_option
def command(
    advisory: str,
    affected: str,
    fixed_on: datetime | None,
    to: str | None,
    out: Path | None,
    keep: Path | None,
    *,
    as_json: bool,
) -> None:
    """Sign what ADVISORY meant for you: affected or not, and the day on which it was fixed."""
    statement = Acknowledgement(
        advisory=advisory,
        affected=Affected(affected),
        fixed_on=None if fixed_on is None else fixed_on.date(),
        said_on=system_clock().date(),
    )
    try:
        envelope = write(statement, own_key(_secret(keep or kept_folder()), advisory))
    except AcknowledgementError as error:
        _stop(str(error), EXIT_REFUSED)
    if out is not None:
        out.write_text(json.dumps(envelope, indent=2), "utf-8")
    if to is not None:
        _send(to, json.dumps(envelope).encode())
    text = "signed and sent" if to else "signed; send it with --to, or hand the file over"
    emit({"sent": to is not None, "envelope": envelope}, as_json=as_json, text=text)


def _secret(folder: Path) -> bytes:
    """Return the secret of this machine, made at the first call."""
    path = folder / "acknowledge.secret"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(_SECRET_BYTES))
    found = path.read_bytes()
    if len(found) != _SECRET_BYTES:
        _stop(f"{path} is damaged; delete it and sign anew", EXIT_OUTSIDE)
    return found


def _send(address: str, body: bytes) -> None:
    if not is_address(address):
        _stop(f"{address} is no http or https address", EXIT_REFUSED)
    request = urllib.request.Request(  # noqa: S310 - checked above
        f"{address.rstrip('/')}/v1/acknowledgements",
        data=body,
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ.get('CLEARHOUSE_TOKEN', '')}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - as above
            pass
    except urllib.error.HTTPError as error:
        _stop(f"refused: {_detail(error)}", EXIT_REFUSED)
    except (OSError, http.client.HTTPException) as error:
        _stop(f"{address}: {error}; nothing was sent, try again", EXIT_OUTSIDE)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(4096))["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error)


def _stop(reason: str, code: int) -> NoReturn:
    click.echo(f"clearhouse: {printable(reason)}", err=True)
    sys.exit(code)
