from dataclasses import replace

import pytest

from clearhouse.formats import merkle
from clearhouse.kernel import ledger, ledger_checking
from clearhouse.kernel.ledger_checking import Earlier


@pytest.fixture
def key(app):
    return app.desk.keys.signing_key()


@pytest.fixture
def trees(app, key):
    """Heads of three sizes, and the id of the first event."""
    made, first = [], None
    for count in (3, 6, 9):
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            for n in range(count):
                event = ledger.append(
                    transaction, "test.act", f"t{n}", {}, readers=["role:clearing"]
                )
                first = first or event
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            ledger.sequence(transaction)
            made.append(ledger.sign_head(transaction, key))
    return made, first


@pytest.fixture
def transaction(app):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as opened:
        yield opened


def test_an_event_in_the_tree_is_shown_to_be_there(trees, transaction, key):
    proof = ledger.prove(transaction, trees[1])
    inclusion, signature = ledger_checking.check_event(proof, key.public_key())
    assert inclusion.holds
    assert signature.holds
    assert f"{proof.head.size:,} events" in inclusion.said


def test_a_changed_event_does_not_hold(trees, transaction, key):
    proof = ledger.prove(transaction, trees[1])
    changed = replace(proof, event=proof.event.replace(b"test.act", b"test.ACT"))
    inclusion, _ = ledger_checking.check_event(changed, key.public_key())
    assert not inclusion.holds


def test_a_head_that_another_key_signed_does_not_hold(trees):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Ed25519PrivateKey.generate().public_key()
    assert not ledger_checking.check_head(trees[0][0], other).holds


@pytest.mark.parametrize("lie", [{"size": 4}, {"root": b"\1" * 32}])
def test_a_head_that_says_other_than_what_was_signed_does_not_hold(trees, key, lie):
    assert not ledger_checking.check_head(replace(trees[0][-1], **lie), key.public_key()).holds


def test_every_earlier_tree_is_a_beginning_of_the_newest(trees, transaction):
    for head in trees[0]:
        found = ledger_checking.check_growth(transaction, Earlier(size=head.size, root=head.root))
        assert found.holds, found.said


@pytest.mark.parametrize("size", [1, 5, 10**9])
def test_a_tree_that_never_was_is_no_beginning(trees, transaction, size):
    lie = Earlier(size=size, root=merkle.leaf_hash(b"lie"))
    assert not ledger_checking.check_growth(transaction, lie).holds


def test_heads_lead_from_the_newest_to_the_first(trees, transaction):
    sizes = [head.size for head in ledger_checking.heads(transaction)]
    assert sizes[0] == trees[0][-1].size
    assert sizes == sorted(set(sizes), reverse=True)


def test_without_a_head_there_is_nothing_to_check(app):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        if ledger.head(transaction) is None:
            assert ledger_checking.heads(transaction) == ()
            lie = Earlier(size=1, root=b"\1" * 32)
            assert not ledger_checking.check_growth(transaction, lie).holds
