"""Who is to be told of a flaw in a package, from what several places say.

In: documents, each with the kind of place it came from, and the instant. Out: contacts, the most
credible first, each with every place that named it. Refused: nothing; a document that cannot be
read is named with its reason and gives no contact. A security.txt that has expired counts for less,
and a project that says it accepts no reports is shown as saying so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import yaml

from clearhouse.clearing.coordinate.contact_policy import Confidence, ContactPolicy, Source
from clearhouse.formats import (
    purl,
    registry_people,
    security_insights,
    security_policy,
    security_txt,
)
from clearhouse.formats.registry_people import RegistryError, RegistryPeople
from clearhouse.formats.security_insights import SecurityInsightsError
from clearhouse.formats.security_txt import SecurityTxtError


class Kind(StrEnum):
    """What sort of document it is."""

    DIRECTORY = "directory"
    SECURITY_INSIGHTS = "security-insights"
    SECURITY_TXT = "security-txt"
    SECURITY_MD = "security-md"
    PYPI = "pypi"
    NPM = "npm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """Something that may name a contact."""

    kind: Kind
    where: str
    """The address or the file that it was read from."""
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """One place that named a contact."""

    source: Source
    where: str
    note: str | None = None
    """What speaks against it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """An address for reports, and who says so."""

    address: str
    """An e-mail address, or a web address of a form."""
    confidence: Confidence
    named_by: tuple[Named, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A document that named nobody, and why."""

    where: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """What is known of whom to tell."""

    contacts: tuple[Contact, ...]
    """The most credible first."""
    unread: tuple[Unread, ...]
    policy: str


def resolve(
    package: str, documents: Iterable[Document], rules: ContactPolicy, at: datetime
) -> Resolved:
    """Return whom to tell of a flaw in a package, and what could not be read.

    Raises: PurlError when the package URL cannot be read.
    """
    identity = purl.identity(package)
    found: dict[str, list[Named]] = {}
    unread = []
    for one in documents:
        try:
            named = list(_named(identity, one, at))
        except (
            SecurityTxtError, SecurityInsightsError, RegistryError, DirectoryError
        ) as error:  # fmt: skip
            unread.append(Unread(where=one.where, reason=str(error)))
            continue
        if not named:
            unread.append(Unread(where=one.where, reason="it names nobody for reports"))
        for address, who in named:
            found.setdefault(_plain(address), []).append(who)
    contacts = [_contact(address, names, rules) for address, names in found.items()]
    order = list(Confidence)
    contacts.sort(
        key=lambda one: (
            order.index(one.confidence),
            min(rules.place(named.source) for named in one.named_by),
        )
    )
    return Resolved(contacts=tuple(contacts), unread=tuple(unread), policy=rules.name)


class DirectoryError(ValueError):
    """The directory file is malformed; the message names the rule."""


def _contact(address: str, names: list[Named], rules: ContactPolicy) -> Contact:
    order = list(Confidence)
    levels = [
        min(order.index(rules.confidence(one.source)) + (one.note is not None), len(order) - 1)
        for one in names
    ]
    # Two places that do not know of each other are better than either.
    agreed = len({one.source for one in names}) > 1
    return Contact(
        address=address,
        confidence=order[max(0, min(levels) - agreed)],
        named_by=tuple(sorted(names, key=lambda one: rules.place(one.source))),
    )


def _named(identity: str, one: Document, at: datetime) -> Iterator[tuple[str, Named]]:
    if one.kind is Kind.DIRECTORY:
        for address in _directory(identity, one.content):
            yield address, Named(source=Source.DIRECTORY, where=one.where)
    elif one.kind is Kind.SECURITY_TXT:
        yield from _security_txt(one, at)
    elif one.kind is Kind.SECURITY_INSIGHTS:
        yield from _insights(one)
    elif one.kind is Kind.SECURITY_MD:
        for address in security_policy.contacts(one.content.decode("utf-8", "replace"))[:5]:
            yield address, Named(source=Source.SECURITY_MD, where=one.where)
    else:
        yield from _registry(people_of(one), one.where)


def people_of(one: Document) -> RegistryPeople:
    """Return what a registry's document says.

    Raises: RegistryError.
    """
    read = registry_people.parse_pypi if one.kind is Kind.PYPI else registry_people.parse_npm
    return read(one.content)


def _security_txt(one: Document, at: datetime) -> Iterator[tuple[str, Named]]:
    file = security_txt.parse(one.content)
    note = None
    if file.expires is None:
        note = "it does not say until when it holds"
    elif file.expires <= at:
        note = f"it expired on {file.expires:%Y-%m-%d}"
    for contact in file.contacts:
        yield contact, Named(source=Source.SECURITY_TXT, where=one.where, note=note)


def _insights(one: Document) -> Iterator[tuple[str, Named]]:
    insights = security_insights.parse(one.content)
    note = (
        "the project says that it accepts no reports" if insights.accepts_reports is False else None
    )
    for contact in insights.contacts:
        yield contact, Named(source=Source.SECURITY_INSIGHTS, where=one.where, note=note)


def _registry(people: RegistryPeople, where: str) -> Iterator[tuple[str, Named]]:
    for source, addresses in (
        (Source.REGISTRY_SECURITY, people.security),
        (Source.REGISTRY_FAULTS, people.faults),
        (Source.REGISTRY_PEOPLE, people.people),
    ):
        note = "open to the public" if source is Source.REGISTRY_FAULTS else None
        for address in addresses[:5]:
            public = note if "@" not in address else None
            yield address, Named(source=source, where=where, note=public)


def _directory(identity: str, content: bytes) -> Iterator[str]:
    """Yield the contacts of the most special entry: a package before its namespace before its type.

    The file is a list of entries with `purl` (a beginning of a package URL) and `contact`.
    """
    try:
        entries = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DirectoryError("the directory is not YAML") from error
    if not isinstance(entries, list):
        raise DirectoryError("the directory is not a list of entries")
    best: list[str] = []
    longest = 0
    for entry in entries:
        if not isinstance(entry, Mapping) or not {"purl", "contact"} <= entry.keys():
            raise DirectoryError("an entry of the directory needs a purl and a contact")
        beginning = str(entry["purl"]).rstrip("/")
        within = identity == beginning or identity.startswith(f"{beginning}/")
        if within and len(beginning) >= longest:
            best = [*(best if len(beginning) == longest else []), str(entry["contact"])]
            longest = len(beginning)
    yield from best


def _plain(address: str) -> str:
    """Write an address in one way: e-mail without its scheme, in the case of its domain."""
    bare = address.removeprefix("mailto:").strip()
    if "@" in bare and not bare.startswith("http"):
        local, _, domain = bare.rpartition("@")
        return f"{local}@{domain.lower()}"
    return bare
