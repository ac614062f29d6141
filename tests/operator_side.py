"""An operator's side in tests: advisories, inventories and signed feeds, made on the spot."""

import json
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.deliver.watch.operations import am_i_affected
from clearhouse.clearing.deliver.watch.sources import Keeping, open_source
from clearhouse.formats import feed
from clearhouse.formats.feed import Entry, KeyList, Manifest
from clearhouse.formats.inventory import Component, Inventory

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
HOUSE = "https://clearinghouse.example"
KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
REMOTE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def osv(id_="GHSA-aaaa", name="a", ecosystem="PyPI", *events, **more):
    events = events or ({"introduced": "0"}, {"fixed": "2.0"})
    entry = {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {
        "id": id_,
        "modified": "2026-11-20T00:00:00Z",
        "published": "2026-11-20T00:00:00Z",
        "summary": f"Flaw {id_}",
        "severity": [{"type": "CVSS_V3", "score": REMOTE}],
        "affected": [entry],
        **more,
    }


def csaf(status, *, version=None, range_=None, purl=None, category="vendor", cve="CVE-2026-1"):
    leaf = {
        "category": "product_version" if version else "product_version_range",
        "name": version or range_,
        "product": {"name": "it", "product_id": "P1"},
    }
    if purl:
        leaf["product"]["product_identification_helper"] = {"purl": purl}
    product = {"category": "product_name", "name": "Pump", "branches": [leaf]}
    return {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "publisher": {
                "category": category,
                "name": "Maker",
                "namespace": "https://maker.example",
            },
            "title": "Pump",
            "tracking": {
                "id": f"MK-{status}-{version}",
                "current_release_date": "2026-11-21T00:00:00Z",
                "initial_release_date": "2026-11-21T00:00:00Z",
            },
        },
        "product_tree": {
            "branches": [{"category": "vendor", "name": "Maker", "branches": [product]}]
        },
        "vulnerabilities": [
            {
                "cve": cve,
                "product_status": {status: ["P1"]},
                "remediations": [
                    {"category": "workaround", "details": "Unplug it.", "product_ids": ["P1"]}
                ],
            }
        ],
    }


def component(purl=None, version=None, **more):
    name = more.pop("name", None) or (purl or "thing").partition("@")[0].rpartition("/")[2]
    return Component(place=more.pop("place", name), name=name, purl=purl, version=version, **more)


def inventory(*components):
    return Inventory(format="test", subject="ward", components=components)


def put(folder, *documents):
    folder.mkdir(exist_ok=True, parents=True)
    for index, one in enumerate(documents):
        text = one if isinstance(one, str) else json.dumps(one)
        (folder / f"doc-{index}.json").write_text(text, "utf-8")
    return folder


def opened(tmp_path, *documents, name="docs"):
    folder = put(tmp_path / name, *documents)
    return open_source(str(folder), Keeping(folder=tmp_path / "keep"), at=NOW)


def ask(tmp_path, documents, *components, **more):
    return am_i_affected(inventory(*components), [opened(tmp_path, *documents)], at=NOW, **more)


def signed_feed(folder, documents, *, sequence=1, key=KEY, issued=NOW, days=7, rules=()):
    """Write a signed feed of OSV documents as a house publishes them; `rules` go with the first."""
    entries = []
    for number, document in enumerate(documents, start=1):
        id_ = f"CLR-2026-{number:05d}"
        path = f"2026/{id_}/osv.json"
        data = json.dumps(document).encode()
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        entries.append(
            Entry(
                id=id_, revision=1, published=issued, modified=issued, title="",
                documents=(feed.file_of(path, data),),
                rules=tuple(_rule(folder, id_, one) for one in rules if number == 1),
            )
        )  # fmt: skip
    listed, data = feed.write_list(entries)
    keys = KeyList(
        feed=HOUSE, version=1, issued=NOW - timedelta(days=99),
        keys=(feed.public_text(key.public_key()),), threshold=1,
    )  # fmt: skip
    manifest = Manifest(
        feed=HOUSE, sequence=sequence, issued=issued, expires=issued + timedelta(days=days),
        keys_version=1, lists=(listed,),
    )  # fmt: skip
    files = {
        feed.KEYS_PATH: feed.write_key_chain([feed.write_key_list(keys, [key])]),
        feed.MANIFEST_PATH: feed.write_manifest(manifest, [key]),
        listed.file.path: data,
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def _rule(folder, advisory, one):
    id_, expires, body = one
    path = f"detections/{advisory}/{id_}.yar"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(body)
    return feed.Rule(
        id=id_, kind="yara", leak="L1", expires=expires, telemetry="files on disk", fires="yes",
        file=feed.file_of(path, body),
    )  # fmt: skip
