"""The protocol's own 57 example messages are read, understood, and put together into cases."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearhouse.clearing.coordinate.case_state import CsState
from clearhouse.clearing.coordinate.correspondence import as_case, read
from clearhouse.clearing.coordinate.embargo_consent import ConsentState
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.coordinate.report_management import RmState
from clearhouse.formats import vultron

POLICY = load(Path(__file__).parents[2] / "policies" / "embargo" / "clearhouse-1.yaml")
CASE = "https://vendor.example/case/18283771"
VENDOR = "https://vendor.example/psirt"


@pytest.fixture
def documents(suites):
    found = sorted((suites / "vultron" / "examples").glob("0*.json"))
    assert len(found) == 57
    return [json.loads(path.read_text("utf-8")) for path in found]


def test_every_message_is_an_actor_or_has_its_place_in_a_case(documents):
    told = read(documents)
    placed = {letter.id for case in told.cases.values() for letter in case.letters}
    assert {document["id"] for document in documents} == placed | {
        one for one in told.actors if one in {document["id"] for document in documents}
    }
    assert told.elsewhere == ()
    assert {CASE, "https://vendor.example/psirt/case/18283771"} == set(told.cases)


def test_only_messages_about_objects_that_nobody_sent_stay_unknown(documents):
    letters = [one for case in read(documents).cases.values() for one in case.letters]
    unknown = {one.id for one in letters if one.semantic == vultron.UNKNOWN}
    about = {document["object"] for document in documents if document["id"] in unknown}
    sent = {document["id"] for document in documents}
    assert about == {
        f"{CASE}/participants/nonparticipating-vendor",
        f"{CASE}/participants/coordinators.r.us.example",
    }
    assert not about & sent


def test_the_messages_together_tell_the_state_of_the_case(documents):
    case = read(documents).cases[CASE]
    vendor = case.parties[VENDOR]
    assert (vendor.report, vendor.consent) == (RmState.ACCEPTED, ConsentState.SIGNATORY)
    assert CsState(vendor.fix + case.world) is CsState.VFDPXA
    assert case.embargo.ends == datetime(2023, 7, 16, 19, 34, 46, tzinfo=UTC)
    assert case.owner == "https://coordinators.r.us.example"
    assert [note.in_reply_to for note in case.notes] == [None, case.notes[0].id]
    assert case.parties["https://another.affected.vendor.example"].report is RmState.DEFERRED


def test_what_no_arrow_draws_changes_nothing_and_says_why(documents):
    refused = Counter(
        letter.semantic
        for case in read(documents).cases.values()
        for letter in case.letters
        if letter.refused
    )
    # The examples show both answers to one question; the second finds its door shut.
    assert {"close-report", "reject-embargo", "close-case"} <= set(refused)
    assert read(documents).cases[CASE].embargo_state is EmState.ACTIVE


def test_a_told_case_becomes_one_of_ours_under_our_policy(documents):
    at = datetime(2023, 4, 18, tzinfo=UTC)
    case = as_case(read(documents[:35]).cases[CASE], POLICY, opened_at=at)
    assert case.embargo_state is EmState.ACTIVE
    assert (case.embargo.rule, case.embargo.instant) == (
        "negotiated", datetime(2023, 7, 16, 19, 34, 46, tzinfo=UTC),
    )  # fmt: skip
    assert not as_case(read(documents).cases[CASE], POLICY, opened_at=at).embargo.eligible


def test_the_order_of_a_report_and_its_messages_does_not_matter_to_where_they_belong(documents):
    told, backwards = read(documents), read(list(reversed(documents)))
    for id_, case in told.cases.items():
        assert {one.id for one in case.letters} == {one.id for one in backwards.cases[id_].letters}
