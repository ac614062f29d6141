"""What holds in every life of a case, whoever does what, in any order, while time jumps.

Two to twenty parties, persons and agents. Never: a byte to somebody who is not read in, nothing
published before its instant, no credit lost, no state left by an arrow that no table draws.
`CLEARHOUSE_NIGHTLY=1` lives twenty times as many.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.clearing.coordinate.casework import next_clock, readers_of
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.clearing.coordinate.embargo import EmbargoFacts, News, learned
from clearhouse.clearing.coordinate.embargo_consent import (
    EMBARGO_CONSENT,
    ConsentEvent,
    ConsentState,
)
from clearhouse.clearing.coordinate.embargo_management import EMBARGO_MANAGEMENT, IN_FORCE
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Disagreement,
    Outcome,
    Participant,
    Party,
    PartyRole,
    ProductState,
    ProductStatus,
    Verdict,
)
from clearhouse.clearing.coordinate.report_management import REPORT_MANAGEMENT
from clearhouse.clearing.coordinate.rules import NOT_READ_IN, disclosure
from clearhouse.clearing.coordinate.transitions import (
    agree_date,
    consent,
    disagree,
    give_verdict,
    learn,
    mark_published,
    merge,
    open_case,
    read_in,
    revoke,
    say_of_products,
    tick,
)
from nightly import NIGHTLY

POLICY = load(Path(__file__).parents[2] / "policies" / "embargo" / "clearhouse-1.yaml")
DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
LIVES = 16_000 if NIGHTLY else 800
FACTS = ("exploited_since", "public_since", "exploit_public_since", "fix_ready_at")
ROLES = (PartyRole.VENDOR, PartyRole.FINDER, PartyRole.DISTRIBUTOR, PartyRole.VENDOR)

who = st.integers(0, 19)
acts = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 12, 24 * 6, 24 * 20, 24 * 45])),
    st.tuples(st.just("read in"), who, st.integers(0, 3), st.sampled_from([None, 5, 100])),
    st.tuples(st.just("revoke"), who),
    st.tuples(st.just("verdict"), who, st.sampled_from(list(Outcome))),
    st.tuples(st.just("date"), who, st.integers(-2, 60)),
    st.tuples(st.just("consent"), who, st.sampled_from(list(ConsentEvent))),
    st.tuples(st.just("product"), who, st.sampled_from(list(ProductState))),
    st.tuples(st.just("learn"), st.sampled_from(FACTS)),
    st.tuples(st.just("disagree"), st.integers(0, 3)),
    st.tuples(st.just("tick")),
    st.tuples(st.just("publish")),
    st.tuples(st.just("merge")),
)


class Life:
    """A case, what should be true of it, and who may read it by a count of its own."""

    def __init__(self, parties):
        self.now = DAY_0
        self.parties = parties
        self.case = self.opened("one", parties)
        self.reads = {}
        """Actor to (party, until); kept apart from the case's own record."""
        self.merged = False

    def opened(self, name, parties):
        return open_case(
            f"cas_{name}",
            findings=(f"fnd_{name}",),
            purl="pkg:pypi/x",
            parties=tuple(
                Party(id=f"{name}{i}", role=ROLES[i % 4], name=str(i)) for i in range(parties)
            ),
            facts=EmbargoFacts(received_at=self.now),
            policy=POLICY,
            at=self.now,
        )

    def party(self, place):
        return self.case.parties[place % len(self.case.parties)].id

    def does(self, act, *more):
        before = self.case
        done = getattr(self, act.replace(" ", "_"))(*more)
        if isinstance(done, Refused):
            assert done.reason
            return
        self.case = before if done is None else done
        self.holds(before)

    def wait(self, hours):
        self.now += timedelta(hours=hours)

    def read_in(self, place, tier, hours):
        party, actor = self.party(place), f"act_{place}"
        until = None if hours is None else self.now + timedelta(hours=hours)
        done = read_in(
            self.case,
            Participant(actor=actor, party=party, tier=tier, read_in_at=self.now,
                        approved_by=("act_boss",), expires_at=until, reason="helps"),
        )  # fmt: skip
        if not isinstance(done, Refused):
            self.reads[actor] = (party, until)
        return done

    def revoke(self, place):
        done = revoke(self.case, f"act_{place}", self.now, by="act_boss", because="left")
        if not isinstance(done, Refused):
            del self.reads[f"act_{place}"]
        return done

    def verdict(self, place, outcome):
        said = Verdict(party=self.party(place), outcome=outcome, by="act_boss", at=self.now)
        return give_verdict(self.case, said, POLICY)

    def date(self, place, days):
        when = self.now + timedelta(days=days)
        return agree_date(self.case, when, self.party(place), POLICY, self.now)

    def consent(self, place, event):
        return consent(self.case, self.party(place), event)

    def product(self, place, state):
        said = ProductStatus(vendor=self.party(place), product="p", versions=None, state=state,
                             by="act_boss", at=self.now, note="n")  # fmt: skip
        return say_of_products(self.case, [said])

    def learn(self, fact):
        facts = learned(self.case.embargo.facts, News(**{fact: self.now}))
        return learn(self.case, facts, POLICY, self.now)

    def disagree(self, verdict):
        return disagree(
            self.case, Disagreement(verdict=verdict, by="act_boss", at=self.now, reason="worse")
        )

    def tick(self):
        return tick(self.case, self.now)

    def publish(self):
        if self.case.embargo.holds(self.now):
            return None  # publish asks exactly this; its own laws are in test_laws_operations
        return mark_published(self.case, self.now)

    def merge(self):
        if self.merged:
            return None
        self.merged = True
        other = self.opened("two", 2)
        promised = self.case.embargo.instant
        joined = merge(self.case, other, POLICY, self.now)
        if promised is not None and joined.embargo.instant is not None:
            assert joined.embargo.instant <= promised
        assert set(other.findings) <= set(joined.findings)
        return joined

    def holds(self, before):
        self.nobody_else_reads()
        self.nothing_before_its_instant(before)
        self.nothing_said_is_lost(before)
        self.every_state_was_reached_by_an_arrow(before)

    def nobody_else_reads(self):
        """By a count kept apart from the case: who was let in, not put out, and not over."""
        case, aside = self.case, set()
        if case.embargo_state in IN_FORCE:
            aside = {one.id for one in case.parties if one.consent is ConsentState.DECLINED}
        should = {
            actor
            for actor, (party, until) in self.reads.items()
            if (self.now < until if until else case.published_at is None) and party not in aside
        }
        assert set(readers_of(case, self.now)) == {*HOUSE_READERS, *should}
        if case.published_at is None:
            for place in range(20):
                told = disclosure(case, {f"act_{place}", f"one{place}"}, POLICY, self.now)
                if f"act_{place}" not in self.reads:
                    assert told is NOT_READ_IN
        clock = next_clock(case, self.now)
        ends = [until for actor, (_, until) in self.reads.items() if actor in should and until]
        assert not ends or clock <= min(ends)

    def nothing_before_its_instant(self, before):
        case = self.case
        if case.published_at is not None and before.published_at is None:
            assert not before.embargo.holds(self.now)
        if case.embargo.holds(self.now) and case.embargo_state in IN_FORCE:
            assert next_clock(case, self.now) <= case.embargo.instant
        ticked = tick(case, self.now)
        assert ticked.embargo_state not in IN_FORCE or ticked.embargo.holds(self.now)

    def nothing_said_is_lost(self, before):
        case = self.case
        assert case.verdicts[: len(before.verdicts)] == before.verdicts
        assert case.statuses[: len(before.statuses)] == before.statuses
        assert case.disagreements[: len(before.disagreements)] == before.disagreements
        assert {one.id for one in before.parties} <= {one.id for one in case.parties}
        assert set(before.findings) <= set(case.findings)
        assert [(one.actor, one.party, one.read_in_at) for one in before.participants] == [
            (one.actor, one.party, one.read_in_at)
            for one in case.participants[: len(before.participants)]
        ]

    def every_state_was_reached_by_an_arrow(self, before):
        case = self.case
        assert case.embargo_state in reach(EMBARGO_MANAGEMENT, before.embargo_state)
        for party in before.parties:
            now = case.party(party.id)
            assert now.report in reach(REPORT_MANAGEMENT, party.report)
            assert now.consent in reach(EMBARGO_CONSENT, party.consent)


def reach(machine, state):
    """Every state to which arrows lead from one, itself included."""
    reached, todo = {state}, [state]
    while todo:
        here = todo.pop()
        fresh = {arrow.target for arrow in machine.arrows if arrow.source == here} - reached
        reached |= fresh
        todo += fresh
    return reached


@settings(max_examples=LIVES, deadline=None)
@given(parties=st.integers(2, 20), life=st.lists(acts, max_size=40))
def test_no_life_of_a_case_shows_publishes_loses_or_jumps_what_it_must_not(parties, life):
    one = Life(parties)
    for act in life:
        one.does(*act)
