"""Providers for tests: a house, its keys, and issues of many advisories."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from advisories import HOUSE, PLAIN
from clearhouse.clearing.publish import cards, forms, provider, rules
from clearhouse.clearing.publish.cards import Issue
from clearhouse.clearing.publish.provider import Edition, Provider
from clearhouse.clearing.publish.record import Documents, Revision
from clearhouse.clearing.publish.shelf import BATCHES, HEAD, Shelf
from clearhouse.formats import feed

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
"""Past, because verifiers of OpenPGP refuse signatures from the future."""
FEED_KEY, OPENPGP_KEY, LEDGER_KEY = (
    Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3)
)
ADDRESS = "https://clearinghouse.example"


def key_chain(*, ledger=LEDGER_KEY):
    own = feed.KeyList(
        feed=HOUSE.namespace, version=1, issued=NOW - timedelta(days=400), threshold=1,
        keys=(feed.public_text(FEED_KEY.public_key()),),
        ledger_keys=(feed.public_text(ledger.public_key()),),
    )  # fmt: skip
    return feed.write_key_chain([feed.write_key_list(own, [FEED_KEY])])


PROVIDER = Provider(
    publisher=HOUSE, address=ADDRESS, openpgp=OPENPGP_KEY, feed_key=FEED_KEY,
    key_chain=key_chain(), keys_version=1,
)  # fmt: skip


def issue(number=1, *, revision=1, at=NOW, **facts):
    """Return an issue of an advisory as it goes out."""
    facts = {"affected_claims": ("1.0.0", "1.0.1"), "fixed_versions": ("1.1.0",)} | facts
    dates = [at - timedelta(days=revision - step) for step in range(1, revision + 1)]
    made = rules.documents(
        replace(
            PLAIN,
            id=f"CLR-2026-{number:05d}",
            revisions=tuple(Revision(at=one, summary="Issue") for one in dates),
            **facts,
        )
    )
    assert isinstance(made, Documents), made
    files = {forms.BY_NAME[name].file: body for name, body in made.bodies.items()}
    proof = json.dumps({"event": {"subject": made.id}}).encode()
    return Issue(id=made.id, revision=revision, added=at, files={**files, "proof.json": proof})


def put(folder, issues, *, sequence=1, at=NOW, house=PROVIDER):
    """Publish issues below a folder; the feed is good for a week."""
    shelf = Shelf(folder)
    edition = Edition(sequence=sequence, issued=at, life=timedelta(days=7))
    before = cards.read(shelf.hidden(provider.CARDS))
    shelf.put(provider.change(house, before, issues, edition, shelf.read))
    return shelf


def seen(folder):
    """Return what the public can read, by path, whatever leads there."""
    found = {}
    for here, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [one for one in folders if one not in {HEAD, BATCHES}]
        for name in names:
            path = Path(here, name)
            if path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found
