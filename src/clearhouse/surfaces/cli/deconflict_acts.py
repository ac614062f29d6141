"""How commands of deconflict act: in one transaction of whoever acts, with one way to say no."""

import sys
from collections.abc import Callable
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

import click

from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import EXIT_REFUSED, Connect

T = TypeVar("T")
P = ParamSpec("P")


def act(
    connect: Connect,
    verb: Callable[Concatenate[Desk, Transaction, Actor, P], T],
    *arguments: P.args,
    **more: P.kwargs,
) -> T:
    """Do something as whoever acts."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        return verb(app.desk, transaction, me, *arguments, **more)


def done(said: T | Refusal) -> T:
    """Return what was done; end the command with the reason when it was not."""
    if isinstance(said, Refusal):
        refuse(said)
    return said


def refuse(said: Refusal) -> NoReturn:
    """End the command with the reason of a refusal."""
    click.echo(f"clearhouse: {said.reason} ({said.code})", err=True)
    sys.exit(EXIT_REFUSED)
