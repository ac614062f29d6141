"""Cards are kept for those who may read them, and pooled so that none tells of one network."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.defense.compare.card import Card, shared, sign
from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.keep import operations as keep
from clearhouse.defense.keep.record import CardKind
from clearhouse.defense.keep.refusal import KeyTakenError, NoSuchCardError, TooFewNetworksError
from clearhouse.formats.dsse import UntrustedEnvelopeError, seal
from clearhouse.kernel.policy import ForbiddenError
from defense_cards import Network, analyst, pooled_networks, whole
from house import outsider


def as_(app, actor, act, *arguments):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return act(app.desk, transaction, actor, *arguments)


def seen(app, actor):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return {one.card_id for one in keep.cards(transaction)}


@pytest.fixture
def dee(app):
    return analyst(app)


@pytest.fixture
def valley(app, dee):
    return Network(app, "Valley Hospital", analyst=dee)


def test_a_whole_card_is_read_by_its_organisation_alone_and_sums_by_the_pooling_desk_too(
    app, dee, valley
):
    hill = Network(app, "Hill Hospital", analyst=dee)
    mine, sums = valley.whole(), valley.shared()
    assert seen(app, valley.person) == {mine, sums}
    assert seen(app, dee) == {sums}
    assert seen(app, hill.person) == seen(app, outsider(app)) == set()
    with app.desk.database.transaction(valley.person.actor_id) as transaction:
        file = keep.card_file(app.desk, transaction, mine)
    assert file.kept.kind is CardKind.WHOLE
    assert isinstance(file.content, Card)
    assert [one.tool for one in file.content.exercises] == ["acme", "sigma", "rarity"]
    with (
        app.desk.database.transaction(hill.person.actor_id) as transaction,
        pytest.raises(NoSuchCardError),
    ):
        keep.card_file(app.desk, transaction, mine)


def test_the_same_card_is_kept_once(app, valley):
    envelope = sign(whole(), valley.key)
    assert valley.hand_in(envelope) == valley.hand_in(envelope)
    assert len(seen(app, valley.person)) == 1


def test_a_card_that_no_key_of_the_organisation_signed_is_refused(app, dee, valley):
    hill = Network(app, "Hill Hospital", analyst=dee)
    for key in (Ed25519PrivateKey.generate(), hill.key):
        with pytest.raises(UntrustedEnvelopeError):
            valley.hand_in(sign(whole(), key))
    assert valley.hand_in(sign(whole(), app.desk.keys.signing_key()))


@pytest.mark.parametrize("payload", [b"{}", b"not JSON", b"[" * 100, b'{"predicate": NaN}'])
def test_what_is_signed_and_no_card_is_refused(valley, payload):
    with pytest.raises(CardError):
        valley.hand_in(seal(payload, "x", [valley.key]))


def test_a_card_about_another_pack_than_its_statement_says_is_refused(valley):
    from clearhouse.defense.compare import card as cards

    made = whole()
    wrong = cards._sealed(cards.document(made), cards.PREDICATE, "cd" * 32, valley.key)
    with pytest.raises(CardError, match="another pack"):
        valley.hand_in(wrong)


def test_sums_that_say_more_was_found_than_asked_are_refused(valley):
    from clearhouse.defense.compare import card as cards
    from clearhouse.defense.compare.sharing import aggregate, shared_document

    made = whole()
    said = shared_document(aggregate(made.exercises, made.audit.grade, "p", made.made_at.date()))
    with pytest.raises(CardError, match="not a shared result"):
        valley.hand_in(cards._sealed(said | {"grade": "Z"}, cards.SHARED, "cd" * 32, valley.key))
    said["tools"][0]["techniques"]["T1000"] = [9, 4]
    with pytest.raises(CardError, match="more steps were found"):
        valley.hand_in(cards._sealed(said, cards.SHARED, "cd" * 32, valley.key))


def test_only_whoever_has_the_role_hands_in_trusts_and_pools(app, dee, valley):
    otto = outsider(app)
    with pytest.raises(ForbiddenError):
        as_(app, otto, keep.hand_in, shared(whole(), valley.key))
    for act in (keep.pooled, keep.release):
        with pytest.raises(ForbiddenError):
            as_(app, valley.person, act)
    with pytest.raises(ForbiddenError):
        as_(app, valley.person, keep.trust_key, valley.person.party_id, valley.key.public_key())


def test_a_key_speaks_for_one_organisation_until_it_is_ended(app, dee, valley):
    with pytest.raises(KeyTakenError):
        as_(app, dee, keep.trust_key, dee.party_id, valley.key.public_key())
    with pytest.raises(NoSuchCardError):
        as_(app, dee, keep.trust_key, "pty_" + "a" * 26, Ed25519PrivateKey.generate().public_key())
    as_(app, dee, keep.end_key, valley.key_id)
    with pytest.raises(NoSuchCardError):
        as_(app, dee, keep.end_key, valley.key_id)
    with pytest.raises(UntrustedEnvelopeError):
        valley.shared()
    party = valley.person.party_id
    assert as_(app, dee, keep.trust_key, party, valley.key.public_key()) == valley.key_id
    assert valley.shared()


def test_three_networks_are_pooled_and_two_are_not(app, dee):
    networks, _, pool_id = pooled_networks(app)
    with app.desk.database.transaction(networks[2].person.actor_id) as transaction:
        released = keep.pool(app.desk, transaction, pool_id)
        assert keep.pools(app.desk, transaction) == [released]
    (tool, *_) = released.pool.tools
    assert (tool.tool, tool.found.networks, tool.packs) == ("acme", 3, 3)
    assert tool.found.low < 0.6 < tool.found.high
    assert tool.false_alarms == ((5.0, 3),)
    assert "Hospital" not in repr(released)
    assert networks[0].person.party_id not in repr(released)
    as_(app, dee, keep.end_key, networks[0].key_id)
    with pytest.raises(TooFewNetworksError, match="fewer would tell of one"):
        as_(app, dee, keep.pooled)
    with (
        app.desk.database.transaction(outsider(app).actor_id) as transaction,
        pytest.raises(NoSuchCardError),
    ):
        keep.pool(app.desk, transaction, pool_id)


def test_of_one_network_the_latest_result_counts_once(app, dee):
    networks, *_ = pooled_networks(app)
    networks[0].shared(found=10, later=2)
    networks[0].shared(found=0, later=1)
    (tool, *_) = as_(app, dee, keep.pooled).tools
    assert tool.found.networks == 3
    assert tool.found.value > 0.7


def test_every_act_is_in_the_ledger_with_hashes_and_no_result(app, valley):
    card_id = valley.whole()
    with app.desk.database.transaction(valley.person.actor_id) as transaction:
        row = transaction.one("SELECT kind, body FROM ledger_event WHERE subject = %s", [card_id])
    assert row["kind"] == "defense.card_kept"
    assert b"pack_sha256" in row["body"]
    assert b"acme" not in row["body"]
