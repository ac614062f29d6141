"""Our cases are written as Vultron messages, and read back as they were."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearhouse.clearing.coordinate.correspondence import as_case, read
from clearhouse.clearing.coordinate.embargo import EmbargoFacts, News, learned
from clearhouse.clearing.coordinate.embargo_consent import ConsentState
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.coordinate.letters import as_vultron, fix, world
from clearhouse.clearing.coordinate.record import Outcome, Party, PartyRole, Verdict
from clearhouse.clearing.coordinate.report_management import RmState
from clearhouse.clearing.coordinate.transitions import give_verdict, learn, open_case
from clearhouse.formats import vultron, vultron_reading
from clearhouse.formats.vultron_reading import VultronError

POLICY = load(Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml")
DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
HOUSE = "https://house.example"
PARTIES = tuple(
    Party(id=f"pty_{role.value}", role=role, name=f"The {role.value}") for role in PartyRole
)


def opened():
    return open_case(
        "cas_1",
        findings=("fnd_1", "fnd_2"),
        purl="pkg:pypi/x",
        parties=PARTIES,
        facts=EmbargoFacts(received_at=DAY_0),
        policy=POLICY,
        at=DAY_0 + timedelta(days=1),
    )


def answered():
    verdict = Verdict(party="pty_vendor", outcome=Outcome.FIX_RELEASED, by="act_1", at=DAY_0)
    return give_verdict(opened(), verdict, POLICY)


def told(case):
    letter = json.loads(json.dumps(as_vultron(case, HOUSE)))
    return read([letter]).cases[f"{HOUSE}/cases/cas_1"]


@pytest.mark.parametrize("case", [opened(), answered()])
def test_a_case_written_as_a_message_is_read_back_with_every_state(case):
    back = as_case(told(case), POLICY, opened_at=case.opened_at)
    assert [(one.id, one.role, one.name, one.report) for one in back.parties] == [
        (one.id, one.role, one.name, one.report) for one in case.parties
    ]
    assert back.embargo_state is case.embargo_state
    assert back.findings == tuple(f"{HOUSE}/findings/{one}" for one in case.findings)
    if case.embargo_state is EmState.ACTIVE:
        assert back.embargo.instant == case.embargo.instant


@pytest.mark.parametrize(
    ("news", "seen"),
    [
        (News(public_since=DAY_0), "Pxa"),
        (News(exploit_public_since=DAY_0), "pXa"),
        (News(exploited_since=DAY_0), "pxA"),
    ],
)
def test_what_the_world_knows_is_told(news, seen):
    case = opened()
    case = learn(case, learned(case.embargo.facts, news), POLICY, DAY_0)
    assert world(case) == told(case).world == seen


def test_a_vendor_is_aware_once_it_has_the_report_and_ready_once_it_released():
    vendor = opened().party("pty_vendor")
    assert fix(opened(), vendor) == "Vfd"
    assert fix(opened(), replace(vendor, report=RmState.START)) == "vfd"
    assert fix(answered(), vendor) == "VFd"
    assert fix(answered(), answered().party("pty_finder")) == "vfd"


def test_no_word_of_a_report_is_in_the_message():
    assert set(as_vultron(opened(), HOUSE)["vulnerabilityReports"]) == {
        f"{HOUSE}/findings/fnd_1",
        f"{HOUSE}/findings/fnd_2",
    }


def _does(type_, actor="a", **more):
    return {"type": type_, "id": f"urn:{type_}:{actor}:{more}", "actor": actor} | more


EMBARGO = {"type": "EmbargoEvent", "id": "urn:embargo", "context": "urn:case",
           "endTime": "2026-12-01T00:00:00Z"}  # fmt: skip


def _case(*documents):
    return read(documents).cases["urn:case"]


def test_an_embargo_is_proposed_accepted_and_ended_by_messages():
    proposed = _does("Invite", object=EMBARGO, target="urn:case")
    accepted = _does("Accept", "b", object=proposed)
    removed = _does("Remove", object="urn:embargo", context="urn:case")
    assert _case(proposed).embargo_state is EmState.PROPOSED
    agreed = _case(proposed, accepted)
    assert (agreed.embargo_state, agreed.embargo.id) == (EmState.ACTIVE, "urn:embargo")
    assert agreed.parties["b"].consent is ConsentState.SIGNATORY
    assert _case(proposed, accepted, removed).embargo_state is EmState.EXITED
    declined = _case(proposed, _does("Reject", "b", object="urn:embargo", context="urn:case"))
    assert declined.embargo_state is EmState.NONE
    assert declined.parties["b"].consent is ConsentState.DECLINED
    assert _case(proposed, removed).proposals == ()


def test_a_party_that_leaves_is_a_party_no_more():
    one = {"type": "CaseParticipant", "id": "urn:p", "actor": "a", "context": "urn:case",
           "caseRoles": ["CVD_ROLE_VENDOR"], "participantStatus": []}  # fmt: skip
    added = _does("Add", "owner", object=one, target="urn:case")
    assert set(_case(added).parties) == {"a"}
    gone = _does("Remove", "owner", object="urn:p", target="urn:case")
    assert not _case(added, gone).parties
    assert not _case({**added, "actor": None}, _does("RmAcceptInviteToCase", None, object="urn:case"),
                     gone).parties  # fmt: skip


def test_what_nobody_did_moves_nobodys_state():
    letters = _case(_does("RmEngageCase", None, object="urn:case")).letters
    assert letters[0].refused == "nobody is said to have done it"


def test_an_embargo_that_is_in_force_is_announced_without_changing_it():
    proposed = _does("Invite", object=EMBARGO, target="urn:case")
    put = _does("Add", object="urn:embargo", target="urn:case")
    case = _case(proposed, put, put | {"id": "again"}, _does("Announce", object=put))
    assert case.embargo_state is EmState.ACTIVE
    assert not [one for one in case.letters if one.refused or one.semantic == vultron.UNKNOWN]
    unasked = _case(_does("Add", object=EMBARGO, target="urn:case"))
    assert unasked.embargo_state is EmState.ACTIVE


def test_a_report_without_a_case_is_told_to_be_elsewhere():
    report = {"type": "VulnerabilityReport", "id": "urn:report", "content": "c"}
    assert read([report, _does("Offer", object="urn:report")]).elsewhere[0] == "urn:report"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "JSON object"),
        ({"type": "Poke", "id": "x"}, "type"),
        ({"type": "Note"}, "id"),
        ({"type": "Note", "id": "x", "content": 3}, "content"),
        ({"type": "CaseParticipant", "id": "x"}, "actor"),
        ({"type": "CaseParticipant", "id": "x", "actor": "a", "caseRoles": "v"}, "caseRoles"),
        ({"type": "CaseParticipant", "id": "x", "actor": [3]}, "actor"),
        ({"type": "EmbargoEvent", "id": "x"}, "endTime"),
        ({"type": "EmbargoEvent", "id": "x", "endTime": "soon"}, "endTime"),
        ({"type": "EmbargoEvent", "id": "x", "endTime": "2026-01-01T00:00:00"}, "endTime"),
        ({"type": "CaseStatus", "id": "x", "emState": "?"}, "emState"),
    ],
)
def test_what_is_not_of_the_protocol_is_refused_with_the_name_of_the_field(document, named):
    with pytest.raises(VultronError, match=named):
        vultron_reading.read(document)
