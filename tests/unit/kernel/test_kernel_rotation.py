"""The key that opens everything can be replaced while the house works, and killed half-way."""

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clearhouse.app import _demand_own_keys
from clearhouse.kernel import rotation, vault
from clearhouse.kernel.keys import OPENING, KeyFileError, KeyFolder, Keys, kek_id_of
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.kernel.vault import DamagedPayloadError, Sealer, Vault

TEXT = b"the frame parser overflows"
READER = "role:clearing"


@pytest.fixture
def folder(app, tmp_path):
    """A folder of keys of its own, with the key that the test's store is sealed to."""
    copy = KeyFolder(tmp_path / "keys")
    copy.put(OPENING, app.desk.keys.opening_key().private_bytes_raw())
    return copy


@pytest.fixture
def owner_url(app, installation):
    name = conninfo_to_dict(app.desk.database.url)["dbname"]
    return make_conninfo(installation[1].url(), dbname=name)


def a_vault(folder):
    keys = Keys(folder)
    return Vault.with_key(keys.opening_key(), keys.opening_key_of)


def sealed(app, by):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return by.new_box(transaction, [READER]).seal(transaction, "text", TEXT)


def opened(app, by, payload):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return by.open(transaction, payload)


def test_what_was_sealed_before_a_rotation_is_opened_after_it_and_by_the_new_key_alone(
    app, folder, owner_url
):
    payload, before = sealed(app, a_vault(folder)), Keys(folder).opening_key()
    done = rotation.rotate(owner_url, folder)
    assert done.rewrapped == 1
    assert done.kept == (kek_id_of(before.public_key()),)
    assert opened(app, a_vault(folder), payload) == TEXT
    with pytest.raises(DamagedPayloadError):
        opened(app, Vault.with_key(before), payload)


def test_a_process_that_runs_through_a_rotation_opens_old_and_new(app, folder, owner_url):
    running = a_vault(folder)
    old = sealed(app, running)
    rotation.rotate(owner_url, folder)
    new = sealed(app, a_vault(folder))
    assert {opened(app, running, one) for one in (old, new)} == {TEXT}
    late = sealed(app, running)  # still to the key before
    assert opened(app, a_vault(folder), late) == TEXT


def test_a_key_with_something_sealed_to_it_stays_and_goes_when_nothing_is(app, folder, owner_url):
    running = a_vault(folder)
    first = kek_id_of(running.sealing_key)
    rotation.rotate(owner_url, folder)
    late = sealed(app, running)
    assert rotation.retire(owner_url, folder) == ()
    assert rotation.rewrap(owner_url, folder).rewrapped == 1
    assert rotation.retire(owner_url, folder) == (first,)
    assert Keys(folder).kek_ids() == [kek_id_of(a_vault(folder).sealing_key)]
    assert opened(app, a_vault(folder), late) == TEXT


def test_nothing_is_taken_in_to_a_key_that_is_gone(app, folder, owner_url):
    stale = Sealer(Keys(folder).sealing_key())
    rotation.rotate(owner_url, folder)
    rotation.retire(owner_url, folder)
    with (
        pytest.raises(StoreUnavailableError) as refused,  # doors answer: try again later
        app.counter.database.transaction(None) as transaction,
    ):
        stale.new_box(transaction, [READER])
    assert "start the process anew" in str(refused.value.__cause__)


@pytest.mark.parametrize("killed_at", [1, 2, 3, "rewrap"])
def test_a_rotation_that_was_killed_loses_nothing_and_is_finished_by_the_next(
    app, folder, owner_url, killed_at, monkeypatch
):
    payload = sealed(app, a_vault(folder))
    calls = []

    class KilledError(BaseException):
        pass

    def put(self, name, key, real=KeyFolder.put):
        calls.append(name)
        real(self, name, key)
        if len(calls) == killed_at:
            raise KilledError

    def dying(*_):
        raise KilledError

    monkeypatch.setattr(KeyFolder, "put", put)
    if killed_at == "rewrap":
        monkeypatch.setattr(rotation, "_rewrap_some", dying)
    with pytest.raises(KilledError):
        rotation.rotate(owner_url, folder)
    monkeypatch.undo()
    assert opened(app, a_vault(folder), payload) == TEXT
    with app.desk.database.transaction(None):
        _demand_own_keys(app.desk.database, Keys(folder))
    rotation.rotate(owner_url, folder)
    rotation.retire(owner_url, folder)
    assert opened(app, a_vault(folder), payload) == TEXT
    assert len(Keys(folder).kek_ids()) == 1


def test_what_was_shredded_stays_shredded_through_a_rotation(app, folder, owner_url, owner):
    payload = sealed(app, a_vault(folder))
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one("SELECT compartment FROM payload WHERE payload_id = %s", [payload])
        vault.shred(transaction, row["compartment"])
    rotation.rotate(owner_url, folder)
    assert rotation.retire(owner_url, folder)
    (left,) = owner.execute("SELECT wrapped FROM data_key").fetchone()
    assert left is None


def test_a_store_with_something_sealed_to_a_key_that_is_not_here_is_refused(app, folder, tmp_path):
    sealed(app, a_vault(folder))
    _demand_own_keys(app.desk.database, Keys(folder))
    with pytest.raises(KeyFileError, match="other keys"):
        _demand_own_keys(app.desk.database, Keys(KeyFolder(tmp_path / "others")))


def test_a_removed_key_is_overwritten_before_its_name_goes(tmp_path):
    folder = KeyFolder(tmp_path)
    key = folder.secret("old")
    (tmp_path / "witness").hardlink_to(tmp_path / "old.key")
    folder.remove("old")
    assert folder.names() == []
    assert (tmp_path / "witness").read_bytes() != key
