"""`clearhouse submit`: take reports in from files or a folder."""

import sys
from pathlib import Path

import click

from clearhouse.clearing.intake.receive import Accepted, Incoming, Refused, receive
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.main import EXIT_REFUSED, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner

MAX_FILE_BYTES = 16 * 1024 * 1024


@click.command("submit")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dir", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Take every file of a folder, in the order of their names.")  # fmt: skip
@json_option
@click.pass_obj
def command(
    connect: Connect, files: tuple[Path, ...], folder: Path | None, *, as_json: bool
) -> None:
    """Take FILES in: TAP, OSV, CSAF, SARIF, GHSA, Markdown, text or e-mail.

    A file that was taken in before is not taken in twice.
    """
    paths = [
        *files,
        *(sorted(path for path in folder.iterdir() if path.is_file()) if folder else ()),
    ]
    if not paths:
        raise click.UsageError("name at least one file, or a folder with --dir")
    app = connect()
    actor = owner(app)
    outcomes = {str(path): submit_file(app, actor, path) for path in paths}
    emit(
        {"submissions": [{"file": name, **_as_json(done)} for name, done in outcomes.items()]},
        as_json=as_json,
        text="\n".join(_line(name, done) for name, done in outcomes.items()),
    )
    sys.exit(EXIT_REFUSED if any(isinstance(done, Refused) for done in outcomes.values()) else 0)


def submit_file(app: App, actor: Actor, path: Path) -> Accepted | Refused:
    """Take one file in; its name and content are its idempotency key."""
    if path.stat().st_size > MAX_FILE_BYTES:
        return Refused(status=413, detail=f"the file is over {MAX_FILE_BYTES} bytes")
    return receive(app.counter, actor, Incoming.file(path.name, path.read_bytes()))


def _as_json(outcome: Accepted | Refused) -> dict[str, object]:
    if isinstance(outcome, Refused):
        return {"refused": outcome.detail}
    return {
        "receipt": outcome.receipt,
        "reports": [report.as_json() for report in outcome.reports],
        "warnings": list(outcome.warnings),
    }


def _line(name: str, outcome: Accepted | Refused) -> str:
    if isinstance(outcome, Refused):
        return f"{name}: refused: {outcome.detail}"
    lines = [f"{name}: {outcome.receipt}"]
    for report in outcome.reports:
        lines += [f"  missing {gap.element}: {gap.what_to_do}" for gap in report.missing]
    return "\n".join(lines)
