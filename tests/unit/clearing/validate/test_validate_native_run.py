"""A small compiled target with a flaw of our own, built and run for real on both sides."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.bench.sandbox.host.record import Ended, SandboxUnavailableError
from clearhouse.clearing.validate.record import Claim, Doubt, Level, VerdictKind
from clearhouse.clearing.validate.reproduce import native, native_build, patch_gate
from clearhouse.clearing.validate.reproduce.bundle import BundleError
from clearhouse.clearing.validate.reproduce.crossfix import Relation, relate, run_native_matrix
from clearhouse.clearing.validate.reproduce.native_bundle import read_native
from clearhouse.clearing.validate.reproduce.native_gate import run_native_gate
from clearhouse.clearing.validate.reproduce.packages import PackageCache
from clearhouse.formats.purl import parse

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIBRARY = """#include "box.h"
#include <stdlib.h>
int box_get(int at) {
  char *room = calloc(1, 8);
  int found = room[at];
  free(room);
  return found;
}
void box_lose(void) { for (int n = 0; n < 99; n++) { void *volatile lost = malloc(24); (void)lost; } }
#ifdef PROGRAM
int main(int count, char **words) { (void)words; return box_get(7 + count); }
#endif
"""
PATCH = """--- a/box.c
+++ b/box.c
@@ -2,4 +2,5 @@
 #include <stdlib.h>
 int box_get(int at) {
+  if (at < 0 || at > 7) return -1;
   char *room = calloc(1, 8);
   int found = room[at];
"""
HARNESS = '#include "box.h"\nint main(void) { return box_get(8) == 99; }\n'
CHECK = """#include "box.h"
int main(int count, char **words) { (void)words; return box_get(count < 2 ? 3 : 8) > 0; }
"""
ON_INPUT = """#include "box.h"
#include <stdio.h>
int main(int count, char **words) {
  int at = 0;
  FILE *file = fopen(words[count - 1], "r");
  return fscanf(file, "%d", &at) == 1 && box_get(at) == 99;
}
"""
FIX = {
    "tests": {"run": ["program"], "compiled": ["box.c", "check.c"], "files": ["check.c"]},
    "regression": {
        "run": ["program", "beyond"],
        "compiled": ["box.c", "check.c"],
        "files": ["check.c"],
    },
}
pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason=how_to_install())


def archive(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as out:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            out.addfile(member, io.BytesIO(text.encode()))
    return data.getvalue()


SOURCE = archive(
    {"box-1/box.c": LIBRARY, "box-1/box.h": "int box_get(int); void box_lose(void);\n"}
)
DEBIAN = archive(
    {
        "debian/patches/series": "# ours\nguard.patch -p1\n",
        "debian/patches/guard.patch": PATCH,
    }
)


@pytest.fixture(scope="module")
def cache():
    """Keep builds where the sandbox's account can read them, which is not below pytest's folder."""
    try:
        native_build.compiler()
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
    folder = Path("/var/tmp") / f"clearhouse-native-{os.getpid()}"  # noqa: S108  # as above
    found = PackageCache(folder)
    for name, data in (("box.tar.gz", SOURCE), ("debian.tar.gz", DEBIAN)):
        place = folder / "sources" / hashlib.sha256(data).hexdigest() / name
        place.parent.mkdir(parents=True)
        place.write_bytes(data)
    yield found
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def few_variants(monkeypatch):
    """Try few variants, since each is run three times."""
    monkeypatch.setattr(patch_gate, "VARIANTS_TRIED", 4)
    monkeypatch.setattr(patch_gate, "VARIANTS_WANTED", 1)


def bundle(
    harness=HARNESS,
    *,
    match="heap-buffer-overflow",
    timeout=20,
    harness_file="harness.c",
    patch=None,
    files=None,
    run=("program",),
    **build,
):
    sources = [
        {"file": "box.tar.gz", "sha256": hashlib.sha256(SOURCE).hexdigest()},
        {"file": "debian.tar.gz", "sha256": hashlib.sha256(DEBIAN).hexdigest()},
    ]
    part = {
        "recipe": "c",
        "sanitizer": "address",
        "sources": sources,
        "patches": ["debian/patches/guard.patch"],
        "files": ["box.c"],
        "harness": harness_file,
    }
    oracle = {"kind": "sanitizer"} | ({} if match is None else {"match": match})
    manifest = {
        "format": "clearhouse-bundle/1",
        "target": "pkg:deb/debian/box@1-1",
        "fixed": None,
        "build": {key: value for key, value in (part | build).items() if value is not None},
        "run": list(run),
        "patch": patch,
        "oracle": oracle,
        "timeout_s": timeout,
    }
    placed = {"harness.c": harness.encode(), "check.c": CHECK.encode()} | (files or {})
    return read_native({"bundle.yaml": json.dumps(manifest).encode(), **placed})


def verdict(cache, *given, **rest):
    return native.reproduce_native(bundle(*given, **rest), cache, now=NOW)


def test_a_fault_in_the_target_without_the_patch_is_reproduced(cache):
    found = verdict(cache)
    assert (found.kind, found.level) == (VerdictKind.REPRODUCED, Level.E5), found.reason
    assert "through box_get" in found.reason
    assert len(found.inputs) == 3
    assert any("harness" in one for one in found.not_established)


def test_the_targets_own_program_needs_no_harness(cache):
    found = verdict(cache, match=None, harness_file=None, options=["-DPROGRAM"])
    assert found.kind is VerdictKind.REPRODUCED, found.reason
    assert not any("harness" in one for one in found.not_established)


def test_another_error_than_the_declared_one_does_not_count(cache):
    assert verdict(cache, match="use-after-free").kind is VerdictKind.NOT_REPRODUCED


def test_a_fault_in_the_harness_does_not_count(cache):
    crash = '#include "box.h"\nint main(void) { box_get(1); return *(volatile char *)3; }\n'
    assert verdict(cache, crash, match=None).kind is VerdictKind.NOT_REPRODUCED


def test_a_report_on_the_fixed_side_too_shows_nothing(cache):
    lost = '#include "box.h"\nint main(void) { box_lose(); return 0; }\n'
    found = verdict(cache, lost, match="memory-leak", sanitizer="leak")
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ORACLE), found.reason


def test_the_harness_cannot_read_the_targets_source(cache):
    for path in ("box.c", "/work/tree/box.c", "/sources/box.tar.gz"):
        reading = f'__asm__(".incbin \\"{path}\\"");\n' + HARNESS
        found = verdict(cache, reading)
        assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.BUILD), path


def test_a_target_that_does_not_compile_is_the_builds_trouble(cache):
    found = verdict(cache, options=["-DNULL=nonsense/of/ours", "-Dfree=+"])
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.BUILD)
    assert "compiling the target" in found.reason


def test_a_patch_that_the_package_does_not_have_is_said(cache):
    found = verdict(cache, patches=["debian/patches/absent.patch"])
    assert found.doubt is Doubt.BUILD
    assert "no such patch" in found.reason


def test_a_pattern_that_could_take_for_ever_is_not_taken(cache):
    found = verdict(cache, match="(a+)+b")
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.UNSUPPORTED)


def test_a_fixed_side_that_never_ends_is_no_silence(cache):
    hang = '#include "box.h"\nint main(void) { int x = box_get(8); while (x == -1) {} return x; }\n'
    found = verdict(cache, hang, timeout=1)
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ENVIRONMENT)
    assert "did not finish in time" in found.reason


def test_every_run_draws_another_place_and_exit_code(cache):
    given = bundle()
    side = native_build.build(given, cache, native_build.Side(vulnerable=True))
    shots = [native.shoot(given, side) for _ in range(4)]
    assert all(one.seen.ended is Ended.EXITED for one in shots)
    places = {one.path for shot in shots for one in shot.seen.collected if one.data}
    assert len({Path(one).stem for one in places}) == 4


def test_two_sides_differ_in_the_target_alone(cache):
    given = bundle()
    old, new = (
        native_build.build(given, cache, native_build.Side(vulnerable=one)) for one in (True, False)
    )
    library = native_build.LIBRARY
    assert (old.folder / library).read_bytes() != (new.folder / library).read_bytes()
    assert old.own_files == new.own_files == (library,)


def test_a_machine_without_a_compiler_attempts_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(native_build.shutil, "which", lambda _: None)
    native_build.compiler.cache_clear()
    found = native.reproduce_native(bundle(), PackageCache(tmp_path), now=NOW)
    native_build.compiler.cache_clear()
    assert (found.kind, found.doubt) == (VerdictKind.NOT_ATTEMPTED, None)
    assert "install clang, or gcc with libasan" in found.reason


def test_sources_out_of_reach_are_the_mirrors_trouble(cache, monkeypatch):
    monkeypatch.setattr(native_build, "fetch", refuse)
    found = native.reproduce_native(bundle(), cache, now=NOW)
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.BUILD)


def refuse(*_):
    raise native_build.BuildError("the archive could not be fetched")


def answers(gate):
    return [str(one.outcome) for one in gate.steps]


def test_a_debian_fix_holds_in_every_step(cache):
    on_input = {"harness": ON_INPUT, "run": ("program", "at.txt"), "files": {"at.txt": b"8"}}
    found = native.reproduce_native(bundle(patch=FIX, **on_input), cache, now=NOW)
    assert (found.kind, found.level) == (VerdictKind.REPRODUCED, Level.E6), found
    assert [one.claim for one in found.checks] == [Claim.PATCH] * 5


def test_without_an_input_the_harness_is_varied(cache):
    gate = run_native_gate([bundle(patch=FIX)], cache)
    assert answers(gate) == ["holds"] * 5, gate


def test_a_fix_that_misses_one_proof_of_the_finding_fails(cache):
    other = '#include "box.h"\nint main(void) { box_lose(); return 0; }\n'
    lost = bundle(other, match="memory-leak", sanitizer="leak", patch=FIX)
    gate = run_native_gate([lost, lost], cache)
    assert answers(gate)[1] == "fails"
    assert gate.steps[1].reason.startswith("0 of 2")


def test_tests_that_do_not_compile_or_are_not_there_are_undecided(cache):
    broken = FIX["tests"] | {"compiled": ["none.c"]}
    gate = run_native_gate([bundle(patch={"tests": broken})], cache)
    assert answers(gate)[2:4] == ["undecided", "undecided"]
    silent = HARNESS.replace("8", "1")
    gate = run_native_gate([bundle(silent, patch=FIX)], cache)
    assert answers(gate)[1] == answers(gate)[4] == "undecided"


def test_a_side_that_cannot_be_built_stops_the_gate(cache):
    gate = run_native_gate([bundle(patch=FIX, options=["-Dint=4"])], cache)
    assert answers(gate) == ["undecided"] * 5
    with pytest.raises(ValueError, match="no patch part"):
        run_native_gate([bundle()], cache)


def test_proofs_of_two_fixes_are_different_and_of_one_the_same(cache):
    far = HARNESS.replace("box_get(8)", "box_get(9)")
    lost = '#include "box.h"\nint main(void) { return box_get(1) == 99; }\n'
    found = run_native_matrix({"a": bundle(), "b": bundle(far), "c": bundle(lost)}, cache)
    assert found.row("a") == (True, False) * 3
    assert relate(found, "a", "b") is Relation.SAME
    assert relate(found, "a", "c") is Relation.UNKNOWN
    elsewhere = bundle()
    elsewhere = replace(
        elsewhere, bundle=replace(elsewhere.bundle, target=parse("pkg:deb/debian/other@1"))
    )
    with pytest.raises(ValueError, match="one package"):
        run_native_matrix({"a": bundle(), "b": elsewhere}, cache)


def test_a_generator_that_is_not_installed_is_named(cache, monkeypatch):
    monkeypatch.setattr(native_build.shutil, "which", lambda name: None)
    given = bundle(prepare=[["bison", "-d", "x.y"], ["flex", "x.l"]])
    found = native.reproduce_native(given, cache, now=NOW)
    assert (found.kind, found.reason) == (
        VerdictKind.NOT_ATTEMPTED,
        "not attempted: install bison, flex",
    )


def test_trouble_of_the_machine_in_the_gate_leaves_the_verdict(cache, monkeypatch):
    def broken(proofs, cache):
        raise SandboxUnavailableError("no room")

    monkeypatch.setattr(native, "run_native_gate", broken)
    found = native.reproduce_native(bundle(patch=FIX), cache, now=NOW)
    assert (found.level, found.not_established[-1]) == (Level.E5, "Patch: no room")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"run": ["python"]}, "runs `program`"),
        ({"compiled": []}, "runs `program`"),
        ({"compiled": ["$(x)"]}, "no pattern inside"),
        ({"options": ["-Wl,x"]}, "compiler option"),
    ],
)
def test_a_test_that_could_bring_in_commands_is_refused(change, why):
    with pytest.raises(BundleError, match=why):
        bundle(patch={"tests": FIX["tests"] | change})


def test_a_patch_of_something_not_built_from_debian_is_refused():
    with pytest.raises(BundleError, match="only the patch of a Debian source"):
        bundle(patch=FIX, recipe="python-extension", run=("python", "check.c"))
