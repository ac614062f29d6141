"""Collect the places that a report cites: its own fields, links into a repository, frames, prose.

Prose is read for names of functions only, and not in sections that propose a fix: what a report
suggests to add is no claim about what there is. Code in the text is a proof or a quotation, so
names in it are no citations either.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from clearhouse.clearing.intake.record import Draft
from clearhouse.formats import stacktrace

_LINK = re.compile(
    r"https://[\w.-]+/[\w.-]+/[\w.-]+/(?:-/)?(?:blob|blame|raw|tree)/([\w.-]+)/([^\s#?)\]>\"'`]+)"
    r"(?:\?[^\s#]*)?(?:#L(\d+))?"
)
_FENCE = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_FIX_SECTION = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:suggested|proposed|recommended|possible)?\s*"
    r"(?:fix|fixes|patch|remediation|mitigations?|recommendations?|solution|workarounds?)\b"
    r".{0,40}$",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^(?:#{1,6}\s|\*\*[^*]{2,60}\*\*:?\s*$|[A-Z][\w ]{2,40}:\s*$)")
_PROSE_NAME = re.compile(r"`([A-Za-z_]\w*(?:[.:]{1,2}\w+)*)(?:\([^`\n]*\))?`|\b([A-Za-z_]\w+)\(\)")
_COMMIT = re.compile(r"\bcommit(?:\s+(?:id|hash|sha))?[\s:`*]+([0-9a-f]{7,40})\b", re.IGNORECASE)
_MAX_PROSE = 40
_MAX_FRAMES = 60


class Origin(StrEnum):
    """How a report cites a place."""

    STATED = "stated"
    LINK = "link"
    FRAME = "frame"
    PROSE = "prose"


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """One place that the report cites."""

    origin: Origin
    file: str | None = None
    function: str | None = None
    line: int | None = None
    snippet: str | None = None


def citations(draft: Draft) -> tuple[Citation, ...]:
    """Return every place that the report cites, once each."""
    stated = (
        Citation(
            origin=Origin.STATED,
            file=one.file,
            function=one.function,
            line=one.line,
            snippet=one.snippet,
        )
        for one in draft.locations
    )
    return tuple(dict.fromkeys((*stated, *_links(draft), *_frames(draft), *_names(draft))))


def cited_refs(draft: Draft) -> tuple[str, ...]:
    """Return the commits, tags and branches that links into a repository name."""
    return tuple(dict.fromkeys(found[1] for found in _LINK.finditer(_all_text(draft))))


def cited_commits(draft: Draft) -> tuple[str, ...]:
    """Return the commits that the report names in its fields, its links and its words."""
    text = _all_text(draft)
    linked = (one for one in cited_refs(draft) if re.fullmatch(r"[0-9a-f]{7,40}", one))
    found = (*draft.commits, *linked, *(match[1].lower() for match in _COMMIT.finditer(text)))
    return tuple(dict.fromkeys(found))


def _links(draft: Draft) -> Iterator[Citation]:
    for found in _LINK.finditer(_all_text(draft)):
        line = None if found[3] is None else int(found[3])
        yield Citation(origin=Origin.LINK, file=found[2].rstrip(".,;:"), line=line)


def _frames(draft: Draft) -> Iterator[Citation]:
    if draft.crash_log:
        for frame in stacktrace.parse(draft.crash_log).frames[:_MAX_FRAMES]:
            if frame.function or frame.file:
                yield Citation(
                    origin=Origin.FRAME, file=frame.file, function=frame.function, line=frame.line
                )


def _names(draft: Draft) -> Iterator[Citation]:
    """Give names of functions in the prose."""
    parts = (draft.title, draft.description, draft.trigger, draft.impact)
    text = _LINK.sub(" ", "\n\n".join(_claiming(part) for part in parts if part))
    found = dict.fromkeys(match[1] or match[2] for match in _PROSE_NAME.finditer(text))
    for name in list(found)[:_MAX_PROSE]:
        yield Citation(origin=Origin.PROSE, function=name)


def _claiming(text: str) -> str:
    """Drop code and sections that propose a fix."""
    kept, fixing = [], False
    for line in _FENCE.sub("", text).splitlines():
        if _FIX_SECTION.match(line):
            fixing = True
        elif _HEADING.match(line):
            fixing = False
        if not fixing:
            kept.append(line)
    return "\n".join(kept)


def _all_text(draft: Draft) -> str:
    parts = (draft.title, draft.description, draft.trigger, draft.impact, *draft.references)
    return "\n".join(part for part in parts if part)
