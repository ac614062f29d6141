from datetime import timedelta

import pytest

import house
from clearhouse.kernel import identity, ledger_reading, sessions
from clearhouse.kernel.clock import fixed_clock
from clearhouse.kernel.identity import Scope


@pytest.fixture
def ann(app):
    return house.analyst(app)


def in_transaction(app, call, *arguments, actor=None):
    with app.desk.database.transaction(actor.actor_id if actor else None) as transaction:
        return call(transaction, *arguments)


def token(app, actor, *scopes, life=timedelta(days=1)):
    with app.desk.database.transaction(None) as transaction:
        return identity.issue_token(
            transaction, actor.actor_id, label="test", scopes=scopes, life=life
        )


def later(app, **by):
    app.desk.database.clock = fixed_clock(app.desk.database.clock() + timedelta(**by))


def signed_in(app, actor):
    code = in_transaction(app, sessions.offer_link, actor.actor_id)
    return in_transaction(app, sessions.redeem_link, code)


def who(app, secret):
    session = in_transaction(app, sessions.session_of, secret)
    return None if session is None else session.actor.actor_id


def test_a_link_opens_one_session_once(app, ann):
    code = in_transaction(app, sessions.offer_link, ann.actor_id)
    secret = in_transaction(app, sessions.redeem_link, code)
    assert who(app, secret) == ann.actor_id
    assert in_transaction(app, sessions.redeem_link, code) is None


def test_a_link_of_yesterday_opens_nothing(app, ann):
    code = in_transaction(app, sessions.offer_link, ann.actor_id)
    later(app, days=1)
    assert in_transaction(app, sessions.redeem_link, code) is None


def test_a_link_of_a_revoked_actor_opens_nothing(app, ann):
    code = in_transaction(app, sessions.offer_link, ann.actor_id)
    in_transaction(app, identity.revoke_actor, ann.actor_id)
    assert in_transaction(app, sessions.redeem_link, code) is None


def test_a_desk_token_opens_a_session_and_other_tokens_do_not(app, ann):
    secret = in_transaction(app, sessions.open_with_token, token(app, ann, Scope.DESK))
    assert who(app, secret) == ann.actor_id
    assert in_transaction(app, sessions.open_with_token, token(app, ann, Scope.SUBMIT)) is None
    assert in_transaction(app, sessions.open_with_token, "chs_unknown") is None


def test_a_session_ends_with_its_time(app, ann):
    secret = signed_in(app, ann)
    later(app, hours=13)
    assert who(app, secret) is None


def test_a_session_ends_with_the_token_that_it_stands_on(app, ann):
    secret = in_transaction(app, sessions.open_with_token, token(app, ann, Scope.DESK))
    (note,) = in_transaction(app, sessions.tokens_of, ann)
    assert in_transaction(app, sessions.revoke_own_token, ann, note.token_id, actor=ann)
    assert who(app, secret) is None


def test_a_session_does_not_outlive_a_token_that_expires(app, ann):
    short = token(app, ann, Scope.DESK, life=timedelta(minutes=1))
    secret = in_transaction(app, sessions.open_with_token, short)
    later(app, minutes=2)
    assert who(app, secret) is None


def test_a_session_ends_with_its_actor(app, ann):
    secret = signed_in(app, ann)
    in_transaction(app, identity.revoke_actor, ann.actor_id)
    assert who(app, secret) is None


def test_an_actor_ends_own_sessions_only(app, ann):
    secret = signed_in(app, ann)
    (session,) = in_transaction(app, sessions.sessions_of, ann)
    assert not in_transaction(app, sessions.end, house.outsider(app), session.session_id)
    assert who(app, secret) == ann.actor_id
    assert in_transaction(app, sessions.end, ann, session.session_id)
    assert who(app, secret) is None
    assert not in_transaction(app, sessions.end, ann, session.session_id)
    assert in_transaction(app, sessions.sessions_of, ann) == ()


def test_an_actor_revokes_own_tokens_only(app, ann):
    token(app, ann, Scope.DESK)
    (note,) = in_transaction(app, sessions.tokens_of, ann)
    assert (note.label, note.scopes, note.revoked_at) == ("test", ("desk",), None)
    other = house.outsider(app)
    assert not in_transaction(app, sessions.revoke_own_token, other, note.token_id)
    assert in_transaction(app, sessions.revoke_own_token, ann, note.token_id)
    (note,) = in_transaction(app, sessions.tokens_of, ann)
    assert note.revoked_at is not None


def test_opening_and_ending_a_session_is_in_the_ledger_for_auditors(app, ann):
    signed_in(app, ann)
    (session,) = in_transaction(app, sessions.sessions_of, ann)
    in_transaction(app, sessions.end, ann, session.session_id, actor=ann)
    auditor = house.person(app, "Audit", identity.PartyKind.AUDITOR, "Aud", "auditor")
    for reader, seen in ((auditor, 2), (ann, 2), (house.outsider(app), 0)):
        with app.desk.database.transaction(reader.actor_id) as transaction:
            assert len(ledger_reading.history(transaction, (session.session_id,))) == seen


def test_no_secret_is_stored(app, ann):
    code = in_transaction(app, sessions.offer_link, ann.actor_id)
    secret = in_transaction(app, sessions.redeem_link, code)
    with app.desk.database.transaction(None) as transaction:
        rows = transaction.all("SELECT * FROM session") + transaction.all(
            "SELECT * FROM sign_in_link"
        )
    assert len(rows) == 2
    assert code not in repr(rows)
    assert secret not in repr(rows)
