import itertools

import pytest

from clearhouse.formats.cwe import (
    CweError,
    ancestors,
    canonical,
    compatible,
    families,
    family,
    weakness,
)

TOP = (
    "79 787 89 352 22 125 78 416 862 434 94 20 77 287 269 502 200 863 918 119 476 798 190 400 306 "
    "770 668 74 427 639 532 732 601 362 522 276 203 59 617 843"
)
FUZZED = "121 122 124 126 127 131 193 369 401 415 457 590 617 674 680 704 761 762 824 825 835 908"


@pytest.mark.parametrize("text", ["CWE-22", "cwe-22", "22", " CWE 22", "CWE_022"])
def test_an_id_is_read_however_it_is_written(text):
    assert canonical(text) == "CWE-22"


@pytest.mark.parametrize("text", ["", "CWE-", "CWE-0", "CWE-22a", "NVD-CWE-noinfo", "CWE-123456"])
def test_what_is_no_id_is_refused(text):
    with pytest.raises(CweError):
        canonical(text)


@pytest.mark.parametrize("number", [*TOP.split(), *FUZZED.split()])
def test_the_weaknesses_that_reports_name_most_are_listed(number):
    found = weakness(number)
    assert found.id == f"CWE-{number}"
    assert found.name
    assert found.parents


@pytest.mark.parametrize(
    ("ids", "name"),
    [
        ("22 23 36", "path-traversal"),
        ("89 564", "injection-sql"),
        ("77 78 88", "injection-command"),
        ("79 80", "xss"),
        ("400 1333 674 835", "resource"),
        ("502", "deserialization"),
        ("121 122 125 787", "memory-oob"),
        ("415 416", "memory-lifetime"),
        ("1321", "prototype-pollution"),
        ("918", "ssrf"),
        ("611 776", "xml-entity"),
    ],
)
def test_ids_of_one_kind_of_flaw_share_a_family(ids, name):
    assert {family(one) for one in ids.split()} == {name}
    assert {f"CWE-{one}" for one in ids.split()} <= set(families()[name])


def test_an_id_outside_the_list_or_too_wide_is_its_own_family():
    assert family("CWE-9999") == "CWE-9999"
    assert family("CWE-20") == "CWE-20"
    assert weakness("CWE-20").family is None
    assert weakness("9999") is None


def test_ancestors_follow_the_parents_to_the_top():
    assert {"CWE-788", "CWE-119", "CWE-118"} <= ancestors("CWE-122")
    assert ancestors("CWE-9999") == frozenset()


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("CWE-22", "CWE-36", True),
        ("CWE-20", "CWE-79", True),
        ("CWE-122", "CWE-119", True),
        ("CWE-89", "CWE-943", True),
        ("CWE-89", "CWE-79", False),
        ("CWE-9999", "CWE-9999", True),
        ("CWE-9999", "CWE-79", False),
    ],
)
def test_two_ids_can_name_one_flaw_or_cannot(first, second, answer):
    assert compatible(first, second) is answer
    assert compatible(second, first) is answer


def test_no_weakness_is_in_two_families_and_none_is_its_own_ancestor():
    listed = list(itertools.chain.from_iterable(families().values()))
    assert len(listed) == len(set(listed)) > 200
    assert [one for one in listed if one in ancestors(one)] == []
