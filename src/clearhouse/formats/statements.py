"""What one published document says of one flaw, whatever its format, ready to be matched.

In: nothing; these are the nouns that the readers of OSV and CSAF documents make. Out: `Statement`s
with one `Claim` for each product. What a document says so that nobody can evaluate it stands in
`faults`, with its place, and never as "not affected".
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.formats.version_match import Covers


class Status(StrEnum):
    """What a document says of a product. Source: CSAF 2.0, section 3.2.3.9 (product_status)."""

    AFFECTED = "affected"
    FIXED = "fixed"
    NOT_AFFECTED = "not-affected"
    INVESTIGATING = "under-investigation"


class RemedyKind(StrEnum):
    """What can be done. Source: CSAF 2.0, section 3.2.3.12 (remediations)."""

    FIX = "fix"
    MITIGATION = "mitigation"
    WORKAROUND = "workaround"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One thing to do, in the document's words."""

    kind: RemedyKind
    text: str
    products: frozenset[str] = frozenset()
    """Product ids that it is for; empty for all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What the document says of some versions of one package or product."""

    key: str
    """As `package_key` gives it."""
    status: Status
    covers: Covers
    place: str
    """Where in the document."""
    scheme: str | None = None
    release: str | None = None
    """Release of a distribution, as in `12` of `Debian:12`."""
    fixes: tuple[str, ...] = ()
    product: str | None = None
    """Product id, for remedies."""
    whole: bool = True
    """Whether a version outside is thereby out of it. A list of products says nothing of others."""
    within: str | None = None
    """The platform that the claim holds on, where it holds on one only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One document's word on one flaw: who is meant, and which versions."""

    id: str
    document: str
    """Id of the document; OSV has one flaw in each, CSAF several."""
    form: str
    aliases: tuple[str, ...]
    upstream: tuple[str, ...] = ()
    withdrawn: datetime | None = None
    by_vendor: bool = False
    """Whether the product's own vendor is speaking, who owns the verdict."""
    claims: tuple[Claim, ...] = ()
    faults: tuple[str, ...] = ()
    """Places and reasons of what cannot be evaluated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """The rest of what a document says of a flaw; most flaws concern nobody, and are not asked."""

    title: str | None
    published: datetime | None
    vectors: tuple[str, ...]
    cwes: tuple[str, ...]
    remedies: tuple[Remedy, ...]
    links: tuple[str, ...]
    exploited: bool = False
    demonstrated: bool = False
    """Whether it links to a public demonstration."""
