"""Ask package registries where the source of a release stands, and check what they send.

PyPI and npm answer with addresses and digests; Debian's indexes list every source package with the
SHA-256 of its parts. What does not have the stated digest is not used. Nothing of a package is run.

Source: PEP 503 and PEP 691 (PyPI's index), npm registry API, Debian repository format.
"""

import base64
import binascii
import hashlib
import html
import json
import lzma
import os
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.versions import FINAL, highest, parse_version
from clearhouse.formats.purl import Purl

MAX_INDEX_BYTES = 64 << 20
_LINK = re.compile(r'<a\s[^>]{0,2000}?href="([^"]{1,1000})"', re.IGNORECASE)
SDIST = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
_DEBIAN_MIRROR = "https://deb.debian.org/debian"
_DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SUITES = (
    ("debian", "stable"),
    ("debian", "testing"),
    ("debian", "unstable"),
    ("debian", "oldstable"),
    ("debian-security", "stable-security"),
    ("debian-security", "oldstable-security"),
)
Get = Callable[[str, int], bytes | None]
"""Fetches an address with a limit in bytes; None when it is not to be had."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One archive of a release."""

    file: str
    url: str
    algorithm: str
    """`sha256`, `sha512`, or `sha1` for npm's oldest packages."""
    digest: str
    """Hexadecimal, lower case."""

    def is_genuine(self, data: bytes) -> bool:
        """Say whether bytes have the stated digest."""
        return hashlib.new(self.algorithm, data).hexdigest() == self.digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Where the source of one version stands."""

    version: str
    parts: tuple[Part, ...]
    """The archives that make it up together."""


def locate(get: Get, target: Purl, version: str | None) -> Release:
    """Return the archives of a release; the newest one when no version is given.

    Raises: BuildError when the registry does not have it or its kind is not read.
    """
    finders = {"pypi": _pypi, "npm": _npm, "deb": _debian}
    finder = finders.get(target.type)
    if finder is None:
        raise BuildError(f"the source of packages of type {target.type} is not fetched yet")
    found = finder(get, target, version)
    if found is None or not found.parts:
        wanted = "this package" if version is None else "this version"
        raise BuildError(f"the registry has no source of {wanted}")
    return found


def _pypi(get: Get, target: Purl, version: str | None) -> Release | None:
    """Take the source distribution and one wheel, which has what builds generate."""
    files: dict[str, list[Part]] = {}
    for stated, part in pypi_files(get, target.name):
        files.setdefault(stated, []).append(part)
    wanted = _same_version(version, files) if version is not None else _last(files)
    if wanted is None:
        return None
    source = [one for one in files[wanted] if one.file.endswith(SDIST)][:1]
    wheels = [one for one in files[wanted] if one.file.endswith(".whl")]
    pure = [one for one in wheels if "none-any" in one.file] or wheels
    return Release(version=wanted, parts=(*source, *pure[:1]))


def pypi_files(get: Get, project: str) -> Iterator[tuple[str, Part]]:
    """Give version and archive of every file that the index lists for a Python project."""
    name = re.sub(r"[-_.]+", "-", project).lower()
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    page = f"{index}/{name}/"
    for link in _LINK.findall((get(page, MAX_INDEX_BYTES) or b"").decode("utf-8", "replace")):
        part = _pypi_part(page, html.unescape(link))
        stated = None if part is None else _pypi_version(part.file, name)
        if part is not None and stated is not None:
            yield stated, part


def _pypi_part(page: str, link: str) -> Part | None:
    url, _, fragment = urllib.parse.urljoin(page, link).partition("#")
    if not fragment.startswith("sha256="):
        return None
    file = urllib.parse.unquote(url.rpartition("/")[2])
    return Part(file=file, url=url, algorithm="sha256", digest=fragment.removeprefix("sha256="))


def _pypi_version(file: str, name: str) -> str | None:
    """Read the version from the name of a file, or None when it is another kind of file."""
    if file.endswith(".whl"):
        return file.split("-")[1] if file.count("-") >= 4 else None
    stem = next((file.removesuffix(end) for end in SDIST if file.endswith(end)), None)
    if stem is None:
        return None
    for position in (found.start() for found in re.finditer("-", stem)):
        if re.sub(r"[-_.]+", "-", stem[:position]).lower() == name:
            return stem[position + 1 :]
    return None


def _same_version(version: str, files: dict[str, list[Part]]) -> str | None:
    """Return the registry's spelling of a version; None when it has no file of it."""
    wanted = parse_version("pypi", version)
    if version in files or wanted is None:
        return version if version in files else None
    return next((one for one in files if parse_version("pypi", one) == wanted), None)


def _last(files: dict[str, list[Part]]) -> str | None:
    """Return the newest version, pre-releases only when there is nothing else."""
    known = {parsed: one for one in files if (parsed := parse_version("pypi", one)) is not None}
    final = [parsed for parsed, one in known.items() if FINAL.fullmatch(one)]
    return known[highest(final or list(known))] if known else None


def _npm(get: Get, target: Purl, version: str | None) -> Release | None:
    name = "/".join(part for part in (target.namespace, target.name) if part)
    page = f"{npm_registry()}/{urllib.parse.quote(name, safe='@')}"
    about = _document(get(f"{page}/{urllib.parse.quote(version or 'latest')}", MAX_INDEX_BYTES))
    stated, dist = about.get("version"), about.get("dist")
    if not isinstance(stated, str) or not isinstance(dist, dict):
        return None
    url, part = dist.get("tarball"), _npm_digest(dist)
    if not isinstance(url, str) or part is None:
        return None
    file = url.rpartition("/")[2]
    return Release(
        version=stated, parts=(Part(file=file, url=url, algorithm=part[0], digest=part[1]),)
    )


def npm_registry() -> str:
    """Return the address of the npm registry that this machine uses."""
    return os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")


def _npm_digest(dist: dict[str, object]) -> tuple[str, str] | None:
    for word in str(dist.get("integrity", "")).split():
        algorithm, _, text = word.partition("-")
        if algorithm in {"sha256", "sha512"}:
            try:
                return algorithm, base64.b64decode(text, validate=True).hex()
            except binascii.Error:
                return None
    shasum = dist.get("shasum")
    return ("sha1", shasum) if isinstance(shasum, str) else None


def _document(data: bytes | None) -> dict[str, object]:
    try:
        document = json.loads(data or b"null")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", document) if isinstance(document, dict) else {}


def _debian(get: Get, target: Purl, version: str | None) -> Release | None:
    """Look a source package up in the suites, by its full version or by the upstream's."""
    mirror = os.environ.get("CLEARHOUSE_DEBIAN_MIRROR", _DEBIAN_MIRROR).rstrip("/")
    best: tuple[bool, Release] | None = None
    for archive, suite in _SUITES:
        base = mirror if archive == "debian" else f"{mirror.removesuffix('/debian')}/{archive}"
        for found in _suite(get, base, suite).get(target.name, ()):
            if version in {None, found.version}:
                return found
            if _upstream(found.version) == version and best is None:
                best = False, found
    return None if best is None else best[1]


def _upstream(version: str) -> str:
    return version.rpartition(":")[2].rpartition("-")[0].split("+")[0]


def _suite(get: Get, base: str, suite: str) -> dict[str, list[Release]]:
    """Return a suite's source packages.

    Raises: BuildError when its index is not the one that the archive signed.
    """
    signed = get(f"{base}/dists/{suite}/InRelease", MAX_INDEX_BYTES)
    packed = get(f"{base}/dists/{suite}/main/source/Sources.xz", MAX_INDEX_BYTES)
    if signed is None or packed is None:
        return {}
    return _sources(base, signed, packed)


@lru_cache(maxsize=len(_SUITES))
def _sources(base: str, signed: bytes, packed: bytes) -> dict[str, list[Release]]:
    _check_signature(signed)
    stated = re.search(rb"^SHA256:\n(?: .*\n)*? ([0-9a-f]{64}) +\d+ main/source/Sources\.xz$",
                       signed, re.MULTILINE)  # fmt: skip
    if stated is None or hashlib.sha256(packed).hexdigest().encode() != stated[1]:
        raise BuildError("the Debian index is not the one that the archive signed")
    text = lzma.decompress(packed, memlimit=MAX_INDEX_BYTES * 4).decode("utf-8", "replace")
    found: dict[str, list[Release]] = {}
    for paragraph in text.split("\n\n"):
        name = re.search(r"^Package: (\S+)$", paragraph, re.MULTILINE)
        if name is not None:
            found.setdefault(name[1], []).append(_debian_release(base, paragraph))
    return found


def _check_signature(signed: bytes) -> None:
    """Check the archive's signature where this machine has the means; TLS stands in elsewhere.

    Raises: BuildError.
    """
    program = shutil.which("gpgv")
    if program is None or not _DEBIAN_KEYS.is_file():
        return
    done = subprocess.run(  # noqa: S603  # fixed program; the text goes to its standard input
        [program, "--keyring", str(_DEBIAN_KEYS), "-"], input=signed, check=False,
        capture_output=True, timeout=60,
    )  # fmt: skip
    if done.returncode != 0:
        raise BuildError("the signature of the Debian index cannot be verified")


def _debian_release(base: str, paragraph: str) -> Release:
    version = re.search(r"^Version: (\S+)$", paragraph, re.MULTILINE)
    folder = re.search(r"^Directory: (\S+)$", paragraph, re.MULTILINE)
    listed = re.search(r"^Checksums-Sha256:\s*\n((?: .*\n?)+)", paragraph, re.MULTILINE)
    parts = []
    for line in (listed[1] if listed else "").splitlines():
        digest, _, file = line.split()
        if ".tar." in file and not file.endswith(".asc"):
            url = f"{base}/{folder[1] if folder else ''}/{urllib.parse.quote(file)}"
            parts.append(Part(file=file, url=url, algorithm="sha256", digest=digest))
    return Release(version=version[1] if version else "", parts=tuple(parts))
