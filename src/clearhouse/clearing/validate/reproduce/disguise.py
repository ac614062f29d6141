"""Make the vulnerable and the fixed environment look alike, so that a proof must run the target.

In come two environments of one package; out come two views of them whose version metadata, version
constants, folder names and file times are the same. The code itself stays different: that is what
is being tested. What else a proof could look at is the business of `decoy`.
"""

import re
import shutil
from pathlib import Path

from clearhouse.clearing.validate.reproduce.packages import (
    Environment,
    PackageCache,
    compile_python,
)
from clearhouse.formats.purl import Purl

_MAX_TEXT = 8 << 20
_BINARY = {".so", ".pyd", ".node"}


def look_alike(
    cache: PackageCache, target: Purl, environment: Environment, *, real: str, shown: str
) -> Environment:
    """Return a view of an environment in which version `real` presents itself as `shown`."""

    def fill(content: Path) -> dict[str, object]:
        shutil.copytree(environment.folder, content, dirs_exist_ok=True)
        for name in environment.own_files:
            _rewrite(content / name, real, shown)
        _rename_metadata(content, target, real, shown)
        return _finish(content, environment, real, shown)

    return cache.derived(f"shown {environment.sha256} {real} {shown}", fill)


def _finish(content: Path, environment: Environment, real: str, shown: str) -> dict[str, object]:
    for folder in list(content.rglob("__pycache__")):
        shutil.rmtree(folder)
    if environment.kind == "pypi":
        compile_python(content)
    renamed = [
        name.replace(f"-{real}.dist-info/", f"-{shown}.dist-info/")
        for name in environment.own_files
    ]
    return {
        "kind": environment.kind,
        "versions": [list(one) for one in environment.versions],
        "own_files": [name for name in renamed if (content / name).is_file()],
    }


def _rewrite(path: Path, real: str, shown: str) -> None:
    """Write one version in the place of the other, wherever a file states it."""
    if real == shown or not path.is_file() or path.stat().st_size > _MAX_TEXT:
        return
    data = path.read_bytes()
    if path.suffix in _BINARY:
        if len(real) == len(shown):
            path.write_bytes(
                data.replace(b"\0" + real.encode() + b"\0", b"\0" + shown.encode() + b"\0")
            )
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    changed = rewrite_text(text, real, shown)
    if changed != text:
        path.write_bytes(changed.encode("utf-8"))


def rewrite_text(text: str, real: str, shown: str) -> str:
    """Replace a version in a text: as it is written, and as a tuple of numbers."""
    text = re.sub(rf"(?<![\w.]){re.escape(real)}(?![\w]|\.\d)", shown, text)
    if not re.fullmatch(r"\d+(\.\d+)+", real) or not re.fullmatch(r"\d+(\.\d+)+", shown):
        return text
    parts = r"\s*,\s*".join(real.split("."))
    numbers = ", ".join(shown.split("."))
    return re.sub(rf"(?<=[(\[])\s*{parts}(?=\s*[,)\]])", numbers, text)


def _rename_metadata(content: Path, target: Purl, real: str, shown: str) -> None:
    for info in list(content.glob("*.dist-info")):
        name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
        same = re.sub(r"[-_.]+", "-", name).lower() == re.sub(r"[-_.]+", "-", target.name).lower()
        if same and version == real:
            info.rename(info.with_name(f"{name}-{shown}.dist-info"))
