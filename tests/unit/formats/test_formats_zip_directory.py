"""Where members of an archive stand: as Python's own reader says, and never beyond what they say."""

import io
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.deliver.watch.documents import of_archive, take, take_all
from clearhouse.formats.zip_directory import ZipDirectoryError, members, stretches

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
FILES = st.dictionaries(
    st.builds("{}{}".format, NAMES, st.sampled_from([".json", ".JSON", ".txt", ""])),
    st.tuples(st.binary(max_size=200), st.booleans()),
    max_size=12,
)


def packed(files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, (body, deflated) in files.items():
            how = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
            writer.writestr(name, body, how)
    return archive


@given(FILES, st.integers(1, 5))
def test_every_json_file_is_found_once_in_order_however_the_directory_is_cut(files, length):
    archive = packed(files)
    count, cut = stretches(archive, length)
    found = [one for stretch in cut for one in members(stretch)]
    with zipfile.ZipFile(archive) as reader:
        listed = reader.infolist()
    assert count == len(listed)
    assert all(stretch for stretch in cut)
    assert [(one.name, one.offset, one.packed_size, one.plain_size, one.crc) for one in found] == [
        (one.filename, one.header_offset, one.compress_size, one.file_size, one.CRC)
        for one in listed
        if one.filename.endswith(".json")
    ]


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (8, 1, "encrypted"),
        (10, 12, "another way"),
        (0, 0, "damaged"),
        (28, 0xFF, "cut off"),
        (32, 0xFF, "cut off"),
    ],
)
def test_a_directory_that_cannot_be_believed_is_refused(at, value, said):
    data = bytearray(packed({"a.json": (b"{}", True)}).getvalue())
    data[data.rfind(b"PK\x01\x02") + at] = value
    with pytest.raises(ZipDirectoryError, match=said):
        [*members(stretches(io.BytesIO(data), 9)[1][0])]


def test_an_announced_number_of_files_that_is_not_there_is_refused():
    data = bytearray(packed({"a.json": (b"{}", True)}).getvalue())
    data[data.rfind(b"PK\x05\x06") + 10] = 2
    with pytest.raises(ZipDirectoryError, match="announces 2 files and lists 1"):
        stretches(io.BytesIO(data), 9)


def test_a_file_that_grows_beyond_what_the_directory_says_is_damage(tmp_path):
    body = b'{"id": "GHSA-a", "modified": "2026-01-01T00:00:00Z", "affected": []}' + b" " * 100_000
    data = bytearray(packed({"a.json": (body, True)}).getvalue())
    at = data.rfind(b"PK\x01\x02") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    (tmp_path / "all.zip").write_bytes(data)
    (batch,) = of_archive(tmp_path / "all.zip")
    taken = take(batch)
    assert taken.documents == []
    assert taken.damage == ["a.json: cannot be unpacked: is cut off, or larger than it may be"]


def test_many_files_are_taken_by_several_processes_as_by_one(tmp_path):
    form = '{"id": "GHSA-%d", "affected": [{"package": {"ecosystem": "npm", "name": "n%d"}}]}'
    files = {f"{n}.json": ((form % (n, n % 7)).encode(), bool(n % 2)) for n in range(12_010)}
    files |= {"5.json": (b"{", True), "6.json": (b"[]", True), "7.json": (b'{"id": 1e400}', True)}
    (tmp_path / "all.zip").write_bytes(packed(files).getvalue())
    batches = of_archive(tmp_path / "all.zip")
    assert [one.count for one in batches] == [4000, 4000, 4000, 10]
    assert [*take_all(batches)] == [take(one) for one in batches]
    first = take(batches[0])
    assert len(first.documents) == len(first.keys) == 3997
    assert [one.partition(":")[0] for one in first.damage] == ["5.json", "7.json"]
    assert first.others == 1
    assert first.kinds == {"npm"}
    form, name, deflated, body, offset, length = first.documents[1]
    assert (form, name, deflated, body) == ("osv", "1.json", True, None)
    kept = (tmp_path / "all.zip").read_bytes()[offset : offset + length]
    assert zlib.decompress(kept, -15) == files["1.json"][0]
