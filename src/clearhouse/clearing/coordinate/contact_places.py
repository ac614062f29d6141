"""Looks for security contacts of a package where they are usually said.

In: a package URL and a way to read addresses. Out: the documents that are there. Refused: addresses
that are not HTTPS, that lead to this machine or into a private network, redirects to such, and what
is too large; each counts as absent. What a registry says of a package is a stranger's word, so an
address from it gets none of the trust that the registries' own have.
Looking tells the places asked that somebody looks for whoever answers for this package, and nothing
of why.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from clearhouse.clearing.coordinate.contacts import Document, Kind, people_of
from clearhouse.formats import purl
from clearhouse.formats.registry_people import RegistryError

Get = Callable[[str], bytes | None]
"""Returns what stands at an address, None when nothing does."""
PYPI, NPM = "https://pypi.org", "https://registry.npmjs.org"
_RAW = {
    "github.com": "https://raw.githubusercontent.com/{place}/HEAD/{file}",
    "gitlab.com": "https://gitlab.com/{place}/-/raw/HEAD/{file}",
    "codeberg.org": "https://codeberg.org/{place}/raw/HEAD/{file}",
}
_FILES = (
    (Kind.SECURITY_INSIGHTS, "SECURITY-INSIGHTS.yml"),
    (Kind.SECURITY_INSIGHTS, ".github/SECURITY-INSIGHTS.yml"),
    (Kind.SECURITY_MD, "SECURITY.md"),
    (Kind.SECURITY_MD, ".github/SECURITY.md"),
    (Kind.SECURITY_MD, "docs/SECURITY.md"),
)
_MOST_BYTES = 8 * 1024 * 1024
_TIMEOUT_S = 10.0


def look_up(
    package: str, get: Get, *, pypi: str = PYPI, npm: str = NPM, folder: Path | None = None
) -> Iterator[Document]:
    """Yield every document about a package that there is; `folder` holds the directory file.

    Raises: PurlError when the package URL cannot be read.
    """
    target = purl.parse(package)
    directory = None if folder is None else folder / "contacts.yaml"
    if directory is not None and directory.is_file():
        content = directory.read_bytes()
        yield Document(kind=Kind.DIRECTORY, where=directory.name, content=content)
    registry = _registry(target, get, pypi, npm)
    repository = home = None
    if registry is not None:
        yield registry
        try:
            people = people_of(registry)
        except RegistryError:
            return  # whoever reads the document says what is wrong with it
        repository, home = people.repository, people.home_page
    if target.type == "github" and target.namespace:
        repository = f"https://github.com/{target.namespace}/{target.name}"
    yield from _of_repository(repository, get)
    yield from _of_site(home, get)


def _registry(target: purl.Purl, get: Get, pypi: str, npm: str) -> Document | None:
    if target.type == "pypi":
        where, kind = f"{pypi}/pypi/{quote(target.name, safe='')}/json", Kind.PYPI
    elif target.type == "npm":
        name = f"{target.namespace}/{target.name}" if target.namespace else target.name
        where, kind = f"{npm}/{quote(name, safe='@')}", Kind.NPM
    else:
        return None
    content = get(where)
    return None if content is None else Document(kind=kind, where=where, content=content)


def _of_repository(repository: str | None, get: Get) -> Iterator[Document]:
    parts = urlsplit(repository or "")
    raw = _RAW.get(parts.hostname or "")
    if raw is None:
        return
    found: set[Kind] = set()
    for kind, file in _FILES:
        where = raw.format(place=parts.path.strip("/"), file=file)
        content = None if kind in found else get(where)
        if content is not None:
            found.add(kind)
            yield Document(kind=kind, where=where, content=content)


def _of_site(home: str | None, get: Get) -> Iterator[Document]:
    parts = urlsplit(home or "")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.hostname in _RAW:
        return
    where = f"https://{parts.hostname}/.well-known/security.txt"
    content = get(where)
    if content is not None:
        yield Document(kind=Kind.SECURITY_TXT, where=where, content=content)


def read_public(address: str) -> bytes | None:
    """Return what stands at a public HTTPS address, None when nothing does or it is none.

    The name is resolved once, and the connection goes to the address that was looked at.
    """
    parts = urlsplit(address)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.username
        or parts.port not in {None, 443}
    ):
        return None
    try:
        numbers = {str(one[4][0]) for one in socket.getaddrinfo(parts.hostname, 443)}
        if not numbers or not all(_is_public(one) for one in numbers):
            return None
        return _read(parts.hostname, min(numbers), parts.path or "/")
    except (OSError, http.client.HTTPException, UnicodeError, ValueError):
        return None


def _is_public(number: str) -> bool:
    return ipaddress.ip_address(number).is_global


def _read(host: str, number: str, path: str) -> bytes | None:
    connection = _Pinned(host, number)
    try:
        connection.request("GET", path, headers={"Accept": "*/*", "User-Agent": "clearhouse"})
        answer = connection.getresponse()
        data = answer.read(_MOST_BYTES + 1)
        return data if answer.status == 200 and len(data) <= _MOST_BYTES else None  # RFC 9110 §15.3
    finally:
        connection.close()


class _Pinned(http.client.HTTPSConnection):
    """A connection to a number that was looked at; the certificate must have the name."""

    def __init__(self, host: str, number: str) -> None:
        self._secure = ssl.create_default_context()
        super().__init__(host, timeout=_TIMEOUT_S, context=self._secure)
        self._number = number

    def connect(self) -> None:
        """Connect to the number, and demand the name."""
        plain = socket.create_connection((self._number, 443), _TIMEOUT_S)
        self.sock = self._secure.wrap_socket(plain, server_hostname=self.host)
