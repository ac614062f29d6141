"""Who found the flaw of a case, and what a second finding does to its embargo."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from casebook import do, set_clock
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, discovery
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.deconflict.commitments import operations as commitments
from clearhouse.clearing.deconflict.commitments import rules
from clearhouse.clearing.deconflict.commitments.opening import new_opening
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.kernel.identity import PartyKind
from command_line import command_line
from house import coordinator, outsider, person, submit
from scenario.laws_house import draft

NOW = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)


@pytest.fixture
def labs(app):
    set_clock(app, NOW)
    return [
        person(app, f"Lab {name}", PartyKind.LAB, name, "reporter", "finder")
        for name in ("Ada", "Bob")
    ]


def reported(app, lab, proof="A"):
    report = submit(app, draft(proof=proof), by=lab, original=f"by {lab.name}".encode())
    route.clear(app.desk, report)
    return report


@pytest.fixture
def case(app, labs):
    """Ada reports on Monday, and her finding has a case."""
    first = reported(app, labs[0])
    chief = coordinator(app)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        finding = match.finding_of(transaction, first)
    return do(app, chief, coordinate.open_case, finding)


def test_one_report_is_one_discovery_and_shortens_nothing(app, labs, case):
    found = do(app, coordinator(app), discovery.discovery, case.id)
    assert (found.first, found.independent) == ((labs[0].party_id,), 1)
    refused = do(app, coordinator(app), discovery.note_rediscovery, case.id)
    assert isinstance(refused, Refused)
    assert refused.code == "found-once"


def test_a_second_party_by_itself_shortens_the_embargo_by_policy(app, labs, case):
    before = do(app, coordinator(app), casework.case, case.id).embargo
    set_clock(app, NOW + timedelta(days=1))
    reported(app, labs[1])
    found = do(app, coordinator(app), discovery.discovery, case.id)
    assert (found.first, found.later) == ((labs[0].party_id,), (labs[1].party_id,))
    done = do(app, coordinator(app), discovery.note_rediscovery, case.id)
    assert done.embargo.rule == "rediscovered-21"
    assert done.embargo.instant == NOW + timedelta(days=22) < before.instant
    said = json.loads(command_line(app, "case")("discovery", case.id, "--json").stdout)
    assert said["later"] == [labs[1].party_id]
    assert "Lab Bob" in command_line(app, "case")("discovery", case.id, "--note").output


def test_a_commitment_that_was_revealed_counts_from_when_it_was_made(app, labs, case):
    set_clock(app, NOW - timedelta(days=3))
    opening = new_opening(fingerprints(draft(proof="A")))
    made = do(app, labs[1], commitments.commit, rules.digest_of(opening))
    set_clock(app, NOW + timedelta(days=1))
    reported(app, labs[1])
    do(app, labs[1], commitments.reveal, made.commitment_id, opening)
    found = do(app, coordinator(app), discovery.discovery, case.id)
    assert (found.first, found.later) == ((labs[1].party_id,), (labs[0].party_id,))


def test_whoever_may_not_read_the_case_learns_nothing_of_its_finders(app, case):
    for verb in (discovery.discovery, discovery.note_rediscovery):
        with pytest.raises(NoSuchCaseError):
            do(app, outsider(app), verb, case.id)
