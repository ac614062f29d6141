import io
import stat
import tarfile
import zipfile

import pytest

from clearhouse.clearing.intake.record import Attachment
from clearhouse.clearing.validate.attached import bundle_files
from clearhouse.clearing.validate.reproduce.bundle import BundleError

FILES = {"bundle.yaml": b"format: clearhouse-bundle/1", "poc.py": b"print(1)"}


def attached(name, data):
    return (Attachment(filename=name, content_type="application/octet-stream", data=data),)


def packed_zip(files, *, attributes=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            if attributes is not None:
                member.external_attr = attributes << 16
            archive.writestr(member, data)
    return out.getvalue()


def packed_tar(files, *, kind=tarfile.REGTYPE, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "/etc/passwd"
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def named(value):
    """Packed bytes hold the time, and the name of a test must not change with it."""
    return value if isinstance(value, str) else "bytes"


def test_a_report_without_a_bundle_has_none():
    assert bundle_files(attached("poc.py", b"x")) is None
    assert bundle_files(attached("code.zip", packed_zip({"a.py": b""}))) is None
    assert bundle_files(()) is None


def test_a_bundle_attached_as_its_files_is_found():
    both = tuple(one for name, data in FILES.items() for one in attached(name, data))
    assert bundle_files(both) == FILES


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bundle.zip", packed_zip(FILES)),
        ("b.zip", packed_zip({f"x/{name}": data for name, data in FILES.items()})),
        ("b.zip", packed_zip({"x/": b""} | {f"x/{name}": data for name, data in FILES.items()})),
        ("b.tar.gz", packed_tar({f"./{name}": data for name, data in FILES.items()})),
        ("b.tar", packed_tar(FILES, mode="w:")),
    ],
    ids=named,
)
def test_a_packed_bundle_is_found(name, data):
    assert bundle_files(attached(name, data)) == FILES


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("b.zip", packed_zip(FILES | {"../x": b""}), "leaves"),
        ("b.tgz", packed_tar(FILES | {"/x": b""}), "leaves"),
        ("b.tgz", packed_tar(FILES | {"a\\..\\x": b""}), "leaves"),
        ("b.tgz", packed_tar({"bundle.yaml": b""}, kind=tarfile.SYMTYPE), "link"),
        ("b.tgz", packed_tar({"bundle.yaml": b""}, kind=tarfile.LNKTYPE), "link|damaged|not taken"),
        ("b.tgz", packed_tar({"bundle.yaml": b""}, kind=tarfile.FIFOTYPE), "link"),
        ("b.zip", packed_zip(FILES, attributes=stat.S_IFLNK | 0o777), "link"),
        ("b.zip", packed_zip(FILES | {"bomb": b"\0" * (8 << 20)}), "unpacks to more"),
        ("b.tgz", packed_tar(FILES | {"bomb": b"\0" * (8 << 20)}), "unpacks to more"),
        ("b.zip", packed_zip({f"f{n}": b"" for n in range(200)}), "more than 64"),
        ("b.tgz", packed_tar({f"f{n}": b"" for n in range(200)}), "more than 64"),
        ("b.zip", b"PK\x03\x04 nonsense", "damaged"),
        ("b.tgz", b"nonsense", "damaged"),
        ("b.tgz", packed_tar(FILES)[:60], "damaged"),
    ],
    ids=named,
)
def test_an_archive_that_plays_tricks_is_refused(name, data, reason):
    with pytest.raises(BundleError, match=reason):
        bundle_files(attached(name, data))
