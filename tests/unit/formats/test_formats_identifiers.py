import pytest

from clearhouse.formats.identifiers import (
    cwe_ids,
    find_vulnerability_ids,
    is_commit,
    vulnerability_id,
)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("cve-2020-14343", "CVE-2020-14343"),
        (" CVE-2026-1234567 ", "CVE-2026-1234567"),
        ("ghsa-8Q59-q68h-6hv4", "GHSA-8q59-q68h-6hv4"),
        ("PYSEC-2021-142", "PYSEC-2021-142"),
        ("RHSA-2022:0216", "RHSA-2022:0216"),
        ("CVE-20-1", None),
        ("GHSA-aaaa-bbbb-cccc", None),
        ("GO-", None),
        ("my finding", None),
    ],
)
def test_an_id_is_spelled_as_its_database_spells_it(text, spelled):
    assert vulnerability_id(text) == spelled


def test_ids_are_found_in_prose_and_not_inside_longer_words():
    text = "See CVE-2020-14343, (GHSA-8q59-q68h-6hv4) and XCVE-2020-1111 or CVE-2020-22222-x."
    assert [found.group() for found in find_vulnerability_ids(text)] == [
        "CVE-2020-14343",
        "GHSA-8q59-q68h-6hv4",
    ]


def test_weakness_ids_are_given_once_without_leading_zeros():
    assert cwe_ids("CWE-79, cwe 089 and CWE-79; not XCWE-22") == ("CWE-79", "CWE-89")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9f8e7d6", True), ("A" * 40, True), ("f" * 64, True), ("9f8e7d", False), ("xyz1234", False)],
)
def test_a_commit_is_seven_to_sixty_four_hexadecimal_digits(text, expected):
    assert is_commit(text) is expected
