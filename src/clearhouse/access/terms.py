"""The terms of a window: texts with a version, each clause named by its hash.

In: the name of a file below `policies/access/`. Out: `Terms` whose hash covers every word.
Refused: a file without one of the clauses that early access needs.
Source: Executive Order of 2 June 2026, sec. 3(b)(iii), for the headings.
"""

import hashlib
from dataclasses import dataclass

from clearhouse.formats.canonical import digest
from clearhouse.kernel.policy import PolicyError, load

CLAUSES = (
    "confidentiality",
    "cybersecurity",
    "insider_risk",
    "intellectual_property",
    "use",
    "nondisclosure",
    "retention",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One clause, word for word."""

    id: str
    title: str
    text: str

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of id, title and text."""
        return hashlib.sha256(f"{self.id}\n{self.title}\n{self.text}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """All clauses of one version."""

    name: str
    """For example `access/terms-1`."""
    clauses: tuple[Clause, ...]
    certificate_within_days: int

    @property
    def sha256(self) -> str:
        """Hex SHA-256 over the clauses in their order, and the days for the certificate."""
        return digest(
            {
                "clauses": [[one.id, one.sha256] for one in self.clauses],
                "certificate_within_days": self.certificate_within_days,
            }
        )


def terms(name: str = "access/terms-1") -> Terms:
    """Return the terms of that name.

    Raises: PolicyError when a clause is missing or empty.
    """
    document = load(name)
    clauses, days = document.get("clauses"), document.get("certificate_within_days")
    if not isinstance(clauses, dict) or not isinstance(days, int):
        raise PolicyError(f"the terms {name} need clauses and certificate_within_days")
    return Terms(
        name=name,
        clauses=tuple(_clause(name, one, clauses.get(one)) for one in CLAUSES),
        certificate_within_days=days,
    )


def _clause(name: str, one: str, found: object) -> Clause:
    match found:
        case {"title": str(title), "text": str(text)} if title and text:
            return Clause(id=one, title=title, text=text)
        case _:
            raise PolicyError(f"the terms {name} lack the clause {one}")
