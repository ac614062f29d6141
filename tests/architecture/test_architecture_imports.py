"""Who may import whom, beyond what the contracts in pyproject.toml can say."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover

PROJECT = Path(__file__).parents[2]
SRC = PROJECT / "src"
MODULES = sorted((SRC / "clearhouse").rglob("*.py"))
ROOMS = sorted(
    folder.name
    for folder in (SRC / "clearhouse" / "clearing").iterdir()
    if (folder / "__init__.py").exists()
)


def name_of(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module or name that a file imports, by its full name, wherever the import stands."""
    found: list[str] = []
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += (f"{module}.{alias.name}" for alias in node.names)
    return tuple(found)


def reaches(imported: str, *modules: str) -> bool:
    return any(imported == module or imported.startswith(f"{module}.") for module in modules)


def test_the_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_tests_below_see_the_code_and_its_imports():
    assert len(MODULES) > 50
    assert {"match", "validate", "publish"} <= set(ROOMS)
    seen = set(imports(SRC / "clearhouse" / "kernel" / "ledger.py"))
    assert {"clearhouse.formats.merkle", "json", "datetime.UTC"} <= seen


def test_relative_imports_are_seen_by_their_full_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SRC", tmp_path)
    file = tmp_path / "clearhouse" / "clearing" / "match" / "rules.py"
    file.parent.mkdir(parents=True)
    file.write_text("from . import _store\nfrom ..publish._store import x\nimport socket as s\n")
    assert imports(file) == (
        "clearhouse.clearing.match._store",
        "clearhouse.clearing.publish._store.x",
        "socket",
    )


@pytest.mark.parametrize("room", ROOMS)
def test_the_tables_of_a_room_are_its_own(room):
    """Only the room imports its `_store`: no door, no other room, no job runner."""
    store = f"clearhouse.clearing.{room}._store"
    own = SRC / "clearhouse" / "clearing" / room
    strangers = [
        name_of(path)
        for path in MODULES
        if own not in path.parents and any(reaches(found, store) for found in imports(path))
    ]
    assert strangers == []


def test_no_door_runs_sql_or_talks_to_the_database_itself():
    doors = [path for path in MODULES if "surfaces" in path.parts]
    assert doors
    for path in doors:
        assert not [found for found in imports(path) if reaches(found, "psycopg", "psycopg_pool")]


PURE_OF = (
    "clearhouse.kernel.clock",
    "clearhouse.kernel.jobs",
    "clearhouse.kernel.keys",
    "clearhouse.kernel.ledger",
    "clearhouse.kernel.services",
    "clearhouse.kernel.store",
    "clearhouse.kernel.vault",
    "asyncio",
    "http",
    "httpx",
    "os",
    "psycopg",
    "random",
    "requests",
    "secrets",
    "socket",
    "subprocess",
    "time",
    "urllib.request",
)
RULES = [path for path in MODULES if path.name == "rules.py"]


@pytest.mark.parametrize("path", RULES, ids=name_of)
def test_rules_decide_without_store_clock_network_or_chance(path):
    found = set(imports(path))
    room = name_of(path).rsplit(".", 1)[0]
    assert not [name for name in found if reaches(name, *PURE_OF, f"{room}._store")]
    calls = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }
    assert not calls & {"now", "utcnow", "today"}


def test_formats_read_no_files_and_no_clock_of_their_own():
    """They are pure: bytes in, records out."""
    for path in MODULES:
        if path.parent == SRC / "clearhouse" / "formats":
            assert not [
                name
                for name in imports(path)
                if reaches(name, "clearhouse.kernel", "socket", "subprocess", "time", "psycopg")
            ], name_of(path)


def test_the_guest_of_the_sandbox_imports_nothing_of_ours():
    for path in MODULES:
        if "guest" in path.parts:
            strangers = [
                name
                for name in imports(path)
                if reaches(name, "clearhouse")
                and not reaches(name, "clearhouse.bench.sandbox.guest")
            ]
            assert strangers == [], name_of(path)
