"""`clearhouse defense rehearse`: rules on one's own ordinary days, before they are deployed."""

from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.defense.enroll.sigma.rules import read_rules
from clearhouse.defense.exercise.rehearsal import Rehearsal, Rehearsed
from clearhouse.defense.exercise.rehearsal import rehearse as rehearse_rules
from clearhouse.defense.scenario.recording import Recording
from clearhouse.surfaces.cli.defense_audit import PACK
from clearhouse.surfaces.cli.main import emit, json_option

_REHEARSAL = TypeAdapter(Rehearsal)
_SHOWN = 40


@click.command("rehearse")
@click.argument("rules", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--baseline", "own", type=PACK, required=True, help="Made by `defense baseline`.")
@json_option
def rehearse(rules: tuple[Path, ...], own: Path, *, as_json: bool) -> None:
    """Say how noisy RULES would be here, and which of them would be blind."""
    read = read_rules(rules)
    found = rehearse_rules(read.rules, Recording(own / "events"))
    document = _REHEARSAL.dump_python(found, mode="json") | {
        "refused": list(read.refused), "unmapped": list(read.unmapped),
    }  # fmt: skip
    head = f"{found.events} events of {found.days:.1f} days"
    lines = [f"{head}; {found.seconds_per_million:.0f} s of processor a million events"]
    lines += [f"{_rate(one):34}  {one.title}" for one in found.rules[:_SHOWN]]
    lines += [f"not used: {one}" for one in (*read.refused, *read.unmapped)]
    emit(document, as_json=as_json, text="\n".join(lines))


def _rate(one: Rehearsed) -> str:
    if one.blind:
        return "blind: no such log here"
    return f"{one.per_day:.2f} a day [{one.low:.2f} to {one.high:.2f}]"
