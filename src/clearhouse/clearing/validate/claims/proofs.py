"""Say whether an attached proof touches the target at all.

In come the proofs of a report and the target's tree; out comes at most one check. CONTRADICTED when
every attached proof is source that can be read whole and none of them calls the target, runs a
program with it, opens a socket, loads code, or writes anything that the target could read: then it
shows a flaw of its own. A proof that carries a copy of the target's code is for a person to judge.
"""

import ast
import builtins
import difflib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.elsewhere import Names
from clearhouse.clearing.validate.claims.functions import defining_file, definition
from clearhouse.clearing.validate.claims.subject import spellings
from clearhouse.clearing.validate.claims.symbols import outline
from clearhouse.clearing.validate.claims.syntax import language_of, parse, text_of, walk
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_PROOFS = {AttachmentKind.POC, AttachmentKind.REPRODUCER}
_MAX_BYTES = 256 << 10
_NATIVE = {"c", "cpp"}
_OUTSIDE = re.compile(
    r"\b(?:socket|connect|bind|listen|accept|send|sendto|recv|WSAStartup|dlopen|dlsym|LoadLibrary\w*"
    r"|GetProcAddress|syscall|mmap|ptrace|fork|creat|sendfile|pipe|mkfifo|fputs_unlocked|freopen"
    r"|fwrite|fputs|fputc|fprintf|write|asm|__asm__)\s*\("
)
"""Calls through which a program may reach another one, or leave it something to read."""
_OPENS_TO_WRITE = re.compile(
    r"\b(?:fopen|open|openat)\s*\([^;]*?(?:\"[wa][b+]*\"|O_WRONLY|O_RDWR|O_CREAT)"
)
_RUNS = re.compile(
    r"\b(?:system|popen|execl|execle|execlp|execv|execve|execvp|posix_spawnp?)\s*\(([^;]*)"
)
_LITERAL_PROGRAM = re.compile(r"^\s*\"((?:[^\"\\]|\\.)*)\"")
_PIPED = re.compile(r"^\W*(?:\./|python3?\s|node\s)\S+[^\n]*(?:>|\|)", re.MULTILINE)
_COPY = 0.6
"""How alike two functions of one name are when one is a copy of the other; 0 to 1."""
_HARMLESS_MODULES = {
    "argparse", "array", "base64", "binascii", "bisect", "collections", "copy", "dataclasses",
    "datetime", "decimal", "enum", "functools", "hashlib", "itertools", "json", "math", "operator",
    "pprint", "random", "re", "string", "struct", "sys", "textwrap", "time", "typing", "uuid",
    "__future__",
}  # fmt: skip
_DYNAMIC = re.compile(r"\b(?:eval|exec|compile|__import__|open|getattr|globals|import_module)\s*\(")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reach:
    """How one proof may reach the target; both are None when it does not."""

    surely: str | None = None
    maybe: str | None = None


def check_proofs(draft: Draft, claimed: SourceTree, names: Names) -> Iterator[ClaimCheck]:
    """Look at all attached proofs together."""
    proofs = [one for one in draft.attachments if one.kind in _PROOFS]
    if not proofs or draft.purl is None:
        return
    subject = ", ".join(one.filename for one in proofs)
    reached = [_reach(one, draft, claimed, names) for one in proofs]
    sure = next((one.surely for one in reached if one.surely), None)
    maybe = next((one.maybe for one in reached if one.maybe), None)
    if sure is not None:
        yield holds(Claim.PROOF, subject, sure, claimed.place)
    elif maybe is not None:
        yield uncheckable(Claim.PROOF, subject, maybe, claimed.place)
    else:
        yield contradicted(
            Claim.PROOF,
            subject,
            "The proof never touches the target: it calls nothing of it, runs no program with it, "
            "opens no socket, loads no code and writes nothing that the target could read.",
            f"{claimed.place} and the proof itself",
        )


def _reach(proof: Attachment, draft: Draft, claimed: SourceTree, names: Names) -> _Reach:
    language = language_of(proof.filename)
    if len(proof.data) > _MAX_BYTES or b"\0" in proof.data or language is None:
        return _Reach(maybe="A proof that is not read as source.")
    text = proof.data.decode("utf-8", "replace")
    if _PIPED.search("\n".join(one for one in (draft.trigger, draft.description) if one)):
        return _Reach(maybe="What the proof prints is passed on.")
    if language in _NATIVE:
        return _native(proof.filename, text, draft.purl or "", claimed, names)
    if language == "python" and (draft.purl or "").startswith("pkg:pypi/"):
        return _python(text, claimed)
    return _Reach(maybe="A proof in a language whose calls are not followed.")


def _native(path: str, text: str, purl: str, claimed: SourceTree, names: Names) -> _Reach:
    """Look at a proof in C or C++."""
    parsed, defined = parse(path, text), outline(path, text)
    if parsed is None or defined is None:
        return _Reach(maybe="A proof that is not read as source.")
    own = {one.name for one in defined.definitions}
    if not own & {"main", "LLVMFuzzerTestOneInput"}:
        return _Reach(maybe="A fragment, not a whole program.")
    used = {
        text_of(one) for one in walk(parsed.root) if one.type in {"identifier", "type_identifier"}
    } - own
    for name in sorted(used):
        if names.is_own(name) or _calls_target(name, claimed):
            known = name in claimed.identifiers
            return _Reach(surely=f"Uses {name}.") if known else _Reach(maybe=f"Uses {name}.")
    return _native_detour(text, purl) or _copied(path, text, claimed) or _Reach()


def _calls_target(name: str, claimed: SourceTree) -> bool:
    """Say whether a name is a function that the target defines in shipped code."""
    if name not in claimed.identifiers or len(name) < 4:
        return False
    where = defining_file(name, claimed)
    if where is None or "test" in where.lower():
        return False
    found = definition(where, name, claimed)
    return found is not None and found.is_function


def _native_detour(text: str, purl: str) -> _Reach | None:
    """Say how a native proof may reach the target without calling it."""
    found = _OUTSIDE.search(text) or _OPENS_TO_WRITE.search(text)
    if found is not None:
        return _Reach(maybe=f"May reach the target through {found[0].split('(')[0].strip()}.")
    for run in _RUNS.finditer(text):
        program = _LITERAL_PROGRAM.match(run[1])
        if program is None or any(one.lower() in program[1].lower() for one in spellings(purl)):
            return _Reach(maybe="Runs a program that may be the target.")
    return None


def _copied(path: str, text: str, claimed: SourceTree) -> _Reach | None:
    """Say whether a proof carries a function of the target."""
    mine = outline(path, text)
    for one in mine.definitions if mine is not None else ():
        where = defining_file(one.name, claimed) if one.is_function and one.name != "main" else None
        theirs = None if where is None else definition(where, one.name, claimed)
        if where is None or theirs is None:
            continue
        left = _lines(text, one.first_line, one.last_line)
        right = _lines(claimed.files[where], theirs.first_line, theirs.last_line)
        if difflib.SequenceMatcher(None, left, right, autojunk=False).ratio() >= _COPY:
            return _Reach(maybe=f"Carries a copy of {one.name} from {where}.")
    return None


def _lines(text: str, first: int, last: int) -> list[str]:
    lines = ("".join(line.split()) for line in text.splitlines()[first - 1 : last])
    return [line for line in lines if line]


def _python(text: str, claimed: SourceTree) -> _Reach:
    """Look at a proof in Python."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Reach(maybe="A proof that is not read as source.")
    roots = {path.removeprefix("src/").split("/")[0].removesuffix(".py") for path in claimed.files}
    if _is_fragment(module):
        return _Reach(maybe="A fragment; it does not say where its names come from.")
    for name in _imported(module):
        if name in roots and name not in sys.stdlib_module_names:
            return _Reach(surely=f"Imports {name}.")
        if name not in _HARMLESS_MODULES:
            return _Reach(maybe=f"May reach the target through {name}.")
    found = _DYNAMIC.search(text)
    return _Reach() if found is None else _Reach(maybe="Loads or writes what is not seen here.")


def _is_fragment(module: ast.Module) -> bool:
    """Say whether a proof is empty or uses names that it neither defines nor imports."""
    names = [one for one in ast.walk(module) if isinstance(one, ast.Name)]
    bound = {one.id for one in names if not isinstance(one.ctx, ast.Load)} | set(dir(builtins))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return not module.body or any(one.id not in bound | {"__name__", "__file__"} for one in names)


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (one.name.split(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or ".").split(".")[0] or "."
