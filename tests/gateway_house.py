"""A running gateway over a test house, and clients that hold keys, or pretend to."""

import contextlib
import json
import time
from dataclasses import replace

import httpx2
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clearhouse.access.serve.gateway import Gateway, GatewaySettings
from clearhouse.access.serve.limits import limits
from clearhouse.access.serve.upstream import Place
from clearhouse.app import Settings, build_gateway
from clearhouse.formats import dpop
from early import MODEL
from scripted_model import ScriptedModel, free_port, served


def gateway_url(app):
    """Return the address of the test's database under the gateway's own role."""
    url = build_gateway(Settings(home=app.home)).database_url
    return make_conninfo(url, dbname=conninfo_to_dict(app.desk.database.url)["dbname"])


class House:
    """The gateway, its model, and its address."""

    def __init__(self, app, gateway, model, address):
        self.app, self.gateway, self.model, self.address = app, gateway, model, address
        self.clients = []

    def client(self, held, **more):
        self.clients.append(Client(self.address, held.key, **more))
        return self.clients[-1]

    def settled(self):
        """Wait until the store has every receipt."""
        deadline = time.monotonic() + 10
        while self.gateway._journal.waiting or self.gateway.accounts.running():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.05)


@contextlib.contextmanager
def running(app, tmp_path, *, model=None, port=None, settings=None, **changed):
    """Run a gateway in front of a scripted model until the block ends."""
    model = model or ScriptedModel()
    port = port or free_port()
    with served(model) as upstream:
        places = {
            vendor: Place(address=upstream, key="sk-lab") for vendor in ("openai", "anthropic")
        }
        made = GatewaySettings(
            database_url=gateway_url(app), public_url=f"http://127.0.0.1:{port}",
            folder=tmp_path / "receipts", places=places, limits=replace(limits(), **changed),
            **(settings or {}),
        )  # fmt: skip
        gateway = Gateway(made)
        with served(gateway, port, lifespan="on") as address:
            deadline = time.monotonic() + 10
            while not gateway.hears:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            house = House(app, gateway, model, address)
            try:
                yield house
            finally:
                for client in house.clients:
                    client.http.close()


class Client:
    """Somebody with a key who speaks DPoP by hand."""

    def __init__(self, address, key, *, skew=0.0):
        self.address, self.key, self.skew = address, key, skew
        self.token = None
        self.http = httpx2.Client(timeout=20, trust_env=False)

    def proof(self, method, path, *, token=None, **more):
        now = time.time() + self.skew
        return dpop.prove(
            self.key, method, self.address + path, now=now, access_token=token, **more
        )

    def get_token(self, purpose=None):
        body = b"" if purpose is None else json.dumps({"purpose": purpose}).encode()
        answer = self.http.post(
            self.address + "/token", content=body, headers={"DPoP": self.proof("POST", "/token")}
        )
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def headers(self, method="POST", path="/v1/chat/completions"):
        return {
            "Authorization": f"DPoP {self.token}",
            "DPoP": self.proof(method, path, token=self.token),
            "Content-Type": "application/json",
        }

    def post(self, path="/v1/chat/completions", *, content=None, headers=None, **fields):
        if self.token is None:
            self.get_token()
        body = content if content is not None else json.dumps(fields).encode()
        head = self.headers("POST", path) | (headers or {})
        return self.http.post(self.address + path, content=body, headers=head)

    def chat(self, prompt="say 3", **more):
        return self.post(**(chat(prompt) | more))


def chat(prompt="say 3", **more):
    messages = [{"role": "user", "content": prompt}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50} | more


def code_of(answer):
    return answer.json()["type"].removeprefix("urn:clearhouse:access:")
