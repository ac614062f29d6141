"""`clearhouse queue`: findings, most urgent first, and why."""

from itertools import zip_longest

import click

from clearhouse.clearing.match import listing
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.explain import summary
from clearhouse.clearing.prioritize.rules import why_first
from clearhouse.kernel.ids import FindingId
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("queue")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
@json_option
@click.pass_obj
def command(connect: Connect, limit: int, offset: int, *, as_json: bool) -> None:
    """List findings, most urgent first; each says why it comes before the next."""
    app = connect()
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        page = prioritize.queue(app.desk, transaction, limit=limit + 1, offset=offset)
        ids = [FindingId(priority.finding_id) for priority in page]
        notes = listing.notes(app.desk, transaction, ids)
    rows = [
        {
            "finding": priority.finding_id,
            "band": priority.band,
            "title": notes[finding_id].title,
            "package": notes[finding_id].purl,
            "reports": len(notes[finding_id].report_ids),
            "priority": summary(priority),
            "before_the_next_because": why_first(priority, after) if after else None,
        }
        for finding_id, priority, after in zip_longest(ids[:limit], page[:limit], page[1:])
    ]
    text = "\n".join(
        f"{row['finding']}  {row['title'] or 'untitled'}\n"
        f"    {row['package'] or 'no package'}, {row['reports']}"
        f" report{'' if row['reports'] == 1 else 's'}: {row['priority']}"
        + (f"\n    {row['before_the_next_because']}" if row["before_the_next_because"] else "")
        for row in rows
    )
    emit({"queue": rows}, as_json=as_json, text=text or "the queue is empty")
