"""Laws of claim checks: what the source says holds, and what was renamed is never denied."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.validate.claims.elsewhere import Elsewhere, History, Names
from clearhouse.clearing.validate.claims.near import near_name, near_path
from clearhouse.clearing.validate.claims.source import check_source
from clearhouse.clearing.validate.claims.symbols import outline
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.record import ClaimResult

WORDS = st.sampled_from(
    ["cookie", "header", "frame", "parse", "read", "write", "buffer", "length", "token", "stream",
     "option", "verify", "socket", "chunk", "range", "merge"]
)  # fmt: skip
NAMES = st.lists(WORDS, min_size=2, max_size=4).map("_".join)
BODIES = {
    "py": "def {0}(data):\n    return data\n\n",
    "c": "int {0}(char *data)\n{{\n  return 0;\n}}\n",
    "js": "function {0}(data) {{\n  return data;\n}}\n",
    "go": "func {0}(data int) int {{\n\treturn data\n}}\n",
    "rs": "fn {0}(data: i32) -> i32 {{\n    data\n}}\n",
    "java": "class A_{0} {{ int {0}(int data) {{ return data; }} }}\n",
    "ts": "export function {0}(data: number): number {{\n  return data;\n}}\n",
    "cpp": "namespace n {{ int {0}(int data) {{ return data; }} }}\n",
}
KINDS = st.sampled_from(sorted(BODIES))
WHOLE_HISTORY = Elsewhere(
    history=History(names_searched="all of it", fresh=True), names=Names(own=("",))
)


@st.composite
def trees(draw, min_functions=1):
    kind = draw(KINDS)
    names = draw(st.lists(NAMES, min_size=min_functions, max_size=6, unique=True))
    files = {}
    for number, name in enumerate(names):
        path = f"{draw(WORDS)}/{draw(WORDS)}{number}.{kind}"
        files[path] = ("\n" * draw(st.integers(0, 3))) + BODIES[kind].format(name)
    return SourceTree(version="1", files=files, whole=draw(st.booleans())), kind, names


def results(draft, claimed, newest=None, elsewhere=WHOLE_HISTORY):
    return {one.result for one in check_source(draft, claimed, newest or claimed, elsewhere)}


@settings(max_examples=30)
@given(trees(), st.data())
def test_what_is_quoted_from_the_source_itself_always_holds(made, data):
    tree, _, _ = made
    path = data.draw(st.sampled_from(sorted(tree.files)))
    text = tree.files[path]
    found = outline(path, text)
    one = data.draw(st.sampled_from([d for d in found.definitions if d.is_function]))
    place = Location(
        file=path, function=one.name, line=data.draw(st.integers(1, text.count("\n") + 1)),
        snippet=text,
    )  # fmt: skip
    assert results(Draft(locations=(place,)), tree) == {ClaimResult.HOLDS}


@settings(max_examples=30)
@given(trees(), st.data())
def test_moving_a_file_never_makes_a_contradiction(made, data):
    tree, _, _ = made
    path = data.draw(st.sampled_from(sorted(tree.files)))
    moved = {f"elsewhere/{data.draw(WORDS)}/{name.rpartition('/')[2]}": text
             for name, text in tree.files.items()}  # fmt: skip
    later = SourceTree(version="2", files=moved, whole=tree.whole)
    found = outline(path, tree.files[path])
    place = Location(file=path, function=found.definitions[-1].name, line=1)
    assert ClaimResult.CONTRADICTED not in results(Draft(locations=(place,)), later, tree)
    assert ClaimResult.CONTRADICTED not in results(Draft(locations=(place,)), later)


@settings(max_examples=30)
@given(trees(), NAMES, st.data())
def test_what_history_or_a_dependency_knows_is_never_denied(made, name, data):
    tree, _, _ = made
    path = data.draw(st.sampled_from(sorted(tree.files)))
    known = data.draw(st.sampled_from(["history", "dependency"]))
    elsewhere = (
        Elsewhere(
            history=History(names={name: "x.c"}, names_searched="all"), names=Names(own=("",))
        )
        if known == "history"
        else Elsewhere(dependencies={name: "pkg:pypi/dep"}, names=Names(own=("",)))
    )
    draft = Draft(locations=(Location(file=path, function=name),))
    assert ClaimResult.CONTRADICTED not in results(draft, tree, None, elsewhere)


@settings(max_examples=30)
@given(NAMES, st.integers(0, 3), st.sampled_from("abcxyz"))
def test_a_name_is_near_itself_in_another_case_and_with_one_letter_wrong(name, place, letter):
    assert near_name(name.upper(), [name]) == name
    assert near_name(name.replace("_", ""), [name]) == name
    words = name.split("_")
    words[-1] = words[-1][: place + 1] + letter + words[-1][place + 2 :]
    if len(words) > 1:
        assert near_name("_".join(words), [name]) == name


@settings(max_examples=30)
@given(st.lists(WORDS, min_size=2, max_size=4).map("/".join), WORDS)
def test_a_path_is_near_the_same_name_in_any_folder(path, folder):
    assert near_path(f"{folder}/{path}.c", [f"other/{path}.c"]) == f"other/{path}.c"


@settings(max_examples=30)
@given(st.text(max_size=300), st.sampled_from(sorted(BODIES)))
def test_any_text_can_be_read_as_source(text, kind):
    found = outline(f"a.{kind}", text)
    assert all(1 <= one.first_line <= one.last_line for one in found.definitions)


@settings(max_examples=30)
@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_any_report_can_be_looked_up(description, file, function):
    tree = SourceTree(version="1", files={"a/b.c": BODIES["c"].format("read_frame")})
    draft = Draft(
        title=description, description=description, crash_log=description,
        locations=(Location(file=file, function=function, line=3, snippet=description),),
    )  # fmt: skip
    list(check_source(draft, tree, tree, WHOLE_HISTORY))
