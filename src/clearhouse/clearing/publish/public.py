"""Say what is public about a flaw: by its ids, or everything that is published about a package.

In: ids, or a package URL, local copies of public knowledge, and this house's advisories. Out: the
public records that match, those of this house first. What is not here is not known here; that says
nothing of the world, and nothing of what is under embargo anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.deconflict.reading import read_osv
from clearhouse.clearing.deconflict.record import KnownVulnerability
from clearhouse.clearing.publish import _store
from clearhouse.formats.purl import PurlError, identity
from clearhouse.kernel.store.database import Transaction


class NoPackageError(ValueError):
    """What was given for a package URL is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicRecord:
    """One public record of a flaw."""

    id: str
    aliases: tuple[str, ...]
    ours: bool
    """Whether this house published it."""
    published: datetime | None
    withdrawn: datetime | None
    affected: str | None
    """Affected versions of the package asked about, else of the first, as a vers range."""
    fixed: tuple[str, ...]
    summary: str
    """Words of whoever published it."""


def public_records(
    transaction: Transaction, known: Known, *, ids: Sequence[str] = (), purl: str | None = None
) -> tuple[PublicRecord, ...]:
    """Return the records that have one of these ids, or are about this package.

    Raises: NoPackageError.
    """
    package = _package(purl) if purl else None
    ours = _ours(transaction)
    wanted = {one.upper() for one in ids}

    def concerns(advisory_id: str, one: KnownVulnerability) -> bool:
        named = not wanted.isdisjoint(name.upper() for name in (advisory_id, *one.ids))
        return named or (package is not None and one.in_package(package) is not None)

    theirs = {
        record.id: record
        for record in (
            *(found for one in ids for found in known.records_of(one)),
            *(known.of_package(package) if package else ()),
        )
    }
    return (
        *(
            _record(one, package, ours=advisory_id)
            for advisory_id, one in ours
            if concerns(advisory_id, one)
        ),
        *(_record(one, package) for one in sorted(theirs.values(), key=_age, reverse=True)),
    )


def _package(purl: str) -> str:
    try:
        return identity(purl)
    except PurlError as error:
        raise NoPackageError(f"not a package URL: {error}") from error


def _ours(transaction: Transaction) -> tuple[tuple[str, KnownVulnerability], ...]:
    found = _store.public(transaction, form="osv")
    return tuple((one.advisory_id, _read(one.bodies["osv"])) for one in found)


@lru_cache(maxsize=10_000)
def _read(osv: bytes) -> KnownVulnerability:
    return read_osv(osv.decode())


def _age(one: KnownVulnerability) -> tuple[float, str]:
    return (one.published.timestamp() if one.published else 0.0, one.id)


def _record(
    one: KnownVulnerability, package: str | None, *, ours: str | None = None
) -> PublicRecord:
    about = one.in_package(package) if package else None
    about = about or (one.packages[0] if one.packages else None)
    return PublicRecord(
        id=ours or one.id,
        aliases=one.ids[1:] if ours is None else one.ids,
        ours=ours is not None,
        published=one.published,
        withdrawn=one.withdrawn,
        affected=None if about is None else about.affected,
        fixed=() if about is None else about.fixed,
        summary=one.summary or "",
    )
