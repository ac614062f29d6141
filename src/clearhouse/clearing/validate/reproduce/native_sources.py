"""Fetch published archives by name and SHA-256 into a cache that is addressed by content.

The digest stands in the bundle, so a mirror can withhold a file but not change it. Nothing is
unpacked or run here; that happens in the sandbox. Every failure is a `BuildError`: the mirror's,
never the claim's.

Source: the Debian archive's pool layout; PEP 503 for the index of Python packages.
"""

import contextlib
import hashlib
import html
import os
import re
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from clearhouse.clearing.validate.reproduce.archive import Archive
from clearhouse.clearing.validate.reproduce.packages import BuildError

MAX_BYTES = 64 << 20
_MAX_INDEX_BYTES = 16 << 20
_TIMEOUT_S = 60
_PYTHON_FILE = re.compile(r"(.+?)-\d")
_LINK = re.compile(r'<a\s[^>]{0,2000}?href="([^"]{1,1000})"', re.IGNORECASE)


def fetch(folder: Path, ecosystem: str, name: str, archive: Archive) -> Path:
    """Return the archive's place in the cache, fetched if need be.

    `ecosystem` is a package URL's type and `name` its name, which the Debian pool is sorted by.

    Raises: BuildError when no mirror has these very bytes.
    """
    place = folder / "sources" / archive.sha256 / archive.file
    if place.is_file() and _sha256(place.read_bytes()) == archive.sha256:
        return place
    tried = []
    for url in _addresses(ecosystem, name, archive.file):
        data = read_url(url, MAX_BYTES)
        if data is not None and _sha256(data) == archive.sha256:
            _keep(place, data)
            return place
        tried.append("it differs" if data is not None else "it is not there")
    words = "; ".join(sorted(set(tried))) or "no index knows it"
    raise BuildError(f"the archive {archive.file} could not be fetched: {words}")


def _addresses(ecosystem: str, name: str, file: str) -> Iterator[str]:
    if ecosystem == "deb":
        yield from _debian(name, file)
    elif ecosystem == "pypi":
        yield from _python(file)
    elif ecosystem == "npm":
        registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org")
        yield f"{registry.rstrip('/')}/{name}/-/{urllib.parse.quote(file)}"


def _debian(name: str, file: str) -> Iterator[str]:
    """Give the file's address on the mirrors, the main archive first."""
    prefix = name[:4] if name.startswith("lib") else name[:1]
    given = os.environ.get("CLEARHOUSE_DEBIAN_MIRROR")
    mirrors = [given] if given else []
    mirrors += ["https://deb.debian.org/debian", "http://deb.debian.org/debian"]
    quoted = urllib.parse.quote(file)
    for mirror in mirrors:
        yield f"{mirror}/pool/main/{prefix}/{name}/{quoted}"
    for security in ("https", "http"):
        base = f"{security}://deb.debian.org/debian-security/pool/updates/main"
        yield f"{base}/{prefix}/{name}/{quoted}"


def _python(file: str) -> Iterator[str]:
    """Look the file up in the index of its project."""
    found = _PYTHON_FILE.match(file)
    if found is not None:
        yield from (url for url in _index(found[1]) if _file_of(url) == file)


def index_links(name: str) -> Iterator[tuple[str, str]]:
    """Give file names and SHA-256 digests that the index of Python packages lists for a project."""
    for url in _index(name):
        yield _file_of(url), url.partition("#sha256=")[2]


def _index(name: str) -> Iterator[str]:
    project = re.sub(r"[-_.]+", "-", name).lower()
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    page = f"{index}/{project}/"
    data = read_url(page, _MAX_INDEX_BYTES)
    for link in _LINK.findall((data or b"").decode("utf-8", "replace")):
        yield urllib.parse.urljoin(page, html.unescape(link))


def _file_of(url: str) -> str:
    return urllib.parse.unquote(url.partition("#")[0].rpartition("/")[2])


def read_url(url: str, limit: int) -> bytes | None:
    """Return what a mirror has, or None: absent, out of reach or too large."""
    if not url.startswith(("https://", "http://")):
        return None
    with contextlib.suppress(urllib.error.URLError, TimeoutError, ConnectionError):
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # checked above
            data: bytes = answer.read(limit + 1)
        return data if len(data) <= limit else None
    return None


def _keep(place: Path, data: bytes) -> None:
    """Write to a name of its own first, so that no half file is ever seen."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for folder in (place.parent, place.parent.parent):
        folder.chmod(0o755)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(data)
    written = Path(file.name)
    written.chmod(0o644)
    written.replace(place)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
