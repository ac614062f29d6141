"""How AI took part in finding a flaw, as GCVE annotates it: for every form that has room for it.

In: the note that the finders' statements come to. Out: the extension object, and one sentence for
forms without room. Refused: nothing.
Source: GCVE-BCP-05-X-01 1.0, data model and conditional fields; GCVE-BCP-05 1.4, `x_gcve`.
"""

from clearhouse.clearing.publish import compose
from clearhouse.clearing.publish.record import AiNote
from clearhouse.formats.canonical import Json


def extension(note: AiNote) -> list[Json]:
    """Return the value of `x_gcve`."""
    return [{"extensions": {"bcp-05-x-01": annotation(note)}}]


def annotation(note: AiNote) -> dict[str, Json]:
    """Return the annotation; models and review are left out where no AI took part."""
    models: list[Json] = [
        {
            name: compose.clean(value)
            for name, value in (
                ("name", one.name),
                ("version", one.version),
                ("provider", one.provider),
                ("source", "other"),
            )
            if value
        }
        for one in note.models
    ]
    found: dict[str, Json] = {
        "scope": "record",
        "tags": ["ai:custom-discovery"],
        "description": "How AI took part in finding the flaw, as its finders stated it.",
        "ai_level": note.level.value,
    }
    if note.review is not None:
        found["review_status"] = note.review.value
        if models:
            found["models"] = models
    return {"ai_annotations": [found]}


def in_words(note: AiNote) -> str:
    """Say the annotation in a sentence."""
    words = f"ai_level: {note.level.value}"
    if note.review is not None:
        words += f"; review_status: {note.review.value}"
    models = [" ".join(filter(None, (one.name, one.version))) for one in note.models]
    if models and note.review is not None:
        words += f"; models: {', '.join(compose.clean(one) for one in models)}"
    return f"{words} (GCVE-BCP-05-X-01, as the finders stated it)"
