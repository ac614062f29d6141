"""The last step of every reader: one draft, canonical, screened and bounded.

In comes a draft as a reader found it, with the notices and leftovers of its document; out comes the
draft that intake takes in. Every format passes here, so that no format is a way around a check.
"""

from dataclasses import replace

from clearhouse.clearing.intake.readers.claims import canonical
from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.files import file_notices, safe_name
from clearhouse.clearing.intake.readers.screening import LINES, TEXTS, screened
from clearhouse.clearing.intake.record import Attachment, Draft, Location

MAX_ATTACHMENTS = 64
MAX_LOCATIONS = 256
MAX_NOTICES = 100
MAX_FIELD_CHARS = 1024


def settled(draft: Draft, *documents: Node) -> Draft:
    """Finish a draft, with what its documents' readers did not use."""
    for document in documents:
        rest = document.rest()
        if rest or document.notices:
            notices = (*draft.notices, *document.notices)
            draft = replace(draft, unknown=draft.unknown | rest, notices=notices)
    draft = screened(canonical(_blank_is_absent(draft)))
    files = tuple(map(_plain, draft.attachments[:MAX_ATTACHMENTS]))
    seen = [notice for file in draft.attachments for notice in file_notices(file)]
    return replace(
        draft,
        attachments=files,
        locations=_places(draft.locations),
        credits=draft.credits[:MAX_LOCATIONS],
        notices=tuple(dict.fromkeys((*draft.notices, *seen)))[:MAX_NOTICES],
    )


def _blank_is_absent(draft: Draft) -> Draft:
    changes = {
        name: None
        for name in (*TEXTS, *LINES, "purl", "ecosystem", "notify", "language")
        if (value := getattr(draft, name)) is not None and not value.strip()
    }
    return replace(draft, **changes) if changes else draft  # type: ignore[arg-type]


def _plain(attachment: Attachment) -> Attachment:
    name = safe_name(attachment.filename)
    return attachment if name == attachment.filename else replace(attachment, filename=name)


def _places(locations: tuple[Location, ...]) -> tuple[Location, ...]:
    """Drop empty and repeated places and bound their fields."""
    bounded = (
        replace(
            place,
            file=_bounded(place.file),
            function=_bounded(place.function),
            snippet=_bounded(place.snippet, 4 * MAX_FIELD_CHARS),
            line=place.line if place.line is None or 0 < place.line < 2**31 else None,
        )
        for place in locations[: 4 * MAX_LOCATIONS]
    )
    named = (place for place in bounded if place.file or place.function)
    return tuple(dict.fromkeys(named))[:MAX_LOCATIONS]


def _bounded(text: str | None, limit: int = MAX_FIELD_CHARS) -> str | None:
    bare = (text or "").replace("\x00", "\ufffd").strip()[:limit]
    return bare or None
