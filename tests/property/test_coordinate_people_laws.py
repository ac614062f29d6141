"""In the store itself, whatever is done to a case: its bytes go to those who are read in alone.

People and agents of several parties are let in and put out, parties agree to the embargo and decline
it, agents are revoked, words are said, time jumps and the sweep runs. After every act each of them
asks the database for the case and for each thread; who should get it is counted apart.
`CLEARHOUSE_NIGHTLY=1` lives fifty times as many.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casebook import acting, move, opened, read, set_clock
from clearhouse.clearing.coordinate import (
    _store,
    _threads,
    casework,
    clocks,
    messages,
    read_ins,
    standing,
)
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent, ConsentState
from clearhouse.clearing.coordinate.embargo_management import IN_FORCE
from clearhouse.clearing.coordinate.record import PartyRole
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person
from nightly import NIGHTLY
from scenario.leaks_scene import MONDAY

LIVES = 300 if NIGHTLY else 6
PARTIES = 3
whom = st.integers(0, 2 * PARTIES - 1)
acts = st.one_of(
    st.tuples(st.just("let in"), whom, st.sampled_from([None, 3, 30])),
    st.tuples(st.just("put out"), whom),
    st.tuples(st.just("consent"), st.integers(0, PARTIES - 1), st.sampled_from(list(ConsentEvent))),
    st.tuples(st.just("say"), st.one_of(st.none(), st.integers(0, PARTIES - 1))),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 40, 24 * 31])),
    st.tuples(st.just("revoke"), whom),
)


class Life:
    def __init__(self, app):
        self.app = app
        set_clock(app, MONDAY)
        self.cora = coordinator(app)
        self.case_id = opened(app).id
        self.parties, self.people = [], []
        mark = self.case_id[-8:]
        for number in range(PARTIES):
            name = f"Party {number} {mark}"
            boss = person(app, name, PartyKind.VENDOR, f"Person {mark}", "vendor")
            with acting(app, boss) as transaction:
                agent = identity.add_actor(
                    transaction, boss.party_id, ActorKind.AGENT, f"Agent {mark}",
                    roles=["vendor"], responsible=boss.actor_id,
                )  # fmt: skip
                self.people += [boss, identity.actor(transaction, agent)]
            self.parties.append(boss.party_id)
            self.try_(casework.join, party=boss.party_id, role=PartyRole.VENDOR)
        self.until = {}
        """Who was let in: until when."""
        self.gone = set()
        self.threads = {}

    def try_(self, verb, **more):
        with acting(self.app, self.cora) as transaction:
            return verb(self.app.desk, transaction, self.cora, self.case_id, **more)

    @property
    def now(self):
        return self.app.desk.database.clock()

    def does(self, act, *more):
        getattr(self, act.replace(" ", "_"))(*more)
        clocks.sweep(self.app.desk)
        self.everybody_asks()

    def let_in(self, place, hours):
        who = self.people[place]
        before = read(self.app, self.case_id).participants
        expires = None if hours is None else self.now + timedelta(hours=hours)
        self.try_(read_ins.read_in, who=who, tier=1, expires_at=expires, reason="helps")
        if read(self.app, self.case_id).participants != before:
            self.until[place] = expires

    def put_out(self, place):
        self.try_(read_ins.revoke, who=self.people[place].actor_id, because="left")
        self.until.pop(place, None)

    def consent(self, party, event):
        self.try_(standing.consent, party=self.parties[party], event=event)

    def say(self, party):
        thread = self.try_(
            messages.open_thread, party=None if party is None else self.parties[party]
        )
        self.threads[party] = thread.thread_id
        with acting(self.app, self.cora) as transaction:
            messages.post(self.app.desk, transaction, self.cora, thread.thread_id,
                          text=f"SECRET for {party}", tlp=Tlp.RED)  # fmt: skip

    def wait(self, hours):
        move(self.app, hours=hours)

    def revoke(self, place):
        with acting(self.app, self.cora) as transaction:
            identity.revoke_actor(transaction, self.people[place].actor_id)
        self.gone.add(place)
        if place % 2 == 0:
            self.gone.add(place + 1)  # the agent ends with the person who answers for it

    def should_read(self, place):
        if place not in self.until or place in self.gone:
            return False
        case = read(self.app, self.case_id)
        party = case.party(self.parties[place // 2])
        aside = case.embargo_state in IN_FORCE and party.consent is ConsentState.DECLINED
        until = self.until[place]
        return not aside and (until is None or self.now < until)

    def everybody_asks(self):
        for place, who in enumerate(self.people):
            should = self.should_read(place)
            with acting(self.app, who) as transaction:
                found = _store.load(self.app.desk, transaction, self.case_id)
                heard = {
                    party
                    for party, thread in self.threads.items()
                    if _threads.messages(self.app.desk, transaction, thread)
                }
                listed = {one.thread_id for one in _threads.threads(transaction, self.case_id)}
            assert (found is not None) == should, (place, self.until, self.gone)
            assert heard == ({None, place // 2} & set(self.threads) if should else set())
            assert listed == {self.threads[party] for party in heard}
            if not should:
                with acting(self.app, who) as transaction, pytest.raises(
                    (casework.NoSuchCaseError, ForbiddenError)
                ):  # fmt: skip
                    casework.case(self.app.desk, transaction, who, self.case_id)


@settings(
    max_examples=LIVES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=st.lists(acts, min_size=8, max_size=25))
def test_the_store_gives_a_case_and_its_words_to_who_is_read_in_and_to_no_one_else(app, life):
    one = Life(app)
    for act in life:
        one.does(*act)
