"""What package registries know of the people behind a package.

In: the JSON that PyPI or npm gives about one package. Out: its repository and home page, and the
addresses that it names for security, for faults and of its people. Refused with `RegistryError`:
what is not the JSON of a package. Addresses of people are a last choice: nobody there promised to
read.
Source: PyPI JSON API; npm registry API, package metadata.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import getaddresses

MOST_BYTES = 32 * 1024 * 1024
"""The npm document of an old package lists every version."""


class RegistryError(ValueError):
    """The bytes are no package of this registry; the message never repeats them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryPeople:
    """What the registry says."""

    security: tuple[str, ...]
    """Addresses that the package itself calls those for security."""
    repository: str | None
    """HTTPS, without a suffix."""
    home_page: str | None
    faults: tuple[str, ...]
    people: tuple[str, ...]
    """E-mail addresses."""


def parse_pypi(data: bytes) -> RegistryPeople:
    """Read `https://pypi.org/pypi/NAME/json`.

    Raises: RegistryError.
    """
    info = _mapping(_json(data), "info")
    links = {
        str(name).lower(): url
        for name, url in _mapping(info, "project_urls", empty=True).items()
        if isinstance(url, str)
    }
    named = [url for name, url in links.items() if "secur" in name or "vulnerab" in name]
    home = info.get("home_page")
    places = [url for name, url in links.items() if re.search("repo|source|code|git", name)]
    return RegistryPeople(
        security=tuple(named),
        repository=_repository([*places, *links.values(), str(home or "")]),
        home_page=next(
            (url for name, url in links.items() if "home" in name),
            home if isinstance(home, str) and home else None,
        ),
        faults=tuple(url for name, url in links.items() if re.search("issue|bug|track", name)),
        people=_addresses(info.get("maintainer_email"), info.get("author_email")),
    )


def parse_npm(data: bytes) -> RegistryPeople:
    """Read `https://registry.npmjs.org/NAME`.

    Raises: RegistryError.
    """
    document = _json(data)
    if not isinstance(document.get("name"), str):
        raise RegistryError("not the metadata of an npm package")
    place = document.get("repository")
    address = place.get("url") if isinstance(place, Mapping) else place
    bugs = _mapping(document, "bugs", empty=True)
    maintainers = document.get("maintainers")
    listed = maintainers if isinstance(maintainers, list) else []
    home = document.get("homepage")
    return RegistryPeople(
        security=(),
        repository=_repository([str(address or "")]),
        home_page=home if isinstance(home, str) and home else None,
        faults=tuple(one for one in (bugs.get("email"), bugs.get("url")) if isinstance(one, str)),
        people=_addresses(*(one.get("email") for one in listed if isinstance(one, Mapping))),
    )


def _json(data: bytes) -> Mapping[str, object]:
    if len(data) > MOST_BYTES:
        raise RegistryError("larger than the metadata of a package can be")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RegistryError("not JSON") from error
    if not isinstance(document, Mapping):
        raise RegistryError("not the metadata of a package")
    return document


def _mapping(
    document: Mapping[str, object], name: str, *, empty: bool = False
) -> Mapping[str, object]:
    found = document.get(name)
    if isinstance(found, Mapping):
        return found
    if empty:
        return {}
    raise RegistryError("not the metadata of a package")


_FORGE = re.compile(r"(?:git\+)?(?:https?|git|ssh)://(?:git@)?"
                    r"(github\.com|gitlab\.com|codeberg\.org)/([\w.-]+)/([\w.-]+)")  # fmt: skip
_SHORT = re.compile(r"(?:github:)?([\w.-]+)/([\w.-]+)")


def _repository(addresses: Iterable[str]) -> str | None:
    """Return the first address of a repository at a forge, written in one way."""
    for address in addresses:
        found = _FORGE.match(address)
        if found:
            return f"https://{found[1]}/{found[2]}/{found[3].removesuffix('.git')}"
        short = _SHORT.fullmatch(address)
        if short:
            return f"https://github.com/{short[1]}/{short[2]}"
    return None


def _addresses(*fields: object) -> tuple[str, ...]:
    texts = [one for one in fields if isinstance(one, str) and len(one) < 2000]
    return tuple(dict.fromkeys(address for _, address in getaddresses(texts) if "@" in address))
