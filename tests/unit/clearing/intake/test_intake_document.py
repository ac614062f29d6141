from clearhouse.clearing.intake.readers.document import MAX_NOTICES, Node
from clearhouse.clearing.intake.readers.provenance import MAX_COUNT, merged, read_provenance
from clearhouse.clearing.intake.record import (
    DuplicateSearch,
    HumanReview,
    ModelUse,
    Provenance,
    Tooling,
)


def test_fields_that_nobody_used_come_back_by_pointer():
    node = Node(
        {"a": "x", "b/c": 1, "d": {"e": "y", "f": [1]}, "g": [{"h": "z", "i": 2}, "odd"], "j": None}
    )
    assert node.text("a") == "x"
    assert node.node("d").text("e") == "y"
    assert [one.text("h") for one in node.nodes("g")] == ["z"]
    assert node.rest() == {"/b~1c": 1, "/d/f": [1], "/g/0/i": 2, "/g/1": "odd"}


def test_a_field_of_another_type_is_noticed_and_given_back():
    node = Node({"t": 1, "l": ["x", 2], "n": True, "o": [], "s": {}})
    assert node.text("t") is None
    assert node.texts("l") == ()
    assert node.integer("n") is None
    assert not node.node("o")
    assert node.nodes("s") == ()
    assert [notice.field for notice in node.notices] == ["/t", "/l", "/n", "/o", "/s"]
    assert {notice.code for notice in node.notices} == {"wrong_type"}
    assert set(node.rest()) == {"/t", "/l", "/n", "/o", "/s"}


def test_notices_are_bounded_and_absent_fields_give_none():
    node = Node({f"f{n}": 1 for n in range(MAX_NOTICES + 9)})
    for name in list(node.members):
        node.text(name)
    assert len(node.notices) == MAX_NOTICES
    assert node.text("absent") is None


def test_blank_text_is_absent_and_one_text_is_a_list_of_one():
    node = Node({"a": "  ", "b": " x "})
    assert (node.text("a"), node.texts("b")) == (None, ("x",))


def test_a_value_that_is_no_object_is_an_empty_node():
    assert not Node([1])
    assert Node("x").rest() == {}


def test_a_field_can_be_kept_after_it_was_read():
    node = Node({"a": "x"})
    node.text("a")
    node.keep("a")
    assert node.rest() == {"/a": "x"}


FULL = {
    "discovery_method": "ai-discovered",
    "tooling": "t",
    "models": [{"name": "m", "version": "1", "vendor": "v"}, {"version": "2"}],
    "scaffold": "s",
    "scaffold_version": "3",
    "human_review": [{"who": "w", "what": "x", "minutes": 5}],
    "attempts": 10,
    "candidates": 0,
    "confidentiality": "Confidential",
    "duplicate_searches": [{"where": "OSV", "query": "q", "result": "r"}],
}


def test_the_provenance_object_is_read_whole():
    node = Node(FULL)
    assert read_provenance(node) == Provenance(
        discovery_method="ai-discovered",
        tooling="t",
        models=(ModelUse(name="m", version="1", vendor="v"),),
        scaffold="s",
        scaffold_version="3",
        human_review=(HumanReview(who="w", what="x", minutes=5),),
        attempts=10,
        candidates=0,
        confidentiality=Tooling.CONFIDENTIAL,
        duplicate_searches=(DuplicateSearch(where="OSV", query="q", result="r"),),
    )
    assert node.rest() == {"/models/1/version": "2"}


def test_an_absent_object_says_nothing():
    assert read_provenance(Node({})) == Provenance()


def test_impossible_counts_and_unknown_words_are_noticed_and_kept():
    node = Node({"attempts": -1, "candidates": MAX_COUNT + 1, "confidentiality": "maybe"})
    assert read_provenance(node) == Provenance()
    assert [notice.code for notice in node.notices] == [
        "out_of_range",
        "out_of_range",
        "unknown_value",
    ]
    assert node.rest() == {
        "/attempts": -1,
        "/candidates": MAX_COUNT + 1,
        "/confidentiality": "maybe",
    }


def test_of_two_statements_the_first_counts_where_it_speaks():
    first = Provenance(attempts=0, tooling="a", confidentiality=Tooling.PUBLIC)
    second = Provenance(
        attempts=9, candidates=2, scaffold="s", confidentiality=Tooling.CONFIDENTIAL
    )
    both = merged(first, second)
    assert (both.attempts, both.candidates, both.tooling, both.scaffold) == (0, 2, "a", "s")
    assert both.confidentiality is Tooling.PUBLIC
    assert merged(Provenance(), second) == second
