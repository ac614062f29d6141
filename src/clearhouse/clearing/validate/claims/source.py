"""Look everything that a report cites up in the source.

In come a draft, the trees of the claimed version and of the newest one, and what was found
elsewhere; out come checks. `open_questions` says beforehand what the trees do not settle, so that
only that is looked for in history and dependencies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.cited import Citation, Origin, citations
from clearhouse.clearing.validate.claims.elsewhere import NOWHERE, Elsewhere
from clearhouse.clearing.validate.claims.functions import check_function, unsettled
from clearhouse.clearing.validate.claims.guards import check_guard
from clearhouse.clearing.validate.claims.interfaces import check_interfaces
from clearhouse.clearing.validate.claims.past import all_commits, check_past
from clearhouse.clearing.validate.claims.places import check_file, check_line, find, plain
from clearhouse.clearing.validate.claims.proofs import check_proofs
from clearhouse.clearing.validate.claims.quotes import check_snippet
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import ClaimCheck

__all__ = ["Questions", "SourceTree", "check_source", "find", "open_questions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Questions:
    """What the trees of a target do not settle."""

    names: tuple[str, ...]
    paths: tuple[str, ...]
    commits: tuple[str, ...]


def open_questions(draft: Draft, claimed: SourceTree, newest: SourceTree) -> Questions:
    """Say what only history or dependencies can settle."""
    cited = citations(draft)
    names = (unsettled(one, claimed, newest) for one in cited)
    paths = (
        plain(one.file)
        for one in cited
        if one.file and one.origin is not Origin.FRAME and find(one.file, claimed) is None
    )
    return Questions(
        names=tuple(dict.fromkeys(name for name in names if name is not None)),
        paths=tuple(dict.fromkeys(paths)),
        commits=all_commits(draft),
    )


def check_source(
    draft: Draft,
    claimed: SourceTree,
    newest: SourceTree,
    elsewhere: Elsewhere = NOWHERE,
) -> Iterator[ClaimCheck]:
    """Look up every cited place, call, commit and proof."""
    for cited in citations(draft):
        yield from _place(cited, claimed, newest, elsewhere)
    yield from check_interfaces(draft, claimed, newest)
    yield from check_proofs(draft, claimed, elsewhere.names)
    if elsewhere.history is not None:
        yield from check_past(draft, elsewhere.history)


def _place(
    cited: Citation, claimed: SourceTree, newest: SourceTree, elsewhere: Elsewhere
) -> Iterator[ClaimCheck]:
    if cited.file:
        yield from check_file(cited, claimed, newest, elsewhere)
    if cited.function:
        yield from check_function(cited, claimed, newest, elsewhere)
    if cited.file and cited.line is not None:
        yield from check_line(cited, claimed, newest)
        yield from check_guard(cited, claimed)
    if cited.snippet:
        yield from check_snippet(cited, claimed, newest)
