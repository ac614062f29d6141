"""Say whether cited files, functions, lines and snippets exist in the released source.

In come a draft and the trees of the claimed release and of the newest one; out come checks. A
release is what users install, which can lack what the repository has (tests, build scripts, the
source of compiled parts), so absence alone is not enough: a file is CONTRADICTED when its folder is
one that releases carry whole, and neither it nor anything like it is anywhere; a function when its
name occurs nowhere in any readable file, and nothing nearly like it does. Whatever is found at
another place or under a similar name is UNCHECKABLE, with the neighbour named.
"""

import ast
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_TESTS = {"test", "tests", "testing", "spec", "specs", "__tests__", "fuzz", "examples", "docs"}
_NEAR_NAME, _NEAR_PATH = 0.82, 0.85
_MIN_NAME = 5
_BEYOND_LINES = 20
"""Lines past the end of a file that packaging may still explain."""
_MIN_SNIPPET = 12


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """The readable files of one release."""

    version: str
    files: Mapping[str, str]
    """Path inside the release to text."""
    others: Mapping[str, str]
    """Readable files of what it depends on."""
    compiled: bool
    """True when it has parts whose source a release does not carry."""

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every identifier in every readable file, of the release and of its companions."""
        texts = (*self.files.values(), *self.others.values())
        return frozenset(name for text in texts for name in _IDENTIFIER.findall(text))

    @property
    def place(self) -> str:
        """How checks name this tree."""
        return f"release {self.version}"


def check_source(draft: Draft, claimed: SourceTree, newest: SourceTree) -> Iterator[ClaimCheck]:
    """Look up every cited place."""
    for location in draft.locations:
        if location.file:
            yield _file(location.file, claimed, newest)
        if location.function:
            yield _function(location, claimed, newest)
        if location.file and location.line is not None:
            yield from _line(location.file, location.line, claimed)
        if location.snippet and len(location.snippet.strip()) >= _MIN_SNIPPET:
            yield _snippet(location.snippet, claimed)


def find(path: str, tree: SourceTree) -> str | None:
    """Return the file of a tree that a path means: the same, or the only one that ends like it."""
    path = path.strip().removeprefix("./").lstrip("/")
    if path in tree.files:
        return path
    endings = [name for name in tree.files if name.endswith(f"/{path}")]
    if len(endings) == 1:
        return endings[0]
    top, _, rest = path.partition("/")
    if rest in tree.files and top.lower() not in _TESTS:  # `src/x/y.py` or `project-1.0/x/y.py`
        return rest
    return None


def _file(path: str, claimed: SourceTree, newest: SourceTree) -> ClaimCheck:
    found = find(path, claimed)
    if found is not None:
        return holds(Claim.FILE, path, "The file is in the release.", f"{claimed.place}: {found}")
    elsewhere = find(path, newest)
    if elsewhere is not None:
        return uncheckable(
            Claim.FILE, path, f"Not in {claimed.place}, but in {newest.place}.", newest.place
        )
    neighbour = _near_path(path, claimed)
    if neighbour is not None:
        return uncheckable(Claim.FILE, path, f"Not there; similar: {neighbour}.", claimed.place)
    if not _carried_whole(path, claimed):
        return uncheckable(
            Claim.FILE, path, "Not in the release, which need not carry it.", claimed.place
        )
    return contradicted(
        Claim.FILE,
        path,
        "No such file, and nothing like it, in a folder that releases carry whole.",
        f"{claimed.place} and {newest.place}",
    )


def _near_path(path: str, tree: SourceTree) -> str | None:
    name = PurePosixPath(path).name
    for other in tree.files:
        if PurePosixPath(other).name == name:
            return other
    found = difflib.get_close_matches(path, tree.files, n=1, cutoff=_NEAR_PATH)
    return found[0] if found else None


def _carried_whole(path: str, tree: SourceTree) -> bool:
    """Say whether releases carry all files of this kind in this folder."""
    parsed = PurePosixPath(path.strip().removeprefix("./"))
    if {part.lower() for part in parsed.parts} & _TESTS or len(parsed.parts) < 2:
        return False
    top = parsed.parts[0]
    siblings = [
        name
        for name in tree.files
        if name.startswith(f"{top}/") and PurePosixPath(name).suffix == parsed.suffix
    ]
    return parsed.suffix in {".py", ".js", ".cjs", ".mjs"} and len(siblings) >= 3


def _function(location: Location, claimed: SourceTree, newest: SourceTree) -> ClaimCheck:
    stated = location.function or ""
    names = _IDENTIFIER.findall(stated.split("(")[0])
    if not names:
        return uncheckable(Claim.SYMBOL, stated, "Not the name of a function.")
    name = names[-1]
    found = find(location.file, claimed) if location.file else None
    if found is not None and name in _defined(found, claimed.files[found]):
        return holds(
            Claim.SYMBOL, stated, "Defined in the cited file.", f"{claimed.place}: {found}"
        )
    seen = _seen_elsewhere(name, claimed, newest)
    if seen is not None:
        return uncheckable(Claim.SYMBOL, stated, seen, claimed.place)
    interpreted = (location.file or "").endswith((".py", ".js", ".cjs", ".mjs"))
    if len(name) < _MIN_NAME or (claimed.compiled and not interpreted):
        return uncheckable(
            Claim.SYMBOL, stated, "Not found; compiled parts carry no source.", claimed.place
        )
    return contradicted(
        Claim.SYMBOL,
        stated,
        "The name occurs nowhere in the release or in what it depends on, nor anything like it.",
        f"{claimed.place} and {newest.place}",
    )


def _seen_elsewhere(name: str, claimed: SourceTree, newest: SourceTree) -> str | None:
    """Say where a name, or one nearly like it, occurs; None when nowhere."""
    if name in claimed.identifiers:
        return "Occurs in the release, in another place."
    if name in newest.identifiers:
        return f"Not in {claimed.place}, but in {newest.place}."
    near = difflib.get_close_matches(name, claimed.identifiers, n=1, cutoff=_NEAR_NAME)
    return f"Not there; similar: {near[0]}." if near else None


def _defined(path: str, text: str) -> frozenset[str]:
    """Return the names that a file defines: parsed for Python, by its spelling otherwise."""
    if path.endswith(".py"):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return frozenset()
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))
    found = re.findall(
        r"(?:function\s*\*?\s+|class\s+|(?:const|let|var)\s+|\.|^\s*)([A-Za-z_$][\w$]*)"
        r"\s*(?:=\s*(?:async\s*)?(?:function|\(|[\w$]+\s*=>)|\([^()\n]*\)\s*\{|\{|\()",
        text,
        re.MULTILINE,
    )
    return frozenset(found)


def _line(path: str, line: int, claimed: SourceTree) -> Iterator[ClaimCheck]:
    found = find(path, claimed)
    if found is None:
        return
    count = claimed.files[found].count("\n") + 1
    subject, place = f"{path}:{line}", f"{claimed.place}: {found}"
    if 1 <= line <= count:
        yield holds(Claim.LINE, subject, "The file has such a line.", place)
    elif line > count + _BEYOND_LINES:
        yield contradicted(Claim.LINE, subject, f"The file ends at line {count}.", place)
    else:
        yield uncheckable(Claim.LINE, subject, f"The file ends at line {count}.", place)


def _snippet(snippet: str, claimed: SourceTree) -> ClaimCheck:
    wanted = "".join(snippet.split())
    for name, text in claimed.files.items():
        if wanted in "".join(text.split()):
            return holds(
                Claim.SNIPPET, snippet, "Stands in the release.", f"{claimed.place}: {name}"
            )
    return uncheckable(
        Claim.SNIPPET,
        snippet,
        "Not found as it is quoted; quotes are often shortened.",
        claimed.place,
    )
