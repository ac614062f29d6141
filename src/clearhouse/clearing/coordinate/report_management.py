"""Report management (RM): how far one party is with the report.

Each party of a case has its own state. A report is never closed straight from VALID, and not
while an embargo is in force: it then waits in INVALID or DEFERRED.
Source: Vultron protocol specification, VP-02-004, VP-02-035, VP-13-005.
"""

from enum import StrEnum

from clearhouse.clearing.coordinate.machine import Arrow, Guard, Machine


class RmState(StrEnum):
    """States of report management."""

    START = "start"
    RECEIVED = "received"
    INVALID = "invalid"
    """Cannot be taken as it stands, or needs more information."""
    VALID = "valid"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    CLOSED = "closed"


class RmEvent(StrEnum):
    """What a party does with the report."""

    RECEIVE = "receive"
    INVALIDATE = "invalidate"
    VALIDATE = "validate"
    ACCEPT = "accept"
    DEFER = "defer"
    CLOSE = "close"


NO_EMBARGO_IN_FORCE = Guard(
    "no-embargo-in-force",
    lambda situation: not situation.embargo_in_force,
    "an embargo is in force; the report waits until it ended",
)

REPORT_MANAGEMENT: Machine[RmState, RmEvent] = Machine(
    "report management",
    RmState.START,
    (
        Arrow(RmState.START, RmEvent.RECEIVE, RmState.RECEIVED),
        Arrow(RmState.RECEIVED, RmEvent.VALIDATE, RmState.VALID),
        Arrow(RmState.RECEIVED, RmEvent.INVALIDATE, RmState.INVALID),
        Arrow(RmState.INVALID, RmEvent.VALIDATE, RmState.VALID),
        Arrow(RmState.VALID, RmEvent.ACCEPT, RmState.ACCEPTED),
        Arrow(RmState.VALID, RmEvent.DEFER, RmState.DEFERRED),
        Arrow(RmState.ACCEPTED, RmEvent.DEFER, RmState.DEFERRED),
        Arrow(RmState.DEFERRED, RmEvent.ACCEPT, RmState.ACCEPTED),
        Arrow(RmState.INVALID, RmEvent.CLOSE, RmState.CLOSED, NO_EMBARGO_IN_FORCE),
        Arrow(RmState.ACCEPTED, RmEvent.CLOSE, RmState.CLOSED, NO_EMBARGO_IN_FORCE),
        Arrow(RmState.DEFERRED, RmEvent.CLOSE, RmState.CLOSED, NO_EMBARGO_IN_FORCE),
    ),
)
