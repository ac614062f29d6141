"""OCSF, the Open Cybersecurity Schema Framework: events in its own classes.

Times are milliseconds since 1970. Source: schema.ocsf.io 1.x, base event class.
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
    """Return the event of one record. Raises: UnreadableError."""
    kind, time = record.get("class_uid"), record.get("time")
    if not isinstance(kind, int) or not isinstance(time, int | float):
        raise UnreadableError("an OCSF event has a numeric class_uid and time")
    fields = flat(record)
    return make(
        SourceKind.OCSF,
        moment(time / 1000),
        str(record.get("class_name") or kind),
        fields,
        host=first(fields, "device.hostname", "device.ip", "src_endpoint.hostname"),
        user=first(fields, "actor.user.name", "user.name"),
    )
