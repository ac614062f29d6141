"""A grant belongs to one holder with one key, stays inside its window, and ends at once."""

from datetime import timedelta

import psycopg
import pytest

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.record import Tier
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import GrantState, Selector
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import WindowStep
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.formats import dpop
from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind
from clearhouse.kernel.policy import ForbiddenError
from early import (
    act,
    activated,
    all_clauses,
    applied,
    approved,
    done,
    granted,
    issued,
    new_key,
    opened,
    owner_of,
    scored,
    times,
    word,
)
from house import person


def code(result):
    return result.code if isinstance(result, Refused) else result


def use(early, actor, grant, *, key=None, accepted=None, jwk=None):
    key = key or new_key()
    return act(
        early.app, actor, granting.activate, grant.grant_id,
        jwk=dpop.public_jwk(key.public_key()) if jwk is None else jwk,
        accepted=all_clauses() if accepted is None else accepted,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_a_grant_is_worth_something_once_its_holder_showed_a_key_and_took_every_clause(app, kind):
    early = opened(app)
    eva = early.people.evaluator
    approved(early, eva)
    grant = issued(early, eva)
    assert (grant.state, grant.jkt) == (GrantState.PENDING, None)
    clauses = all_clauses()
    for wrong in ({}, clauses | {"use": "0" * 64}, clauses | {"more": "x"}):
        assert code(use(early, eva, grant, accepted=wrong)) == "terms"
    key = new_key(kind)
    active = use(early, eva, grant, key=key)
    assert active.state is GrantState.ACTIVE
    assert active.jkt == dpop.thumbprint(dpop.public_jwk(key.public_key()))
    assert code(use(early, eva, grant)) == "no-such-step"
    assert act(app, eva, admit.admission, grant.admission_id).state == "ready"
    assert [one.grant_id for one in act(app, eva, granting.held)] == [grant.grant_id]


WRONG_KEYS = [
    {},
    {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
    {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": "A" * 43},
    {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
    {"kty": "EC", "crv": "P-256", "x": "!", "y": "!"},
    {"kty": "oct", "k": "AQAB"},
]


def test_a_key_of_another_kind_or_with_its_private_part_is_refused(app):
    early = opened(app)
    approved(early, early.people.evaluator)
    grant = issued(early, early.people.evaluator)
    for jwk in WRONG_KEYS:
        assert code(use(early, early.people.evaluator, grant, jwk=jwk)) == "key", jwk


def test_one_key_opens_one_grant(app):
    early = opened(app)
    held = granted(early, early.people.evaluator)
    approved(early, early.people.second)
    grant = issued(early, early.people.second)
    assert code(use(early, early.people.second, grant, key=held.key)) == "key"


def test_nobody_else_takes_up_a_grant_and_an_agents_person_does_it_for_the_agent(app):
    early = opened(app)
    eva = early.people.evaluator
    with app.desk.database.transaction(None) as transaction:
        agent_id = identity.add_actor(
            transaction, eva.party_id, ActorKind.AGENT, "Probe", responsible=eva.actor_id,
            roles=["access_applicant"],
        )  # fmt: skip
        agent = identity.actor(transaction, agent_id)
    one = applied(early, eva)
    scored(early, one)
    for officer in (early.people.lab, early.people.government):
        early.admissions[eva.name] = word(early, officer, one)
    grant = issued(early, eva)
    for other in (early.people.lab, agent):
        with pytest.raises(ForbiddenError):
            use(early, other, grant)
    with pytest.raises(NotThereError):
        use(early, early.people.second, grant)
    assert use(early, eva, grant).state is GrantState.ACTIVE


def test_a_grant_lies_inside_its_window_and_partners_wait_for_their_day(app):
    now = app.desk.database.clock()
    early = opened(app, when=times(now, days=20, partners=7))
    eva = early.people.evaluator
    approved(early, eva)
    window = early.window.times
    for start, stop in (
        (window.opens_at, window.closes_at),
        (window.partners_from, window.closes_at + timedelta(seconds=1)),
        (window.closes_at, window.partners_from),
    ):
        assert code(issued(early, eva, start=start, stop=stop)) == "outside-window"
    assert issued(early, eva).not_before == window.partners_from


def test_a_government_holder_comes_first(app):
    early = opened(app, when=times(app.desk.database.clock(), days=20, partners=7))
    other = person(app, "Agency", identity.PartyKind.GOVERNMENT, "Abe", "access_applicant")
    approved(early, other, tier=Tier.GOVERNMENT)
    grant = issued(early, other, start=early.window.times.opens_at)
    assert grant.not_before == early.window.times.opens_at


WRONG_SCOPES = [
    ({"endpoints": ()}, "endpoints"),
    ({"endpoints": ("openai.images",)}, "endpoints"),
    ({"purposes": ("something else",)}, "purposes"),
    ({"token_budget": 0}, "limits"),
    ({"networks": ("10.0.0.1/8",)}, "networks"),
    ({"networks": ()}, "networks"),
]


def test_a_scope_that_says_too_much_or_nothing_is_refused(app):
    early = opened(app)
    approved(early, early.people.evaluator)
    for more, wrong in WRONG_SCOPES:
        assert code(issued(early, early.people.evaluator, **more)) == wrong


def test_only_a_side_or_the_sponsor_issues_and_only_to_those_named(app):
    early = opened(app)
    people = early.people
    approved(early, people.evaluator)
    with pytest.raises(ForbiddenError):
        issued(early, people.evaluator, by=people.evaluator)
    approved(early, people.hospital, by=people.isac, track="small_operator")
    assert issued(early, people.hospital, by=people.isac).holder == people.hospital.actor_id
    early.admissions[people.second.name] = early.admissions[people.evaluator.name]
    assert code(issued(early, people.second)) == "holder"
    one = applied(early, people.second)
    assert code(issued(early, people.second)) == "not-approved"
    assert one.state == "submitted"


def kill(early, by=None, *, dry_run=False, because="order 12", **selector):
    return act(
        early.app, by or early.people.government, granting.kill, early.id, Selector(**selector),
        because=because, dry_run=dry_run,
    )  # fmt: skip


def test_the_kill_switch_says_who_would_lose_access_and_takes_it_from_exactly_those(app):
    early = opened(app)
    people = early.people
    approved(early, people.evaluator, attributes={"nationality": "US"})
    approved(early, people.second, attributes={"nationality": "fr"})
    held = {
        actor.name: activated(early, actor, issued(early, actor))
        for actor in (people.evaluator, people.second)
    }
    granted(early, people.hospital, by=people.isac)
    foreign = {"attribute": "nationality", "values": ("US",), "other_than": True}
    dry = kill(early, dry_run=True, because="", **foreign)
    assert not dry.done
    assert [one.name for one in dry.losers] == ["Ed Two"]
    assert dry.losers[0].because == "nationality is fr"
    assert dry.keep == 2
    assert kill(early, because=" ", **foreign).code == "reason"
    real = kill(early, **foreign)
    assert (real.done, [one.name for one in real.losers]) == (True, ["Ed Two"])
    states = {one.holder: one.state for one, _ in act(app, people.lab, granting.grants, early.id)}
    assert states[people.second.actor_id] is GrantState.REVOKED
    assert states[people.evaluator.actor_id] is GrantState.ACTIVE
    again = act(app, people.second, granting.grant, held["Ed Two"].grant.grant_id)
    assert again.revoked_because == "order 12"


def test_an_attribute_that_nobody_stated_counts_as_meant(app):
    early = opened(app)
    granted(early, early.people.evaluator)
    lost = kill(early, dry_run=True, attribute="employer", values=("Evals One",), other_than=True)
    assert lost.losers[0].because == "employer is unknown"
    kept = kill(early, dry_run=True, attribute="employer", values=("Evals One",))
    assert kept.losers == ()


def test_a_kill_can_mean_grants_parties_or_everybody(app):
    early = opened(app)
    one = granted(early, early.people.evaluator)
    two = granted(early, early.people.second)
    named = kill(early, dry_run=True, grants=(one.grant.grant_id,))
    assert [loser.grant_id for loser in named.losers] == [one.grant.grant_id]
    party = kill(early, dry_run=True, parties=(early.people.second.party_id,))
    assert [loser.grant_id for loser in party.losers] == [two.grant.grant_id]
    assert len(kill(early, dry_run=True).losers) == 2
    assert kill(early, values=("US",)).code == "selector"
    with pytest.raises(ForbiddenError):
        kill(early, early.people.evaluator)


def test_a_revoked_grant_stays_revoked_even_for_the_owner_of_the_store(app, installation):
    early = opened(app)
    granted(early, early.people.evaluator)
    kill(early)
    with owner_of(app, installation) as connection:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE access_grant SET state = 'active'")
        connection.rollback()


def test_a_canary_is_long_enough_to_mean_something(app):
    early = opened(app)
    for needle in ("short", "x" * 201, "line\nbreak here"):
        assert code(act(app, early.people.lab, granting.plant, early.id, needle)) == "canary"
    assert done(app, early.people.lab, granting.plant, early.id, "zq-canary-1").startswith("can_")


def test_nothing_is_issued_in_a_closed_window(app):
    early = opened(app)
    approved(early, early.people.evaluator)
    done(app, early.people.lab, offer.step, early.id, WindowStep.CLOSE)
    assert code(issued(early, early.people.evaluator)) == "closed"
