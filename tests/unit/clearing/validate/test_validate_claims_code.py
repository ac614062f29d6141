"""Claims about code that the syntax tree answers: calls, imports, proofs, definitions, checks."""

import pytest

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.validate.claims.cited import Citation, Origin
from clearhouse.clearing.validate.claims.elsewhere import Names
from clearhouse.clearing.validate.claims.guards import check_guard
from clearhouse.clearing.validate.claims.interfaces import check_interfaces
from clearhouse.clearing.validate.claims.proofs import check_proofs
from clearhouse.clearing.validate.claims.symbols import outline
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import ClaimResult

HOLDS, WRONG, OPEN = ClaimResult.HOLDS, ClaimResult.CONTRADICTED, ClaimResult.UNCHECKABLE
READER = '''\
import functools


def load(path, *, limit: int = 3, strict=False):
    """Read."""
    return path


def anything(path, *args, **more):
    return path


@functools.cache
def wrapped(path):
    return path


class Reader:
    def read(self, size: int):
        return size
'''
FILES = {
    "src/pack/__init__.py": "from .reader import load\n",
    "src/pack/reader.py": READER,
    "src/pack/lazy.py": "def __getattr__(name):\n    return name\n",
    "src/pack/broken.py": "def torn(path:\n",
}


def tree(files=FILES, version="1.0"):
    return SourceTree(version=version, files=files)


def attached(text, name="proof.py", kind=AttachmentKind.POC):
    data = text if isinstance(text, bytes) else text.encode()
    return Attachment(filename=name, content_type="text/plain", data=data, kind=kind)


# named parameters and imports


def interfaces(*, newest=None, **stated):
    claimed = tree()
    return {
        one.subject: one.result
        for one in check_interfaces(Draft(**stated), claimed, newest or claimed)
    }


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("load(path, limit=9)", {"load(limit=)": HOLDS}),
        ("load(path, limit=9, depth=1)", {"load(limit=)": HOLDS, "load(depth=)": WRONG}),
        ("load(limit == 3)", {}),
        ("anything(depth=1)", {"anything(depth=)": OPEN}),
        ("wrapped(depth=1)", {"wrapped(depth=)": OPEN}),
        ("not_there(depth=1)", {"not_there(depth=)": OPEN}),
        ("=", {}),
    ],
)
def test_a_parameter_is_denied_where_a_plain_definition_lists_all_it_takes(function, expected):
    place = Location(file="src/pack/reader.py", function=function)
    assert interfaces(locations=(place,)) == expected


def test_parameters_in_files_that_are_absent_or_torn_are_not_denied():
    absent = Location(file="src/pack/none.py", function="load(depth=1)")
    torn = Location(file="src/pack/broken.py", function="torn(depth=1)")
    assert interfaces(locations=(absent,)) == {}
    assert interfaces(locations=(torn,)) == {"torn(depth=)": OPEN}


def test_a_parameter_of_the_newest_version_is_not_denied():
    place = Location(file="src/pack/reader.py", function="load(depth=1)")
    later = FILES | {"src/pack/reader.py": "def load(path, depth):\n    return path\n"}
    assert interfaces(locations=(place,), newest=tree(later, "2.0")) == {"load(depth=)": OPEN}


def test_what_a_proof_imports_and_calls_is_looked_up_in_the_module():
    proof = (
        "from pack.reader import load as read, unheard_of\n"
        "from pack import reader\nfrom pack.lazy import made_up\nfrom pack.reader import *\n"
        "from elsewhere import thing\nfrom . import near\n"
        "read('x', depth=1, limit=2, **{})\nprint('x', end='')\nunheard_of(size=1)\n"
    )
    assert interfaces(attachments=(attached(proof),)) == {
        "from pack.reader import load": HOLDS,
        "from pack.reader import unheard_of": WRONG,
        "from pack import reader": HOLDS,
        "from pack.lazy import made_up": OPEN,
        "load(depth=)": WRONG,
        "load(limit=)": HOLDS,
    }


def test_an_import_that_the_newest_version_has_is_not_denied():
    proof = attached("from pack.reader import later_name\n")
    later = FILES | {"src/pack/reader.py": "def later_name(): pass\n"}
    found = interfaces(attachments=(proof,), newest=tree(later, "2.0"))
    assert found == {"from pack.reader import later_name": OPEN}


@pytest.mark.parametrize(
    "proof",
    [
        attached("from pack.reader import unheard_of(", "proof.py"),
        attached("from pack.reader import unheard_of", "proof.txt"),
        attached("from pack.reader import unheard_of", kind=AttachmentKind.OTHER),
        attached(b"from pack.reader import unheard_of\n" + b"#" * (256 << 10)),
    ],
)
def test_what_is_no_readable_python_proof_says_nothing_about_imports(proof):
    assert interfaces(attachments=(proof,)) == {}


# proofs


def proof_result(*proofs, purl="pkg:pypi/pack", claimed=None, **stated):
    draft = Draft(purl=purl, attachments=proofs, **stated)
    found = list(check_proofs(draft, claimed or tree(), Names()))
    return found[0].result if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pack\npack.load('x')\n", HOLDS),
        ("import requests\nrequests.get('http://127.0.0.1')\n", OPEN),
        ("from . import pack_copy\n", OPEN),
        ("import json\nprint(json.dumps('VULN'))\n", WRONG),
        (
            (
                "def f(a, *b):\n    try:\n        return a\n    except ValueError as e:\n"
                "        print(e)\nclass K: pass\nasync def g(): pass\nf(1)\n"
            ),
            WRONG,
        ),
        ("import sys\nopen('x.bin', 'w').write('A' * 9)\n", OPEN),
        ("load('x')\n", OPEN),
        ("", OPEN),
        ("def torn(:\n", OPEN),
    ],
)
def test_a_python_proof_is_denied_only_when_nothing_of_it_can_reach_the_target(text, expected):
    assert proof_result(attached(text)) is expected


@pytest.mark.parametrize(
    "proof",
    [
        attached("wire --set x", "run.sh"),
        attached(b"\0\1", "proof.py"),
        attached("x = 1\n", "proof.go"),
        attached("x = 1\n" + "#" * (256 << 10)),
    ],
)
def test_a_proof_that_is_not_read_is_left_to_a_person(proof):
    assert proof_result(proof) is OPEN


def test_a_python_proof_about_another_kind_of_package_is_left_to_a_person():
    assert proof_result(attached("print(1)\n"), purl="pkg:npm/pack") is OPEN


def test_a_proof_whose_output_is_passed_on_is_left_to_a_person():
    described = "Run it like this:\n    python3 proof.py > crash.bin\n"
    assert proof_result(attached("print('A' * 9)\n"), description=described) is OPEN


def test_without_a_proof_or_a_package_there_is_no_answer():
    assert proof_result() is None
    assert proof_result(attached("print(1)\n"), purl=None) is None


C_TARGET = {
    "lib/wire.c": "int wire_open_stream(const char *a)\n{\n  int b = 0;\n  b += a[0];\n"
    "  b *= 3;\n  return b;\n}\n",
    "tests/wire.c": "int wire_test_helper(void) { return 0; }\n",
}
MAIN = "int main(void) {{ {0} return 0; }}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MAIN.format("wire_open_stream(0);"), HOLDS),
        (MAIN.format("wire_test_helper();"), WRONG),
        (MAIN.format("open_stream(0);"), WRONG),
        (MAIN.format('system("ls -l");'), WRONG),
        (MAIN.format("system(command);"), OPEN),
        (C_TARGET["lib/wire.c"].replace("b *= 3", "b *= 4") + MAIN.format(""), OPEN),
        ("int wire_open_stream(int a) { return a; }\n" + MAIN.format(""), WRONG),
        ("int fragment(void) { return 0; }\n", OPEN),
    ],
)
def test_a_compiled_proof_must_call_run_or_carry_the_target(text, expected):
    found = proof_result(attached(text, "proof.c"), purl="pkg:generic/wire", claimed=tree(C_TARGET))
    assert found is expected


# definitions


@pytest.mark.parametrize(
    ("path", "text", "functions", "others"),
    [
        (
            "a.c",
            (
                "struct s;\nstruct t { int a; };\nint *f(int a) { return 0; }\n#define M(x) x\n"
                "typedef int (*callback)(int);\nint v, w;\nenum e { one, two };\n"
            ),
            {"f", "M"},
            {"t", "v", "w", "e", "one", "two"},
        ),
        (
            "a.js",
            (
                "const a = () => 1, b = 2;\nexports.c = function () {};\n"
                "module.exports = { 'd-e': () => 1, f() {}, g: 3 };\nclass K { #p = 1; m() {} }\n"
            ),
            {"a", "c", "d-e", "f", "m"},
            {"b", "g", "K"},
        ),
        (
            "a.py",
            "x: int = 1\ny = z = 2\nasync def f(a, b: int, c=1, d: int = 2, *e): pass\n",
            {"f"},
            {"x", "y"},
        ),
        ("a.rs", "macro_rules! m { () => {} }\nfn f() {}\nstruct S;\n", {"m", "f"}, {"S"}),
    ],
)
def test_definitions_of_a_language_are_read_with_their_kind(path, text, functions, others):
    found = outline(path, text).definitions
    assert functions <= {one.name for one in found if one.is_function}
    assert others <= {one.name for one in found if not one.is_function}


def test_parameters_of_python_are_named_however_they_are_written():
    (found,) = outline("a.py", "def f(a, b: int, c=1, d: int = 2, *e): pass\n").definitions
    assert found.parameters == ("a", "b", "c", "d")
    assert found.takes_any


def test_a_function_that_macros_hide_from_the_grammar_is_still_found():
    text = (
        "BEGIN_API(x\n#if A\nint f(void) {\n#endif\n/*\nint spoken_of(int a) {\n*/\n"
        "static int hidden_by_macros(struct a *b) {\n  return 0;\n}\n"
    )
    found = outline("a.c", text)
    assert not found.whole
    hidden = next(one for one in found.definitions if one.name == "hidden_by_macros")
    assert (hidden.is_function, hidden.takes_any) == (True, True)
    assert found.named("spoken_of") == ()


def test_a_language_that_is_not_read_has_no_outline():
    assert outline("a.txt", "def f(): pass") is None


# checks in front of a line


def guard(path, text, line, *, origin=Origin.STATED, file=None):
    cited = Citation(origin=origin, file=file or path, line=line)
    return [one.subject for one in check_guard(cited, tree({path: text}))]


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        (
            "a.py",
            (
                "def f(key):\n    if len(key) > 3:\n        raise ValueError\n"
                "    x = 1\n    use(key)\n"
            ),
            5,
        ),
        (
            "a.c",
            (
                "int f(char *key) {\n  if (a) b();\n  else if (strlen(key) > 3) { x(); return 1; }"
                "\n  y();\n  use(key);\n}\n"
            ),
            5,
        ),
        (
            "a.c",
            (
                "int f(char *key) {\n  if (strlen(key) > 3)\n    return 1;\n  {\n    use(key);\n"
                "  }\n}\n"
            ),
            5,
        ),
        (
            "a.rs",
            (
                "fn f(key: &str) {\n    if key.len() > 3 {\n        return;\n    }\n"
                "    let x = 1;\n    take(key);\n}\n"
            ),
            6,
        ),
        (
            "a.js",
            ("function f(key) {\n  if (key.length > 3) { throw new Error() }\n  use(key)\n}\n"),
            3,
        ),
    ],
)
def test_a_check_that_measures_and_leaves_is_named(path, text, line):
    assert guard(path, text, line) == [f"{path}:{line}"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("  if (strlen(key) > 3) { x(); }\n  use(key);\n", 3),
        ("  if (strlen(key) > 3) { }\n  use(key);\n", 3),
        ("  if (strlen(key) > 3) { /* left out */ }\n  use(key);\n", 3),
        ("  if (strlen(other) > 3) return 1;\n  use(key);\n", 3),
        ("  if (key) return 1;\n  use(key);\n", 3),
        ("  if (strlen(key) > 3) return 1;\n" + "  x();\n" * 16 + "  use(key);\n", 19),
        ("  use(key);\n", 90),
    ],
)
def test_a_check_that_does_not_leave_measure_or_concern_the_line_is_not_named(body, line):
    assert guard("a.c", "int f(char *key) {\n" + body + "}\n", line) == []


def test_frames_unread_languages_and_absent_files_have_no_checks_in_front():
    text = "int f(char *key) {\n  if (strlen(key) > 3) return 1;\n  use(key);\n}\n"
    assert guard("a.c", text, 3) == ["a.c:3"]
    assert guard("a.c", text, 3, origin=Origin.FRAME) == []
    assert guard("a.c", text, None) == []
    assert guard("a.c", text, 3, file="none/at/all.c") == []
    assert guard("a.txt", text, 3) == []
