"""Who sits at this machine's command line: the person who owns the installation.

Whoever can run commands here can read the key files anyway, so no token is asked for.
"""

import getpass

from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.services import App

ROLES = (
    "administrator", "auditor", "coordinator", "coordinator_on_duty", "defense_analyst",
    "determiner", "intake_analyst",
)  # fmt: skip


def owner(app: App) -> Actor:
    """Return the owner, made at the first call."""
    with app.desk.database.transaction(None) as transaction:
        actor_id = identity.add_actor(
            transaction,
            app.desk.clearing_actor.party_id,
            ActorKind.PERSON,
            getpass.getuser(),
            roles=ROLES,
        )
        actor = identity.actor(transaction, actor_id)
    if actor is None:
        raise PermissionError("the owner of this installation was revoked")
    return actor
