"""Match a bill of materials with a database of advisories, cold and warm, beside a plain matcher.

    perf/deliver.py [--advisories 200000] [--components 1000] [--rounds 5] [--folder KEEP]

The advisories are made from a seed in the shape of real OSV documents (about 1.8 kB each, seven
ecosystems, few packages with many advisories and many with one, PyPI with lists of versions) and
stand in one zip, as databases are published. Cold is a run that has only the zip; warm is a run
that finds the index. Both begin with the bytes of the bill of materials and end with the answer.
The peer is what one writes in an afternoon: every document through `json`, a dictionary by package,
and univers for every comparison; warm for it means that the dictionary is in memory already.
Both must name the same pairs of component and advisory, or the run stops.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from univers.version_range import RANGE_CLASS_BY_SCHEMES

from clearhouse.clearing.deliver.watch.operations import am_i_affected
from clearhouse.clearing.deliver.watch.sources import Keeping, open_source
from clearhouse.formats.inventory_reading import read

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ECOSYSTEMS = {
    "npm": 45,
    "PyPI": 20,
    "Maven": 14,
    "Go": 10,
    "crates.io": 4,
    "RubyGems": 3,
    "Packagist": 4,
}
SCHEMES = {"npm": "npm", "PyPI": "pypi", "Maven": "maven", "Go": "golang", "crates.io": "cargo",
           "RubyGems": "gem", "Packagist": "composer"}  # fmt: skip
TEXT = """the parser trusts a length that comes from outside and reads past its end so that an
attacker who sends a crafted file can make the server fail or read memory of others until it is
restarted update or limit what may be sent"""
WORDS = TEXT.split()
VECTORS = [
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
    "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H",
    "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N",
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--advisories", type=int, default=200_000)
    parser.add_argument("--components", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        if asked.once:
            ours_once(folder)
        else:
            compare(folder, asked)


def compare(folder, asked):
    random.seed(20261127)
    names = packages(asked.advisories)
    archive, bom = folder / "all.zip", folder / "bom.json"
    if not archive.exists():
        write_archive(archive, names, asked.advisories)
    bom.write_text(json.dumps(bill(names, asked.components)))
    size = archive.stat().st_size
    print(
        f"{asked.advisories} advisories, {size / 1e6:.0f} MB packed; {asked.components} components"
    )
    before = os.times()
    ours_cold, ours = timed(lambda: ours_once(folder, fresh=True))
    after = os.times()
    cold_cpu = sum(after[:4]) - sum(before[:4])
    begin = time.process_time()
    ours_once(folder)
    warm_cpu = time.process_time() - begin
    warm, again = best(lambda: ours_once(folder), asked.rounds)
    process = min(seconds_of_process(folder) for _ in range(asked.rounds))
    peer_cold, database = timed(lambda: peer_read(archive))
    peer_warm, theirs = best(lambda: peer_match(bom, database), asked.rounds)
    assert ours == again == theirs, f"{len(ours ^ theirs)} pairs differ"
    print(f"the same {len(ours)} pairs of component and advisory on both sides")
    show("cold", ours_cold, peer_cold + peer_warm)
    show("warm, the peer with all in memory", warm, peer_warm)
    print(f"processor time of ours: cold {cold_cpu:.2f} s over all cores, warm {warm_cpu:.3f} s")
    print(f"warm, in a process of its own with its imports   {process:.2f} s")
    kept = next((folder / "keep").glob("*.sqlite")).stat().st_size
    print(f"index {kept / 1e6:.0f} MB")


def show(what, ours, peer):
    print(f"{what}: ours {ours:.3f} s, peer {peer:.3f} s, ratio {peer / ours:.2f}")


def ours_once(folder, *, fresh=False):
    keep = folder / "keep"
    if fresh and keep.exists():
        for file in keep.iterdir():
            file.unlink()
    source = open_source(str(folder / "all.zip"), Keeping(folder=keep), at=NOW)
    report = am_i_affected(read((folder / "bom.json").read_bytes()), [source], at=NOW)
    source.index.close()
    assert not report.damage
    return {
        (hit.component.place, document)
        for flaw in report.flaws
        for hit in flaw.hits
        for document in hit.documents
    }


def seconds_of_process(folder):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, __file__, "--once", "--folder", str(folder)], check=True, env=environment
    )
    return time.perf_counter() - begin


def timed(work):
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def best(work, rounds):
    return min((timed(work) for _ in range(rounds)), key=lambda one: one[0])


def packages(advisories):
    """Name packages so that few have many advisories and most have one."""
    pool = {}
    for ecosystem, share in ECOSYSTEMS.items():
        count = max(3, advisories * share // 100 // 3)
        pool[ecosystem] = [named(ecosystem, index) for index in range(count)]
    return pool


def named(ecosystem, index):
    stem = f"{WORDS[index % len(WORDS)]}-{WORDS[index // 7 % len(WORDS)]}-{index}"
    return {
        "Maven": f"org.{WORDS[index % 29]}:{stem}",
        "Go": f"github.com/{WORDS[index % 31]}/{stem}",
        "Packagist": f"{WORDS[index % 23]}/{stem}",
    }.get(
        ecosystem, f"@{WORDS[index % 17]}/{stem}" if ecosystem == "npm" and index % 5 == 0 else stem
    )


def write_archive(path, names, count):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for index in range(count):
            ecosystem = random.choices([*ECOSYSTEMS], [*ECOSYSTEMS.values()])[0]
            listed = names[ecosystem]
            name = listed[int(len(listed) * random.random() ** 3)]
            id_ = f"GHSA-{index:08d}"
            archive.writestr(
                f"{id_}.json", json.dumps(advisory(id_, index, ecosystem, name), indent=2)
            )


def version():
    return f"{random.randrange(12)}.{random.randrange(20)}.{random.randrange(30)}"


def spelled(ecosystem, text):
    return f"{text}-rc.1" if ecosystem in {"npm", "crates.io"} and random.random() < 0.03 else text


def advisory(id_, index, ecosystem, name):
    low, high = sorted((version(), version()), key=lambda one: tuple(map(int, one.split("."))))
    end = {"fixed": spelled(ecosystem, high)} if random.random() < 0.85 else {"last_affected": high}
    if low == high:
        low = "0"
    events = [{"introduced": "0" if random.random() < 0.55 else low}, end]
    entry = {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [
            {"type": "ECOSYSTEM" if ecosystem in {"PyPI", "Maven"} else "SEMVER", "events": events}
        ],
    }
    if ecosystem == "PyPI":
        entry["versions"] = [f"0.{n // 10}.{n % 10}rc1" for n in range(random.randrange(10, 40))]
    return {
        "schema_version": "1.7.3",
        "id": id_,
        "modified": f"2026-{index % 11 + 1:02d}-{index % 28 + 1:02d}T10:00:00Z",
        "published": f"2025-{index % 11 + 1:02d}-{index % 28 + 1:02d}T10:00:00Z",
        "aliases": [f"CVE-2025-{index + 10000}"],
        "summary": " ".join(random.choices(WORDS, k=9)),
        "details": " ".join(random.choices(WORDS, k=random.randrange(40, 140)))
        + ("\n\n### Workarounds\n\nSwitch the feature off." if index % 9 == 0 else ""),
        "severity": [{"type": "CVSS_V3", "score": random.choice(VECTORS)}],
        "affected": [entry],
        "references": [
            {
                "type": kind,
                "url": f"https://github.com/{name.replace(':', '/')}/{kind.lower()}/{index}",
            }
            for kind in ("WEB", "FIX", "ADVISORY", "PACKAGE")
        ],
        "database_specific": {"cwe_ids": ["CWE-125"], "severity": "HIGH", "github_reviewed": True},
    }


def purl(ecosystem, name, at):
    scheme = SCHEMES[ecosystem]
    path = name.replace(":", "/").replace("@", "%40")
    return f"pkg:{scheme}/{path}@{'v' if ecosystem == 'Go' else ''}{at}"


def bill(names, count):
    components = []
    for index in range(count):
        ecosystem = random.choices([*ECOSYSTEMS], [*ECOSYSTEMS.values()])[0]
        listed = names[ecosystem]
        known = index % 5 != 0
        name = (
            listed[int(len(listed) * random.random())] if known else named(ecosystem, 10**7 + index)
        )
        at = f"{random.randrange(2, 14)}.{random.randrange(20)}.{random.randrange(30)}"
        components.append(
            {
                "type": "library",
                "bom-ref": f"c{index}",
                "name": name,
                "version": at,
                "purl": purl(ecosystem, name, at),
                "licenses": [{"license": {"id": "MIT"}}],
                "hashes": [{"alg": "SHA-256", "content": f"{index:064x}"}],
            }
        )
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


def peer_read(archive):
    """Read every document and file it under its packages."""
    found = defaultdict(list)
    with zipfile.ZipFile(archive) as opened:
        for member in opened.namelist():
            document = json.loads(opened.read(member))
            for one in document["affected"]:
                package = one["package"]
                found[package["ecosystem"], package["name"]].append((document, one))
    return found


def peer_match(bom, database):
    """Compare every component with every advisory of its package, by univers."""
    pairs = set()
    for index, one in enumerate(json.loads(bom.read_text())["components"]):
        scheme = one["purl"].partition(":")[2].partition("/")[0]
        ecosystem = next(name for name, kind in SCHEMES.items() if kind == scheme)
        kind = RANGE_CLASS_BY_SCHEMES[scheme].version_class
        installed = kind(one["version"])
        for document, entry in database.get((ecosystem, one["name"]), ()):
            if affected(kind, installed, one["version"], entry):
                pairs.add((f"components[{index}]", document["id"]))
    return pairs


def affected(kind, installed, text, entry):
    if text in entry.get("versions", ()):
        return True
    for one in entry["ranges"]:
        vulnerable = False
        for event in one["events"]:
            (name, value), *_ = event.items()
            if name == "introduced":
                vulnerable = value == "0" or installed >= kind(value)
            elif installed > kind(value) or (name == "fixed" and installed == kind(value)):
                vulnerable = False
        if vulnerable:
            return True
    return False


if __name__ == "__main__":
    main()
