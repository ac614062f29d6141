"""The signed feed of a house: which advisories are out, by hash, and until when that is news.

    feed/keys.json           who may sign: a chain of key lists, each signed by the one before it
    feed/manifest.json       the newest state, signed: number, instants, hashes of all below
    feed/lists/<sha256>.json up to 500 advisories each, with size and hash of every document and
                             of every detection rule

In: records and private keys. Out: bytes; `feed_reading` reads them back and says what is wrong.
The manifest has a number that only grows and an end, so that nobody who stands between a house and
its readers can pass off an old state as the newest; it names the lists by hash, so that a reader
fetches only those that changed; lists have their hash as their name, so that a mirror half way
through an update still gives one whole state.

Keys change by a new list that enough keys of the last list and enough of its own have signed.
A reader who once saw a list follows the chain from there and needs no other word.
Source: The Update Framework 1.0.33, sections 5.3 to 5.6 (roles, freeze and rollback, rotation);
DSSE v1.0; RFC 8785; RFC 8032.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.formats import dsse
from clearhouse.formats.canonical import Json, canonical_bytes

MANIFEST_TYPE: Final = "application/vnd.clearhouse.feed+json"
KEYS_TYPE: Final = "application/vnd.clearhouse.feed-keys+json"
MANIFEST_FORMAT: Final = "clearhouse-feed/1"
LIST_FORMAT: Final = "clearhouse-feed-list/1"
KEYS_FORMAT: Final = "clearhouse-feed-keys/1"
MANIFEST_PATH: Final = "feed/manifest.json"
KEYS_PATH: Final = "feed/keys.json"
LISTS_FOLDER: Final = "feed/lists"
LONGEST_LIST: Final = 500
INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
OPEN_LEAKS: Final = ("L0", "L1")
"""What a rule may reveal of the flaw in a feed: nothing, or product and kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file of the feed, by what is in it."""

    path: str
    """Below the address of the feed, for example `2026/CLR-2026-00001/osv.json`."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule that finds the flaw of an advisory in logs, traffic or files."""

    id: str
    kind: str
    """`sigma`, `suricata` or `yara`."""
    leak: str
    """What it reveals of the flaw: one of `OPEN_LEAKS`."""
    expires: date
    """From this day on nobody should use it."""
    telemetry: str
    """Which logs or traffic it needs."""
    fires: str
    """`yes` when it was seen to fire on its own sample, else `not-run`."""
    file: File


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One advisory in its newest issue."""

    id: str
    revision: int
    """1 for the first issue; it grows with every correction."""
    published: datetime
    modified: datetime
    title: str
    documents: tuple[File, ...]
    """Every form, `osv.json`, `csaf.json` and `proof.json` among them, by path."""
    ecosystems: tuple[str, ...] = ()
    """As OSV writes them; for readers who fetch only what they use."""
    withdrawn: datetime | None = None
    rules: tuple[Rule, ...] = ()
    """What finds its flaw; they come, expire and go without a new issue."""

    def document(self, name: str) -> File | None:
        """Return the document of a file name, for example `osv.json`."""
        return next((one for one in self.documents if one.path.endswith(f"/{name}")), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFile:
    """One list that a manifest names."""

    file: File
    advisories: int
    """How many are in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One state of a feed."""

    feed: str
    """The web address that the house publishes under; no two houses have the same."""
    sequence: int
    """Grows with every manifest, from 1 on."""
    issued: datetime
    expires: datetime
    """After it, what is here must not be taken for the newest."""
    keys_version: int
    lists: tuple[ListFile, ...]
    archives: tuple[File, ...] = ()
    """The same documents in bulk: `osv/all.zip` holds every OSV document by id."""

    @property
    def advisories(self) -> int:
        """How many advisories the feed has."""
        return sum(one.advisories for one in self.lists)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyList:
    """Who may sign a feed, from one change to the next."""

    feed: str
    version: int
    """1 for the first list."""
    issued: datetime
    keys: tuple[str, ...]
    """Public Ed25519 keys, base64 of 32 bytes each, which sign manifests and the next list."""
    threshold: int
    """How many of them must have signed."""
    ledger_keys: tuple[str, ...] = ()
    """Keys that sign the tree heads in `proof.json`, in the same spelling."""
    openpgp: tuple[str, ...] = ()
    """Fingerprints of certificates that sign CSAF documents, in upper-case hex."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a reader remembers of a feed, so that it can never be led back."""

    feed: str
    sequence: int
    sha256: str
    """Of the manifest's payload."""
    issued: datetime
    keys_version: int
    keys_sha256: str
    """Of the payload of the newest key list."""

    def as_json(self) -> dict[str, Json]:
        """Return it as a JSON object; `feed_reading.known` reads it back."""
        return {
            "feed": self.feed,
            "sequence": self.sequence,
            "sha256": self.sha256,
            "issued": spell(self.issued),
            "keys_version": self.keys_version,
            "keys_sha256": self.keys_sha256,
        }


def spell(at: datetime) -> str:
    """Write an instant in whole UTC seconds."""
    return at.astimezone(UTC).strftime(INSTANT)


def file_of(path: str, data: bytes) -> File:
    """Describe a file by its bytes."""
    return File(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def public_text(key: Ed25519PublicKey) -> str:
    """Write a public key as key lists do."""
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def write_list(entries: Sequence[Entry]) -> tuple[ListFile, bytes]:
    """Return a list and its bytes; the same entries in any order give the same bytes."""
    return join_list([entry_text(one) for one in sorted(entries, key=lambda one: one.id)])


def entry_text(one: Entry) -> bytes:
    """Return one advisory as it stands in a list."""
    return canonical_bytes(_entry(one))


def with_rules(text: bytes, rules: Sequence[Rule]) -> bytes:
    """Return an advisory that is written already with these rules instead of those that it had."""
    entry: dict[str, Json] = json.loads(text)
    entry.pop("rules", None)
    return canonical_bytes(entry | ({"rules": rules_json(rules)} if rules else {}))


def join_list(texts: Sequence[bytes]) -> tuple[ListFile, bytes]:
    """Return a list of advisories that are written already, in the order of their ids."""
    data = b'{"advisories":[%b],"format":"%b"}' % (b",".join(texts), LIST_FORMAT.encode())
    name = f"{LISTS_FOLDER}/{hashlib.sha256(data).hexdigest()}.json"
    return ListFile(file=file_of(name, data), advisories=len(texts)), data


def write_manifest(manifest: Manifest, keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """Return a signed manifest."""
    body: dict[str, Json] = {
        "format": MANIFEST_FORMAT,
        "feed": manifest.feed,
        "sequence": manifest.sequence,
        "issued": spell(manifest.issued),
        "expires": spell(manifest.expires),
        "keys_version": manifest.keys_version,
        "lists": [
            {**_file(one.file), "advisories": one.advisories}
            for one in sorted(manifest.lists, key=lambda one: one.file.path)
        ],
        "archives": [_file(one) for one in manifest.archives],
    }
    return _line(dsse.seal(canonical_bytes(body), MANIFEST_TYPE, keys))


def write_key_list(keys: KeyList, signers: Sequence[Ed25519PrivateKey]) -> dict[str, Json]:
    """Return one signed key list; for version 2 and later, keys of the list before sign too."""
    body: dict[str, Json] = {
        "format": KEYS_FORMAT,
        "feed": keys.feed,
        "version": keys.version,
        "issued": spell(keys.issued),
        "keys": list(keys.keys),
        "threshold": keys.threshold,
        "ledger_keys": list(keys.ledger_keys),
        "openpgp": list(keys.openpgp),
    }
    return dsse.seal(canonical_bytes(body), KEYS_TYPE, signers)


def write_key_chain(envelopes: Sequence[Json]) -> bytes:
    """Return `feed/keys.json` of all key lists, the first one first."""
    return _line({"format": KEYS_FORMAT, "chain": list(envelopes)})


def _entry(one: Entry) -> dict[str, Json]:
    found: dict[str, Json] = {
        "id": one.id,
        "revision": one.revision,
        "published": spell(one.published),
        "modified": spell(one.modified),
        "title": one.title,
        "ecosystems": list(one.ecosystems),
        "documents": [_file(file) for file in sorted(one.documents, key=lambda file: file.path)],
    }
    if one.withdrawn is not None:
        found["withdrawn"] = spell(one.withdrawn)
    return found | ({"rules": rules_json(one.rules)} if one.rules else {})


def rules_json(rules: Sequence[Rule]) -> list[Json]:
    """Return rules as they stand in a list; `feed_reading.read_rules` reads them back."""
    return [
        {
            **_file(one.file),
            "id": one.id,
            "kind": one.kind,
            "leak": one.leak,
            "expires": one.expires.isoformat(),
            "telemetry": one.telemetry,
            "fires_on_its_sample": one.fires,
        }
        for one in sorted(rules, key=lambda one: one.id)
    ]


def _file(one: File) -> dict[str, Json]:
    return {"path": one.path, "size": one.size_bytes, "sha256": one.sha256}


def _line(document: dict[str, Json]) -> bytes:
    return f"{json.dumps(document, indent=1, sort_keys=True)}\n".encode()
