from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from casebook import (
    DRAFT,
    PACKAGE,
    VENDOR,
    acting,
    cleared,
    do,
    finding_of,
    move,
    opened,
    read,
    register,
    set_clock,
)
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, read_ins
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.embargo import Channel, News, ProjectPolicy
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Outcome, PartyRole
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import limit_originals
from clearhouse.clearing.intake.record import ExploitState, Provenance, Tooling
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.operations import NoSuchFindingError, limit_findings
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import analyst, coordinator, outsider, person, reporter

NO_COORDINATION = replace(DRAFT, purl="pkg:pypi/pyyaml", affected_versions=("99.99",))
"""A version that PyYAML never had; a report that is refuted asks nobody to coordinate."""
NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


def consider(app, report_id):
    finding_id = finding_of(app, report_id)
    who = app.desk.clearing_actor
    with acting(app, who) as transaction:
        return coordinate.consider(app.desk, transaction, who, finding_id)


def events(app, case_id):
    with acting(app, app.desk.clearing_actor) as transaction:
        rows = transaction.all(
            "SELECT kind FROM ledger_event JOIN ledger_pending USING (event_id)"
            " WHERE subject = %s ORDER BY seq",
            [case_id],
        )
    return [row["kind"] for row in rows]


def test_a_case_opens_with_its_parties_and_the_embargo_of_the_policy(house):
    vendor = register(house, contact="security@example.org")
    case = opened(house)
    assert case.embargo.instant == NOW + timedelta(days=30)
    assert (case.embargo.rule, case.embargo.policy) == ("default-30", "clearhouse-embargo")
    assert case.purl == PACKAGE
    by_role = {party.role: party for party in case.parties}
    assert by_role[PartyRole.VENDOR].id == vendor
    assert by_role[PartyRole.VENDOR].contact == "security@example.org"
    assert by_role[PartyRole.FINDER].name == "Lab of Rita Reporter"
    assert set(by_role) == {PartyRole.VENDOR, PartyRole.FINDER, PartyRole.COORDINATOR}
    assert events(house, case.id) == ["case.opened"]


def test_opening_and_considering_again_changes_nothing(house):
    report = cleared(house)
    first = consider(house, report) or opened(house)
    before = do(house, house.desk.clearing_actor, casework.history, first.id)
    again = consider(house, report)
    assert again == read(house, first.id)
    assert do(house, house.desk.clearing_actor, casework.history, first.id) == before


def test_a_finding_that_needs_no_coordination_gets_no_case(house):
    report = cleared(house, NO_COORDINATION)
    assert consider(house, report) is None
    with acting(house, house.desk.clearing_actor) as transaction:
        assert casework.case_of(transaction, report) is None
        assert (
            coordinate.case_of_finding(house.desk, transaction, finding_of(house, report)) is None
        )


def test_an_unknown_finding_is_not_there(house):
    with pytest.raises(NoSuchFindingError):
        do(house, house.desk.clearing_actor, coordinate.open_case, "fnd_nothing")


def test_from_the_opening_on_only_those_on_the_case_and_the_reporter_can_read(house):
    report = cleared(house, NO_COORDINATION)
    readers = [analyst(house), outsider(house), coordinator(house)]
    with acting(house, readers[0]) as transaction:
        assert intake.load(house.desk, transaction, [report])  # there is something to close
    case = do(house, house.desk.clearing_actor, coordinate.open_case, finding_of(house, report))
    for actor in readers[:2]:
        with acting(house, actor) as transaction:
            assert intake.load(house.desk, transaction, [report]) == []
            assert match.findings(transaction) == []
            assert casework.case_of(transaction, report) is None
            assert casework.reports_of(transaction, case.id) == []
            assert coordinate.counts(transaction)["cases"] == 0
            assert transaction.all("SELECT * FROM case_revision") == []
            assert transaction.all("SELECT 1 FROM ledger_event WHERE subject = %s", [case.id]) == []
    with acting(house, readers[2]) as transaction:
        assert intake.load(house.desk, transaction, [report])[0].content.title == DRAFT.title
    assert do(house, readers[2], casework.case, case.id) == case
    with acting(house, reporter(house)) as transaction:
        assert intake.load(house.desk, transaction, [report])


def test_the_original_that_held_several_reports_is_closed_with_the_first_that_has_a_case(house):
    other = replace(NO_COORDINATION, title="Another flaw", cwes=("CWE-79",))
    receipt = intake.take_in(
        house.counter,
        reporter(house),
        intake.Arrival(original=b"both", format="sarif", drafts=(NO_COORDINATION, other)),
    )
    with acting(house, analyst(house)) as transaction:
        reports = sorted(intake.reports_of(transaction, [receipt]).items(), key=lambda one: one[1])
    for report_id, _ in reports:
        route.clear(house.desk, report_id)
    with acting(house, analyst(house)) as transaction:
        assert intake.original(house.desk, transaction, receipt) == b"both"
    do(house, house.desk.clearing_actor, coordinate.open_case, finding_of(house, reports[0][0]))
    with acting(house, analyst(house)) as transaction:
        assert intake.original(house.desk, transaction, receipt) is None
        assert [
            one.report_id for one in intake.load(house.desk, transaction, [r for r, _ in reports])
        ] == [reports[1][0]]
    for actor in (coordinator(house), reporter(house)):
        with acting(house, actor) as transaction:
            assert intake.original(house.desk, transaction, receipt) == b"both"


def test_findings_that_became_one_before_the_case_are_all_closed_with_it(house):
    first = cleared(house, NO_COORDINATION)
    second = cleared(house, replace(NO_COORDINATION, title="Other", cwes=("CWE-79",)))
    who = analyst(house)
    merged = do(
        house, who, match.merge, finding_of(house, first), finding_of(house, second), note="x"
    )
    with acting(house, who) as transaction:
        assert len(transaction.all("SELECT finding_id FROM finding")) == 2
    do(house, house.desk.clearing_actor, coordinate.open_case, merged)
    with acting(house, who) as transaction:
        for query in (
            "SELECT 1 FROM finding",
            "SELECT 1 FROM match_report",
            "SELECT 1 FROM report",
            "SELECT 1 FROM submission",
            "SELECT 1 FROM priority",
            "SELECT 1 FROM verdict",
        ):
            assert transaction.all(query) == [], query


@pytest.mark.parametrize("limit", [limit_originals, limit_findings])
def test_nobody_closes_what_they_cannot_read(house, limit):
    report = cleared(house, NO_COORDINATION)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        acting(house, outsider(house)) as transaction,
    ):
        limit(transaction, [report], ["role:coordinator"])


@pytest.mark.parametrize("who", [analyst, outsider, reporter])
def test_a_case_that_one_may_not_read_looks_like_one_that_is_not_there(house, who):
    case = opened(house)
    actor = who(house)
    errors = []
    for case_id in (case.id, "cas_nothing"):
        with pytest.raises(casework.NoSuchCaseError) as caught:
            do(house, actor, casework.case, case_id)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]
    with pytest.raises(casework.NoSuchCaseError):
        do(house, actor, casework.give_verdict, case.id, vendor="x", outcome=Outcome.ACCEPTED)


def test_nothing_a_case_says_lies_in_the_clear(house):
    register(house)
    case = opened(house)
    do(
        house,
        coordinator(house),
        casework.give_verdict,
        case.id,
        vendor=case.vendors[0].id,
        outcome=Outcome.REJECTED,
        reason="SECRET-REASON",
    )
    with acting(house, house.desk.clearing_actor) as transaction:
        rows = transaction.all("SELECT to_jsonb(c)::text AS text FROM coordination_case c")
        rows += transaction.all("SELECT to_jsonb(r)::text AS text FROM case_revision r")
        rows += transaction.all("SELECT convert_from(body, 'UTF8') AS text FROM ledger_event")
        rows += transaction.all("SELECT encode(sealed, 'escape') AS text FROM payload")
    whole = "\n".join(row["text"] for row in rows)
    assert case.id in whole
    for secret in ("SECRET", PACKAGE, VENDOR):
        assert secret not in whole


def test_the_verdict_is_the_vendors_and_a_disagreement_stands_beside_it(house):
    register(house)
    case = opened(house)
    desk_person = coordinator(house)
    vendor = case.vendors[0].id
    said = do(
        house,
        desk_person,
        casework.give_verdict,
        case.id,
        vendor=vendor,
        outcome=Outcome.REJECTED,
        reason="By design",
    )
    noted = do(house, desk_person, casework.disagree, case.id, verdict=0, reason="We reproduced it")
    assert noted.verdicts == said.verdicts
    assert noted.disagreements[0].by == desk_person.actor_id
    finder = next(party for party in case.parties if party.role is PartyRole.FINDER)
    refused = do(
        house,
        desk_person,
        casework.give_verdict,
        case.id,
        vendor=finder.id,
        outcome=Outcome.ACCEPTED,
    )
    assert isinstance(refused, Refused)
    assert events(house, case.id) == ["case.opened", "verdict.recorded", "verdict.disagreed"]


def test_an_actor_who_is_read_in_still_needs_the_role_for_the_act(house):
    case = opened(house)
    bystander = person(house, "Another lab", PartyKind.LAB, "Bo Bystander", "reporter")
    do(
        house,
        coordinator(house),
        casework.join,
        case.id,
        party=bystander.party_id,
        role=PartyRole.OTHER,
    )
    do(house, coordinator(house), read_ins.read_in, case.id, who=bystander, tier=2)
    with pytest.raises(ForbiddenError):
        do(house, bystander, casework.give_verdict, case.id, vendor="x", outcome=Outcome.ACCEPTED)
    with pytest.raises(ForbiddenError):
        do(house, bystander, casework.cases)


def test_a_read_in_opens_the_case_at_once_and_its_end_closes_it_at_once(house):
    case = opened(house)
    desk_person = coordinator(house)
    expert = person(house, "An expert's firm", PartyKind.OPERATOR, "Ed Expert", "coordinator")
    with pytest.raises(casework.NoSuchCaseError):
        do(house, expert, casework.case, case.id)
    unknown = do(house, desk_person, read_ins.read_in, case.id, who=expert, tier=2)
    assert isinstance(unknown, Refused)
    do(house, desk_person, casework.join, case.id, party=expert.party_id, role=PartyRole.OTHER)
    do(house, desk_person, read_ins.read_in, case.id, who=expert, tier=2)
    assert do(house, expert, casework.case, case.id).id == case.id
    told = do(house, expert, casework.told, case.id)
    assert told.until == case.embargo.instant
    assert "TLP:AMBER+STRICT" in told.sentence
    move(house, minutes=1)
    do(house, desk_person, read_ins.revoke, case.id, who=expert.actor_id)
    with pytest.raises(casework.NoSuchCaseError):
        do(house, expert, casework.case, case.id)
    kinds = events(house, case.id)
    assert kinds[-3:] == ["case.party_joined", "case.read_in", "case.read_in_revoked"]


def test_a_party_the_house_does_not_know_cannot_join(house):
    case = opened(house)
    refused = do(
        house, coordinator(house), casework.join, case.id, party="pty_x", role=PartyRole.OTHER
    )
    assert isinstance(refused, Refused)


def test_an_agreed_date_and_news_move_the_instant_and_each_is_in_the_ledger(house):
    register(house)
    case = opened(house)
    desk_person = coordinator(house)
    vendor = case.vendors[0].id
    agreed = do(
        house,
        desk_person,
        casework.agree_date,
        case.id,
        vendor=vendor,
        date=NOW + timedelta(days=20),
    )
    assert (agreed.embargo.rule, agreed.embargo.instant) == ("negotiated", NOW + timedelta(days=20))
    listed = do(
        house,
        desk_person,
        casework.learn,
        case.id,
        news=News(channel=Channel(name="linux-distros", contacted_at=NOW)),
    )
    assert (listed.embargo.rule, listed.embargo.instant) == (
        "linux-distros-14",
        NOW + timedelta(days=14),
    )
    same = do(
        house,
        desk_person,
        casework.learn,
        case.id,
        news=News(channel=Channel(name="linux-distros", contacted_at=NOW)),
    )
    assert same == listed
    leaked = do(house, desk_person, casework.learn, case.id, news=News(public_since=NOW))
    assert (leaked.embargo.instant, leaked.embargo_state) == (None, EmState.EXITED)
    assert events(house, case.id) == [
        "case.opened",
        "embargo.agreed",
        "embargo.fact",
        "embargo.fact",
    ]
    assert len(do(house, desk_person, casework.history, case.id)) == 4


def test_a_projects_own_policy_sets_the_term(house):
    register(house, project_policy=ProjectPolicy(length=timedelta(days=14), source="SECURITY.md"))
    assert opened(house).embargo.rule == "project-policy"


def test_public_tooling_of_any_reporter_leaves_no_embargo(house):
    case = opened(house, replace(DRAFT, provenance=Provenance(confidentiality=Tooling.PUBLIC)))
    assert (case.embargo.instant, case.embargo.rule) == (None, "public-tooling")


def test_a_claim_of_publicity_or_exploitation_shortens_nothing_but_a_public_record_does(house):
    claimed = opened(house, replace(DRAFT, already_public=True, exploit_state=ExploitState.ACTIVE))
    assert claimed.embargo.rule == "default-30"
    known = opened(
        house,
        replace(
            DRAFT,
            title="Arbitrary code in full_load",
            description="yaml.full_load of untrusted input constructs and calls arbitrary objects (deserialization).",
            purl="pkg:pypi/pyyaml",
            aliases=("CVE-2020-14343",),
            affected_versions=("<5.4",),
        ),
        by=reporter(house, "Kim"),
    )
    assert known.embargo.rule == "already-public"


def test_a_report_that_joins_the_finding_joins_the_case_and_is_closed_like_it(house):
    same = replace(DRAFT, aliases=("CVE-2026-99999",))
    case = opened(house, same)
    second = cleared(
        house, replace(same, title="The same again", credits=()), by=reporter(house, "Kim")
    )
    with acting(house, house.desk.clearing_actor) as transaction:
        assert casework.case_of(transaction, second) == case.id
    grown = read(house, case.id)
    names = {party.name for party in grown.parties if party.role is PartyRole.FINDER}
    assert names == {"Lab of Rita Reporter", "Lab of Kim"}
    with acting(house, analyst(house)) as transaction:
        assert intake.load(house.desk, transaction, [second]) == []


def test_cases_of_findings_that_turn_out_to_be_one_are_joined_and_lose_nothing(house):
    register(house)
    first = opened(house)
    move(house, days=3)
    other = replace(DRAFT, title="Something else", description="Other words", cwes=("CWE-79",))
    second = opened(house, other, by=reporter(house, "Kim"))
    desk_person = coordinator(house)
    vendor = second.vendors[0].id
    do(
        house,
        desk_person,
        casework.give_verdict,
        second.id,
        vendor=vendor,
        outcome=Outcome.ACCEPTED,
    )
    merged = do(
        house, desk_person, match.merge, first.findings[0], second.findings[0], note="one fix"
    )
    kept = do(house, house.desk.clearing_actor, coordinate.open_case, merged)
    assert kept.id == first.id
    assert set(kept.findings) == {first.findings[0], second.findings[0]}
    assert [verdict.outcome for verdict in kept.verdicts] == [Outcome.ACCEPTED]
    assert kept.embargo.instant == NOW + timedelta(days=30)
    with acting(house, desk_person) as transaction:
        assert len(casework.cases(house.desk, transaction, desk_person)) == 1
        assert len(casework.reports_of(transaction, first.id)) == 2
        assert coordinate.counts(transaction) == {
            "cases": 1,
            "published": 0,
            "embargoed": 1,
            "due": 0,
        }


def test_a_case_is_due_from_its_instant_on(house):
    case = opened(house)
    who = house.desk.clearing_actor
    move(house, days=30, seconds=-1)
    with acting(house, who) as transaction:
        assert casework.due(transaction) == []
    move(house, seconds=1)
    with acting(house, who) as transaction:
        assert [one.case_id for one in casework.due(transaction)] == [case.id]
        assert coordinate.counts(transaction)["due"] == 1


def test_two_coordinators_at_once_are_one_after_the_other(house):
    register(house)
    case = opened(house)
    one, other = coordinator(house), coordinator(house, "Cyd Coordinator")
    vendor = case.vendors[0].id
    do(house, one, casework.give_verdict, case.id, vendor=vendor, outcome=Outcome.NEEDS_INFO)
    do(house, other, casework.give_verdict, case.id, vendor=vendor, outcome=Outcome.ACCEPTED)
    assert [said.by for said in read(house, case.id).verdicts] == [one.actor_id, other.actor_id]
    revisions = do(house, one, casework.history, case.id)
    assert [revision[0] for revision in revisions] == [1, 2, 3]
