"""A small compiled target with a flaw of our own, built and run for real on both sides."""

import hashlib
import io
import os
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.bench.sandbox.host.record import Ended, SandboxUnavailableError
from clearhouse.clearing.validate.record import Doubt, Level, VerdictKind
from clearhouse.clearing.validate.reproduce import native, native_build
from clearhouse.clearing.validate.reproduce.native_bundle import read_native
from clearhouse.clearing.validate.reproduce.packages import PackageCache

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
@@ -2,3 +2,4 @@
 #include <stdlib.h>
 int box_get(int at) {
+  if (at < 0 || at > 7) return -1;
   char *room = calloc(1, 8);
"""
HARNESS = '#include "box.h"\nint main(void) { return box_get(8) == 99; }\n'
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


def bundle(
    harness=HARNESS,
    *,
    match="heap-buffer-overflow",
    timeout=20,
    harness_file="harness.c",
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
        "run": ["program"],
        "oracle": oracle,
        "timeout_s": timeout,
    }
    files = {"bundle.yaml": yaml.safe_dump(manifest).encode(), "harness.c": harness.encode()}
    return read_native(files)


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
    found = verdict(cache, hang, timeout=2)
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
