"""`clearhouse case …`: appeals, deviation notes, clocks, and the notice that a report was made."""

import click
from pydantic import TypeAdapter

from clearhouse.clearing.coordinate import appeals
from clearhouse.clearing.coordinate.deadlines import Deadline
from clearhouse.surfaces.cli.case_acts import act, because_option
from clearhouse.surfaces.cli.main import Connect, emit, json_option

_DEADLINES = TypeAdapter(tuple[Deadline, ...])


@click.command("deadlines")
@click.argument("case")
@json_option
@click.pass_obj
def deadlines(connect: Connect, case: str, *, as_json: bool) -> None:
    """Say which clocks run beside CASE, whose they are, and when they end."""
    found = act(connect, lambda desk, transaction, me: appeals.running(desk, transaction, me, case))
    lines = [
        f"{one.standing.value:8} {one.id:24} {one.whose:12} "
        f"{'waits' if one.due_at is None else format(one.due_at, '%Y-%m-%d %H:%M UTC')} "
        f"{one.sentence}"
        for one in found
    ]
    emit({"deadlines": _DEADLINES.dump_python(found, mode="json")}, as_json=as_json,
         text="\n".join(lines) or "no clock runs")  # fmt: skip


@click.command("met")
@click.argument("case")
@click.argument("clock")
@because_option
@json_option
@click.pass_obj
def met(connect: Connect, case: str, clock: str, because: str, *, as_json: bool) -> None:
    """Write down that what CLOCK asks for was done."""
    act(
        connect,
        lambda desk, transaction, me: appeals.meet(
            desk, transaction, me, case, clock=clock, note=because
        ),
    )
    emit({"case": case, "clock": clock}, as_json=as_json, text="recorded")


@click.command("appeal")
@click.argument("case")
@click.argument("verdict", type=click.IntRange(0))
@click.option("--party", help="For whom; your own party when not given.")
@because_option
@json_option
@click.pass_obj
def appeal(
    connect: Connect, case: str, verdict: int, party: str | None, because: str, *, as_json: bool
) -> None:
    """Ask that VERDICT of CASE, counted from 0, be looked at again."""
    done = act(
        connect,
        lambda desk, transaction, me: appeals.appeal(
            desk, transaction, me, case, verdict=verdict, reason=because, party=party
        ),
    )
    number = len(done.appeals) - 1
    emit({"case": case, "appeal": number}, as_json=as_json, text=f"filed as number {number}")


@click.command("resolve")
@click.argument("case")
@click.argument("number", type=click.IntRange(0))
@click.option("--uphold/--reject", required=True)
@because_option
@json_option
@click.pass_obj
def resolve(
    connect: Connect, case: str, number: int, because: str, *, uphold: bool, as_json: bool
) -> None:
    """Resolve appeal NUMBER of CASE in words; the verdict stays its vendor's."""
    act(
        connect,
        lambda desk, transaction, me: appeals.resolve(
            desk, transaction, me, case, number=number, upheld=uphold, resolution=because
        ),
    )
    emit({"case": case, "upheld": uphold}, as_json=as_json, text="resolved")


@click.command("deviate")
@click.argument("case")
@click.argument("value")
@click.option("--of", "beside", required=True, help="Whose severity it stands beside.")
@because_option
@json_option
@click.pass_obj
def deviate(
    connect: Connect, case: str, value: str, beside: str, because: str, *, as_json: bool
) -> None:
    """Note CVSS vector VALUE beside a severity that stays."""
    act(
        connect,
        lambda desk, transaction, me: appeals.deviate(
            desk, transaction, me, case, of=beside, value=value, reason=because
        ),
    )
    emit({"case": case, "value": value}, as_json=as_json, text="noted")


@click.command("notice")
@click.argument("case")
@json_option
@click.pass_obj
def notice(connect: Connect, case: str, *, as_json: bool) -> None:
    """Print what may be said in public while CASE is kept back; nothing is published."""
    found = act(
        connect,
        lambda desk, transaction, me: appeals.transparency_notice(desk, transaction, me, case),
    )
    emit(
        found, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in found.items())
    )


COMMANDS = (deadlines, met, appeal, resolve, deviate, notice)
