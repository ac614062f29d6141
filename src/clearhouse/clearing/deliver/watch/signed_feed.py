"""A signed feed as a source: nothing of it is used before it is verified, and it never goes back.

In: a folder with `feed/manifest.json`, or the address of one; what was seen of it before. Out: a
verified state, its documents, and the rules that find their flaws. Refused with `FeedError`:
whatever `feed_reading` refuses, and any document or rule whose bytes are not the signed ones;
nothing is then taken over, and the state that was there before stays. A feed past its end still
answers, with a warning, because a hospital without network has nothing newer; what appeared since
is unknown then, and the answer says so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from clearhouse.clearing.deliver.watch.documents import Taken, take_bytes
from clearhouse.clearing.deliver.watch.fetching import fetch
from clearhouse.formats import feed_reading
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.formats.feed import KEYS_PATH, MANIFEST_PATH, File, Known
from clearhouse.formats.feed_faults import Code, FeedError, refuse
from clearhouse.formats.feed_reading import Opened

_DOCUMENTS: Final = ("osv.json", "csaf.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A verified state of a feed."""

    opened: Opened
    warnings: tuple[str, ...]
    today: date
    """By the reader's clock; rules that have expired are left aside."""


def is_feed(folder: Path) -> bool:
    """Answer whether a folder holds a signed feed."""
    return (folder / MANIFEST_PATH).is_file()


def verify(keys: bytes, manifest: bytes, *, at: datetime, seen: Path, trusted: str | None) -> State:
    """Verify a manifest against what was seen before, without taking it over.

    Raises: FeedError.
    """
    known = feed_reading.known(seen.read_bytes(), seen.name) if seen.exists() else None
    chain = feed_reading.read_keys(keys, known=known, trusted=trusted)
    warnings = []
    if known is None and trusted is None:
        warnings.append("its keys were believed on first sight; compare them with --key")
    try:
        opened = feed_reading.read_manifest(manifest, chain, at=at, known=known)
    except FeedError as error:
        if error.fault.code is not Code.EXPIRED:
            raise
        opened = feed_reading.read_manifest(manifest, chain, at=None, known=known)
        ended = opened.manifest.expires
        warnings.append(f"it ended on {ended:%Y-%m-%d %H:%M} UTC; newer advisories are not known")
    return State(opened=opened, warnings=tuple(warnings), today=at.astimezone(UTC).date())


def remember(seen: Path, known: Known) -> None:
    """Keep what was seen, so that the feed cannot be led back behind it."""
    fresh = seen.with_suffix(".part")
    fresh.write_bytes(canonical_bytes(known.as_json()))
    fresh.replace(seen)


def read_files(folder: Path) -> tuple[bytes, bytes]:
    """Return key lists and manifest of a feed on this machine.

    Raises: FeedError.
    """
    return _on_disk(folder, KEYS_PATH), _on_disk(folder, MANIFEST_PATH)


def take(state: State, folder: Path) -> Iterator[Taken]:
    """Take the documents of a feed on this machine, list by list.

    Raises: FeedError.
    """
    yield from _take(state, lambda file: _on_disk(folder, file.path))


def mirror(state: State, address: str, folder: Path) -> None:
    """Bring what is missing of a feed onto this machine, each file checked before it is kept.

    Raises: FeedError, FetchError.
    """

    def bring(file: File) -> bytes:
        kept = folder / file.path
        if kept.is_file():
            try:
                data = kept.read_bytes()
                feed_reading.check_file(data, file)
            except FeedError:
                kept.unlink()  # another issue of the document, or a broken download
            else:
                return data
        data = fetch(f"{address.rstrip('/')}/{file.path}")
        feed_reading.check_file(data, file)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        return data

    for _ in _take(state, bring):
        pass


def _take(state: State, bring: Callable[[File], bytes]) -> Iterator[Taken]:
    for wanted in state.opened.manifest.lists:
        taken = Taken()
        for entry in feed_reading.read_list(bring(wanted.file), wanted):
            rules = tuple(one for one in entry.rules if one.expires > state.today)
            for one in rules:
                feed_reading.check_file(bring(one.file), one.file)
            for file in (entry.document(name) for name in _DOCUMENTS):
                if file is not None:
                    data = bring(file)
                    feed_reading.check_file(data, file)
                    take_bytes(taken, file.path, data)
                    taken.rules |= {file.path: rules} if rules else {}
        yield taken


def _on_disk(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror or 'no such file'}"
        raise refuse(Code.MISSING, path, reason) from error
