"""Every official document is read or clearly refused, and the counts are known."""

import collections
import json

import pytest

from clearhouse.clearing.intake.completeness import judge
from clearhouse.clearing.intake.readers import Fault, Format, Reading, ReadRefusal, read

CORPORA = {
    "sarif": ("*.sarif", 150),
    "csaf-2.0": ("validator/*/*.json", 239),
    "csaf-2.1": ("validator/*/*.json", 856),
    "osv": ("*-testdata/*.json", 32),
}


def read_all(folder, pattern):
    return {
        path: read(path.read_bytes(), filename=path.name) for path in sorted(folder.glob(pattern))
    }


def documents(suites, corpus):
    """Read the documents of one corpus; a file that tells a validator's answer is no document."""
    pattern, _ = CORPORA[corpus]
    results = read_all(suites / corpus, pattern)
    return {path: result for path, result in results.items() if ".result." not in path.name}


@pytest.fixture(scope="module", params=sorted(CORPORA))
def corpus(request, suites):
    return request.param, documents(suites, request.param)


def test_no_document_is_left_out_or_breaks_a_reader(corpus):
    name, results = corpus
    assert len(results) == CORPORA[name][1]
    assert all(isinstance(result, Reading | ReadRefusal) for result in results.values())


def test_every_refusal_says_whose_fault_it_is_and_what_to_do(corpus):
    for path, result in corpus[1].items():
        if isinstance(result, ReadRefusal):
            assert result.code, path
            assert result.reason, path
            assert result.remedy, path
            assert result.fault in Fault, path
            assert result.detail.isprintable(), path


def test_a_csaf_document_is_refused_for_content_only_when_it_names_no_vulnerability(suites):
    for name in ("csaf-2.0", "csaf-2.1"):
        for path, result in documents(suites, name).items():
            named = any(json.loads(path.read_bytes()).get("vulnerabilities") or [])
            assert isinstance(result, Reading) == named, path


def test_every_draft_says_something_and_can_be_judged(corpus):
    for path, result in corpus[1].items():
        if isinstance(result, Reading):
            for draft in result.drafts:
                assert draft.title or draft.description or draft.aliases or draft.purl, path
                answer = judge(draft)
                assert len(answer.present) + len(answer.missing) == 6, path


@pytest.mark.parametrize(
    ("name", "format_", "read_count", "refused"),
    [
        ("sarif", Format.SARIF, 147, {"no_flaw": 3}),
        ("csaf-2.0", Format.CSAF, 104, {"no_flaw": 135}),
        ("csaf-2.1", Format.CSAF, 413, {"no_flaw": 443}),
        ("osv", None, 30, {"withdrawn": 2}),
    ],
)
def test_the_counts_of_read_and_refused_documents_are_known(
    suites, name, format_, read_count, refused
):
    results = documents(suites, name).values()
    read_ones = [result for result in results if isinstance(result, Reading)]
    codes = collections.Counter(r.code for r in results if isinstance(r, ReadRefusal))
    assert (len(read_ones), dict(codes)) == (read_count, refused)
    if format_ is not None:
        assert {result.format for result in read_ones} == {format_}
