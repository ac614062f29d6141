"""Say whether a cited file, and a line of it, is in the source.

A release is what users install, which can lack what the repository has, so there a file is
CONTRADICTED only when its folder is one that releases carry whole. In a repository it is when no
commit ever had the path. Never when the same name stands in another folder of the same version,
when the name is nearly that of a neighbour, or when some file speaks of it, as build files do of
files that are generated.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.cited import Citation, Origin
from clearhouse.clearing.validate.claims.elsewhere import Elsewhere
from clearhouse.clearing.validate.claims.near import near_path
from clearhouse.clearing.validate.claims.syntax import language_of
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import Claim, ClaimCheck

NOT_SHIPPED = frozenset(
    {"test", "tests", "testing", "spec", "specs", "__tests__", "fuzz", "examples", "docs"}
)
_RELEASED_WHOLE = {".py", ".js", ".cjs", ".mjs"}
_MIN_SIBLINGS = 3
_BEYOND_LINES = 20
"""Lines past the end of a file that packaging may still explain."""


def plain(path: str) -> str:
    """Return a path as trees write it."""
    return path.strip().replace("\\", "/").removeprefix("./").lstrip("/")


def find(path: str, tree: SourceTree) -> str | None:
    """Return the path of a tree that a cited path means.

    The same; the only one that ends like it; or what is left of it without leading folders, as
    build machines and archives put some before it.
    """
    path = plain(path)
    if path in tree.paths:
        return path
    endings = [name for name in tree.paths if name.endswith(f"/{path}")]
    if len(endings) == 1:
        return endings[0]
    parts = path.split("/")
    for start in range(1, len(parts)):
        rest = "/".join(parts[start:])
        deep = start < len(parts) - 1
        if rest in tree.paths and (deep or parts[0].lower() not in NOT_SHIPPED):
            return rest if deep or start == 1 else None
    return None


def check_file(
    cited: Citation, claimed: SourceTree, newest: SourceTree, elsewhere: Elsewhere
) -> Iterator[ClaimCheck]:
    """Look a cited file up."""
    path = cited.file or ""
    found = find(path, claimed)
    if found is not None:
        yield holds(Claim.FILE, path, "The file is there.", f"{claimed.place}: {found}")
        return
    if cited.origin is Origin.FRAME:
        return  # a frame may be in any library
    neighbour = _neighbour(path, claimed, newest, elsewhere)
    if neighbour is not None:
        yield uncheckable(Claim.FILE, path, neighbour, claimed.place)
    elif not can_deny(path, claimed, elsewhere):
        yield uncheckable(
            Claim.FILE, path, "Not there; the place looked at need not have it.", claimed.place
        )
    else:
        where = "and no commit ever had this path" if claimed.whole else "nor anything like it"
        yield contradicted(
            Claim.FILE,
            path,
            f"No such file in a folder that is here whole, {where}.",
            _places(claimed, newest),
        )


def _neighbour(
    path: str, claimed: SourceTree, newest: SourceTree, elsewhere: Elsewhere
) -> str | None:
    """Say what the path may mean instead; None when there is nothing like it."""
    if find(path, newest) is not None:
        return f"Not in {claimed.place}, but in {newest.place}."
    past = None if elsewhere.history is None else elsewhere.history.paths.get(plain(path))
    if past is not None:
        return f"Not in {claimed.place}; {past}."
    near = near_path(plain(path), claimed.paths)
    if near is not None:
        return f"Not there; similar: {near}."
    name = PurePosixPath(path).name
    speaking = claimed.holding(name)
    return f"Not there; {speaking[0]} speaks of {name}." if speaking else None


def can_deny(path: str, claimed: SourceTree, elsewhere: Elsewhere) -> bool:
    """Say whether this tree would have the file if it existed."""
    parsed = PurePosixPath(plain(path))
    if {part.lower() for part in parsed.parts} & NOT_SHIPPED or len(parsed.parts) < 2:
        return False
    siblings = [
        name
        for name in claimed.paths
        if name.startswith(f"{parsed.parts[0]}/") and PurePosixPath(name).suffix == parsed.suffix
    ]
    if claimed.whole:
        history = elsewhere.history
        searched = history is not None and plain(path) in history.paths
        return searched and bool(siblings) and language_of(path) is not None
    return parsed.suffix in _RELEASED_WHOLE and len(siblings) >= _MIN_SIBLINGS


def check_line(cited: Citation, claimed: SourceTree, newest: SourceTree) -> Iterator[ClaimCheck]:
    """Say whether the cited file is long enough for the cited line."""
    path, line = cited.file or "", cited.line
    found = find(path, claimed)
    if found is None or line is None or found not in claimed.files:
        return
    if cited.origin is Origin.FRAME and "/" not in plain(path):
        return  # any library may have a file of this name
    count = claimed.files[found].count("\n") + 1
    subject, place = f"{path}:{line}", f"{claimed.place}: {found}"
    if 1 <= line <= count:
        yield holds(Claim.LINE, subject, "The file has such a line.", place)
    elif line <= count + _BEYOND_LINES:
        yield uncheckable(Claim.LINE, subject, f"The file ends at line {count}.", place)
    elif line <= _length(path, newest):
        yield uncheckable(
            Claim.LINE, subject, f"Ends at line {count}, but is longer in {newest.place}.", place
        )
    else:
        yield contradicted(Claim.LINE, subject, f"The file ends at line {count}.", place)


def _length(path: str, tree: SourceTree) -> int:
    found = find(path, tree)
    return 0 if found is None else tree.files.get(found, "").count("\n") + 1


def _places(claimed: SourceTree, newest: SourceTree) -> str:
    same = claimed.place == newest.place
    return claimed.place if same else f"{claimed.place} and {newest.place}"
