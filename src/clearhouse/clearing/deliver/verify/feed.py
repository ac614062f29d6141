"""Verify a feed or one document of it, and list everything that is wrong.

In: the place of a feed, the reader's clock, and what the reader remembers or trusts. Out: what was
verified, and every fault with its file and field, whose it is and what to do. Refused: nothing;
what could not be looked at is counted apart, never as good.

1. The chain of keys, from what is trusted or remembered.
2. The manifest: signatures, number, times.
3. The lists it names, by hash.
4. Every document by hash, and every proof: the event names the documents' hashes, its leaf leads
   to the tree head, and a key of the chain signed that head.
5. The detection rules and the archives by hash.
Source: as `formats.feed`; RFC 9162 §2.1.3.2 for proofs.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from clearhouse.clearing.deliver.verify.places import Place, PlaceError
from clearhouse.formats import dsse, feed, feed_reading, merkle
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.formats.feed import Entry, Known
from clearhouse.formats.feed_faults import Code, Fault, FeedError, Whose, refuse
from clearhouse.formats.feed_reading import Chain, Opened
from clearhouse.formats.strict_json import StrictJsonError, parse

PROOF: Final = "proof.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What holds of a feed, and what does not."""

    place: str
    opened: Opened | None
    """None when the feed itself could not be read."""
    advisories: int
    documents: int
    """Documents whose hash and size are the signed ones."""
    proofs: int
    """Advisories whose decision is proven to be in the ledger."""
    rules: int
    """Detection rules whose hash and size are the signed ones."""
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.faults


def verify_feed(
    place: Place, *, at: datetime, known: Known | None = None, trusted: str | None = None
) -> Verified:
    """Verify a feed and everything that it names."""
    try:
        chain = feed_reading.read_keys(_get(place, feed.KEYS_PATH), known=known, trusted=trusted)
        data = _get(place, feed.MANIFEST_PATH)
        opened = feed_reading.read_manifest(data, chain, at=None, known=known)
    except FeedError as error:
        return Verified(
            place=place.name, opened=None, advisories=0, documents=0, proofs=0, rules=0,
            faults=(error.fault,),
        )  # fmt: skip
    faults: list[Fault] = []
    try:  # an old feed is looked through all the same
        feed_reading.read_manifest(data, chain, at=at, known=known)
    except FeedError as error:
        faults.append(error.fault)
    entries = _entries(place, opened, faults)
    good = proofs = 0
    for entry in entries:
        checked, proven = _verify_entry(place, entry, chain, faults)
        good, proofs = good + checked, proofs + proven
    rules = [_file(place, one.file, faults) for entry in entries for one in entry.rules]
    for one in opened.manifest.archives:
        _file(place, one, faults)
    return Verified(
        place=place.name,
        opened=opened,
        advisories=len(entries),
        documents=good,
        proofs=proofs,
        rules=sum(one is not None for one in rules),
        faults=tuple(faults),
    )


def verify_file(path: Path, *, proof: Path, keys: Path) -> tuple[Fault, ...]:
    """Verify one downloaded document with the proof beside it and the keys of its feed."""
    try:
        chain = feed_reading.read_keys(_bytes(keys))
        data = _bytes(path)
        return tuple(
            _proof_faults(
                _bytes(proof), {path.name: hashlib.sha256(data).hexdigest()}, chain, proof.name
            )
        )
    except FeedError as error:
        return (error.fault,)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise refuse(Code.MISSING, str(path), reason, whose=Whose.READER) from error


def _verify_entry(
    place: Place, entry: Entry, chain: Chain, faults: list[Fault]
) -> tuple[int, bool]:
    """Verify the documents of an advisory; return how many hold, and whether its proof does."""
    files = {one.path.rpartition("/")[2]: _file(place, one, faults) for one in entry.documents}
    found = {name: data for name, data in files.items() if data is not None}
    if PROOF not in found:
        return len(found), False
    hashes = {
        name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != PROOF
    }
    path = next(one.path for one in entry.documents if one.path.endswith(f"/{PROOF}"))
    wrong = list(_proof_faults(found[PROOF], hashes, chain, path, subject=entry.id))
    faults += wrong
    return len(found), not wrong


def _proof_faults(
    data: bytes, hashes: dict[str, str], chain: Chain, file: str, *, subject: str | None = None
) -> Iterator[Fault]:
    """Yield what is wrong with a proof: of the event, of its place, of the signature."""
    try:
        proof: Any = parse(data)
        event, event_data = proof["event"], proof["event"]["data"]["sha256"]
        leaf = merkle.leaf_hash(canonical_bytes(event))
        path = [bytes.fromhex(step) for step in proof["path"]]
        index, envelope = int(proof["leaf_index"]), proof["tree_head"]
    except (StrictJsonError, KeyError, TypeError, ValueError) as error:
        yield _wrong(file, "", f"it is no proof: {type(error).__name__}", Code.BROKEN)
        return
    if subject is not None and event.get("subject") != subject:
        yield _wrong(file, "/event/subject", f"it proves another advisory than {subject}")
    for name, digest in sorted(hashes.items()):
        if event_data.get(name) != digest:
            yield _wrong(
                file, f"/event/data/sha256/{name}", f"the decision was about other bytes of {name}"
            )
    keys = {text for one in chain.lists for text in one.ledger_keys}
    try:
        opened = dsse.open_envelope(envelope, [dsse.public_key(text) for text in sorted(keys)])
        head = json.loads(opened.payload)
        size, root = int(head["size"]), bytes.fromhex(head["root"])
    except dsse.UntrustedEnvelopeError:
        yield _wrong(file, "/tree_head", "no ledger key of the feed signed the tree head")
        return
    except (KeyError, TypeError, ValueError):
        yield _wrong(file, "/tree_head", "it is no tree head", Code.BROKEN)
        return
    if not merkle.inclusion_holds(leaf, index, size, path, root):
        yield _wrong(file, "/path", "the path does not lead from the event to the signed root")


def _wrong(file: str, field: str, reason: str, code: Code = Code.LEDGER) -> Fault:
    return Fault(code=code, file=file, field=field, reason=reason, whose=Whose.PUBLISHER)


def _entries(place: Place, opened: Opened, faults: list[Fault]) -> list[Entry]:
    """Return the advisories of every list that holds, and note the faults of the others."""
    found: list[Entry] = []
    for one in opened.manifest.lists:
        try:
            found += feed_reading.read_list(_get(place, one.file.path), one)
        except FeedError as error:
            faults.append(error.fault)
    return found


def _file(place: Place, wanted: feed.File, faults: list[Fault]) -> bytes | None:
    """Return a file that is the signed one, or note what is wrong with it."""
    try:
        data = _get(place, wanted.path)
        feed_reading.check_file(data, wanted)
    except FeedError as error:
        faults.append(error.fault)
        return None
    return data


def _get(place: Place, path: str) -> bytes:
    try:
        data = place.get(path)
    except PlaceError as error:
        raise refuse(Code.MISSING, path, str(error)) from error
    if data is None:
        raise refuse(Code.MISSING, path, f"not there below {place.name}")
    return data


def summary(found: Verified) -> Sequence[str]:
    """Return lines for people: what holds, then every fault with what to do."""
    lines = []
    if found.opened is not None:
        one = found.opened.manifest
        issued, expires = feed.spell(one.issued), feed.spell(one.expires)
        lines = [
            f"feed {one.feed}, number {one.sequence}, issued {issued}, good until {expires}",
            f"{found.advisories} of {one.advisories} advisories read",
            f"{found.documents} documents are the signed ones",
            f"{found.rules} detection rules are the signed ones",
            f"{found.proofs} advisories are proven to be in the ledger",
        ]
    lines += [str(fault) for fault in found.faults]
    return [*lines, "everything holds" if found.holds else f"{len(found.faults)} faults"]
