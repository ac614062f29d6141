"""`clearhouse watch`: are we affected, by when must we act, what if we cannot patch.

Exit codes: 0 everything was evaluated and nothing is known against it; 1 affected; 3 nothing was
found, but not everything could be evaluated; 65 an inventory or a source is refused; 69 the network
failed.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

import click

from clearhouse.clearing.deliver.watch import as_json, as_sarif, as_vex
from clearhouse.clearing.deliver.watch.fetching import FetchError
from clearhouse.clearing.deliver.watch.index import IndexFaultError
from clearhouse.clearing.deliver.watch.operations import am_i_affected
from clearhouse.clearing.deliver.watch.record import Conclusion, Situation, WatchReport
from clearhouse.clearing.deliver.watch.sources import Keeping, Source, SourceError, open_source
from clearhouse.formats import feed_reading
from clearhouse.formats.feed_faults import FeedError
from clearhouse.formats.inventory import (
    Exposure,
    HumanImpact,
    Inventory,
    InventoryError,
)
from clearhouse.formats.inventory_reading import read
from clearhouse.kernel.clock import system_clock
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_OUTSIDE, EXIT_REFUSED, emit, json_option
from clearhouse.surfaces.cli.watch_table import table

EXIT_NOT_EVALUATED: Final = 3
_EXITS: Final = {
    Conclusion.CLEAN: 0,
    Conclusion.AFFECTED: EXIT_NO,
    Conclusion.NOT_EVALUATED: EXIT_NOT_EVALUATED,
}
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("watch")
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option(
    "--feed",
    "feeds",
    multiple=True,
    required=True,
    help="A signed feed, a folder or zip of OSV or CSAF, a KEV file; a path or an address.",
)
@click.option("--key", help="Public key of the feed that you have from elsewhere.")
@click.option(
    "--exposure",
    type=click.Choice([one.value for one in Exposure]),
    help="How exposed assets are of which the inventory does not say it.",
)
@click.option(
    "--human-impact",
    type=click.Choice([one.value for one in HumanImpact]),
    help="Whom a failure of such an asset would harm.",
)
@click.option("--html", type=_FILE, help="Write the page to read and print.")
@click.option("--vex", type=_FILE, help="Write CycloneDX VEX.")
@click.option("--sarif", type=_FILE, help="Write SARIF.")
@click.option(
    "--rules",
    type=click.Path(path_type=Path, file_okay=False),
    help="Save the rules that find the flaws in this folder.",
)
@click.option("--offline", is_flag=True, help="Ask nothing of the network; use what is kept.")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder of what is kept."
)
@json_option
def command(
    inventory: Path,
    feeds: tuple[str, ...],
    key: str | None,
    exposure: str | None,
    human_impact: str | None,
    html: Path | None,
    vex: Path | None,
    sarif: Path | None,
    rules: Path | None,
    keep: Path | None,
    *,
    offline: bool,
    as_json: bool,
) -> None:
    """Match INVENTORY with advisories on this machine; nothing of it leaves.

    INVENTORY is CycloneDX, SPDX 2.3, pip freeze, package-lock.json, or CSV with a header.
    Exit codes: 0 clean, 1 affected, 3 not everything could be evaluated, 65 refused, 69 network.
    """
    situation = Situation(
        exposure=None if exposure is None else Exposure(exposure),
        human_impact=None if human_impact is None else HumanImpact(human_impact),
    )
    keeping = Keeping(folder=keep or kept_folder(), offline=offline, key=key)
    report = _report(inventory, feeds, keeping, situation, system_clock())
    _write(report, inventory, {"html": html, "vex": vex, "sarif": sarif})
    if rules is not None:
        _save_rules(report, rules)
    emit(json_document(report), as_json=as_json, text=table(report))
    sys.exit(_EXITS[report.conclusion])


def kept_folder() -> Path:
    """Return where indexes and feeds are kept: below `XDG_CACHE_HOME`, as programs do."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "clearhouse" / "watch"


def json_document(report: WatchReport) -> Mapping[str, object]:
    """Return the document that `--json` prints."""
    return as_json.document(report)


def _report(
    path: Path, feeds: tuple[str, ...], keeping: Keeping, situation: Situation, at: datetime
) -> WatchReport:
    inventory = _inventory(path)
    sources: list[Source] = []
    for one in feeds:
        try:
            sources.append(open_source(one, keeping, at=at))
        except (SourceError, FeedError) as error:
            _stop(f"{one} is refused: {error}", EXIT_REFUSED)
        except (FetchError, OSError) as error:
            _stop(str(error), EXIT_OUTSIDE)
    if not any(one.index for one in sources):
        _stop("no --feed holds advisories; a KEV file alone says nothing of packages", EXIT_REFUSED)
    try:
        return am_i_affected(
            inventory, sources, at=at, situation=situation, name=inventory.subject or path.name
        )
    except IndexFaultError as error:
        _stop(f"{error}; delete {keeping.folder} and run again", EXIT_OUTSIDE)
    finally:
        for source in sources:
            if source.index is not None:
                source.index.close()


def _inventory(path: Path) -> Inventory:
    try:
        return read(path.read_bytes())
    except InventoryError as error:
        _stop(f"{path.name} is refused: {error}", EXIT_REFUSED)
    except OSError as error:
        _stop(f"{path}: {error.strerror or 'cannot be read'}", EXIT_REFUSED)


def _write(report: WatchReport, inventory: Path, wanted: Mapping[str, Path | None]) -> None:
    makers: Mapping[str, Callable[[], str]] = {
        "html": lambda: _page(report),
        "vex": lambda: json.dumps(as_vex.document(report), indent=2, ensure_ascii=False),
        "sarif": lambda: json.dumps(
            as_sarif.document(report, inventory.name), indent=2, ensure_ascii=False
        ),
    }
    for name, path in wanted.items():
        if path is not None:
            path.write_text(makers[name](), "utf-8", errors="replace")


def _save_rules(report: WatchReport, folder: Path) -> None:
    """Save each rule under its id, once its bytes are the signed ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in (each for flaw in report.flaws for each in flaw.rules):
        try:
            data = one.place.read_bytes()
            feed_reading.check_file(data, one.rule.file)
        except FeedError as error:
            _stop(str(error), EXIT_REFUSED)
        (folder / f"{one.rule.id}{one.place.suffix}").write_bytes(data)


def _page(report: WatchReport) -> str:
    # Loaded only here: most runs write no page.
    from clearhouse.surfaces.web.operator_view import page  # noqa: PLC0415

    return page(report)


def _stop(reason: str, code: int) -> NoReturn:
    click.echo(f"clearhouse: {printable(reason)}", err=True)
    sys.exit(code)


def printable(text: str) -> str:
    """Return a text that cannot steer the terminal."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
