"""`clearhouse access`: early access to a model, from the offer to the dossiers.

Acts as the holder of `CLEARHOUSE_TOKEN`, else as the owner of the installation.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.record import Application, AssessmentKind, Holder, Opinion, Tier
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Scope, Selector
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import ModelPin, Times, WindowStep
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.cli import access_keys, access_proof
from clearhouse.surfaces.cli.access_acts import do, plain, show
from clearhouse.surfaces.cli.main import Connect, emit, json_option

T = TypeVar("T")


@click.group("access")
def command() -> None:
    """Offer a window, admit, grant, watch, stop, and prove what happened."""


_INSTANT = click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"])


@command.command("offer")
@click.option("--label", required=True)
@click.option("--government", required=True, help="Id of the government's party.")
@click.option("--model", required=True, help="The name that callers ask for.")
@click.option("--digest", required=True, help="What identifies the weights.")
@click.option("--served", multiple=True, help="Names that the endpoint may answer with.")
@click.option("--opens", type=_INSTANT, help="UTC; now when not given.")
@click.option(
    "--days", type=click.FloatRange(0, 30, min_open=True), default=30.0, show_default=True
)
@click.option("--partners-after-days", type=click.FloatRange(0, 30), default=0.0, show_default=True)
@click.option("--capacity", type=click.IntRange(1), default=10, show_default=True)
@json_option
@click.pass_obj
def offer_(
    connect: Connect, label: str, government: str, model: str, digest: str,
    served: tuple[str, ...], opens: datetime | None, days: float, partners_after_days: float,
    capacity: int, *, as_json: bool,
) -> None:  # fmt: skip
    """Offer a window of at most thirty days for one version of a model."""
    start = opens.replace(tzinfo=UTC) if opens else datetime.now(UTC)
    times = Times(
        opens_at=start,
        partners_from=start + timedelta(days=partners_after_days),
        closes_at=start + timedelta(days=days),
    )
    pin = ModelPin(name=model, digest=digest, served_names=served or (model,))
    made = do(
        connect,
        lambda desk, transaction, me: offer.offer(
            desk, transaction, me, label=label, government=PartyId(government), model=pin,
            times=times, capacity=capacity,
        ),
    )  # fmt: skip
    show(made, as_json, made.window_id)


@command.command("windows")
@json_option
@click.pass_obj
def windows(connect: Connect, *, as_json: bool) -> None:
    """List the windows that you may read."""
    found = do(connect, offer.windows)
    lines = [
        f"{one.window_id}  {one.state.value:7} until {one.times.closes_at:%Y-%m-%d}  {one.label}"
        for one in found
    ]
    emit({"windows": [plain(one) for one in found]}, as_json=as_json, text="\n".join(lines))


@command.command("step")
@click.argument("window")
@click.argument("what", type=click.Choice(["open", "pause", "resume"]))
@click.option("--because", default="")
@json_option
@click.pass_obj
def step(connect: Connect, window: str, what: str, because: str, *, as_json: bool) -> None:
    """Open, pause or resume WINDOW."""
    done = do(
        connect,
        lambda desk, transaction, me: offer.step(
            desk, transaction, me, window, WindowStep(what), because=because
        ),
    )
    show(done, as_json, done.state.value)


@command.command("nominate")
@click.argument("window")
@click.argument("party")
@click.option("--reason", required=True)
@json_option
@click.pass_obj
def nominate(connect: Connect, window: str, party: str, reason: str, *, as_json: bool) -> None:
    """Let PARTY (an id) read WINDOW and apply."""
    done = do(
        connect,
        lambda desk, transaction, me: admit.nominate(
            desk, transaction, me, window, party=PartyId(party), reason=reason
        ),
    )
    show(done, as_json, "nominated")


@command.command("apply")
@click.argument("window")
@click.option("--statement", required=True)
@click.option("--purpose", "purposes", multiple=True, required=True)
@click.option("--holder", "holders", multiple=True, required=True,
              help="ACTOR or ACTOR,attribute=value,…")  # fmt: skip
@click.option("--track", default="standard", show_default=True)
@click.option("--tier", type=click.Choice([one.value for one in Tier]), default="partner")
@click.option("--for", "party", help="Id of the party that you sponsor.")
@json_option
@click.pass_obj
def apply(
    connect: Connect, window: str, statement: str, purposes: tuple[str, ...],
    holders: tuple[str, ...], track: str, tier: str, party: str | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Apply to WINDOW for your party, or for one that you sponsor."""
    application = Application(
        statement=statement, purposes=purposes, holders=tuple(map(_holder, holders))
    )
    done = do(
        connect,
        lambda desk, transaction, me: admit.apply(
            desk, transaction, me, window, track=track, tier=Tier(tier), application=application,
            for_party=PartyId(party) if party else None,
        ),
    )  # fmt: skip
    show(done, as_json, f"{done.admission_id}  {done.state.value}")


def _holder(text: str) -> Holder:
    actor, *pairs = text.split(",")
    stated = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return Holder(actor_id=ActorId(actor), attributes=stated)


@command.command("score")
@click.argument("admission")
@click.argument("scores", nargs=-1, required=True)
@json_option
@click.pass_obj
def score(connect: Connect, admission: str, scores: tuple[str, ...], *, as_json: bool) -> None:
    """Score ADMISSION by the published criteria, for example `need=4 security=3`."""
    try:
        given = {name: int(value) for name, value in (one.split("=", 1) for one in scores)}
    except ValueError:
        raise click.UsageError("scores look like need=4") from None
    _assess(connect, admission, AssessmentKind.SCORE, Opinion(scores=given), as_json)


@command.command("decide")
@click.argument("admission")
@click.argument("word", type=click.Choice(["approve", "decline"]))
@click.option("--code", "codes", multiple=True, help="Published reason codes of a decline.")
@click.option("--reason", default="")
@json_option
@click.pass_obj
def decide(
    connect: Connect, admission: str, word: str, codes: tuple[str, ...], reason: str, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Say your side's word on ADMISSION; both sides approve, or nobody is admitted."""
    opinion = Opinion(approve=word == "approve", codes=codes, reason=reason)
    _assess(connect, admission, AssessmentKind.DECISION, opinion, as_json)


@command.command("recuse")
@click.argument("admission")
@click.option("--reason", required=True)
@json_option
@click.pass_obj
def recuse(connect: Connect, admission: str, reason: str, *, as_json: bool) -> None:
    """Declare a conflict of interest about ADMISSION; your scores and word then do not count."""
    _assess(connect, admission, AssessmentKind.CONFLICT, Opinion(reason=reason), as_json)


def _assess(
    connect: Connect, admission: str, kind: AssessmentKind, opinion: Opinion, as_json: bool
) -> None:  # fmt: skip
    done = do(
        connect,
        lambda desk, transaction, me: admit.assess(desk, transaction, me, admission, kind, opinion),
    )
    show(done, as_json, done.state.value)


@command.command("appeal")
@click.argument("admission")
@click.option("--words", required=True, help="What should be seen differently.")
@json_option
@click.pass_obj
def appeal(connect: Connect, admission: str, words: str, *, as_json: bool) -> None:
    """Ask for a second decision on ADMISSION, once."""
    done = do(
        connect,
        lambda desk, transaction, me: admit.appeal(desk, transaction, me, admission, words=words),
    )
    show(done, as_json, done.state.value)


@command.command("grant")
@click.argument("admission")
@click.argument("holder")
@click.option("--endpoint", "endpoints", multiple=True, required=True)
@click.option("--purpose", "purposes", multiple=True, required=True)
@click.option("--network", "networks", multiple=True, default=("0.0.0.0/0", "::/0"))
@click.option("--calls-per-minute", default=600, show_default=True)
@click.option("--at-once", default=50, show_default=True)
@click.option("--tokens", default=1_000_000, show_default=True, help="For the whole grant.")
@json_option
@click.pass_obj
def grant(
    connect: Connect, admission: str, holder: str, endpoints: tuple[str, ...],
    purposes: tuple[str, ...], networks: tuple[str, ...], calls_per_minute: int, at_once: int,
    tokens: int, *, as_json: bool,
) -> None:  # fmt: skip
    """Issue a grant to HOLDER of ADMISSION, for as long as the window is open to its tier."""
    scope = Scope(
        endpoints=endpoints, purposes=purposes, networks=networks,
        calls_per_minute=calls_per_minute, concurrent_calls=at_once, token_budget=tokens,
    )  # fmt: skip

    def issue(desk: Desk, transaction: Transaction, me: Actor) -> Any:  # noqa: ANN401 - a grant or why not
        one = admit.admission(desk, transaction, me, admission)
        times = offer.window(desk, transaction, me, one.window_id).times
        first = times.opens_at if one.tier is Tier.GOVERNMENT else times.partners_from
        return granting.issue(
            desk, transaction, me, admission, holder=ActorId(holder), scope=scope,
            not_before=first, not_after=times.closes_at,
        )  # fmt: skip

    done = do(connect, issue)
    show(done, as_json, done.grant_id)


@command.command("kill")
@click.argument("window")
@click.option("--grant", "grants", multiple=True)
@click.option("--party", "parties", multiple=True)
@click.option("--attribute", help="For example nationality.")
@click.option("--is", "values", multiple=True, help="Those with one of these values.")
@click.option("--is-not", "others", multiple=True, help="Those with another value, or none stated.")
@click.option("--because", default="")
@click.option("--dry-run", is_flag=True, help="Say who would lose access; take it from nobody.")
@json_option
@click.pass_obj
def kill(
    connect: Connect, window: str, grants: tuple[str, ...], parties: tuple[str, ...],
    attribute: str | None, values: tuple[str, ...], others: tuple[str, ...], because: str, *,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """End the access of those meant, at once; of everybody in WINDOW when nobody is named."""
    if values and others:
        raise click.UsageError("use --is or --is-not")
    selector = Selector(
        grants=grants, parties=parties, attribute=attribute, values=values or others,
        other_than=bool(others),
    )  # fmt: skip
    done = do(
        connect,
        lambda desk, transaction, me: granting.kill(
            desk, transaction, me, window, selector, because=because, dry_run=dry_run
        ),
    )
    verb = "lost" if done.done else "would lose"
    lines = [f"{one.name} {verb} access: {one.because}" for one in done.losers]
    lines.append(f"{len(done.losers)} {verb} access, {done.keep} keep it")
    show(done, as_json, "\n".join(lines))


for _one in (*access_keys.COMMANDS, *access_proof.COMMANDS):
    command.add_command(_one)
