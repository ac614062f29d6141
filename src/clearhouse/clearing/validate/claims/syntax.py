"""Read source text into a syntax tree, so that comments and strings define nothing.

In come a path, which tells the language, and text; out comes the tree, or None for a language that
is not read or a text that is too large. Nothing is run, and a text that does not parse gives a tree
with errors in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import PurePosixPath

import tree_sitter_c
import tree_sitter_cpp
import tree_sitter_go
import tree_sitter_java
import tree_sitter_javascript
import tree_sitter_python
import tree_sitter_rust
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

MAX_CHARS = 2 << 20

_GRAMMARS: dict[str, Callable[[], object]] = {
    "c": tree_sitter_c.language,
    "cpp": tree_sitter_cpp.language,
    "go": tree_sitter_go.language,
    "java": tree_sitter_java.language,
    "javascript": tree_sitter_javascript.language,
    "python": tree_sitter_python.language,
    "rust": tree_sitter_rust.language,
    "tsx": tree_sitter_typescript.language_tsx,
    "typescript": tree_sitter_typescript.language_typescript,
}
_SUFFIXES = {
    ".c": "c", ".h": "c",
    ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hh": "cpp", ".hpp": "cpp", ".hxx": "cpp",
    ".go": "go",
    ".java": "java",
    ".js": "javascript", ".cjs": "javascript", ".mjs": "javascript", ".jsx": "javascript",
    ".py": "python", ".pyi": "python",
    ".rs": "rust",
    ".ts": "typescript", ".cts": "typescript", ".mts": "typescript", ".tsx": "tsx",
}  # fmt: skip


def language_of(path: str) -> str | None:
    """Return the language that a path's ending names, or None when it is none that is read."""
    return _SUFFIXES.get(PurePosixPath(path).suffix.lower())


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A syntax tree and the language it was read as."""

    language: str
    root: Node

    @property
    def whole(self) -> bool:
        """False when the text has what the grammar takes for errors."""
        return not self.root.has_error


def parse(path: str, text: str) -> Parsed | None:
    """Return the syntax tree of a file; None when its language is not read or it is too large."""
    name = language_of(path)
    if name is None or len(text) > MAX_CHARS:
        return None
    parsed = _parsed(name, text)
    if name == "c" and path.endswith(".h") and not parsed.whole:
        other = _parsed("cpp", text)
        return other if other.whole else parsed
    return parsed


def text_of(node: Node | None) -> str:
    """Return the source text of a node; empty when there is none."""
    return "" if node is None else (node.text or b"").decode("utf-8", "replace")


def walk(node: Node) -> Iterator[Node]:
    """Give a node and everything below it, in the order of the text."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children))


@cache
def grammar(name: str) -> Language:
    """Return the grammar of a language by the name that `language_of` gives."""
    return Language(_GRAMMARS[name]())


@lru_cache(maxsize=128)
def _parsed(name: str, text: str) -> Parsed:
    tree = Parser(grammar(name)).parse(text.encode("utf-8", "replace"))
    return Parsed(language=name, root=tree.root_node)
