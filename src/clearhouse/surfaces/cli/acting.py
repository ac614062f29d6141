"""As whom a command acts: the holder of `CLEARHOUSE_TOKEN`, else the owner of the installation.

Early access has two sides, and a decision of both is worth something only when two people make it;
each acts with a token of their own.
"""

import os

from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.owner import owner


def acting(app: App) -> Actor:
    """Return who acts.

    Raises: ForbiddenError when the token is not live or not for the desk.
    """
    secret = os.environ.get("CLEARHOUSE_TOKEN")
    if not secret:
        return owner(app)
    with app.desk.database.transaction(None) as transaction:
        actor = identity.authenticate(transaction, secret)
    if actor is None or Scope.DESK not in actor.scopes:
        raise ForbiddenError("CLEARHOUSE_TOKEN is not a live token with the scope desk")
    return actor
