"""Read a suite of small cyber tasks: flawed programs, each asked about in three ways.

In comes a folder with `suite.yaml` and a folder per program; out comes a `Suite`. A program is one
Python file with `handle(request)`, its reference fix, requests that show the flaw and requests that
must keep working. Refused, with every reason at once: a program without one of them, a flaw outside
the file, a tier beyond 1 to 3.

Source: the format `clearhouse-suite/1`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import cast

import yaml

from clearhouse.formats.canonical import Json

FORMAT = "clearhouse-suite/1"
BUNDLED = "clearhouse-cyber-1"
TIERS = (1, 2, 3)


class SuiteError(ValueError):
    """The suite cannot be used; the message lists every reason."""


class Kind(StrEnum):
    """What a task asks for."""

    FIND = "find"
    """Name the place and the class of the flaw."""
    PROVE = "prove"
    """Write a request that shows the flaw."""
    PATCH = "patch"
    """Change the program so that the flaw is gone and everything else stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Oracle:
    """What shows that a request has made use of the flaw."""

    secret: bool = False
    """The response holds a secret that is drawn for each run."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The response's fields match these regular expressions."""
    hang: bool = False
    """The program is still busy when its time is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One flawed program and what is known about it."""

    name: str
    about: str
    """The flaw in one sentence; never shown to a model."""
    tier: int
    minutes: int
    """What a skilled person needs to understand and fix it, as estimated by the author."""
    weaknesses: tuple[str, ...]
    """CWE ids that name the flaw's class, the best one first."""
    after: str
    """The published flaw that it re-enacts, or `own idea`."""
    function: str | None
    """Function with the flaw; None for the level of the module."""
    lines: tuple[int, int]
    """First and last line of the flaw."""
    files: Mapping[str, str]
    """Files below `/work/files`; `{secret}` stands for the run's secret."""
    given: str
    """What a person would see from outside and the program alone does not say."""
    oracle: Oracle
    vulnerable: str
    fixed: str
    proof: Json
    """A request that shows the flaw."""
    attacks: tuple[Json, ...]
    """Requests that must be harmless once it is fixed."""
    keeps: tuple[Json, ...]
    """Requests that a fix must go on answering as before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """Programs and the tasks that they make."""

    id: str
    version: int
    canary: str
    programs: Mapping[str, Program]

    @property
    def task_ids(self) -> tuple[str, ...]:
        """Every id that a complete run must hold."""
        return tuple(f"{name}.{kind}" for name in sorted(self.programs) for kind in Kind)

    def task(self, task_id: str) -> tuple[Program, Kind]:
        """Return the program and the kind of a task.

        Raises: SuiteError when the suite has no such task.
        """
        name, _, kind = task_id.rpartition(".")
        if name not in self.programs or kind not in set(Kind):
            raise SuiteError(f"the suite {self.id} has no task {task_id}")
        return self.programs[name], Kind(kind)


def bundled() -> Suite:
    """Return the suite that came with us.

    Raises: SuiteError.
    """
    installed = Path(str(files("clearhouse"))) / "suites"
    base = installed if installed.is_dir() else Path(__file__).parents[4] / "suites"
    return read(base / BUNDLED)


def read(folder: Path) -> Suite:
    """Read a suite from its folder.

    Raises: SuiteError.
    """
    head = _mapping(folder / "suite.yaml")
    if head.get("format") != FORMAT:
        raise SuiteError(f"{folder.name}: format is not {FORMAT}")
    names = head.get("programs")
    if not isinstance(names, list) or not names:
        raise SuiteError(f"{folder.name}: names no programs")
    programs, faults = {}, []
    for name in map(str, names):
        try:
            programs[name] = _read_program(folder / name)
        except SuiteError as error:
            faults.append(str(error))
    if faults:
        raise SuiteError("; ".join(faults))
    return Suite(
        id=str(head.get("id")),
        version=int(str(head.get("version"))),
        canary=str(head.get("canary")),
        programs=programs,
    )


def _read_program(folder: Path) -> Program:
    document = _mapping(folder / "program.yaml")
    try:
        sources = {
            side: (folder / f"{side}.py").read_text("utf-8") for side in ("vulnerable", "fixed")
        }
    except OSError as error:
        raise SuiteError(f"{folder.name}: {error.filename} cannot be read") from error
    return program_of(folder.name, document, sources)


def program_of(name: str, document: Mapping[str, object], sources: Mapping[str, str]) -> Program:
    """Return a program from its description and its two sources, `vulnerable` and `fixed`.

    Raises: SuiteError with every reason.
    """
    faults = [f"{name}: {fault}" for fault in _faults(document, sources)]
    if faults:
        raise SuiteError("; ".join(faults))
    flaw = cast("dict[str, object]", document["flaw"])
    first, last = cast("list[int]", flaw["lines"])
    oracle = cast("dict[str, object]", document["oracle"])
    return Program(
        name=name,
        about=str(document["about"]),
        tier=cast("int", document["tier"]),
        minutes=cast("int", document["minutes"]),
        weaknesses=tuple(map(str, cast("list[object]", document["weaknesses"]))),
        after=str(document.get("after", "own idea")),
        function=None if flaw.get("function") is None else str(flaw["function"]),
        lines=(first, last),
        files=cast("dict[str, str]", document.get("files") or {}),
        given=str(document.get("given") or ""),
        oracle=Oracle(
            secret=oracle.get("secret") is True,
            fields=cast("dict[str, str]", oracle.get("fields") or {}),
            hang=oracle.get("hang") is True,
        ),
        vulnerable=sources["vulnerable"],
        fixed=sources["fixed"],
        proof=cast("Json", document["proof"]),
        attacks=tuple(cast("list[Json]", document["attacks"])),
        keeps=tuple(cast("list[Json]", document["keeps"])),
    )


def _faults(document: Mapping[str, object], sources: Mapping[str, str]) -> Iterator[str]:
    for name in ("about", "tier", "minutes", "weaknesses", "flaw", "oracle", "proof", "attacks"):
        if not document.get(name):
            yield f"{name} is missing"
    if document.get("tier") not in TIERS:
        yield "tier is not 1, 2 or 3"
    for name in ("attacks", "keeps"):
        if not isinstance(document.get(name), list) or not document[name]:
            yield f"{name} lists no request"
    oracle = document.get("oracle")
    kinds = {"secret", "fields", "hang"}
    if not isinstance(oracle, dict) or len(kinds & oracle.keys()) != 1:
        yield "oracle is not one of secret, fields and hang"
    yield from _flaw_faults(document.get("flaw"), sources.get("vulnerable", ""))
    if sources.get("vulnerable") == sources.get("fixed"):
        yield "the fix changes nothing"


def _flaw_faults(flaw: object, source: str) -> Iterator[str]:
    lines = flaw.get("lines") if isinstance(flaw, dict) else None
    if not isinstance(lines, list) or len(lines) != 2:
        yield "flaw has no first and last line"
    elif not 1 <= lines[0] <= lines[1] <= len(source.splitlines()):
        yield "flaw lies outside the program"


def _mapping(path: Path) -> dict[str, object]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SuiteError(f"cannot read {path.parent.name}/{path.name}") from error
    if not isinstance(document, dict):
        raise SuiteError(f"{path.parent.name}/{path.name} is not a mapping")
    return cast("dict[str, object]", document)


def content_sha256(suite: Suite) -> str:
    """Hash everything that a suite's tasks are made of, in a fixed order."""
    digest = hashlib.sha256(f"{suite.id}/{suite.version}\n{suite.canary}\n".encode())
    for name in sorted(suite.programs):
        digest.update(repr(suite.programs[name]).encode())
    return digest.hexdigest()
