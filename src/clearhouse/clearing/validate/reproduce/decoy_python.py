"""Give a Python module everything that can be seen of its other version, and nothing it does.

Pure. In come a module's source and the source of the same module in the other version; out comes
source that behaves as before and, looked at from outside, has what the other version has: its
module names, its class attributes, and in changed functions its names, constants, local variables
and documentation. A proof that decides by looking sees the wrong version; one that decides by
running sees what it saw before.

What is added is the other version's own code, which nothing here calls. Attributes that a base
class has already are repeated as they are there. Special methods are added only in that way.
"""

import ast
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

Functions = dict[str, ast.FunctionDef | ast.AsyncFunctionDef]


def with_looks_of(own: str, other: str) -> str | None:
    """Return the module with the looks of the other version; None when either cannot be read."""
    try:
        tree, looks = ast.parse(own), ast.parse(other)
        flag = f"_{secrets.token_hex(6)}"
        _documentation(tree, looks)
        mine, theirs = _members(tree), _members(looks)
        for name, function in mine.functions.items():
            model = theirs.functions.get(name)
            if model is not None and ast.dump(model) != ast.dump(function):
                _documentation(function, model)
                _dead_block(function, model, flag)
        extra = [*_module_names(tree, looks), *_attributes(mine, theirs, flag)]
        start = _after_future(tree)
        tree.body[start:start] = [_parsed(f"{flag} = ()")]
        tree.body += extra
        return ast.unparse(ast.fix_missing_locations(tree))
    except (SyntaxError, ValueError, RecursionError):
        return None


@dataclass(kw_only=True, slots=True)
class _Members:
    """Functions and classes by their qualified names."""

    functions: Functions = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)


def _members(tree: ast.Module) -> _Members:
    found = _Members()

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.functions.setdefault(f"{prefix}{node.name}", node)
            elif isinstance(node, ast.ClassDef):
                found.classes.setdefault(f"{prefix}{node.name}", node)
                visit(node.body, f"{prefix}{node.name}.")
            else:
                for inner in _blocks(node):
                    visit(inner, prefix)

    visit(tree.body, "")
    return found


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Give the bodies of a conditional or guarded statement, which do not make a scope."""
    if isinstance(node, ast.If | ast.Try):
        yield node.body
        yield node.orelse
        for handler in getattr(node, "handlers", []):
            yield handler.body


def _bindings(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Return the names that statements bind, with the statement, inside conditions too."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        for name in _bound(node):
            found.setdefault(name, node)
        for inner in _blocks(node):
            found |= {name: one for name, one in _bindings(inner).items() if name not in found}
    return found


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (one.id for one in ast.walk(target) if isinstance(one, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                if alias.name != "*":
                    yield alias.asname or alias.name.partition(".")[0]


def _module_names(tree: ast.Module, looks: ast.Module) -> Iterator[ast.stmt]:
    """Bind what only the other version binds, by its own statement where that works."""
    mine = _bindings(tree.body)
    for name, node in _bindings(looks.body).items():
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if name in mine or future or (name.startswith("__") and name.endswith("__")):
            continue
        guarded = _parsed(
            f"if {name!r} not in globals():\n"
            f"    try:\n        pass\n    except Exception:\n        {name} = None"
        )
        assert isinstance(guarded, ast.If)  # noqa: S101  # parsed from the text above
        attempt = guarded.body[0]
        assert isinstance(attempt, ast.Try)  # noqa: S101  # as above
        attempt.body = [node]
        yield guarded


def _attributes(mine: _Members, theirs: _Members, flag: str) -> Iterator[ast.stmt]:
    """Set what only the other version's classes have, after everything else has run."""
    for name, own in mine.classes.items():
        model = theirs.classes.get(name)
        if model is None:
            continue
        has = _bindings(own.body)
        for attribute, node in _bindings(model.body).items():
            if attribute not in has:
                yield from _attribute(name, attribute, node, flag)


def _attribute(owner: str, name: str, node: ast.stmt, flag: str) -> Iterator[ast.stmt]:
    special = name.startswith("__") and name.endswith("__")
    put = f"{flag}_put"
    made = _parsed(
        f"def {put}():\n"
        f"    try:\n"
        f"        pass\n"
        f"    except Exception:\n"
        f"        {name} = None\n"
        f"    owner = {owner}\n"
        f"    held = [vars(one)[{name!r}] for one in owner.__mro__[1:] if {name!r} in vars(one)]\n"
        f"    if held or not {special}:\n"
        f"        type.__setattr__(owner, {name!r}, held[0] if held else {name})"
    )
    assert isinstance(made, ast.FunctionDef)  # noqa: S101  # parsed from the text above
    attempt = made.body[0]
    assert isinstance(attempt, ast.Try)  # noqa: S101  # as above
    attempt.body = [node]
    yield made
    yield _parsed(f"try:\n    {put}()\nexcept Exception:\n    pass")
    yield _parsed(f"del {put}")


def _dead_block(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    model: ast.FunctionDef | ast.AsyncFunctionDef,
    flag: str,
) -> None:
    """Let the function mention what its other version mentions, in a branch that is never taken."""
    own, seen = _mentions(function), _mentions(model)
    lines = [
        *(f"{flag}.{name}" for name in sorted(seen.names - own.names)),
        *(f"{flag} == {text}" for text in sorted(seen.constants - own.constants)),
        *(f"{name} = {flag}" for name in sorted(seen.stored - own.names - own.stored)),
    ]
    if not lines:
        return
    block = _parsed(f"if {flag}:\n" + "".join(f"    {line}\n" for line in lines))
    at = 1 if ast.get_docstring(function, clean=False) is not None else 0
    function.body.insert(at, block)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mentions:
    names: set[str]
    stored: set[str]
    constants: set[str]


def _mentions(function: ast.AST) -> _Mentions:
    names, stored, constants = set(), set(), set()
    for node in ast.walk(function):
        match node:
            case ast.Attribute(attr=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                stored.add(name)
            case ast.Name(id=name):
                names.add(name)
            case ast.arg(arg=name):
                stored.add(name)
            case ast.Constant(value=str() | bytes() | int() | float() as value):
                constants.add(repr(value))
    mangled = {one for one in names | stored if one.startswith("__") and not one.endswith("__")}
    return _Mentions(names=names - mangled, stored=stored - mangled, constants=constants)


def _documentation(
    own: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef,
    other: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    """Let documentation say what both versions say."""
    mine, theirs = (ast.get_docstring(one, clean=False) for one in (own, other))
    if theirs is None or mine == theirs:
        return
    text = ast.Expr(value=ast.Constant(value=f"{mine or ''}\n{theirs}"))
    if mine is None:
        own.body.insert(0, text)
    else:
        own.body[0] = text


def _after_future(tree: ast.Module) -> int:
    at = 0
    for number, node in enumerate(tree.body):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (future or (text and number == 0)):
            break
        at = number + 1
    return at


def _parsed(text: str) -> ast.stmt:
    return ast.parse(text).body[0]
