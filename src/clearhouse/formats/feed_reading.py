"""Reads a signed feed, and says what is wrong with it, whose fault that is, and what to do.

In: the bytes of `feed/keys.json`, `feed/manifest.json` and the lists, the reader's clock, and what
the reader remembers. Out: records, or `FeedError` with one fault. Refused: documents that two
readers could read differently; signatures of keys that the chain does not lead to; a manifest that
is older than one seen before, another one of the same number, one past its end or from the future;
files whose size or hash is not the signed one. What was refused is never returned in part.
Source: as `formats.feed`; The Update Framework 1.0.33, section 5.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.formats import dsse
from clearhouse.formats.fault import CLOCK_TOLERANCE
from clearhouse.formats.feed import (
    INSTANT,
    KEYS_FORMAT,
    KEYS_PATH,
    KEYS_TYPE,
    LIST_FORMAT,
    LONGEST_LIST,
    MANIFEST_FORMAT,
    MANIFEST_PATH,
    MANIFEST_TYPE,
    OPEN_LEAKS,
    Entry,
    File,
    KeyList,
    Known,
    ListFile,
    Manifest,
    Rule,
)
from clearhouse.formats.feed_faults import Code, FeedError, Whose, refuse
from clearhouse.formats.strict_json import StrictJsonError, Strictness, parse

MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_KEYS: Final = 20
_PATH: Final = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9._@:+-]+(?:/[A-Za-z0-9._@:+-]+)*")
_HASH: Final = re.compile("[0-9a-f]{64}")
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RULE_ID: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_RULE_KIND: Final = re.compile("sigma|suricata|yara")
_RULE_LEAK: Final = re.compile("|".join(OPEN_LEAKS))
_RULE_FIRES: Final = re.compile("yes|not-run")
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """The key lists of a feed, each checked against the one before it."""

    lists: tuple[KeyList, ...]
    digests: tuple[str, ...]
    """SHA-256 of each payload."""
    signers: tuple[frozenset[str], ...]
    """The keys that signed each, of those that it or the list before it names."""

    @property
    def newest(self) -> KeyList:
        """The list that counts now."""
        return self.lists[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A manifest whose signatures hold, and the hash by which a reader remembers it."""

    manifest: Manifest
    sha256: str
    chain: Chain

    @property
    def known(self) -> Known:
        """What the reader should remember once all of it was taken over."""
        return Known(
            feed=self.manifest.feed,
            sequence=self.manifest.sequence,
            sha256=self.sha256,
            issued=self.manifest.issued,
            keys_version=self.chain.newest.version,
            keys_sha256=self.chain.digests[-1],
        )


def read_keys(data: bytes, *, known: Known | None = None, trusted: str | None = None) -> Chain:
    """Return the key lists, each led to by the one before it.

    The chain is believed when `trusted` (a public key that you have from elsewhere) signed one of
    the lists, and when what is `known` is in it; with neither, on first sight.
    Raises: FeedError.
    """
    fields = _document(data, KEYS_PATH, KEYS_FORMAT)
    lists: list[KeyList] = []
    digests: list[str] = []
    signers: list[frozenset[str]] = []
    for place, envelope in enumerate(fields.items("chain", most=10_000)):
        own, payload = _key_list(envelope, place)
        signers.append(_check_succession(own, lists[-1] if lists else None, envelope, place))
        lists.append(own)
        digests.append(hashlib.sha256(payload).hexdigest())
    if not lists:
        raise refuse(Code.BROKEN, KEYS_PATH, "no key list in it", field="/chain")
    chain = Chain(lists=tuple(lists), digests=tuple(digests), signers=tuple(signers))
    _check_known_keys(chain, known, trusted)
    return chain


def read_manifest(
    data: bytes, chain: Chain, *, at: datetime | None, known: Known | None = None
) -> Opened:
    """Return a manifest that enough keys signed, that is newer than what is known, and fresh.

    `at` is the reader's clock; None leaves freshness to the caller (a file looked at years later).
    Raises: FeedError.
    """
    keys = chain.newest
    try:
        envelope = parse(data, Strictness(max_bytes=MOST_BYTES, max_depth=8))
    except StrictJsonError as error:
        raise refuse(Code.BROKEN, MANIFEST_PATH, error.reason, field=error.place) from error
    payload = _signed(envelope, MANIFEST_PATH, "", keys, MANIFEST_TYPE).payload
    manifest = _manifest(_document(payload, MANIFEST_PATH, MANIFEST_FORMAT))
    if manifest.feed != keys.feed:
        reason = f"it is of {manifest.feed}, its keys are of {keys.feed}"
        raise refuse(Code.FOREIGN, MANIFEST_PATH, reason, field="/feed")
    if manifest.keys_version != keys.version:
        reason = f"it wants key list {manifest.keys_version}, {KEYS_PATH} ends at {keys.version}"
        raise refuse(Code.KEYS, MANIFEST_PATH, reason, field="/keys_version")
    opened = Opened(manifest=manifest, sha256=hashlib.sha256(payload).hexdigest(), chain=chain)
    if known is not None:
        _check_newer(opened, known)
    if at is not None:
        _check_fresh(manifest, at)
    return opened


def read_list(data: bytes, wanted: ListFile) -> tuple[Entry, ...]:
    """Return the advisories of a list whose bytes are the signed ones.

    Raises: FeedError.
    """
    check_file(data, wanted.file)
    fields = _document(data, wanted.file.path, LIST_FORMAT)
    entries = tuple(_entry(one) for one in fields.objects("advisories", most=LONGEST_LIST))
    if len(entries) != wanted.advisories:
        reason = f"the manifest announces {wanted.advisories} advisories, it has {len(entries)}"
        raise refuse(
            Code.BROKEN, wanted.file.path, reason, field="/advisories", whose=Whose.PUBLISHER
        )
    return entries


def check_file(data: bytes, wanted: File) -> None:
    """Check that a file is the signed one.

    Raises: FeedError.
    """
    if len(data) != wanted.size_bytes:
        reason = f"it has {len(data)} bytes; {wanted.size_bytes} are signed"
        raise refuse(Code.MISMATCH, wanted.path, reason)
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise refuse(Code.MISMATCH, wanted.path, "its SHA-256 is not the signed one")


def read_rules(value: object, file: str) -> tuple[Rule, ...]:
    """Return rules from what `feed.rules_json` wrote.

    Raises: FeedError.
    """
    fields = _Fields.of({"rules": value}, file, "")
    return tuple(_rule(one) for one in fields.objects("rules", most=1000))


def known(data: bytes, file: str) -> Known:
    """Return what a reader remembered, from the bytes of `Known.as_json`.

    Raises: FeedError.
    """
    fields = _document(data, file, None)
    return Known(
        feed=fields.text("feed"),
        sequence=fields.number("sequence"),
        sha256=fields.hash("sha256"),
        issued=fields.instant("issued"),
        keys_version=fields.number("keys_version"),
        keys_sha256=fields.hash("keys_sha256"),
    )


def _check_newer(opened: Opened, known: Known) -> None:
    manifest = opened.manifest
    if manifest.feed != known.feed:
        reason = f"it is of {manifest.feed}, you follow {known.feed}"
        raise refuse(Code.FOREIGN, MANIFEST_PATH, reason, field="/feed")
    if manifest.sequence < known.sequence:
        reason = f"it is number {manifest.sequence}; you have seen number {known.sequence}"
        raise refuse(Code.ROLLED_BACK, MANIFEST_PATH, reason, field="/sequence")
    if manifest.sequence == known.sequence and opened.sha256 != known.sha256:
        reason = f"two different states have the number {known.sequence}"
        raise refuse(
            Code.TWO_FACED, MANIFEST_PATH, reason, field="/sequence", whose=Whose.PUBLISHER
        )
    if manifest.issued < known.issued:
        reason = "it is issued before one that you have seen, with a higher number"
        raise refuse(Code.TWO_FACED, MANIFEST_PATH, reason, field="/issued", whose=Whose.PUBLISHER)


def _check_fresh(manifest: Manifest, at: datetime) -> None:
    if manifest.issued > at + CLOCK_TOLERANCE:
        reason = f"issued {manifest.issued:{INSTANT}}, which is in the future"
        raise refuse(Code.FUTURE, MANIFEST_PATH, reason, field="/issued", whose=Whose.READER)
    if manifest.expires <= at:
        reason = f"it expired {manifest.expires:{INSTANT}}"
        raise refuse(Code.EXPIRED, MANIFEST_PATH, reason, field="/expires")


def _key_list(envelope: object, place: int) -> tuple[KeyList, bytes]:
    """Read a list by its own word; whether to believe it is decided with the list before it."""
    where = f"/chain/{place}"
    payload = _payload(envelope, KEYS_PATH, where)
    fields = _document(payload, KEYS_PATH, KEYS_FORMAT, place=where)
    own = KeyList(
        feed=fields.text("feed"),
        version=fields.number("version"),
        issued=fields.instant("issued"),
        keys=fields.texts("keys", most=_MOST_KEYS),
        threshold=fields.number("threshold"),
        ledger_keys=fields.texts("ledger_keys", most=_MOST_KEYS),
        openpgp=fields.texts("openpgp", most=_MOST_KEYS),
    )
    for text in (*own.keys, *own.ledger_keys):
        _key(text, where)
    if not 1 <= own.threshold <= len(set(own.keys)):
        reason = "the threshold is not between 1 and the number of keys"
        raise refuse(Code.KEYS, KEYS_PATH, reason, field=where, whose=Whose.PUBLISHER)
    return own, payload


def _check_succession(
    own: KeyList, before: KeyList | None, envelope: object, place: int
) -> frozenset[str]:
    """Check that a list may follow the one before it, and return the keys that signed it."""
    where = f"/chain/{place}"
    if own.version != place + 1:
        reason = f"list {own.version} stands where list {place + 1} belongs"
        raise refuse(Code.KEYS, KEYS_PATH, reason, field=where)
    signers = _signed(envelope, KEYS_PATH, where, own, KEYS_TYPE).key_ids
    if before is None:
        return frozenset(signers)
    if own.feed != before.feed:
        raise refuse(Code.FOREIGN, KEYS_PATH, f"it is of {own.feed}", field=where)
    return frozenset((*signers, *_signed(envelope, KEYS_PATH, where, before, KEYS_TYPE).key_ids))


def _check_known_keys(chain: Chain, known: Known | None, trusted: str | None) -> None:
    if known is not None:
        if known.feed != chain.newest.feed:
            reason = f"it is of {chain.newest.feed}, you follow {known.feed}"
            raise refuse(Code.FOREIGN, KEYS_PATH, reason)
        if len(chain.lists) < known.keys_version:
            reason = f"it ends at list {len(chain.lists)}; you have seen list {known.keys_version}"
            raise refuse(Code.ROLLED_BACK, KEYS_PATH, reason, field="/chain")
        if chain.digests[known.keys_version - 1] != known.keys_sha256:
            reason = f"list {known.keys_version} is not the one that you have seen"
            raise refuse(Code.KEYS, KEYS_PATH, reason, field=f"/chain/{known.keys_version - 1}")
    if trusted is not None and not any(
        dsse.key_id(_key(trusted, "")) in one for one in chain.signers
    ):
        reason = "the key that you trust has signed none of the lists"
        raise refuse(Code.UNTRUSTED, KEYS_PATH, reason, field="/chain")


def _payload(envelope: object, file: str, place: str) -> bytes:
    try:
        return dsse.unchecked_payload(envelope)
    except dsse.UntrustedEnvelopeError as error:
        raise refuse(Code.BROKEN, file, str(error), field=place) from error


def _signed(envelope: object, file: str, place: str, keys: KeyList, kind: str) -> dsse.Opened:
    """Open an envelope that as many keys as the list demands signed."""
    _payload(envelope, file, place)
    try:
        opened = dsse.open_envelope(
            envelope, [_key(one, place) for one in dict.fromkeys(keys.keys)]
        )
    except dsse.UntrustedEnvelopeError as error:
        reason = f"none of the keys of list {keys.version} signed it"
        raise refuse(Code.UNTRUSTED, file, reason, field=place) from error
    if len(set(opened.key_ids)) < keys.threshold:
        reason = f"{len(opened.key_ids)} keys of list {keys.version} signed it, {keys.threshold} "
        raise refuse(Code.UNTRUSTED, file, f"{reason}must", field=place)
    if opened.payload_type != kind:
        raise refuse(Code.BROKEN, file, f"it is a signed {opened.payload_type!r}", field=place)
    return opened


def _key(text: str, place: str) -> Ed25519PublicKey:
    try:
        return dsse.public_key(text)
    except ValueError as error:
        raise refuse(
            Code.KEYS, KEYS_PATH, str(error), field=place, whose=Whose.PUBLISHER
        ) from error


def _manifest(fields: "_Fields") -> Manifest:
    return Manifest(
        feed=fields.text("feed"),
        sequence=fields.number("sequence"),
        issued=fields.instant("issued"),
        expires=fields.instant("expires"),
        keys_version=fields.number("keys_version"),
        lists=tuple(
            ListFile(file=_file(one), advisories=one.number("advisories"))
            for one in fields.objects("lists", most=1_000_000)
        ),
        archives=tuple(_file(one) for one in fields.objects("archives", most=100)),
    )


def _entry(fields: "_Fields") -> Entry:
    return Entry(
        id=fields.text("id"),
        revision=fields.number("revision"),
        published=fields.instant("published"),
        modified=fields.instant("modified"),
        title=fields.text("title", least=0),
        documents=tuple(_file(one) for one in fields.objects("documents", most=100)),
        ecosystems=fields.texts("ecosystems", most=100),
        withdrawn=fields.instant("withdrawn") if fields.has("withdrawn") else None,
        rules=tuple(_rule(one) for one in fields.objects("rules", most=1000))
        if fields.has("rules")
        else (),
    )


def _rule(fields: "_Fields") -> Rule:
    return Rule(
        id=fields.one_of("id", _RULE_ID, "an id of letters, digits and signs between"),
        kind=fields.one_of("kind", _RULE_KIND, "sigma, suricata or yara"),
        leak=fields.one_of("leak", _RULE_LEAK, "L0 or L1; more may not be public"),
        expires=fields.day("expires"),
        telemetry=fields.text("telemetry", least=0),
        fires=fields.one_of("fires_on_its_sample", _RULE_FIRES, "yes or not-run"),
        file=_file(fields),
    )


def _file(fields: "_Fields") -> File:
    path = fields.text("path")
    if not _PATH.fullmatch(path):
        raise fields.wrong("path", "no plain path below the address of the feed")
    return File(path=path, size_bytes=fields.number("size", least=0), sha256=fields.hash("sha256"))


def _document(data: bytes, file: str, format_: str | None, *, place: str = "") -> "_Fields":
    try:
        value = parse(data, Strictness(max_bytes=MOST_BYTES, max_depth=8))
    except StrictJsonError as error:
        where = f"{place}{error.place}" if error.place.startswith("/") else place or error.place
        raise refuse(Code.BROKEN, file, error.reason, field=where) from error
    fields = _Fields.of(value, file, place)
    if format_ is not None and fields.text("format") != format_:
        raise fields.wrong("format", f"this reads {format_}")
    return fields


class _Fields:
    """The members of one object, taken one by one, each with its place for the error."""

    def __init__(self, members: dict[str, object], file: str, place: str) -> None:
        self._members, self._file, self._place = members, file, place

    @classmethod
    def of(cls, value: object, file: str, place: str) -> "_Fields":
        if not isinstance(value, dict):
            raise refuse(Code.BROKEN, file, "no JSON object", field=place)
        return cls(value, file, place)

    def has(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str, *, least: int = 1) -> str:
        return self._take(
            name, str, lambda text: least <= len(text) <= 2000, f"text of {least} to 2000 signs"
        )

    def hash(self, name: str) -> str:
        return self._take(
            name, str, lambda text: _HASH.fullmatch(text) is not None, "a SHA-256 in lower-case hex"
        )

    def number(self, name: str, *, least: int = 1) -> int:
        return self._take(
            name,
            int,
            lambda value: not isinstance(value, bool) and least <= value < 2**53,
            f"a whole number from {least} on",
        )

    def one_of(self, name: str, allowed: re.Pattern[str], what: str) -> str:
        return self._take(name, str, lambda text: allowed.fullmatch(text) is not None, what)

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.one_of(name, _DAY, "a day as in 2026-11-27"))
        except ValueError:
            raise self.wrong(name, "a day that is in no calendar") from None

    def instant(self, name: str) -> datetime:
        text = self.text(name)
        try:
            return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)
        except ValueError:
            raise self.wrong(name, "no instant in whole UTC seconds") from None

    def texts(self, name: str, *, most: int) -> tuple[str, ...]:
        found = self.items(name, most=most)
        texts = tuple(one for one in found if isinstance(one, str) and len(one) <= 2000)
        if len(texts) != len(found):
            raise self.wrong(name, "not a list of texts")
        return texts

    def objects(self, name: str, *, most: int) -> list["_Fields"]:
        place = f"{self._place}/{name}"
        return [
            self.of(one, self._file, f"{place}/{number}")
            for number, one in enumerate(self.items(name, most=most))
        ]

    def items(self, name: str, *, most: int) -> Sequence[object]:
        return self._take(name, list, lambda value: len(value) <= most, f"a list of at most {most}")

    def wrong(self, name: str, reason: str) -> FeedError:
        return refuse(Code.BROKEN, self._file, reason, field=f"{self._place}/{name}")

    def _take(self, name: str, kind: type[_T], holds: Callable[[_T], bool], what: str) -> _T:
        if name not in self._members:
            raise self.wrong(name, "missing; it may be cut short or of another version")
        value = self._members[name]
        if not isinstance(value, kind) or not holds(value):
            raise self.wrong(name, f"not {what}")
        return value
