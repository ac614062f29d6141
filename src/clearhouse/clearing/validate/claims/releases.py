"""Say whether the cited versions exist.

A version that the registry lists HOLDS. A version above everything released is CONTRADICTED when
the list is fresh, or when it is far above even an old list. A gap in the list proves nothing:
registries let maintainers delete releases.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck
from clearhouse.clearing.validate.versions import (
    Version,
    highest,
    lowest,
    major,
    parse_range,
    parse_version,
)

FRESH = timedelta(days=90)
"""A release list older than this cannot say that a slightly higher version does not exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listed:
    """The released versions of one package."""

    kind: str
    versions: tuple[Version, ...]
    as_of: datetime
    fresh: bool
    years: int
    """Age of the list in started years."""

    @property
    def newest(self) -> Version:
        return highest(self.versions)

    @property
    def place(self) -> str:
        return f"release list as of {self.as_of:%Y-%m-%d}"

    def cannot_exist(self, version: Version) -> bool:
        """Say whether a version is too high to exist, given the age of the list."""
        if not self.newest < version:
            return False
        if self.fresh:
            return True
        claimed, newest = major(version), major(self.newest)
        return claimed is not None and newest is not None and claimed > newest + 1 + self.years

    def around(self, version: Version) -> str:
        """Name the released neighbours of a version."""
        below = [one for one in self.versions if one < version]
        above = [one for one in self.versions if version < one]
        names = ([str(highest(below))] if below else []) + ([str(lowest(above))] if above else [])
        return " and ".join(names)


def check_versions(draft: Draft, known: Known, now: datetime) -> Iterator[ClaimCheck]:
    """Look up every version that the report says exists."""
    cited = tuple(_cited(draft))
    listed = _listed(draft, known, now)
    for role, version in cited:
        if listed is None:
            yield uncheckable(Claim.VERSION, version, f"No release list here ({role}).")
        else:
            yield _check(role, version, listed)
    if listed is not None:
        yield from _check_ranges(draft, listed)


def _cited(draft: Draft) -> Iterator[tuple[str, str]]:
    if draft.tested_version:
        yield "tested", draft.tested_version
    for version in draft.affected_versions:
        if version.removeprefix("v")[:1].isdigit():
            yield "affected", version
    for version in draft.fixed_versions:
        yield "fixed", version


def _listed(draft: Draft, known: Known, now: datetime) -> _Listed | None:
    if draft.purl is None:
        return None
    names, as_of = known.releases(draft.purl), known.releases_as_of(draft.purl)
    kind = draft.purl.removeprefix("pkg:").split("/")[0]
    versions = tuple(one for name in names or () if (one := parse_version(kind, name)) is not None)
    if as_of is None or not versions:
        return None
    age = now - as_of
    return _Listed(
        kind=kind,
        versions=versions,
        as_of=as_of,
        fresh=age <= FRESH,
        years=max(0, age.days) // 365 + 1,
    )


def _check(role: str, text: str, listed: _Listed) -> ClaimCheck:
    version = parse_version(listed.kind, text)
    if version is None:
        stated = parse_range(listed.kind, text)
        what = "A range" if stated else f"Not a version that {listed.kind} can have"
        return uncheckable(Claim.VERSION, text, f"{what} ({role}).", listed.place)
    if version in listed.versions:
        return holds(Claim.VERSION, text, f"Was released ({role}).", listed.place)
    if not listed.newest < version:
        reason = f"Not in the list ({role}); it may have been deleted. Nearest: "
        return uncheckable(Claim.VERSION, text, reason + listed.around(version), listed.place)
    beyond = f"Higher than every released version ({role}); the newest is {listed.newest}."
    if role == "fixed":
        return uncheckable(
            Claim.VERSION, text, f"{beyond} A fix may be planned for it.", listed.place
        )
    if listed.cannot_exist(version):
        return contradicted(Claim.VERSION, text, beyond, listed.place)
    return uncheckable(Claim.VERSION, text, f"{beyond} The list is old.", listed.place)


def _check_ranges(draft: Draft, listed: _Listed) -> Iterator[ClaimCheck]:
    """Contradict a range that begins above everything ever released."""
    for text in draft.affected_versions:
        stated = parse_range(listed.kind, text)
        if stated is None or stated.enumerated:
            continue
        start = stated.lowest
        if start is not None and listed.cannot_exist(start):
            yield contradicted(
                Claim.VERSION_RANGE,
                text,
                f"No released version is inside; the newest is {listed.newest}.",
                listed.place,
            )
        else:
            inside = sum(one in stated for one in listed.versions)
            answer = holds if inside else uncheckable
            yield answer(
                Claim.VERSION_RANGE, text, f"Holds {inside} released versions.", listed.place
            )
