"""Embargo management (EM): whether a case has an embargo, for all its parties together.

No embargo is proposed, accepted or revised once the flaw or an exploit is public or attacks
have been seen. Ending one is always possible, and nothing follows an ended one.
Source: Vultron protocol specification, VP-04, VP-06-001, VP-09-001, VP-14.
"""

from enum import StrEnum

from clearhouse.clearing.coordinate.machine import Arrow, Guard, Machine


class EmState(StrEnum):
    """States of embargo management."""

    NONE = "none"
    PROPOSED = "proposed"
    ACTIVE = "active"
    REVISE = "revise"
    """In force, with a proposed change."""
    EXITED = "exited"


class EmEvent(StrEnum):
    """What happens to an embargo."""

    PROPOSE = "propose"
    ACCEPT = "accept"
    REJECT = "reject"
    TERMINATE = "terminate"


IN_FORCE = frozenset({EmState.ACTIVE, EmState.REVISE})

STILL_SECRET = Guard(
    "still-secret",
    lambda now: not (now.public or now.exploit_public or now.attacked),
    "no embargo is negotiated once a flaw or its exploit is public or attacks were seen",
)

EMBARGO_MANAGEMENT: Machine[EmState, EmEvent] = Machine(
    "embargo management",
    EmState.NONE,
    (
        Arrow(EmState.NONE, EmEvent.PROPOSE, EmState.PROPOSED, STILL_SECRET),
        Arrow(EmState.PROPOSED, EmEvent.PROPOSE, EmState.PROPOSED, STILL_SECRET),
        Arrow(EmState.PROPOSED, EmEvent.ACCEPT, EmState.ACTIVE, STILL_SECRET),
        Arrow(EmState.PROPOSED, EmEvent.REJECT, EmState.NONE),
        Arrow(EmState.ACTIVE, EmEvent.PROPOSE, EmState.REVISE, STILL_SECRET),
        Arrow(EmState.REVISE, EmEvent.PROPOSE, EmState.REVISE, STILL_SECRET),
        Arrow(EmState.REVISE, EmEvent.ACCEPT, EmState.ACTIVE, STILL_SECRET),
        Arrow(EmState.REVISE, EmEvent.REJECT, EmState.ACTIVE),
        Arrow(EmState.ACTIVE, EmEvent.TERMINATE, EmState.EXITED),
        Arrow(EmState.REVISE, EmEvent.TERMINATE, EmState.EXITED),
    ),
)
