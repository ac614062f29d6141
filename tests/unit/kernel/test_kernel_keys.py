import os
import threading

import pytest

from clearhouse.kernel import ids
from clearhouse.kernel.keys import KeyFileError, KeyFolder, Keys


def test_a_key_is_made_once_private_and_kept(tmp_path):
    folder = tmp_path / "keys"
    first = Keys(KeyFolder(folder))
    again = Keys(KeyFolder(folder))
    assert len(first.index_key()) == 32
    assert first.index_key() == again.index_key()
    assert first.signing_key().private_bytes_raw() == again.signing_key().private_bytes_raw()
    assert first.sealing_key().public_bytes_raw() == (
        again.opening_key().public_key().public_bytes_raw()
    )
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len({path.read_bytes() for path in folder.iterdir()}) == 3


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
def test_a_key_that_others_can_read_is_refused_with_the_remedy(tmp_path, mode):
    KeyFolder(tmp_path).secret("signing")
    (tmp_path / "signing.key").chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyFolder(tmp_path).secret("signing")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_key_file_is_refused(tmp_path, size):
    KeyFolder(tmp_path).secret("signing")
    (tmp_path / "signing.key").write_bytes(b"k" * size)
    with pytest.raises(KeyFileError, match="damaged"):
        KeyFolder(tmp_path).secret("signing")


def test_makers_that_race_all_get_the_one_key(tmp_path):
    gate = threading.Barrier(8)
    got: list[bytes] = []

    def make() -> None:
        gate.wait()
        got.append(KeyFolder(tmp_path).secret("signing"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert set(got) == {(tmp_path / "signing.key").read_bytes()}
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]


def test_a_maker_that_comes_second_takes_the_key_of_the_first(tmp_path, monkeypatch):
    first: list[bytes] = []
    real = os.urandom

    def another_is_faster(count: int) -> bytes:
        monkeypatch.setattr(os, "urandom", real)
        first.append(KeyFolder(tmp_path).secret("signing"))
        return real(count)

    monkeypatch.setattr(os, "urandom", another_is_faster)
    assert KeyFolder(tmp_path).secret("signing") == first[0]


def test_ids_say_their_kind_and_nothing_else():
    made = {ids.new_id("rep") for _ in range(1000)}
    assert len(made) == 1000
    assert {(len(name), name[:4]) for name in made} == {(30, "rep_")}
    assert len(ids.new_receipt()) == len("SUB-") + 18
    assert len(ids.new_secret("chs")) == len("chs_") + 52
