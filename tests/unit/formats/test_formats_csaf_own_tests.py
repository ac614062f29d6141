"""Each test of our own finds what it is for, and nothing in what we publish."""

import copy
import json

import pytest

from advisories import PLAIN
from clearhouse.clearing.publish.rules import documents
from clearhouse.formats import csaf_check
from clearhouse.formats.csaf_own_tests import ADDED, INSTEAD

OURS = json.loads(documents(PLAIN).bodies["csaf-2.1"])
ALL = {**ADDED, **INSTEAD}


def score(source, version="3.1"):
    metric = {"content": {"cvss_v3": {"version": version}}, "products": ["a"]}
    return metric | ({"source": source} if source else {})


def scored(*metrics):
    return {"vulnerabilities": [{"metrics": list(metrics)}]}


def dated(version, *history):
    revisions = [{"date": date, "number": number} for date, number in history]
    return {"document": {"tracking": {"version": version, "revision_history": revisions}}}


def ranged(text):
    return {"product_tree": {"branches": [{"category": "product_version_range", "name": text}]}}


HELPER = "product_identification_helper"
FAULTY = [
    ("6.1.7", scored(score(None), score(None))),
    ("6.1.7", scored(score("https://a.example"), score("https://a.example"))),
    ("6.1.13", {HELPER: {"purls": ["pkg:oci/com.example/product-A@sha256%3Add"]}}),
    ("6.1.16", dated("2", ("2024-01-23T10:00:00+12:00", "2"), ("2024-01-22T10:00:00-12:45", "1"))),
    ("6.1.48", {"metrics": [{"ssvc_v2": {"selections": [{"namespace": "invalid"}]}}]}),
    ("6.1.50", ranged("vers:all/<1")),
    ("6.1.50", ranged("vers:cool/||>1")),
    ("6.1.50", ranged("vers:cool/<>1")),
    ("6.2.51", ranged("vers:cool/<1")),
]
SOUND = [
    ("6.1.7", scored(score(None), score("https://a.example"))),
    ("6.1.7", scored(score(None), score(None, "3.0"))),
    ("6.1.7", {"vulnerabilities": [{"metrics": [1]}]}),
    ("6.1.13", {HELPER: {"purls": ["pkg:maven/com.example/product-A"]}}),
    ("6.1.16", dated("2.0.0-rc1", ("2024-01-22T10:00:00Z", "1.0.0"), ("2024-01-23T10:00:00Z", "2.0.0"))),
    ("6.1.16", {"document": {}}),
    ("6.1.48", {"metrics": [{"ssvc_v2": {"selections": [{"namespace": "test"}]}}]}),
    ("6.1.50", ranged("vers:all/*")),
    ("6.1.50", ranged("vers:intdot/<4.2.0")),
    ("6.1.50", ranged("<= 3")),
    ("6.2.51", ranged("vers:datetime/<2024-01-01T00:00:00Z")),
]  # fmt: skip


@pytest.mark.parametrize(("number", "document"), FAULTY)
def test_a_fault_is_found(number, document):
    found = list(ALL[number](document))
    assert found
    assert all(one.rule == f"csaf {number}" and one.place.startswith("/") for one in found)


@pytest.mark.parametrize(("number", "document"), SOUND)
def test_what_is_sound_is_let_be(number, document):
    assert list(ALL[number](document)) == []


@pytest.mark.parametrize("number", ALL)
def test_nothing_is_found_in_what_we_publish(number):
    assert list(ALL[number](OURS)) == []


def test_a_single_test_can_be_asked_by_its_number():
    broken = copy.deepcopy(OURS)
    broken["document"]["tracking"]["version"] = "7"
    assert csaf_check.finds(broken, "6.1.16") is True
    assert csaf_check.finds(OURS, "6.1.16") is False
    assert csaf_check.finds(OURS, "6.1.7") is False
    assert csaf_check.finds(OURS, "6.3.6") is None
    assert csaf_check.finds({}, "6.1.1") is None
