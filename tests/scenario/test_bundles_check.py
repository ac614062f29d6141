"""The project's own bundles: real, published flaws, replayed on the vulnerable and fixed version.

`examples/bundles/check.txt` names those that are small enough for every check; the rest run in the
nightly benchmark. Packages come from the cache in `.clearhouse/validate` or from their registries;
where neither is there, the tests say so and are skipped.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.clearing.validate.record import Doubt, Level, VerdictKind
from clearhouse.clearing.validate.reproduce.bundle import expectation, read_folder
from clearhouse.clearing.validate.reproduce.native import reproduce_folder
from clearhouse.clearing.validate.reproduce.native_bundle import is_native, read_native_folder
from clearhouse.clearing.validate.reproduce.packages import PackageCache

PROJECT = Path(__file__).resolve().parents[2]
BUNDLES = PROJECT / "examples" / "bundles"
ALL = sorted(one.parent.name for one in BUNDLES.glob("*/bundle.yaml"))
CHECKED = [
    line for line in (BUNDLES / "check.txt").read_text().splitlines() if line and line[0] != "#"
]


@pytest.fixture(scope="module")
def cache():
    folder = os.environ.get("CLEARHOUSE_VALIDATE_CACHE", PROJECT / ".clearhouse" / "validate")
    return PackageCache(Path(folder))


def test_the_set_is_as_large_as_it_is_said_to_be():
    compiled = [one for one in ALL if is_native(BUNDLES / one)]
    assert len(ALL) - len(compiled) >= 34
    assert len(compiled) >= 8
    assert len(CHECKED) >= 15
    assert set(CHECKED) <= set(ALL)
    assert len([one for one in ALL if read_folder(BUNDLES / one).patch is not None]) >= 5


@pytest.mark.parametrize("name", ALL)
def test_a_bundle_is_well_formed_and_says_what_must_come_out(name):
    bundle = read_folder(BUNDLES / name)
    assert expectation(BUNDLES / name) == "reproduced"
    assert bundle.ids
    assert bundle.weakness
    if is_native(BUNDLES / name):
        assert read_native_folder(BUNDLES / name).build.sources
    else:
        assert bundle.fixed


@pytest.mark.parametrize("name", ALL)
def test_a_proof_does_not_ask_for_the_version_it_runs_on(name):
    bundle = read_folder(BUNDLES / name)
    versions = {bundle.target.version or "", bundle.fixed or ""} - {""}
    for _, data in bundle.files:
        text = data.decode("utf-8", "replace")
        assert "__version__" not in text
        assert "importlib.metadata" not in text
        assert "package.json" not in text
        assert not any(one in text for one in versions if len(one) > 3)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason=how_to_install())
@pytest.mark.parametrize("name", CHECKED)
def test_a_published_flaw_is_reproduced(cache, name):
    found = reproduce_folder(BUNDLES / name, cache, now=datetime.now(UTC))
    if found.doubt is Doubt.BUILD or found.kind is VerdictKind.NOT_ATTEMPTED:
        pytest.skip(found.reason)
    patched = read_folder(BUNDLES / name).patch is not None
    level = Level.E6 if patched else Level.E5
    assert (found.kind, found.level) == (VerdictKind.REPRODUCED, level), found
