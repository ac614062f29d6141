"""Measures blind lookup in a house that knows a million fingerprints.

    .clearhouse/env/bin/python perf/deconflict.py [--entries 1000000] [--times 1000] [--seconds 20]

Makes the entries in one embedded store with fsync on, as decoys are made: to the store an entry is
an entry. Prints:
- the house's time for one lookup: counting it against the quota, evaluating one blinded element
  with its proof, and handing out the part of the table that its first bits name; 5th, 50th, 95th
  and 99th percentile of `--times`, in milliseconds, each in two transactions, as two requests make
  them;
- the same for a peer that is sent a salted hash and looks it up, which tells it everything, and the
  ratio;
- lookups a second of two processes, one by one and 32 under one proof;
- what a client needs for one lookup, and the size and time of the whole table.
Nothing goes over HTTP here, and nothing is cached between lookups.
"""

import argparse
import json
import multiprocessing
import secrets
import statistics
import tempfile
import time
from pathlib import Path

from clearhouse.app import Settings, build
from clearhouse.clearing import route
from clearhouse.clearing.deconflict.blind import _store, answering, asking, epochs, rules
from clearhouse.clearing.deconflict.blind.record import Fingerprint, Grain, Refusal
from clearhouse.formats import voprf
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind
from clearhouse.kernel.services import App

AT_ONCE = 50_000
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as folder:
        Path(folder).chmod(0o711)
        app = build(Settings(home=Path(folder)))
        try:
            found = measured(app, folder, asked)
        finally:
            app.stop()
    print(json.dumps(found, indent=2))


def measured(app: App, folder: str, asked: argparse.Namespace) -> dict[str, object]:
    route.turn_known_keys(app.desk)
    begin = time.perf_counter()
    filled(app, asked.entries)
    filling = time.perf_counter() - begin
    with app.desk.database.transaction(None) as transaction:
        card = epochs.card(transaction)
    ours, peer = one_by_one(app, asked.times)
    return {
        "entries": card.epochs[0].entries,
        "made in s": round(filling, 1),
        "bits shown": card.most_bits[0],
        "server ms": ours,
        "peer with a salted hash, server ms": peer,
        "ratio of medians": round(ours["p50"] / peer["p50"], 1),
        "client ms": client_ms(app),
        "whole table": whole_table(app),
        "lookups/s, two processes": {
            "one by one": rate(folder, asked.seconds, 1),
            f"{BATCH} under one proof": rate(folder, asked.seconds, BATCH),
        },
    }


def filled(app: App, entries: int) -> None:
    clearing = app.desk.clearing_actor.actor_id
    for start in range(0, entries, AT_ONCE):
        with app.desk.database.transaction(clearing) as transaction:
            epoch = epochs.newest(transaction)
            assert epoch is not None
            some = [epochs.decoy() for _ in range(min(AT_ONCE, entries - start))]
            _store.enter(transaction, epoch.epoch_id, some)
    with app.desk.database.transaction(clearing) as transaction:
        _store.count(transaction, epoch.epoch_id)


def finder(app: App) -> Actor:
    """Make a lab of its own, so that no quota stands in the way."""
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, PartyKind.LAB, f"Lab {secrets.token_hex(4)}")
        actor_id = identity.add_actor(transaction, party, ActorKind.PERSON, "Ada", roles=["finder"])
        actor = identity.actor(transaction, actor_id)
    assert actor is not None
    return actor


def looked_up(app: App, actor: Actor, elements: list[bytes]) -> None:
    """Do what the house does for these lookups, the client's part left out."""
    with app.desk.database.transaction(actor.actor_id) as transaction:
        card = epochs.card(transaction)
        epoch, bits = card.epochs[0].epoch_id, card.most_bits[0]
        evaluated = answering.evaluate(app.desk, transaction, actor, epoch, elements)
        assert not isinstance(evaluated, Refusal), evaluated
    with app.desk.database.transaction(actor.actor_id) as transaction:
        prefixes = [secrets.randbits(bits) if bits else 0 for _ in elements]
        parts = answering.buckets(app.desk, transaction, actor, epoch, bits, prefixes)
        assert not isinstance(parts, Refusal), parts


def one_by_one(app: App, times: int) -> tuple[dict[str, float], dict[str, float]]:
    ours, peer = [], []
    actor = finder(app)
    most = epochs.known_policy().asked_per_day
    for number in range(times):
        if number % most == most - 1:
            actor = finder(app)
        elements = [voprf.blind(secrets.token_bytes(16)).element]
        begin = time.perf_counter()
        looked_up(app, actor, elements)
        ours.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        salted_hash(app, actor)
        peer.append(time.perf_counter() - begin)
    return told(ours), told(peer)


def salted_hash(app: App, actor: Actor) -> None:
    """Look once into the same table by what the client sent, as the peer does."""
    tag = secrets.token_bytes(rules.TAG_BYTES)
    with app.desk.database.transaction(actor.actor_id) as transaction:
        epoch = epochs.newest(transaction)
        assert epoch is not None
        _store.buckets(transaction, epoch, [(tag, tag + b"\0")])


def client_ms(app: App) -> dict[str, float]:
    """Blinding, checking the proof, taking the blinding off and looking into the part."""
    with app.desk.database.transaction(None) as transaction:
        epoch = epochs.newest(transaction)
    assert epoch is not None
    secret = epochs.secret_of(app.desk.keys, epoch.epoch_id)
    taken = []
    for number in range(200):
        text = rules.text_of(Fingerprint(grain=Grain.POC, package=None, value=f"{number:064x}"))
        begin = time.perf_counter()
        blinded = voprf.blind(text)
        taken.append(time.perf_counter() - begin)
        evaluated = voprf.evaluate(secret, [blinded.element])
        begin = time.perf_counter()
        voprf.verify(epoch.public_key, [blinded.element], evaluated)
        rules.held_of(voprf.finalize(text, blinded, evaluated.elements[0]))
        taken[-1] += time.perf_counter() - begin
    return told(taken)


def whole_table(app: App) -> dict[str, float]:
    actor = finder(app)
    door = answering.HouseDoor(app.desk, actor)
    epoch = door.card().epochs[0]
    begin = time.perf_counter()
    part = asking.Tables().fresh(door, epoch)
    assert not isinstance(part, Refusal)
    taken = time.perf_counter() - begin
    return {"MB": round(len(part.entries) / 1e6, 1), "fetched and sorted in s": round(taken, 2)}


def rate(folder: str, seconds: float, batch: int) -> float:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        done = pool.starmap(worker, [(folder, seconds, batch)] * 2)
    return round(sum(done), 1)


def worker(folder: str, seconds: float, batch: int) -> float:
    app = build(Settings(home=Path(folder)))
    try:
        blinded = [voprf.blind(secrets.token_bytes(16)).element for _ in range(256)]
        actor, spent, done = finder(app), 0, 0
        most = epochs.known_policy().asked_per_day
        begin = time.perf_counter()
        while (taken := time.perf_counter() - begin) < seconds:
            if spent + batch > most:
                actor, spent = finder(app), 0
            looked_up(app, actor, [secrets.choice(blinded) for _ in range(batch)])
            spent, done = spent + batch, done + batch
        return done / taken
    finally:
        app.close()


def told(taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {name: round(1000 * cuts[at - 1], 2) for name, at in
            (("p5", 5), ("p50", 50), ("p95", 95), ("p99", 99))}  # fmt: skip


if __name__ == "__main__":
    main()
