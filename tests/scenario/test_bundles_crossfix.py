"""Proofs of one published package run on each other's fixes: one bug, and its neighbour.

`ini` 1.3.5 let a section named `__proto__` change every object (CVE-2020-7788). Its release 1.3.6
closed three ways at once; the patch here closes the first alone, so it tells who shares it.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.clearing.validate.reproduce.bundle import read_files
from clearhouse.clearing.validate.reproduce.crossfix import Relation, relate, run_matrix
from clearhouse.clearing.validate.reproduce.packages import BuildError, PackageCache

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason=how_to_install()),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
]
PROJECT = Path(__file__).resolve().parents[2]
PATCH = b"""--- a/ini.js
+++ b/ini.js
@@ -80,5 +80,6 @@
     if (!match) return
     if (match[1] !== undefined) {
       section = unsafe(match[1])
+      if (section === '__proto__') { p = {}; return }
       p = out[section] = out[section] || {}
       return
"""
SOURCE = {
    "file": "ini-1.3.5.tgz",
    "sha256": "fe8ebd87cc87404eeb3ec89880bc49d83df337f8b95a504366c4674f3646785d",
}
PLAIN = "require('ini').parse('[__proto__]\\nseen = 1')"
QUOTED = "require('ini').decode('[\"__proto__\"]\\r\\n; a remark\\r\\nseen=true')"
DOTTED = "require('ini').parse('[__proto__.seen]\\na = 1')"


@pytest.fixture
def cache():
    folder = os.environ.get("CLEARHOUSE_VALIDATE_CACHE", PROJECT / ".clearhouse" / "validate")
    return PackageCache(Path(folder))


def proof(attack, *, patch=None):
    manifest = {
        "format": "clearhouse-bundle/1",
        "target": "pkg:npm/ini@1.3.5",
        "fixed": "1.3.6",
        "run": ["node", "proof.js"],
        "oracle": {"kind": "exit-code", "code": 42},
        **({} if patch is None else {"patch": {"source": SOURCE, "diff": "fix.diff"}}),
    }
    script = f"{attack};\nprocess.exit(({{}}).seen === undefined ? 0 : 42);\n"
    files = {"bundle.yaml": json.dumps(manifest).encode(), "proof.js": script.encode()}
    return read_files(files | ({} if patch is None else {"fix.diff": patch}))


def test_two_spellings_of_one_bug_are_the_same_and_its_neighbour_is_another(cache):
    bundles = {"plain": proof(PLAIN, patch=PATCH), "quoted": proof(QUOTED), "dotted": proof(DOTTED)}
    try:
        matrix = run_matrix(bundles, cache)
    except BuildError as error:
        pytest.skip(f"no package registry and nothing in the cache: {error}")
    assert [build.name for build in matrix.builds] == [
        "1.3.5",
        "1.3.6",
        "1.3.5 with the patch of plain",
    ]
    assert matrix.row("plain") == matrix.row("quoted") == (True, False, False)
    assert matrix.row("dotted") == (True, False, True)
    assert relate(matrix, "plain", "quoted") is Relation.SAME
    assert relate(matrix, "plain", "dotted") is Relation.DIFFERENT
    assert relate(matrix, "quoted", "dotted") is Relation.DIFFERENT
