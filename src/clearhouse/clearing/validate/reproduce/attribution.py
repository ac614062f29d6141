"""Say what the proof made the target itself do.

In come the notes of a traced run on either side, and the two environments; out comes `Reached`:
which of the target's functions the proof made run beyond loading it, whether code that differs
between the two versions was among them, and whether the proof looked at the target's files instead
of running them. Notes are made in the proof's own process, so they can only be necessary, never
sufficient: the differential of the runs that were not traced stands beside them.
"""

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from clearhouse.bench.sandbox.host.record import Observation
from clearhouse.clearing.validate.reproduce.packages import GUEST_NODE, Environment
from clearhouse.clearing.validate.reproduce.trials import COVERAGE, NOTES

_NODE_PLACE = f"file://{GUEST_NODE}/"
_NATIVE = (".so", ".pyd", ".node")


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function of the target that ran."""

    file: str
    name: str
    text: str
    """Its own code, without functions inside it and without places; empty when unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What a traced run shows about the target."""

    functions: tuple[Function, ...]
    """Functions that the proof made run, beyond what loading makes run."""
    files: tuple[str, ...]
    """Files of the target that were loaded."""
    inspected: tuple[str, ...]
    """Files of the target that the proof itself opened as data."""
    noted: bool
    """False when the traced run left no notes."""


NOTHING = Reached(functions=(), files=(), inspected=(), noted=False)


def read_python(
    seen: Observation, environment: Environment, other: Environment | None = None
) -> Reached:
    """Read the notes of a traced Python run; files that are the same in `other` are not parsed."""
    notes = _json(seen, NOTES)
    if notes is None:
        return NOTHING
    own = set(environment.own_files)
    called = [one for one in _objects(notes, "functions") if str(one.get("file")) in own]
    native = [one for one in _objects(notes, "native") if str(one.get("file")) in own]
    functions = [
        _python_function(environment, one, other) for one in called if one.get("driven") is True
    ] + [Function(file=str(one["file"]), name=str(one.get("name")), text="") for one in native]
    files = {str(one["file"]) for one in (*called, *native)}
    return Reached(
        functions=tuple(dict.fromkeys(functions)),
        files=tuple(sorted(files)),
        inspected=tuple(name for name in _texts(notes, "opened") if name in own),
        noted=True,
    )


def read_node(seen: Observation, environment: Environment, control: Observation) -> Reached:
    """Read the coverage of a traced Node.js run, less what loading alone makes run."""
    notes = _json(seen, NOTES)
    own = set(environment.own_files)
    counts = _coverage(seen, own)
    if notes is None or counts is None:
        return NOTHING
    idle = _coverage(control, own) or {}
    functions = [
        Function(file=file, name=name, text=_node_text(environment, file, start, end, counts))
        for (file, name, start, end), count in counts.items()
        if count > idle.get((file, name, start, end), 0) and name
    ]
    opened = [name.partition(f"{GUEST_NODE}/")[2] for name in _texts(notes, "opened")]
    printed = ("source text of functions",) if notes.get("printed") is True else ()
    return Reached(
        functions=tuple(dict.fromkeys(functions)),
        files=tuple(sorted({key[0] for key, count in counts.items() if count})),
        inspected=(*(name for name in opened if name in own), *printed),
        noted=True,
    )


def loaded_modules(seen: Observation, environment: Environment) -> tuple[str, ...]:
    """Return the guest's paths of the target's files that a Node.js run loaded."""
    counts = _coverage(seen, set(environment.own_files)) or {}
    ran = {key[0] for key, count in counts.items() if count}
    return tuple(sorted(f"{GUEST_NODE}/{file}" for file in ran))


def changed_code_ran(reached: Reached, vulnerable: Environment, fixed: Environment) -> bool:
    """Say whether code that differs between the two versions ran.

    Either a function whose own code is not in the other version's file, or anything of the target
    when a loaded file differs outside its functions (a constant, a table, a pattern).
    """
    if not reached.functions:
        return False
    for function in reached.functions:
        other = fixed.folder / function.file
        if function.file.endswith(_NATIVE):
            if not _same_bytes(vulnerable.folder / function.file, other):
                return True
        elif not other.is_file() or not _holds(function, other):
            return True
    return any(
        _differs_outside_functions(vulnerable.folder / file, fixed.folder / file)
        for file in reached.files
    )


def _python_function(
    environment: Environment, note: dict[str, object], other: Environment | None
) -> Function:
    file, line, name = str(note["file"]), note.get("line"), str(note.get("name"))
    if other is not None and _same_bytes(environment.folder / file, other.folder / file):
        return Function(file=file, name=name, text="")
    found = _python_functions(environment.folder / file)
    text = next((text for start, text in found if start == line), "")
    return Function(file=file, name=name, text=text)


@lru_cache(maxsize=256)
def _python_functions(path: Path) -> list[tuple[int, str]]:
    """Give first line and own code of every function of a file."""
    tree = _parse(path)
    if tree is None:
        return []
    return [
        (min([node.lineno, *(one.lineno for one in node.decorator_list)]), _own_dump(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _own_dump(node: ast.AST) -> str:
    """Write a function's or module's code without the functions inside it."""
    return ast.dump(_Hollow(keep=node).visit(node))


class _Hollow(ast.NodeTransformer):
    """Empties inner functions and drops documentation."""

    def __init__(self, keep: ast.AST) -> None:
        self.keep = keep

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace a function that is not the one kept by its bare name."""
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if inner and node is not self.keep:
            return ast.copy_location(ast.Pass(), node)
        copied = type(node)(**{name: self._copy(value) for name, value in ast.iter_fields(node)})
        return ast.copy_location(copied, node)

    def _copy(self, value: object) -> object:
        if isinstance(value, ast.AST):
            return self.visit(value)
        if isinstance(value, list):
            kept = [one for one in value if not _is_documentation(one)]
            return [self.visit(one) if isinstance(one, ast.AST) else one for one in kept]
        return value


def _is_documentation(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _holds(function: Function, other: Path) -> bool:
    """Say whether the other version's file has this very function."""
    if not function.text:
        return _same_bytes(other, other)
    if other.suffix == ".py":
        return function.text in {text for _, text in _python_functions(other)}
    squeezed = _squeeze(_text(other))
    return all(part in squeezed for part in function.text.split("\0") if part)


@lru_cache(maxsize=1024)
def _differs_outside_functions(one: Path, other: Path) -> bool:
    if one.suffix != ".py" or _same_bytes(one, other):
        return False
    left, right = _parse(one), _parse(other)
    if left is None or right is None:
        return (left is None) != (right is None)
    return _own_dump(left) != _own_dump(right)


def _parse(path: Path) -> ast.Module | None:
    if path.suffix != ".py" or not path.is_file():
        return None
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None


def _same_bytes(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


Key = tuple[str, str, int, int]


def _coverage(seen: Observation, own: set[str]) -> dict[Key, int] | None:
    """Add up V8's counts of the target's functions, also those that never ran.

    None when there is no coverage.
    """
    counts: dict[Key, int] = {}
    reports = [
        one for one in seen.collected if one.path.startswith(COVERAGE) and one.path[-5:] == ".json"
    ]
    for report in reports:
        for script in _objects(_parse_json(report.data), "result"):
            file = str(script.get("url")).removeprefix(_NODE_PLACE)
            if file in own:
                _count(counts, file, script)
    return counts if reports else None


def _count(counts: dict[Key, int], file: str, script: dict[str, object]) -> None:
    for function in _objects(script, "functions"):
        ranges = _objects(function, "ranges")
        if not ranges:
            continue
        start, end, count = (ranges[0].get(key) for key in ("startOffset", "endOffset", "count"))
        if isinstance(start, int) and isinstance(end, int) and isinstance(count, int):
            key = (file, str(function.get("functionName") or "(anonymous)"), start, end)
            counts[key] = counts.get(key, 0) + count


def _node_text(
    environment: Environment, file: str, start: int, end: int, counts: Iterable[Key]
) -> str:
    """Return a function's own code: what is inside it and inside no other known function."""
    source = _text(environment.folder / file).encode("utf-16-le")
    inner = sorted(
        (left, right)
        for name, _, left, right in counts
        if name == file and start <= left and right <= end and (left, right) != (start, end)
    )
    parts, position = [], start
    for left, right in inner:
        if left >= position:
            parts.append(source[2 * position : 2 * left])
            position = right
    parts.append(source[2 * position : 2 * end])
    return "\0".join(_squeeze(part.decode("utf-16-le", "replace")) for part in parts)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _json(seen: Observation, path: str) -> dict[str, object] | None:
    data = next((one.data for one in seen.collected if one.path == path), None)
    return None if data is None else _parse_json(data)


def _parse_json(data: bytes) -> dict[str, object]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", document) if isinstance(document, dict) else {}


def _objects(document: dict[str, object], name: str) -> list[dict[str, object]]:
    value = document.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(document: dict[str, object], name: str) -> Iterator[str]:
    value = document.get(name)
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))
