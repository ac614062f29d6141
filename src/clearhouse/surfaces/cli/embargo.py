"""`clearhouse embargo`: why a case is kept back until an instant, and what would change it."""

import sys
from datetime import timedelta

import click

from clearhouse.clearing.coordinate import casework, read_ins
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.embargo import Channel, Embargo, News
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.case_acts import act, instant
from clearhouse.surfaces.cli.main import EXIT_NO, Connect, emit, json_option


@click.group("embargo")
def command() -> None:
    """Say why a case is kept back, what would change it, and ask for exceptions."""


@command.command("explain")
@click.argument("case")
@click.option("--if-channel", help="As if this list or coordinator were told now.")
@click.option("--if-finder-policy", help="As if a finder had announced this policy.")
@click.option("--if-exploited", is_flag=True, help="As if attacks were seen now.")
@click.option("--if-public", is_flag=True, help="As if the flaw became public now.")
@click.option("--if-fixed", is_flag=True, help="As if a fix were released now.")
@click.option("--in-days", default=0, show_default=True, help="Not now, but so many days later.")
@json_option
@click.pass_obj
def explain(
    connect: Connect,
    case: str,
    if_channel: str | None,
    if_finder_policy: str | None,
    in_days: int,
    *,
    if_exploited: bool,
    if_public: bool,
    if_fixed: bool,
    as_json: bool,
) -> None:
    """Name the rule that decides for CASE and every other with its instant; change nothing."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        when = transaction.now + timedelta(days=in_days)
        news = News(
            channel=Channel(name=if_channel, contacted_at=when) if if_channel else None,
            finder_policy=if_finder_policy,
            exploited_since=when if if_exploited else None,
            public_since=when if if_public else None,
            fix_released_at=when if if_fixed else None,
        )
        try:
            now, then = casework.what_if(app.desk, transaction, me, case, news=news)
        except NoSuchCaseError as error:
            click.echo(f"clearhouse: {error}", err=True)
            sys.exit(EXIT_NO)
    asked = bool(news.named)
    document = _plain(now) | ({"if": _plain(then)} if asked else {})
    text = _told(now) + (f"\n\nas asked:\n{_told(then)}" if asked else "")
    emit(document, as_json=as_json, text=text)


@command.command("except")
@click.argument("case")
@click.option("--rule", required=True, help="Which rule or bar of the policy is to be set aside.")
@click.option("--until", required=True, help="An instant with its time zone, as in ISO 8601.")
@click.option("--because", required=True, help="Kept in the case.")
@json_option
@click.pass_obj
def ask_exception(
    connect: Connect, case: str, rule: str, until: str, because: str, *, as_json: bool
) -> None:
    """Ask that a rule be set aside for CASE; it counts when a second person grants it."""
    when = instant(until)
    done = act(
        connect,
        lambda desk, transaction, me: read_ins.ask_exception(
            desk, transaction, me, case, rule=rule, until=when, reason=because
        ),
    )
    number = len(done.requests) - 1
    emit(
        {"case": done.id, "request": number},
        as_json=as_json,
        text=f"asked as number {number}; another person grants it with: "
        f"clearhouse case decide {done.id} {number} --grant --because …",
    )


def _plain(embargo: Embargo) -> dict[str, object]:
    return {
        "instant": None if embargo.instant is None else embargo.instant.isoformat(),
        "rule": embargo.rule,
        "reason": embargo.reason,
        "policy": f"{embargo.policy}/{embargo.version}",
        "considered": [
            {
                "rule": one.rule,
                "instant": None if one.instant is None else one.instant.isoformat(),
                "effect": one.effect.value,
                "reason": one.reason,
            }
            for one in embargo.considered
        ],
    }


def _told(embargo: Embargo) -> str:
    until = (
        "no embargo" if embargo.instant is None else f"until {embargo.instant:%Y-%m-%d %H:%M} UTC"
    )
    lines = [f"{until}: {embargo.rule} ({embargo.policy}/{embargo.version})", embargo.reason]
    lines += [
        f"  {one.rule:20} {one.effect.value:14} "
        f"{'' if one.instant is None else f'{one.instant:%Y-%m-%d} '}{one.reason}"
        for one in embargo.considered
    ]
    return "\n".join(lines)
