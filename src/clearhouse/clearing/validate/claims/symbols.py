"""Say what a source file defines: functions, types, values and macros, with their lines.

Read from the syntax tree, so a name in a comment, a string or a call is no definition. A file with
syntax errors (macros of C often look like some) still gives what could be read around them, and
says that it was not read whole.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from tree_sitter import Node, Query, QueryCursor

from clearhouse.clearing.validate.claims.syntax import grammar, parse, text_of

_C = (
    "function_definition", "declaration", "preproc_def", "preproc_function_def", "type_definition",
    "struct_specifier", "union_specifier", "enum_specifier", "enumerator",
)  # fmt: skip
_JAVASCRIPT = (
    "function_declaration", "generator_function_declaration", "function_expression",
    "class_declaration", "method_definition", "variable_declarator", "pair",
    "assignment_expression",
)  # fmt: skip
_TYPESCRIPT = (
    *_JAVASCRIPT, "abstract_class_declaration", "interface_declaration", "type_alias_declaration",
    "enum_declaration", "function_signature", "method_signature", "public_field_definition",
    "abstract_method_signature", "property_signature",
)  # fmt: skip
_DEFINING: dict[str, tuple[str, ...]] = {
    "c": _C,
    "cpp": (*_C, "class_specifier", "namespace_definition", "alias_declaration",
            "field_declaration"),
    "go": ("function_declaration", "method_declaration", "type_spec", "const_spec", "var_spec",
           "method_elem", "field_declaration"),
    "java": ("class_declaration", "interface_declaration", "enum_declaration",
             "record_declaration", "method_declaration", "constructor_declaration",
             "annotation_type_declaration", "variable_declarator"),
    "javascript": (*_JAVASCRIPT, "field_definition"),
    "python": ("function_definition", "class_definition", "assignment"),
    "rust": ("function_item", "function_signature_item", "struct_item", "enum_item", "union_item",
             "trait_item", "macro_definition", "mod_item", "const_item", "static_item",
             "type_item", "enum_variant"),
    "tsx": _TYPESCRIPT,
    "typescript": _TYPESCRIPT,
}  # fmt: skip
_NAMED_BY = ("name", "declarator", "left", "key", "property")
_NAMES = {
    "identifier", "field_identifier", "type_identifier", "property_identifier",
    "private_property_identifier", "namespace_identifier", "destructor_name", "operator_name",
}  # fmt: skip
_INNER = ("name", "declarator", "property", "attribute")
"""Fields that lead from a compound name, such as `exports.x` or `*x(int)`, to its last part."""
_FUNCTIONS = ("function", "method", "macro_definition", "constructor")
_FUNCTION_VALUES = {"arrow_function", "function_expression", "generator_function"}
_TYPES_WITH_BODY = {"struct_specifier", "union_specifier", "enum_specifier", "class_specifier"}
"""Without a body these only mention a type."""
_WRAPPERS = {
    "parenthesized_declarator", "reference_declarator", "attributed_declarator",
    "pointer_declarator", "function_declarator", "array_declarator",
}  # fmt: skip
_MAX_DEPTH = 40
_BEGINS_FUNCTION = re.compile(
    r"^[A-Za-z_][\w \t*]{0,80}?\b([A-Za-z_]\w{2,})[ \t]*\([^;{}]{0,600}\)\s{0,40}\{", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One name that a file defines."""

    name: str
    is_function: bool
    first_line: int
    """1-based."""
    last_line: int
    parameters: tuple[str, ...] | None = None
    """Names of its parameters, for Python; None when they are not read."""
    takes_any: bool = False
    """Whether it takes parameters beyond the named ones, or may, because it is wrapped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What one file defines."""

    definitions: tuple[Definition, ...]
    whole: bool
    """False when the file has syntax errors."""

    def named(self, name: str) -> tuple[Definition, ...]:
        """Return the definitions of a name."""
        return tuple(one for one in self.definitions if one.name == name)


@lru_cache(maxsize=512)
def outline(path: str, text: str) -> Outline | None:
    """Return what a file defines, or None when its language is not read."""
    parsed = parse(path, text)
    if parsed is None:
        return None
    nodes = QueryCursor(_query(parsed.language)).captures(parsed.root).get("definition", [])
    found = [one for node in nodes for one in _definitions(node)]
    if not parsed.whole and parsed.language in {"c", "cpp"}:
        found.extend(_between_errors(text, parsed.root))
    return Outline(definitions=tuple(dict.fromkeys(found)), whole=parsed.whole)


def _between_errors(text: str, root: Node) -> Iterator[Definition]:
    """Give functions of C that begin a line where macros keep the grammar from reading them."""
    for match in _BEGINS_FUNCTION.finditer(text):
        start = len(text[: match.start(1)].encode("utf-8", "replace"))
        node = root.descendant_for_byte_range(start, start)
        if node is not None and node.type not in {"comment", "string_content", "string_literal"}:
            line = text.count("\n", 0, match.start()) + 1
            end = text.find("\n}", match.end())
            last = line if end < 0 else text.count("\n", 0, end) + 2
            yield Definition(
                name=match[1], is_function=True, first_line=line, last_line=last, takes_any=True
            )


@cache
def _query(language: str) -> Query:
    kinds = " ".join(f"({kind})" for kind in _DEFINING[language])
    return Query(grammar(language), f"[{kinds}] @definition")


def _definitions(node: Node) -> Iterator[Definition]:
    """Give the names that one node defines; a declaration may have several."""
    if node.type in _TYPES_WITH_BODY and node.child_by_field_name("body") is None:
        return
    for field in _NAMED_BY:
        for named in node.children_by_field_name(field):
            name = _name(named)
            if name is not None:
                yield _definition(node, name)
    if node.type == "pair" and _is_function_value(node):
        yield from (_definition(node, text_of(key).strip("'\"")) for key in _string_key(node))


def _definition(node: Node, name: Node | str) -> Definition:
    is_python = node.type == "function_definition" and node.child_by_field_name("parameters")
    wrapped = node.parent is not None and node.parent.type == "decorated_definition"
    parameters, more = _parameters(node) if is_python else (None, True)
    return Definition(
        name=name if isinstance(name, str) else text_of(name),
        is_function=_defines_function(node),
        first_line=node.start_point.row + 1,
        last_line=node.end_point.row + 1,
        parameters=parameters,
        takes_any=more or wrapped,
    )


def _name(node: Node) -> Node | None:
    """Follow a declarator or a member expression to the name it ends in."""
    for _ in range(_MAX_DEPTH):
        if node.type in _NAMES:
            return node
        inner = next(
            (one for field in _INNER if (one := node.child_by_field_name(field)) is not None), None
        )
        if inner is None:
            named = [one for one in node.named_children if one.type in _WRAPPERS | _NAMES]
            inner = named[0] if len(named) == 1 else None
        if inner is None:
            return None
        node = inner
    return None


def _defines_function(node: Node) -> bool:
    if any(word in node.type for word in _FUNCTIONS):
        return True
    return _is_function_value(node) or any(
        _declares_function(one) for one in node.children_by_field_name("declarator")
    )


def _declares_function(node: Node | None) -> bool:
    """Say whether a declarator of C is a function's, behind any number of `*`."""
    for _ in range(_MAX_DEPTH):
        if node is None:
            return False
        if node.type == "function_declarator":
            return True
        node = node.child_by_field_name("declarator")
    return False


def _is_function_value(node: Node) -> bool:
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    return value is not None and value.type in _FUNCTION_VALUES


def _string_key(node: Node) -> Iterator[Node]:
    key = node.child_by_field_name("key")
    if key is not None and key.type == "string":
        yield key


def _parameters(node: Node) -> tuple[tuple[str, ...], bool]:
    """Return the parameter names of a Python function, and whether it takes any others."""
    stated = node.child_by_field_name("parameters")
    names, more = [], False
    for one in stated.named_children if stated is not None else ():
        inner = one
        if one.type in {"typed_parameter", "default_parameter", "typed_default_parameter"}:
            inner = one.child_by_field_name("name") or one.named_children[0]
        if inner.type == "identifier":
            names.append(text_of(inner))
        more = more or inner.type in {"list_splat_pattern", "dictionary_splat_pattern"}
    return tuple(names), more
