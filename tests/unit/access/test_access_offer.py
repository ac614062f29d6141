"""A window is open for at most thirty days, and only the lab opens it."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from clearhouse.access import terms as terms_module
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import WINDOW, WindowState, WindowStep
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.kernel.policy import ForbiddenError, PolicyError
from early import act, done, draft, opened, owner_of, pin, times


def moved(early, **more):
    return act(
        early.app, early.people.lab, offer.change_times, early.id,
        replace(early.window.times, **more),
    )  # fmt: skip


def test_a_window_is_offered_with_the_hash_of_its_terms_and_serves_nothing_yet(app):
    early = draft(app)
    assert early.window.state is WindowState.DRAFT
    assert early.window.terms_sha256 == terms_module.terms().sha256
    assert early.window.opened_at is None


def test_a_window_that_is_too_long_or_upside_down_is_refused(app):
    early = draft(app)
    now = app.desk.database.clock()
    for days, code in [(30.5, "thirty-days"), (0, "order"), (-1, "order"), (400, "thirty-days")]:
        refused = act(
        app, early.people.lab, offer.offer, label="x", model=pin(), capacity=1,
        government=early.people.government.party_id, times=times(now, days=days),
    )  # fmt: skip
        assert isinstance(refused, Refused)
        assert refused.code == code


def test_exactly_thirty_days_are_allowed(app):
    early = draft(app, when=times(app.desk.database.clock(), days=30))
    assert early.window.times.closes_at - early.window.times.opens_at == timedelta(days=30)


def test_every_reason_against_a_window_is_given_at_once(app):
    early = draft(app)
    now = app.desk.database.clock()
    wrong = replace(times(now, days=40), partners_from=now - timedelta(days=1), released_at=now)
    refused = act(
        app, early.people.lab, offer.offer, label="x", model=replace(pin(), served_names=()),
        government=early.people.lab.party_id, times=wrong, capacity=0,
    )  # fmt: skip
    assert all(
        said in refused.reason for said in ("30 days", "partners", "public", "government", "served")
    )


def test_partners_come_after_the_government_and_before_the_public(app):
    early = draft(app)
    before_gov = early.window.times.opens_at - timedelta(hours=1)
    assert moved(early, partners_from=before_gov).code == "order"
    public = early.window.times.closes_at - timedelta(hours=1)
    assert moved(early, released_at=public).code == "order"
    assert moved(early, released_at=early.window.times.closes_at).times.released_at


def test_the_start_of_an_opened_window_stands_and_its_end_moves_inside_thirty_days(app):
    early = opened(app)
    later = early.window.times.opens_at + timedelta(days=5)
    assert moved(early, opens_at=later, partners_from=later).code == "start-stands"
    far = early.window.times.opens_at + timedelta(days=30, seconds=1)
    assert moved(early, closes_at=far).code == "thirty-days"
    assert not isinstance(moved(early, closes_at=far - timedelta(seconds=1)), Refused)


def test_a_second_window_for_the_same_model_does_not_stretch_the_thirty_days(app):
    early = opened(app, when=times(app.desk.database.clock(), days=20))
    again = draft(
        app, people=early.people, when=times(app.desk.database.clock(), opens=15, days=20)
    )
    refused = act(app, early.people.lab, offer.step, again.id, WindowStep.OPEN)
    assert isinstance(refused, Refused)
    assert "thirty days" in refused.reason


def test_the_table_of_states_is_followed_and_a_closed_window_stays_closed(app):
    early = opened(app)
    lab = early.people.lab
    for step, state in (
        (WindowStep.PAUSE, WindowState.PAUSED),
        (WindowStep.RESUME, WindowState.OPEN),
        (WindowStep.CLOSE, WindowState.CLOSED),
    ):
        assert done(app, lab, offer.step, early.id, step, because="so").state is state
    for step in WindowStep:
        assert isinstance(act(app, lab, offer.step, early.id, step), Refused)
    assert moved(early, closes_at=early.window.times.closes_at).code == "closed"
    assert WINDOW.steps(WindowState.CLOSED) == ()
    assert "open --> paused: pause" in WINDOW.diagram()


def test_a_window_whose_end_has_passed_is_not_opened(app):
    early = draft(app)
    clock = app.desk.database.clock
    try:
        app.desk.database.clock = lambda: clock() + timedelta(days=40)
        assert act(app, early.people.lab, offer.step, early.id, WindowStep.OPEN).code == "over"
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            assert [one.window_id for one in offer.due(transaction)] == [early.id]
    finally:
        app.desk.database.clock = clock


def test_either_side_pauses_alone_and_only_the_lab_resumes(app):
    early = opened(app)
    government = early.people.government
    done(app, government, offer.step, early.id, WindowStep.PAUSE)
    with pytest.raises(ForbiddenError):
        act(app, government, offer.step, early.id, WindowStep.RESUME)
    done(app, early.people.lab, offer.step, early.id, WindowStep.RESUME)


def test_who_is_not_nominated_does_not_learn_that_a_window_exists(app):
    early = opened(app)
    assert act(app, early.people.lab, offer.windows)
    assert act(app, early.people.second, offer.windows) == ()
    for verb in (offer.window, lambda *a: offer.step(*a, WindowStep.PAUSE)):
        with pytest.raises(NotThereError):
            act(app, early.people.second, verb, early.id)


def test_terms_without_a_clause_are_refused(tmp_path, monkeypatch):
    folder = tmp_path / "access"
    folder.mkdir()
    (folder / "terms-9.yaml").write_text("id: x\nversion: 9\nclauses: {use: {title: U, text: u}}\n")
    (folder / "terms-8.yaml").write_text(
        "id: x\nversion: 8\nclauses: {}\ncertificate_within_days: 1\n"
    )
    monkeypatch.setenv("CLEARHOUSE_POLICIES", str(tmp_path))
    for name in ("access/terms-9", "access/terms-8"):
        with pytest.raises(PolicyError):
            terms_module.terms(name)


def test_a_changed_word_changes_the_hash_of_the_terms():
    known = terms_module.terms()
    first, *others = known.clauses
    other = replace(known, clauses=(replace(first, text=first.text + " "), *others))
    assert other.sha256 != known.sha256


EDITS = [
    "closes_at = opens_at + interval '31 days'",
    "opens_at = opens_at + interval '1 day', partners_from = partners_from + interval '1 day'",
    "state = 'draft'",
    "opened_at = NULL",
    "model_digest = 'other'",
    "window_id = 'win_other'",
    "released_at = closes_at - interval '1 second'",
]


def test_the_store_refuses_edits_that_stretch_a_window_even_from_its_owner(app, installation):
    opened(app)
    with owner_of(app, installation) as connection:
        for edit in EDITS:
            with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation)):
                connection.execute("UPDATE access_window SET " + edit)  # noqa: S608 - edits of our own
            connection.rollback()
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("DELETE FROM access_window")
        connection.rollback()


def test_the_store_refuses_to_open_a_closed_window_again(app, installation):
    early = opened(app)
    done(app, early.people.lab, offer.step, early.id, WindowStep.CLOSE)
    with owner_of(app, installation) as connection:
        for edit in ("state = 'open'", "closes_at = closes_at + interval '1 day'"):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("UPDATE access_window SET " + edit)  # noqa: S608 - edits of our own
            connection.rollback()
        connection.execute("UPDATE access_window SET label = 'other'")
        connection.rollback()


def test_the_store_refuses_an_open_window_without_an_instant_of_opening(app, installation):
    draft(app)
    with owner_of(app, installation) as connection:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE access_window SET state = 'open'")
        connection.rollback()
        connection.execute("DELETE FROM access_window")
        connection.rollback()
