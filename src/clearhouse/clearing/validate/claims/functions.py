"""Say whether a cited function exists, and in the cited file.

It HOLDS where the syntax tree of the cited file defines it. It is CONTRADICTED only when its name
occurs nowhere: not in any text of the claimed version or the newest one, not nearly, not in the
history where there is one, and not in the dependency that would define it. Whatever is found at
another place is UNCHECKABLE, with the neighbour named.
"""

import re
from collections.abc import Iterator

from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.cited import Citation, Origin
from clearhouse.clearing.validate.claims.elsewhere import Elsewhere
from clearhouse.clearing.validate.claims.near import near_name
from clearhouse.clearing.validate.claims.places import NOT_SHIPPED, find
from clearhouse.clearing.validate.claims.symbols import Definition, outline
from clearhouse.clearing.validate.claims.syntax import language_of
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_NO_NAME = re.compile(r"<[^<>]*>|\.(?:isra|part|constprop|cold|llvm)(?:\.\d+)*\b|@@?[\w.]+$")
"""What compilers and interpreters put around names."""
_MIN_NAME = 5
_MAX_PARSED = 40
"""Files that are parsed to find where a name is defined."""
_INTERPRETED = (".py", ".js", ".cjs", ".mjs", ".ts")
_SILENT = {Origin.PROSE, Origin.FRAME}
"""Origins that are reported only when looking gave something."""


def name_of(stated: str | None) -> str | None:
    """Return the last name of `Class.method(argument)`; None when there is none."""
    names = _IDENTIFIER.findall(_NO_NAME.sub("", stated or "").split("(")[0])
    return names[-1] if names else None


def check_function(
    cited: Citation, claimed: SourceTree, newest: SourceTree, elsewhere: Elsewhere
) -> Iterator[ClaimCheck]:
    """Look a cited function up."""
    stated = cited.function or ""
    name = name_of(stated)
    if name is None:
        if cited.origin is Origin.STATED:
            yield uncheckable(Claim.SYMBOL, stated, "Not the name of a function.")
        return
    claim = Claim.FRAME if cited.origin is Origin.FRAME else Claim.SYMBOL
    found = _defined(cited, name, claimed, own_frame=elsewhere.names.is_own(name))
    if found is not None:
        yield holds(claim, stated, *found)
        return
    open_words = _found_elsewhere(name, claimed, newest, elsewhere)
    if open_words is None:
        reason = why_open(cited, claimed, elsewhere)
        if reason is None:
            yield contradicted(claim, stated, _denial(elsewhere), _searched(claimed, newest))
            return
        open_words = None if cited.origin in _SILENT else reason
    elif cited.origin in _SILENT and not open_words.startswith("Not there; similar"):
        return
    if open_words is not None:
        yield uncheckable(claim, stated, open_words, claimed.place)


def unsettled(cited: Citation, claimed: SourceTree, newest: SourceTree) -> str | None:
    """Return the name that only history or a dependency can settle, or None when nothing is."""
    name = name_of(cited.function)
    if name is None or len(name) < _MIN_NAME or _defined(cited, name, claimed) is not None:
        return None
    return None if _in_trees(name, claimed, newest) else name


def _defined(
    cited: Citation, name: str, claimed: SourceTree, *, own_frame: bool = False
) -> tuple[str, str] | None:
    """Return reason and place when the name is defined where the report says."""
    path = None if cited.file is None else find(cited.file, claimed)
    if path is not None and path in claimed.files:
        one = definition(path, name, claimed)
        if one is None:
            return None
        place = f"{claimed.place}: {path}"
        if cited.line is not None and one.first_line <= cited.line <= one.last_line:
            return "Defined in the cited file, around the cited line.", place
        return "Defined in the cited file.", place
    own = cited.file is None if cited.origin is not Origin.FRAME else own_frame
    if not own:
        return None
    where = defining_file(name, claimed)
    return None if where is None else ("Defined in the source.", f"{claimed.place}: {where}")


def definition(path: str, name: str, tree: SourceTree) -> Definition | None:
    """Return the first definition of a name in a file, functions before others."""
    found = outline(path, tree.files.get(path, ""))
    named = () if found is None else found.named(name)
    return min(named, key=lambda one: not one.is_function, default=None)


def defining_file(name: str, tree: SourceTree) -> str | None:
    """Return the first file that defines a name, the likely ones looked at first."""
    likely = re.compile(rf"^[^\n;=#/*]*\b{re.escape(name)}\b[^\n;]*$", re.MULTILINE)
    holding = [path for path in tree.holding(name) if language_of(path) is not None]

    def rank(path: str) -> tuple[bool, bool]:
        aside = not NOT_SHIPPED.isdisjoint(path.lower().split("/"))
        return likely.search(tree.files[path]) is None, aside

    for path in sorted(holding, key=rank)[:_MAX_PARSED]:
        if definition(path, name, tree) is not None:
            return path
    return None


def _in_trees(name: str, claimed: SourceTree, newest: SourceTree) -> str | None:
    """Say where in the trees a name, or one nearly like it, occurs; None when nowhere."""
    if name in claimed.identifiers:
        where = defining_file(name, claimed)
        return f"Defined in {where}." if where else "Occurs in the source, in another place."
    if name in newest.identifiers:
        return f"Not in {claimed.place}, but in {newest.place}."
    near = near_name(name, claimed.identifiers)
    return f"Not there; similar: {near}." if near else None


def _found_elsewhere(
    name: str, claimed: SourceTree, newest: SourceTree, elsewhere: Elsewhere
) -> str | None:
    """Say where a name occurs, in the trees or beyond them; None when nowhere."""
    found = _in_trees(name, claimed, newest)
    if found is not None:
        return found
    past = None if elsewhere.history is None else elsewhere.history.names.get(name)
    if past is not None:
        return f"Not in {claimed.place}; in its history: {past}."
    other = elsewhere.dependencies.get(name)
    return None if other is None else f"Not in the target, but in {other}."


def why_open(cited: Citation, claimed: SourceTree, elsewhere: Elsewhere) -> str | None:
    """Say why a name that was found nowhere may still exist; None when it cannot."""
    name = name_of(cited.function) or ""
    if len(name) < _MIN_NAME:
        return "Not found; the name is too short to be sure."
    interpreted = (cited.file or "").endswith(_INTERPRETED)
    if claimed.compiled and not interpreted:
        return "Not found; compiled parts carry no source."
    if claimed.whole and (elsewhere.history is None or elsewhere.history.names_searched is None):
        return "Not found; the history could not be searched whole."
    return _why_anothers(cited, name, claimed, elsewhere)


def _why_anothers(
    cited: Citation, name: str, claimed: SourceTree, elsewhere: Elsewhere
) -> str | None:
    """Say why the name may be another project's; None when it cannot be."""
    owner = elsewhere.names.dependency(name)
    if owner is not None:
        looked_at = owner in elsewhere.dependencies_searched
        return None if looked_at else f"Not found; it would be defined by {owner}."
    if elsewhere.names.is_own(name):
        return None
    if cited.origin is Origin.PROSE:
        return "Not found; the text does not say whose function it is."
    in_target = cited.file is not None and find(cited.file, claimed) is not None
    if in_target:
        return None
    return "Not found; it may belong to a dependency, whose source was not looked at."


def _denial(elsewhere: Elsewhere) -> str:
    parts = ["The name occurs nowhere in the source, nor anything like it"]
    if elsewhere.history is not None and elsewhere.history.names_searched is not None:
        parts.append(f"nor in {elsewhere.history.names_searched}")
    if elsewhere.dependencies_searched:
        parts.append(f"nor in {', '.join(elsewhere.dependencies_searched)}")
    return ", ".join(parts) + "."


def _searched(claimed: SourceTree, newest: SourceTree) -> str:
    same = claimed.place == newest.place
    return claimed.place if same else f"{claimed.place} and {newest.place}"
