import json
import os
import shutil
import subprocess

import pytest

from clearhouse.clearing.validate.reproduce import views
from clearhouse.clearing.validate.reproduce.decoy import decoy
from clearhouse.clearing.validate.reproduce.decoy_python import with_looks_of
from clearhouse.clearing.validate.reproduce.packages import BuildError, Environment, PackageCache
from clearhouse.clearing.validate.reproduce.views import fresh_view

OLD = '''
"""About."""
from __future__ import annotations
import re

class Base:
    def shared(self): return "base"

class Reader(Base):
    """Reads."""
    def read(self, text):
        """Read a text."""
        return int(text)

def size(items): return len(items)
'''
NEW = '''
"""About, with a limit."""
from __future__ import annotations
import re, string

LIMIT = re.compile("[0-9]+")

class Base:
    def shared(self): return "base"

class Reader(Base):
    """Reads."""
    strict = True
    def shared(self): return "other"
    def __len__(self): return 0
    def check(self, text): return LIMIT.fullmatch(text)
    def read(self, text, most=9):
        """Read a text of digits."""
        found = LIMIT.fullmatch(text, 7)
        if not found: raise ValueError("no digits")
        return int(text)

def size(items): return len(items)
def limit(): raise RuntimeError
if LIMIT:
    BOTH = 1
broken = undefined_name
'''


def loaded(text):
    space = {"__name__": "m"}
    exec(compile(text, "m.py", "exec"), space)  # noqa: S102  # a text of this file
    return space


def test_a_decoy_does_what_its_own_version_does():
    space = loaded(with_looks_of(OLD, NEW))
    reader = space["Reader"]()
    assert reader.read("+5") == 5
    assert reader.shared() == "base"
    assert bool(reader) is True
    assert space["size"]([1]) == 1
    with pytest.raises(ValueError, match="no digits"):
        loaded(with_looks_of(NEW.replace("broken = undefined_name", ""), OLD))["Reader"]().read(
            "+5"
        )


def test_a_decoy_has_the_names_of_the_other_version():
    space = loaded(with_looks_of(OLD, NEW))
    reader = space["Reader"]
    assert space["LIMIT"].fullmatch("12")
    assert callable(space["limit"])
    assert (space["BOTH"], space["broken"]) == (1, None)
    assert reader.strict is True
    assert "shared" in vars(reader)
    assert reader().check("12")
    assert not hasattr(reader, "__len__")


def test_a_changed_function_mentions_what_its_other_version_mentions():
    read = loaded(with_looks_of(OLD, NEW))["Reader"].read
    assert {"LIMIT", "fullmatch", "ValueError"} <= set(read.__code__.co_names)
    assert {"no digits", 7} <= set(read.__code__.co_consts)
    assert {"found", "most"} <= set(read.__code__.co_varnames)
    assert "of digits" in read.__doc__
    assert "a limit" in loaded(with_looks_of(OLD, NEW))["__doc__"]


def test_text_that_is_no_python_has_no_looks():
    assert with_looks_of("def", "x = 1") is None
    assert with_looks_of("x = 1", "def") is None


def environment(folder, files, kind="pypi"):
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    digest = folder.name
    return Environment(folder=folder, kind=kind, versions=(), own_files=tuple(files), sha256=digest)


def test_a_decoy_has_every_file_of_both_versions_in_other_sizes(tmp_path):
    cache = PackageCache(tmp_path / "cache")
    old = environment(tmp_path / "old", {"m.py": OLD, "same.py": "x = 1\n", "data.bin": "1"})
    new = environment(tmp_path / "new", {"m.py": NEW, "same.py": "x = 1\n", "more.py": "y = 2\n"})
    found = decoy(cache, old, new)
    assert {"m.py", "same.py", "more.py"} <= {path.name for path in found.folder.iterdir()}
    assert (found.folder / "data.bin").read_text() == "1"
    for name in ("m.py", "same.py"):
        assert (found.folder / name).stat().st_size > (new.folder / name).stat().st_size + 256
    assert loaded((found.folder / "same.py").read_text())["x"] == 1
    assert "more.py" in found.own_files


def test_what_was_compiled_from_changed_code_is_left_out(tmp_path):
    cache = PackageCache(tmp_path / "cache")
    old = environment(tmp_path / "old", {"m.py": OLD, "same.py": "x = 1\n"})
    for name in ("m", "same"):
        (old.folder / "__pycache__").mkdir(exist_ok=True)
        (old.folder / "__pycache__" / f"{name}.cpython-311.pyc").write_text("")
    new = environment(tmp_path / "new", {"m.py": NEW, "same.py": "x = 1\n"})
    found = decoy(cache, old, new)
    assert [one.name for one in found.folder.glob("__pycache__/*")] == ["same.cpython-311.pyc"]


def test_files_that_are_no_text_or_no_python_keep_their_code(tmp_path):
    cache = PackageCache(tmp_path / "cache")
    old = environment(tmp_path / "old", {"m.py": "def", "n.js": "1", "package.json": "[]"})
    new = environment(tmp_path / "new", {"m.py": NEW, "n.js": "2", "package.json": "{}"})
    (new.folder / "n.js").write_bytes(b"\xff")
    found = decoy(cache, old, new)
    assert (found.folder / "m.py").read_text().startswith("def\n# ..")
    assert (found.folder / "n.js").read_text().startswith("1\n// ..")
    assert (found.folder / "package.json").read_text() == "[]"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_decoy_of_a_node_module_has_the_exports_of_the_other_version(tmp_path):
    cache = PackageCache(tmp_path / "cache")
    manifest = {"name": "p", "version": "1", "main": "i.js"}
    old = environment(
        tmp_path / "old",
        {
            "p/i.js": "module.exports = function f() { return 'old' }",
            "p/package.json": json.dumps(manifest | {"keywords": ["a"]}),
        },
        kind="npm",
    )
    new = environment(
        tmp_path / "new",
        {
            "p/i.js": "module.exports = function f() { return 'new' }; module.exports.strict = 1",
            "p/package.json": json.dumps(manifest | {"keywords": ["b"]}),
        },
        kind="npm",
    )
    found = decoy(cache, old, new)
    ask = (
        "const p = require('./p');"
        "console.log(p(), typeof p.strict, require('./p/package').keywords[0])"
    )
    done = subprocess.run(
        ["node", "-e", ask], check=True, cwd=found.folder, capture_output=True, text=True
    )
    assert done.stdout.split() == ["old", "function", "b"]


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A folder in the place of this machine's shared memory."""
    place = tmp_path / "memory"
    place.mkdir()
    monkeypatch.setattr(views, "_MEMORY", place)
    monkeypatch.setattr(views, "_ROOM_BYTES", 1)
    return place


def shown_to_guests(tmp_path):
    return environment(tmp_path / "cache" / "key" / "content", {"a/x.py": "x = 1"})


def test_every_view_is_at_a_place_of_its_own_and_is_removed(tmp_path, memory):
    shown = shown_to_guests(tmp_path)
    with fresh_view(shown) as one, fresh_view(shown) as other:
        assert one.folder != other.folder
        assert (one.folder / "a/x.py").read_text() == "x = 1"
        assert (one.folder / "a/x.py").stat().st_ino != (other.folder / "a/x.py").stat().st_ino
        assert "key" not in str(one.folder.relative_to(tmp_path))
        assert one.folder.is_relative_to(memory)
    assert [list(one.iterdir()) for one in memory.iterdir()] == [[]]


def test_without_room_in_memory_views_stand_beside_the_cache(tmp_path, memory, monkeypatch):
    monkeypatch.setattr(views, "_ROOM_BYTES", 1 << 80)
    with fresh_view(shown_to_guests(tmp_path)) as one:
        assert one.folder.parent == tmp_path / "cache" / "views"


def test_a_folder_in_memory_that_somebody_else_placed_there_is_not_used(tmp_path, memory):
    (memory / f"clearhouse-views-{os.geteuid()}").symlink_to(tmp_path)
    with fresh_view(shown_to_guests(tmp_path)) as one:
        assert one.folder.parent == tmp_path / "cache" / "views"


def test_a_machine_without_shared_memory_keeps_views_beside_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "_MEMORY", tmp_path / "none")
    with fresh_view(shown_to_guests(tmp_path)) as one:
        assert one.folder.parent == tmp_path / "cache" / "views"


def test_a_view_that_a_killed_process_left_behind_is_swept_up(tmp_path, memory, monkeypatch):
    with fresh_view(shown_to_guests(tmp_path)) as one:
        monkeypatch.setattr(views, "_LEFT_BEHIND_S", -1)
        with fresh_view(shown_to_guests(tmp_path)):
            assert not one.folder.exists()


def test_a_very_large_package_is_shown_where_it_lies(tmp_path, monkeypatch):
    shown = environment(tmp_path / "cache" / "key" / "content", {"a.py": "", "b.py": ""})
    monkeypatch.setattr("clearhouse.clearing.validate.reproduce.views.MOST_FILES", 1)
    with fresh_view(shown) as found:
        assert found is shown


def test_the_name_of_a_place_in_the_cache_is_this_caches_secret(tmp_path):
    old = environment(tmp_path / "old", {"m.py": OLD})
    new = environment(tmp_path / "new", {"m.py": NEW})
    names = {decoy(PackageCache(tmp_path / one), old, new).folder.parent.name for one in "abb"}
    assert len(names) == 2


def test_a_view_that_cannot_be_copied_is_the_machines_trouble(tmp_path):
    shown = environment(tmp_path / "cache" / "key" / "content", {"a.py": ""})
    shutil.rmtree(shown.folder)
    with pytest.raises(BuildError), fresh_view(shown):
        pass
