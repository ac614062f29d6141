"""Read the `patch` part of a bundle: what the patch is, where it applies, and what must pass.

In comes the part as plain values; out comes a `PatchPlan`. A patch is a unified diff among the
bundle's files, or the rule "the difference of these files between two published archives", which
copies nothing. A bundle that builds a Debian package with and without its own patches needs to
state neither. Refused, with every reason at once: archives without a digest, commands that are no
list, tests whose files are not in the bundle, package URLs that are none.

Source: the format `clearhouse-bundle/1`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from clearhouse.clearing.validate.reproduce.archive import Archive, archive_faults
from clearhouse.formats.purl import Purl, PurlError
from clearhouse.formats.purl import parse as parse_purl

_PROGRAMS = {"python", "python3", "node", "program"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A patch stated as a rule."""

    archive: Archive
    """Source of the version that holds the fix."""
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRun:
    """One command run inside the project's source tree."""

    run: tuple[str, ...]
    path: tuple[str, ...]
    """Folders of the source where its modules are; the top when empty."""
    needs: tuple[Purl, ...]
    """Packages that the command itself needs, such as the project's test runner."""
    files: tuple[str, ...]
    """Files of the bundle that are laid into the source first."""
    compiled: tuple[str, ...]
    """Patterns of source files that make the command `program`, for compiled targets."""
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PatchPlan:
    """One patch and how it is judged."""

    base: str | None
    """Version that the patch applies to; None for the bundle's vulnerable one."""
    source: Archive | None
    """Source of that version; None for a compiled target, whose build names it."""
    diff: str | None
    """File of the bundle with a unified diff."""
    difference: Difference | None
    tests: CheckRun | None
    """The project's own tests."""
    regression: CheckRun | None
    """A test that fails before the patch and passes after it."""


def read_plan(stated: object) -> PatchPlan | None:
    """Read a part that `plan_faults` found nothing wrong with; None when there is none."""
    if not isinstance(stated, dict):
        return None
    rule = stated.get("difference")
    return PatchPlan(
        base=None if stated.get("base") is None else str(stated["base"]),
        source=_archive(stated.get("source")),
        diff=None if stated.get("diff") is None else str(stated["diff"]),
        difference=_difference(rule) if isinstance(rule, dict) else None,
        tests=_check(stated.get("tests")),
        regression=_check(stated.get("regression")),
    )


def plan_faults(stated: object, files: Mapping[str, bytes]) -> Iterator[str]:
    """Collect everything that is wrong with a `patch` part."""
    if stated is None:
        return
    if not isinstance(stated, dict):
        yield "patch is not a mapping"
        return
    if stated.get("source") is not None:
        yield from archive_faults(stated["source"], "patch's source")
    if stated.get("diff") is not None and str(stated["diff"]) not in files:
        yield "patch's diff is not in the bundle"
    rule = stated.get("difference")
    if rule is not None:
        with_, named = (rule.get(one) for one in ("with", "files")) if _is_map(rule) else (None, 0)
        yield from archive_faults(with_, "patch's difference")
        if not isinstance(named, list) or not named or not all(_inside(one) for one in named):
            yield "patch's difference names no files inside the source"
    if stated.get("diff") is not None and rule is not None:
        yield "patch states both a diff and a difference"
    for name in ("tests", "regression"):
        yield from _check_faults(name, stated.get(name), files)


def _check_faults(name: str, stated: object, files: Mapping[str, bytes]) -> Iterator[str]:
    if stated is None:
        return
    if not isinstance(stated, dict):
        yield f"patch's {name} is not a mapping"
        return
    command = stated.get("run")
    if not isinstance(command, list) or not command or str(command[0]) not in _PROGRAMS:
        yield f"patch's {name} is not run by {', '.join(sorted(_PROGRAMS))}"
    if any(str(one) not in files for one in _items(stated, "files")):
        yield f"patch's {name} lays out a file that is not in the bundle"
    if not all(_inside(one) for key in ("path", "compiled") for one in _items(stated, key)):
        yield f"patch's {name} names a place outside the source"
    for one in _items(stated, "needs"):
        try:
            parse_purl(str(one))
        except PurlError:
            yield f"patch's {name} needs something that is no package URL"


def _difference(rule: Mapping[str, object]) -> Difference | None:
    archive = _archive(rule.get("with"))
    return None if archive is None else Difference(archive=archive, files=_words(rule, "files"))


def _check(stated: object) -> CheckRun | None:
    if not isinstance(stated, dict):
        return None
    return CheckRun(
        run=_words(stated, "run"),
        path=_words(stated, "path"),
        needs=tuple(parse_purl(one) for one in _words(stated, "needs")),
        files=_words(stated, "files"),
        compiled=_words(stated, "compiled"),
        options=_words(stated, "options"),
    )


def _archive(stated: object) -> Archive | None:
    if not isinstance(stated, dict):
        return None
    return Archive(file=str(stated["file"]), sha256=str(stated["sha256"]))


def _inside(path: object) -> bool:
    parts = PurePosixPath(str(path)).parts
    return parts[:1] != ("/",) and ".." not in parts


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _items(stated: Mapping[str, object], name: str) -> list[object]:
    value = stated.get(name)
    return value if isinstance(value, list) else []


def _words(stated: Mapping[str, object], name: str) -> tuple[str, ...]:
    return tuple(str(one) for one in _items(stated, name))
