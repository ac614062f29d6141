"""Whatever is done to published files, the check names what, whose fault it is and what to do."""

import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from clearhouse.clearing.deliver.verify import places
from clearhouse.clearing.deliver.verify.feed import summary, verify_feed, verify_file
from clearhouse.clearing.deliver.verify.places import FolderPlace, PlaceError, WebPlace, place_of
from clearhouse.clearing.deliver.verify.provider import METADATA, check_provider
from clearhouse.clearing.deliver.verify.record import Outcome
from clearhouse.formats import dsse, feed, merkle
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.formats.feed_faults import Code
from providers import LEDGER_KEY, NOW, issue, put, seen

DOCUMENT = "csaf/white/2026/clr-2026-00001.json"


def proven(number=1, **facts):
    """Return an issue with the proof that its decision is the one event of a ledger."""
    one = issue(number, **facts)
    files = {name: data for name, data in one.files.items() if name != "proof.json"}
    hashes = {name: feed.file_of("", data).sha256 for name, data in files.items()}
    event = {"subject": one.id, "data": {"sha256": hashes}}
    root = merkle.leaf_hash(canonical_bytes(event)).hex()
    head = canonical_bytes({"size": 1, "root": root})
    proof = {
        "event": event, "leaf_index": 0, "path": [],
        "tree_head": dsse.seal(head, "application/vnd.clearhouse.tree-head+json", [LEDGER_KEY]),
    }  # fmt: skip
    return replace(one, files={**files, "proof.json": json.dumps(proof).encode()})


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A provider of two advisories as a downloaded folder: plain files, no links."""
    folder = tmp_path_factory.mktemp("provider")
    put(folder / "shelf", [proven(1), proven(2, purl="pkg:npm/left")])
    for path, data in seen(folder / "shelf").items():
        (folder / "plain" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "plain" / path).write_bytes(data)
    return folder / "plain"


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published, tmp_path / "copy", copy_function=os.link)


def edit(folder, path, change):
    """Change a file that may be shared with other copies."""
    data = (folder / path).read_bytes()
    (folder / path).unlink()
    changed = change(data)
    if changed is not None:
        (folder / path).write_bytes(changed)


def verified(folder, *, at=NOW, **more):
    return verify_feed(FolderPlace(str(folder)), at=at, **more)


def test_what_was_published_holds(folder):
    found = verified(folder)
    assert found.holds, found.faults
    assert (found.advisories, found.proofs) == (2, 2)
    assert summary(found)[-1] == "everything holds"


def swapped(folder):
    first, second = (folder / f"2026/CLR-2026-0000{n}/proof.json" for n in (1, 2))
    return first.read_bytes(), second.read_bytes()


@pytest.mark.parametrize(
    ("path", "change", "code", "file"),
    [
        ("feed/keys.json", lambda _: None, Code.MISSING, "feed/keys.json"),
        ("feed/manifest.json", lambda _: None, Code.MISSING, "feed/manifest.json"),
        ("feed/manifest.json", lambda data: data[:99], Code.BROKEN, "feed/manifest.json"),
        ("osv/all.zip", lambda data: data + b"x", Code.MISMATCH, "osv/all.zip"),
        ("2026/CLR-2026-00002/osv.json", lambda _: None, Code.MISSING,
         "2026/CLR-2026-00002/osv.json"),
        ("2026/CLR-2026-00001/csaf.json", lambda data: data.replace(b"null", b"nil "),
         Code.MISMATCH, "2026/CLR-2026-00001/csaf.json"),
        ("2026/CLR-2026-00001/proof.json", lambda data: data + b" ", Code.MISMATCH,
         "2026/CLR-2026-00001/proof.json"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_the_signed_one_is_named(folder, path, change, code, file):
    edit(folder, path, change)
    found = verified(folder)
    assert [(one.code, one.file) for one in found.faults][:1] == [(code, file)]
    assert not found.holds
    assert "1 faults" in summary(found)[-1]


def test_a_missing_list_is_no_reason_to_pass_the_rest_off_as_whole(folder):
    shutil.rmtree(folder / "feed/lists")
    found = verified(folder)
    assert (found.advisories, found.faults[0].code) == (0, Code.MISSING)
    assert found.opened.manifest.advisories == 2


def test_a_feed_past_its_end_is_looked_through_and_not_taken_for_new(folder):
    found = verified(folder, at=NOW + timedelta(days=8))
    assert [one.code for one in found.faults] == [Code.EXPIRED]
    assert found.advisories == 2
    future = verified(folder, at=NOW - timedelta(days=1))
    assert [one.code for one in future.faults] == [Code.FUTURE]


def test_what_a_reader_remembers_and_trusts_counts(folder):
    known = verified(folder).opened.known
    assert verified(folder, known=known).holds
    ahead = replace(known, sequence=9)
    assert [one.code for one in verified(folder, known=ahead).faults] == [Code.ROLLED_BACK]
    stranger = feed.public_text(LEDGER_KEY.public_key())
    assert [one.code for one in verified(folder, trusted=stranger).faults] == [Code.UNTRUSTED]


def proof_of(folder, change):
    """Verify a document with a proof that somebody changed."""
    place = folder / "2026/CLR-2026-00001"
    proof = json.loads((place / "proof.json").read_bytes())
    change(proof)
    (folder / "proof.json").write_text(json.dumps(proof))
    return verify_file(
        place / "osv.json", proof=folder / "proof.json", keys=folder / "feed/keys.json"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda proof: proof["event"]["data"]["sha256"].update({"osv.json": "0"}),
         "/event/data/sha256/osv.json"),
        (lambda proof: proof["event"].update(kind="else"), "/path"),
        (lambda proof: proof.update(path=["00" * 32]), "/path"),
        (lambda proof: proof["tree_head"].update(payload="e30="), "/tree_head"),
        (lambda proof: proof.update(tree_head=dsse.seal(b"{}", "x", [LEDGER_KEY])), "/tree_head"),
        (lambda proof: proof.pop("event"), ""),
        (lambda proof: proof.update(leaf_index="x"), ""),
    ],
)  # fmt: skip
def test_a_proof_that_does_not_prove_it_is_refused_at_its_place(folder, change, field):
    assert field in [one.field for one in proof_of(folder, change)]


def test_a_proof_holds_for_its_own_document(folder):
    assert proof_of(folder, lambda _: None) == ()
    [fault] = verify_file(
        folder / "nowhere.json", proof=folder / "p", keys=folder / "feed/keys.json"
    )
    assert (fault.code, fault.file) == (Code.MISSING, str(folder / "nowhere.json"))


def outcomes(folder, place=None):
    found = check_provider(place or FolderPlace(str(folder)))
    return {one.number: one.outcome for one in found}


def failed(folder):
    return {number for number, one in outcomes(folder).items() if one is Outcome.FAILED}


def test_a_folder_meets_every_requirement_that_a_folder_can_show(folder):
    found = outcomes(folder)
    assert failed(folder) == set()
    assert {number for number, one in found.items() if one is Outcome.NOT_CHECKED} == {3, 6}


def metadata(**changes):
    return lambda data: json.dumps(json.loads(data) | changes).encode()


def text(old, new):
    return lambda data: data.replace(old, new)


@pytest.mark.parametrize(
    ("number", "path", "change"),
    [
        (1, DOCUMENT, lambda _: None),
        (1, DOCUMENT, text(b'"csaf_version": "2.0"', b'"csaf_version": "3.0"')),
        (1, DOCUMENT, lambda _: b"{]"),
        (2, DOCUMENT, text(b'"id": "CLR-2026-00001"', b'"id": "CLR 1"')),
        (4, DOCUMENT, lambda _: None),
        (5, DOCUMENT, text(b'"WHITE"', b'"RED"')),
        (7, METADATA, metadata(role="csaf_provider")),
        (7, METADATA, lambda _: None),
        (7, METADATA, metadata(canonical_url="https://x.example/else.json")),
        (7, METADATA, lambda data: json.dumps(
            {k: v for k, v in json.loads(data).items() if k != "publisher"}).encode()),
        (18, f"{DOCUMENT}.sha256", lambda _: None),
        (18, f"{DOCUMENT}.sha512", text(b"clr", b"CLR")),
        (19, f"{DOCUMENT}.asc", lambda _: None),
        (19, DOCUMENT, lambda data: data + b" "),
        (20, METADATA, metadata(public_openpgp_keys=[])),
        (20, METADATA, metadata(public_openpgp_keys=[{"url": "https://x.example", "fingerprint": "A"}])),
    ],
)  # fmt: skip
def test_each_requirement_fails_when_what_it_asks_is_broken(folder, number, path, change):
    edit(folder, path, change)
    assert number in failed(folder)


@pytest.mark.parametrize(
    ("number", "path", "change"),
    [
        (8, ".well-known/security.txt", text(b"CSAF:", b"Else:")),
        (11, DOCUMENT, text(b'"initial_release_date": "2026', b'"initial_release_date": "2025')),
        (12, "csaf/white/index.txt", text(b"2026/clr-2026-00001.json\n", b"")),
        (13, "csaf/white/changes.csv", text(b"2026-", b"2025-")),
        (13, "csaf/white/changes.csv",
         lambda data: b'"2026/a.json","2020-01-01T00:00:00Z"\n' + data),
        (14, "csaf/white/2026/index.html", lambda _: None),
        (15, "csaf/white/csaf-feed-tlp-white.json", lambda _: b'{"feed": {"entry": []}}'),
        (16, "csaf/service.json", lambda _: None),
        (17, "csaf/category.json", lambda _: None),
    ],
)  # fmt: skip
def test_of_two_ways_one_is_enough_and_the_other_is_said_to_be_broken(folder, number, path, change):
    edit(folder, path, change)
    [one] = [each for each in check_provider(FolderPlace(str(folder))) if each.number == number]
    assert one.said
    assert one.outcome is Outcome.NOT_NEEDED


def test_without_either_way_both_fail(folder):
    edit(folder, METADATA, metadata(distributions=[]))
    assert failed(folder) >= {1, 11, 12, 13, 14, 15, 16, 17}
    edit(folder, METADATA, lambda _: b"[]")
    assert failed(folder) >= {1, 7, 15}


def test_a_place_is_an_address_or_a_folder(tmp_path):
    assert place_of("https://x.example/") == WebPlace("https://x.example")
    place = place_of(str(tmp_path))
    assert place == FolderPlace(str(tmp_path))
    assert place.get("x") is None
    (tmp_path / "index.html").write_text("listing")
    assert place.get("") is None
    assert FolderPlace(str(tmp_path.parent)).get(f"{tmp_path.name}/") == b"listing"
    with pytest.raises(PlaceError, match="too long"):
        place.get("x" * 5000)


def test_an_address_that_does_not_answer_is_a_fault_of_its_own():
    place = WebPlace("http://127.0.0.1:9")
    with pytest.raises(PlaceError, match=r"127\.0\.0\.1:9/x"):
        place.get("x")
    [fault] = verify_feed(place, at=NOW).faults
    assert fault.code is Code.MISSING
    assert outcomes(None, place)[7] is Outcome.FAILED
    assert places.MOST_BYTES
