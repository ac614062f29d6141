"""The documents hold together: every link and picture leads somewhere, and the site is made of them."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearhouse.surfaces.cli.docs import lay_out, missing_pictures
from clearhouse.surfaces.cli.main import cli

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
PNG = b"\x89PNG\r\n\x1a\n"


def pages():
    return [*PROJECT.glob("*.md"), *(PROJECT / "examples").glob("*.md"), *DOCS.rglob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_of_a_page_leads_to_something_in_the_project(page):
    links = [one for one in LINK.findall(page.read_text("utf-8")) if "://" not in one]
    assert not [one for one in links if not (page.parent / one).exists()]


def _names(entries):
    for entry in entries:
        (value,) = entry.values()
        yield from [value] if isinstance(value, str) else _names(value)


def test_the_site_leads_to_every_page_and_to_none_that_is_not_there():
    told = tomllib.loads((PROJECT / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert set(_names(told)) == {one for one in there if not re.match(r"adr/\d", one)}


def test_screenshots_are_shown_where_they_are_and_nothing_where_they_are_not(tmp_path):
    taken = tmp_path / "screenshots"
    taken.mkdir()
    (taken / "auditor-1-ledger.png").write_bytes(PNG)
    source = lay_out(PROJECT, taken, tmp_path / "made")
    shown = (source / "users" / "auditor.md").read_text()
    assert "![Screenshot: auditor ledger](../images/screenshots/auditor-1-ledger.png)" in shown
    assert "<!-- screenshot" not in (source / "users" / "lab.md").read_text()
    assert list(missing_pictures(source)) == []
    (source / "users" / "auditor.md").write_text("![x](../images/none.png)")
    assert list(missing_pictures(source)) == [
        "users/auditor.md: there is no picture ../images/none.png"
    ]


def test_the_page_of_the_decisions_names_each(tmp_path):
    source = lay_out(PROJECT, tmp_path, tmp_path / "made")
    listed = (source / "adr" / "README.md").read_text()
    assert all(f"({one.name})" in listed for one in (DOCS / "adr").glob("[0-9]*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("needs the extra `docs`: ./clearhouse docs installs it")
    into = tmp_path_factory.mktemp("site")
    done = _make(PROJECT, into)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["faults"] == []
    return into / "site"


def _make(project, into):
    environment = {"CLEARHOUSE_PROJECT": str(project), "CLEARHOUSE_HOME": str(into / "none")}
    return CliRunner().invoke(cli, ["docs", "--into", str(into), "--json"], env=environment)


def test_the_site_is_made_whole(site):
    made = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    wanted = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    assert {one.replace("README", "index") for one in wanted} <= made
    assert "Analyst" in (site / "index.html").read_text()


def test_pages_of_the_site_load_nothing_from_elsewhere(site):
    loads = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
    for page in site.rglob("*.html"):
        assert not loads.findall(page.read_text("utf-8")), page.name
        assert 'class="mermaid"' not in page.read_text("utf-8"), "drawing it loads a script"


def test_a_link_that_leads_nowhere_stops_the_site(site, tmp_path):
    assert site.is_dir()
    project = tmp_path / "project"
    (project / "docs" / "adr").mkdir(parents=True)
    (project / "docs" / "adr" / "README.md").write_text("# D\n")
    (project / "docs" / "index.md").write_text(
        "# X\n\n[away](nowhere.md) [none](adr/README.md#no)\n"
    )
    (project / "zensical.toml").write_text('[project]\nsite_name = "X"\ndocs_dir = "docs"\n')
    done = _make(project, tmp_path / "into")
    assert done.exit_code == 1
    assert "index.md:3" in done.stderr
