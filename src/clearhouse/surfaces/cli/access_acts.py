"""How a command of early access runs one operation, and shows what came of it."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import click

from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect, emit

T = TypeVar("T")


def do(connect: Connect, act: Callable[[Desk, Transaction, Actor], T | Refused]) -> T:
    """Run one operation as whoever acts; a refusal ends the command with its reason."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = act(app.desk, transaction, me)
    except NotThereError as error:
        stop(str(error), EXIT_NO)
    if isinstance(done, Refused):
        stop(f"not done ({done.code}): {done.reason}", EXIT_REFUSED)
    return done


def stop(words: str, code: int) -> NoReturn:
    """End the command with a sentence and a documented exit code."""
    click.echo(f"clearhouse: {words}", err=True)
    sys.exit(code)


def plain(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any of our records
    """Return a record as JSON, without what the store alone needs."""
    found = json.loads(json.dumps(asdict(record), default=_text))
    for name in ("compartment", "readers", "deliberation"):
        found.pop(name, None)
    return dict(found)


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def show(record: Any, as_json: bool, text: str) -> None:  # noqa: ANN401 - as `plain`
    """Print a record, for a script or for a person."""
    emit(plain(record), as_json=as_json, text=text)
