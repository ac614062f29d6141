"""The shape of the code: sizes, names, and habits that no linter rule of ours covers."""

import ast
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover

SRC = Path(__file__).parents[2] / "src"
MODULES = sorted((SRC / "clearhouse").rglob("*.py"))
PROCESS_EDGES = {
    "clearhouse/surfaces/mcp/toolbox.py": "an agent learns that the house failed, and no more",
    "clearhouse/clearing/validate/worker.py": "answers for whatever fails, and goes on serving",
}
"""Modules that may catch every exception, each with its reason. None needs to today."""

MISPLACED = ["utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"]


def short(path: Path) -> str:
    return str(path.relative_to(SRC))


@lru_cache(maxsize=1)
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def broad_excepts(tree: Iterable[ast.AST]) -> list[int]:
    """Lines that catch everything, whether bare, by name, or in a tuple, and keep it.

    Tidying up and raising again, with nothing in between that could return, keeps nothing.
    """
    everything = {"Exception", "BaseException"}
    found = []
    for node in tree:
        if isinstance(node, ast.ExceptHandler) and not _raises_again(node):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {getattr(kind, "id", getattr(kind, "attr", None)) for kind in caught if kind}
            if node.type is None or names & everything:
                found.append(node.lineno)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "suppress":
            names = {getattr(kind, "id", None) for kind in node.args}
            if names & everything:
                found.append(node.lineno)
    return found


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    leaves = any(
        isinstance(node, ast.Return | ast.Continue | ast.Break) for node in ast.walk(handler)
    )
    return isinstance(last, ast.Raise) and last.exc is None and not leaves


def long_functions(tree: Iterable[ast.AST]) -> list[str]:
    return [
        node.name
        for node in tree
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > 50
    ]


def prints(tree: Iterable[ast.AST]) -> list[int]:
    return [
        node.lineno
        for node in tree
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def naive_clocks(tree: Iterable[ast.AST]) -> list[int]:
    """Lines that ask for the time without a zone."""
    return [
        node.lineno
        for node in tree
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            node.func.attr in {"utcnow", "utcfromtimestamp", "today"}
            or (node.func.attr == "now" and not node.args and not node.keywords)
        )
        and getattr(node.func.value, "id", None) in {"datetime", "date"}
    ]


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (broad_excepts, "try: f()\nexcept: pass", "try: f()\nexcept ValueError: pass"),
        (broad_excepts, "try: f()\nexcept Exception: pass", "try: f()\nexcept OSError: pass"),
        (broad_excepts, "try: f()\nexcept (OSError, BaseException): pass", "raise Exception"),
        (
            broad_excepts,
            "def f():\n try: g()\n except Exception:\n  if x: return\n  raise",
            "try: f()\nexcept BaseException:\n    close()\n    raise",
        ),
        (broad_excepts, "with c.suppress(Exception): f()", "with c.suppress(KeyError): f()"),
        (long_functions, "def f():\n" + "    x\n" * 50, "def f():\n" + "    x\n" * 49),
        (long_functions, "async def f():\n" + "    x\n" * 50, "class F:\n" + "    x = 1\n" * 90),
        (prints, "print(1)", "console.print(1)"),
        (naive_clocks, "datetime.now()", "datetime.now(UTC)"),
        (naive_clocks, "datetime.utcnow()", "clock.now()"),
    ],
)
def test_each_check_finds_what_it_looks_for(
    check: Callable[[Iterable[ast.AST]], list[object]], bad: str, good: str
):
    assert check(ast.walk(ast.parse(bad)))
    assert not check(ast.walk(ast.parse(good)))


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_a_module_keeps_its_shape(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 500, "a second idea moved in"
    assert long_functions(nodes(path)) == []
    assert naive_clocks(nodes(path)) == []
    if short(path) not in PROCESS_EDGES:
        assert broad_excepts(nodes(path)) == []
    if not short(path).startswith("clearhouse/surfaces/cli/"):
        assert prints(nodes(path)) == []


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_a_module_says_what_it_is(path):
    tree, *_ = nodes(path)
    if tree.body:
        assert ast.get_docstring(tree), "the first thing a reader sees is missing"
    names = {path.stem, *path.relative_to(SRC).parts[:-1]}
    assert not names & set(MISPLACED), "a name for things that have none"


def test_every_edge_that_catches_everything_exists_and_has_its_reason():
    for path, reason in PROCESS_EDGES.items():
        assert (SRC / path).is_file()
        assert len(reason.split()) > 3
