"""Hostile archives and git output end in a clear refusal, never in anything else."""

import contextlib
import io
import random
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.validate.sources import archive as module
from clearhouse.clearing.validate.sources.archive import ArchiveError, read_archive
from clearhouse.clearing.validate.sources.git import RepositoryError
from clearhouse.clearing.validate.sources.repository import _split


def tar(*members, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            made.addfile(member, io.BytesIO(content))
    return out.getvalue()


def plain(name="top/a.py", content=b"x = 1\n"):
    return (name, content, tarfile.REGTYPE)


def zipped(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, content)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_is_read_without_its_top_folder(mode):
    assert read_archive(tar(plain(), mode=mode)).files == {"a.py": b"x = 1\n"}


def test_a_wheel_keeps_its_folders():
    data = zipped(("pkg/a.py", b"x", 0), ("pkg/b.py", b"y", 0o100644))
    assert set(read_archive(data, keep_top=True).files) == {"pkg/a.py", "pkg/b.py"}


@pytest.mark.parametrize("name", ["../a", "top/../../a", "/etc/passwd", "top\\..\\a", ".."])
def test_a_name_that_leaves_the_archive_refuses_it(name):
    for data in (tar(plain(), plain(name)), zipped(("top/a", b"", 0), (name, b"", 0))):
        with pytest.raises(ArchiveError, match="leaves the archive"):
            read_archive(data)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_special_files_are_named_and_not_followed(kind):
    found = read_archive(tar(plain(), ("top/b.py", b"", kind)))
    assert (set(found.files), found.unread) == ({"a.py"}, {"b.py"})


def test_a_link_in_a_zip_is_named_and_not_followed():
    found = read_archive(zipped(("t/a", b"x", 0), ("t/b", b"/etc/passwd", 0o120777)))
    assert (set(found.files), found.unread) == ({"a"}, {"b"})


def test_a_bomb_is_stopped_while_it_unpacks(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(module, "MAX_TEXT", 1 << 16)
    big = b"\0" * (4 << 20)
    for data in (tar(plain("t/a", big)), zipped(("t/a", big, 0))):
        assert len(data) < 1 << 16
        with pytest.raises(ArchiveError, match="unpacks to more"):
            read_archive(data)


def test_too_many_files_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_FILES", 3)
    with pytest.raises(ArchiveError, match="more than 3 files"):
        read_archive(tar(*(plain(f"t/{n}") for n in range(4))))


def test_a_large_file_is_kept_as_a_path(monkeypatch):
    monkeypatch.setattr(module, "MAX_TEXT", 10)
    found = read_archive(tar(plain("t/a", b"x" * 11), plain("t/b", b"x" * 10)))
    assert (set(found.files), found.unread) == ({"b"}, {"a"})


WHOLE = [
    tar(plain(), plain("top/b.c", b"int b;" * 99)),
    tar(plain(), mode="w:xz"),
    zipped(("t/a.py", b"x = 1\n" * 50, 0), ("t/b", b"", 0)),
]


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data):
    try_to_read(data)
    try_to_read(b"PK\x03\x04" + data)


@given(st.sampled_from(WHOLE), st.integers(0, 2**32))
def test_a_damaged_archive_is_read_or_refused(data, seed):
    chance = random.Random(seed)
    broken = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    try_to_read(bytes(broken[: chance.randint(1, len(broken))]))
    try_to_read(bytes(broken))


def try_to_read(data):
    try:
        found = read_archive(data)
    except ArchiveError:
        return
    assert all(not name.startswith("/") and ".." not in name.split("/") for name in found.files)


@given(st.binary(max_size=200))
def test_any_output_of_git_is_taken_apart_or_refused(data):
    with contextlib.suppress(RepositoryError):
        assert all(isinstance(one, bytes) for one in _split(data))
