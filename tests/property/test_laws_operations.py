"""The laws of section 2 of the design, held after every step of any history of the house.

Reports come, are cleared again and again, are joined, parted and related; cases are opened, vendors
answer, dates are agreed, the clock moves, and what is due is published: in any order.
"""

import contextlib
import itertools
import json
import tempfile
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clearhouse.app import HOUSE
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, clocks, messages, read_ins, standing
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.embargo import News
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.embargo_management import IN_FORCE
from clearhouse.clearing.coordinate.record import Outcome, ProductState
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.operations import SaidDifferentError
from clearhouse.clearing.match.record import Relation
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import ledger, ledger_export
from clearhouse.kernel.identity import PartyKind
from house import outsider, person, reporter
from scenario.laws_house import FOLLOWS, KEEPS, Audit, draft, owning
from scenario.leaks_scene import do, fresh_house, move, set_clock

pytestmark = pytest.mark.no_cover

DECISIONS = {
    "report.matched": {"proof_rule", "suggestion_rule"},
    "report.compared": {"rules"},
    "examination.asked": {"rules", "authority"},
    "verdict.decided": {"rules", "authority"},
    "finding.merged": {"rule", "policy"},
    "finding.split": {"rule", "policy"},
    "finding.sibling": {"policy"},
    "finding.different": {"policy"},
    "edge.retracted": {"rule", "policy"},
    "finding.prioritized": {"rule", "policies", "authority"},
    "finding.reprioritized": {"rule", "policies", "authority"},
    "finding.left_queue": {"rule", "authority"},
    "finding.assessed": {"authority"},
    "case.opened": {"rule", "policy", "authority"},
    "case.grown": {"rule", "policy"},
    "case.published": {"rule", "policy", "authority"},
    "verdict.recorded": {"rule", "policy", "authority"},
    "verdict.disagreed": {"rule", "policy", "authority"},
    "embargo.agreed": {"rule", "policy", "authority"},
    "embargo.fact": {"rule", "policy", "authority"},
    "case.party_joined": {"rule", "policy", "authority"},
    "case.read_in": {"rule", "policy", "authority"},
    "case.read_in_revoked": {"rule", "policy", "authority"},
    "case.read_in_asked": {"rule", "policy", "authority"},
    "copy.traced": {"authority"},
    "case.part_given": {"share", "authority"},
    "mail.received": {"outcome", "authority"},
    "case.read_in_expired": {"rule", "policy", "authority"},
    "case.shredded": {"authority", "because"},
    "embargo.ended": {"rule", "policy", "authority"},
    "embargo.consent": {"rule", "policy", "authority"},
    "message.posted": {"tlp", "authority"},
    "party.channel": {"authority"},
    "products.told": {"rule", "policy", "authority"},
    "advisory.decided": {"rule", "policy", "authority"},
    "advisory.held": {"refusals", "authority"},
    "advisory.worded": {"authority"},
    "feed.issued": {"sequence", "manifest_sha256", "policy"},
    "feed.keys": {"keys", "policy"},
    "vendor.registered": {"authority"},
}
"""What every decision must name, by the kind of its event."""

FACTS = {"report.received", "party.added", "actor.added", "token.issued", "token.revoked",
         "actor.revoked", "session.opened", "session.ended", "compartment.shredded",
         "copy.given"}  # fmt: skip

which = st.integers(0, 30)
REPORTS = st.tuples(
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from(["A", "A", "B", None]),
    st.sampled_from([None, None, "CVE-2026-10001"]),
    st.sampled_from([False, False, False, True]),
    st.integers(0, 1),
)
"""Package, proof of concept, alias, whether it contradicts itself, and who sends it."""


class House(RuleBasedStateMachine):
    """What is done to a house, and what must be true of it after every step."""

    installation = None

    @initialize()
    def open(self):
        self.stack = contextlib.ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.app, owner_url = self.stack.enter_context(fresh_house(self.installation, folder))
        self.owner = self.stack.enter_context(owning(owner_url))
        self.audit = Audit(self.owner)
        self.audit.watch(self.app.desk.database)
        self.audit.watch(self.app.counter.database)
        self.finders = [reporter(self.app, "Rita"), reporter(self.app, "Rob")]
        self.cora = person(self.app, HOUSE, PartyKind.COORDINATOR, "Cora", "coordinator",
                           "coordinator_on_duty", "intake_analyst")  # fmt: skip
        self.vendor = do(self.app, self.cora, casework.register_vendor, name="Vendor",
                         packages=("pkg:pypi/law-0",))  # fmt: skip
        self.accepted = {}
        self.pending, self.cleared, self.cases, self.edges = [], [], [], []
        self.numbers = itertools.count()
        self.refuted = set()

    def teardown(self):
        if hasattr(self, "stack"):
            try:
                self._merges_can_be_taken_back()
                self._the_ledger_verifies()
            finally:
                self.stack.close()

    def _reading(self):
        return self.app.desk.database.transaction(self.app.desk.clearing_actor.actor_id)

    def _owner(self, statement, *values):
        return self.owner.execute(statement, values).fetchall()

    def _pick(self, things, place):
        return things[place % len(things)]

    # What is done.

    @rule(flood=st.lists(REPORTS, min_size=1, max_size=3))
    def submit(self, flood):
        for package, proof, alias, refuted, finder in flood:
            self._submit(package, proof, alias, refuted=refuted, finder=finder)

    def _submit(self, package, proof, alias, *, refuted, finder):
        number, who = next(self.numbers), self.finders[finder]
        original = f"report {number}".encode()
        one = draft(package, proof, alias, refuted=refuted, finder=f"Finder {number}")
        sent = Arrival(original=original, format="test", drafts=(one,), idempotency_key=f"{number}")
        receipt = take_in(self.app.counter, who, sent)
        assert take_in(self.app.counter, who, sent) == receipt
        with self._reading() as transaction:
            (report,) = intake.reports_of(transaction, [receipt])
            (stored,) = intake.load(self.app.desk, transaction, [report])
        self.accepted[report] = (receipt, original, who, stored.received_at, f"Finder {number}")
        self.pending.append(report)
        if refuted:
            self.refuted.add(report)

    @precondition(lambda self: self.pending)
    @rule(order=st.randoms(use_true_random=False), most=st.integers(1, 3))
    def clear(self, order, most):
        order.shuffle(self.pending)
        for _ in range(min(most, len(self.pending))):
            report = self.pending.pop()
            route.clear(self.app.desk, report)
            self.cleared.append(report)
        self._learn_names()

    @precondition(lambda self: self.cleared)
    @rule(place=which)
    def clear_again(self, place):
        events = self._owner("SELECT count(*) AS n FROM ledger_event")
        report = self._pick(self.cleared, place)
        route.clear(self.app.desk, report)
        now = self._owner("SELECT count(*) AS n FROM ledger_event")
        # A proof may count now that both sides are settled; otherwise nothing is left to do.
        assert now[0]["n"] - events[0]["n"] <= 4
        self._learn_names()

    @precondition(lambda self: len(self.cleared) > 1)
    @rule(one=which, other=which)
    def merge(self, one, other):
        pair = [self._finding(self._pick(self.cleared, place)) for place in (one, other)]
        with contextlib.suppress(SaidDifferentError):
            do(self.app, self.cora, match.merge, *pair, note="one flaw")
        self._learn_names()

    @precondition(lambda self: len(self.cleared) > 1)
    @rule(one=which, other=which, relation=st.sampled_from(list(Relation)))
    def relate(self, one, other, relation):
        pair = [self._finding(self._pick(self.cleared, place)) for place in (one, other)]
        with contextlib.suppress(ValueError):
            do(self.app, self.cora, match.relate, *pair, relation=relation, note="said")
        self._learn_names()

    @precondition(lambda self: self.cleared)
    @rule(place=which)
    def split(self, place):
        with contextlib.suppress(ValueError):
            do(self.app, self.cora, match.split, [self._pick(self.cleared, place)], note="two")
        self._learn_names()

    @precondition(lambda self: self.edges)
    @rule(place=which)
    def undo(self, place):
        do(self.app, self.cora, match.undo, self._pick(self.edges, place))

    @precondition(lambda self: self.cleared)
    @rule(place=which)
    def open_case(self, place):
        do(
            self.app,
            self.cora,
            coordinate.open_case,
            self._finding(self._pick(self.cleared, place)),
        )
        self._learn_names()

    @precondition(lambda self: self.cases)
    @rule(place=which, outcome=st.sampled_from([*Outcome, Outcome.ACCEPTED]))
    def vendor_answers(self, place, outcome):
        self._try(casework.give_verdict, self._pick(self.cases, place), vendor=self.vendor,
                  outcome=outcome)  # fmt: skip

    @precondition(lambda self: self.cases)
    @rule(place=which, days=st.integers(-3, 40))
    def vendor_agrees(self, place, days):
        date = self.app.desk.database.clock() + timedelta(days=days)
        self._try(casework.agree_date, self._pick(self.cases, place), vendor=self.vendor, date=date)

    @precondition(lambda self: self.cases)
    @rule(place=which, fact=st.sampled_from(["exploited_since", "public_since", "fix_ready_at"]))
    def learn(self, place, fact):
        news = News(**{fact: self.app.desk.database.clock()})
        self._try(casework.learn, self._pick(self.cases, place), news=news)

    @precondition(lambda self: self.cases)
    @rule(place=which)
    def disagree(self, place):
        case_id = self._pick(self.cases, place)
        before = self._case(case_id)
        self._try(casework.disagree, case_id, verdict=0, reason="another opinion")
        assert self._case(case_id).verdicts == before.verdicts  # law 5: recorded, never overruled

    @precondition(lambda self: self.cases)
    @rule(place=which, leave=st.booleans())
    def read_in(self, place, leave):
        otto = outsider(self.app)
        case_id = self._pick(self.cases, place)
        if leave:
            self._try(read_ins.revoke, case_id, who=otto.actor_id)
        else:
            self._try(read_ins.read_in, case_id, who=otto, tier=1)

    @precondition(lambda self: self.cases)
    @rule(place=which, event=st.sampled_from(list(ConsentEvent)))
    def consent(self, place, event):
        case_id = self._pick(self.cases, place)
        self._try(standing.consent, case_id, party=self.vendor, event=event)

    @precondition(lambda self: self.cases)
    @rule(place=which, state=st.sampled_from(list(ProductState)))
    def speak_of_a_product(self, place, state):
        case_id = self._pick(self.cases, place)
        before = self._case(case_id).statuses
        said = [Said(vendor=self.vendor, product="p", state=state, note="because")]
        self._try(standing.say_of_products, case_id, said)
        assert self._case(case_id).statuses[: len(before)] == before  # only ever added

    @precondition(lambda self: self.cases)
    @rule(place=which)
    def say_something(self, place):
        case_id = self._pick(self.cases, place)
        thread = do(self.app, self.cora, messages.open_thread, case_id, party=None)
        do(self.app, self.cora, messages.post, thread.thread_id, text="words", tlp=Tlp.RED)
        said = do(self.app, self.cora, messages.messages, thread.thread_id)[1]
        assert said[-1].words.text == "words"

    @precondition(lambda self: self.cases)
    @rule(place=which, hours=st.integers(1, 40))
    def read_in_for_a_while(self, place, hours):
        until = self.app.desk.database.clock() + timedelta(hours=hours)
        case_id = self._pick(self.cases, place)
        otto = outsider(self.app)
        self._try(read_ins.read_in, case_id, who=otto, tier=1, expires_at=until, reason="helps")

    @rule()
    def sweep(self):
        clocks.sweep(self.app.desk)
        now = self.app.desk.database.clock()
        assert clocks.sweep(self.app.desk) == 0
        for case_id in self.cases:
            case = self._case(case_id)
            assert case.embargo_state not in IN_FORCE or case.embargo.holds(now)

    @rule(hours=st.sampled_from([1, 30, 24 * 8, 24 * 31]))
    def wait(self, hours):
        move(self.app, hours=hours)

    @precondition(lambda self: self.cases)
    @rule(place=which)
    def come_to_its_instant(self, place):
        case_id = self._pick(self.cases, place)
        self._try(casework.give_verdict, case_id, vendor=self.vendor, outcome=Outcome.ACCEPTED)
        instant = self._case(case_id).embargo.instant
        if instant is not None and instant > self.app.desk.database.clock():
            set_clock(self.app, instant - timedelta(microseconds=1))
            self.publish_due()
            assert self._case(case_id).published_at is None
            set_clock(self.app, instant)
        self.publish_due()

    @rule()
    def publish_due(self):
        now = self.app.desk.database.clock()
        held = {case_id for case_id in self.cases if self._case(case_id).embargo.holds(now)}
        public = publish.publish_due(self.app.desk)
        rows = self._owner("SELECT case_id, advisory_id FROM publication WHERE advisory_id = ANY(%s)",
                           public)  # fmt: skip
        assert len(rows) == len(public)
        assert not {row["case_id"] for row in rows} & held  # law 7: nothing before its instant
        for row in rows:
            case = self._case(row["case_id"])
            said = [case.latest_verdict(vendor.id) for vendor in case.vendors]
            outcomes = {one.outcome for one in said if one}
            assert outcomes & {Outcome.ACCEPTED, Outcome.FIX_RELEASED} or (
                Outcome.REJECTED not in outcomes and case.embargo.facts.negotiated
            )

    @rule()
    def seal_ledger(self):
        route.seal_ledger(self.app.desk)

    def _try(self, verb, *arguments, **more):
        with self.app.desk.database.transaction(self.cora.actor_id) as transaction:
            verb(self.app.desk, transaction, self.cora, *arguments, **more)

    def _finding(self, report):
        with self._reading() as transaction:
            return match.finding_of(transaction, report)

    def _case(self, case_id):
        with self._reading() as transaction:
            return casework.case(self.app.desk, transaction, self.app.desk.clearing_actor, case_id)

    def _learn_names(self):
        self.cases = [
            row["case_id"]
            for row in self._owner(
                "SELECT case_id FROM coordination_case WHERE merged_into IS NULL ORDER BY opened_at,"
                " case_id"
            )
        ]
        rows = self._owner("SELECT edge_id FROM match_edge WHERE state <> 'retracted' ORDER BY 1")
        self.edges = [row["edge_id"] for row in rows]

    # What must be true.

    @invariant()
    def law_1_everything_accepted_is_there_once_with_its_original_time_and_credits(self):
        with self._reading() as transaction:
            stored = intake.load(self.app.desk, transaction, list(self.accepted))
            originals = {
                one.report_id: intake.original(self.app.desk, transaction, one.receipt)
                for one in stored
            }
            counted = intake.counts(transaction)
        assert counted["submissions"] == counted["reports"] == len(self.accepted) == len(stored)
        for one in stored:
            receipt, original, who, at, credit = self.accepted[one.report_id]
            assert (one.receipt, one.party_id, one.received_at) == (receipt, who.party_id, at)
            assert originals[one.report_id] == original
            assert [credited.name for credited in one.content.credits] == [credit]

    @invariant()
    def law_4_findings_are_what_proof_or_a_person_joined_and_nothing_else(self):
        joined = self._owner(
            "SELECT left_report, right_report, basis FROM match_edge"
            " WHERE relation = 'same' AND state = 'active'"
        )
        assert {edge["basis"] for edge in joined} <= {"proof", "person"}
        rows = self._owner("SELECT report_id, finding_id FROM match_report")
        assert {row["report_id"] for row in rows} >= set(self.cleared)  # some are matched ahead
        groups = {row["report_id"]: {row["report_id"]} for row in rows}
        for edge in joined:
            whole = groups[edge["left_report"]] | groups[edge["right_report"]]
            for member in whole:
                groups[member] = whole
        kept = defaultdict(set)
        for row in rows:
            kept[row["finding_id"]].add(row["report_id"])
        assert sorted(map(sorted, kept.values())) == sorted(
            map(sorted, {frozenset(group) for group in groups.values()})
        )

    @invariant()
    def law_4_a_merged_finding_thanks_every_finder(self):
        with self._reading() as transaction:
            for finding_id in match.findings(transaction):
                members = match.finding(self.app.desk, transaction, finding_id).report_ids
                thanked = match.credits_of(self.app.desk, transaction, finding_id)
                assert {one.name for one in thanked} == {
                    self.accepted[member][4] for member in members
                }

    @invariant()
    def law_4_what_is_contradicted_is_never_joined_by_the_machinery(self):
        rows = self._owner(
            "SELECT left_report, right_report FROM match_edge WHERE relation = 'same'"
            " AND basis = 'proof' AND state = 'active'"
        )
        assert not {end for row in rows for end in row.values()} & self.refuted

    @invariant()
    def law_3_nothing_that_is_doubted_or_refuted_is_closed_or_hidden(self):
        with self._reading() as transaction:
            verdicts = validate.verdicts(self.app.desk, transaction, self.cleared)
            waiting = set(match.findings(transaction))
            for report in self.cleared:
                assert match.finding_of(transaction, report) in waiting
        assert len(verdicts) == len(self.cleared)
        for report, verdict in zip(self.cleared, verdicts, strict=True):
            assert (verdict.kind is VerdictKind.CONTRADICTED) == (report in self.refuted)
            assert verdict.not_established
            assert verdict.kind is not VerdictKind.NOT_REPRODUCED  # nothing was run

    @invariant()
    def law_7_what_is_public_is_public_everywhere_and_nothing_else_is(self):
        folder = self.app.desk.published_folder
        files = {path.parent.name for path in folder.glob("[0-9]*/*/osv.json")}
        with self.app.counter.database.transaction(None) as transaction:
            shown = {one.advisory_id for one in publish.advisories(transaction)}
        marked = self._owner("SELECT case_id FROM coordination_case WHERE published_at IS NOT NULL")
        assert files == shown
        assert len(marked) == len(shown)

    @invariant()
    def law_8_every_decision_names_policy_rule_and_actor(self):
        for row in self._owner("SELECT kind, actor_id, body FROM ledger_event"):
            assert row["kind"] in DECISIONS or row["kind"] in FACTS, row["kind"]
            data = json.loads(row["body"])["data"]
            missing = {name for name in DECISIONS.get(row["kind"], ()) if not data.get(name)}
            assert not missing, (row["kind"], missing)
            if row["kind"] in DECISIONS:
                assert row["actor_id"].startswith("act_")

    @invariant()
    def law_9_no_transaction_bypassed_the_ledger(self):
        assert not self.audit.unwritten

    def _merges_can_be_taken_back(self):
        """Law 4: taking back every joining edge gives every report its own finding again."""
        edges = self._owner(
            "SELECT edge_id FROM match_edge WHERE relation = 'same' AND state = 'active'"
        )
        for edge in edges:
            do(self.app, self.cora, match.undo, edge["edge_id"])
        rows = self._owner("SELECT finding_id, own_finding_id FROM match_report")
        assert all(row["finding_id"] == row["own_finding_id"] for row in rows)
        self.law_1_everything_accepted_is_there_once_with_its_original_time_and_credits()
        assert not self.audit.unwritten

    def _the_ledger_verifies(self):
        route.seal_ledger(self.app.desk)
        key = self.app.desk.keys.signing_key().public_key()
        with self._reading() as transaction:
            assert ledger.sequence(transaction) == 0
            result = ledger_export.verify(ledger_export.export(transaction, key), key)
        assert result.holds, result.faults
        assert result.size == self._owner("SELECT count(*) AS n FROM ledger_event")[0]["n"]


def test_the_laws_hold_after_every_step_of_any_history(installation):
    class Here(House):
        pass

    Here.installation = installation
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=10,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],  # a history is short enough to read
        ),
    )


def test_every_table_is_either_kept_in_the_ledger_or_follows_from_one_that_is(installation):
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_house(installation, Path(folder)) as (_, url),
        owning(url) as connection,
    ):
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'clearhouse'"
        ).fetchall()
    assert {row["tablename"] for row in rows} == KEEPS | FOLLOWS.keys()
    assert not KEEPS & FOLLOWS.keys()


def test_the_audit_finds_a_write_that_leaves_no_event(installation):
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_house(installation, Path(folder)) as (app, url),
        owning(url) as owner,
    ):
        audit = Audit(owner)
        audit.watch(app.desk.database)
        with app.desk.database.transaction(None) as transaction:
            transaction.execute("UPDATE party SET contact = 'x'")
        assert audit.unwritten == [("party",)]
