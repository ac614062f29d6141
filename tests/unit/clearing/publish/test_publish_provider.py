"""What a provider shows follows from what is out, in whatever steps it came out."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from clearhouse.clearing.publish import cards, provider
from clearhouse.clearing.publish.cards import CardError
from clearhouse.formats import feed_reading
from clearhouse.formats.tlp import Tlp
from providers import ADDRESS, NOW, PROVIDER, issue, put, seen


def whole(folder):
    """Read a feed as a stranger does."""
    chain = feed_reading.read_keys((folder / "feed/keys.json").read_bytes())
    data = (folder / "feed/manifest.json").read_bytes()
    manifest = feed_reading.read_manifest(data, chain, at=NOW).manifest
    entries = [
        entry
        for one in manifest.lists
        for entry in feed_reading.read_list((folder / one.file.path).read_bytes(), one)
    ]
    for one in (*manifest.archives, *(file for entry in entries for file in entry.documents)):
        feed_reading.check_file((folder / one.path).read_bytes(), one)
    return manifest, entries


def test_step_by_step_or_at_once_the_same_files_stand_there(tmp_path):
    issues = [issue(1), issue(2, purl="pkg:npm/left"), issue(700, purl="pkg:generic/thing")]
    corrected = issue(2, revision=2, at=NOW + timedelta(hours=1), purl="pkg:cargo/left")
    put(tmp_path / "steps", issues[:1])
    put(tmp_path / "steps", issues[1:], sequence=2)
    put(tmp_path / "steps", [corrected], sequence=3)
    put(tmp_path / "once", [issues[0], corrected, issues[2]], sequence=3)
    steps, once = seen(tmp_path / "steps"), seen(tmp_path / "once")
    assert steps.pop("history/CLR-2026-00002/1/osv.json")
    kept = {
        path: data
        for path, data in steps.items()
        if not path.startswith(("history/CLR-2026-00002/1/", "feed/lists/"))
    }
    assert kept == {path: data for path, data in once.items() if not path.startswith("feed/lists/")}
    assert not (tmp_path / "steps/osv/npm/x_CLR-2026-00002.json").exists()
    assert (tmp_path / "steps/osv/crates.io/x_CLR-2026-00002.json").exists()


def test_the_feed_holds_every_document_by_its_hash(tmp_path):
    put(tmp_path, [issue(1), issue(2), issue(501)])
    manifest, entries = whole(tmp_path)
    assert [one.advisories for one in manifest.lists] in ([1, 2], [2, 1])
    assert {one.id for one in entries} == {"CLR-2026-00001", "CLR-2026-00002", "CLR-2026-00501"}
    assert all(one.document("proof.json") and one.document("osv.json") for one in entries)
    with zipfile.ZipFile(io.BytesIO((tmp_path / "osv/all.zip").read_bytes())) as archive:
        assert len(archive.namelist()) == 3
        name = "x_CLR-2026-00501.json"
        assert archive.read(name) == (tmp_path / "2026/CLR-2026-00501/osv.json").read_bytes()


def test_the_lists_of_the_state_before_stay_for_readers_half_way(tmp_path):
    put(tmp_path, [issue(1)])
    old = whole(tmp_path)[0].lists[0].file
    put(tmp_path, [issue(2)], sequence=2)
    assert (tmp_path / old.path).is_file()
    put(tmp_path, [issue(3)], sequence=3)
    assert not (tmp_path / old.path).exists()
    assert whole(tmp_path)[0].sequence == 3


def test_a_new_advisory_leaves_the_lists_and_archives_of_others_alone(tmp_path):
    put(tmp_path, [issue(1), issue(600, purl="pkg:npm/left")])
    untouched = tmp_path / "osv/npm/all.zip"
    before = untouched.stat().st_ino
    put(tmp_path, [issue(2)], sequence=2)
    assert untouched.stat().st_ino == before


def test_readers_of_people_get_atom_with_every_sign_escaped(tmp_path):
    put(tmp_path, [issue(1, summary='<b>&"\u2028\x07 ]]>')])
    root = ET.parse(tmp_path / "atom.xml").getroot()  # noqa: S314 (our own file)
    names = {"a": "http://www.w3.org/2005/Atom"}
    assert "<b>&" in root.findtext("a:entry/a:title", namespaces=names)
    link = root.find("a:entry/a:link", names)
    assert link.get("href") == f"{ADDRESS}/advisories/CLR-2026-00001"


def test_an_empty_house_has_an_empty_feed(tmp_path):
    put(tmp_path, [])
    manifest, entries = whole(tmp_path)
    assert (manifest.advisories, entries) == (0, [])
    assert json.loads((tmp_path / provider.FEED).read_bytes())["feed"]["entry"] == []


@pytest.mark.parametrize("label", [Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED])
def test_what_is_not_for_everybody_never_stands_where_everybody_reads(tmp_path, label):
    with pytest.raises(CardError, match="must not stand"):
        put(tmp_path, [issue(1), issue(2, tlp=label)])
    assert seen(tmp_path) == {}


def test_cards_come_back_as_they_were():
    made = [cards.card(issue(1, summary="a\u2028\x85b")), cards.card(issue(2))]
    assert list(cards.read(cards.write(made)).values()) == made
    assert cards.read(None) == {}


def test_contact_and_authority_are_said_where_there_are_any(tmp_path):
    house = replace(
        PROVIDER,
        publisher=replace(PROVIDER.publisher, contact=None, issuing_authority="Of the state"),
    )
    put(tmp_path, [issue(1)], house=house)
    assert f"Contact: {ADDRESS}/report" in (tmp_path / ".well-known/security.txt").read_text()
    metadata = json.loads((tmp_path / provider.METADATA).read_bytes())
    assert metadata["publisher"]["issuing_authority"] == "Of the state"
