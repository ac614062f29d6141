"""Suricata's EVE: one JSON record a line, alerts and protocol logs alike.

Source: Suricata user guide, "Eve JSON Output".
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
    """Return the event of one EVE record. Raises: UnreadableError."""
    kind = record.get("event_type")
    if not isinstance(kind, str):
        raise UnreadableError("an EVE record names its event_type")
    fields = flat(record)
    return make(
        SourceKind.SURICATA,
        moment(record.get("timestamp")),
        kind,
        fields,
        host=first(fields, "src_ip"),
        user=None,
    )
