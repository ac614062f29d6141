"""Read a reproduction bundle: `bundle.yaml` and the files it runs.

In comes a folder or a set of named bytes; out comes a `Bundle`. Refused, with every reason at once:
links, names that leave the folder, too many or too large files, a target without a version, an
oracle that is not declared, a command that is not a list.

Source: the format `clearhouse-bundle/1`.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import cast

import yaml

from clearhouse.bench.sandbox.host.record import Limits
from clearhouse.clearing.validate.reproduce.patch_plan import PatchPlan, plan_faults, read_plan
from clearhouse.formats.purl import Purl, PurlError
from clearhouse.formats.purl import parse as parse_purl

FORMAT = "clearhouse-bundle/1"
MAX_FILES = 64
MAX_BYTES = 2 << 20
"""Of all files together. Source: the largest proof that AIxCC's scoring interface takes, 2 MiB."""
MAX_TIMEOUT_S = 300
_BUSY_MACHINE = 5
"""How many times longer a run may take that is still computing."""
_MANIFEST = "bundle.yaml"
_MANIFEST_BYTES = 64 << 10
_READ_AS_TEXT = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float"}
"""A version 2.10 must not become the number 2.1."""


_DEFAULT_EXPONENT = 1.7


class BundleError(ValueError):
    """The bundle cannot be used; the message lists every reason."""


class OracleKind(StrEnum):
    """What must be observed, declared before the run."""

    OUTPUT = "output"
    """A line of standard output. The proof writes it itself, so it is the weakest."""
    EXIT_CODE = "exit-code"
    EXCEPTION = "exception"
    """The type of the exception that ends an interpreted proof."""
    FILE_CREATED = "file-created"
    HANG = "hang"
    """The run is still going when the wall clock ends it; silent on the fixed version."""
    GROWTH = "growth"
    """Processor time grows faster than the size of the input, by its exponent."""
    MEMORY = "memory"
    """The run reaches its memory limit."""
    SANITIZER = "sanitizer"
    """A sanitizer's report in a private log, with an exit code drawn for this run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Oracle:
    """The one observation that decides."""

    kind: OracleKind
    match: str | None = None
    """Regular expression for a line, an exception type or a sanitizer error."""
    code: int | None = None
    path: str | None = None
    sizes: tuple[int, ...] = ()
    """Input sizes of a growth oracle; `{size}` in the command stands for each."""
    exponent: float = _DEFAULT_EXPONENT
    """Least growth exponent that counts."""

    @property
    def self_reported(self) -> bool:
        """Say whether the proof's own code can produce the observation at will."""
        return self.kind is not OracleKind.SANITIZER


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """One demonstration, ready to run."""

    target: Purl
    """With the vulnerable version."""
    fixed: str | None
    """Version in which the demonstration must be silent; None where there is none."""
    requires: tuple[Purl, ...]
    ids: tuple[str, ...]
    weakness: str | None
    run: tuple[str, ...]
    oracle: Oracle
    timeout_s: float
    files: tuple[tuple[str, bytes], ...]
    """Name and content, sorted by name, without the manifest."""
    patch: PatchPlan | None = None
    sha256: str
    """Over the manifest and all files."""

    @property
    def limits(self) -> Limits:
        """Give a run its time on a processor, and longer by the wall clock on a busy machine."""
        return Limits(
            wall_s=self.timeout_s,
            late_s=self.timeout_s * _BUSY_MACHINE,
            cpu_s=int(self.timeout_s) + 1,
        )


def read_folder(folder: Path) -> Bundle:
    """Read a bundle from a folder.

    Raises: BundleError with every reason.
    """
    return read_files(dict(_walk(folder)))


def read_files(files: Mapping[str, bytes]) -> Bundle:
    """Read a bundle from named bytes.

    Raises: BundleError with every reason.
    """
    faults = [*_file_faults(files)]
    manifest = _manifest(files.get(_MANIFEST))
    faults += manifest_faults(manifest)
    faults += plan_faults(manifest.get("patch"), files)
    if faults:
        raise BundleError("; ".join(faults))
    proof = tuple(sorted((name, data) for name, data in files.items() if name != _MANIFEST))
    oracle = cast("dict[str, object]", manifest["oracle"])
    return Bundle(
        target=parse_purl(str(manifest["target"])),
        fixed=None if manifest.get("fixed") is None else str(manifest["fixed"]),
        requires=tuple(parse_purl(str(one)) for one in _list(manifest, "requires")),
        ids=tuple(str(one) for one in _list(manifest, "ids")),
        weakness=None if manifest.get("weakness") is None else str(manifest["weakness"]),
        run=tuple(str(one) for one in _list(manifest, "run")),
        oracle=_oracle(oracle),
        timeout_s=_number(manifest.get("timeout_s", 60)) or 60.0,
        files=proof,
        patch=read_plan(manifest.get("patch")),
        sha256=_digest(files),
    )


def expectation(folder: Path) -> str | None:
    """Return what a benchmark's manifest says must come out, or None."""
    manifest = _manifest((folder / _MANIFEST).read_bytes())
    expected = manifest.get("expected")
    return expected if isinstance(expected, str) else None


def manifest_faults(manifest: Mapping[str, object]) -> list[str]:
    """Collect everything that is wrong with a manifest."""
    faults = []
    if manifest.get("format") != FORMAT:
        faults.append(f"format is not {FORMAT}")
    faults += _target_faults(manifest)
    command = manifest.get("run")
    if (
        not isinstance(command, list)
        or not command
        or not all(isinstance(one, str) and "\0" not in one for one in command)
    ):
        faults.append("run is not a list of words")
    oracle = manifest.get("oracle")
    faults += _oracle_faults(oracle) if isinstance(oracle, dict) else ["oracle is missing"]
    timeout = _number(manifest.get("timeout_s", 60))
    if timeout is None or not 0 < timeout <= MAX_TIMEOUT_S:
        faults.append(f"timeout_s is not between 0 and {MAX_TIMEOUT_S}")
    return faults


def _target_faults(manifest: Mapping[str, object]) -> Iterator[str]:
    for name in ("target", *(["requires"] if manifest.get("requires") else [])):
        stated = manifest.get(name)
        for one in stated if isinstance(stated, list) else [stated]:
            try:
                purl = parse_purl(str(one))
            except PurlError:
                yield f"{name} is not a package URL"
                continue
            if name == "target" and purl.version is None:
                yield "target names no version"
    if not isinstance(manifest.get("fixed"), str | float | int | None):
        yield "fixed is not a version"


def _oracle_faults(oracle: Mapping[str, object]) -> Iterator[str]:
    try:
        kind = OracleKind(str(oracle.get("kind")))
    except ValueError:
        yield "oracle is of no known kind"
        return
    match = oracle.get("match")
    needs = {
        OracleKind.OUTPUT: "match",
        OracleKind.EXCEPTION: "match",
        OracleKind.EXIT_CODE: "code",
        OracleKind.FILE_CREATED: "path",
        OracleKind.GROWTH: "sizes",
    }.get(kind)
    if needs is not None and oracle.get(needs) is None:
        yield f"oracle {kind} needs {needs}"
    if match is not None:
        try:
            re.compile(str(match))
        except re.error:
            yield "oracle's match is not a regular expression"
    path = oracle.get("path")
    if path is not None and not str(path).startswith(("/tmp/", "/work/", "/out/")):  # noqa: S108  # the guest's paths
        yield "oracle's path is not below /tmp, /work or /out"


def _oracle(stated: Mapping[str, object]) -> Oracle:
    sizes = stated.get("sizes")
    code, exponent = stated.get("code"), _number(stated.get("exponent"))
    return Oracle(
        kind=OracleKind(str(stated["kind"])),
        match=None if stated.get("match") is None else str(stated["match"]),
        code=code if isinstance(code, int) else None,
        path=None if stated.get("path") is None else str(stated["path"]),
        sizes=tuple(int(str(one)) for one in sizes) if isinstance(sizes, list) else (),
        exponent=_DEFAULT_EXPONENT if exponent is None else exponent,
    )


def _manifest(data: bytes | None) -> dict[str, object]:
    if data is None:
        raise BundleError(f"no {_MANIFEST}")
    if len(data) > _MANIFEST_BYTES:
        raise BundleError(f"{_MANIFEST} is larger than {_MANIFEST_BYTES} bytes")
    try:
        document = yaml.load(data, Loader=_PlainLoader)  # noqa: S506  # a safe loader without aliases
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise BundleError(f"{_MANIFEST} is not YAML") from error
    if not isinstance(document, dict):
        raise BundleError(f"{_MANIFEST} is not a mapping")
    return cast("dict[str, object]", document)


class _PlainLoader(yaml.SafeLoader):
    """Plain values only: versions stay text, and no aliases that could be made to explode."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not taken")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag not in _READ_AS_TEXT]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _file_faults(files: Mapping[str, bytes]) -> Iterator[str]:
    if len(files) > MAX_FILES:
        yield f"more than {MAX_FILES} files"
    if sum(map(len, files.values())) > MAX_BYTES:
        yield f"files are larger than {MAX_BYTES} bytes together"
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name or "\\" in name:
            yield "a file name leaves the bundle"


def _walk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give every file; links and special files are refused, never followed.

    Raises: BundleError.
    """
    total = 0
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError("holds a link or a special file")
        if number > 4 * MAX_FILES:
            raise BundleError(f"more than {MAX_FILES} files")
        if path.is_dir():
            continue
        total += path.stat().st_size
        if total > MAX_BYTES + _MANIFEST_BYTES:
            raise BundleError(f"files are larger than {MAX_BYTES} bytes together")
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            yield path.relative_to(folder).as_posix(), file.read()


def _number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) else float(str(value))
    except ValueError:
        return None


def _list(manifest: Mapping[str, object], name: str) -> list[object]:
    value = manifest.get(name)
    return value if isinstance(value, list) else []


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
