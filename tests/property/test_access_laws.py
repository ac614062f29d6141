"""Laws of early access: chains show every change, budgets hold, thirty days hold under any edits."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearhouse.access.offer import rules
from clearhouse.access.offer.record import Times
from clearhouse.access.serve import chain, fingerprint
from clearhouse.access.serve.chain import Kind, Link
from clearhouse.access.serve.purse import Purse, Rate
from clearhouse.formats.canonical import canonical_bytes
from early import draft, owner_of

START = datetime(2026, 12, 1, tzinfo=UTC)


def a_chain(calls):
    """A chain of calls, each opened and closed, or refused."""
    link, bodies = Link("gra_x"), []
    for refused, tokens, word in calls:
        sequence = link.next_sequence()
        if refused:
            bodies.append(link.append(Kind.REFUSED, 1e9, {"outcome": word}, sequence=sequence))
            continue
        facts = {"purpose": word}
        bodies.append(link.append(Kind.OPENED, 1e9, facts, sequence=sequence, tokens=tokens + 5))
        bodies.append(link.append(Kind.CLOSED, 1e9 + 1, {}, sequence=sequence, tokens=tokens))
    return bodies


calls = st.lists(
    st.tuples(st.booleans(), st.integers(0, 10**6), st.text(max_size=20)), min_size=1, max_size=8
)


@given(calls)
def test_a_chain_as_it_was_written_holds_and_is_canonical(made):
    bodies = a_chain(made)
    report = chain.check("gra_x", bodies)
    assert report.holds, report.faults
    assert report.calls + report.refused == len(made)
    assert report.tokens == sum(tokens for refused, tokens, _ in made if not refused)
    for body in bodies:
        assert canonical_bytes(json.loads(body)).decode() == body


@given(calls, st.data())
def test_no_chain_agrees_with_its_head_after_any_single_change(made, data):
    bodies = a_chain(made)
    head = chain.check("gra_x", bodies).head
    place = data.draw(st.integers(0, len(bodies) - 1))
    changed = list(bodies)
    how = data.draw(st.sampled_from(["drop", "double", "byte", "field"]))
    if how == "drop":
        del changed[place]
    elif how == "double":
        changed.insert(place, bodies[place])
    elif how == "byte":
        at = data.draw(st.integers(0, len(bodies[place]) - 1))
        other = chr(data.draw(st.integers(32, 126).filter(lambda c: chr(c) != bodies[place][at])))
        changed[place] = bodies[place][:at] + other + bodies[place][at + 1 :]
    else:
        entry = json.loads(bodies[place])
        changed[place] = canonical_bytes(entry | {"tokens": entry["tokens"] + 1}).decode()
    report = chain.check("gra_x", changed)
    assert not report.holds or report.head != head
    if place < len(bodies) - 1 and how != "drop":
        assert not report.holds, "a change before the last entry breaks the chain itself"


@given(calls, st.integers(0, 7))
def test_a_chain_that_was_cut_off_shows_it_by_its_head(made, keep):
    bodies = a_chain(made)
    report = chain.check("gra_x", bodies[:keep])
    whole = chain.check("gra_x", bodies)
    assert keep >= len(bodies) or report.head != whole.head


@given(
    st.integers(1, 10**6),
    st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 2 * 10**5)), max_size=60),
    st.randoms(),
)
def test_what_honest_calls_are_charged_never_passes_the_budget(budget, wanted, order):
    purse, running, excess = Purse(budget), [], 0
    for reserved, used in wanted:
        if purse.reserve(reserved):
            running.append((reserved, used))
        if running and order.random() < 0.5:
            one = running.pop(order.randrange(len(running)))
            excess += max(0, one[1] - one[0])
            purse.settle(*one)
        assert purse.charged + purse.reserved <= budget + excess
    for one in running:
        excess += max(0, one[1] - one[0])
        purse.settle(*one)
    assert purse.reserved == 0
    assert purse.charged <= budget + excess
    assert excess > 0 or purse.charged <= budget


@given(st.integers(1, 20), st.lists(st.floats(0, 300), min_size=1, max_size=80).map(sorted))
def test_no_minute_holds_more_calls_than_the_rate(per_minute, instants):
    rate = Rate(per_minute)
    taken = [at for at in instants if rate.take(at)]
    for at in taken:
        assert sum(at <= other < at + 60 for other in taken) <= per_minute


days = st.floats(-40, 70).map(lambda value: START + timedelta(days=round(value, 3)))


@given(days, days, days, st.none() | days)
def test_times_without_a_fault_span_at_most_thirty_days_in_their_order(one, two, three, four):
    times = Times(opens_at=one, partners_from=two, closes_at=three, released_at=four)
    if not rules.faults(times):
        assert timedelta(0) < times.closes_at - times.opens_at <= timedelta(days=30)
        assert times.opens_at <= times.partners_from <= times.closes_at
        assert times.released_at is None or times.closes_at <= times.released_at


EDITS = st.lists(
    st.sampled_from(
        [
            "opens_at = opens_at + interval '{d} days'",
            "closes_at = closes_at + interval '{d} days'",
            "partners_from = opens_at",
            "state = 'open', opened_at = coalesce(opened_at, opens_at)",
            "state = 'paused'",
            "state = 'closed'",
            "state = 'draft'",
            "opened_at = NULL",
            "opened_at = now()",
        ]
    ).flatmap(lambda edit: st.integers(-20, 29).map(lambda d: edit.format(d=d))),
    min_size=3,
    max_size=14,
)


@pytest.fixture
def two_windows(app, installation):
    """Two drafts of one lab for one model, as the schema's owner sees them."""
    one = draft(app)
    two = draft(app, people=one.people)
    with owner_of(app, installation) as connection:
        connection.autocommit = True
        yield connection, [one.id, two.id]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 1), EDITS), min_size=1, max_size=3))
def test_no_sequence_of_edits_gives_a_model_more_than_thirty_days(two_windows, edits):
    connection, names = two_windows
    spans, starts = {}, {}
    connection.execute("BEGIN")
    try:
        for which, several in edits:
            for edit in several:
                connection.execute("SAVEPOINT one")
                try:
                    connection.execute(
                        f"UPDATE access_window SET {edit} WHERE window_id = %s",  # noqa: S608 - edits of our own
                        [names[which]],
                    )
                except psycopg.errors.IntegrityError:
                    connection.execute("ROLLBACK TO one")
                for name, opens, closes, opened, state in connection.execute(
                    "SELECT window_id, opens_at, closes_at, opened_at, state FROM access_window"
                ).fetchall():
                    assert closes - opens <= timedelta(days=30)
                    if opened is not None and state != "draft":
                        assert starts.setdefault(name, opens) == opens, "the start moved"
                        spans[name] = (opens, max(closes, closes))
                current = connection.execute(
                    "SELECT min(opens_at), max(closes_at) FROM access_window"
                    " WHERE opened_at IS NOT NULL"
                ).fetchone()
                assert current[0] is None or current[1] - current[0] <= timedelta(days=30)
    finally:
        connection.execute("ROLLBACK")


@given(st.lists(st.booleans(), min_size=15, max_size=15))
def test_a_fingerprint_says_the_same_or_another_by_the_number_of_matches_alone(same):
    asked = fingerprint.prompts()
    reference = [str(place) for place in range(15)]
    given_ = [one if ok else "other" for one, ok in zip(reference, same, strict=True)]
    verdict, matched = fingerprint.compare(asked, reference, given_)
    assert matched == sum(same)
    assert (verdict == "MATCH") == (matched >= asked.match)
    assert (verdict == "SWAP") == (matched < asked.doubt)


def test_the_bounds_of_the_fingerprint_are_what_the_policy_says_of_them():
    asked = fingerprint.prompts()
    assert round(fingerprint.chance_below(asked.match, 15, 12 / 15), 2) == 0.02
    assert round(1 - fingerprint.chance_below(asked.doubt, 15, 0.1), 2) == 0.01
    with pytest.raises(ValueError, match="every prompt"):
        fingerprint.compare(asked, ["x"], ["x"])


def test_a_pause_of_the_times_record_is_no_way_around():
    times = Times(opens_at=START, partners_from=START, closes_at=START + timedelta(days=30))
    assert rules.faults(times) == ()
    assert rules.faults(replace(times, closes_at=times.closes_at + timedelta(microseconds=1)))
