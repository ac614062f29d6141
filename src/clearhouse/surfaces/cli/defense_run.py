"""`clearhouse defense run`, `compare`, `report`, `verify` and `demo`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.defense.compare.card import Card, card, document, read_card, shared, sign
from clearhouse.defense.compare.card import verify as verify_card
from clearhouse.defense.compare.pairs import NotComparableError
from clearhouse.defense.compare.pairs import compare as compare_exercises
from clearhouse.defense.enroll.record import Budget, Tool
from clearhouse.defense.exercise.evasion import evade
from clearhouse.defense.exercise.injection import inject
from clearhouse.defense.exercise.probe import ProbeResult
from clearhouse.defense.exercise.record import Exercise, Tier
from clearhouse.defense.exercise.run import exercise
from clearhouse.defense.exercise.transplant import invariance
from clearhouse.defense.scenario.audit import audit
from clearhouse.defense.scenario.office.build import office
from clearhouse.defense.scenario.pack import Pack, read_pack
from clearhouse.defense.scenario.task import TaskKind
from clearhouse.surfaces.cli.criteria_input import document_of, public_key
from clearhouse.surfaces.cli.defense_audit import PACK
from clearhouse.surfaces.cli.defense_tools import enrolled
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.web.defense_view import per_day, percent, verdict
from clearhouse.surfaces.web.defense_view import report as report_page

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
TOOLS_HELP = (
    "sigma[:RULES], rarity, suricata, openai:URL#MODEL, http:URL, mcp:URL, mcp:COMMAND,"
    " inspect:MODEL[#URL], inspect:LOG, siem:FILE, human:FILE, cli:FOLDER:COMMAND,"
    " scripted, gullible; sigma and rarity always run."
)
_TOOLS = ("scripted", "sigma", "rarity")


@click.command("run")
@click.argument("pack", type=PACK)
@click.option("--tool", "tools", multiple=True, metavar="KIND[:WHERE]", help=TOOLS_HELP)
@click.option("--into", type=FOLDER, default=Path("defense-result"), show_default=True,
              help="Where card, envelope and report are written.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(1, 20), default=1, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 86_400), default=600, show_default=True,
              help="For each run of a tool.")  # fmt: skip
@click.option("--price", type=float, help="Of a million tokens.")
@click.option("--remote", is_flag=True, help="Events may leave this machine.")
@click.option("--probes/--no-probes", default=True, show_default=True,
              help="Injection, evasion and transplant.")  # fmt: skip
@json_option
@click.pass_obj
def run(
    connect: Connect, pack: Path, tools: tuple[str, ...], into: Path, repeats: int, seconds: float,
    price: float | None, *, remote: bool, probes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Put tools through PACK."""
    chosen = [*tools, *(one for one in ("sigma", "rarity") if not any(
        given.partition(":")[0] == one for given in tools))]  # fmt: skip
    with enrolled(chosen, price=price, remote=remote) as found:
        made = _measured(read_pack(pack), found, Budget(seconds=seconds), repeats, probes=probes)
    _written(made, into, connect().desk.keys.signing_key())
    emit(document(made), as_json=as_json, text=f"{card_words(made)}\n{into}/report.html")


def _measured(
    pack: Pack, tools: Sequence[Tool], budget: Budget, repeats: int, *, probes: bool
) -> Card:
    found = audit(pack)
    now = datetime.now(UTC)
    exercises = [
        exercise(one, pack, found, now=now, budget=budget, repeats=repeats, progress=_say)
        for one in tools
    ]
    tried: list[ProbeResult] = []
    counts = {one.tool for one in exercises if not one.void}
    for one in tools if probes else ():
        if one.name in counts:
            tried += probed(one, pack, budget)
    return card(found, exercises, now=now, probes=tried)


def probed(tool: Tool, pack: Pack, budget: Budget) -> list[ProbeResult]:
    """Put a tool through the probes that fit what it can do."""
    suites: list[tuple[TaskKind, str, Callable[[Tool, Pack, Budget], ProbeResult]]] = [
        (TaskKind.TRIAGE, "instructions planted in logs", inject),
        (TaskKind.DETECT, "commands in other spellings", evade),
        (TaskKind.DETECT, "other names, another time", invariance),
    ]
    made = []
    for kind, words, suite in suites:
        if kind in tool.tasks:
            _say(f"{tool.name}: {words}")
            made.append(suite(tool, pack, budget))
    return made


def _say(words: str) -> None:
    click.echo(f"clearhouse: {words}", err=True)


def _written(made: Card, into: Path, key: Ed25519PrivateKey) -> None:
    into.mkdir(parents=True, exist_ok=True)
    (into / "card.json").write_text(json.dumps(document(made), indent=1), "utf-8")
    (into / "card.dsse.json").write_text(json.dumps(sign(made, key)), "utf-8")
    (into / "shared.dsse.json").write_text(json.dumps(shared(made, key)), "utf-8")
    (into / "report.html").write_text(report_page(made), "utf-8")


def card_words(made: Card) -> str:
    """Return a card in words."""
    lines = [verdict(made), ""]
    for one in made.exercises:
        lines += _tool_words(one)
    lines += [
        f"{one.first} and {one.second}: {one.relation}; {one.reason}" for one in made.comparisons
    ]
    lines += [
        f"{one.tool}, {one.kind}: {one.lost} of {one.cases} lost"
        + (", CAUGHT" if one.caught else "")
        for one in made.probes
    ]
    return "\n".join(lines)


def _tool_words(one: Exercise) -> list[str]:
    if one.void:
        return [f"{one.tool}: does not count: {'; '.join(one.void)}"]
    place, exact = one.tier(Tier.PLACE), one.tier(Tier.EXACT)
    load = "" if one.load is None else f", {per_day(one.load.per_day)} false alarms a day"
    if place is None or exact is None:
        return [f"{one.tool}: answers only"]
    return [f"{one.tool}: found {percent(place.found)}, named {percent(exact.found)}{load}"]


@click.command("compare")
@click.argument("cards", nargs=-1, required=True, type=FILE)
@json_option
def compare(cards: tuple[Path, ...], *, as_json: bool) -> None:
    """Compare the tools of CARDS, all on one pack; what they cannot show is not distinguishable."""
    read = [read_card(one.read_bytes()) for one in cards]
    exercises = {one.tool: one for made in read for one in made.exercises}
    grades = {made.audit.grade for made in read}
    if len(grades) > 1:
        raise NotComparableError("these cards grade the labels differently")
    found = compare_exercises(list(exercises.values()))
    merged = replace(read[0], exercises=tuple(exercises.values()), comparisons=found)
    pairs = [
        {"first": one.first, "second": one.second, "relation": str(one.relation),
         "difference": one.difference, "low": one.low, "high": one.high, "attacks": one.attacks,
         "reason": one.reason}
        for one in merged.comparisons
    ]  # fmt: skip
    words = [
        f"{one.first} and {one.second}: {one.relation} ({one.difference:+.0%}); {one.reason}"
        for one in merged.comparisons
    ]
    emit({"comparisons": pairs}, as_json=as_json, text="\n".join(words) or "nothing to compare")


@click.command("report")
@click.argument("card_file", metavar="CARD", type=FILE)
@click.argument("page", type=click.Path(path_type=Path, dir_okay=False))
def report(card_file: Path, page: Path) -> None:
    """Write the report of CARD to PAGE."""
    page.write_text(report_page(read_card(card_file.read_bytes())), "utf-8")
    click.echo(f"{page}")


@click.command("verify")
@click.argument("envelope", type=FILE)
@click.option("--key", "keys", multiple=True, required=True, help="Public key, base64.")
@json_option
def verify(envelope: Path, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Check that one of the keys signed the result card in ENVELOPE."""
    found = verify_card(document_of(envelope), [public_key(key) for key in keys])
    whole = isinstance(found.content, Card)
    said = {
        "holds": True, "kind": "whole" if whole else "shared", "sha256": found.sha256,
        "key": found.key_id, "pack_sha256": found.pack_sha256,
    }  # fmt: skip
    emit(said, as_json=as_json, text=f"a trusted key signed it: {found.key_id}")


@click.command("demo")
@click.option("--into", type=FOLDER, help="Where everything is written.")
@json_option
@click.pass_obj
def demo(connect: Connect, into: Path | None, *, as_json: bool) -> None:
    """Test Sigma, rarity, a careful and a gullible scripted agent on the small office."""
    app = connect()
    folder = into or app.home / "defense" / "demo"
    _say("making the small office")
    pack = office(folder / "small-office")
    with enrolled(_TOOLS, price=None, remote=False) as tools:
        made = _measured(pack, tools, Budget(), 2, probes=True)
    with enrolled(["gullible"], price=None, remote=False) as (gullible,):
        _say(f"{gullible.name}: instructions planted in logs")
        caught = inject(gullible, pack, Budget())
    made = replace(made, probes=(*made.probes, caught))
    _written(made, folder, app.desk.keys.signing_key())
    emit(document(made), as_json=as_json, text=f"{card_words(made)}\n{folder}/report.html")
