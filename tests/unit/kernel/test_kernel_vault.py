import psycopg
import pytest

from clearhouse.kernel import identity, ledger, vault
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.kernel.ids import Compartment, PayloadId
from clearhouse.kernel.vault import DamagedPayloadError, SealedError, Sealer, Vault

TEXT = b"heap overflow in the frame parser"


@pytest.fixture
def two(app):
    """The ids of two people of different parties."""
    with app.desk.database.transaction(None) as transaction:
        return tuple(
            identity.add_actor(
                transaction,
                identity.add_party(transaction, PartyKind.LAB, f"Lab of {name}"),
                ActorKind.PERSON,
                name,
            )
            for name in ("Ann", "Bob")
        )


def sealed_for(app, *readers: str, data: bytes = TEXT, kind: str = "text"):
    with app.desk.database.transaction(None) as transaction:
        box = app.desk.vault.new_box(transaction, readers)
        return box, box.seal(transaction, kind, data)


def opened(app, actor, payload_id):
    with app.desk.database.transaction(actor) as transaction:
        return app.desk.vault.open(transaction, payload_id)


def test_a_reader_gets_back_the_bytes_that_were_sealed(app, two):
    ann, _ = two
    for data in (b"", TEXT, bytes(range(256)) * 4096):
        _, payload = sealed_for(app, ann, data=data)
        assert opened(app, ann, payload) == data


def test_nothing_of_the_plaintext_lies_in_the_store(app, two, owner):
    ann, _ = two
    box, _ = sealed_for(app, ann)
    rows = owner.execute("SELECT sealed, wrapped FROM payload JOIN data_key USING (compartment)")
    stored = b"".join(part for row in rows.fetchall() for part in row)
    assert TEXT not in stored
    assert box._data_key not in stored


def test_an_outsider_is_told_no_more_than_for_a_payload_that_never_was(app, two):
    ann, bob = two
    box, payload = sealed_for(app, ann)
    assert opened(app, ann, payload) == TEXT
    answers = set()
    for wanted in (payload, PayloadId("pay_never")):
        with pytest.raises(SealedError) as refusal:
            opened(app, bob, wanted)
        answers.add(str(refusal.value))
    assert len(answers) == 1
    with app.desk.database.transaction(bob) as transaction, pytest.raises(SealedError):
        app.desk.vault.open_box(transaction, box.compartment)


def test_opening_several_is_all_or_nothing(app, two):
    ann, bob = two
    _, hers = sealed_for(app, ann)
    _, shared = sealed_for(app, ann, bob, data=b"shared")
    with app.desk.database.transaction(ann) as transaction:
        both = app.desk.vault.open_many(transaction, [hers, shared, hers])
        assert both == {hers: TEXT, shared: b"shared"}
        assert app.desk.vault.open_many(transaction, []) == {}
    with app.desk.database.transaction(bob) as transaction, pytest.raises(SealedError):
        app.desk.vault.open_many(transaction, [hers, shared])


def test_more_can_be_sealed_into_a_box_that_is_opened_again(app, two):
    ann, _ = two
    box, _ = sealed_for(app, ann)
    with app.desk.database.transaction(ann) as transaction:
        again = app.desk.vault.open_box(transaction, box.compartment)
        later = again.seal(transaction, "text", b"more")
    assert again == box
    assert opened(app, ann, later) == b"more"


def test_changing_readers_opens_and_closes_every_table_of_the_compartment(app, two):
    ann, bob = two
    box, payload = sealed_for(app, ann)
    with app.desk.database.transaction(ann) as transaction:
        event = ledger.append(
            transaction, "report.received", "rep_x", {}, readers=[ann], compartment=box.compartment
        )
        vault.set_readers(transaction, box.compartment, [bob])
    with pytest.raises(SealedError):
        opened(app, ann, payload)
    assert opened(app, bob, payload) == TEXT
    with app.desk.database.transaction(bob) as transaction:
        seen = transaction.one("SELECT readers FROM ledger_event WHERE event_id = %s", [event])
        assert seen == {"readers": [bob]}


def test_who_is_not_read_in_cannot_read_itself_in(app, two):
    ann, bob = two
    box, _ = sealed_for(app, ann)
    with pytest.raises(SealedError), app.desk.database.transaction(bob) as transaction:
        vault.set_readers(transaction, box.compartment, [bob])
    with app.desk.database.transaction(bob) as transaction:
        assert transaction.execute("UPDATE data_key SET readers = %s", [[bob]]) == 0
        assert transaction.execute("DELETE FROM payload") == 0


def test_a_compartment_cannot_be_left_without_any_reader(app, two):
    ann, _ = two
    box, payload = sealed_for(app, ann)
    with (
        app.desk.database.transaction(ann) as transaction,
        pytest.raises(ValueError, match="shred"),
    ):
        vault.set_readers(transaction, box.compartment, [])
    with (
        pytest.raises(psycopg.errors.CheckViolation),
        app.desk.database.transaction(ann) as transaction,
    ):
        transaction.execute("SELECT set_readers(%s, '{}')", [box.compartment])
    assert opened(app, ann, payload) == TEXT


def test_what_was_shredded_stays_shut_for_ever(app, two, owner):
    ann, _ = two
    box, payload = sealed_for(app, ann)
    for _ in range(2):
        with app.desk.database.transaction(ann) as transaction:
            vault.shred(transaction, box.compartment)
    with pytest.raises(SealedError):
        opened(app, ann, payload)
    with app.desk.database.transaction(ann) as transaction, pytest.raises(SealedError):
        app.desk.vault.open_box(transaction, box.compartment)
    row = owner.execute(
        "SELECT wrapped, shredded_at IS NULL FROM data_key WHERE readers[1] = %s", [ann]
    )
    assert row.fetchone() == (None, False)
    events = owner.execute(
        "SELECT kind FROM ledger_event WHERE subject = %s", [box.compartment]
    ).fetchall()
    assert events == [("compartment.shredded",)]  # once, however often


def test_shredding_what_is_closed_to_the_actor_is_refused(app, two):
    ann, bob = two
    box, payload = sealed_for(app, ann)
    for compartment in (box.compartment, Compartment("cmp_never")):
        with app.desk.database.transaction(bob) as transaction, pytest.raises(SealedError):
            vault.shred(transaction, compartment)
    assert opened(app, ann, payload) == TEXT


@pytest.mark.parametrize("change", ["sealed", "kind", "compartment"])
def test_a_ciphertext_opens_only_in_the_place_it_was_sealed_for(app, two, owner, change):
    ann, _ = two
    box, first = sealed_for(app, ann, data=b"first")
    _, elsewhere = sealed_for(app, ann, data=b"elsewhere")
    with app.desk.database.transaction(ann) as transaction:
        second = app.desk.vault.open_box(transaction, box.compartment).seal(
            transaction, "text", b"second"
        )
    moves = {
        "sealed": "UPDATE payload p SET sealed = q.sealed FROM payload q"
        " WHERE p.payload_id = %s AND q.payload_id = %s",
        "kind": "UPDATE payload SET kind = 'patch' WHERE payload_id IN (%s, %s)",
        "compartment": "UPDATE payload p SET compartment = q.compartment FROM payload q"
        " WHERE p.payload_id = %s AND q.payload_id = %s",
    }
    assert opened(app, ann, first) == b"first"
    owner.execute(moves[change], [first, elsewhere if change == "compartment" else second])
    with pytest.raises(DamagedPayloadError):
        opened(app, ann, first)


def test_of_boxes_made_together_each_has_its_own_key_and_is_shredded_alone(app, two, owner):
    ann, _ = two
    with app.desk.database.transaction(None) as transaction:
        boxes = app.desk.vault.new_boxes(transaction, [ann], 3)
        payloads = [box.seal(transaction, "text", TEXT) for box in boxes]
    assert len({box._data_key for box in boxes}) == 3
    with app.desk.database.transaction(ann) as transaction:
        vault.shred(transaction, boxes[0].compartment)
    with pytest.raises(SealedError):
        opened(app, ann, payloads[0])
    assert [opened(app, ann, payload) for payload in payloads[1:]] == [TEXT, TEXT]
    swap = "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE compartment = %s)"
    owner.execute(f"{swap} WHERE compartment = %s", [boxes[1].compartment, boxes[2].compartment])
    with pytest.raises(DamagedPayloadError):
        opened(app, ann, payloads[2])


def test_a_key_that_was_wrapped_without_a_passing_key_opens_as_before(app, two, owner):
    ann, _ = two
    box, payload = sealed_for(app, ann)
    compartment, data_key = box.named_key
    alone = vault._SUITE.encrypt(data_key, app.desk.vault.sealing_key, info=compartment.encode())
    owner.execute("UPDATE data_key SET wrapped = %s WHERE compartment = %s", [alone, compartment])
    assert opened(app, ann, payload) == TEXT


def test_another_installations_key_opens_nothing(app, two, tmp_path):
    from clearhouse.kernel.keys import KeyFolder, Keys

    ann, _ = two
    _, payload = sealed_for(app, ann)
    stranger = Vault.with_key(Keys(KeyFolder(tmp_path)).opening_key())
    with app.desk.database.transaction(ann) as transaction, pytest.raises(DamagedPayloadError):
        stranger.open(transaction, payload)


def test_the_counter_seals_what_only_the_desk_can_open(app, two):
    ann, _ = two
    sealer = app.counter.sealer
    assert type(sealer) is Sealer
    assert not {"open", "open_many", "open_box", "opening_key"} & set(dir(sealer))
    with app.counter.database.transaction(ann) as transaction:
        payload = sealer.new_box(transaction, [ann]).seal(transaction, "text", TEXT)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        app.counter.database.transaction(ann) as transaction,
    ):
        app.desk.vault.open(transaction, payload)
    assert opened(app, ann, payload) == TEXT


def test_showing_a_box_does_not_show_its_data_key(app, two):
    box, _ = sealed_for(app, two[0])
    assert "_data_key" not in repr(box)
    assert repr(box._data_key) not in repr(box)
