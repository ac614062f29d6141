"""How a command runs one operation on a case, and what ends it."""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn, TypeVar

import click

from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect

T = TypeVar("T")
because_option = click.option("--because", required=True, help="Kept in the case.")


def act(connect: Connect, operation: Callable[[Desk, Transaction, Actor], T | Refused]) -> T:
    """Run one operation as whoever acts; a refusal ends the command with its reason."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            done = operation(app.desk, transaction, me)
    except NoSuchCaseError as error:
        stop(str(error), EXIT_NO)
    if isinstance(done, Refused):
        stop(f"not done ({done.code}): {done.reason}", EXIT_REFUSED)
    return done


def instant(text: str) -> datetime:
    """Return an instant that a person typed.

    Raises: click.UsageError when it is none, or has no time zone.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"{text} is no instant, such as 2026-12-24T12:00+01:00") from error
    if found.tzinfo is None:
        raise click.UsageError("an instant needs its time zone, such as Z or +01:00")
    return found


def stop(words: str, code: int) -> NoReturn:
    """End the command with a sentence and a documented exit code."""
    click.echo(f"clearhouse: {words}", err=True)
    sys.exit(code)
