"""`clearhouse docs`: make a site of the documents; nothing in it leads nowhere.

In: `docs/`, `zensical.toml`, and the screenshots that browser tests left in
`.clearhouse/screenshots`. Out: a folder of static pages that load nothing from elsewhere. Refused:
a page, a heading or a picture that is named and is not there. A mark `<!-- screenshot: NAME -->` is
filled where there is such a screenshot, and is nothing where there is none.
Library: zensical (docs/adr/0015-docs-site.md).
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from os import environ
from pathlib import Path

import click

from clearhouse.surfaces.cli.main import EXIT_NO, emit, json_option

_MARK = re.compile(r"<!-- screenshot: ([a-z0-9-]+) -->")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
_SCREENSHOTS = "screenshots"


@click.command("docs")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Another folder.")
@json_option
def command(into: Path | None, *, as_json: bool) -> None:
    """Make a site of the documents, and refuse links that lead nowhere."""
    home = Path(environ.get("CLEARHOUSE_HOME", ".clearhouse"))
    folder = (into or home / "docs").resolve()
    source = lay_out(Path(environ.get("CLEARHOUSE_PROJECT", ".")), home / _SCREENSHOTS, folder)
    faults = list(missing_pictures(source))
    if not faults:
        faults = _built(folder)
    for fault in faults:
        click.echo(f"clearhouse: {fault}", err=True)
    page = folder / "site" / "index.html"
    emit({"page": str(page), "faults": faults}, as_json=as_json, text=f"open {page}")
    sys.exit(EXIT_NO if faults else 0)


def lay_out(project: Path, screenshots: Path, folder: Path) -> Path:
    """Copy the documents and the screenshots to where the site is made, and return that folder."""
    source = folder / "docs"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(project / "docs", source)
    shutil.copy(project / "zensical.toml", folder)
    taken = source / "images" / _SCREENSHOTS
    taken.mkdir(parents=True, exist_ok=True)
    for picture in sorted(screenshots.glob("*.png")) if screenshots.is_dir() else ():
        shutil.copy(picture, taken)
    for page in source.rglob("*.md"):
        depth = len(page.relative_to(source).parts) - 1
        text = page.read_text("utf-8")
        page.write_text(_MARK.sub(partial(_shown, taken, depth), text), "utf-8")
    _list_records(source / "adr")
    return source


def missing_pictures(source: Path) -> Iterator[str]:
    """Say of each picture that a page names whether it lacks; the site's maker does not look."""
    for page in sorted(source.rglob("*.md")):
        for name in _PICTURE.findall(page.read_text("utf-8")):
            if "://" not in name and not (page.parent / name).is_file():
                yield f"{page.relative_to(source)}: there is no picture {name}"


def _shown(taken: Path, depth: int, mark: re.Match[str]) -> str:
    name = mark[1]
    if not (taken / f"{name}.png").is_file():
        return ""
    said = re.sub(r"-\d+-|-", " ", name)
    return f"![Screenshot: {said}]({'../' * depth}images/{_SCREENSHOTS}/{name}.png)"


def _list_records(folder: Path) -> None:
    """Let the page of the decisions name each of them."""
    records = sorted(folder.glob("[0-9]*.md"))
    titles = [one.read_text("utf-8").partition("\n")[0].lstrip("# ") for one in records]
    listed = [f"- [{title}]({one.name})" for title, one in zip(titles, records, strict=True)]
    with (folder / "README.md").open("a", encoding="utf-8") as page:
        page.write("\n" + "\n".join(listed) + "\n")


def _built(folder: Path) -> list[str]:
    """Make the site, and return what is wrong with the documents."""
    maker = Path(sys.executable).parent / "zensical"
    if not maker.is_file():
        return ["zensical is not installed; run ./clearhouse docs, which installs it"]
    done = subprocess.run(  # noqa: S603 - our own tool
        [maker, "build", "--strict", "--clean"],
        cwd=folder,
        env={**environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return []
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr).partition("Traceback")[0].strip()
    return [said or f"zensical ended with {done.returncode}"]
