import json

import pytest

from clearhouse.bench.sandbox.host.record import Collected, Ended, Observation
from clearhouse.clearing.validate.reproduce.attribution import (
    NOTHING,
    changed_code_ran,
    loaded_modules,
    read_node,
    read_python,
)
from clearhouse.clearing.validate.reproduce.packages import Environment

PYTHON = '''\
"""Doc."""
LIMIT = 3


@staticmethod
def check(data):
    """Doc."""
    inner = lambda value: value
    return inner(data) < LIMIT


def other(data):
    return data
'''
NODE = (
    "function parse(a) { function deep() { return 1 } return a }\nfunction other(b) { return b }\n"
)


def seen(files):
    return Observation(
        ended=Ended.EXITED, exit_code=0, stdout=b"", stderr=b"", truncated=False, wall_s=1,
        cpu_s=1, peak_memory_bytes=1, limits=(), isolation=(),
        collected=tuple(
            Collected(path=path, data=data if isinstance(data, bytes) else json.dumps(data).encode())
            for path, data in files.items()
        ),
    )  # fmt: skip


def environment(folder, files, kind="pypi"):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(data)
    return Environment(
        folder=folder, kind=kind, versions=(), own_files=tuple(sorted(files)), sha256="x"
    )


def called(line=5, name="check", *, file="pkg/a.py", driven=True):
    return {"file": file, "line": line, "name": name, "calls": 1, "driven": driven}


def notes(functions=(), native=(), opened=()):
    return seen(
        {
            "/out/notes.json": {
                "functions": list(functions),
                "native": list(native),
                "opened": list(opened),
            }
        }
    )


def test_what_ran_only_while_loading_was_not_made_to_run(tmp_path):
    own = environment(tmp_path, {"pkg/a.py": PYTHON})
    found = read_python(notes([called(driven=False)]), own)
    assert found.functions == ()
    assert found.files == ("pkg/a.py",)


def test_what_ran_elsewhere_is_not_the_target(tmp_path):
    own = environment(tmp_path, {"pkg/a.py": PYTHON})
    assert read_python(notes([called(file="dep/x.py")]), own).functions == ()


def test_files_of_the_target_opened_by_the_proof_are_named_and_others_are_not(tmp_path):
    own = environment(tmp_path, {"pkg/a.py": PYTHON, "pkg/CHANGES.txt": "fixed"})
    found = read_python(notes([called()], opened=["pkg/a.py", "pkg/CHANGES.txt", "dep/x.py"]), own)
    assert found.inspected == ("pkg/a.py", "pkg/CHANGES.txt")


@pytest.mark.parametrize("data", [b"not json", b"[]"])
def test_notes_that_cannot_be_read_show_nothing(tmp_path, data):
    own = environment(tmp_path, {"pkg/a.py": PYTHON})
    assert read_python(seen({"/out/notes.json": data}), own).functions == ()
    assert read_python(seen({}), own) == NOTHING


@pytest.mark.parametrize(
    ("old", "new", "ran", "changed"),
    [
        ("inner(data)", "inner(data) + 1", (5, "check"), True),
        ("inner(data)", "inner(data) + 1", (12, "other"), False),
        ('"""Doc."""', '"""Other."""', (5, "check"), False),
        ("LIMIT = 3", "LIMIT = 4", (12, "other"), True),
        ("def other(data):", "\n\n\ndef other(data):", (5, "check"), False),
        ("return data\n", "return data  # comment\n", (12, "other"), False),
        ("LIMIT = 3", "LIMIT = (", (12, "other"), True),
    ],
)
def test_only_code_that_differs_and_ran_counts(tmp_path, old, new, ran, changed):
    vulnerable = environment(tmp_path / "v", {"pkg/a.py": PYTHON})
    fixed = environment(tmp_path / "f", {"pkg/a.py": PYTHON.replace(old, new, 1)})
    reached = read_python(notes([called(*ran)]), vulnerable)
    assert changed_code_ran(reached, vulnerable, fixed) is changed


def test_a_file_that_the_fix_removed_counts(tmp_path):
    vulnerable = environment(tmp_path / "v", {"pkg/a.py": PYTHON})
    fixed = environment(tmp_path / "f", {"pkg/b.py": PYTHON})
    assert changed_code_ran(read_python(notes([called()]), vulnerable), vulnerable, fixed)


@pytest.mark.parametrize(("other", "changed"), [(b"\0two", True), (b"\0one", False)])
def test_compiled_code_is_compared_as_bytes(tmp_path, other, changed):
    vulnerable = environment(tmp_path / "v", {"fast.so": b"\0one"})
    fixed = environment(tmp_path / "f", {"fast.so": other})
    reached = read_python(notes(native=[{"file": "fast.so", "name": "dumps"}]), vulnerable)
    assert [one.name for one in reached.functions] == ["dumps"]
    assert changed_code_ran(reached, vulnerable, fixed) is changed


def test_nothing_ran_means_nothing_that_differs_ran(tmp_path):
    one = environment(tmp_path, {"pkg/a.py": PYTHON})
    assert not changed_code_ran(NOTHING, one, one)


# Node.js


def function(name, text, count=1):
    start = NODE.index(text)
    return {
        "functionName": name,
        "ranges": [{"startOffset": start, "endOffset": start + len(text), "count": count}],
    }


PARSE = "function parse(a) { function deep() { return 1 } return a }"
DEEP = "function deep() { return 1 }"
OTHER = "function other(b) { return b }"


def coverage(*functions, url="file:///work/node_modules/lib/index.js", noted=True, **rest):
    files = {
        "/out/coverage/": b"",
        "/out/coverage/coverage-1.json": {"result": [{"url": url, "functions": list(functions)}]},
    }
    if noted:
        files["/out/notes.json"] = {"opened": [], "printed": False} | rest
    return seen(files)


def library(folder, text=NODE):
    return environment(folder, {"lib/index.js": text}, kind="npm")


def test_functions_that_loading_runs_too_are_taken_off(tmp_path):
    own = library(tmp_path)
    run = coverage(function("parse", PARSE, 3), function("other", OTHER, 1))
    idle = coverage(function("parse", PARSE, 1), function("other", OTHER, 1))
    found = read_node(run, own, idle)
    assert [one.name for one in found.functions] == ["parse"]
    assert found.files == ("lib/index.js",)
    assert loaded_modules(run, own) == ("/work/node_modules/lib/index.js",)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return a }", "return a + 1 }", True),
        ("return 1", "return 2", False),  # inside a function that did not run
        ("{ return b }", "{ return b + 1 }", False),
        ("(a) {", "(a)   {", False),
    ],
)
def test_a_function_of_node_is_its_own_text_without_those_inside_it(tmp_path, old, new, changed):
    vulnerable = library(tmp_path / "v")
    fixed = library(tmp_path / "f", NODE.replace(old, new, 1))
    run = coverage(function("parse", PARSE, 1), function("deep", DEEP, 0), function("x", OTHER, 0))
    reached = read_node(run, vulnerable, seen({}))
    assert len(reached.functions) == 1
    assert changed_code_ran(reached, vulnerable, fixed) is changed


def test_coverage_of_other_files_is_not_the_target(tmp_path):
    run = coverage(function("parse", PARSE), url="file:///work/bundle/poc.js")
    assert read_node(run, library(tmp_path), seen({})).functions == ()


def test_a_node_proof_that_reads_or_prints_the_target_is_named(tmp_path):
    own = library(tmp_path)
    run = coverage(
        function("parse", PARSE), opened=["/work/node_modules/lib/index.js"], printed=True
    )
    found = read_node(run, own, seen({}))
    assert found.inspected == ("lib/index.js", "source text of functions")


def test_a_node_run_without_notes_or_coverage_shows_nothing(tmp_path):
    own = library(tmp_path)
    assert read_node(coverage(function("parse", PARSE), noted=False), own, seen({})) == NOTHING
    assert read_node(seen({"/out/notes.json": {}}), own, seen({})) == NOTHING
    odd = coverage({"functionName": "x", "ranges": []}, {"ranges": [{"startOffset": "a"}]})
    assert read_node(odd, own, seen({})).functions == ()
