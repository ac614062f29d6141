"""Two houses with keys and stores of their own, and a wire between them that can be cut."""

import contextlib
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from starlette.testclient import TestClient

from clearhouse.app import HOUSE, Settings, build
from clearhouse.clearing import route
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import keys, outbox, peers
from clearhouse.clearing.coordinate.relay.peers import Limits
from clearhouse.formats import relay_node
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.outside import Answer, Outside, OutsideError, UnclearError
from clearhouse.surfaces.cli import serve
from house import coordinator, person

NOW = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parent.parent
LIMITS = Limits(sends_up_to=Tlp.RED, takes_up_to=Tlp.RED)


@dataclass
class Wire:
    """Carries requests to the counters of houses, keeps what passed, and breaks when told to."""

    counters: dict[str, TestClient] = field(default_factory=dict)
    passed: list[tuple[str, dict, bytes]] = field(default_factory=list)
    cut: str | None = None
    """`before` the other side hears it, or `after` it has answered."""

    def carry(self, method, address, content, headers):
        base = next((one for one in self.counters if address.startswith(one + "/")), None)
        if base is None or self.cut == "before":
            raise OutsideError("request: ConnectionRefusedError")
        answer = self.counters[base].request(
            method, address.removeprefix(base), content=content, headers=headers
        )
        self.passed.append((address, dict(headers), content))
        if self.cut == "after":
            raise UnclearError("request: RemoteDisconnected")
        return Answer(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=answer.content,
        )


class Wired(Outside):
    """The way out of a house that ends at the wire."""

    wire: Wire

    def ask(self, method, address, content=None, *, headers=None):
        return self.wire.carry(method, address, content, headers or {})


@dataclass
class House:
    """One coordinator's installation."""

    app: object
    home: Path
    owner_url: str
    wire: Wire

    @property
    def desk(self):
        return self.app.desk

    @property
    def address(self):
        return self.desk.outside.counter_address

    @property
    def node(self):
        return relay_node.read((self.home / "counter" / "relay-node.json").read_bytes())

    def do(self, verb, *arguments, by=None, **more):
        actor = by or coordinator(self.app)
        with self.desk.database.transaction(actor.actor_id) as transaction:
            return verb(self.desk, transaction, actor, *arguments, **more)

    def work(self):
        """Send what is due and take up what came, as the jobs do; True when there was something."""
        came = [one for (one,) in self.rows(
            "SELECT inbound_id FROM relay_in WHERE taken_at IS NULL ORDER BY received_at, number"
        )]  # fmt: skip
        for inbound_id in came:
            route.take_relayed(self.desk, inbound_id)
        return bool(outbox.deliver(self.desk)) or bool(came)

    def rows(self, sql, parameters=()):
        with psycopg.connect(self.owner_url, options="-c search_path=clearhouse") as owner:
            return owner.execute(sql, parameters).fetchall()

    def events(self, kind):
        return [
            row[0]
            for row in self.rows(
                "SELECT convert_from(body, 'UTF8')::json->'data' FROM ledger_event WHERE kind = %s"
                " ORDER BY at",
                [kind],
            )
        ]

    def publish_node(self):
        """Write the node document anew, as a start of the house does."""
        document = keys.own_document(self.desk.keys, self.desk.outside, self.desk.database.clock())
        (self.home / "counter" / "relay-node.json").write_bytes(document)


def administrator(app):
    return person(app, HOUSE, PartyKind.COORDINATOR, "Ada Admin", "administrator")


def home_of_its_own(installation, folder):
    """A folder with the passwords of the store's roles, and no keys."""
    folder.mkdir(mode=0o711)
    for file in (installation[0] / "roles.json", *installation[0].glob("role-*.json")):
        shutil.copy(file, folder)
    return folder


@contextlib.contextmanager
def fresh_database(installation):
    server = installation[1]
    name = f"relay{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE clearhouse")
        try:
            yield make_conninfo(server.url(), dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def open_house(installation, folder, name, wire):
    """A wired house whose counter is on the wire."""
    with fresh_database(installation) as owner_url:
        home = home_of_its_own(installation, folder)
        address = f"https://{name}.test"
        out = Outside(
            desk_address="http://127.0.0.1:8441",
            counter_address=address,
            house_name=f"House {name}",
        )
        app = build(
            Settings(
                home=home, database_url=owner_url, known=PROJECT / "examples" / "known", outside=out
            )
        )
        wired = Wired(
            desk_address=out.desk_address, counter_address=address, house_name=out.house_name
        )
        object.__setattr__(wired, "wire", wire)
        object.__setattr__(app.desk, "outside", wired)
        made = House(app, home, owner_url, wire)
        set_clock(made, NOW)
        counter = serve.counter_application(app.counter, reports_per_hour=1000)
        wire.counters[address] = TestClient(counter, base_url=address)
        yield made
        app.close()


def set_clock(house, now):
    house.app.desk.database.clock = house.app.counter.database.clock = lambda: now


def enroll(house, other, **limits):
    """Let one house enroll another, as its administrator does after the telephone call."""
    done = house.do(
        peers.enroll,
        (other.home / "counter" / "relay-node.json").read_bytes(),
        fingerprint=other.node.fingerprint,
        limits=Limits(**limits) if limits else LIMITS,
        by=administrator(house.app),
    )
    assert not isinstance(done, Refused), done
    return done


def settle(*houses):
    """Let houses work until nothing goes back and forth any more."""
    for _ in range(10):
        worked = [one.work() for one in houses]
        if not any(worked):
            return
    raise AssertionError("two houses tell each other the same for ever")
