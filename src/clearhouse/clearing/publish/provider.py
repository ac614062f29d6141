"""A trusted provider of advisories, as files that any web server can carry.

    2026/CLR-2026-00001/           every form of the newest issue, with its proof
    history/CLR-2026-00001/1/      every issue as it was
    detections/CLR-2026-00001/     rules that find the flaw, until they expire
    .well-known/csaf/, csaf/       CSAF: metadata, ROLIE, index, changes, hashes, signatures, key
    osv/PyPI/, osv/all.zip         OSV, laid out as its data dumps are
    feed/                          our own signed feed, see `formats.feed`
    atom.xml, index.json           for people's readers, and for scripts

In: the cards of what is out, the issues that come out now, who publishes, and the keys. Out: one
`Change` of the shelf, in which all of it changes at once. An issue costs what it changes: lines of
others are taken over as they are, packed files as they are packed. Equal input gives equal bytes.
Source: CSAF 2.0 §7.1 and §7.2.3 (trusted provider); RFC 8322 (ROLIE); RFC 9116 (security.txt);
RFC 4287 (Atom); OSV data dumps.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.publish import cards as cards_
from clearhouse.clearing.publish.cards import INFORMATION_TYPE, Card, Carried, Issue
from clearhouse.clearing.publish.record import Publisher
from clearhouse.clearing.publish.shelf import Change
from clearhouse.formats import dsse, feed, openpgp_signing, zip_archive
from clearhouse.formats.canonical import Json

METADATA: Final = ".well-known/csaf/provider-metadata.json"
SECURITY_TXT: Final = ".well-known/security.txt"
CARDS: Final = ".cards"
CARRIED: Final = ".carried"
"""Which detection rules are out: paths by advisory."""
WHITE: Final = "csaf/white"
FEED: Final = f"{WHITE}/csaf-feed-tlp-white.json"
SERVICE: Final = "csaf/service.json"
CATEGORY: Final = "csaf/category.json"
_SECURITY_TXT_LIFE: Final = timedelta(days=180)
_NEWS: Final = 50
"""Entries of the Atom feed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Who publishes, where, and with which keys."""

    publisher: Publisher
    address: str
    """Where the folder is on the web, without a slash at its end."""
    openpgp: Ed25519PrivateKey
    """Signs CSAF documents."""
    feed_key: Ed25519PrivateKey
    """Signs the feed."""
    key_chain: bytes
    """`feed/keys.json`."""
    keys_version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """The number and the times of the manifest that a change brings."""

    sequence: int
    issued: datetime
    life: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The detection rules that are out, and those that shall be."""

    before: Mapping[str, tuple[str, ...]]
    """Paths, by advisory."""
    after: Mapping[str, tuple[Carried, ...]]

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """Return the paths that shall be out, by advisory."""
        return {id_: tuple(one.rule.file.path for one in ones) for id_, ones in self.after.items()}

    @property
    def changed(self) -> frozenset[str]:
        """The advisories whose rules come or go."""
        now = self.paths
        return frozenset(
            id_
            for id_ in {*self.before, *now}
            if set(self.before.get(id_, ())) != set(now.get(id_, ()))
        )

    @property
    def gone(self) -> set[str]:
        """The paths that disappear."""
        listed = {path for paths in self.paths.values() for path in paths}
        return {path for paths in self.before.values() for path in paths} - listed


NO_RULES: Final = Rules(before={}, after={})
Old = Callable[[str], bytes | None]
"""Reads an index as it is before the change."""


def change(
    provider: Provider,
    before: Mapping[str, Card],
    issues: Sequence[Issue],
    edition: Edition,
    old: Old,
    *,
    earlier: Sequence[Issue] = (),
    rules: Rules = NO_RULES,
) -> Change:
    """Return what changes when these issues and rules come out; without any, the feed alone is new.

    Each advisory comes once, in its newest issue; `earlier` ones are put into the history only.
    Raises: CardError; ZipError when an index before is not our own.
    """
    fresh = {issue.id: cards_.card(issue) for issue in issues}
    after = {**before, **fresh}
    restated = after.keys() & (fresh.keys() & rules.after.keys() | rules.changed)
    after |= {id_: cards_.with_rules(after[id_], rules.after.get(id_, ())) for id_ in restated}
    documents, aliases = _documents(provider, issues, fresh)
    documents |= {
        one.rule.file.path: one.body for id_ in restated for one in rules.after.get(id_, ())
    }
    documents |= {cards_.card(issue).history: issue.files for issue in earlier}
    gone = {
        f"osv/{folder}/{before[id_].osv_id}.json"
        for id_ in fresh.keys() & before.keys()
        for folder in set(before[id_].ecosystems) - set(fresh[id_].ecosystems)
    }
    indexes = {
        **_csaf(provider, after, edition),
        **_osv(before, fresh, after, {one.id: one.files["osv.json"] for one in issues}, old),
        "atom.xml": _atom(provider, after, edition),
        "index.json": _index(after),
        CARDS: cards_.write(after.values()),
        CARRIED: json.dumps(rules.paths, sort_keys=True).encode(),
    }
    indexes |= _feed(provider, after, edition, indexes["osv/all.zip"])
    return Change(
        documents=documents,
        aliases=aliases,
        indexes=indexes,
        same=_untouched_osv(before, fresh, after) | _lists(old(feed.MANIFEST_PATH)),
        gone=frozenset(gone | rules.gone),
    )


def _documents(
    provider: Provider, issues: Sequence[Issue], fresh: Mapping[str, Card]
) -> tuple[dict[str, Mapping[str, bytes] | bytes], dict[str, str]]:
    documents: dict[str, Mapping[str, bytes] | bytes] = {}
    aliases: dict[str, str] = {}
    for issue in issues:
        one, csaf = fresh[issue.id], issue.files["csaf.json"]
        documents[one.history] = issue.files
        signature = openpgp_signing.sign(
            provider.openpgp, csaf, datetime.fromisoformat(one.modified)
        )
        documents |= cards_.companions(f"{WHITE}/{one.csaf}", csaf, signature)
        aliases[one.folder] = one.history
        aliases[f"{WHITE}/{one.csaf}"] = f"{one.history}/csaf.json"
        for folder in one.ecosystems:
            aliases[f"osv/{folder}/{one.osv_id}.json"] = f"{one.history}/osv.json"
    return documents, aliases


def _csaf(provider: Provider, after: Mapping[str, Card], edition: Edition) -> dict[str, bytes]:
    newest = sorted(after.values(), key=lambda one: (one.modified, one.id), reverse=True)
    changed = newest[0].modified if newest else feed.spell(edition.issued)
    key = provider.openpgp.public_key()
    fingerprint = openpgp_signing.fingerprint(key)
    name = f"{provider.publisher.name} (CSAF)"
    found = {
        METADATA: _json(_metadata(provider, fingerprint, changed)),
        SECURITY_TXT: security_txt(provider.publisher, provider.address, edition.issued),
        f"csaf/openpgp/{fingerprint}.asc": openpgp_signing.certificate(
            provider.openpgp, name
        ).encode(),
        FEED: _rolie(provider, newest, changed),
        SERVICE: _json(_service(provider)),
        CATEGORY: _json(_category(newest)),
        f"{WHITE}/index.txt": "".join(f"{one.csaf}\n" for one in newest).encode(),
        f"{WHITE}/changes.csv": "".join(
            f'"{one.csaf}","{one.modified}"\n' for one in newest
        ).encode(),
    }
    return found | _listings(newest)


def _metadata(provider: Provider, fingerprint: str, changed: str) -> dict[str, Json]:
    """Return the provider's metadata. Source: CSAF 2.0 §7.1.7."""
    publisher, address = provider.publisher, provider.address
    who: dict[str, Json] = {
        "category": "coordinator",
        "name": publisher.name,
        "namespace": publisher.namespace,
    }
    if publisher.contact:
        who["contact_details"] = publisher.contact
    if publisher.issuing_authority:
        who["issuing_authority"] = publisher.issuing_authority
    rolie: dict[str, Json] = {
        "feeds": [{"summary": "TLP:WHITE advisories", "tlp_label": "WHITE",
                   "url": f"{address}/{FEED}"}],
        "services": [f"{address}/{SERVICE}"],
        "categories": [f"{address}/{CATEGORY}"],
    }  # fmt: skip
    return {
        "canonical_url": f"{address}/{METADATA}",
        "distributions": [{"rolie": rolie}, {"directory_url": f"{address}/{WHITE}/"}],
        "last_updated": changed,
        "list_on_CSAF_aggregators": True,
        "metadata_version": "2.0",
        "mirror_on_CSAF_aggregators": True,
        "public_openpgp_keys": [
            {"fingerprint": fingerprint, "url": f"{address}/csaf/openpgp/{fingerprint}.asc"}
        ],
        "publisher": who,
        "role": "csaf_trusted_provider",
    }


def security_txt(publisher: Publisher, address: str, at: datetime) -> bytes:
    """Return where flaws of the house are reported, and where its advisories are."""
    contact = publisher.contact
    reach = f"mailto:{contact}" if contact and ":" not in contact else contact
    return (
        f"Contact: {reach or f'{address}/report'}\n"
        f"Expires: {feed.spell(at + _SECURITY_TXT_LIFE)}\n"
        f"Policy: {address}/\n"
        "Preferred-Languages: en\n"
        f"CSAF: {address}/{METADATA}\n"
    ).encode()


def _rolie(provider: Provider, newest: Sequence[Card], changed: str) -> bytes:
    """Return the feed; the entries are written already, so it is joined and not built."""
    address = provider.address
    head = {
        "id": "csaf-feed-tlp-white",
        "title": f"Advisories of {provider.publisher.name} (TLP:WHITE)",
        "link": [
            {"rel": "self", "href": f"{address}/{FEED}"},
            {"rel": "service", "href": f"{address}/{SERVICE}"},
        ],
        "category": [INFORMATION_TYPE],
        "updated": changed,
    }
    start = json.dumps({"feed": head}, ensure_ascii=False)[:-2]
    entries = ",\n".join(one.rolie for one in newest)
    text = f'{start}, "entry": [\n{entries}\n]}}}}\n'
    quoted = json.dumps(address)[1:-1]
    for name in ("href", "src"):
        text = text.replace(f'"{name}":"@/', f'"{name}":"{quoted}/')
    return text.encode("utf-8", "replace")


def _service(provider: Provider) -> dict[str, Json]:
    """Return the service document. Source: CSAF 2.0 §7.1.16; RFC 8322 §5.1."""
    collection: dict[str, Json] = {
        "title": "TLP:WHITE advisories",
        "href": f"{provider.address}/{FEED}",
        "categories": {"category": [INFORMATION_TYPE]},
    }
    workspace: dict[str, Json] = {"title": "CSAF", "collection": [collection]}
    return {"service": {"workspace": [workspace]}}


def _category(newest: Iterable[Card]) -> dict[str, Json]:
    """Return the products that advisories are about. Source: CSAF 2.0 §7.1.17."""
    terms = sorted({name for one in newest for name in one.products})
    return {"categories": {"category": [{"term": one} for one in terms]}}


def _listings(newest: Iterable[Card]) -> dict[str, bytes]:
    """Return directory listings as pages, for servers that make none. Source: §7.1.14."""
    years: dict[str, list[Card]] = defaultdict(list)
    for one in newest:
        years[one.csaf[:4]].append(one)
    found = {
        f"{WHITE}/{year}/index.html": _listing(f"{WHITE}/{year}", "".join(map(_four_rows, ones)))
        for year, ones in years.items()
    }
    top = [
        *(f"{year}/" for year in sorted(years)),
        "changes.csv",
        "index.txt",
        FEED[len(WHITE) + 1 :],
    ]
    return found | {f"{WHITE}/index.html": _listing(WHITE, "".join(map(_row, top)))}


def _four_rows(one: Card) -> str:
    """Return the rows of a document and of what stands beside it."""
    name = one.csaf[5:]
    return "".join(_row(name + ending) for ending in ("", ".sha256", ".sha512", ".asc"))


def _row(name: str) -> str:
    """Return a row of a listing; our own file names have no sign that HTML reads otherwise."""
    return f'<li><a href="{name}">{name}</a></li>\n'


def _listing(title: str, rows: str) -> bytes:
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f'<h1>{title}</h1>\n<ul>\n<li><a href="../">../</a></li>\n{rows}</ul>\n</html>\n'
    ).encode()


def _osv(
    before: Mapping[str, Card],
    fresh: Mapping[str, Card],
    after: Mapping[str, Card],
    bodies: Mapping[str, bytes],
    old: Old,
) -> dict[str, bytes]:
    """Return the indexes of the OSV layout that these issues touch."""
    newest = sorted(after.values(), key=lambda one: (one.modified, one.osv_id), reverse=True)
    named = {fresh[id_].osv_id: body for id_, body in bodies.items()}
    found = {
        "osv/all.zip": _zip(old("osv/all.zip"), named),
        "osv/modified_id.csv": "".join(
            f"{one.modified},{folder}/{one.osv_id}\n" for one in newest for folder in one.ecosystems
        ).encode(),
        "osv/ecosystems.txt": "".join(f"{one}\n" for one in sorted(_folders(after))).encode(),
    }
    for folder in _folders(after) & _touched(before, fresh):
        here = [one for one in newest if folder in one.ecosystems]
        archive = f"osv/{folder}/all.zip"
        mine = {one.osv_id for one in here}
        left = {f"{one.osv_id}.json" for one in fresh.values() if one.osv_id not in mine}
        new = {id_: body for id_, body in named.items() if id_ in mine}
        found[archive] = _zip(old(archive), new, left)
        found[f"osv/{folder}/modified_id.csv"] = "".join(
            f"{one.modified},{one.osv_id}\n" for one in here
        ).encode()
    return found


def _zip(before: bytes | None, bodies: Mapping[str, bytes], left: Iterable[str] = ()) -> bytes:
    files = {f"{id_}.json": body for id_, body in bodies.items()}
    return zip_archive.merge(before, files, frozenset(left))


def _folders(cards: Mapping[str, Card]) -> set[str]:
    return {folder for one in cards.values() for folder in one.ecosystems}


def _touched(before: Mapping[str, Card], fresh: Mapping[str, Card]) -> set[str]:
    return _folders(fresh) | _folders({id_: before[id_] for id_ in fresh.keys() & before.keys()})


def _untouched_osv(
    before: Mapping[str, Card], fresh: Mapping[str, Card], after: Mapping[str, Card]
) -> frozenset[str]:
    return frozenset(
        f"osv/{folder}/{name}"
        for folder in _folders(after) - _touched(before, fresh)
        for name in ("all.zip", "modified_id.csv")
    )


def _feed(
    provider: Provider, after: Mapping[str, Card], edition: Edition, archive: bytes
) -> dict[str, bytes]:
    """Return the signed feed; `_lists` keeps those of the state before for who is half way."""
    groups: dict[str, list[Card]] = defaultdict(list)
    for one in after.values():
        groups[one.group].append(one)
    made = [
        feed.join_list([one.entry.encode() for one in sorted(ones, key=lambda one: one.id)])
        for ones in groups.values()
    ]
    manifest = feed.Manifest(
        feed=provider.publisher.namespace,
        sequence=edition.sequence,
        issued=edition.issued,
        expires=edition.issued + edition.life,
        keys_version=provider.keys_version,
        lists=tuple(list_ for list_, _ in made),
        archives=(feed.file_of("osv/all.zip", archive),),
    )
    return {list_.file.path: data for list_, data in made} | {
        feed.MANIFEST_PATH: feed.write_manifest(manifest, [provider.feed_key]),
        feed.KEYS_PATH: provider.key_chain,
    }


def _lists(manifest: bytes | None) -> frozenset[str]:
    """Return the lists that our own manifest names."""
    if manifest is None:
        return frozenset()
    return frozenset(one["path"] for one in own_manifest(manifest)["lists"])


def own_manifest(manifest: bytes) -> dict[str, Any]:
    """Return what a manifest says that this house wrote; nobody else writes to its folder."""
    found: dict[str, Any] = json.loads(dsse.unchecked_payload(json.loads(manifest)))
    return found


def _atom(provider: Provider, after: Mapping[str, Card], edition: Edition) -> bytes:
    """Return the newest advisories for people's feed readers. Source: RFC 4287."""
    newest = sorted(after.values(), key=lambda one: (one.modified, one.id), reverse=True)[:_NEWS]
    address, updated = provider.address, feed.spell(edition.issued)
    entries = "".join(
        f"<entry><id>{_xml(provider.publisher.namespace)}#{one.id}</id>"
        f"<title>{_xml(f'{one.id}: {one.title}')}</title>"
        f"<published>{one.published}</published><updated>{one.modified}</updated>"
        f'<link rel="alternate" type="text/html" href="{_xml(address)}/advisories/{one.id}"/>'
        f"<summary>{_xml(one.title)}</summary></entry>\n"
        for one in newest
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{_xml(provider.publisher.namespace)}#advisories</id>\n"
        f"<title>{_xml(f'Advisories of {provider.publisher.name}')}</title>\n"
        f"<updated>{newest[0].modified if newest else updated}</updated>\n"
        f"<author><name>{_xml(provider.publisher.name)}</name></author>\n"
        f'<link rel="self" href="{_xml(address)}/atom.xml"/>\n'
        f'<link rel="alternate" href="{_xml(address)}/advisories"/>\n{entries}</feed>\n'
    ).encode("utf-8", "replace")


def _xml(text: str) -> str:
    """Escape text for XML, without the characters that XML has no way to write."""
    plain = "".join(one for one in text if one.isprintable() or one == " ")
    return escape(plain)


def _index(after: Mapping[str, Card]) -> bytes:
    newest = sorted(after.values(), key=lambda one: (one.published, one.id), reverse=True)
    lines = (
        f'{{"id": "{one.id}", "published": "{one.published}", "modified": "{one.modified}",'
        f' "revision": {one.revision}, "path": "{one.folder}"}}'
        for one in newest
    )
    return '{{"advisories": [\n{}\n]}}\n'.format(",\n".join(lines)).encode()


def _json(document: Mapping[str, Json]) -> bytes:
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "replace")
