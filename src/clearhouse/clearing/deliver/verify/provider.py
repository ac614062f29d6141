"""Check a CSAF provider against the standard's requirements, each by its number.

In: the place of a provider: an address, or a folder before it is uploaded. Out: requirements 1 to
20, each met, failed, not needed or not checked, with every reason. Refused: nothing.

A trusted provider needs 1 to 7, one of 8 to 10, 11 to 14 or 15 to 17, and 18 to 20. What a folder
cannot show (TLS, redirects) is not checked there.
Source: CSAF 2.0 §7.1 (requirements), §7.2.3 (trusted provider), §5.1 (file names).
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import pysequoia

from clearhouse.clearing.deliver.verify.places import Place, PlaceError
from clearhouse.clearing.deliver.verify.record import REQUIREMENTS, Outcome, Requirement
from clearhouse.clearing.deliver.watch.fetching import is_address

METADATA: Final = ".well-known/csaf/provider-metadata.json"
_WHITE, _CLOSED = "WHITE", {"AMBER", "RED"}
_FINDABLE: Final = (8, 9, 10)
_BY_FOLDER: Final = (11, 12, 13, 14)
_BY_ROLIE: Final = (15, 16, 17)
_NEEDED: Final = {
    "canonical_url", "last_updated", "list_on_CSAF_aggregators", "metadata_version",
    "mirror_on_CSAF_aggregators", "publisher", "role",
}  # fmt: skip
_ENTRY: Final = {"id", "title", "link", "published", "updated", "content", "format"}
_CATEGORY: Final = {"scheme": "urn:ietf:params:rolie:category:information-type", "term": "csaf"}
_UNNAMEABLE: Final = re.compile(r"[^+\-a-z0-9]+")


@dataclass
class _Provider:
    """What of a provider was read, each file once."""

    place: Place
    unreachable: list[str] = field(default_factory=list)
    """Answers that were none, such as redirects."""

    def get(self, path: str) -> bytes | None:
        try:
            return self.place.get(path)
        except PlaceError as error:
            self.unreachable.append(str(error))
            return None

    def text(self, path: str) -> str:
        return (self.get(path) or b"").decode("utf-8", "replace")

    def document(self, path: str) -> dict[str, Any]:
        """Return a JSON object, an empty one when there is none."""
        try:
            value = json.loads(self.get(path) or b"null")
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return self.document(METADATA)

    @cached_property
    def base(self) -> str:
        return str(self.metadata.get("canonical_url", "")).removesuffix(f"/{METADATA}")

    def below(self, address: object) -> str:
        """Return an address of the metadata as a path below the place; "" for one elsewhere."""
        text = str(address)
        return text.removeprefix(f"{self.base}/") if text.startswith(f"{self.base}/") else ""

    @cached_property
    def distributions(self) -> list[dict[str, Any]]:
        found = self.metadata.get("distributions", [])
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @cached_property
    def folders(self) -> list[str]:
        return [
            path
            for one in self.distributions
            if "directory_url" in one and (path := self.below(one["directory_url"]))
        ]

    def rolie(self, what: str) -> list[str]:
        """Return the paths of feeds, services or categories."""
        return [
            self.below(each["url"] if isinstance(each, dict) else each)
            for one in self.distributions
            for each in one.get("rolie", {}).get(what, [])
        ]

    @cached_property
    def entries(self) -> list[tuple[str, dict[str, Any]]]:
        """Every entry of every ROLIE feed, with the path of its document."""
        return [
            (self.below(entry.get("content", {}).get("src")), entry)
            for path in self.rolie("feeds")
            for entry in self.document(path).get("feed", {}).get("entry", [])
            if isinstance(entry, dict)
        ]

    @cached_property
    def listed(self) -> list[tuple[str, str]]:
        """The paths that `index.txt` names, each with its folder."""
        return [
            (folder, f"{folder}{line}")
            for folder in self.folders
            for line in self.text(f"{folder}index.txt").splitlines()
            if line
        ]

    @cached_property
    def paths(self) -> list[str]:
        """Every document that is named anywhere."""
        named = [path for path, _ in self.entries] + [path for _, path in self.listed]
        return list(dict.fromkeys(path for path in named if path))

    @cached_property
    def bodies(self) -> dict[str, bytes | None]:
        return {path: self.get(path) for path in self.paths}

    @cached_property
    def parsed(self) -> dict[str, dict[str, Any]]:
        found = {}
        for path, body in self.bodies.items():
            try:
                value = json.loads(body or b"null")
            except (ValueError, RecursionError):
                value = None
            found[path] = value if isinstance(value, dict) else {}
        return found

    def tracking(self, path: str) -> dict[str, Any]:
        found = self.parsed[path].get("document", {}).get("tracking", {})
        return found if isinstance(found, dict) else {}

    @cached_property
    def certificates(self) -> list[pysequoia.Cert]:
        found = []
        for one in self.metadata.get("public_openpgp_keys", []):
            try:
                found.append(pysequoia.Cert.from_bytes(self.get(self.below(one.get("url"))) or b""))
            except RuntimeError:
                continue  # requirement 20 says so
        return found


def check_provider(place: Place) -> tuple[Requirement, ...]:
    """Return how each requirement is met."""
    provider = _Provider(place)
    said = {number: list(check(provider)) for number, check in _CHECKS.items()}
    said[6] = [one for one in provider.unreachable if "redirects" in one]
    said[7] += [one for one in provider.unreachable if "redirects" not in one]
    found = {number: _judged(reasons) for number, reasons in said.items()}
    on_disk = not is_address(place.name)
    if on_disk:
        for number in (3, 6):
            found[number] = (Outcome.NOT_CHECKED, ["a folder cannot show it; check the address"])
    found[10] = (Outcome.NOT_NEEDED, ["one of 8, 9 and 10 is enough; names are not looked up"])
    _relax(found, _FINDABLE)
    _relax_one_of(found, _BY_FOLDER, _BY_ROLIE)
    return tuple(
        Requirement(number=number, outcome=found[number][0], said=tuple(found[number][1]))
        for number in REQUIREMENTS
    )


_Found = dict[int, tuple[Outcome, list[str]]]


def _judged(reasons: list[str]) -> tuple[Outcome, list[str]]:
    return (Outcome.FAILED if reasons else Outcome.MET), reasons


def _relax(found: _Found, numbers: Iterable[int]) -> None:
    """Where one of several is enough, the others are not needed."""
    if any(found[number][0] is Outcome.MET for number in numbers):
        for number in numbers:
            if found[number][0] is Outcome.FAILED:
                found[number] = (Outcome.NOT_NEEDED, found[number][1])


def _relax_one_of(found: _Found, one: tuple[int, ...], other: tuple[int, ...]) -> None:
    for whole, left in ((one, other), (other, one)):
        if all(found[number][0] is Outcome.MET for number in whole):
            _relax(found, (whole[0], *left))


def _documents(provider: _Provider) -> Iterator[str]:
    if not provider.paths:
        yield "no document is named by a feed or an index"
    for path, body in provider.bodies.items():
        document = provider.parsed[path].get("document", {})
        if body is None:
            yield f"{path}: is named and not there"
        elif not {"category", "csaf_version", "publisher", "title", "tracking"} <= document.keys():
            yield f"{path} /document: is no CSAF document"
        elif document["csaf_version"] != "2.0":
            yield f"{path} /document/csaf_version: is {document['csaf_version']!r}, not 2.0"


def _names(provider: _Provider) -> Iterator[str]:
    for path in provider.paths:
        wanted = _UNNAMEABLE.sub("_", str(provider.tracking(path).get("id", "")).lower())
        if path.rpartition("/")[2] != f"{wanted}.json":
            yield f"{path}: should be named {wanted}.json"


def _tls(provider: _Provider) -> Iterator[str]:
    for name in (provider.place.name, provider.base):
        if is_address(name) and not name.lower().startswith("https://"):
            yield f"{name}: is not served over TLS"


def _label(provider: _Provider, path: str) -> str:
    distribution = provider.parsed[path].get("document", {}).get("distribution", {})
    return str(distribution.get("tlp", {}).get("label", ""))


def _white(provider: _Provider) -> Iterator[str]:
    for path, body in provider.bodies.items():
        if body is None and "white" in path:
            yield f"{path}: is TLP:WHITE and cannot be read by everybody"


def _closed(provider: _Provider) -> Iterator[str]:
    for path in provider.paths:
        if _label(provider, path) in _CLOSED:
            yield f"{path}: is TLP:{_label(provider, path)} and everybody can read it"


def _metadata(provider: _Provider) -> Iterator[str]:
    if not provider.metadata:
        yield f"{METADATA}: is missing or no JSON object"
        return
    for name in sorted(_NEEDED - provider.metadata.keys()):
        yield f"{METADATA} /{name}: is missing"
    if provider.metadata.get("role") != "csaf_trusted_provider":
        yield f"{METADATA} /role: is not csaf_trusted_provider"
    if not str(provider.metadata.get("canonical_url", "")).endswith("/provider-metadata.json"):
        yield f"{METADATA} /canonical_url: does not end in /provider-metadata.json"
    if is_address(provider.place.name) and provider.base != provider.place.name:
        yield f"{METADATA} /canonical_url: is of {provider.base}, not of {provider.place.name}"


def _security_txt(provider: _Provider) -> Iterator[str]:
    wanted = f"CSAF: {provider.metadata.get('canonical_url')}"
    if wanted not in provider.text(".well-known/security.txt").splitlines():
        yield f".well-known/security.txt: has no line {wanted!r}"


def _well_known(provider: _Provider) -> Iterator[str]:
    if not provider.metadata:
        yield f"{METADATA}: is not there"


def _years(provider: _Provider) -> Iterator[str]:
    yield from _has_folders(provider)
    for _, path in provider.listed:
        year = str(provider.tracking(path).get("initial_release_date", ""))[:4]
        if path.split("/")[-2:-1] != [year]:
            yield f"{path}: should be in a folder {year}"


def _index(provider: _Provider) -> Iterator[str]:
    yield from _has_folders(provider)
    listed, fed = {path for _, path in provider.listed}, {path for path, _ in provider.entries}
    if fed:
        yield from (f"index.txt: does not name {path}" for path in sorted(fed - listed))
    yield from (f"index.txt: names {one}, not there" for one in _lost(provider, sorted(listed)))


def _lost(provider: _Provider, paths: Iterable[str]) -> Iterator[str]:
    return (path for path in paths if provider.bodies.get(path) is None)


def _changes(provider: _Provider) -> Iterator[str]:
    yield from _has_folders(provider)
    for folder in provider.folders:
        rows = [
            line.replace('"', "").rpartition(",")
            for line in provider.text(f"{folder}changes.csv").splitlines()
        ]
        times = [at for _, _, at in rows]
        if times != sorted(times, reverse=True):
            yield f"{folder}changes.csv: is not in descending order of time"
        named = {f"{folder}{name}": at for name, _, at in rows}
        for own, path in provider.listed:
            if own == folder and named.get(path) != provider.tracking(path).get(
                "current_release_date"
            ):
                yield f"{folder}changes.csv: {path} is missing or has another time than it says"


def _listings(provider: _Provider) -> Iterator[str]:
    yield from _has_folders(provider)
    for folder in dict.fromkeys(path.rpartition("/")[0] for _, path in provider.listed):
        page = provider.text(f"{folder}/")
        for _, path in provider.listed:
            name = path.rpartition("/")[2]
            if path == f"{folder}/{name}" and f'"{name}"' not in page:
                yield f"{folder}/: the listing does not show {name}"


def _has_folders(provider: _Provider) -> Iterator[str]:
    if not provider.folders:
        yield f"{METADATA} /distributions: names no directory_url below its own address"


def _feeds(provider: _Provider) -> Iterator[str]:
    if not any(provider.rolie("feeds")):
        yield f"{METADATA} /distributions: names no ROLIE feed below its own address"
    for path in provider.rolie("feeds"):
        feed = provider.document(path).get("feed", {})
        for name in sorted({"id", "title", "link", "category", "updated", "entry"} - feed.keys()):
            yield f"{path} /feed/{name}: is missing"
        if _CATEGORY not in feed.get("category", []):
            yield f"{path} /feed/category: has not the information type csaf"
    for path, entry in provider.entries:
        for name in sorted(_ENTRY - entry.keys()):
            yield f"{path} entry {entry.get('id')!r}: has no {name}"
        wanted = provider.tracking(path) if path in provider.parsed else {}
        if (entry.get("id"), entry.get("updated")) != (
            wanted.get("id"), wanted.get("current_release_date"),
        ):  # fmt: skip
            yield f"{path}: the feed says another id or time than the document"


def _services(provider: _Provider) -> Iterator[str]:
    feeds = {f"{provider.base}/{path}" for path in provider.rolie("feeds")}
    found = set()
    for path in provider.rolie("services"):
        for workspace in provider.document(path).get("service", {}).get("workspace", []):
            found |= {one.get("href") for one in workspace.get("collection", [])}
    yield from (f"no service document names the feed {one}" for one in sorted(feeds - found))
    if not feeds:
        yield "there is no feed to be named"


def _categories(provider: _Provider) -> Iterator[str]:
    paths = provider.rolie("categories")
    if not any(paths):
        yield f"{METADATA} /distributions: names no category document below its own address"
    for path in paths:
        if not isinstance(provider.document(path).get("categories", {}).get("category"), list):
            yield f"{path} /categories/category: is missing"


def _integrity(provider: _Provider) -> Iterator[str]:
    for path, body in provider.bodies.items():
        for name in ("sha256", "sha512"):
            words = provider.text(f"{path}.{name}").split()
            if words != [hashlib.new(name, body or b"").hexdigest(), path.rpartition("/")[2]]:
                yield f"{path}.{name}: is missing, or of other bytes or another name"


def _signatures(provider: _Provider) -> Iterator[str]:
    for path, body in provider.bodies.items():
        if not _signed(provider, body or b"", provider.get(f"{path}.asc") or b""):
            yield f"{path}.asc: is missing, or no listed key signed these bytes"


def _signed(provider: _Provider, body: bytes, signature: bytes) -> bool:
    try:
        found = pysequoia.verify(
            bytes=body,
            store=lambda _: provider.certificates,
            signature=pysequoia.Sig.from_bytes(signature),
        )
    except RuntimeError:
        return False
    return bool(found.valid_sigs)


def _keys(provider: _Provider) -> Iterator[str]:
    listed = provider.metadata.get("public_openpgp_keys", [])
    if not listed:
        yield f"{METADATA} /public_openpgp_keys: is missing"
    have = {one.fingerprint.upper() for one in provider.certificates}
    for one in listed:
        if str(one.get("fingerprint", "")).upper() not in have:
            yield f"{one.get('url')}: is not there, or has another fingerprint"


def _nothing(_: _Provider) -> Iterator[str]:
    yield from ()


_CHECKS: Final[Mapping[int, Callable[[_Provider], Iterator[str]]]] = {
    1: _documents, 2: _names, 3: _tls, 4: _white, 5: _closed, 6: _nothing, 7: _metadata,
    8: _security_txt, 9: _well_known, 10: _nothing, 11: _years, 12: _index, 13: _changes,
    14: _listings, 15: _feeds, 16: _services, 17: _categories, 18: _integrity, 19: _signatures,
    20: _keys,
}  # fmt: skip
