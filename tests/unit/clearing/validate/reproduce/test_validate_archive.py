import io
import tarfile

import pytest

from clearhouse.clearing.validate.reproduce import archive
from clearhouse.clearing.validate.reproduce.archive import ArchiveError, pack, unpack


def packed(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as file:
        for name, data, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(data), "/etc/passwd"
            file.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_regular_files_are_read_below_the_top_folder_and_links_are_left_out():
    data = packed(
        ("p-1/src/x.py", b"x", tarfile.REGTYPE),
        ("p-1/link", b"", tarfile.SYMTYPE),
        ("p-1/hard", b"", tarfile.LNKTYPE),
        ("p-1/device", b"", tarfile.CHRTYPE),
        ("beside", b"y", tarfile.REGTYPE),
    )
    assert unpack(data) == {"src/x.py": b"x"}


@pytest.mark.parametrize("name", ["/p/x", "p/../../x", "p/x\\y"])
def test_a_name_that_leaves_the_archive_is_refused(name):
    with pytest.raises(ArchiveError, match="leaves"):
        unpack(packed((name, b"x", tarfile.REGTYPE)))


def test_damaged_and_endless_archives_are_refused(monkeypatch):
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(b"no archive")
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(packed(("p/x", b"x" * 9999, tarfile.REGTYPE))[:60])
    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    with pytest.raises(ArchiveError, match="unpacks to more"):
        unpack(packed(("p/x", b"x" * 11, tarfile.REGTYPE)))
    monkeypatch.setattr(archive, "MAX_FILES", 1)
    with pytest.raises(ArchiveError, match="more than 1 files"):
        unpack(packed(("p/x", b"", tarfile.REGTYPE), ("p/y", b"", tarfile.REGTYPE)))


def test_what_is_packed_is_unpacked_in_the_same_way():
    with tarfile.open(fileobj=io.BytesIO(pack({"a/b": b"c"}))) as file:
        assert file.getnames() == ["a/b"]
        assert file.extractfile("a/b").read() == b"c"
