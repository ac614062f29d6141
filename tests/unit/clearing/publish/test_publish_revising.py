"""What becomes of an advisory after it is public: corrected, withdrawn, merged, told apart."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from casebook import DRAFT, accepted, acting, do, move, register, set_clock
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.publish import operations, revising
from clearhouse.clearing.publish.record import Documents, Wording
from clearhouse.clearing.publish.revising import NotPublishedError
from clearhouse.kernel.policy import ForbiddenError
from house import analyst, coordinator, reporter

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
CVE = replace(DRAFT, aliases=("CVE-2026-99999",))


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    register(app)
    return app


def published(app, *drafts):
    """Return cases whose advisories are out, in the order of their numbers."""
    cases = [
        accepted(app, draft, by=reporter(app, f"Finder {number}"))
        for number, draft in enumerate(drafts or (CVE,))
    ]
    move(app, days=30)
    assert len(operations.publish_due(app.desk)) == len(cases)
    move(app, days=1)
    return sorted(
        cases,
        key=lambda one: do(app, coordinator(app), operations.publication, one.id).advisory_id,
    )


def again(app, verb, *arguments, **how):
    """Act as the coordinator, and release what came of it."""
    answer = do(app, coordinator(app), verb, *arguments, **how)
    operations.publish_due(app.desk)
    return answer


def shown(app, id_="CLR-2026-00001"):
    with app.counter.database.transaction(None) as transaction:
        found = operations.advisory(transaction, id_)
    return found.revision, {
        name: json.loads(body) for name, body in found.bodies.items() if name != "text"
    }


OTHER = replace(
    DRAFT, title="Other", description="Other words", cwes=("CWE-79",), aliases=("CVE-2026-88888",)
)


def test_a_correction_keeps_the_id_and_adds_to_the_history(house):
    (case,) = published(house)
    do(
        house,
        coordinator(house),
        operations.set_wording,
        case.id,
        Wording(summary="Loader runs code", mitigations=("Use the safe loader.",)),
    )
    made = again(house, revising.revise, case.id, summary="Summary corrected")
    assert (made.id, made.revision) == ("CLR-2026-00001", 2)
    revision, said = shown(house)
    assert revision == 2
    assert said["osv"]["summary"] == "Loader runs code"
    history = said["csaf"]["document"]["tracking"]["revision_history"]
    assert [one["summary"] for one in history] == ["First issue", "Summary corrected"]
    assert said["osv"]["published"] < said["osv"]["modified"]
    assert said["csaf"]["vulnerabilities"][0]["remediations"][-1]["category"] == "mitigation"


def test_a_withdrawn_advisory_stays_readable_and_says_why(house):
    (case,) = published(house)
    again(house, revising.withdraw, case.id, reason="It cannot be reached.")
    revision, said = shown(house)
    assert revision == 2
    assert said["osv"]["withdrawn"] == said["osv"]["modified"]
    assert said["osv"]["details"].startswith("Withdrawn: It cannot be reached.")
    refused = again(house, revising.revise, case.id, summary="x")
    assert [one.code for one in refused] == ["withdrawn"]
    refused = again(house, revising.withdraw, case.id, reason="again")
    assert [one.code for one in refused] == ["withdrawn"]
    assert shown(house)[0] == 2


def test_what_was_withdrawn_in_error_can_be_reinstated(house):
    (case,) = published(house)
    again(house, revising.withdraw, case.id, reason="It cannot be reached.")
    again(house, revising.revise, case.id, summary="It can be reached", reinstate=True)
    revision, said = shown(house)
    assert revision == 3
    assert "withdrawn" not in said["osv"]
    assert len(said["csaf"]["document"]["tracking"]["revision_history"]) == 3


def test_a_withdrawal_without_a_reason_is_refused(house):
    (case,) = published(house)
    refused = again(house, revising.withdraw, case.id, reason=" ")
    assert [one.code for one in refused] == ["withdrawal"]
    assert shown(house)[0] == 1


def test_a_merge_leaves_one_advisory_that_stands_and_one_that_points_to_it(house):
    lost, kept = published(house, CVE, OTHER)
    made = again(house, revising.merge, lost.id, into=kept.id, reason="One flaw.")
    assert [(one.id, one.revision) for one in made] == [
        ("CLR-2026-00001", 2),
        ("CLR-2026-00002", 2),
    ]
    _, gone = shown(house, "CLR-2026-00001")
    assert gone["osv"]["details"].startswith(
        "Withdrawn as a duplicate of CLR-2026-00002: One flaw."
    )
    assert gone["osv"]["related"] == ["x_CLR-2026-00002"]
    _, stays = shown(house, "CLR-2026-00002")
    assert "withdrawn" not in stays["osv"]
    assert stays["osv"]["related"] == ["x_CLR-2026-00001"]
    history = stays["csaf"]["document"]["tracking"]["revision_history"]
    assert history[-1]["summary"] == "CLR-2026-00001 was a duplicate of this advisory"


def test_a_merge_happens_whole_or_not_at_all(house):
    lost, kept = published(house, CVE, OTHER)
    refused = again(house, revising.merge, lost.id, into=kept.id, reason="")
    assert [one.code for one in refused] == ["withdrawal"]
    assert [shown(house, f"CLR-2026-0000{number}")[0] for number in (1, 2)] == [1, 1]
    with acting(house, coordinator(house)) as transaction:
        row = transaction.one("SELECT count(*) AS n FROM advisory")
    assert row["n"] == 2


def test_after_a_split_both_advisories_name_each_other(house):
    first, second = published(house, CVE, OTHER)
    again(house, revising.relate, first.id, other=second.id, summary="Split into two")
    assert shown(house, "CLR-2026-00001")[1]["osv"]["related"] == ["x_CLR-2026-00002"]
    assert shown(house, "CLR-2026-00002")[1]["osv"]["related"] == ["x_CLR-2026-00001"]
    assert shown(house, "CLR-2026-00002")[1]["page"]["related"] == ["CLR-2026-00001"]


def test_a_case_without_a_public_advisory_has_nothing_to_correct(house):
    case = accepted(house)
    with pytest.raises(NotPublishedError, match="no public advisory"):
        do(house, coordinator(house), revising.revise, case.id, summary="x")


def test_an_issue_that_is_being_released_is_waited_for(house):
    (case,) = published(house)
    made = do(house, coordinator(house), revising.revise, case.id, summary="one")
    assert isinstance(made, Documents)
    with pytest.raises(NotPublishedError, match="being released"):
        do(house, coordinator(house), revising.revise, case.id, summary="two")
    operations.publish_due(house.desk)
    assert shown(house)[0] == 2


def test_every_issue_stays_in_the_ledger_and_in_the_store(house):
    (case,) = published(house)
    again(house, revising.withdraw, case.id, reason="Seen again.")
    with acting(house, coordinator(house)) as transaction:
        rows = transaction.all(
            "SELECT kind, body FROM ledger_event WHERE subject = %s ORDER BY at",
            ["CLR-2026-00001"],
        )
        issues = transaction.all("SELECT revision FROM advisory ORDER BY revision")
    assert [row["kind"] for row in rows] == ["advisory.decided"] * 2
    assert [row["revision"] for row in issues] == [1, 2]
    data = json.loads(rows[-1]["body"])["data"]
    assert (data["rule"], data["revision"], data["withdrawn"]) == ("withdrawn", 2, True)
    assert {"policy", "authority", "sha256"} <= data.keys()


def test_only_who_may_publish_may_correct(house):
    (case,) = published(house)
    with pytest.raises((ForbiddenError, casework.NoSuchCaseError)):
        do(house, analyst(house), revising.revise, case.id, summary="x")
