"""Give each of the two versions the looks of the other, to catch a proof that looks and never runs.

In come the vulnerable and the fixed view of a package; out come their decoys. A decoy does what its
version does. It has the other version's file names, module and class names, and texts; every source
file has another size and hash, drawn for this cache; so whatever a proof concludes from looking,
it concludes wrongly on one of the two. Compiled files stay as they are.
"""

import json
import re
import secrets
import shutil
from pathlib import Path

from clearhouse.clearing.validate.reproduce.decoy_python import with_looks_of
from clearhouse.clearing.validate.reproduce.packages import Environment, PackageCache

_PADDING = {".py": "# ", ".js": "// ", ".cjs": "// ", ".mjs": "// "}
_LEAST_PADDING, _MORE_PADDING = 256, 8192
_SHARED = {*_PADDING, ".json", ".md", ".rst", ".txt"}
"""Kinds of file that a decoy has when either version has them."""
_ACTED_ON = {"name", "version", "main", "exports", "imports", "type", "browser", "bin", "module"}
_WORD = re.compile(r"[A-Za-z_$][\w$]{2,40}")
_MAX_WORDS = 300
_LOOKS = """
;(() => { try {
  const seen = typeof module === 'object' && module.exports;
  if (!seen || !['object', 'function'].includes(typeof seen)) return;
  for (const name of %s) {
    if (!(name in seen)) seen[name] = function () {};
    const kind = typeof seen === 'function' && seen.prototype;
    if (kind && !(name in kind)) Object.defineProperty(kind, name, {
      value() {}, writable: true, configurable: true, enumerable: false });
  }
} catch {} })();
"""


def decoy(cache: PackageCache, environment: Environment, other: Environment) -> Environment:
    """Return a view that does what `environment` does and looks like neither version."""

    def fill(content: Path) -> dict[str, object]:
        shutil.copytree(environment.folder, content, dirs_exist_ok=True)
        added = [name for name in other.own_files if _is_missing(content, other, name)]
        for name in added:
            place = content / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(other.folder / name, place)
        for name in environment.own_files:
            _change_looks(content / name, other.folder / name)
        return {
            "kind": environment.kind,
            "versions": [list(one) for one in environment.versions],
            "own_files": sorted({*environment.own_files, *added}),
        }

    return cache.derived(f"decoy {environment.sha256} {other.sha256}", fill)


def _is_missing(content: Path, other: Environment, name: str) -> bool:
    return (
        Path(name).suffix in _SHARED
        and not (content / name).exists()
        and (other.folder / name).is_file()
    )


def _change_looks(path: Path, other: Path) -> None:
    """Rewrite one file of the target; what was compiled from it goes when the code changes."""
    if not path.is_file():
        return
    text = path.read_bytes()
    differs = other.is_file() and other.read_bytes() != text
    if path.name == "package.json" and differs:
        path.write_bytes(_manifest(text, other.read_bytes()))
    mark = _PADDING.get(path.suffix)
    if mark is None:
        return
    if differs:
        text = _looks(path.suffix, text, other.read_bytes())
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()
    room = _LEAST_PADDING + secrets.randbelow(_MORE_PADDING)
    path.write_bytes(text + f"\n{mark}{'.' * room}\n".encode())


def _manifest(own: bytes, other: bytes) -> bytes:
    """Take from the other version's `package.json` what Node.js never acts on."""
    try:
        mine, theirs = json.loads(own), json.loads(other)
    except ValueError:
        return own
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        return own
    acted_on = {name: value for name, value in mine.items() if name in _ACTED_ON}
    return json.dumps({k: v for k, v in theirs.items() if k not in _ACTED_ON} | acted_on).encode()


def _looks(suffix: str, own: bytes, other: bytes) -> bytes:
    try:
        mine, theirs = own.decode("utf-8"), other.decode("utf-8")
    except UnicodeDecodeError:
        return own
    if suffix == ".py":
        changed = with_looks_of(mine, theirs)
        return own if changed is None else _shifted(changed).encode("utf-8")
    known = set(_WORD.findall(mine))
    words = [one for one in dict.fromkeys(_WORD.findall(theirs)) if one not in known]
    return (mine + _LOOKS % json.dumps(words[:_MAX_WORDS])).encode("utf-8")


def _shifted(text: str) -> str:
    """Move every line, so that line numbers say nothing."""
    return "#\n" * (1 + secrets.randbelow(40)) + text
