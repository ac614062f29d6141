import pytest

from clearhouse.clearing.intake.readers.claims import MAX_ENTRIES, canonical, stated_versions
from clearhouse.clearing.intake.record import Draft


def codes(draft):
    return [notice.code for notice in draft.notices]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("5.3.1", ("5.3.1",)),
        ("v5.3.1", ("5.3.1",)),
        ("1.0, 1.1 and 1.2", ("1.0", "1.1", "1.2")),
        ("1.0 1.1", ("1.0", "1.1")),
        ("`5.3.1`", ("5.3.1",)),
        ("< 5.4", ("vers:pypi/<5.4",)),
        ("before 5.4", ("vers:pypi/<5.4",)),
        ("versions prior to 5.4", ("vers:pypi/<5.4",)),
        ("all versions below v5.4", ("vers:pypi/<5.4",)),
        ("5.3.1 and earlier", ("vers:pypi/<=5.3.1",)),
        ("2.0 or later", ("vers:pypi/>=2.0",)),
        ("up to and including 5.3.1", ("vers:pypi/<=5.3.1",)),
        ("through 5.3.1", ("vers:pypi/<=5.3.1",)),
        (">= 1.5.0, < 2.4.0", ("vers:pypi/>=1.5.0|<2.4.0",)),
        (">= 1.5.0 and < 2.4.0", ("vers:pypi/>=1.5.0|<2.4.0",)),
        ("from 1.5.0 before 2.4.0", ("vers:pypi/>=1.5.0|<2.4.0",)),
        ("1.0 - 1.2", ("vers:pypi/>=1.0|<=1.2",)),
        ("1.0 to 1.2", ("vers:pypi/>=1.0|<=1.2",)),
        ("< 1.2; >= 2.0, < 2.1", ("vers:pypi/<1.2", "vers:pypi/>=2.0|<2.1")),
        ("< 1.2 || 3.0", ("vers:pypi/<1.2", "3.0")),
        ("~=1.4", ("vers:pypi/>=1.4|<2.dev0",)),
        ("all versions", ("vers:pypi/*",)),
        ("vers:npm/<1.2.3", ("vers:npm/<1.2.3",)),
        ("the ones from last year", ("the ones from last year",)),
        ("<<<", ("<<<",)),
        (" ", ()),
    ],
)
def test_versions_become_single_versions_and_vers_ranges(text, stated):
    assert stated_versions(text, "pypi") == stated


def test_without_a_scheme_a_range_stays_as_it_was_stated():
    assert stated_versions("< 5.4", None) == ("< 5.4",)
    assert stated_versions("*", None) == ("*",)
    assert stated_versions("1.0, 1.1", None) == ("1.0", "1.1")


def test_a_statement_about_versions_is_read_up_to_its_limit():
    (kept,) = stated_versions("x" * 5000, "npm")
    assert len(kept) == 256


def test_what_cannot_be_read_as_versions_is_kept_and_marked():
    draft = canonical(Draft(purl="pkg:npm/x", affected_versions=("quite a few of them",)))
    assert draft.affected_versions == ("quite a few of them",)
    assert codes(draft) == ["unparseable_versions"]


def test_a_package_url_becomes_identity_name_ecosystem_and_version():
    draft = canonical(Draft(purl="pkg:PyPI/PyYAML@5.3.1"))
    assert (draft.purl, draft.software, draft.ecosystem) == ("pkg:pypi/pyyaml", "pyyaml", "PyPI")
    assert draft.affected_versions == ("5.3.1",)


def test_the_version_of_a_package_url_adds_nothing_where_versions_are_stated():
    assert canonical(
        Draft(purl="pkg:npm/x@2.0.0", affected_versions=("< 2.1.0",))
    ).affected_versions == ("vers:npm/<2.1.0",)


def test_name_and_ecosystem_give_the_package_url():
    draft = canonical(Draft(software="@babel/core", ecosystem="NPM"))
    assert (draft.purl, draft.ecosystem) == ("pkg:npm/%40babel/core", "npm")


def test_a_package_without_an_ecosystem_gets_no_package_url():
    assert canonical(Draft(software="aiohttp")).purl is None


def test_a_package_url_of_a_type_without_an_ecosystem_keeps_the_stated_names():
    draft = canonical(Draft(purl="pkg:generic/openssl", software="OpenSSL"))
    assert (draft.purl, draft.software, draft.ecosystem) == ("pkg:generic/openssl", "OpenSSL", None)


@pytest.mark.parametrize(
    ("fields", "name", "kept", "code"),
    [
        ({"purl": "npm/lodash"}, "purl", ["npm/lodash"], "unparseable_purl"),
        ({"ecosystem": "Atlantis"}, "ecosystem", ["Atlantis"], "unknown_ecosystem"),
        ({"cwes": ("bad coding",)}, "cwes", ["bad coding"], "unparseable_cwe"),
        ({"aliases": ("MY-BUG",)}, "aliases", ["MY-BUG"], "unknown_id"),
        ({"cvss_vectors": ("CVSS:9/X",)}, "cvss_vectors", ["CVSS:9/X"], "unparseable_cvss"),
        ({"references": ("see wiki",)}, "references", ["see wiki"], "invalid_reference"),
        ({"fixed_commit": "main"}, "fixed_commit", ["main"], "invalid_commit"),
        ({"introduced_commit": "v1.0"}, "introduced_commit", ["v1.0"], "invalid_commit"),
        ({"commits": ("HEAD",)}, "commits", ["HEAD"], "invalid_commit"),
    ],
)
def test_a_claim_that_cannot_be_read_is_set_aside_and_never_lost(fields, name, kept, code):
    draft = canonical(Draft(**fields))
    assert not getattr(draft, name)
    assert draft.unknown == {name: kept}
    assert codes(draft) == [code]


def test_claims_come_out_in_the_spelling_of_their_standards():
    draft = canonical(
        Draft(
            cwes=("CWE-079: XSS", "cwe 89"),
            aliases=("cve-2020-14343", "ghsa-8Q59-q68h-6hv4"),
            cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N",) * 2,
            references=("https://example.org",),
            fixed_commit="ABCDEF1",
            commits=("ABCDEF2",),
        )
    )
    assert draft.cwes == ("CWE-79", "CWE-89")
    assert draft.aliases == ("CVE-2020-14343", "GHSA-8q59-q68h-6hv4")
    assert draft.cvss_vectors == ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N",)
    assert (draft.fixed_commit, draft.commits) == ("abcdef1", ("abcdef2",))
    assert codes(draft) == []


def test_a_commit_of_the_right_length_that_cannot_be_one_stays_a_claim_to_refute():
    draft = canonical(Draft(fixed_commit="z" * 40))
    assert draft.fixed_commit == "z" * 40
    assert codes(draft) == ["invalid_commit"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("affected_versions", "1.{}"),
        ("fixed_versions", "1.{}"),
        ("references", "https://example.org/{}"),
    ],
)
def test_a_very_long_list_is_cut_and_says_so(field, value):
    draft = canonical(Draft(**{field: tuple(value.format(n) for n in range(MAX_ENTRIES + 9))}))
    assert len(getattr(draft, field)) == MAX_ENTRIES
    assert codes(draft) == ["truncated"]
