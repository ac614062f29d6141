"""A provider made by the house and served by its counter, checked and read by strangers."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from csaf import _hash, _sign
from csaf._distribute import _fetch_instance, _fetch_raw, extract_rolie_sources

from casebook import accepted, move, set_clock
from clearhouse.clearing.deliver.verify.feed import verify_feed, verify_file
from clearhouse.clearing.deliver.verify.places import FolderPlace, WebPlace
from clearhouse.clearing.deliver.verify.provider import check_provider
from clearhouse.clearing.deliver.verify.record import REQUIREMENTS, Outcome
from clearhouse.clearing.deliver.watch.operations import am_i_affected
from clearhouse.clearing.deliver.watch.sources import Keeping, open_source
from clearhouse.clearing.publish import operations
from clearhouse.formats.inventory_reading import read as read_inventory


@pytest.fixture(scope="module")
def port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def provider(app, port):
    """Publish a case and serve its house by a counter process; return the counter's address."""
    address = f"http://127.0.0.1:{port}"
    set_clock(app, datetime.now(UTC))
    move(app, days=-31)
    accepted(app)
    move(app, days=30)
    desk = replace(app.desk, outside=replace(app.desk.outside, counter_address=address))
    assert operations.publish_due(desk)
    environment = os.environ | {
        "CLEARHOUSE_HOME": str(app.home),
        "CLEARHOUSE_PUBLISHED": str(desk.published_folder),
    }
    command = [sys.executable, "-m", "clearhouse.app", "serve", "counter", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the counter did not start"
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def test_it_meets_every_requirement_of_a_trusted_provider_and_strangers_read_it(
    app, provider, tmp_path
):
    # Our own check names each requirement; loopback has no TLS, and DNS is one way of three.
    found = {one.number: one for one in check_provider(WebPlace(provider))}
    assert list(found) == list(REQUIREMENTS) == list(range(1, 21))
    others = {3: Outcome.FAILED, 10: Outcome.NOT_NEEDED}
    assert {number: one.outcome for number, one in found.items()} == {
        number: others.get(number, Outcome.MET) for number in REQUIREMENTS
    }, [one for one in found.values() if one.said]

    # The parts of an independent client find, validate and verify it. (Its own walk reads feeds as
    # Atom XML, where the standard has JSON, so the feed is read here.)
    metadata, _ = _fetch_instance(f"{provider}/.well-known/csaf/provider-metadata.json")
    [(feed_url, *_)] = [
        one for one in extract_rolie_sources(metadata) if "feed-tlp-white" in one[0]
    ]
    [entry] = _fetch_instance(feed_url)[0]["feed"]["entry"]
    document = tmp_path / entry["content"]["src"].rpartition("/")[2]
    for ending in ("", ".sha256", ".sha512", ".asc"):
        body, _ = _fetch_raw(entry["content"]["src"] + ending)
        document.with_name(document.name + ending).write_bytes(body)
    key = tmp_path / "key.asc"
    key.write_bytes(_fetch_raw(metadata["public_openpgp_keys"][0]["url"])[0])
    shown = next(app.desk.published_folder.glob("[0-9]*/*/csaf.json"))
    assert document.read_bytes() == shown.read_bytes()
    assert _hash.check(document, "sha256")[0]
    assert _hash.check(document, "sha512")[0]
    if shutil.which("gpg"):
        valid, said = _sign.verify(document, document.with_name(f"{document.name}.asc"), key)
        assert valid, said

    # The feed verifies over the network and on disk, and so does one document that was kept.
    for place in (WebPlace(provider), FolderPlace(str(app.desk.published_folder))):
        verified = verify_feed(place, at=datetime.now(UTC))
        assert verified.holds, verified.faults
        assert (verified.advisories, verified.proofs) == (1, 1)

    # An operator's own watch reads it, and says that the version it has is affected.
    keeping = Keeping(folder=tmp_path / "keep")
    inventory = read_inventory(b"example-yaml==5.3\nharmless==1.0\n")
    for where in (provider, str(app.desk.published_folder)):
        source = open_source(where, keeping, at=datetime.now(UTC))
        answer = am_i_affected(inventory, [source], at=datetime.now(UTC))
        assert [(flaw.id, flaw.hits[0].fixed_in) for flaw in answer.flaws] == [
            ("CLR-2026-00001", "5.4")
        ]

    keys = app.desk.published_folder / "feed/keys.json"
    assert verify_file(shown, proof=shown.parent / "proof.json", keys=keys) == ()
    changed = tmp_path / "csaf.json"
    changed.write_bytes(shown.read_bytes().replace(b"2.0", b"2.1"))
    [fault] = verify_file(changed, proof=shown.parent / "proof.json", keys=keys)
    assert fault.field == "/event/data/sha256/csaf.json"
    event = json.loads((shown.parent / "proof.json").read_bytes())["event"]
    assert event["subject"] == shown.parent.name
