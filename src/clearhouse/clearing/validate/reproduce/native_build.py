"""Compile one side of a bundle under AddressSanitizer, in the sandbox and without the network.

1. Unpack the source and apply its own patches; on the vulnerable side, take one fix back again.
2. Compile the target from its own files into one module, and set its headers aside.
3. In another run that sees nothing but those headers and the bundle, compile the harness, so that
   it can neither read the target's source nor be taken for the target.

A Python package is built by its own build in place of steps 2 and 3; wheels that this build needs
come from the bundle's list. What is fetched was fetched before, by `native_sources`.
"""

import hashlib
import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.record import (
    MIB,
    Ended,
    Job,
    Limits,
    Mount,
    Observation,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.run import run
from clearhouse.clearing.validate.reproduce.archive import Archive
from clearhouse.clearing.validate.reproduce.native_bundle import NativeBundle, Recipe
from clearhouse.clearing.validate.reproduce.native_sources import fetch
from clearhouse.clearing.validate.reproduce.packages import (
    BuildError,
    Environment,
    PackageCache,
)
from clearhouse.clearing.validate.reproduce.patch_plan import CheckRun

_LAYOUT = "native 4"
"""Raise when what is built changes, so that old builds are not used."""
_LIMITS = Limits(
    wall_s=300,
    cpu_s=280,
    memory_bytes=2048 * MIB,
    tmp_bytes=512 * MIB,
    collected_bytes=64 * MIB,
    pids=256,
)
TARGET = "/target"
"""Where a guest finds what was built."""
_ALWAYS = ("-fsanitize=address", "-fno-omit-frame-pointer", "-g1", "-w", "-fno-common")
INSTALL = "not attempted: install clang, or gcc with libasan"
PROGRAM, LIBRARY, HEADERS = "program", "libtarget.so", "headers.tar"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiler:
    """A compiler with AddressSanitizer's shared runtime."""

    program: str
    runtime: Path
    """The shared library that a process must load first."""
    options: tuple[str, ...]


@cache
def compiler() -> Compiler:
    """Return the compiler for sanitized builds.

    Raises: SandboxUnavailableError when this machine has none.
    """
    for name, library, options in (
        ("gcc", "libasan.so", ()),
        ("clang", "libclang_rt.asan-x86_64.so", ("-shared-libasan",)),
    ):
        program = shutil.which(name)
        if program is None:
            continue
        asked = [program, f"-print-file-name={library}"]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603  # an installed compiler
        found = Path(done.stdout.strip())
        if found.is_absolute() and found.exists():
            place = found.resolve()
            path = (f"-Wl,-rpath,{place.parent}",) if options else ()
            return Compiler(program=program, runtime=place, options=(*options, *path))
    raise SandboxUnavailableError(INSTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Which of the two builds is wanted."""

    vulnerable: bool
    optimised: bool = True
    """False gives a twin whose machine code differs everywhere and whose behaviour does not."""


def build(native: NativeBundle, cache: PackageCache, side: Side) -> Environment:
    """Return one side, built if need be.

    Raises: BuildError; SandboxUnavailableError.
    """
    chosen = native.build
    _assert_generators(native)
    archives = _archives(native, side)
    given = _given(native, cache, side)
    recipe = _build_python if chosen.recipe is Recipe.PYTHON else _build_c
    parts = [*(one.sha256 for one in archives), *chosen.patches]
    key = [_LAYOUT, _version(), native.bundle.sha256, parts, repr(side)]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    return cache.derived(f"built {name}", lambda content: recipe(native, side, content, given))


def check_source(
    native: NativeBundle, cache: PackageCache, side: Side, check: CheckRun
) -> Observation:
    """Compile a test against one side's source and run it there, under the sanitizer.

    Raises: BuildError when it cannot be compiled; SandboxUnavailableError.
    """
    given = _given(native, cache, side)
    quoted = " ".join(_pattern(one) for one in check.compiled)
    placed = [f"cp /work/bundle/{shlex.quote(one)} ." for one in check.files]
    options = [*native.build.options, *check.options]
    libraries = [one for one in options if one.startswith("-l")]
    others = [one for one in options if not one.startswith("-l")]
    lines = [
        *_unpack(native, side, given),
        *(shlex.join(one) for one in native.build.prepare),
        *placed,
        f"{_compile(side, *others)} {quoted} -o /work/{PROGRAM} {shlex.join(libraries)}",
        "touch /out/compiled",
        "export ASAN_OPTIONS=detect_leaks=0",
        shlex.join((f"/work/{PROGRAM}", *check.run[1:])),
    ]
    files = tuple((f"bundle/{name}", data) for name, data in native.bundle.files)
    seen = _shell(lines, mounts=given.mounts, files=files)
    if not any(one.path == "/out/compiled" for one in seen.collected):
        raise BuildError(_last_words("compiling the test", seen))
    return seen


def _assert_generators(native: NativeBundle) -> None:
    """See that what prepares the source is installed, under the name of its Debian package."""
    missing = sorted({one[0] for one in native.build.prepare if shutil.which(one[0]) is None})
    if missing:
        raise SandboxUnavailableError(f"not attempted: install {', '.join(missing)}")


def _archives(native: NativeBundle, side: Side) -> tuple[Archive, ...]:
    chosen = native.build
    return chosen.sources if side.vulnerable else chosen.fixed_sources or chosen.sources


def _given(native: NativeBundle, cache: PackageCache, side: Side) -> "_Given":
    chosen, target = native.build, native.bundle.target
    archives = _archives(native, side)
    return _Given(
        sources=tuple(fetch(cache.folder, target.type, target.name, one) for one in archives),
        needs=tuple(fetch(cache.folder, "pypi", "", one) for one in chosen.needs),
        companions=tuple(fetch(cache.folder, "pypi", "", one) for one in chosen.companions),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """Files that were fetched."""

    sources: tuple[Path, ...]
    needs: tuple[Path, ...]
    companions: tuple[Path, ...]

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """Show every file under its own name."""
        return tuple(
            Mount(source=one, target=f"{place}/{one.name}")
            for place, found in (
                (_SOURCES, self.sources),
                (_NEEDS, self.needs),
                (_COMPANIONS, self.companions),
            )
            for one in found
        )


_SOURCES, _NEEDS, _COMPANIONS, _TREE = "/sources", "/needs", "/companions", "/work/tree"


def _build_c(native: NativeBundle, side: Side, content: Path, given: _Given) -> dict[str, object]:
    """Compile the target, then the harness."""
    chosen = native.build
    output = PROGRAM if chosen.harness is None else LIBRARY
    shared = () if chosen.harness is None else ("-shared", "-fPIC")
    quoted = " ".join(_pattern(one) for one in chosen.files)
    libraries = [one for one in chosen.options if one.startswith("-l")]
    others = [one for one in chosen.options if not one.startswith("-l")]
    lines = [
        *_unpack(native, side, given),
        *(shlex.join(one) for one in chosen.prepare),
        f"{_compile(side, *shared, *others)} {quoted} -o /out/{output} {shlex.join(libraries)}",
        f"find . -name '*.h' -print0 | sort -z | tar --null -T - -cf /out/{HEADERS}",
    ]
    built = _shell(lines, mounts=given.mounts)
    made = {one.path: one.data for one in built.collected}
    if f"/out/{output}" not in made or f"/out/{HEADERS}" not in made:
        raise BuildError(_last_words("compiling the target", built))
    (content / output).write_bytes(made[f"/out/{output}"])
    (content / output).chmod(0o755)
    if chosen.harness is not None:
        _build_harness(native, side, content, made[f"/out/{HEADERS}"])
    return {"kind": "native", "versions": [], "own_files": [output]}


def _build_harness(native: NativeBundle, side: Side, content: Path, headers: bytes) -> None:
    """Compile the harness where nothing of the target is but its headers and its library."""
    chosen = native.build
    options = [one for one in chosen.options if not one.startswith("-l")]
    library = f"{TARGET}/{LIBRARY}"
    lines = [
        f"mkdir {_TREE} && cd {_TREE} && tar -xf /work/{HEADERS}",
        " ".join(
            (
                f"{_compile(side, *options)} -I.",
                shlex.quote(f"/work/bundle/{chosen.harness}"),
                f"-o /out/{PROGRAM} {library} -Wl,-rpath,{TARGET}",
            )
        ),
    ]
    placed = tuple((f"bundle/{name}", data) for name, data in native.bundle.files)
    for path in (content, content / LIBRARY):
        path.chmod(0o755)
    content.parent.chmod(0o755)
    built = _shell(
        lines,
        mounts=(Mount(source=content, target=TARGET),),
        files=(*placed, (HEADERS, headers)),
    )
    made = next((one.data for one in built.collected if one.path == f"/out/{PROGRAM}"), None)
    if made is None:
        raise BuildError(_last_words("compiling the harness", built))
    (content / PROGRAM).write_bytes(made)
    (content / PROGRAM).chmod(0o755)


def _build_python(
    native: NativeBundle, side: Side, content: Path, given: _Given
) -> dict[str, object]:
    """Build the package's wheel from source and unpack it."""
    import pip  # noqa: PLC0415  # only this build needs to know where pip stands

    python = str(runtime.python().program)
    options = shlex.join((*_ALWAYS, _level(side)))
    wheels = [f"{_NEEDS}/{one.name}" for one in given.needs]
    install = (python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target")
    wheel = (python, "-m", "pip", "wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation")
    lines = [
        *_unpack(native, side, given),
        "export PYTHONPATH=/pip",
        *([shlex.join((*install, "/work/needs", *wheels))] if wheels else []),
        "export PYTHONPATH=/pip:/work/needs",
        f"export CC={shlex.quote(compiler().program)}",
        f"export CFLAGS={shlex.quote(options)} CXXFLAGS={shlex.quote(options)}",
        f"export LDFLAGS={shlex.quote(shlex.join(('-fsanitize=address', *compiler().options)))}",
        shlex.join((*wheel, "--wheel-dir", "/work/wheels", ".")),
        f"{shlex.quote(python)} -m zipfile -e /work/wheels/*.whl /out/own",
        *(
            shlex.join((python, "-m", "zipfile", "-e", f"{_COMPANIONS}/{one.name}", "/out/other"))
            for one in given.companions
        ),
    ]
    prefix = runtime.python().prefix
    shown = () if prefix is None else (Mount(source=prefix, target=str(prefix)),)
    built = _shell(
        lines,
        mounts=(
            *given.mounts,
            *shown,
            Mount(source=Path(pip.__file__).parent, target="/pip/pip"),
        ),
    )
    own = sorted(_write_tree(content, built))
    if not any(one.endswith(".so") for one in own):
        raise BuildError(_last_words("building the wheel", built))
    return {"kind": "pypi", "versions": [], "own_files": own}


def _write_tree(content: Path, built: Observation) -> Iterator[str]:
    """Write what the sandbox gave back and give the target's own names.

    Names that leave the folder are left out.
    """
    for one in built.collected:
        whose, *parts = PurePosixPath(one.path).relative_to("/out").parts or ("",)
        if one.path.endswith("/") or not parts or ".." in parts:
            continue
        place = content.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.data)
        if whose == "own":
            yield "/".join(parts)


def _unpack(native: NativeBundle, side: Side, given: _Given) -> list[str]:
    """Give the commands that lay out the patched source in the working folder."""
    names = [f"{_SOURCES}/{one.name}" for one in given.sources]
    absent = [PurePosixPath(one).name for one in native.build.patches]
    lines = [f"mkdir {_TREE} && cd {_TREE}"]
    for number, name in enumerate(names):
        cut = "--strip-components=1 " if number == 0 else ""
        lines.append(f"tar --no-same-owner {cut}-xf {shlex.quote(name)}")
    if not absent:
        return lines
    unknown = "{ echo 'error: no such patch' >&2; exit 3; }"
    known = [f"grep -qxF {shlex.quote(one)} /work/series || {unknown}" for one in absent]
    patch = "patch -s -F0 --no-backup-if-mismatch -p1"  # as dpkg-source does: no fuzz
    taken_back = [f"{patch} -R -i debian/patches/{one}" for one in reversed(absent)]
    return [
        *lines,
        "sed 's/[[:space:]].*//' debian/patches/series | grep -v -e '^#' -e '^$' > /work/series",
        *known,
        f'while read -r name; do {patch} -i "debian/patches/$name"; done < /work/series',
        *(taken_back if side.vulnerable else []),
        "rm -rf debian /work/series",
    ]


def _compile(side: Side, *options: str) -> str:
    words = (compiler().program, *_ALWAYS, _level(side), *compiler().options, *options)
    return shlex.join(words)


def _level(side: Side) -> str:
    return "-O1" if side.optimised else "-O0"


def _pattern(text: str) -> str:
    """Write a pattern for the shell; its characters were checked when the bundle was read."""
    return text if text[0] != "-" else f"./{text}"


def _shell(
    lines: list[str], *, mounts: tuple[Mount, ...], files: tuple[tuple[str, bytes], ...] = ()
) -> Observation:
    """Run a script of ours in the sandbox, without the network.

    Raises: SandboxUnavailableError.
    """
    job = Job(
        argv=("/bin/sh", "-eu", "-c", "\n".join(lines)),
        mounts=mounts,
        files=files,
        env=(("TMPDIR", "/work"), ("LC_ALL", "C.UTF-8"), ("SOURCE_DATE_EPOCH", "0")),
        hide=runtime.HIDDEN,
        limits=_LIMITS,
        collect=("/out",),
    )
    return run(job)


def _last_words(step: str, seen: Observation) -> str:
    """Say what a failed build said last."""
    if seen.ended is not Ended.EXITED:
        return f"{step}: {seen.ended}"
    text = (seen.stdout + seen.stderr).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines
    return f"{step}: {' / '.join(errors[:3])[:400] or f'exit code {seen.exit_code}'}"


def _version() -> str:
    asked = [compiler().program, "--version"]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)  # noqa: S603  # an installed compiler
    return done.stdout.partition("\n")[0]
