"""Where a release's source stands, asked of registries that this machine plays on its loopback."""

import base64
import functools
import hashlib
import http.server
import io
import json
import lzma
import shutil
import tarfile
import threading

import pytest

from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources import download, registries
from clearhouse.clearing.validate.sources.download import read_url
from clearhouse.clearing.validate.sources.registries import locate
from clearhouse.clearing.validate.sources.shelf import SourceShelf
from clearhouse.formats.purl import parse


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve one folder of this machine."""
    root = tmp_path_factory.mktemp("registry")
    handler = functools.partial(Quiet, directory=root)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield root, f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def publish(server, monkeypatch):
    """Point every registry at the served folder, and write into it."""
    root, url = server
    shutil.rmtree(root)
    root.mkdir()
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple/")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"{url}/npm")
    monkeypatch.setenv("CLEARHOUSE_DEBIAN_MIRROR", f"{url}/debian")
    monkeypatch.setattr(registries, "_DEBIAN_KEYS", root / "no-keys")

    def write(path, data):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())

    write.url = url
    write.root = root
    return write


def packed(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as made:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            made.addfile(member, io.BytesIO(text))
    return out.getvalue()


def links(*files):
    return "".join(f'<a href="../../files/{file}">{file}</a>\n' for file in files).encode()


# Python


def found(target, version=None):
    return locate(read_url, parse(target), version)


def test_a_python_version_is_found_in_any_spelling(publish):
    publish("simple/some-pkg/index.html", links(
        "some_pkg-1.10.tar.gz#sha256=aa", "some_pkg-1.9.0-py3-none-any.whl#sha256=bb",
        "some_pkg-1.9.0-cp311-cp311-linux_x86_64.whl#sha256=cc", "Some.Pkg-2.0rc1.zip#sha256=dd",
        "some_pkg-1.9.0.tar.gz#sha256=ee", "some_pkg-3.0.tar.gz#md5=ff", "notes.txt#sha256=ab",
        "odd.whl#sha256=ac", "other-4.0.tar.gz#sha256=ad",
    ))  # fmt: skip
    release = found("pkg:pypi/Some.Pkg", "1.9")
    assert release.version == "1.9.0"
    assert [one.digest for one in release.parts] == ["ee", "bb"]
    assert found("pkg:pypi/some-pkg").version == "1.10"
    assert found("pkg:pypi/some-pkg", "2.0rc1").parts[0].file == "Some.Pkg-2.0rc1.zip"
    for absent in ("7.0", "no version at all"):
        with pytest.raises(BuildError, match="no source of this version"):
            found("pkg:pypi/some-pkg", absent)


def test_a_python_project_with_previews_alone_still_has_a_newest_version(publish):
    publish("simple/early/index.html", links("early-1.0a1.tar.gz#sha256=aa"))
    assert found("pkg:pypi/early").version == "1.0a1"


# Node.js


def test_a_node_version_comes_with_the_strongest_digest_that_is_stated(publish):
    digest = hashlib.sha512(b"tarball").digest()
    words = "md5-xx sha512-" + base64.b64encode(digest).decode()
    dist = {"tarball": "https://x.example/n-1.0.0.tgz", "integrity": words, "shasum": "00"}
    publish("npm/n/1.0.0", {"version": "1.0.0", "dist": dist})
    (part,) = found("pkg:npm/n", "1.0.0").parts
    assert part.is_genuine(b"tarball")
    assert not part.is_genuine(b"another")


@pytest.mark.parametrize(
    "about",
    [
        b"not JSON",
        [],
        {"version": "1.0.0"},
        {"version": "1.0.0", "dist": {"tarball": "x", "integrity": "sha512-&&&"}},
        {"version": "1.0.0", "dist": {"tarball": "x"}},
        {"version": "1.0.0", "dist": {"shasum": "00"}},
    ],
)
def test_a_node_registry_that_states_no_digest_gives_no_source(publish, about):
    publish("npm/n/1.0.0", about)
    with pytest.raises(BuildError, match="no source of this version"):
        found("pkg:npm/n", "1.0.0")


# Debian

SOURCE = packed({"wire-1.0/a.c": b"int a;\n"})
CHANGES = packed({"debian/changelog": b"wire (1.0-2)\n"})


def suite(publish, name, version, *, digest=None):
    """Publish a suite that has one source package of one version."""
    files = {"wire_1.0.orig.tar.xz": SOURCE, f"wire_{version}.debian.tar.xz": CHANGES}
    listed = "".join(
        f" {hashlib.sha256(data).hexdigest()} {len(data)} {file}\n" for file, data in files.items()
    )
    text = (
        f"Package: other\nVersion: 9\n\nPackage: wire\nVersion: {version}\nDirectory: pool/w/wire\n"
        f"Checksums-Sha256:\n{listed} 00 1 wire_{version}.dsc\n 00 1 wire.orig.tar.xz.asc\n\n"
    )
    index = lzma.compress(text.encode())
    stated = digest or hashlib.sha256(index).hexdigest()
    base = "debian-security" if "security" in name else "debian"
    publish(f"{base}/dists/{name}/InRelease",
            f"SHA256:\n 00 1 other\n {stated} {len(index)} main/source/Sources.xz\n".encode())  # fmt: skip
    publish(f"{base}/dists/{name}/main/source/Sources.xz", index)
    for file, data in files.items():
        publish(f"{base}/pool/w/wire/{file}", data)


def test_a_debian_source_is_joined_from_its_parts(publish, tmp_path):
    suite(publish, "stable", "1.0-2")
    tree = SourceShelf(tmp_path).release(parse("pkg:deb/debian/wire"), "1.0-2")
    assert tree.files == {"a.c": "int a;\n", "debian/changelog": "wire (1.0-2)\n"}


def test_a_debian_version_is_looked_for_in_all_suites_and_by_its_upstream(publish):
    suite(publish, "testing", "1:1.0+dfsg-3")
    suite(publish, "stable-security", "1.0-2+deb12u1")
    assert found("pkg:deb/debian/wire", "1.0-2+deb12u1").version == "1.0-2+deb12u1"
    assert found("pkg:deb/debian/wire", "1.0").version == "1:1.0+dfsg-3"
    assert found("pkg:deb/debian/wire").version == "1:1.0+dfsg-3"
    with pytest.raises(BuildError, match="no source"):
        found("pkg:deb/debian/wire", "7.7")


def test_a_debian_index_that_is_not_the_signed_one_is_refused(publish):
    suite(publish, "stable", "1.0-3", digest="0" * 64)
    with pytest.raises(BuildError, match="not the one that the archive signed"):
        found("pkg:deb/debian/wire", "1.0-3")


@pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
def test_a_debian_index_without_a_signature_is_refused_where_keys_are_at_hand(publish, monkeypatch):
    suite(publish, "stable", "1.0-4")
    keys = publish.root / "keys.gpg"
    keys.write_bytes(b"")
    monkeypatch.setattr(registries, "_DEBIAN_KEYS", keys)
    with pytest.raises(BuildError, match="cannot be verified"):
        found("pkg:deb/debian/wire", "1.0-4")


# the way there


def test_only_what_is_encrypted_near_or_known_by_its_digest_is_read(publish, monkeypatch):
    publish("a", b"abc")
    assert read_url(f"{publish.url}/a", 3) == b"abc"
    assert read_url(f"{publish.url}/a", 2) is None
    assert read_url(f"{publish.url}/b", 3) is None
    assert read_url("file:///etc/hostname", 100) is None
    asked = []
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda url, **_: asked.append(url))
    for url in ("http://mirror.example/a", "ftp://mirror.example/a", "/etc/hostname"):
        assert read_url(url, 100) is None
    assert asked == []


def test_a_registry_that_is_out_of_reach_is_no_answer():
    assert read_url("http://127.0.0.1:9/simple/x/", 100) is None
    assert read_url("http://127.0.0.1:9/simple/x/", 100, digest_known=True) is None
