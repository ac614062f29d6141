"""The cache of sources, filled through a registry that a test plays."""

import hashlib
import io
import json
import tarfile
import zipfile

import pytest

from clearhouse.clearing.validate.look import stated_dependencies
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources.shelf import SourceShelf, text_or_none
from clearhouse.formats.purl import parse

PYPI, NPM = parse("pkg:pypi/Some_Pkg"), parse("pkg:npm/%40scope/name")


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return out.getvalue()


def wheel(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


SDIST = archive({"some_pkg-1.0/src/some_pkg/a.py": b"def first(): pass\n",
                 "some_pkg-1.0/old.c": "int caf\xe9;\n".encode("latin-1")})  # fmt: skip
WHEEL = wheel({
    "some_pkg/a.py": b"def first(): pass\n", "some_pkg/fast.so": b"\0ELF",
    "some_pkg-1.0.dist-info/METADATA":
        b"Name: some-pkg\nRequires-Dist: Other_One>=2\nRequires-Dist: tool; extra == 'dev'\n",
})  # fmt: skip
TARBALL = archive({"package/package.json": b'{"dependencies": {"@a/b": "^1", "c": "2"}}',
                   "package/index.js": b"exports.run = () => 1\n"})  # fmt: skip


class Registry:
    """Answers like the registries do."""

    def __init__(self):
        self.asked = []
        self.files = {
            "https://files.example/some_pkg-1.0.tar.gz": SDIST,
            "https://files.example/some_pkg-1.0-py3-none-any.whl": WHEEL,
            "https://files.example/name-2.0.0.tgz": TARBALL,
        }
        links = "".join(
            f'<a href="{url}#sha256={hashlib.sha256(data).hexdigest()}">x</a>'
            for url, data in self.files.items()
            if "some_pkg" in url
        )
        dist = {
            "tarball": "https://files.example/name-2.0.0.tgz",
            "shasum": hashlib.sha1(TARBALL, usedforsecurity=False).hexdigest(),
        }
        about = json.dumps({"version": "2.0.0", "dist": dist}).encode()
        self.files |= {
            "https://pypi.org/simple/some-pkg/": links.encode(),
            "https://registry.npmjs.org/@scope%2Fname/2.0.0": about,
            "https://registry.npmjs.org/@scope%2Fname/latest": about,
        }

    def __call__(self, url, limit):
        self.asked.append(url)
        return self.files.get(url)


@pytest.fixture
def registry(monkeypatch):
    for name in ("PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    return Registry()


@pytest.fixture
def shelf(tmp_path, registry, monkeypatch):
    made = SourceShelf(tmp_path)
    monkeypatch.setattr(made, "_fetch", registry)
    return made


def test_a_python_release_is_its_source_and_its_wheel_together(shelf):
    tree = shelf.release(PYPI, "1.0")
    assert {"src/some_pkg/a.py", "some_pkg/a.py", "old.c"} <= tree.files.keys()
    assert tree.files["old.c"] == "int caf\xe9;\n"
    assert tree.unread == {"some_pkg/fast.so"}
    assert not tree.compiled
    assert stated_dependencies(tree) == ("pkg:pypi/other-one",)


@pytest.mark.parametrize("version", ["2.0.0", None])
def test_a_node_release_is_its_tarball(shelf, version):
    tree = shelf.release(NPM, version)
    assert tree.version == "2.0.0"
    assert "index.js" in tree.files
    assert stated_dependencies(tree) == ("pkg:npm/%40a/b", "pkg:npm/c")


def test_what_was_fetched_once_needs_no_registry(shelf, registry):
    first = shelf.release(PYPI, "1.0")
    count = len(registry.asked)
    assert shelf.release(PYPI, "1.0").files == first.files
    assert len(registry.asked) == count
    kept = [one.name for one in (shelf.folder / "archives").iterdir()]
    assert hashlib.sha256(SDIST).hexdigest() in kept


def test_a_cached_archive_that_was_changed_is_fetched_again(shelf):
    shelf.release(PYPI, "1.0")
    place = shelf.folder / "archives" / hashlib.sha256(SDIST).hexdigest()
    place.write_bytes(b"something else")
    shelf.release(PYPI, "1.0")
    assert place.read_bytes() == SDIST


def test_an_archive_that_is_not_what_the_registry_states_is_refused(shelf, registry):
    registry.files["https://files.example/some_pkg-1.0.tar.gz"] = SDIST + b"x"
    with pytest.raises(BuildError, match="not what its registry states"):
        shelf.release(PYPI, "1.0")


@pytest.mark.parametrize(
    ("target", "version"),
    [(PYPI, "3.0"), (NPM, "9.9.9"), (parse("pkg:pypi/none"), None), (parse("pkg:gem/x"), "1.0")],
)
def test_what_no_registry_has_is_said(shelf, target, version):
    with pytest.raises(BuildError):
        shelf.release(target, version)


def test_a_hostile_archive_is_the_registrys_fault_and_no_verdict(shelf, registry):
    bad = archive({"../a": b"x"})
    url = "https://files.example/some_pkg-1.0.tar.gz"
    page = f'<a href="{url}#sha256={hashlib.sha256(bad).hexdigest()}">x</a>'
    registry.files |= {url: bad, "https://pypi.org/simple/some-pkg/": page.encode()}
    with pytest.raises(BuildError, match="leaves the archive"):
        shelf.release(PYPI, "1.0")


def test_without_the_network_only_the_cache_answers(tmp_path):
    with pytest.raises(BuildError):
        SourceShelf(tmp_path, online=False).release(PYPI, "1.0")


@pytest.mark.parametrize(
    ("data", "text"), [(b"a\0b", None), ("é".encode(), "é"), (b"\xe9", "é"), (b"", "")]
)
def test_text_is_told_from_other_bytes(data, text):
    assert text_or_none(data) == text
