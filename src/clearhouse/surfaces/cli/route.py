"""`clearhouse route`: the route and what is on it."""

import click

from clearhouse.clearing import route
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("route")
@json_option
@click.pass_obj
def command(connect: Connect, *, as_json: bool) -> None:
    """Print the rooms in their order, what is in each, and what is not attempted."""
    app = connect()
    with app.desk.database.transaction(owner(app).actor_id) as transaction:
        counts = route.survey(transaction)
    emit(
        {
            "rooms": [
                {
                    "room": room.name,
                    "gives": room.gives,
                    "does": room.does,
                    "not_attempted": room.not_attempted,
                    "counts": counts[room.name],
                }
                for room in route.ROUTE
            ]
        },
        as_json=as_json,
        text="\n".join(_lines(room, counts[room.name]) for room in route.ROUTE),
    )


def _lines(room: route.Room, counts: dict[str, int]) -> str:
    numbers = ", ".join(_said(name, count) for name, count in counts.items() if count)
    lines = [f"{room.name:<11} → {room.gives:<9} {room.does}"]
    if numbers:
        lines.append(f"{'':<24}{numbers}")
    if room.returns_to:
        lines.append(f"{'':<24}back to {room.returns_to}")
    if room.not_attempted:
        lines.append(f"{'':<24}not attempted: {room.not_attempted}")
    return "\n".join(lines)


def _said(name: str, count: int) -> str:
    what = name.removesuffix("waited_s").rstrip()
    if what == name:
        return f"{count} {name}"
    return f"the oldest{f' of the {what}' if what else ''} waits {count} s"
