"""`clearhouse defense` on one's own logs: baseline, transplant, here, adjudicate, form, export."""

import csv
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import click

from clearhouse.defense.compare.card import card, document
from clearhouse.defense.enroll.human import write_form
from clearhouse.defense.enroll.rarity import Rarity
from clearhouse.defense.enroll.record import Budget, Tool, View
from clearhouse.defense.enroll.sensor import Sensor
from clearhouse.defense.enroll.siem import export_bulk
from clearhouse.defense.enroll.sigma.tool import sigma_of
from clearhouse.defense.exercise.adjudicate import adjudicated, sample
from clearhouse.defense.exercise.baseline import Baseline, coverage, take
from clearhouse.defense.exercise.inventory import local_names
from clearhouse.defense.exercise.load import Group, groups
from clearhouse.defense.exercise.run import exercise
from clearhouse.defense.exercise.transplant import Names, at_working_hours
from clearhouse.defense.exercise.transplant import transplant as transplant_pack
from clearhouse.defense.scenario.audit import audit
from clearhouse.defense.scenario.office.build import office
from clearhouse.defense.scenario.pack import Pack, read_pack
from clearhouse.defense.scenario.recording import Recording
from clearhouse.surfaces.cli.defense_audit import PACK
from clearhouse.surfaces.cli.defense_run import FOLDER, card_words
from clearhouse.surfaces.cli.main import EXIT_NO, emit, json_option
from clearhouse.surfaces.web.defense_view import report as report_page

_BEGIN = time(9, 30)
_REAL = {"real": True, "false": False}


@click.command("baseline")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--into", type=FOLDER, required=True, help="Where the baseline is kept.")
@click.option("--rules", type=click.Path(path_type=Path, exists=True), help="Sigma rules.")
@json_option
@click.pass_context
def baseline(
    ctx: click.Context, logs: tuple[Path, ...], into: Path, rules: Path | None, *, as_json: bool
) -> None:
    """Take LOGS as a baseline; nothing leaves the machine. Ends with 1 at possible intrusions."""
    made = take(logs, into, sigma_of([rules] if rules else []))
    seen = coverage(made.kinds, office(into / "small-office"))
    found = _baseline_document(made) | {"visible": dict(seen)}
    (into / "baseline.json").write_text(json.dumps(found, indent=1), "utf-8")
    emit(found, as_json=as_json, text=baseline_words(made, sum(seen.values()), len(seen)))
    if made.suspicions:
        ctx.exit(EXIT_NO)


def _baseline_document(made: Baseline) -> dict[str, object]:
    return {
        "events": made.events,
        "first": made.first.isoformat(),
        "last": made.last.isoformat(),
        "logs": [str(one) for one in made.kinds],
        "refused": made.refused,
        "reasons": list(made.reasons),
        "warnings": list(made.warnings),
        "possible_intrusions": [
            {"at": one.at.isoformat(), "kind": one.kind, "where": one.where,
             "events": list(one.events), "techniques": list(one.techniques)}
            for one in made.suspicions
        ],
    }  # fmt: skip


def baseline_words(made: Baseline, visible: int, known: int) -> str:
    """Return a baseline in words; what may be an intrusion comes first."""
    lines = []
    if made.suspicions:
        lines.append("POSSIBLE REAL INTRUSION: have these looked at before anything is measured")
        lines += [f"  {one.at:%Y-%m-%d %H:%M} {one.where}: {one.kind}" for one in made.suspicions]
    days = (made.last - made.first) / timedelta(days=1)
    lines += [
        f"{made.events} events of {days:.1f} days from {', '.join(made.kinds)}",
        f"these logs can show {visible} of {known} techniques of the small office's attacks",
        *(f"warning: {one}" for one in made.warnings),
    ]
    if made.refused:
        lines.append(f"{made.refused} records could not be read; first: {made.reasons[0]}")
    return "\n".join(lines)


@click.command("transplant")
@click.argument("pack", type=PACK)
@click.option("--baseline", "own", type=PACK, required=True, help="Made by `defense baseline`.")
@click.option("--into", type=FOLDER, required=True, help="Where the new pack is written.")
@click.option("--rename", "pairs", multiple=True, metavar="OLD=NEW",
              help="A name of the pack and what it becomes; others are chosen here.")  # fmt: skip
@json_option
def transplant(pack: Path, own: Path, into: Path, pairs: tuple[str, ...], *, as_json: bool) -> None:
    """Move the attacks of PACK into a baseline, under its names and in its working hours."""
    given = dict(one.split("=", 1) for one in pairs if "=" in one)
    made = _moved(read_pack(pack), Recording(own / "events"), into, given)
    found = {"pack": made.name, "sha256": made.sha256, "events": len(made.events), "leaks": 0}
    emit(found, as_json=as_json, text=f"{made.name}: {len(made.events)} events, no name left over")


def _moved(pack: Pack, own: Recording, into: Path, given: dict[str, str]) -> Pack:
    first, _ = own.span()
    begin = datetime.combine(first.date() + timedelta(days=1), _BEGIN, UTC)
    chosen = local_names(pack, own) | given
    names = Names(rename=chosen, later=at_working_hours(pack, begin))
    return transplant_pack(pack, names, into, among=own)


@click.command("here")
@click.argument("logs", type=click.Path(path_type=Path, exists=True))
@click.option("--into", type=FOLDER, default=Path("defense-here"), show_default=True)
@json_option
@click.pass_context
def here(ctx: click.Context, logs: Path, into: Path, *, as_json: bool) -> None:
    """Take the folder LOGS, plant known attacks among them, and write one page.

    For places without a SIEM: shows what free rules and the sensor's own alerts would see here, and
    how much there would be to read. Stops at possible real intrusions.
    """
    watcher = sigma_of()
    made = take([logs], into / "baseline", watcher)
    if made.suspicions:
        emit(_baseline_document(made), as_json=as_json, text=baseline_words(made, 0, 0))
        ctx.exit(EXIT_NO)
    planted = _moved(office(into / "small-office"), made.recording, into / "planted", given={})
    found, now = audit(planted), datetime.now(UTC)
    tools: list[Tool] = [watcher, Rarity(), Sensor()]
    shown = card(found, [exercise(one, planted, found, now=now) for one in tools], now=now)
    (into / "report.html").write_text(report_page(shown), "utf-8")
    emit(document(shown), as_json=as_json, text=f"{card_words(shown)}\n{into}/report.html")


@click.command("adjudicate")
@click.argument("own", metavar="BASELINE", type=PACK)
@click.argument("form", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rules", type=click.Path(path_type=Path, exists=True), help="Sigma rules.")
@click.option("--size", type=click.IntRange(10, 1000), default=50, show_default=True)
@json_option
def adjudicate(own: Path, form: Path, rules: Path | None, size: int, *, as_json: bool) -> None:
    """Draw alerts on BASELINE into FORM, or count a FORM in which `judgement` is filled."""
    recording = Recording(own / "events")
    output = sigma_of([rules] if rules else []).run(View(events=recording), Budget(seconds=3600))
    drawn = sample(groups(output.findings), size=size)
    first, last = recording.span()
    if not form.exists():
        _write_sample(form, [(one.number, one.group) for one in drawn.drawn])
        words = f"{len(drawn.drawn)} alerts in {form}; write real or false under judgement"
        emit({"drawn": len(drawn.drawn)}, as_json=as_json, text=words)
        return
    with form.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    judged = {
        int(row["number"]): _REAL[row["judgement"].strip().lower()]
        for row in rows
        if row.get("number", "").isdigit() and row.get("judgement", "").strip().lower() in _REAL
    }
    made = adjudicated(drawn, judged, days=max(0.01, (last - first) / timedelta(days=1)))
    found = {
        "judged": made.judged, "alerts": made.of, "false_per_day": made.false_per_day,
        "low": made.interval.low, "high": made.interval.high, "real": list(made.real),
    }  # fmt: skip
    text = (
        f"{made.false_per_day:.2g} false alarms a day"
        f" [{made.interval.low:.2g} to {made.interval.high:.2g}], from {made.judged} of {made.of}"
    )
    if made.real:
        text = f"POSSIBLE REAL INTRUSION in alerts {', '.join(map(str, made.real))}\n{text}"
    emit(found, as_json=as_json, text=text)


def _write_sample(form: Path, drawn: list[tuple[int, Group]]) -> None:
    with form.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["number", "kind", "when", "where", "events", "judgement"])
        for number, group in drawn:
            where = next((name for one in group.findings for name in one.entities), "")
            events = " ".join(uid for one in group.findings[:5] for uid in one.events[:2])
            rows.writerow([number, group.kind, group.first.isoformat(), f" {where}", events, ""])


@click.command("form")
@click.argument("pack", type=PACK)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def form(pack: Path, file: Path) -> None:
    """Write PACK's tasks as a form for an analyst to fill, with times, into FILE."""
    read = read_pack(pack)
    tasks = tuple(one.task for one in read.questions)
    count = write_form(View(events=read.events, tasks=tasks), file)
    click.echo(f"{count} tasks in {file}; then: clearhouse defense run {pack} --tool human:{file}")


@click.command("export")
@click.argument("pack", type=PACK)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--index", default="clearhouse-test", show_default=True)
def export(pack: Path, file: Path, index: str) -> None:
    """Write PACK's events in the bulk format of OpenSearch and Elasticsearch into FILE."""
    count = export_bulk(read_pack(pack).events, file, index=index)
    click.echo(f"{count} events in {file}; load them into a test index, never into production")
