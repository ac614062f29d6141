"""What documents tell people to type exists: every command, every option, every variable."""

import re
import shlex
from pathlib import Path

import click
import pytest

from clearhouse.surfaces.cli.main import cli

PROJECT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *PROJECT.glob("*.md"),
        *(PROJECT / "docs").rglob("*.md"),
        *(PROJECT / "examples").rglob("*.md"),
        *(PROJECT / "src/clearhouse/surfaces/web/templates").rglob("*.html"),
        *(PROJECT / "src/clearhouse/surfaces/mcp").glob("*.py"),
        PROJECT / "src/clearhouse/surfaces/web/desk/tour_steps.py",
    ]
)
TYPED = re.compile(
    r"(?:^|[\s`>\"|(=])(?:\./)?clearhouse ([a-z][^`\n|<]*(?:\\\n[^`\n|<]*)*)", re.MULTILINE
)
OF_THE_LAUNCHER = {"install": {"inspect", "model"}}
IN_CODE = re.compile(
    r"(?m)^(?: {4}|\t).*$|```[^`]*```|`[^`\n]+`|<code>[^<]*</code>|<pre[^>]*>[^<]*</pre>"
)


def typed(text):
    """Yield what follows `clearhouse` in the code of a page, up to a comment."""
    for code in IN_CODE.findall(text.replace("\\\n", " ")):
        for found in TYPED.findall(code):
            yield found.partition(" #")[0].partition("  ")[0].strip()


def words(line):
    try:
        return shlex.split(line)
    except ValueError:  # a quotation that goes on in the text around it
        return line.split()


def unknown(line):
    """Return the first word of a line that the command line does not know, None when all are."""
    told = words(line)
    if told[0] in OF_THE_LAUNCHER:
        return None if told[1] in OF_THE_LAUNCHER[told[0]] else told[1]
    command = cli
    for word in told:
        if word.startswith("--"):
            options = {name for one in command.params for name in one.opts} | {"--help"}
            if word.partition("=")[0].rstrip(".,") not in options:
                return word
        elif isinstance(command, click.Group) and word[0].islower():
            context = click.Context(command, resilient_parsing=True)
            _, found, _ = command.resolve_command(context, [word.rstrip(".,;:")])
            if found is None:
                return word
            command = found
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_and_option_of_a_page_exists(page):
    wrong = {line: unknown(line) for line in typed(page.read_text("utf-8"))}
    assert not {line: word for line, word in wrong.items() if word}


def test_the_pages_tell_of_many_commands():
    told = {line.split()[0] for page in PAGES for line in typed(page.read_text("utf-8"))}
    assert len(told) > 20


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("token", "token"),
        ("queue --most 3", "--most"),
        ("people give act_x", "give"),
        ("watch x.csv --feed f --html p", None),
        ("verify https://x.example/", None),
        ("install toys", "toys"),
    ],
)
def test_a_command_that_is_none_is_found(line, word):
    assert unknown(line) == word


def test_every_variable_that_a_page_names_is_read_somewhere():
    read = "".join(
        path.read_text("utf-8")
        for path in (PROJECT / "clearhouse", *(PROJECT / "src").rglob("*.py"),
                     *(PROJECT / "tests").rglob("*.py"))
    )  # fmt: skip
    named = {
        name
        for page in PAGES
        for name in re.findall(r"\bCLEARHOUSE_[A-Z_]+[A-Z]\b", page.read_text("utf-8"))
    }
    assert not {name for name in named if name not in read}
