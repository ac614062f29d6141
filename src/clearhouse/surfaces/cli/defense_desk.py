"""`clearhouse defense hand-in`, `cards`, `trust` and `pool`: results kept, and pooled."""

from collections.abc import Sequence
from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.defense.compare.card import Card, verify
from clearhouse.defense.compare.pooling import (
    FEWEST,
    Contribution,
    NotPoolableError,
    PooledTool,
    pool_tools,
)
from clearhouse.defense.compare.sharing import Shared
from clearhouse.defense.keep import operations as keep
from clearhouse.defense.keep.record import CardFile, KeptCard
from clearhouse.kernel import identity
from clearhouse.kernel.identity import PartyKind
from clearhouse.surfaces.cli.acting import acting
from clearhouse.surfaces.cli.criteria_input import document_of, public_key
from clearhouse.surfaces.cli.defense_run import FILE, card_words
from clearhouse.surfaces.cli.main import Connect, emit, json_option
from clearhouse.surfaces.web.defense_shared_view import rate, shared_rows

_CARDS, _FILE = TypeAdapter(list[KeptCard]), TypeAdapter(CardFile)
_TOOLS = TypeAdapter(tuple[PooledTool, ...])


@click.command("hand-in")
@click.argument("cards", nargs=-1, required=True, type=FILE)
@json_option
@click.pass_obj
def hand_in(connect: Connect, cards: tuple[Path, ...], *, as_json: bool) -> None:
    """Keep the signed CARDS: a whole one for your organisation alone, a shared one to be pooled."""
    app = connect()
    me, envelopes = acting(app), [document_of(one) for one in cards]
    with app.desk.database.transaction(me.actor_id) as transaction:
        ids = [keep.hand_in(app.desk, transaction, me, one) for one in envelopes]
    emit({"cards": ids}, as_json=as_json, text="\n".join(ids))


@click.command("cards")
@click.argument("card_id", required=False)
@json_option
@click.pass_obj
def cards(connect: Connect, card_id: str | None, *, as_json: bool) -> None:
    """List the kept cards that you may read, or show CARD_ID with its numbers."""
    app = connect()
    with app.desk.database.transaction(acting(app).actor_id) as transaction:
        if card_id is None:
            found = keep.cards(transaction)
            words = [f"{one.card_id}  {one.kind:6}  {one.handed_in_at:%Y-%m-%d}" for one in found]
            said = {"cards": _CARDS.dump_python(found, mode="json")}
            emit(said, as_json=as_json, text="\n".join(words) or "no card is kept")
            return
        file = keep.card_file(app.desk, transaction, card_id)
    emit(_FILE.dump_python(file, mode="json"), as_json=as_json, text=_card_words(file.content))


def _card_words(content: Card | Shared) -> str:
    if isinstance(content, Card):
        return card_words(content)
    rows = shared_rows(content)
    return "\n".join(f"{one.name}: found {one.found} steps, alarms {one.alarms}" for one in rows)


@click.command("trust")
@click.argument("organisation")
@click.argument("key")
@click.option("--end", is_flag=True, help="KEY (its id, 64 hex digits) speaks no longer.")
@json_option
@click.pass_obj
def trust(connect: Connect, organisation: str, key: str, *, end: bool, as_json: bool) -> None:
    """Let KEY (base64 of its 32 bytes) speak for ORGANISATION, an operator."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        if end:
            keep.end_key(app.desk, transaction, me, key)
            key_id = key
        else:
            party = identity.add_party(transaction, PartyKind.OPERATOR, organisation)
            key_id = keep.trust_key(app.desk, transaction, me, party, public_key(key))
    emit({"key": key_id, "trusted": not end}, as_json=as_json, text=key_id)


@click.command("pool")
@click.argument("shared", nargs=-1, type=FILE)
@click.option("--key", "keys", multiple=True, metavar="BASE64",
              help="Public keys of the networks; each network has one.")  # fmt: skip
@click.option("--release", is_flag=True, help="Let every operator read what the desk pools.")
@json_option
@click.pass_obj
def pool(
    connect: Connect, shared: tuple[Path, ...], keys: tuple[str, ...], *, release: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Pool the SHARED cards of several networks; without any, those that the desk keeps.

    Files are pooled here and now from two networks on; at the desk it takes three.
    """
    if shared:
        if release:
            raise click.UsageError("--release is for what the desk keeps; hand the cards in first")
        tools, pool_id = _of_files(shared, keys), None
    else:
        tools, pool_id = _at_the_desk(connect, release=release)
    said = {"tools": _TOOLS.dump_python(tools, mode="json"), "pool": pool_id}
    words = [*map(_pooled_words, tools), *([pool_id] if pool_id else [])]
    emit(said, as_json=as_json, text="\n".join(words))


def _of_files(shared: Sequence[Path], keys: Sequence[str]) -> tuple[PooledTool, ...]:
    trusted = [public_key(one) for one in keys]
    given = []
    for path in shared:
        signed = verify(document_of(path), trusted)
        if not isinstance(signed.content, Shared):
            raise NotPoolableError(f"{path.name} is a whole card; pool the shared ones")
        given.append(Contribution(
            network=signed.key_id, pack_sha256=signed.pack_sha256, shared=signed.content
        ))  # fmt: skip
    tools = pool_tools(given)
    if not tools:
        raise NotPoolableError(f"no state of a tool was measured by {FEWEST} of these networks")
    return tools


def _at_the_desk(connect: Connect, *, release: bool) -> tuple[tuple[PooledTool, ...], str | None]:
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        if not release:
            return keep.pooled(app.desk, transaction, me).tools, None
        pool_id = keep.release(app.desk, transaction, me)
        return keep.pool(app.desk, transaction, pool_id).pool.tools, pool_id


def _pooled_words(one: PooledTool) -> str:
    lines = [f"{one.tool} ({one.version}): found {rate(one.found)}, on {one.packs} packs"]
    lines += [f"  {name:8} {rate(found)}" for name, found in one.techniques.items()]
    return "\n".join(lines)
