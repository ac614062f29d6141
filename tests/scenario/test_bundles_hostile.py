"""Forged and hostile bundles in `tests/bundles/hostile`: none is reproduced, none does harm.

Each runs for real, in the sandbox, against a small published package or one that is compiled here.
Packages come from the cache in `.clearhouse/validate` or from their registries; where neither is
there, the tests say so and are skipped.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.clearing.validate.record import Doubt, VerdictKind
from clearhouse.clearing.validate.reproduce import disguise
from clearhouse.clearing.validate.reproduce.bundle import read_folder
from clearhouse.clearing.validate.reproduce.native import reproduce_folder
from clearhouse.clearing.validate.reproduce.packages import PackageCache

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason=how_to_install()),
]
PROJECT = Path(__file__).resolve().parents[2]
HOSTILE = PROJECT / "tests" / "bundles" / "hostile"
NAMES = sorted(one.parent.name for one in HOSTILE.glob("*/bundle.yaml"))
CHECKED = {
    "asks-for-a-files-number",
    "becomes-somebody-else",
    "calls-home",
    "climbs-out",
    "forges-the-tracers-notes",
    "forks-without-end",
    "is-named-like-its-target",
    "looks-for-a-name-of-the-fix",
    "looks-into-bytecode",
    "native-prints-a-report",
    "opens-devices-and-kernel-files",
    "prints-sanitizer-report",
    "reads-the-change-log",
    "swaps-files-for-links",
    "weighs-the-files",
}
"""Bundles that run in every check; the others run when CLEARHOUSE_NIGHTLY is set."""
NIGHTLY = pytest.mark.skipif(
    not os.environ.get("CLEARHOUSE_NIGHTLY"), reason="runs nightly: set CLEARHOUSE_NIGHTLY=1"
)
SHUT = {
    "becomes-somebody-else",
    "calls-home",
    "climbs-out",
    "fills-every-disk",
    "forks-without-end",
    "opens-devices-and-kernel-files",
    "sleeps-past-its-end",
    "swaps-files-for-links",
    "writes-gigabytes-to-both-streams",
}
"""Bundles whose oracle fires when a way out is open."""

ENDED = {"fills-memory"}
"""Bundles that a limit ends before they say anything, which is no answer."""


@pytest.fixture(scope="module")
def cache():
    folder = os.environ.get("CLEARHOUSE_VALIDATE_CACHE", PROJECT / ".clearhouse" / "validate")
    return PackageCache(Path(folder))


def marked(name):
    """Return the processes of this machine that carry a bundle's mark."""
    mark = f"marked-{name}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in place.read_bytes().split(b"\0"):
                found.append(place.parent.name)
        except OSError:
            continue
    return found


def strays():
    """Return what a bundle could have left on this machine."""
    places = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/out"), Path("/target")]  # noqa: S108  # the host's own
    return {
        one
        for place in places
        if place.is_dir()
        for one in place.iterdir()
        if one.name.startswith("filler-")
    }


def test_there_are_bundles_of_every_kind():
    assert len(NAMES) >= 35
    assert len(CHECKED) >= 12
    assert set(NAMES) >= CHECKED
    assert len([one for one in NAMES if one.startswith("native-")]) >= 5


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one in CHECKED else NIGHTLY) for one in NAMES]
)
def test_a_hostile_bundle_is_not_reproduced_and_leaves_nothing_behind(cache, name):
    before = strays()
    found = reproduce_folder(HOSTILE / name, cache, now=datetime.now(UTC))
    if found.doubt is Doubt.BUILD or found.kind is VerdictKind.NOT_ATTEMPTED:
        pytest.skip(found.reason)
    assert found.kind in {VerdictKind.INCONCLUSIVE, VerdictKind.NOT_REPRODUCED}, found.reason
    assert (found.doubt is Doubt.ENVIRONMENT) == (name in ENDED), found.reason
    assert name not in SHUT or found.kind is VerdictKind.NOT_REPRODUCED, found.reason
    assert marked(name) == []
    assert strays() == before


def test_the_place_of_a_package_on_the_host_does_not_tell_its_version(cache, tmp_path):
    original = HOSTILE / "asks-metadata-for-version"
    bundle = read_folder(original)
    target, old, new = bundle.target, bundle.target.version, bundle.fixed
    known: set[str] = set()
    for version in (old, new):
        built = cache.environment(target, version)
        shown = disguise.look_alike(cache, target, built, real=version, shown=old)
        known |= {shown.folder.parent.name} if version == old else set()
    proof = (original / "proof.py").read_text().partition("from importlib")[0]
    proof += "from pathlib import Path\n"
    proof += "table = Path('/proc/self/mountinfo').read_text()\n"
    proof += f"print('VULN' if any(one in table for one in {sorted(known)!r}) else 'SAFE')\n"
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.yaml").write_text((original / "bundle.yaml").read_text())
    (folder / "proof.py").write_text(proof)
    found = reproduce_folder(folder, cache, now=datetime.now(UTC))
    assert found.kind is not VerdictKind.REPRODUCED, found.reason
