"""`clearhouse up`: set up, clear the example flood, say what came out, and serve.

In: the project's `examples/`. Out: a one-screen summary (or one JSON document), then pages and
API on loopback until Ctrl-C. Running it again takes nothing in twice.
"""

import os
import sys
import time
from pathlib import Path

import click

from clearhouse.clearing import route
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.receive import Accepted
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import ExaminationState
from clearhouse.kernel import tours
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Receipt
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli import examples
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner
from clearhouse.surfaces.cli.serve import COUNTER_PORT, DESK_PORT
from clearhouse.surfaces.cli.summary import Summary, summarize
from clearhouse.surfaces.cli.supervise import Supervisor
from clearhouse.surfaces.web.desk.sign_in import one_time_link

_SCREEN_S, _LEAST_S, _REST_S = 170.0, 45.0, 4.0
"""When the screen comes after a fresh flood, whatever is still examined then; how long to examine
at least, where all before it was slow; and how long a later run waits for what is left. The rest
goes on while pages are served, or at the next run."""


@click.command("up")
@click.option("--once", is_flag=True, help="Do the work and stop; serve nothing.")
@click.option("--examples", "folder", type=click.Path(path_type=Path, file_okay=False),
              help="Clear another folder of the same shape.")  # fmt: skip
@click.option("--counter-port", default=COUNTER_PORT, show_default=True)
@click.option("--desk-port", default=DESK_PORT, show_default=True)
@json_option
@click.pass_obj
def command(  # one parameter an option
    connect: Connect,
    folder: Path | None,
    counter_port: int,
    desk_port: int,
    *,
    once: bool,
    as_json: bool,
) -> None:
    """Set up, clear the example flood, and serve pages and API on loopback."""
    begin = time.monotonic()
    folder = folder or Path(os.environ.get("CLEARHOUSE_PROJECT", ".")) / "examples"
    os.environ.setdefault("CLEARHOUSE_KNOWN", str(folder / "known"))
    _say("starting the store")
    app = connect()
    me = owner(app)
    summary = clear_flood(app, me, folder, begin)
    emit(summary.as_json(), as_json=as_json, text=summary.as_text())
    if once:
        app.stop()
        return
    link = one_time_link(app.desk, me, f"http://127.0.0.1:{desk_port}", to=_first_page(app, me))
    app.close()
    Supervisor(
        {
            "counter": ("serve", "counter", "--port", str(counter_port)),
            "desk": ("serve", "desk", "--port", str(desk_port)),
            "worker": ("serve", "worker"),
            "validator": ("serve", "validator"),
        },
        app.server,
    ).run(
        [counter_port, desk_port],
        lambda: click.echo(
            f"\n  desk     {link}\n  counter  http://127.0.0.1:{counter_port}/\n"
            f"  API      http://127.0.0.1:{counter_port}/v1/openapi.json\n\n  Ctrl-C stops.",
            err=as_json,
        ),
    )


def _first_page(app: App, me: Actor) -> str:
    """Return the tour to whoever has not put it away, which begins now where it has not yet."""
    with app.desk.database.transaction(me.actor_id) as transaction:
        tours.mark(transaction, me.actor_id, tours.BEGUN)
        return "/" if tours.AWAY in tours.marks(transaction, me.actor_id) else "/tour"


def clear_flood(app: App, me: Actor, folder: Path, begin: float) -> Summary:
    """Take the examples in, clear them, let the vendors answer, publish, and sum up."""
    files = examples.report_files(folder)
    examples.register_vendors(app, me, folder)
    before = _reports(app, me)
    taken: dict[str, Receipt] = {}
    with _bar("taking reports in", len(files)) as bar:
        for file in files:
            outcome = examples.take_in(app, folder, file)
            if isinstance(outcome, Accepted):
                taken[file.name] = outcome.receipt
            else:
                _say(f"{file.name} is refused: {outcome.detail}")
            bar.update(1)
    with _bar("clearing", len(files)) as bar:
        app.desk.jobs.run_until_empty(app.desk.database.url, after_each=lambda: bar.update(1))
    fresh = _reports(app, me) > before
    with app.desk.database.transaction(me.actor_id) as transaction:
        waiting = validate.counts(transaction)[f"examinations {ExaminationState.WAITING}"]
    with _bar("examining", waiting) as bar:
        app.desk.jobs.run_until_empty(
            app.desk.database.url,
            after_each=lambda: bar.update(1),
            queue=examination.QUEUE,
            concurrency=os.cpu_count() or 1,
            budget_s=max(_LEAST_S, _SCREEN_S - (time.monotonic() - begin)) if fresh else _REST_S,
            hurry=app.stop_examining,
        )
    _say("letting the vendors answer, and publishing what is due")
    examples.apply_answers(app, me, folder, taken)
    route.publish_due(app.desk)
    route.seal_ledger(app.desk)
    return summarize(app, me, taken, time.monotonic() - begin)


def _reports(app: App, me: Actor) -> int:
    with app.desk.database.transaction(me.actor_id) as transaction:
        return intake.counts(transaction)["reports"]


def _say(what: str) -> None:
    click.echo(f"clearhouse: {what}", err=True)


def _bar(label: str, length: int) -> "click._termui_impl.ProgressBar[int]":
    return click.progressbar(length=length, label=f"clearhouse: {label}", file=sys.stderr)
