from dataclasses import replace

import pytest

from advisories import DAY_0, PLAIN
from clearhouse.clearing.publish import compose
from clearhouse.clearing.publish.versions import AffectedVersions, Span, affected_versions


def affected(facts=PLAIN):
    return affected_versions(facts.purl, facts.affected_claims, facts.fixed_versions)


def test_an_advisory_is_composed_of_structured_fields():
    assert compose.summary(PLAIN) == "Deserialization of Untrusted Data in Example YAML"
    assert compose.details(PLAIN, affected()) == (
        "Deserialization of Untrusted Data in Example YAML (pkg:pypi/example-yaml).\n\n"
        "Affected: from 3.0 before 5.4; also version 5.3.1.\n\n"
        "Update to 5.4 or later."
    )


def test_what_the_coordinator_wrote_is_used_instead_without_invisible_characters():
    own = replace(PLAIN, summary=" One\nline\u202e \x00", details="Two\r\nlines\x1b[2J")
    assert compose.summary(own) == "One line"
    assert compose.details(own, affected()) == "Two\nlines[2J"


@pytest.mark.parametrize("empty", ["", "   ", "\x00", "\u200b"])
def test_an_empty_text_counts_as_none(empty):
    own = replace(PLAIN, summary=empty, details=empty, software=empty, vendor_name=empty)
    assert compose.summary(own) == "Deserialization of Untrusted Data in example-yaml"
    assert compose.vendor(own) == "example-yaml project"
    assert compose.details(own, affected()).startswith("Deserialization")


def test_an_unknown_weakness_is_called_a_vulnerability_and_a_long_line_is_cut():
    assert compose.summary(replace(PLAIN, cwes=("CWE-99999",))).startswith("A vulnerability in")
    cut = compose.summary(replace(PLAIN, software="x" * 300))
    assert len(cut) == compose.SUMMARY_LIMIT
    assert cut.endswith("\u2026")


def test_exploitation_is_told():
    assert "Exploitation has been observed." in compose.details(
        replace(PLAIN, exploited_since=DAY_0), affected()
    )


@pytest.mark.parametrize(
    ("fixed", "sentence"),
    [
        ((), "No fix is known."),
        (("1.5",), "Update to 1.5 or later."),
        (("1.5", "2.3", "3.1"), "Update to 1.5, 2.3 or 3.1 or later."),
    ],
)
def test_the_statement_about_the_fix_is_always_there(fixed, sentence):
    assert compose.fix_statement(AffectedVersions(scheme="pypi", fixed=fixed)) == sentence


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(introduced=None), "every version"),
        (Span(introduced="1"), "from 1"),
        (Span(introduced=None, fixed="2"), "before 2"),
        (Span(introduced="1", last_affected="2"), "from 1 up to and including 2"),
    ],
)
def test_a_span_is_said_in_words(span, words):
    assert compose.span_words(span) == words


def test_versions_alone_need_no_also():
    only = AffectedVersions(scheme=None, versions=("1", "2"))
    assert "Affected: version 1, 2." in compose.details(PLAIN, only)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://example.org", True),
        ("http://example.org:8080/a/b?c=d%20e#f", True),
        ("https://example.org/" + "a" * 3000, False),
        ("javascript:alert(1)", False),
        ("https://user@example.org/", False),
        ("https://example.org/a b", False),
        ("https://example.org/\u202e", False),
        ("https://ex\u00e4mple.org/", False),
        ("https://example.org/%zz", False),
        ("//example.org/", False),
        ("", False),
    ],
)
def test_only_plain_web_addresses_are_linked(address, safe):
    assert compose.is_web_address(address) is safe


def test_names_are_kept_verbatim_but_for_what_cannot_be_encoded():
    assert compose.encodable("Zoë \U0001f980 <x>") == "Zoë \U0001f980 <x>"
    assert compose.encodable("a\ud800b") == "a\ufffdb"


@pytest.mark.parametrize(
    ("id_", "named"),
    [
        ("CWE-79", True),
        ("CWE-284", True),
        ("CWE-16", False),
        ("CWE-255", False),
        ("CWE-99999", False),
    ],
)
def test_weaknesses_have_names_and_categories_do_not(id_, named):
    assert (compose.weakness_name(id_) is not None) == named
