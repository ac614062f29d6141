"""Say which release a report speaks of, and which is the newest.

In come the draft and local release lists; out come versions by name, or None when nothing names one
that is known to be released.
"""

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.versions import (
    FINAL,
    Version,
    highest,
    parse_range,
    parse_version,
)
from clearhouse.formats.purl import parse as parse_purl


def claimed_version(draft: Draft, known: Known) -> str | None:
    """Return the release that a report speaks of: tested, listed, or the newest inside its range.

    Without a list of releases, the version that the report itself states as one.
    """
    if draft.purl is None:
        return None
    kind = parse_purl(draft.purl).type
    released = _released(known, draft.purl, kind)
    stated = [one for one in (draft.tested_version, *draft.affected_versions) if one]
    if not released:
        return next((one for one in stated if parse_version(kind, one) is not None), None)
    for one in stated:
        version = parse_version(kind, one)
        if version is not None and version in released:
            return released[version]
    ranges = [parse_range(kind, one) for one in draft.affected_versions]
    inside = [one for one in released if any(span is not None and one in span for span in ranges)]
    return released[highest(inside)] if inside else newest_version(draft.purl, known)


def newest_version(purl: str, known: Known) -> str | None:
    """Return the newest known release that is no pre-release."""
    released = _released(known, purl, parse_purl(purl).type)
    final = [one for one, name in released.items() if FINAL.fullmatch(name)]
    return released[highest(final or list(released))] if released else None


def _released(known: Known, purl: str, kind: str) -> dict[Version, str]:
    names = known.releases(purl) or ()
    return {version: name for name in names if (version := parse_version(kind, name)) is not None}
