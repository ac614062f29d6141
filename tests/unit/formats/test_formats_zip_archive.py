import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats import zip_archive
from clearhouse.formats.zip_archive import ZipError

FILES = st.dictionaries(st.text("abcé/.", min_size=1, max_size=6), st.binary(max_size=40))


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@given(FILES, FILES, st.sets(st.text("abc", max_size=2)))
def test_an_archive_merged_in_steps_is_the_archive_made_at_once(first, second, gone):
    merged = zip_archive.merge(zip_archive.merge(None, first), second, gone)
    wanted = {name: data for name, data in first.items() if name not in gone} | second
    assert merged == zip_archive.merge(None, wanted)
    assert unpacked(merged) == wanted


def test_more_files_than_sixteen_bits_count():
    many = {f"{number:06d}.json": b"{}" for number in range(65_540)}
    archive = zip_archive.merge(zip_archive.merge(None, many), {"x": b"1"})
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert len(opened.namelist()) == 65_541
        assert opened.read("x") == b"1"


@pytest.mark.parametrize("cut", [0, 10, -1, -30])
def test_an_archive_cut_short_is_refused(cut):
    whole = zip_archive.merge(None, {"a": b"1" * 99, "b": b"2"})
    with pytest.raises(ZipError):
        zip_archive.merge(whole[:cut], {"c": b""})


def test_an_archive_of_another_hand_is_refused():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.comment = b"a comment"
        archive.writestr(info, b"1")
    with pytest.raises(ZipError):
        zip_archive.merge(target.getvalue(), {})


def test_a_directory_that_points_past_the_files_is_refused():
    whole = bytearray(zip_archive.merge(None, {"a": b"1"}))
    at = whole.index(b"PK\1\2") + 42
    whole[at : at + 4] = (10_000).to_bytes(4, "little")
    with pytest.raises(ZipError, match="cut short"):
        zip_archive.merge(bytes(whole), {})


def test_an_archive_past_four_gigabytes_is_not_written(monkeypatch):
    monkeypatch.setattr(zip_archive, "_MOST_32", 10)
    with pytest.raises(ZipError, match="4 GiB"):
        zip_archive.merge(None, {"a": b"1"})
