"""What operators say back is counted together, and nothing is told of any one."""

import itertools
import json
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook import acting, move
from clearhouse.clearing.deliver import acknowledging, reach
from clearhouse.clearing.deliver.acknowledging import NoSuchAdvisoryError
from clearhouse.clearing.deliver.reach import ReachPolicy
from clearhouse.formats.acknowledgement import (
    Acknowledgement,
    AcknowledgementError,
    Affected,
    own_key,
    read,
    write,
)
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person, reporter
from published import OUT, embargoed, published

DAY = OUT.date()
POLICY = ReachPolicy(name="test/1", group=5, days=(3, 14), apart_hours=24)


def said(affected=Affected.YES, fixed=None, on=0, advisory="CLR-2026-00001"):
    return Acknowledgement(
        advisory=advisory,
        affected=affected,
        fixed_on=None if fixed is None else DAY + timedelta(days=fixed),
        said_on=DAY + timedelta(days=max(on, fixed or 0)),
    )


def sealed(statement, secret=b"s" * 32):
    return json.dumps(write(statement, own_key(secret, statement.advisory))).encode()


def operator(house, number):
    return person(house, f"Hospital {number}", PartyKind.OPERATOR, f"Op {number}", "operator")


def test_a_statement_comes_back_as_it_was_signed():
    statement = said(fixed=2)
    assert read(sealed(statement))[0] == statement


def test_two_advisories_of_one_machine_are_signed_by_keys_with_nothing_in_common():
    keys = [own_key(b"s" * 32, f"CLR-2026-0000{n}").public_key().public_bytes_raw() for n in "12"]
    assert keys[0] != keys[1]
    assert (
        own_key(b"s" * 32, "x").private_bytes_raw() == own_key(b"s" * 32, "x").private_bytes_raw()
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda one: one[:40], "byte"),
        (lambda one: one.replace(b"payloadType", b"x"), "envelope"),
        (lambda one: b"[" * 3000, "nested"),
        (lambda one: b" " * 5000, "bytes"),
        (lambda one: json.dumps(json.loads(one) | {"signatures": []}).encode(), "key"),
    ],
)
def test_a_statement_that_cannot_be_believed_is_refused(change, named):
    with pytest.raises(AcknowledgementError, match=named):
        read(change(sealed(said())))


def test_what_cannot_be_is_refused_before_it_is_signed():
    for wrong in (said(Affected.NO, fixed=1), said(fixed=3) and _after()):
        with pytest.raises(AcknowledgementError, match="fixed_on"):
            write(wrong, own_key(b"s" * 32, "x"))


def _after():
    return Acknowledgement(
        advisory="x", affected=Affected.YES, fixed_on=DAY + timedelta(days=1), said_on=DAY
    )


def test_one_operator_counts_once_with_the_newest_word_and_under_no_name(app):
    _, advisory = published(app)
    one = operator(app, 1)
    for statement in (said(), said(Affected.NO)):
        acknowledging.acknowledge(app.counter, one, sealed(statement))
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all("SELECT * FROM acknowledgement")
        events = transaction.all(
            "SELECT body, actor_id FROM ledger_event WHERE kind = 'advisory.acknowledged'"
        )
        newest = acknowledging._newest(transaction, advisory)
    assert len({bytes(row["pseudonym"]) for row in rows}) == 1
    assert [one.affected for one in newest] == [Affected.NO]
    assert len(events) == 2
    text = repr(rows) + "".join(bytes(row["body"]).decode() for row in events)
    for name in (one.actor_id, one.party_id, one.name):
        assert name not in text
    assert {row["actor_id"] for row in events} == {"nobody"}


def test_the_same_operator_has_another_pseudonym_for_another_advisory(app):
    key = app.counter.marking_key
    assert key, "the pseudonym hangs on a key of the house"
    published(app)
    one = operator(app, 1)
    acknowledging.acknowledge(app.counter, one, sealed(said()))
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        (row,) = transaction.all("SELECT pseudonym FROM acknowledgement")
    import hmac

    other = hmac.digest(key, f"acknowledgement\nCLR-2026-00002\n{one.party_id}".encode(), "sha256")
    assert bytes(row["pseudonym"]) != other


@pytest.mark.parametrize("advisory", ["CLR-2026-00001", "CLR-2026-99999", "x"])
def test_an_advisory_that_is_not_public_is_not_there_embargoed_or_not(app, advisory):
    embargoed(app)
    move(app, seconds=(OUT - timedelta(hours=1) - app.desk.database.clock()).total_seconds())
    with pytest.raises(NoSuchAdvisoryError):
        acknowledging.acknowledge(app.counter, operator(app, 1), sealed(said(advisory=advisory)))


def test_only_operators_acknowledge_and_only_those_of_the_desk_read_reach(app):
    _, advisory = published(app)
    with pytest.raises(ForbiddenError):
        acknowledging.acknowledge(app.counter, reporter(app), sealed(said()))
    with acting(app, operator(app, 1)) as transaction, pytest.raises(ForbiddenError):
        acknowledging.reach_of(app.desk, transaction, operator(app, 1), advisory)


def test_a_statement_of_another_day_is_refused_so_that_old_ones_are_not_sent_again(app):
    published(app)
    with pytest.raises(AcknowledgementError, match="said_on"):
        acknowledging.acknowledge(app.counter, operator(app, 1), sealed(said(on=3)))


def test_nobody_at_the_desk_reads_a_single_statement(app):
    published(app)
    acknowledging.acknowledge(app.counter, operator(app, 1), sealed(said()))
    count = "SELECT count(*) AS n FROM acknowledgement"
    with acting(app, app.desk.clearing_actor) as transaction:
        assert transaction.one(count)["n"] == 1, "there is something to read"
    with acting(app, coordinator(app)) as transaction:
        assert transaction.one(count)["n"] == 0


def test_numbers_come_when_a_group_has_spoken_and_again_when_another_has(app):
    _, advisory = published(app)
    desk = coordinator(app)

    def known():
        with acting(app, desk) as transaction:
            return acknowledging.reach_of(app.desk, transaction, desk, advisory)

    for number in range(9):
        acknowledging.acknowledge(app.counter, operator(app, number), sealed(said()))
    assert acknowledging.release_due(app.desk) == []
    assert known().reach is None
    acknowledging.acknowledge(app.counter, operator(app, 9), sealed(said()))
    assert acknowledging.release_due(app.desk) == [advisory]
    assert acknowledging.release_due(app.desk) == []
    first = known()
    assert (first.number, first.reach.operators, first.reach.affected) == (1, 10, 10)
    assert first.reach.median_days is None
    move(app, days=2)
    for number in range(9):
        statement = said(fixed=1, on=2)
        acknowledging.acknowledge(app.counter, operator(app, number), sealed(statement))
    assert acknowledging.release_due(app.desk) == [], "nine changed, which is less than a group"
    for number in range(9, 21):
        statement = said(fixed=2, on=2)
        acknowledging.acknowledge(app.counter, operator(app, number), sealed(statement))
    assert acknowledging.release_due(app.desk) == [advisory]
    second = known()
    assert (second.number, second.reach.operators, second.reach.fixed) == (2, 20, 20)
    assert second.reach.median_days == 2
    assert dict(second.reach.fixed_within) == {3: 20, 14: 20, 60: 20}


def test_who_still_waits_makes_the_median_longer_and_never_shorter():
    patched = [said(fixed=day) for day in (1, 2, 3, 4, 5, 6)]
    waiting = [said(on=30) for _ in range(5)]
    alone = reach.reach([*patched, *patched], DAY, POLICY).median_days
    told = reach.reach([*patched, *waiting], DAY, POLICY)
    assert alone < told.median_days == 6
    slow = reach.reach([*patched[:5], *waiting, *waiting], DAY, POLICY)
    assert slow.median_days is None
    assert "less than half" in slow.median_reason


COUNTS = st.tuples(*[st.integers(0, 13)] * 5)


def statements(counts):
    """Make statements of five kinds: patched soon, patched later, waiting, not affected, unknown."""
    kinds = (said(fixed=1), said(fixed=9), said(on=20), said(Affected.NO), said(Affected.UNKNOWN))
    return [one for one, count in zip(kinds, counts, strict=True) for _ in range(count)]


def shown(counts):
    told = reach.reach(statements(counts), DAY, POLICY)
    return (
        told.operators, told.affected, told.not_affected, told.unknown, told.fixed,
        told.fixed_within,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS)
def test_no_count_can_be_worked_out_from_those_that_are_shown(counts):
    """For each kind of statement, another number of them would have given the same picture."""
    seen = shown(counts)
    steps = [
        step for step in itertools.product((-2, -1, 0, 1, 2), repeat=5) if sum(map(abs, step)) <= 4
    ]
    steps.sort(key=lambda step: sum(map(abs, step)))
    undecided = set(range(5))
    for step in steps:
        changes = {place for place, by in enumerate(step) if by} & undecided
        other = tuple(count + by for count, by in zip(counts, step, strict=True))
        if changes and min(other) >= 0 and shown(other) == seen:
            undecided -= changes
        if not undecided:
            return
    raise AssertionError(f"{counts} gives away {undecided}")


@settings(max_examples=100, deadline=None)
@given(counts=COUNTS)
def test_every_number_that_is_shown_is_a_multiple_of_the_group_and_never_too_large(counts):
    soon, later, waiting, spared, unsure = counts
    told = reach.reach(statements(counts), DAY, POLICY)
    true = {
        told.operators: sum(counts), told.affected: soon + later + waiting,
        told.not_affected: spared, told.unknown: unsure, told.fixed: soon + later,
    }  # fmt: skip
    for given_, exact in true.items():
        if given_ is not None:
            assert given_ % POLICY.group == 0
            assert given_ <= exact


def test_what_was_written_of_reach_reads_back():
    told = reach.reach([said(fixed=1)] * 12, DAY, POLICY)
    assert reach.from_json(json.loads(json.dumps(told.as_json()))) == told
    assert isinstance(DAY, date)
