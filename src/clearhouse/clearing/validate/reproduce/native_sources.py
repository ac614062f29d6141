"""Fetch published archives by name and SHA-256 into a cache that is addressed by content.

The digest stands in the bundle, so a mirror can withhold a file but not change it. Nothing is
unpacked or run here; that happens in the sandbox. Every failure is a `BuildError`: the mirror's,
never the claim's.

Source: the Debian archive's pool layout.
"""

import hashlib
import os
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from clearhouse.clearing.validate.reproduce.archive import Archive
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources.download import keep, read_url
from clearhouse.clearing.validate.sources.registries import npm_registry, pypi_files

MAX_BYTES = 64 << 20
_PYTHON_FILE = re.compile(r"(.+?)-\d")


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
        data = read_url(url, MAX_BYTES, digest_known=True)
        if data is not None and _sha256(data) == archive.sha256:
            keep(place, data)
            for above in (place.parent, place.parent.parent):
                above.chmod(0o755)
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
        yield f"{npm_registry()}/{name}/-/{urllib.parse.quote(file)}"


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
        yield from (one.url for _, one in pypi_files(read_url, found[1]) if one.file == file)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
