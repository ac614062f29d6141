"""The nouns of deconflict: what the world has published about a package."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AffectedPackage:
    """One package that a published vulnerability affects."""

    purl: str
    """Canonical package URL without a version."""
    affected: str | None
    """Affected versions as a vers range; None when the document names none that can be read."""
    fixed: tuple[str, ...] = ()
    """First fixed version of each range, in the order of the document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownVulnerability:
    """One published vulnerability, as its OSV document tells it."""

    id: str
    aliases: tuple[str, ...] = ()
    packages: tuple[AffectedPackage, ...] = ()
    summary: str | None = None
    details: str | None = None
    cwes: tuple[str, ...] = ()
    """`CWE-<number>`, in the order of the document."""
    published: datetime | None = None
    withdrawn: datetime | None = None
    """When the database took the record back; None while it stands."""

    @property
    def purl(self) -> str | None:
        """The first affected package."""
        return self.packages[0].purl if self.packages else None

    @property
    def affected(self) -> str | None:
        """The affected versions of the first package, as a vers range."""
        return self.packages[0].affected if self.packages else None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The fixed versions of the first package."""
        return self.packages[0].fixed if self.packages else ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The own id and all aliases."""
        return (self.id, *self.aliases)

    @property
    def text(self) -> str:
        """Summary and details together."""
        return "\n\n".join(part for part in (self.summary, self.details) if part)

    def in_package(self, purl: str) -> AffectedPackage | None:
        """Return what the document says about one package."""
        return next((package for package in self.packages if package.purl == purl), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Releases:
    """The versions of one package that its registry had at an instant."""

    versions: tuple[str, ...]
    as_of: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class KevEntry:
    """One entry of CISA's catalogue of known exploited vulnerabilities."""

    cve: str
    added: date
    due: date | None = None
    """When United States federal civilian agencies must have acted."""
    ransomware: bool | None = None
    """True when known in ransomware campaigns; None when the catalogue says unknown."""
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A local file that could not be taken, and why. The rest of the knowledge stands."""

    file: str
    """Path inside the folder of local knowledge."""
    reason: str
