"""A house whose counter, desk and worker run as processes, and the way of agents to it."""

import contextlib
import secrets

import httpx2
import psycopg
from mcp.client.streamable_http import streamable_http_client
from psycopg.conninfo import make_conninfo

from clearhouse.app import Settings, build
from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind, PartyKind, Scope
from conftest import PROJECT
from scenario.leaks_processes import lodging, serving


@contextlib.contextmanager
def agents_house(installation, folder, monkeypatch):
    """Yield (app, running processes, address of the agents' entrance)."""
    home, server = installation
    name = f"agents{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE clearhouse")
    owner_url = make_conninfo(server.url(), dbname=name)
    lodged = lodging(home, folder / "home")
    known, published = PROJECT / "examples" / "known", folder / "published"
    monkeypatch.setenv("CLEARHOUSE_KNOWN", str(known))
    monkeypatch.setenv("CLEARHOUSE_PUBLISHED", str(published))
    app = build(Settings(home=lodged, database_url=owner_url, known=known, published=published))
    try:
        with serving(lodged, owner_url, folder) as made:
            yield app, made, f"http://127.0.0.1:{made.ports['counter']}/mcp"
    finally:
        app.close()


def agent_token(app, name="seeker", *, scopes=(Scope.SUBMIT,), roles=("reporter",)):
    """Return the actor of an agent with a responsible person, and a token of it."""
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, PartyKind.LAB, f"Lab of {name}")
        person = identity.add_actor(
            transaction, party, ActorKind.PERSON, f"Pat of {name}", roles=roles
        )
        agent = identity.add_actor(
            transaction, party, ActorKind.AGENT, name, roles=roles, responsible=person
        )
        secret = identity.issue_token(transaction, agent, label="agent", scopes=scopes)
        return identity.actor(transaction, agent), secret


@contextlib.asynccontextmanager
async def speaking(address, token=None, **headers):
    """The official client's transport, with a token."""
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=shown | headers, timeout=30) as http,
        streamable_http_client(address, http_client=http) as streams,
    ):
        yield streams
