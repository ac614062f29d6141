"""`clearhouse defense audit` and `office`: what labels are worth, and a pack."""

from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.defense.scenario.audit import audit as audit_pack
from clearhouse.defense.scenario.grade import Audit
from clearhouse.defense.scenario.office.build import office as make_office
from clearhouse.defense.scenario.pack import read_pack
from clearhouse.surfaces.cli.main import emit, json_option

PACK = click.Path(path_type=Path, exists=True, file_okay=False)
_AUDIT = TypeAdapter(Audit)


@click.command("audit")
@click.argument("pack", type=PACK)
@json_option
def audit(pack: Path, *, as_json: bool) -> None:
    """Audit the labels of PACK."""
    found = audit_pack(read_pack(pack))
    emit(_AUDIT.dump_python(found, mode="json"), as_json=as_json, text=audit_words(found))


def audit_words(found: Audit) -> str:
    """Return an audit in words."""
    claims = ", ".join(found.claims) or "nothing"
    lines = [
        f"{found.pack}: grade {found.grade}, {found.attacks} attacks, {found.events} events",
        f"may claim: {claims}",
    ]
    lines += [f"  {one.grade}  {one.name:18} {one.words}" for one in found.checks]
    return "\n".join(lines)


@click.command("office")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--pace", type=click.FloatRange(0.05, 100), default=1.0, show_default=True,
              help="How much ordinary work, against a small clinic's.")  # fmt: skip
@json_option
def office(folder: Path, seed: int, pace: float, *, as_json: bool) -> None:
    """Make the small office in FOLDER."""
    made = make_office(folder, seed=seed, pace=pace)
    document = {"pack": made.name, "sha256": made.sha256, "folder": str(folder)}
    emit(document, as_json=as_json, text=f"{made.name} in {folder}; sha256 {made.sha256}")
