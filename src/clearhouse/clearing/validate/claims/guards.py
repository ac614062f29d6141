"""Point at a check above the cited line that leaves the function before the line is reached.

A hint for the analyst and a question to the reporter, never a contradiction: the check may test the
wrong thing. It is named when it stands in front of the line in the same function, so that every way
to the line passes it, ends in leaving, compares something or measures a size, and shares a name
with the line.
"""

import re
from collections.abc import Iterator

from tree_sitter import Node

from clearhouse.clearing.validate.claims.answer import uncheckable
from clearhouse.clearing.validate.claims.cited import Citation, Origin
from clearhouse.clearing.validate.claims.places import find
from clearhouse.clearing.validate.claims.syntax import parse, text_of, walk
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_REACH = 15
"""Lines above the cited one in which a check is looked for."""
_FUNCTIONS = ("function", "method", "constructor")
_NAMES = {"identifier", "field_identifier", "property_identifier"}
_LEAVES = {
    "return_statement", "goto_statement", "throw_statement", "raise_statement", "break_statement",
    "continue_statement", "return_expression", "continue_expression", "break_expression",
}  # fmt: skip
_MEASURES = re.compile(r"[<>]|\bsizeof\b|\bstrn?len\b|\blen\b|\.length\b|\bsize\b|\bisinstance\b")
_COMMON = {"i", "n", "s", "p", "self", "this", "data", "return", "size", "len"}


def check_guard(cited: Citation, claimed: SourceTree) -> Iterator[ClaimCheck]:
    """Name the nearest check in front of the cited line."""
    path = find(cited.file or "", claimed)
    if path is None or cited.line is None or cited.origin is Origin.FRAME:
        return
    text = claimed.files.get(path, "")
    parsed = parse(path, text)
    lines = text.splitlines()
    if parsed is None or not 1 <= cited.line <= len(lines):
        return
    guard = guard_before(parsed.root, cited.line, lines[cited.line - 1])
    if guard is not None:
        above = cited.line - guard.start_point.row - 1
        condition = " ".join(text_of(guard.child_by_field_name("condition")).split())
        yield uncheckable(
            Claim.GUARD,
            f"{cited.file}:{cited.line}",
            f"A check {above} lines above leaves before this line: {condition[:120]}. "
            "Does it hold here?",
            f"{claimed.place}: {path}",
        )


def guard_before(root: Node, line: int, words: str) -> Node | None:
    """Return the nearest `if` that every way to a line (1-based) passes and that may leave.

    `words` is the text of the line.
    """
    start = len(words.encode()) - len(words.encode().lstrip())
    end = max(start, len(words.encode().rstrip()) - 1)
    node = root.descendant_for_point_range((line - 1, start), (line - 1, end))
    used = frozenset(_names(node, line - 1)) - _COMMON
    while node is not None and not any(word in node.type for word in _FUNCTIONS):
        before = node.prev_named_sibling
        while before is not None and line - 1 - before.end_point.row <= _REACH:
            found = next((one for one in _chain(before) if _is_guard(one, used)), None)
            if found is not None and before.end_point.row < line - 1:
                return found
            before = before.prev_named_sibling
        node = node.parent
    return None


def _names(node: Node | None, row: int | None = None) -> Iterator[str]:
    """Give the names inside a node, or those of them that stand on one row."""
    for one in walk(node) if node is not None else ():
        if one.type in _NAMES and row in {None, one.start_point.row}:
            yield text_of(one)


def _chain(node: Node) -> Iterator[Node]:
    """Give an `if` and the `else if` that follow it."""
    if node.type == "expression_statement" and node.named_children:
        node = node.named_children[0]  # Rust
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.type in {"else_clause", "elif_clause"} or one.type.startswith("if"):
            waiting.extend(reversed(one.children_by_field_name("alternative")))
            waiting.extend(one.named_children if one.type == "else_clause" else ())
            yield one


def _is_guard(node: Node, used: frozenset[str]) -> bool:
    condition = node.child_by_field_name("condition")
    body = node.child_by_field_name("consequence")
    if condition is None or body is None:
        return False
    measured = _MEASURES.search(text_of(condition)) is not None
    return measured and bool(used.intersection(_names(condition))) and _leaves(body)


def _leaves(body: Node) -> bool:
    """Say whether a body ends in leaving."""
    if body.type in _LEAVES:
        return True
    inside = [one for one in body.named_children if one.type != "comment"]
    if not inside:
        return False
    last = inside[-1]
    if last.type == "expression_statement" and last.named_children:
        last = last.named_children[0]
    return last.type in _LEAVES
