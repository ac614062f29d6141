from datetime import timedelta

import pytest

import house
from clearhouse.kernel import activity, identity, ledger
from clearhouse.kernel.identity import ActorKind, PartyKind, Scope


@pytest.fixture
def auditor(app):
    return house.person(app, "House", PartyKind.COORDINATOR, "Audrey", "auditor")


@pytest.fixture
def lab(app):
    """A person of a lab, its agent, and somebody of another lab."""
    rita = house.person(app, "Lab A", PartyKind.LAB, "Rita", "reporter")
    other = house.person(app, "Lab B", PartyKind.LAB, "Olga", "reporter")
    with app.desk.database.transaction(None) as transaction:
        bot = identity.add_actor(
            transaction, rita.party_id, ActorKind.AGENT, "Bot", responsible=rita.actor_id, roles=[]
        )
        identity.issue_token(transaction, bot, label="night", scopes=[Scope.SUBMIT])
    return rita, bot, other


def act(app, who, count, *, readers, kind="report.received", ago=timedelta(0)):
    database, now = app.desk.database, app.desk.database.clock
    database.clock = lambda: now() - ago
    with database.transaction(who) as transaction:
        for n in range(count):
            ledger.append(transaction, kind, f"rep_{n}", {}, readers=readers)
    database.clock = now


def seen(app, reader):
    with app.desk.database.transaction(reader.actor_id) as transaction:
        return {one.name: one for one in activity.agents(transaction, reader)}


def test_acts_are_counted_by_kind_and_time(app, lab, auditor):
    _, bot, _ = lab
    act(app, bot, 3, readers=["role:auditor"])
    act(app, bot, 2, readers=["role:auditor"], kind="lease.claimed", ago=timedelta(hours=5))
    act(app, bot, 9, readers=["role:auditor"], ago=timedelta(days=8))
    found = seen(app, auditor)["Bot"]
    assert dict(found.acts) == {"report.received": 3, "lease.claimed": 2}
    assert (found.in_hour, found.in_day, found.total, found.more) == (3, 5, 5, False)
    with app.desk.database.transaction(auditor.actor_id) as transaction:
        hours = activity.by_hour(transaction, bot)
    assert (hours[-1], sum(hours)) == (3, 5)


def test_what_one_may_not_read_is_not_counted(app, lab, auditor):
    rita, bot, other = lab
    act(app, bot, 4, readers=[rita.party_id])
    assert seen(app, rita)["Bot"].total == 4
    assert "Bot" not in seen(app, other)
    assert "Bot" not in seen(app, auditor)
    with app.desk.database.transaction(other.actor_id) as transaction:
        assert activity.agent(transaction, other, bot) is None


def test_who_answers_and_by_which_tokens_is_told_to_its_party_and_to_watchers(app, lab, auditor):
    rita, bot, other = lab
    act(app, bot, 1, readers=["role:auditor", other.party_id])
    assert seen(app, rita)["Bot"].responsible == "Rita"
    assert seen(app, auditor)["Bot"].responsible == "Rita"
    assert seen(app, other)["Bot"].responsible is None
    for reader, told in ((rita, ["night"]), (auditor, ["night"]), (other, None)):
        with app.desk.database.transaction(reader.actor_id) as transaction:
            tokens = activity.tokens_of(transaction, reader, bot)
        assert (tokens if tokens is None else [one.label for one in tokens]) == told


def test_of_very_many_acts_the_newest_are_counted(app, lab, auditor, monkeypatch):
    _, bot, _ = lab
    monkeypatch.setattr(activity, "COUNTED", 5)
    act(app, bot, 8, readers=["role:auditor"])
    found = seen(app, auditor)["Bot"]
    assert (found.total, found.more) == (5, True)
