"""Say whether calls exist as the report uses them: imported names and named parameters, in Python.

In come the functions that the report states with parameters, and attached Python proofs; out come
checks. An import is CONTRADICTED when its module is here, is plain Python and neither has the name
nor can make it up; a parameter when one plain definition lists all it takes. The newest version
must agree.
"""

import ast
import re
from collections.abc import Iterator

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.functions import definition, name_of
from clearhouse.clearing.validate.claims.places import find
from clearhouse.clearing.validate.claims.symbols import outline
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_KEYWORD = re.compile(r"[(,]\s*([A-Za-z_]\w*)\s*=(?!=)")
_ROOTS = ("", "src/", "lib/", "python/")
_MADE_UP = re.compile(r"\bimport \*|\b__getattr__\b|\bglobals\(\)|\bsys\.modules\b|\b_?[Ll]azy")
_PROOFS = {AttachmentKind.POC, AttachmentKind.REPRODUCER, AttachmentKind.TEST}
_MAX_BYTES = 256 << 10


def check_interfaces(draft: Draft, claimed: SourceTree, newest: SourceTree) -> Iterator[ClaimCheck]:
    """Look up named parameters of stated functions, and what Python proofs import."""
    for place in draft.locations:
        if place.function and place.file and "=" in place.function:
            yield from _stated(place.file, place.function, claimed, newest)
    for proof in draft.attachments:
        module = _read(proof)
        if module is not None:
            yield from _imports(module, claimed, newest)


def _stated(
    file: str, function: str, claimed: SourceTree, newest: SourceTree
) -> Iterator[ClaimCheck]:
    path, name = find(file, claimed), name_of(function)
    if path is not None and name is not None:
        for keyword in dict.fromkeys(_KEYWORD.findall(function)):
            yield from _parameter(path, name, keyword, claimed, newest)


def _parameter(
    path: str, name: str, keyword: str, claimed: SourceTree, newest: SourceTree
) -> Iterator[ClaimCheck]:
    takes = accepts(path, name, keyword, claimed)
    subject, place = f"{name}({keyword}=)", f"{claimed.place}: {path}"
    if takes:
        yield holds(Claim.INTERFACE, subject, "The function takes this parameter.", place)
    elif takes is False and accepts(path, name, keyword, newest) is False:
        yield contradicted(
            Claim.INTERFACE, subject, "The function has no such parameter, and takes no others.",
            place,
        )  # fmt: skip
    else:
        yield uncheckable(Claim.INTERFACE, subject, "The signature does not show it.", place)


def accepts(path: str, name: str, keyword: str, tree: SourceTree) -> bool | None:
    """Say whether a function takes a named parameter; None when the source does not show it."""
    found = find(path, tree)
    read = None if found is None else outline(found, tree.files.get(found, ""))
    named = () if read is None else read.named(name)
    if any(keyword in (one.parameters or ()) for one in named):
        return True
    plain = len(named) == 1 and named[0].parameters is not None and not named[0].takes_any
    return False if plain and read is not None and read.whole else None


def _read(proof: Attachment) -> ast.Module | None:
    """Parse a Python proof, without running it; None when it is none."""
    looks = proof.kind in _PROOFS and proof.filename.endswith(".py")
    if not looks or len(proof.data) > _MAX_BYTES:
        return None
    try:
        return ast.parse(proof.data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports(module: ast.Module, claimed: SourceTree, newest: SourceTree) -> Iterator[ClaimCheck]:
    """Check the names that a proof takes from modules of the target, and calls of them."""
    taken: dict[str, tuple[str, str]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            path = module_file(node.module, claimed)
            if path is not None:
                for one in node.names:
                    taken[one.asname or one.name] = path, one.name
                    yield from _imported(node.module, path, one.name, claimed, newest)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            path, name = taken.get(node.func.id, (None, ""))
            if path is not None and definition(path, name, claimed) is not None:
                for keyword in node.keywords:
                    if keyword.arg is not None:
                        yield from _parameter(path, name, keyword.arg, claimed, newest)


def _imported(
    module: str, path: str, name: str, claimed: SourceTree, newest: SourceTree
) -> Iterator[ClaimCheck]:
    if name == "*":
        return
    subject, place = f"from {module} import {name}", f"{claimed.place}: {path}"
    if _has(module, path, name, claimed):
        yield holds(Claim.INTERFACE, subject, "The module has this name.", place)
        return
    later = module_file(module, newest)
    elsewhere = later is not None and _has(module, later, name, newest)
    if elsewhere or name in claimed.identifiers or _MADE_UP.search(claimed.files[path]):
        yield uncheckable(Claim.INTERFACE, subject, "The module does not show this name.", place)
    else:
        yield contradicted(
            Claim.INTERFACE, subject, "The module has no such name, so the proof cannot run.", place
        )


def _has(module: str, path: str, name: str, tree: SourceTree) -> bool:
    return (
        re.search(rf"\b{re.escape(name)}\b", tree.files.get(path, "")) is not None
        or module_file(f"{module}.{name}", tree) is not None
    )


def module_file(module: str, tree: SourceTree) -> str | None:
    """Return the file of a Python module of the target, or None when it is none of it."""
    inside = module.replace(".", "/")
    for root in _ROOTS:
        for path in (f"{root}{inside}.py", f"{root}{inside}/__init__.py"):
            if path in tree.files:
                return path
    return None
