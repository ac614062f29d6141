import house
from clearhouse.kernel import ledger, ledger_reading


def append(app, actor, kind, subject, readers):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return ledger.append(transaction, kind, subject, {"n": kind}, readers=readers)


def newest(app, actor, **options):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return ledger_reading.newest(transaction, **options)


def test_events_are_listed_newest_first_and_page_on_without_gap_or_repeat(app):
    ann = house.analyst(app)
    ids = [append(app, ann, f"k{n}", "s", [ann.actor_id]) for n in range(7)]
    first = newest(app, ann, limit=3)
    second = newest(app, ann, before=first[-1].event_id, limit=10)
    assert [event.event_id for event in (*first, *second)] == ids[::-1]
    assert first[0].actor_name == "Ann Analyst"
    assert first[0].data == {"n": "k6"}


def test_events_that_the_actor_may_not_read_leave_no_gap(app):
    ann, otto = house.analyst(app), house.outsider(app)
    hidden = append(app, ann, "case.opened", "cas_x", [ann.actor_id])
    append(app, ann, "seen", "s", [ann.actor_id, otto.actor_id])
    assert [event.kind for event in newest(app, ann)] == ["seen", "case.opened"]
    assert [event.kind for event in newest(app, otto)] == ["seen"]
    with app.desk.database.transaction(otto.actor_id) as transaction:
        assert ledger_reading.event(transaction, hidden) is None
        assert ledger_reading.history(transaction, ("cas_x",)) == ()


def test_a_history_starts_with_the_first_event_and_knows_its_leaf(app):
    ann = house.analyst(app)
    first = append(app, ann, "one", "s", [ann.actor_id])
    append(app, ann, "two", "s", [ann.actor_id])
    append(app, ann, "other", "t", [ann.actor_id])
    with app.desk.database.transaction(ann.actor_id) as transaction:
        waiting = ledger_reading.history(transaction, ("s",))
        assert [(event.kind, event.leaf_index) for event in waiting] == [
            ("one", None),
            ("two", None),
        ]
        ledger.sequence(transaction)
        one, two = ledger_reading.history(transaction, ("s",))
        assert two.leaf_index == one.leaf_index + 1
        assert ledger_reading.event(transaction, first) == one
