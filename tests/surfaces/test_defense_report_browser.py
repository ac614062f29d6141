"""The report in a real browser and on paper, where this machine has Chromium."""

import html
import json
import os
import re
import shutil
import subprocess

import pytest

from browser import CHROMIUM, needs_chromium
from clearhouse.surfaces.web.defense_view import report, verdict
from defense_cards import whole

WIDTHS = (360, 1280, 1920)
# Sizes are read from outside: the report itself allows no script.
HARNESS = """<!doctype html><body>%s<script>
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map((frame) => {
    const page = frame.contentDocument, root = page.documentElement;
    const outside = [...page.querySelectorAll("svg.picture text")].filter((text) => {
      const inner = text.getBoundingClientRect(), outer = text.closest("svg").getBoundingClientRect();
      return inner.left < outer.left - 2 || inner.right > outer.right + 2 || inner.bottom > outer.bottom + 2;
    });
    const sizes = [...page.querySelectorAll("svg.picture text")].map((text) => text.getBoundingClientRect().height);
    return {overflow: root.scrollWidth - root.clientWidth, pictures: page.querySelectorAll("svg.picture").length,
            outside: outside.map((text) => text.textContent), smallest: Math.min(...sizes)};
  });
  document.body.textContent = "";
  const said = document.createElement("pre");
  said.textContent = JSON.stringify(found);
  document.body.append(said);
});
</script>"""


def chromium(tmp_path, *arguments):
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    command = [
        CHROMIUM,
        "--headless",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/browser",
        *root,
    ]
    return subprocess.run(
        [*command, *arguments], check=True, capture_output=True, timeout=120
    ).stdout


@pytest.fixture(scope="module")
def card():
    return whole(tool="an-agent-with-a-long-name")


@needs_chromium
def test_nothing_overflows_and_every_label_is_readable_on_phone_laptop_and_wall(card, tmp_path):
    page = html.escape(report(card))
    frames = [f'<iframe width="{width}" height="900" srcdoc="{page}"></iframe>' for width in WIDTHS]
    (tmp_path / "harness.html").write_text(HARNESS % "".join(frames))
    dom = chromium(
        tmp_path, "--virtual-time-budget=5000", "--dump-dom", f"file://{tmp_path}/harness.html"
    ).decode()
    found = json.loads(html.unescape(re.search("<pre>(.*)</pre>", dom, re.DOTALL)[1]))
    assert len(found) == len(WIDTHS)
    for one in found:
        assert one["overflow"] <= 0
        assert one["pictures"] == 7
        assert one["outside"] == []
        assert one["smallest"] > 8


@needs_chromium
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext here: poppler-utils")
def test_on_paper_page_one_is_the_verdict_with_three_numbers_and_the_grade(card, tmp_path):
    (tmp_path / "report.html").write_text(report(card))
    paper = tmp_path / "report.pdf"
    chromium(
        tmp_path,
        "--no-pdf-header-footer",
        f"--print-to-pdf={paper}",
        f"file://{tmp_path}/report.html",
    )
    text = subprocess.run(["pdftotext", "-layout", paper, "-"], check=True, capture_output=True)
    first, *others = text.stdout.decode().rstrip("\f").split("\f")
    assert 3 <= len(others) <= 9
    words = " ".join(first.split())
    sentence = " ".join(verdict(card).split())
    assert set(sentence.split()) <= set(words.split())
    for number in ("steps found", "false alarms a day", "found reading 10 a day"):
        assert words.count(number) >= 3
    assert re.search(r"\bB\b", first)
    assert "Found within an analyst" not in first
    assert "Found within an analyst" in others[0]
    assert "What this test cannot tell you" in "".join(others)
