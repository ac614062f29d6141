"""AWS CloudTrail: records alone, one a line, or many in `Records`.

Source: AWS CloudTrail user guide, "CloudTrail record contents".
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
    name = record.get("eventName")
    if not isinstance(name, str) or "eventTime" not in record:
        raise UnreadableError("a CloudTrail record names its eventName and eventTime")
    fields = flat(record)
    return make(
        SourceKind.CLOUDTRAIL,
        moment(record["eventTime"]),
        name,
        fields,
        host=first(fields, "sourceIPAddress"),
        user=first(
            fields,
            "userIdentity.userName",
            "userIdentity.sessionContext.sessionIssuer.userName",
            "userIdentity.arn",
            "userIdentity.type",
        ),
    )
