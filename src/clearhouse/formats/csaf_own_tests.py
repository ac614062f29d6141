"""Tests of CSAF where the library that we judge with is wrong, by number.

In: a parsed CSAF 2.1 document. Out: the faults of one test. `ADDED` tests find what the library
misses; `INSTEAD` tests answer in its place. Each says which document of the official corpus shows
the difference. Refused: nothing here raises.
Source: OASIS, Common Security Advisory Framework Version 2.1, section 6.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from clearhouse.formats import purl as purls
from clearhouse.formats.fault import Fault, at, instant_of
from clearhouse.formats.strict_json import Json, walk

Test = Callable[[Mapping[str, Json]], Iterator[Fault]]
_CONSTRAINT: Final = re.compile(r"(?:>=|<=|!=|<|>)?[^<>=!*|\s/?#]+")
_VERS: Final = re.compile(r"vers:([a-z][a-z0-9.-]*)/(.+)")
_SCHEMES: Final = frozenset(
    {"alpine", "alpm", "apache", "apk", "arch", "cargo", "composer", "conan", "cpan", "datetime"}
    | {"deb", "ebuild", "gem", "generic", "gentoo", "github", "golang", "hex", "intdot", "all"}
    | {"lexicographic", "mattermost", "maven", "mozilla", "nginx", "none", "npm", "nuget"}
    | {"openssl", "pypi", "rpm", "semver"}
)
"""Version schemes that the VERS specification registers."""


def one_score(document: Mapping[str, Json]) -> Iterator[Fault]:
    """6.1.7: one score of a CVSS version for a product from one source (…-6-1-07-18)."""
    for place, metrics in _named(document, "metrics"):
        seen: set[tuple[Json, ...]] = set()
        for index, metric in enumerate(metrics if isinstance(metrics, list) else []):
            if not isinstance(metric, dict):
                continue
            for key in _scored(metric):
                if key in seen:
                    reason = f"{key[1]} has more than one {key[2]} score of one source"
                    yield _fault("6.1.7", at(place, index), reason)
                seen.add(key)


def _scored(metric: dict[str, Json]) -> Iterator[tuple[Json, ...]]:
    content, products = metric.get("content"), metric.get("products")
    for name, score in (content if isinstance(content, dict) else {}).items():
        if name.startswith("cvss_") and isinstance(score, dict):
            for product in products if isinstance(products, list) else []:
                yield (str(metric.get("source")), product, f"CVSS {score.get('version')}")


def package_urls(document: Mapping[str, Json]) -> Iterator[Fault]:
    """6.1.13: a package URL keeps the rules of its type (…-6-1-13-02)."""
    for place, found in _named(document, "purls"):
        for index, text in enumerate(found if isinstance(found, list) else []):
            try:
                purls.parse(str(text))
            except purls.PurlError as error:
                yield _fault("6.1.13", at(place, index), str(error))


def newest_version(document: Mapping[str, Json]) -> Iterator[Fault]:
    """6.1.16: the version is that of the latest instant, whatever its zone (…-6-1-16-09)."""
    head = document.get("document")
    tracking = head.get("tracking") if isinstance(head, dict) else None
    history = tracking.get("revision_history") if isinstance(tracking, dict) else None
    if not isinstance(tracking, dict) or not isinstance(history, list):
        return
    dated = [
        (found, str(one.get("number")))
        for one in history
        if isinstance(one, dict) and (found := instant_of(one.get("date"))) is not None
    ]
    latest = max((at for at, _ in dated), default=None)
    numbers = {number for at, number in dated if at == latest}
    plain = {_plain(number) for number in numbers}
    if numbers and _plain(str(tracking.get("version"))) not in plain:
        yield _fault("6.1.16", "/document/tracking/version", "is not that of the newest revision")


def _plain(number: str) -> str:
    """Return a version without build metadata and, as drafts may write it, without pre-release."""
    return number.partition("+")[0].partition("-")[0]


def ssvc_namespaces(document: Mapping[str, Json]) -> Iterator[Fault]:
    """6.1.48: the namespace `invalid` is reserved and never used (…-6-1-48-21)."""
    for place, namespace in _named(document, "namespace"):
        if namespace == "invalid" and "/ssvc_v2/" in place:
            yield _fault("6.1.48", place, "is a namespace that is reserved against use")


def version_ranges(document: Mapping[str, Json]) -> Iterator[Fault]:
    """6.1.50: a version range follows the grammar of VERS (…-6-1-50-03, -06)."""
    for place, text in _ranges(document):
        found = _VERS.fullmatch(text)
        if found is None:
            continue
        scheme, constraints = found[1], found[2]
        if scheme in {"all", "none"}:
            sound = constraints == "*"
        else:
            parts = constraints.split("|")
            sound = constraints == "*" or all(map(_CONSTRAINT.fullmatch, parts))
        if not sound:
            yield _fault("6.1.50", place, "is no range in the grammar of VERS")


def known_schemes(document: Mapping[str, Json]) -> Iterator[Fault]:
    """6.2.51: a version range is in a scheme that VERS registers (…-6-2-51-12)."""
    for place, text in _ranges(document):
        found = _VERS.fullmatch(text)
        if found is not None and found[1] not in _SCHEMES:
            yield _fault("6.2.51", place, "is in a scheme that VERS does not register")


def _ranges(document: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for place, value in walk(dict(document)):
        if isinstance(value, dict) and value.get("category") == "product_version_range":
            yield at(place, "name"), str(value.get("name"))


def _named(document: Mapping[str, Json], name: str) -> Iterator[tuple[str, Json]]:
    for place, value in walk(dict(document)):
        if place.endswith(f"/{name}"):
            yield place, value


def _fault(test: str, place: str, reason: str) -> Fault:
    return Fault(place=place, reason=reason, rule=f"csaf {test}")


ADDED: Final[dict[str, Test]] = {
    "6.1.13": package_urls,
    "6.1.16": newest_version,
    "6.1.48": ssvc_namespaces,
    "6.1.50": version_ranges,
}
INSTEAD: Final[dict[str, Test]] = {"6.1.7": one_score, "6.2.51": known_schemes}
