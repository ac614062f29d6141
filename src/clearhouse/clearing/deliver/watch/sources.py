"""Opens what an operator points at: a signed feed, a zip or folder of OSV and CSAF, a KEV file.

In: paths and addresses, and a folder for what is kept. Out: one `Source` each, with an index that
is built once and again only when something changed. Refused with `SourceError`: what is not there,
what is none of these, a zip that is cut off, and anything that must come from the network when
that is not allowed and nothing is kept.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from clearhouse.clearing.deconflict.reading import UnreadableError
from clearhouse.clearing.deconflict.record import KevEntry
from clearhouse.clearing.deliver.watch import kev, signed_feed
from clearhouse.clearing.deliver.watch.documents import Taken, of_archive, of_folder, take_all
from clearhouse.clearing.deliver.watch.fetching import fetch, fetch_into, is_address
from clearhouse.clearing.deliver.watch.index import VERSION, Builder, Index, IndexFaultError
from clearhouse.clearing.deliver.watch.record import DetectionRule, Origin
from clearhouse.formats import feed, feed_reading
from clearhouse.formats.feed import KEYS_PATH, MANIFEST_PATH
from clearhouse.formats.osv_statements import instant
from clearhouse.formats.zip_directory import ZipDirectoryError

_BESIDE: Final = frozenset({"provider-metadata.json", "index.json", "proof.json", "service.json"})
_MOST_DAMAGE: Final = 1000


class SourceError(ValueError):
    """A source cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """Where things are kept between runs, and what is allowed."""

    folder: Path
    offline: bool = False
    key: str | None = None
    """A public key of the feed that the operator has from elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One opened source."""

    origin: Origin
    index: Index | None = None
    kev: Mapping[str, KevEntry] = field(default_factory=dict)
    rules: Mapping[str, tuple[DetectionRule, ...]] = field(default_factory=dict)
    """What finds the flaw of a document, by the document's file."""


def open_source(text: str, keeping: Keeping, *, at: datetime) -> Source:
    """Open one source.

    Raises: SourceError, FeedError, FetchError.
    """
    keeping.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_address(text):
        return _open_address(text.rstrip("/"), keeping, at)
    path = Path(text)
    if not path.exists():
        raise SourceError(f"{text}: is not there; give a folder, a file or an address")
    return _open_path(path, text, keeping, at)


def _open_address(address: str, keeping: Keeping, at: datetime) -> Source:
    place = keeping.folder / _name(address)
    is_file = address.endswith((".zip", ".json", ".csv"))
    if is_file and not address.endswith(MANIFEST_PATH):
        path = place.with_suffix(Path(address).suffix)
        if not keeping.offline:
            fetch_into(address, path)
        elif not path.exists():
            raise SourceError(f"{address}: nothing of it is kept; run once without --offline")
        return _open_path(path, address, keeping, at)
    address = address.removesuffix(f"/{MANIFEST_PATH}")
    folder = keeping.folder / f"{_name(address)}.feed"
    if keeping.offline:
        if not signed_feed.is_feed(folder):
            raise SourceError(f"{address}: nothing of it is kept; run once without --offline")
    else:
        _mirror(address, folder, keeping, at)
    return _open_feed(folder, address, keeping, at)


def _mirror(address: str, folder: Path, keeping: Keeping, at: datetime) -> None:
    """Bring the newest state here; the manifest last, so that a broken run changes nothing."""
    files = {path: fetch(f"{address}/{path}") for path in (KEYS_PATH, MANIFEST_PATH)}
    state = signed_feed.verify(
        files[KEYS_PATH],
        files[MANIFEST_PATH],
        at=at,
        seen=_seen(address, keeping),
        trusted=keeping.key,
    )
    signed_feed.mirror(state, address, folder)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def _open_path(path: Path, name: str, keeping: Keeping, at: datetime) -> Source:
    if path.is_dir():
        if signed_feed.is_feed(path):
            return _open_feed(path, name, keeping, at)
        return _open_folder(path, name, keeping)
    with path.open("rb") as file:
        head = file.read(4096)
    if kev.recognised(head):
        return _open_kev(path, name)
    if head.startswith(b"PK"):
        return _open_zip(path, name, keeping)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _open_folder(path.parent, name, keeping, files=[path.name])
    raise SourceError(f"{name}: is no feed, zip, OSV, CSAF or KEV file")


def _open_kev(path: Path, name: str) -> Source:
    try:
        entries = kev.read(path.read_bytes())
    except UnreadableError as error:
        raise SourceError(f"{name}: {error}; fetch the catalogue again") from error
    newest = max(entry.added for entry in entries.values())
    origin = Origin(
        name=name, kind="KEV", documents=len(entries), newest=instant(newest.isoformat())
    )
    return Source(origin=origin, kev=entries)


def _open_feed(folder: Path, name: str, keeping: Keeping, at: datetime) -> Source:
    seen = _seen(name, keeping)
    state = signed_feed.verify(
        *signed_feed.read_files(folder), at=at, seen=seen, trusted=keeping.key
    )
    path = _index_path(name, keeping)
    index = _kept(path, state.opened.sha256)
    if index is None:
        index = _build(path, state.opened.sha256, signed_feed.take(state, folder))
    signed_feed.remember(seen, state.opened.known)
    source = _source(name, "signed feed", index, state.warnings)
    return replace(source, rules=_rules(index, folder))


def _rules(index: Index, folder: Path) -> dict[str, tuple[DetectionRule, ...]]:
    listed = index.facts["rules"]
    return {
        document: tuple(
            DetectionRule(rule=one, place=folder / one.file.path)
            for one in feed_reading.read_rules(rules, document)
        )
        for document, rules in (listed.items() if isinstance(listed, dict) else ())
    }


def _open_zip(path: Path, name: str, keeping: Keeping) -> Source:
    status = path.stat()
    stamp = f"zip {status.st_size} {status.st_mtime_ns}"
    place = _index_path(name, keeping)
    index = _kept(place, stamp, path)
    if index is None:
        try:
            index = _build(place, stamp, take_all(of_archive(path)), path)
        except ZipDirectoryError as error:
            raise SourceError(f"{name}: the archive {error}; fetch it again") from error
    return _source(name, "OSV and CSAF files", index)


def _open_folder(
    path: Path, name: str, keeping: Keeping, *, files: Sequence[str] | None = None
) -> Source:
    listed = sorted(_files(path)) if files is None else files
    stamp = hashlib.sha256()
    for one in listed:
        status = (path / one).stat()
        stamp.update(f"{one}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "replace"))
    place = _index_path(name, keeping)
    index = _kept(place, stamp.hexdigest())
    if index is None:
        index = _build(place, stamp.hexdigest(), take_all(of_folder(path, listed)))
    if not index.facts["documents"] and not index.facts["damage"] and not index.facts["unmatched"]:
        index.close()
        raise SourceError(f"{name}: holds no OSV or CSAF document")
    return _source(name, "OSV and CSAF files", index)


def _files(folder: Path) -> Iterable[str]:
    """Name the JSON files below a folder, links to folders left aside so that none is endless."""
    for root, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for one in files:
            if one.endswith(".json") and one not in _BESIDE:
                yield str((Path(root) / one).relative_to(folder))


def _build(path: Path, stamp: str, found: Iterable[Taken], archive: Path | None = None) -> Index:
    builder = Builder(path)
    whole = Taken()
    try:
        for taken in found:
            builder.add(taken.documents, taken.keys)
            whole.kinds |= taken.kinds
            whole.rules |= taken.rules
            whole.damage += taken.damage[: _MOST_DAMAGE - len(whole.damage)]
            whole.others += taken.others
            whole.unmatched += taken.unmatched
            whole.newest = max(whole.newest, taken.newest)
        facts: dict[str, object] = {
            "stamp": stamp,
            "kinds": sorted(whole.kinds),
            "rules": {name: feed.rules_json(rules) for name, rules in whole.rules.items()},
            "damage": whole.damage,
            "others": whole.others,
            "unmatched": whole.unmatched,
            "newest": whole.newest,
        }
        builder.finish(facts)
    except BaseException:
        builder.abandon()
        raise
    return Index.open(path, archive)


def _kept(path: Path, stamp: str, archive: Path | None = None) -> Index | None:
    """Return the index that is kept, unless it is of another state, another version or damaged."""
    if not path.exists():
        return None
    try:
        index = Index.open(path, archive)
    except IndexFaultError:
        return None
    if index.facts.get("stamp") == stamp:
        return index
    index.close()
    return None


def _source(name: str, kind: str, index: Index, warnings: tuple[str, ...] = ()) -> Source:
    facts = index.facts
    damage = facts["damage"]
    origin = Origin(
        name=name,
        kind=kind,
        documents=int(str(facts["documents"])),
        newest=instant(facts["newest"]),
        warnings=warnings,
        damage=tuple(map(str, damage)) if isinstance(damage, list) else (),
        unmatched=int(str(facts["unmatched"])),
    )
    return Source(origin=origin, index=index)


def _name(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def _seen(name: str, keeping: Keeping) -> Path:
    return keeping.folder / f"{_name(_absolute(name))}.seen.json"


def _index_path(name: str, keeping: Keeping) -> Path:
    return keeping.folder / f"{_name(_absolute(name))}.v{VERSION}.sqlite"


def _absolute(name: str) -> str:
    return name if is_address(name) else str(Path(name).resolve())
