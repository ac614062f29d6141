"""Asking whether something is known, without telling what."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from clearhouse.clearing import route
from clearhouse.clearing.deconflict.blind import _store, answering, asking, epochs, holding, rules
from clearhouse.clearing.deconflict.blind.answering import HouseDoor
from clearhouse.clearing.deconflict.blind.asking import Tables, ask
from clearhouse.clearing.deconflict.blind.record import Allowed, Fingerprint, Grain, Part, Refusal
from clearhouse.clearing.deconflict.operations import is_known
from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.formats import voprf
from clearhouse.formats.voprf import VoprfError
from clearhouse.kernel import policy
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.vault import shred
from house import person, reporter, submit

DRAFT = Draft(
    title="Overflow",
    description="The parser trusts a length and reads past the end of its buffer.",
    purl="pkg:pypi/known",
    cwes=("CWE-125",),
    locations=(Location(file="./src/parse.c", function="parse"),),
)
FINE = epochs.known_policy().grains
MINE = [one for one in fingerprints(DRAFT) if one.grain in FINE]
OTHER = Fingerprint(grain=Grain.PLACE, package="pkg:pypi/known", value="src/parse.c#write#CWE-119")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def lab(app):
    return person(app, "Lab Ada", PartyKind.LAB, "Ada", "finder")


@pytest.fixture
def other_lab(app):
    return person(app, "Lab Bob", PartyKind.LAB, "Bob", "finder")


@pytest.fixture
def house(app):
    """A house whose clock stands still and whose first key answers."""
    app.desk.database.clock = app.counter.database.clock = lambda: NOW
    route.turn_known_keys(app.desk)
    return app


def at(app, moment):
    app.desk.database.clock = app.counter.database.clock = lambda: moment


def asks(app, actor, *fingerprints, **how):
    return ask(HouseDoor(app.desk, actor), fingerprints, **how)


def opened(app):
    with app.desk.database.transaction(None) as transaction:
        return epochs.card(transaction)


def cleared(app, draft=DRAFT, by=None):
    report = submit(app, draft, by=by)
    route.clear(app.desk, report)
    return report


def test_what_came_in_is_known_and_what_did_not_is_not(house, lab):
    assert [one.known for one in asks(house, lab, *MINE, OTHER)] == [False, False]
    cleared(house)
    assert [one.known for one in asks(house, lab, *MINE, OTHER)] == [True, False]


def test_the_house_sees_neither_the_fingerprint_nor_whether_it_was_known(house, lab):
    """What passes through the door is random: it differs each time, and holds no output."""
    cleared(house)
    seen = []

    class Watched(HouseDoor):
        def evaluate(self, epoch_id, elements):
            seen.extend(elements)
            return super().evaluate(epoch_id, elements)

        def table(self, epoch_id, after):
            seen.append(after)
            return super().table(epoch_id, after)

    for _ in range(3):
        (answer,) = ask(Watched(house.desk, lab), MINE)
        assert answer.known
    elements = [one for one in seen if isinstance(one, bytes)]
    assert len(elements) == len(set(elements)) == 3
    assert [one for one in seen if not isinstance(one, bytes)] == [0, 0, 0]


def test_a_table_tells_nothing_to_whoever_has_no_output(house, lab):
    """An entry is no hash of anything known: it changes with the key."""
    cleared(house)
    door = HouseDoor(house.desk, lab)
    first = opened(house).epochs[0]
    one = door.table(first.epoch_id, 0)
    with house.desk.database.transaction(house.desk.clearing_actor.actor_id) as transaction:
        fresh = epochs.open_epoch(house.desk, transaction)
    route.enter_again(house.desk, "")
    other = door.table(fresh, 0)
    size = rules.ENTRY_BYTES
    entries = [{part.entries[i : i + size] for i in range(0, len(part.entries), size)}
               for part in (one, other)]  # fmt: skip
    assert len(entries[0]) == len(entries[1]) == len(FINE)
    assert not entries[0] & entries[1]


def test_a_report_fills_as_many_entries_whatever_it_holds(house):
    before = opened(house).epochs[0].version
    cleared(house, replace(DRAFT, locations=(), purl="pkg:pypi/nothing"))
    cleared(house)
    assert opened(house).epochs[0].version - before == len(FINE)  # nothing held, nothing entered


def test_a_wrong_key_is_found_out_and_no_answer_given(house, lab):
    class Lying(HouseDoor):
        def evaluate(self, epoch_id, elements):
            return voprf.evaluate(voprf.derive_key(bytes(32), b"of another"), elements)

    with pytest.raises(VoprfError, match="not of this key"):
        ask(Lying(house.desk, lab), MINE)


def test_parts_of_the_table_answer_as_the_whole_does(house, lab, monkeypatch):
    cleared(house)
    fill(house, 300)
    limited(monkeypatch, bucket_at_least=16)
    card = opened(house)
    assert card.most_bits == (4,)
    for bits in (0, 1, 4, 9):
        assert [one.known for one in asks(house, lab, *MINE, OTHER, bits=bits)] == [True, False]
    door = HouseDoor(house.desk, lab)
    parts = door.buckets(card.epochs[0].epoch_id, 4, range(16))
    whole = door.table(card.epochs[0].epoch_id, 0)
    assert b"".join(one.entries for one in parts) == whole.entries
    for bits, prefix in ((5, 0), (4, 16), (-1, 0), (4, -1)):
        refused = door.buckets(card.epochs[0].epoch_id, bits, [prefix])
        assert isinstance(refused, Refusal)
        assert refused.code == "bucket-too-small"


def fill(app, many):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        epoch = epochs.newest(transaction)
        _store.enter(transaction, epoch.epoch_id, [epochs.decoy() for _ in range(many)])
        _store.count(transaction, epoch.epoch_id)


def test_a_client_fetches_only_what_came_later(house, lab):
    tables, fetched = Tables(), []

    class Counted(HouseDoor):
        def table(self, epoch_id, after):
            part = super().table(epoch_id, after)
            fetched.append(len(part.entries) // rules.ENTRY_BYTES)
            return part

    door = Counted(house.desk, lab)
    fill(house, 50)
    assert not ask(door, MINE, tables=tables)[0].known
    assert not ask(door, MINE, tables=tables)[0].known
    cleared(house)
    assert ask(door, MINE, tables=tables)[0].known
    assert fetched == [50, len(FINE)]


def test_the_day_is_told_to_those_who_find_it_known_where_the_party_allows(house, lab):
    finder = reporter(house)
    cleared(house, by=finder)
    assert asks(house, lab, *MINE)[0].since is None
    with house.desk.database.transaction(lab.actor_id) as transaction:
        holding.prefer(house.desk, transaction, lab, Allowed(answer=True, since=True))
    other = replace(DRAFT, purl="pkg:pypi/second")
    hold(house, lab, *fingerprints(other))
    assert asks(house, lab, *fingerprints(other))[0].since == date(2026, 11, 23)


def hold(app, actor, *prints):
    epoch, held = asking.held(HouseDoor(app.desk, actor), prints)
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return holding.hold(app.desk, transaction, actor, epoch, held, subject="cmt_test")


def test_a_party_holds_a_finding_that_it_never_shows(house, lab, other_lab):
    assert hold(house, lab, *MINE, OTHER) == 2
    assert hold(house, lab, *MINE) == 0
    assert [one.known for one in asks(house, other_lab, *MINE, OTHER)] == [True, True]


def test_a_party_may_keep_its_holdings_from_answering(house, lab, other_lab):
    with house.desk.database.transaction(lab.actor_id) as transaction:
        holding.prefer(house.desk, transaction, lab, Allowed(answer=False, since=False))
    hold(house, lab, *MINE)
    assert not asks(house, other_lab, *MINE)[0].known


@pytest.mark.parametrize("field", ["tag", "mask", "ticket"])
def test_malformed_entries_are_refused(house, lab, field):
    epoch, held = asking.held(HouseDoor(house.desk, lab), MINE)
    wrong = [replace(held[0], **{field: b"x"})]
    with house.desk.database.transaction(lab.actor_id) as transaction:
        refused = holding.hold(house.desk, transaction, lab, epoch, wrong, subject="cmt_test")
        other = holding.hold(house.desk, transaction, lab, "epo_no", held, subject="cmt_test")
    assert (refused.code, other.code) == ("malformed", "no-such-epoch")


def limited(monkeypatch, **numbers):
    plain = epochs.known_policy()
    monkeypatch.setattr(epochs, "known_policy", lambda _name="": replace(plain, **numbers))


def test_a_party_asks_within_its_day_and_its_epoch(house, lab, other_lab, monkeypatch):
    limited(monkeypatch, asked_per_day=3, asked_per_epoch=5)
    prints = [replace(OTHER, value=f"f.c#f{n}#CWE-1") for n in range(9)]
    assert len(asks(house, lab, *prints[:3])) == 3
    assert asks(house, lab, prints[3]).code == "over-quota"
    assert len(asks(house, other_lab, *prints[:3])) == 3, "another party has its own"
    at(house, NOW + timedelta(days=1))
    assert len(asks(house, lab, *prints[:2])) == 2
    assert asks(house, lab, prints[3]).code == "over-quota", "the epoch is used up"
    with house.desk.database.transaction(lab.actor_id) as transaction:
        spent = answering.spent(house.desk, transaction, lab, opened(house).epochs[0].epoch_id)
    assert (spent.today, spent.in_epoch, spent.most_today, spent.most_in_epoch) == (2, 5, 3, 5)


def test_more_at_once_than_allowed_is_asked_in_several_requests(house, lab, monkeypatch):
    limited(monkeypatch, asked_at_once=4)
    prints = [replace(OTHER, value=f"f.c#f{n}#CWE-1") for n in range(10)]
    assert len(asks(house, lab, *prints)) == 10
    door = HouseDoor(house.desk, lab)
    elements = [voprf.blind(b"x").element] * 5
    refused = door.evaluate(opened(house).epochs[0].epoch_id, elements)
    assert refused.code == "too-many-at-once"
    assert door.evaluate(opened(house).epochs[0].epoch_id, []).code == "too-many-at-once"
    for prefixes in ([], [0] * 5):
        refused = door.buckets(opened(house).epochs[0].epoch_id, 0, prefixes)
        assert refused.code == "too-many-at-once"
    assert door.buckets("epo_x", 0, [0]).code == "no-such-epoch"


def test_malformed_elements_are_refused(house, lab):
    door = HouseDoor(house.desk, lab)
    epoch = opened(house).epochs[0].epoch_id
    for element in (bytes(32), b"\xff" * 32, b""):
        assert door.evaluate(epoch, [element]).code == "malformed"


def test_nobody_asks_or_holds_without_the_role(house):
    stranger = reporter(house)
    with pytest.raises(ForbiddenError):
        asks(house, stranger, *MINE)
    door = HouseDoor(house.desk, stranger)
    epoch = opened(house).epochs[0].epoch_id
    for question in (lambda: door.table(epoch, 0), lambda: door.buckets(epoch, 0, [0]),
                     lambda: hold(house, stranger, *MINE)):  # fmt: skip
        with pytest.raises(ForbiddenError):
            question()
    with house.desk.database.transaction(stranger.actor_id) as transaction:
        with pytest.raises(ForbiddenError):
            holding.prefer(house.desk, transaction, stranger, Allowed(answer=True, since=True))
        with pytest.raises(ForbiddenError):
            answering.spent(house.desk, transaction, stranger, epoch)
        with pytest.raises(ForbiddenError):
            epochs.open_epoch(house.desk, transaction, stranger)


def test_before_the_first_key_nothing_is_answered(app, lab):
    cleared(app)
    assert asks(app, lab, *MINE).code == "no-key"
    assert asking.held(HouseDoor(app.desk, lab), MINE).code == "no-key"


def test_keys_are_replaced_in_time_and_both_answer_for_a_while(house, lab):
    report = cleared(house)
    first = opened(house).epochs[0]
    in_force = epochs.known_policy()
    route.turn_known_keys(house.desk)
    assert [one.epoch_id for one in opened(house).epochs] == [first.epoch_id]
    at(house, NOW + timedelta(days=in_force.epoch_days))
    route.turn_known_keys(house.desk)
    fresh, old = opened(house).epochs
    assert old.epoch_id == first.epoch_id
    assert not asks(house, lab, *MINE)[0].known, "nothing is entered under the new key yet"
    house.desk.jobs.run_until_empty(house.desk.database.url)
    assert asks(house, lab, *MINE)[0].known
    door = HouseDoor(house.desk, lab)
    assert len(door.table(old.epoch_id, 0).entries) > 0
    at(house, NOW + timedelta(days=in_force.epoch_days + in_force.overlap_days))
    assert door.table(old.epoch_id, 0).code == "no-such-epoch"
    route.turn_known_keys(house.desk)
    assert [one.epoch_id for one in opened(house).epochs] == [fresh.epoch_id]
    names = house.desk.keys.holder.names()
    with house.desk.database.transaction(None) as transaction:
        gone = epochs.outlived(transaction, names)
    assert f"known-{old.epoch_id}" in gone
    assert f"known-{fresh.epoch_id}" not in gone
    assert report is not None


def test_what_was_shredded_is_not_entered_under_the_next_key(house, lab):
    report = cleared(house)
    clearing = house.desk.clearing_actor
    with house.desk.database.transaction(clearing.actor_id) as transaction:
        (compartment,) = route.intake.compartments_of(transaction, [report])
        shred(transaction, compartment)
        epochs.open_epoch(house.desk, transaction)
    route.enter_again(house.desk, "")
    assert not asks(house, lab, *MINE)[0].known


def test_what_peers_relayed_does_not_answer_here(house, lab):
    peer = person(house, "Other House", PartyKind.COORDINATOR, "relay", "peer")
    cleared(house, by=peer)
    assert not asks(house, lab, *MINE)[0].known


def test_decoys_are_added_and_what_was_asked_is_noted_once(house, lab):
    asks(house, lab, *MINE)
    asks(house, lab, *MINE)
    for _ in range(6):
        route.hide_known_counts(house.desk)
    assert opened(house).epochs[0].entries > 0
    with house.desk.database.transaction(lab.actor_id) as transaction:
        events = transaction.all("SELECT body FROM ledger_event WHERE kind = 'exchange.asked'")
        assert len(events) == 1
        assert b'"fingerprints":2' in bytes(events[0]["body"])


def test_who_holds_what_is_read_by_the_party_and_the_machinery_alone(house, lab, other_lab):
    hold(house, lab, *MINE)
    for actor, seen in ((lab, 1), (other_lab, 0), (house.desk.clearing_actor, 1)):
        with house.desk.database.transaction(actor.actor_id) as transaction:
            row = transaction.one("SELECT count(*) AS n FROM known_holding")
            assert row["n"] == seen
            entries = transaction.connection.execute(
                "SELECT has_table_privilege('known_entry', 'SELECT')"
            ).fetchone()
            assert entries["has_table_privilege"] is False


def test_an_unusable_fingerprint_is_left_out():
    assert rules.usable(
        [OTHER, OTHER, replace(OTHER, value=""), replace(OTHER, value="x" * 5000)]
    ) == (OTHER,)
    with pytest.raises(ValueError, match="characters"):
        rules.text_of(replace(OTHER, value=""))


def test_a_policy_with_a_wrong_number_is_refused(monkeypatch):
    document = dict(policy.load("deconflict/known-1"))
    for wrong in (
        {"epoch_days": 0},
        {"asked_at_once": True},
        {"reports": None},
        {"grains": ["no"]},
        {"grains": None},
    ):
        monkeypatch.setattr(policy, "load", lambda _, w=wrong: document | w)
        with pytest.raises(policy.PolicyError):
            epochs.known_policy()


def test_a_tag_is_found_in_its_place_and_nowhere_else():
    tags = sorted(bytes([n]) * 8 for n in (1, 5, 9))
    part = Part(entries=b"".join(tag + b"\0\0" for tag in tags), version=1)
    assert [rules.looked_up(part, bytes([n]) * 8) is not None for n in range(11)] == [
        n in {1, 5, 9} for n in range(11)
    ]
    assert rules.looked_up(Part(entries=b"", version=0), tags[0]) is None


def test_the_question_as_doors_ask_it(house, lab):
    cleared(house)
    assert [one.known for one in is_known(house.desk, lab, [*MINE, OTHER])] == [True, False]


def test_coarse_grains_are_known_only_where_the_policy_says(house, lab, monkeypatch):
    coarse = [one for one in fingerprints(DRAFT) if one.grain in {Grain.FUNCTION, Grain.FILE}]
    assert [one.value for one in coarse] == ["parse.c", "parse"]
    cleared(house)
    assert [one.known for one in asks(house, lab, *coarse)] == [False, False]
    limited(monkeypatch, grains=frozenset(Grain))
    cleared(house)
    assert [one.known for one in asks(house, lab, *coarse)] == [True, True]
