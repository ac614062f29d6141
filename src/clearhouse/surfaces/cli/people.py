"""`clearhouse people`: parties, persons and agents, and their tokens."""

from datetime import timedelta

import click

from clearhouse.kernel import identity, sign_in
from clearhouse.kernel.identity import ActorKind, PartyKind, Scope
from clearhouse.kernel.ids import ActorId, TokenId
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.group("people")
def command() -> None:
    """Add parties, persons and agents; issue and revoke tokens."""


def _administrator(app: App, act: str) -> ActorId:
    actor = owner(app)
    app.desk.authority.demand(actor, act)
    return actor.actor_id


@command.command("add")
@click.argument("party")
@click.argument("name")
@click.option(
    "--party-kind", type=click.Choice([kind.value for kind in PartyKind]), default="reporter"
)
@click.option("--agent", is_flag=True, help="An agent; you are the responsible person.")
@click.option("--role", "roles", multiple=True, default=("reporter",), show_default=True,
              help="What the person may do, by the policy of this house.")  # fmt: skip
@json_option
@click.pass_obj
def add(
    connect: Connect,
    party: str,
    name: str,
    party_kind: str,
    *,
    agent: bool,
    roles: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add NAME, a person or agent of PARTY, and print its id."""
    app = connect()
    known = app.desk.authority.acts_of_role.keys()
    if unknown := sorted(set(roles) - known):
        raise click.UsageError(
            f"no role {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    me = _administrator(app, "actor.add")
    with app.desk.database.transaction(me) as transaction:
        party_id = identity.add_party(transaction, PartyKind(party_kind), party)
        actor_id = identity.add_actor(
            transaction,
            party_id,
            ActorKind.AGENT if agent else ActorKind.PERSON,
            name,
            roles=roles,
            responsible=me if agent else None,
        )
    emit({"actor": actor_id, "party": party_id}, as_json=as_json, text=actor_id)
    if not as_json:
        click.echo(f"clearhouse: for a token: ./clearhouse people token {actor_id}", err=True)


@command.command("token")
@click.argument("actor")
@click.option("--label", default="command line", show_default=True)
@click.option("--scope", "scopes", multiple=True, type=click.Choice([one.value for one in Scope]),
              default=(Scope.SUBMIT.value,), show_default=True)  # fmt: skip
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True)
@json_option
@click.pass_obj
def token(
    connect: Connect, actor: str, label: str, scopes: tuple[str, ...], days: int, *, as_json: bool
) -> None:
    """Issue a token to ACTOR (an id) and print its secret, which is shown this once."""
    app = connect()
    with app.desk.database.transaction(_administrator(app, "token.issue")) as transaction:
        secret = identity.issue_token(
            transaction,
            ActorId(actor),
            label=label,
            scopes=[Scope(one) for one in scopes],
            life=timedelta(days=days),
        )
    emit({"token": secret}, as_json=as_json, text=secret)


@command.command("link")
@click.argument("actor")
@click.argument("issuer")
@click.argument("subject")
@json_option
@click.pass_obj
def link(connect: Connect, actor: str, issuer: str, subject: str, *, as_json: bool) -> None:
    """Let the account SUBJECT at the identity provider ISSUER sign ACTOR (an id) in."""
    app = connect()
    with app.desk.database.transaction(_administrator(app, "actor.add")) as transaction:
        try:
            linked = sign_in.link_account(transaction, ActorId(actor), issuer, subject)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    said = "linked" if linked else "this account is linked already"
    emit({"linked": linked}, as_json=as_json, text=said)


@command.command("revoke")
@click.argument("actor_or_token")
@json_option
@click.pass_obj
def revoke(connect: Connect, actor_or_token: str, *, as_json: bool) -> None:
    """End an actor or a token (by id) at once."""
    app = connect()
    is_token = actor_or_token.startswith("tok_")
    me = _administrator(app, "token.revoke" if is_token else "actor.revoke")
    with app.desk.database.transaction(me) as transaction:
        ended = (
            identity.revoke_token(transaction, TokenId(actor_or_token))
            if is_token
            else identity.revoke_actor(transaction, ActorId(actor_or_token))
        )
    emit({"revoked": ended}, as_json=as_json, text="revoked" if ended else "was not live")
