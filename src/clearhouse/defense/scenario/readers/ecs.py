"""ECS, the Elastic Common Schema, as Beats and Elastic Agent write it.

Source: Elastic Common Schema reference, base and event fields.
"""

from collections.abc import Mapping

from clearhouse.defense.scenario.event import (
    Event,
    SourceKind,
    UnreadableError,
    first,
    flat,
    make,
    moment,
)


def event(record: Mapping[str, object]) -> Event:
    """Return the event of one document; a search hit is unwrapped. Raises: UnreadableError."""
    inner = record.get("_source")
    document = inner if isinstance(inner, dict) else record
    if "@timestamp" not in document:
        raise UnreadableError("an ECS document has @timestamp")
    fields = flat(document)
    return make(
        SourceKind.ECS,
        moment(document["@timestamp"]),
        first(fields, "event.code", "event.action", "event.dataset") or "event",
        fields,
        host=first(fields, "host.name", "host.hostname", "source.ip"),
        user=first(fields, "user.name", "source.user.name"),
    )
