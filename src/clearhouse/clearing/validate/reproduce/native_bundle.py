"""Read the `build` part of a bundle about compiled code: what to fetch, patch, compile and link.

In comes a bundle's files; out comes a `NativeBundle`. It extends `clearhouse-bundle/1`: archives
are named with their SHA-256, so that it does not matter which mirror they come from; the two sides
are two published archives, or one Debian source package with and without one of its own patches.
Refused, with every reason at once: archives without a digest, compiler options that could bring in
code, preparation by anything but a generator of the source, a harness that is not in the bundle.

Source: the format `clearhouse-bundle/1`; Debian Policy, section 4.14, for `debian/patches/series`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TypeGuard, cast

import yaml

from clearhouse.clearing.validate.reproduce.archive import Archive, archive_faults
from clearhouse.clearing.validate.reproduce.bundle import (
    Bundle,
    BundleError,
    OracleKind,
    read_files,
    read_folder,
)

MANIFEST = "bundle.yaml"
_PATCH = re.compile(r"debian/patches/[\w.+~-]{1,150}")
_OPTION = re.compile(
    r"-(?:I[\w./+-]*|D\w+(?:=[\w.\"/+-]*)?|U\w+|std=[\w+]+|l(?:m|dl|pthread|stdc\+\+)|fsigned-char)"
)
_OPTION_FAULT = "build has a compiler option that is not taken"
_GENERATORS = {"bison", "flex", "cp", "gperf"}
_PATTERN = re.compile(r"[\w./+*?-]{1,200}")


class Recipe(StrEnum):
    """How the target is compiled."""

    C = "c"
    """Its C or C++ files into one library beside a harness, or into its own program."""
    PYTHON = "python-extension"
    """A source distribution of a Python package with compiled parts, by its own build."""


class Sanitizer(StrEnum):
    """What the compiled code is watched for."""

    ADDRESS = "address"
    LEAK = "leak"
    """Memory that nobody can free any more, seen by AddressSanitizer at the end of the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """How both sides are made."""

    recipe: Recipe
    sanitizer: Sanitizer
    sources: tuple[Archive, ...]
    """Of the vulnerable side, and of both where `fixed_sources` is empty."""
    fixed_sources: tuple[Archive, ...]
    needs: tuple[Archive, ...]
    """Wheels that the package's own build imports."""
    companions: tuple[Archive, ...]
    """Wheels that the package imports when it runs; the same on both sides, never blamed."""
    patches: tuple[str, ...]
    """The patches of one fix, which the vulnerable side is built without."""
    prepare: tuple[tuple[str, ...], ...]
    """Generators to run in the unpacked source, such as bison."""
    files: tuple[str, ...]
    """Patterns of the target's C or C++ files."""
    options: tuple[str, ...]
    harness: str | None
    """File of the bundle that calls the library; None when the target is a program itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeBundle:
    """A bundle whose target is compiled under a sanitizer."""

    bundle: Bundle
    build: Build


def is_native(folder: Path) -> bool:
    """Say whether a folder's bundle has a `build` part, without judging the rest.

    Raises: BundleError.
    """
    read_folder(folder)
    return "build" in _manifest((folder / MANIFEST).read_bytes())


def has_build(files: Mapping[str, bytes]) -> bool:
    """Say whether named bytes that `bundle` has accepted are about compiled code."""
    return "build" in _manifest(files[MANIFEST])


def read_native_folder(folder: Path) -> NativeBundle:
    """Read a bundle about compiled code from a folder.

    Raises: BundleError with every reason.
    """
    bundle = read_folder(folder)
    return _native(bundle, (folder / MANIFEST).read_bytes())


def read_native(files: Mapping[str, bytes]) -> NativeBundle:
    """Read a bundle about compiled code from named bytes.

    Raises: BundleError with every reason.
    """
    return _native(read_files(files), files[MANIFEST])


def _native(bundle: Bundle, manifest: bytes) -> NativeBundle:
    stated = _manifest(manifest).get("build")
    if not isinstance(stated, dict):
        raise BundleError("no build part")
    faults = [*_faults(stated, bundle)]
    if faults:
        raise BundleError("; ".join(faults))
    return NativeBundle(bundle=bundle, build=_build(stated))


def _manifest(data: bytes) -> dict[str, object]:
    """Parse a manifest that `bundle` has accepted: small, without aliases, a mapping."""
    return cast("dict[str, object]", yaml.safe_load(data))


def _build(stated: Mapping[str, object]) -> Build:
    return Build(
        recipe=Recipe(str(stated["recipe"])),
        sanitizer=Sanitizer(str(stated["sanitizer"])),
        sources=tuple(_archives(stated, "sources")),
        fixed_sources=tuple(_archives(stated, "fixed_sources")),
        needs=tuple(_archives(stated, "needs")),
        companions=tuple(_archives(stated, "companions")),
        patches=_words(stated, "patches"),
        prepare=tuple(
            tuple(str(word) for word in one) for one in _items(stated, "prepare") if _is_list(one)
        ),
        files=_words(stated, "files"),
        options=_words(stated, "options"),
        harness=None if stated.get("harness") is None else str(stated["harness"]),
    )


def _faults(stated: Mapping[str, object], bundle: Bundle) -> Iterator[str]:
    if stated.get("recipe") not in set(Recipe):
        yield f"build's recipe is none of {', '.join(Recipe)}"
    if stated.get("sanitizer") not in set(Sanitizer):
        yield f"build's sanitizer is none of {', '.join(Sanitizer)}"
    if bundle.oracle.kind is not OracleKind.SANITIZER:
        yield "a compiled target needs the sanitizer oracle"
    yield from _archive_faults(stated)
    yield from _check_faults(stated, bundle)
    yield from _side_faults(stated, bundle)
    if stated.get("recipe") == Recipe.C:
        yield from _c_faults(stated, bundle)
    elif bundle.run[0] not in {"python", "python3"} or bundle.run[1:2] != bundle.run[1:]:
        yield "a Python extension is run by python and one file of the bundle"
    elif len(bundle.run) < 2 or bundle.run[1] not in dict(bundle.files):
        yield "the command does not run a file of the bundle"


def _archive_faults(stated: Mapping[str, object]) -> Iterator[str]:
    if not _items(stated, "sources"):
        yield "build names no sources"
    for name in ("sources", "fixed_sources", "needs", "companions"):
        for one in _items(stated, name):
            yield from archive_faults(one, f"build's {name}")


def _check_faults(stated: Mapping[str, object], bundle: Bundle) -> Iterator[str]:
    """Look at the tests of a patch: compiled from the source, and only for what is built in C."""
    if bundle.patch is None:
        return
    if stated.get("recipe") != Recipe.C or not _words(stated, "patches"):
        yield "only the patch of a Debian source package can be judged for compiled targets"
    for check in (bundle.patch.tests, bundle.patch.regression):
        if check is None:
            continue
        if check.run[0] != "program" or not check.compiled:
            yield "a test of compiled code names what it is compiled from and runs `program`"
        if not all(_PATTERN.fullmatch(one) for one in check.compiled):
            yield "a test is compiled from something that is no pattern inside the source"
        yield from (_OPTION_FAULT for one in check.options if not _is_option(one))


def _is_option(option: str) -> bool:
    return bool(_OPTION.fullmatch(option)) and (option[:2] != "-I" or _is_inside(option[2:]))


def _side_faults(stated: Mapping[str, object], bundle: Bundle) -> Iterator[str]:
    patches = _words(stated, "patches")
    if not all(_PATCH.fullmatch(one) for one in patches):
        yield "build's patches are not files below debian/patches"
    if bool(patches) == bool(_items(stated, "fixed_sources")):
        yield "build names either patches that one side lacks, or the fixed side's sources"
    if not patches and bundle.fixed is None:
        yield "two versions are built, but the fixed one is not named"
    if patches and bundle.target.type != "deb":
        yield "only a Debian source package is built with and without a patch"


def _c_faults(stated: Mapping[str, object], bundle: Bundle) -> Iterator[str]:
    files = _words(stated, "files")
    if not files or not all(_is_inside(one) and _PATTERN.fullmatch(one) for one in files):
        yield "build's files are not patterns inside the source"
    for option in _words(stated, "options"):
        if not _is_option(option):
            yield _OPTION_FAULT
    for command in _items(stated, "prepare"):
        words = [str(word) for word in command] if _is_list(command) else []
        if not words or words[0] not in _GENERATORS or not all(map(_is_inside, words[1:])):
            yield "build is prepared by something that is no generator"
    harness = stated.get("harness")
    if harness is not None and str(harness) not in dict(bundle.files):
        yield "build's harness is not in the bundle"
    if bundle.run[0] != "program":
        yield "a compiled target is run as `program`"


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in PurePosixPath(path).parts


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _items(stated: Mapping[str, object], name: str) -> list[object]:
    value = stated.get(name)
    return value if isinstance(value, list) else []


def _words(stated: Mapping[str, object], name: str) -> tuple[str, ...]:
    return tuple(str(one) for one in _items(stated, name))


def _archives(stated: Mapping[str, object], name: str) -> Iterator[Archive]:
    for one in _items(stated, name):
        if isinstance(one, dict):
            yield Archive(file=str(one["file"]), sha256=str(one["sha256"]))
