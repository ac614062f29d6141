"""`clearhouse publish` and `clearhouse verify` say the same to people and to scripts."""

import json
from datetime import UTC, datetime

import pytest

from casebook import accepted, move, set_clock
from clearhouse.formats import feed
from command_line import command_line


@pytest.fixture
def run(app):
    set_clock(app, datetime.now(UTC))
    move(app, days=-33)
    accepted(app)
    move(app, days=30)
    return command_line(app)


def answer(result):
    return json.loads(result.stdout)


def test_from_what_is_due_to_a_feed_that_verifies(app, run, tmp_path):
    [id_] = answer(run("publish", "due", "--json"))["published"]
    assert "nothing is due" in run("publish", "due").stdout
    folder, state = app.desk.published_folder, tmp_path / "state.json"
    found = answer(run("verify", "feed", folder, "--state", state, "--json"))
    assert (found["holds"], found["advisories"], found["proofs"]) == (True, 1, 1)
    assert "everything holds" in run("verify", folder).stdout

    # A day later it is signed anew, and new keys are led to; a reader who remembers follows.
    assert "new enough" in run("publish", "renew").stdout
    move(app, hours=25)
    assert answer(run("publish", "renew", "--json"))["renewed"]
    assert answer(run("publish", "rotate-keys", "--json"))["keys_version"] == 2
    assert answer(run("publish", "rebuild", "--json"))["advisories"] == 1
    assert (
        answer(run("verify", "feed", folder, "--state", state, "--json"))["feed"]["sequence"] == 4
    )

    # What was remembered is held against what comes; what is broken is told apart.
    ahead = json.loads(state.read_text()) | {"sequence": 99}
    state.write_text(json.dumps(ahead))
    refused = answer(run("verify", "feed", folder, "--state", state, "--json", code=1))
    assert refused["faults"][0]["code"] == "rolled-back"
    state.write_text("{}")
    run("verify", "feed", folder, "--state", state, code=65)
    stranger = "A" * 43 + "="
    assert (
        "signed none of the lists"
        in run("verify", "feed", folder, "--key", stranger, code=1).stdout
    )

    # One document, and the provider as a whole.
    document = folder / id_[4:8] / id_ / "osv.json"
    assert "the ledger has it" in run("verify", document).stdout
    elsewhere = tmp_path / "osv.json"
    elsewhere.write_bytes(document.read_bytes())
    assert "keys.json" in run("verify", elsewhere, code=1).stdout
    proof, keys = document.with_name("proof.json"), folder / feed.KEYS_PATH
    held = run("verify", "file", elsewhere, "--proof", proof, "--keys", keys, "--json")
    assert answer(held)["holds"]
    checked = answer(run("verify", "provider", folder, "--json"))
    assert [one["number"] for one in checked["requirements"]] == list(range(1, 21))
    (folder / "csaf/service.json").unlink()
    (folder / ".well-known/csaf/provider-metadata.json").unlink()
    assert "ROLIE service document" in run("verify", "provider", folder, code=1).stdout
