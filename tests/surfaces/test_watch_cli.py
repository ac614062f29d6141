"""`clearhouse watch` as an operator types it, with feeds of every kind and in every bad state."""

import functools
import json
import re
import shutil
import threading
import zipfile
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearhouse.formats import feed
from clearhouse.surfaces.cli import watch
from operator_side import KEY, NOW, STRANGER, osv, put, signed_feed

EXAMPLES = Path(__file__).parents[2] / "examples" / "operator"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "system_clock", lambda: NOW)

    def invoke(inventory, *arguments, code):
        path = tmp_path / "inventory.txt"
        if isinstance(inventory, Path):
            path = inventory
        else:
            path.write_text(inventory, "utf-8")
        keep = ["--keep", str(tmp_path / "keep")]
        result = CliRunner().invoke(watch.command, [str(path), *map(str, arguments), *keep])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def test_the_example_hospital_gets_its_three_answers(run, tmp_path):
    page, vex, sarif = (tmp_path / name for name in ("page.html", "vex.json", "log.sarif"))
    said = run(
        EXAMPLES / "hospital.csv", "--feed", EXAMPLES / "advisories", "--feed", EXAMPLES / "kev.json",
        "--html", page, "--vex", vex, "--sarif", sarif, code=1,
    )  # fmt: skip
    for question in ("Are we affected?", "By when must we act?", "What if we cannot patch?"):
        assert question in said
        assert question in page.read_text()
    assert "log4j-core 2.14.1 on appointment server" in said
    assert "Not evaluated: 2" in said
    assert "<script" not in page.read_text()
    assert not re.findall(r"(?:src|href)=\"(?!#|https?://)", page.read_text()), "nothing beside it"
    assert json.loads(vex.read_text())["bomFormat"] == "CycloneDX"
    assert json.loads(sarif.read_text())["runs"][0]["results"]


@pytest.mark.parametrize(
    ("inventory", "code"), [("a==1\n", 1), ("a==2\n", 0), ("a==2\na @ file:///x\n", 3)]
)
def test_the_exit_code_says_which_of_three_answers_it_is(run, tmp_path, inventory, code):
    folder = put(tmp_path / "docs", osv())
    document = json.loads(run(inventory, "--feed", folder, "--json", code=code))
    assert document["conclusion"] == {0: "clean", 1: "affected", 3: "not-evaluated"}[code]
    assert [one["place"] for one in document["not_evaluated"]] == (["line 2"] if code == 3 else [])


def test_an_inventory_that_is_none_is_refused_with_the_file_named(run, tmp_path):
    said = run("\x1b[31mhello", "--feed", put(tmp_path / "docs", osv()), code=65)
    assert "inventory.txt is refused" in said
    assert "\x1b" not in said


def test_hostile_names_neither_steer_the_terminal_nor_become_markup(run, tmp_path):
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [
            {
                "name": "\x1b[2J<img src=x onerror=alert(1)>\u202e",
                "version": "1",
                "purl": "pkg:pypi/a@1",
            }
        ],
    }
    folder = put(tmp_path / "docs", osv(summary="<script>alert(1)</script>\x1b]0;x\x07"))
    said = run(json.dumps(bom), "--feed", folder, "--html", tmp_path / "p.html", code=1)
    page = (tmp_path / "p.html").read_text()
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "<img" not in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;img" in page, "there was something to escape"


def test_a_signed_feed_is_verified_and_remembered(run, tmp_path):
    folder = signed_feed(tmp_path / "feed", [osv()])
    said = json.loads(run("a==1\n", "--feed", folder, "--json", code=1))
    assert "first sight" in said["warnings"][0]
    key = feed.public_text(KEY.public_key())
    again = json.loads(run("a==1\n", "--feed", folder, "--key", key, "--json", code=1))
    assert again["warnings"] == []
    assert again["sources"][0]["kind"] == "signed feed"


def changed(folder, pattern, change):
    (file,) = folder.glob(pattern)
    file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (
            lambda one: changed(one, "feed/manifest.json", lambda data: data[:50]),
            "feed/manifest.json",
        ),
        (lambda one: changed(one, "feed/lists/*.json", lambda data: data[:-9]), "feed/lists/"),
        (lambda one: changed(one, "2026/*/osv.json", lambda data: data + b" "), "osv.json"),
        (lambda one: shutil.rmtree(one / "2026"), "osv.json"),
        (lambda one: signed_feed(one, [osv()], key=STRANGER), "feed/keys.json"),
        (
            lambda one: signed_feed(one, [osv()], sequence=1, issued=NOW - timedelta(hours=1)),
            "/sequence",
        ),
        (
            lambda one: signed_feed(one, [osv()], sequence=9, issued=NOW + timedelta(days=2)),
            "/issued",
        ),
    ],
    ids=[
        "cut",
        "list-cut",
        "document-changed",
        "document-gone",
        "other-key",
        "rolled-back",
        "future",
    ],
)
def test_a_feed_in_a_bad_state_is_refused_with_file_and_field(run, tmp_path, spoil, named):
    folder = signed_feed(tmp_path / "feed", [osv()], sequence=2)
    run("a==1\n", "--feed", folder, code=1)
    for index in (tmp_path / "keep").glob("*.sqlite"):
        index.unlink()
    spoil(folder)
    said = run("a==1\n", "--feed", folder, code=65)
    assert named in said
    assert "Are we affected" not in said, "no part of an answer passes for a whole one"


def test_a_feed_past_its_end_still_answers_and_is_never_called_clean(run, tmp_path):
    folder = signed_feed(tmp_path / "feed", [osv()], issued=NOW - timedelta(days=30))
    document = json.loads(run("a==2\n", "--feed", folder, "--json", code=3))
    assert any("newer advisories are not known" in one for one in document["warnings"])


def test_a_zip_of_osv_is_read_and_a_member_whose_bytes_changed_is_damage(run, tmp_path):
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("GHSA-a.json", json.dumps(osv()))
        file.writestr("GHSA-b.json", json.dumps(osv("GHSA-b", "b")))
    assert "Yes." in run("a==1\n", "--feed", archive, code=1)
    data = bytearray(archive.read_bytes())
    data[60] ^= 0xFF
    archive.write_bytes(data)
    said = json.loads(run("b==9\n", "--feed", archive, "--json", code=3))
    assert said["sources"][0]["damage"][0].startswith("GHSA-a.json:")
    archive.write_bytes(bytes(data[:-40]))
    assert "cut off" in run("a==1\n", "--feed", archive, code=65)


RULES = [
    ("dtc_good", (NOW + timedelta(days=9)).date(), b"rule good { condition: true }"),
    ("dtc_over", NOW.date(), b"rule over { condition: true }"),
]


def test_rules_of_a_signed_feed_are_named_saved_and_left_aside_when_expired(run, tmp_path):
    folder = signed_feed(tmp_path / "feed", [osv(), osv("GHSA-b", "b")], rules=RULES)
    page, saved = tmp_path / "page.html", tmp_path / "rules"
    said = run("a==1\nb==1\n", "--feed", folder, "--html", page, "--rules", saved, code=1)
    assert "dtc_good  yara for GHSA-aaaa" in said
    assert "dtc_over" not in said
    assert "dtc_good" in page.read_text()
    assert {one.name: one.read_bytes() for one in saved.iterdir()} == {"dtc_good.yar": RULES[0][2]}
    flaws = json.loads(run("a==1\nb==1\n", "--feed", folder, "--json", code=1))["flaws"]
    found = {one["id"]: [each["id"] for each in one["detection_rules"]] for one in flaws}
    assert found == {"GHSA-aaaa": ["dtc_good"], "GHSA-b": []}


def test_a_rule_whose_bytes_are_not_the_signed_ones_is_refused(run, tmp_path):
    folder = signed_feed(tmp_path / "feed", [osv()], rules=RULES)
    file = folder / "detections/CLR-2026-00001/dtc_good.yar"
    run("a==1\n", "--feed", folder, code=1)
    file.write_bytes(b"rule evil { condition: true }")
    said = run("a==1\n", "--feed", folder, "--rules", tmp_path / "rules", code=65)
    assert "SHA-256 is not the signed one" in said
    shutil.rmtree(tmp_path / "keep")
    assert "dtc_good.yar" in run("a==1\n", "--feed", folder, code=65), "and before it is taken in"


@pytest.fixture
def serve():
    """Serve a folder on loopback and note what was asked for."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            asked.append((self.path, str(self.headers)))
            super().do_GET()

    servers = []

    def start(folder):
        handler = functools.partial(Handler, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start, asked
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_feed_of_the_network_is_kept_and_answers_offline_and_learns_nothing(run, tmp_path, serve):
    start, asked = serve
    folder = signed_feed(tmp_path / "feed", [osv(name="secretlib"), osv("GHSA-b", "b")])
    address = start(folder)
    run("secretlib==1.2345\n", "--feed", address, code=1)
    first = len(asked)
    run("secretlib==1.2345\n", "--feed", address, code=1)
    assert len(asked) == first + 2, "keys and manifest alone, when nothing is new"
    run("secretlib==1.2345\n", "--feed", address, "--offline", code=1)
    assert len(asked) == first + 2
    assert not [one for one in asked if "secretlib" in str(one) or "1.2345" in str(one)]


def test_offline_without_anything_kept_says_what_to_do(run):
    said = run("a==1\n", "--feed", "https://feed.example", "--offline", code=65)
    assert "run once without --offline" in said


def test_a_network_that_fails_is_no_answer(run):
    assert "check the address" in run("a==1\n", "--feed", "http://127.0.0.1:9", code=69)


def test_a_zip_of_the_network_is_fetched_once(run, tmp_path, serve):
    start, _ = serve
    (tmp_path / "www").mkdir()
    with zipfile.ZipFile(tmp_path / "www" / "all.zip", "w") as file:
        file.writestr("GHSA-a.json", json.dumps(osv()))
    address = f"{start(tmp_path / 'www')}/all.zip"
    run("a==1\n", "--feed", address, code=1)
    run("a==1\n", "--feed", address, code=1)
    run("a==1\n", "--feed", address, "--offline", code=1)
