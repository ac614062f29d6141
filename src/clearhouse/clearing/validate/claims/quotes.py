"""Say whether a quoted snippet stands in the source, whatever its spacing.

Never CONTRADICTED: quotes are shortened, renamed and pretty-printed. Pieces between marks of
omission are looked up one by one.
"""

import re
from collections.abc import Iterator

from clearhouse.clearing.validate.claims.answer import holds, uncheckable
from clearhouse.clearing.validate.claims.cited import Citation
from clearhouse.clearing.validate.claims.places import find
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_MIN_SNIPPET = 12
_OMISSION = re.compile(
    r"^\s*(?:\.\.\.|…|//\s*\.\.\.|#\s*\.\.\.|/\*\s*\.\.\.\s*\*/)\s*$", re.MULTILINE
)
_MARGIN = re.compile(r"^\s*\d+\s*[:|]\s?", re.MULTILINE)


def check_snippet(cited: Citation, claimed: SourceTree, newest: SourceTree) -> Iterator[ClaimCheck]:
    """Look a quoted snippet up."""
    snippet = cited.snippet or ""
    if len(snippet.strip()) < _MIN_SNIPPET:
        return
    place = _place(cited, snippet, claimed)
    if place is not None:
        yield holds(Claim.SNIPPET, snippet, "Stands in the source.", f"{claimed.place}: {place}")
        return
    later = _place(cited, snippet, newest)
    reason = (
        f"Not in {claimed.place}, but in {newest.place}: {later}."
        if later is not None
        else "Not found as it is quoted; quotes are often shortened."
    )
    yield uncheckable(Claim.SNIPPET, snippet, reason, claimed.place)


def _place(cited: Citation, snippet: str, tree: SourceTree) -> str | None:
    """Return the file that has all pieces of a snippet, the cited one first."""
    own = find(cited.file, tree) if cited.file else None
    order = ([own] if own in tree.files else []) + [path for path in tree.files if path != own]
    for text in dict.fromkeys((snippet, _MARGIN.sub("", snippet))):
        pieces = [one for part in _OMISSION.split(text) if (one := _squeeze(part))]
        for path in order:
            if path is not None and pieces and _has_all(pieces, tree.files[path]):
                return path
    return None


def _has_all(pieces: list[str], text: str) -> bool:
    squeezed = _squeeze(text)
    return all(piece in squeezed for piece in pieces)


def _squeeze(text: str) -> str:
    return "".join(text.split())
