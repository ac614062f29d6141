"""Archives are taken for their digest, wherever they come from."""

import functools
import hashlib
import http.server
import threading

import pytest

from clearhouse.clearing.validate.reproduce import native_sources
from clearhouse.clearing.validate.reproduce.native_bundle import Archive
from clearhouse.clearing.validate.reproduce.native_sources import fetch
from clearhouse.clearing.validate.reproduce.packages import BuildError

DATA = b"an archive"
ARCHIVE = Archive(file="cjson_1.0.orig.tar.gz", sha256=hashlib.sha256(DATA).hexdigest())


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Serve a folder as the only mirror and the only index there is."""
    root = tmp_path / "mirror"
    root.mkdir()
    handler = functools.partial(Quiet, directory=root)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")

    def only(name, file):
        yield f"{url}/pool/main/{name[:1]}/{name}/{file}"

    monkeypatch.setattr(native_sources, "_debian", only)
    yield root
    server.shutdown()
    thread.join()
    server.server_close()


def publish(root, path, data):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def test_an_archive_is_fetched_once_and_kept_under_its_digest(mirror, tmp_path):
    place = publish(mirror, f"pool/main/c/cjson/{ARCHIVE.file}", DATA)
    kept = fetch(tmp_path / "cache", "deb", "cjson", ARCHIVE)
    place.unlink()
    assert fetch(tmp_path / "cache", "deb", "cjson", ARCHIVE) == kept
    assert (kept.read_bytes(), kept.parent.name) == (DATA, ARCHIVE.sha256)


def test_a_mirror_that_changed_the_archive_is_not_believed(mirror, tmp_path):
    publish(mirror, f"pool/main/c/cjson/{ARCHIVE.file}", b"another archive")
    with pytest.raises(BuildError, match="differs"):
        fetch(tmp_path / "cache", "deb", "cjson", ARCHIVE)
    assert not list((tmp_path / "cache").rglob("*.gz"))


def test_a_cache_that_was_changed_is_fetched_again(mirror, tmp_path):
    publish(mirror, f"pool/main/c/cjson/{ARCHIVE.file}", DATA)
    kept = fetch(tmp_path / "cache", "deb", "cjson", ARCHIVE)
    kept.write_bytes(b"changed")
    assert fetch(tmp_path / "cache", "deb", "cjson", ARCHIVE).read_bytes() == DATA


def test_an_absent_archive_is_the_mirrors_fault(mirror, tmp_path):
    with pytest.raises(BuildError, match="not there"):
        fetch(tmp_path / "cache", "deb", "cjson", ARCHIVE)


def test_a_python_file_is_found_through_its_projects_index(mirror, tmp_path):
    file = Archive(file="setuptools_scm-7.1.0-py3-none-any.whl", sha256=ARCHIVE.sha256)
    publish(mirror, f"files/{file.file}", DATA)
    links = (f"../../files/{name}#sha256=0" for name in ("setuptools_scm-7.0.tar.gz", file.file))
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    publish(mirror, "simple/setuptools-scm/index.html", page.encode())
    assert fetch(tmp_path / "cache", "pypi", "", file).read_bytes() == DATA


def test_a_file_that_no_index_knows_is_said(mirror, tmp_path):
    with pytest.raises(BuildError, match="no index knows it"):
        fetch(tmp_path, "pypi", "", Archive(file="unknown.whl", sha256=ARCHIVE.sha256))
    with pytest.raises(BuildError, match="no index knows it"):
        fetch(tmp_path, "cargo", "", ARCHIVE)


def test_an_archive_that_is_too_large_is_left_alone(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(native_sources, "MAX_BYTES", 3)
    publish(mirror, f"pool/main/c/cjson/{ARCHIVE.file}", DATA)
    with pytest.raises(BuildError):
        fetch(tmp_path, "deb", "cjson", ARCHIVE)


def test_the_main_archive_is_asked_before_the_security_archive():
    found = list(native_sources._debian("libcue", "libcue_1+deb12u1.tar.xz"))
    assert "/debian/pool/main/libc/libcue/libcue_1%2Bdeb12u1.tar.xz" in found[0]
    assert "debian-security" in found[-1]
