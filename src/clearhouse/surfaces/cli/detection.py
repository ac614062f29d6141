"""`clearhouse detection`: rules that find a flaw, kept with its case."""

import sys
from datetime import datetime
from pathlib import Path

import click

from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.publish import detections
from clearhouse.clearing.publish.detections import Content, DetectionRefusedError, Kind, Leak
from clearhouse.handoffs import keep_detection
from clearhouse.surfaces.api.detections import as_json as document
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.main import EXIT_REFUSED, Connect, emit, json_option

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("detection")
def command() -> None:
    """Keep rules that find a flaw with its case, and show them."""


@command.command("add")
@click.argument("case")
@click.argument("rule", type=_FILE)
@click.option("--kind", type=click.Choice([one.value for one in Kind]), required=True)
@click.option("--sample", type=_FILE, required=True, help="A file that the rule fires on.")
@click.option(
    "--leak",
    type=click.Choice([one.value for one in Leak]),
    required=True,
    help="What the rule reveals: L0 nothing, L1 product and kind, L2 trigger, L3 use.",
)
@click.option("--telemetry", required=True, help="Which logs or traffic the rule needs.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), required=True)
@json_option
@click.pass_obj
def add(
    connect: Connect,
    case: str,
    rule: Path,
    kind: str,
    sample: Path,
    leak: str,
    telemetry: str,
    expires: datetime,
    *,
    as_json: bool,
) -> None:
    """Try RULE on its sample and keep it with CASE; L0 and L1 go out with the advisory."""
    app = connect()
    me = acting(app)
    text = rule.read_text("utf-8", errors="replace")
    content = Content(
        rule=text, sample=sample.read_bytes(), sample_name=sample.name, telemetry=telemetry
    )
    try:
        id_, seen = keep_detection(
            app.desk,
            me,
            case,
            kind=Kind(kind),
            leak=Leak(leak),
            expires_on=expires.date(),
            content=content,
        )
    except (DetectionRefusedError, NoSuchCaseError) as error:
        reason = str(error) if isinstance(error, DetectionRefusedError) else "no such case"
        click.echo(f"clearhouse: {rule.name} is refused: {reason}", err=True)
        sys.exit(EXIT_REFUSED)
    said = {"detection": id_, "fires_on_its_sample": seen.fires, "how": seen.how}
    emit(said, as_json=as_json, text=f"{id_}  fires on its sample: {seen.fires} ({seen.how})")


@command.command("expire")
@click.argument("case")
@click.argument("detection")
@json_option
@click.pass_obj
def expire(connect: Connect, case: str, detection: str, *, as_json: bool) -> None:
    """Let the rule DETECTION of CASE be good no longer; it leaves the public feed."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            detections.expire(app.desk, transaction, me, case, detection)
    except (DetectionRefusedError, NoSuchCaseError) as error:
        reason = str(error) if isinstance(error, DetectionRefusedError) else "no such case"
        click.echo(f"clearhouse: {reason}", err=True)
        sys.exit(EXIT_REFUSED)
    said = {"detection": detection, "state": "expired"}
    emit(said, as_json=as_json, text=f"{detection}  expired; the next change takes it off the feed")


@command.command("list")
@click.argument("case")
@json_option
@click.pass_obj
def list_(connect: Connect, case: str, *, as_json: bool) -> None:
    """List the rules of CASE."""
    app = connect()
    me = acting(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            found = detections.of_case(app.desk, transaction, me, case)
    except NoSuchCaseError:
        click.echo("clearhouse: no such case", err=True)
        sys.exit(EXIT_REFUSED)
    lines = [
        f"{one.detection_id}  {one.kind} {one.leak}, until {one.expires_on}, fires: {one.fires},"
        f" {'public' if one.released_at else 'sealed'}"
        for one in found
    ]
    emit(
        {"detections": [document(one) for one in found]},
        as_json=as_json,
        text="\n".join(lines) or "no rule is kept with this case",
    )
