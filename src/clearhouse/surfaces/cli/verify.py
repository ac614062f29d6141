"""`clearhouse verify`: check what a house published, from outside, without a store."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from clearhouse.clearing.deliver.verify import feed as feeds
from clearhouse.clearing.deliver.verify.places import place_of
from clearhouse.clearing.deliver.verify.provider import check_provider
from clearhouse.clearing.deliver.verify.record import Outcome
from clearhouse.clearing.deliver.watch.fetching import is_address
from clearhouse.formats import feed, feed_reading
from clearhouse.formats.feed_faults import Fault, FeedError
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, emit, json_option


class _FeedByDefault(click.Group):
    """Takes `verify X` as `verify feed X` or `verify file X`, whichever X is."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            is_feed = is_address(args[0]) or Path(args[0]).is_dir()
            args = ["feed" if is_feed else "file", *args]
        return super().resolve_command(ctx, args)


@click.group("verify", cls=_FeedByDefault)
def command() -> None:
    """Check a feed, a document or a CSAF provider: `verify URL`, `verify FILE`.

    Signatures, hashes, ledger proofs, freshness, rollback and changes of keys. The exit code is 0
    when everything holds, and 1 when anything does not.
    """


@command.command("feed")
@click.argument("place")
@click.option("--key", help="A public key of the house that you have from elsewhere, base64.")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False),
              help="File that remembers the newest state, so that none goes back.")  # fmt: skip
@json_option
def verify_feed(place: str, key: str | None, state: Path | None, *, as_json: bool) -> None:
    """Check the feed at an address or in a folder, and every document it names."""
    try:
        known = (
            feed_reading.known(state.read_bytes(), str(state)) if state and state.exists() else None
        )
    except FeedError as error:
        click.echo(f"clearhouse: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    found = feeds.verify_feed(place_of(place), at=datetime.now(UTC), known=known, trusted=key)
    if found.holds and found.opened is not None and state is not None:
        state.write_text(json.dumps(found.opened.known.as_json()), "utf-8")
    opened = found.opened
    document = {
        "holds": found.holds,
        "place": found.place,
        "feed": None if opened is None else opened.known.as_json(),
        "expires": None if opened is None else feed.spell(opened.manifest.expires),
        "advisories": found.advisories,
        "documents": found.documents,
        "proofs": found.proofs,
        "detection_rules": found.rules,
        "faults": [_fault(one) for one in found.faults],
    }
    emit(document, as_json=as_json, text="\n".join(feeds.summary(found)))
    sys.exit(0 if found.holds else EXIT_NO)


@command.command("file")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--proof", type=click.Path(path_type=Path), help="Its proof; else one beside it.")
@click.option("--keys", type=click.Path(path_type=Path),
              help="feed/keys.json of the house; else one in the folders above.")  # fmt: skip
@json_option
def verify_file(file: Path, proof: Path | None, keys: Path | None, *, as_json: bool) -> None:
    """Check one document with the proof beside it: decided as it stands, and in the ledger."""
    above = (one / feed.KEYS_PATH for one in file.absolute().parents)
    keys = keys or next((one for one in above if one.exists()), file.parent / "keys.json")
    faults = feeds.verify_file(file, proof=proof or file.parent / feeds.PROOF, keys=keys)
    document = {"holds": not faults, "file": str(file), "faults": [_fault(one) for one in faults]}
    text = "\n".join(map(str, faults)) or f"{file} is what was decided, and the ledger has it"
    emit(document, as_json=as_json, text=text)
    sys.exit(EXIT_NO if faults else 0)


@command.command("provider")
@click.argument("place")
@json_option
def verify_provider(place: str, *, as_json: bool) -> None:
    """Check a CSAF trusted provider against requirements 1 to 20 of the standard."""
    found = check_provider(place_of(place))
    failed = [one for one in found if one.outcome is Outcome.FAILED]
    lines = [
        line
        for one in found
        for line in (
            f"{one.number:2}  {one.outcome:12} {one.title}",
            *(f"      {said}" for said in one.said),
        )
    ]
    document = {
        "holds": not failed,
        "place": place,
        "requirements": [
            {"number": one.number, "title": one.title, "outcome": one.outcome, "said": one.said}
            for one in found
        ],
    }
    emit(document, as_json=as_json, text="\n".join(lines))
    sys.exit(EXIT_NO if failed else 0)


def _fault(one: Fault) -> dict[str, str]:
    return {
        "code": one.code,
        "file": one.file,
        "field": one.field,
        "reason": one.reason,
        "whose": one.whose,
        "what_to_do": one.what_to_do,
    }
