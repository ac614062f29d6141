"""`clearhouse defense convert` and `selftest`: public recordings that a user fetched."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from clearhouse.defense.enroll.sigma.regression import regression
from clearhouse.defense.scenario.pack import Pack
from clearhouse.defense.scenario.recipes.alerts import ait
from clearhouse.defense.scenario.recipes.windows import evtx_to_mitre, otrf
from clearhouse.surfaces.cli.defense_audit import PACK
from clearhouse.surfaces.cli.main import EXIT_NO, emit, json_option

_ONE: Mapping[str, Callable[..., Pack]] = {"otrf": otrf, "evtx-to-mitre": evtx_to_mitre}
_SEVERAL: Mapping[str, Callable[..., tuple[Pack, ...]]] = {"ait": ait}


@click.command("convert")
@click.argument("recipe", type=click.Choice(sorted(_ONE.keys() | _SEVERAL.keys())))
@click.argument("recordings", type=PACK)
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--unverified", is_flag=True,
              help="Take files that are not those that the recipe was made for.")  # fmt: skip
@json_option
def convert(recipe: str, recordings: Path, into: Path, *, unverified: bool, as_json: bool) -> None:
    """Make a pack of RECORDINGS, a copy of the repository that RECIPE is for."""
    if recipe in _ONE:
        found = _described(_ONE[recipe](recordings, into, verified=not unverified))
        emit(found, as_json=as_json, text=_words(found))
        return
    made = _SEVERAL[recipe](recordings, into, verified=not unverified)
    several = [_described(one) for one in made]
    emit({"packs": several}, as_json=as_json, text="\n".join(map(_words, several)))


def _described(made: Pack) -> dict[str, str | int]:
    return {
        "pack": made.name, "sha256": made.sha256, "events": len(made.events),
        "labels": len(made.truths), "recordings": len({one.attack for one in made.truths}),
    }  # fmt: skip


def _words(found: Mapping[str, str | int]) -> str:
    labels = f"{found['recordings']} recordings, {found['labels']} labels"
    return f"{found['pack']}: {labels}, {found['events']} events"


@click.command("selftest")
@click.argument("rules", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--recordings", type=PACK, required=True,
              help="Recordings named by the id of the rule that must fire.")  # fmt: skip
@json_option
@click.pass_context
def selftest(
    ctx: click.Context, rules: tuple[Path, ...], recordings: Path, *, as_json: bool
) -> None:
    """Run RULES on the recordings that each of them must fire on; ends with 1 when one does not."""
    found = regression(rules, recordings)
    document = {
        "fired": found.fired, "recordings": found.recordings, "known": found.known,
        "silent": list(found.silent), "rules": found.rules, "refused": found.refused,
        "unmapped": found.unmapped,
    }  # fmt: skip
    words = f"{found.fired} of {found.recordings} recordings raised their rule"
    if found.known:
        words += f"; {found.known} recordings are SigmaHQ's of August 2026, to the byte"
    emit(document, as_json=as_json, text="\n".join([words, *found.silent]))
    if found.silent:
        ctx.exit(EXIT_NO)
