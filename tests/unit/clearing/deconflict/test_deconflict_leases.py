"""Leases: who is granted what, what is told of others, and what maintainers allow."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.clearing import route
from clearhouse.clearing.deconflict.leases import operations as leasing
from clearhouse.clearing.deconflict.leases import rules
from clearhouse.clearing.deconflict.leases.operations import claim_lease
from clearhouse.clearing.deconflict.leases.record import (
    Authorisation,
    Basis,
    Claim,
    Coverage,
    Disclosure,
    Extent,
    Granted,
    Limit,
    Overlap,
    Overlapping,
    Scope,
    State,
    Tool,
)
from clearhouse.kernel import policy
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, outsider, person, reporter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SCOPE = Scope(
    target="pkg:npm/one",
    starts=NOW,
    until=NOW + timedelta(days=7),
    paths=("src/net",),
    versions="vers:npm/>=1.0.0|<2.0.0",
)
GIVEN = Authorisation(
    basis=Basis.COPY, reference="https://one.test", safe_harbour="clearhouse-safe-harbour/1"
)
CLAIM = Claim(scope=SCOPE, tool=Tool.MODEL, authorisation=GIVEN, disclosure=Disclosure.WHEN)
WHOLE = (Coverage(path="src", commit="0" * 40, extent=Extent.SCANNED),)


@pytest.fixture
def house(app):
    at(app, NOW)
    return app


@pytest.fixture
def labs(app):
    return [
        person(app, f"Lab {name}", PartyKind.LAB, name, "finder") for name in ("Ada", "Bob", "Cy")
    ]


def at(app, moment):
    app.desk.database.clock = app.counter.database.clock = lambda: moment


def do(app, actor, verb, *arguments):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return verb(app.desk, transaction, actor, *arguments)


def claims(app, actor, scope=None, **how):
    claim = replace(CLAIM, scope=replace(SCOPE, **(scope or {})), **how)
    return do(app, actor, claim_lease, claim)


def test_a_lease_is_granted_and_read_by_its_party_and_those_on_duty(house, labs):
    granted = claims(house, labs[0])
    assert isinstance(granted, Granted)
    assert (granted.overlaps, granted.lease.shared, granted.lease.state) == ((), False, State.HELD)
    for actor, seen in ((labs[0], 1), (labs[1], 0), (coordinator(house), 1), (outsider(house), 0)):
        assert len(do(house, actor, leasing.leases)) == seen


@pytest.mark.parametrize(
    ("disclosure", "told"),
    [
        (Disclosure.OVERLAP, Overlap()),
        (Disclosure.WHEN, Overlap(until=SCOPE.until)),
        (
            Disclosure.TOOL,
            Overlap(until=SCOPE.until, tool=Tool.MODEL, paths=SCOPE.paths, versions=SCOPE.versions),
        ),
        (
            Disclosure.PARTY,
            Overlap(until=SCOPE.until, tool=Tool.MODEL, paths=SCOPE.paths,
                    versions=SCOPE.versions, party="Lab Ada"),
        ),
    ],
)  # fmt: skip
def test_who_would_do_the_same_is_told_as_much_as_the_holder_allows(house, labs, disclosure, told):
    claims(house, labs[0], disclosure=disclosure)
    assert claims(house, labs[1]) == Overlapping(overlaps=(told,))
    assert do(house, labs[1], leasing.who_scans, SCOPE) == (told,)
    assert do(house, labs[0], leasing.who_scans, SCOPE) == (), "of one's own nothing is told"


def test_a_lease_of_which_nothing_may_be_told_reserves_nothing(house, labs):
    claims(house, labs[0], disclosure=Disclosure.NOTHING)
    granted = claims(house, labs[1])
    assert (granted.overlaps, granted.lease.shared) == ((), False)


def test_an_overlap_may_be_shared_and_the_lease_says_so(house, labs):
    claims(house, labs[0])
    assert claims(house, labs[1], share=True).lease.shared


def test_another_class_of_tool_is_told_of_the_overlap_and_granted(house, labs):
    claims(house, labs[0])
    granted = claims(house, labs[1], tool=Tool.FUZZING)
    assert granted.overlaps == (Overlap(until=SCOPE.until),)


@pytest.mark.parametrize(
    "scope",
    [
        {"target": "pkg:npm/two"},
        {"paths": ("src/network",)},
        {"versions": "vers:npm/>=2.0.0"},
        {"starts": SCOPE.until, "until": SCOPE.until + timedelta(days=1)},
    ],
)
def test_what_has_nothing_in_common_is_granted_side_by_side(house, labs, scope):
    claims(house, labs[0])
    assert isinstance(claims(house, labs[1], scope=scope), Granted)


def test_versions_that_cannot_be_compared_are_taken_to_overlap_and_that_is_said(house, labs):
    claims(house, labs[0])
    said = claims(house, labs[1], scope={"versions": "vers:pypi/<1"})
    assert [one.unsure for one in said.overlaps] == [True]


@pytest.mark.parametrize(
    ("scope", "how", "code"),
    [
        ({"until": NOW}, {}, "no-such-time"),
        ({"starts": NOW - timedelta(hours=1)}, {}, "no-such-time"),
        ({"until": NOW + timedelta(days=31)}, {}, "too-long"),
        ({"starts": NOW + timedelta(days=61), "until": NOW + timedelta(days=62)}, {}, "too-long"),
        ({}, {"tool": Tool.DYNAMIC}, "not-authorised"),
        ({}, {"authorisation": replace(GIVEN, reference=" ")}, "not-authorised"),
        ({}, {"authorisation": replace(GIVEN, safe_harbour="older")}, "safe-harbour"),
        ({"target": "somewhere"}, {}, "malformed"),
        ({"target": "http://one.test/a"}, {}, "malformed"),
        ({"paths": ("../etc",)}, {}, "malformed"),
        ({"paths": tuple(map(str, range(201)))}, {}, "malformed"),
        ({"versions": "1.0"}, {}, "malformed"),
        ({"starts": NOW.replace(tzinfo=None)}, {}, "malformed"),
    ],
)
def test_a_claim_that_the_rules_do_not_allow_is_refused_with_the_reason(
    house, labs, scope, how, code
):
    refused = claims(house, labs[0], scope=scope, **how)
    assert (refused.code, bool(refused.reason)) == (code, True)
    assert do(house, labs[0], leasing.leases) == []


def test_the_maintainers_word_counts_before_everything_else(house, labs):
    chief = coordinator(house)
    for wanted, code in (
        (Limit(target="pkg:npm/one", opted_out=True, reference="SECURITY.md"), "opted-out"),
        (Limit(target="pkg:npm/one", barred_tools=(Tool.MODEL,), reference="mail"), "tool-barred"),
    ):
        do(house, chief, leasing.limit, wanted)
        assert claims(house, labs[0]).code == code
    assert [one.barred_tools for one in do(house, labs[0], leasing.limits)] == [(Tool.MODEL,)]
    do(house, chief, leasing.limit, Limit(target="pkg:npm/one", at_once=1, reference="mail"))
    assert isinstance(claims(house, labs[0]), Granted)
    assert claims(house, labs[1], tool=Tool.MANUAL).code == "paced"
    later = {"starts": SCOPE.until, "until": SCOPE.until + timedelta(days=1)}
    assert isinstance(claims(house, labs[1], scope=later), Granted)
    for wrong in (
        Limit(target="pkg:npm/one", reference=""),
        Limit(target="pkg:npm/one", at_once=0, reference="mail"),
        Limit(target="one", reference="mail"),
    ):
        assert do(house, chief, leasing.limit, wrong).code == "malformed"


def test_pace_counts_who_is_there_at_once_not_who_comes_in_all(house, labs):
    days = [(0, 2), (2, 4), (4, 6)]
    do(house, coordinator(house), leasing.limit,
       Limit(target="pkg:npm/one", at_once=2, reference="mail"))  # fmt: skip
    for start, end in days:
        scope = {"starts": NOW + timedelta(days=start), "until": NOW + timedelta(days=end)}
        assert isinstance(claims(house, labs[0], scope=scope), Granted)
    assert isinstance(claims(house, labs[1], tool=Tool.MANUAL), Granted)
    assert claims(house, labs[2], tool=Tool.STATIC).code == "paced"


def test_a_lease_is_handed_back_with_what_was_scanned_and_others_read_it(house, labs):
    lease = claims(house, labs[0]).lease
    refused = do(house, labs[0], leasing.hand_back, lease.lease_id, ())
    assert refused.code == "not-covered"
    vague = (replace(WHOLE[0], commit="main"),)
    assert do(house, labs[0], leasing.hand_back, lease.lease_id, vague).code == "no-commit"
    outside = (replace(WHOLE[0], path="../x"),)
    assert do(house, labs[0], leasing.hand_back, lease.lease_id, outside).code == "malformed"
    assert do(house, labs[1], leasing.hand_back, lease.lease_id, WHOLE).code == "no-such-lease"
    done = do(house, labs[0], leasing.hand_back, lease.lease_id, WHOLE)
    assert (done.state, done.coverage) == (State.HANDED_BACK, WHOLE)
    assert do(house, labs[0], leasing.hand_back, lease.lease_id, WHOLE).code == "over"
    (read,) = do(house, labs[1], leasing.coverage_of, "pkg:npm/one")
    assert (read.ended_at, read.party, read.tool, read.coverage) == (NOW, None, None, WHOLE)
    assert do(house, labs[1], leasing.coverage_of, "one").code == "malformed"
    assert isinstance(claims(house, labs[1]), Granted), "it reserves nothing any more"


def test_a_lease_lapses_and_who_owes_a_statement_claims_nothing_new(house, labs):
    lease = claims(house, labs[0]).lease
    at(house, SCOPE.until)
    route.lapse_leases(house.desk)
    route.lapse_leases(house.desk)
    next_week = {"starts": SCOPE.until, "until": SCOPE.until + timedelta(days=9)}
    assert isinstance(claims(house, labs[0], scope=next_week), Granted), "it has some days"
    at(house, SCOPE.until + timedelta(days=8))
    later = {"starts": SCOPE.until + timedelta(days=9), "until": SCOPE.until + timedelta(days=10)}
    assert claims(house, labs[0], scope=later).code == "statement-due"
    assert do(house, labs[0], leasing.hand_back, lease.lease_id, WHOLE).state is State.HANDED_BACK
    assert isinstance(claims(house, labs[0], scope=later), Granted)


def test_a_lease_that_has_not_begun_is_withdrawn(house, labs):
    begun = claims(house, labs[0]).lease
    coming = claims(house, labs[0], scope={"starts": NOW + timedelta(days=1)}).lease
    assert do(house, labs[0], leasing.withdraw, begun.lease_id).code == "has-begun"
    assert do(house, labs[1], leasing.withdraw, coming.lease_id).code == "no-such-lease"
    assert do(house, labs[0], leasing.withdraw, coming.lease_id).state is State.WITHDRAWN


def test_a_party_holds_no_more_leases_than_the_policy_says(house, labs, monkeypatch):
    few = replace(leasing.lease_policy(), open_per_party=1)
    monkeypatch.setattr(leasing, "lease_policy", lambda: few)
    claims(house, labs[0])
    assert claims(house, labs[0], scope={"target": "pkg:npm/two"}).code == "too-many"


def test_two_labs_that_ask_at_the_same_instant_get_one_consistent_answer(house, labs):
    """Each claims in a transaction of its own and holds it open until both have asked."""
    targets = [f"pkg:npm/race-{number}" for number in range(12)]
    answers = {target: [] for target in targets}
    together = threading.Barrier(3)

    def run(lab):
        for target in targets:
            together.wait()
            answers[target].append(claims(house, lab, scope={"target": target}))

    threads = [threading.Thread(target=run, args=(lab,)) for lab in labs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for given in answers.values():
        kinds = sorted(type(one).__name__ for one in given)
        assert kinds == ["Granted", "Overlapping", "Overlapping"]


def test_both_sides_of_an_overlap_are_in_the_ledger_and_neither_reads_the_others(house, labs):
    lease = claims(house, labs[0]).lease
    claims(house, labs[1])

    def read(actor):
        with house.desk.database.transaction(actor.actor_id) as transaction:
            rows = transaction.all("SELECT kind, subject FROM ledger_event WHERE kind LIKE 'ex%%'")
        return {(row["kind"], row["subject"]) for row in rows}

    told = ("exchange.told_of_scans", labs[1].party_id)
    assert told in read(labs[1])
    assert told not in read(labs[0])
    auditor = person(house, "Oversight", PartyKind.AUDITOR, "Ida", "auditor")
    assert {told, ("exchange.scan_told_of", lease.lease_id)} <= read(auditor)


def test_nobody_claims_or_limits_without_the_role(house, labs):
    stranger = reporter(house)
    limit = Limit(target="pkg:npm/one", reference="mail")
    for verb, given in (
        (claim_lease, CLAIM), (leasing.who_scans, SCOPE), (leasing.coverage_of, "pkg:npm/one"),
        (leasing.withdraw, "lea_x"), (leasing.limit, limit),
    ):  # fmt: skip
        with pytest.raises(ForbiddenError):
            do(house, stranger, verb, given)
    with pytest.raises(ForbiddenError):
        do(house, stranger, leasing.hand_back, "lea_x", WHOLE)
    for verb in (leasing.leases, leasing.limits):
        with pytest.raises(ForbiddenError):
            do(house, stranger, verb)
    with pytest.raises(ForbiddenError):
        do(house, labs[0], leasing.limit, limit)


def test_a_scope_that_cannot_be_read_tells_nothing_of_others(house, labs):
    assert do(house, labs[0], leasing.who_scans, replace(SCOPE, target="x")).code == "malformed"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("pkg:npm/one@1.0", "pkg:npm/one"),
        ("https://GitHub.com/Owner/Repo.git", "https://github.com/owner/repo"),
        ("https://github.com/owner/repo/", "https://github.com/owner/repo"),
    ],
)
def test_one_target_has_one_spelling(said, meant):
    assert rules.target_of(said) == meant


def test_the_root_among_paths_and_every_version_stand_for_everything():
    cleaned = rules.cleaned(replace(SCOPE, paths=("./src//a/", "."), versions="vers:npm/*"))
    assert (cleaned.paths, cleaned.versions) == ((), None)


def test_a_policy_that_is_not_whole_is_refused(monkeypatch):
    document = dict(policy.load("deconflict/leases-1"))
    for wrong in ({"bases": {}}, {"longest_days": "x"}, {"open_per_party": 0}, {"bases": None}):
        monkeypatch.setattr(policy, "load", lambda _, w=wrong: document | w)
        with pytest.raises(policy.PolicyError):
            leasing.lease_policy()
