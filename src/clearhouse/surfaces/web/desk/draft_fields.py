"""The content of a report, field by field, for a page. Every text in it is a stranger's.

In: a `Draft`. Out: groups of `Field`s in the order an analyst reads them; what the reporter left
out is not listed here, completeness says what is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from clearhouse.clearing.intake.record import (
    Attachment,
    Draft,
    ExploitState,
    Location,
    Provenance,
    Tooling,
)


class Shape(StrEnum):
    """How a field is shown."""

    PROSE = "prose"
    CODE = "code"
    LINES = "lines"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field with its texts."""

    name: str
    """Our word for it."""
    key: str
    """Its name in addresses."""
    texts: tuple[str, ...]
    shape: Shape = Shape.LINES


@dataclass(frozen=True, kw_only=True, slots=True)
class FileNote:
    """An attachment without its bytes."""

    place: int
    filename: str
    kind: str
    content_type: str
    description: str | None


def long_texts(draft: Draft) -> tuple[Field, ...]:
    """Return the texts that are read as a whole."""
    candidates = (
        ("Description", "description", draft.description, Shape.PROSE),
        ("Trigger", "trigger", draft.trigger, Shape.PROSE),
        ("Impact", "impact", draft.impact, Shape.PROSE),
        ("Crash log", "crash-log", draft.crash_log, Shape.CODE),
    )
    return tuple(
        Field(name=name, key=key, texts=(text,), shape=shape)
        for name, key, text, shape in candidates
        if text is not None
    )


def facts(draft: Draft) -> tuple[Field, ...]:
    """Return the short fields, those that are there."""
    return tuple(field for field in (*_target(draft), *_claims(draft)) if field.texts)


def provenance(draft: Draft) -> tuple[Field, ...]:
    """Return how the flaw was found, as far as the reporter said."""
    return tuple(field for field in _provenance(draft.provenance) if field.texts)


def unknown(draft: Draft) -> tuple[Field, ...]:
    """Return the fields of the original that no slot of ours holds."""
    return tuple(
        Field(name=str(path), key="unknown", texts=(str(value),))
        for path, value in sorted(draft.unknown.items())
    )


def files(draft: Draft) -> tuple[FileNote, ...]:
    """Return the attachments, without their bytes."""
    return tuple(_file(place, one) for place, one in enumerate(draft.attachments))


def _target(draft: Draft) -> Iterator[Field]:
    yield _field("Package", _given(draft.purl))
    yield _field("Software", _given(draft.software))
    yield _field("Ecosystem", _given(draft.ecosystem))
    yield _field("Affected", draft.affected_versions)
    yield _field("Fixed in", draft.fixed_versions)
    yield _field("Tested on", _given(draft.tested_version))
    yield _field("Places", tuple(_place(one) for one in draft.locations))
    yield _field("Repository", _given(draft.repository))
    yield _field("Introduced by", _given(draft.introduced_commit))
    yield _field("Fixed by", _given(draft.fixed_commit))
    yield _field("Other commits", draft.commits)


def _claims(draft: Draft) -> Iterator[Field]:
    yield _field("Ids claimed", draft.aliases)
    yield _field("Weakness", draft.cwes)
    yield _field("CVSS", draft.cvss_vectors)
    yield _field("Severity, in their word", _given(draft.severity))
    known = draft.exploit_state is not ExploitState.UNKNOWN
    yield _field("Exploitation claimed", (draft.exploit_state.value,) if known else ())
    yield _field("Already public", _yes_no(draft.already_public))
    yield _field("References", draft.references)
    yield _field("Credits", tuple(f"{one.name} ({one.role})" for one in draft.credits))
    yield _field("Contact", _given(draft.contact))
    yield _field("Notify", _given(draft.notify))
    yield _field("Language", _given(draft.language))
    yield _field("Reader's notes", tuple(f"{n.field}: {n.reason}" for n in draft.notices))


def _provenance(said: Provenance) -> Iterator[Field]:
    yield _field("Method", _given(said.discovery_method))
    yield _field("Tooling", _given(said.tooling))
    yield _field("Models", tuple(_words(m.vendor, m.name, m.version) for m in said.models))
    yield _field("Scaffold", _given(_words(said.scaffold, said.scaffold_version) or None))
    yield _field(
        "Human review", tuple(_review(r.who, r.what, r.minutes) for r in said.human_review)
    )
    yield _field("Attempts", () if said.attempts is None else (str(said.attempts),))
    yield _field("Candidates", () if said.candidates is None else (str(said.candidates),))
    stated = said.confidentiality is not Tooling.UNKNOWN
    yield _field("Tooling keeps to itself", (said.confidentiality.value,) if stated else ())
    searches = (_words(s.where, s.query, s.result, between=" · ") for s in said.duplicate_searches)
    yield _field("Searched for duplicates", tuple(searches))


def _field(name: str, texts: tuple[str, ...]) -> Field:
    return Field(name=name, key=name.lower().replace(" ", "-"), texts=texts)


def _given(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _yes_no(value: bool | None) -> tuple[str, ...]:
    return () if value is None else ("yes" if value else "no",)


def _words(*parts: str | None, between: str = " ") -> str:
    return between.join(part for part in parts if part)


def _place(location: Location) -> str:
    line = None if location.line is None else f"line {location.line}"
    return _words(location.file, location.function, line, location.snippet, between=" · ")


def _review(who: str, what: str | None, minutes: int | None) -> str:
    took = None if minutes is None else f"{minutes} min"
    return _words(who, what, took, between=" · ")


def _file(place: int, attachment: Attachment) -> FileNote:
    return FileNote(
        place=place,
        filename=attachment.filename,
        kind=attachment.kind.value,
        content_type=attachment.content_type,
        description=attachment.description,
    )
