"""Our readers answer the official corpora as docs/conformance.md says; the floors may only rise."""

import importlib.util
from pathlib import Path

import pytest

from corpora import CORPORA, answered

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.title)
def test_at_least_as_many_official_cases_are_right_as_before(suites, corpus):
    cases = answered(corpus, suites)
    right = [case for case in cases if case.right]
    assert len(cases) == corpus.count
    assert len(right) >= corpus.floor


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.title)
def test_every_miss_says_why(suites, corpus):
    assert [
        case.name for case in answered(corpus, suites) if not case.right and not case.reason
    ] == []


def test_the_page_is_what_the_readers_answer(suites):
    place = PROJECT / "perf" / "conformance.py"
    spec = importlib.util.spec_from_file_location("conformance", place)
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    written = (PROJECT / "docs" / "conformance.md").read_text("utf-8")
    told = "run .clearhouse/env/bin/python perf/conformance.py --write docs/conformance.md"
    assert generator.page(suites) == written, told
