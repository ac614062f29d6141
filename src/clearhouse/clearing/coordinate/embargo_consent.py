"""Embargo consent (PEC): whether one participant stands by the case's embargo.

The embargo of a case is one (EM); consent to it is each participant's own. When the terms change,
earlier consent has lapsed and must be given again; nobody slides from one set of terms to the next.
Who does not answer in time is recorded as declined. A participant whose consent is not given gets
nothing that is under the embargo.
Source: Vultron specification, CM-18-001 to CM-18-004.
"""

from enum import StrEnum

from clearhouse.clearing.coordinate.machine import Arrow, Machine


class ConsentState(StrEnum):
    """States of one participant's consent."""

    NO_EMBARGO = "no_embargo"
    INVITED = "invited"
    SIGNATORY = "signatory"
    LAPSED = "lapsed"
    """Had agreed to terms that have changed since."""
    DECLINED = "declined"
    """Said no, or nothing in time."""


class ConsentEvent(StrEnum):
    """What moves one participant's consent."""

    INVITE = "invite"
    ACCEPT = "accept"
    DECLINE = "decline"
    REVISE = "revise"
    RESET = "reset"
    """The embargo ended or was given up."""


_CONSENT_FROM = (ConsentState.NO_EMBARGO, ConsentState.INVITED, ConsentState.LAPSED)
_INVITED_FROM = (ConsentState.NO_EMBARGO, ConsentState.LAPSED, ConsentState.DECLINED)

EMBARGO_CONSENT: Machine[ConsentState, ConsentEvent] = Machine(
    "embargo consent",
    ConsentState.NO_EMBARGO,
    (
        *(Arrow(one, ConsentEvent.INVITE, ConsentState.INVITED) for one in _INVITED_FROM),
        *(Arrow(one, ConsentEvent.ACCEPT, ConsentState.SIGNATORY) for one in _CONSENT_FROM),
        *(Arrow(one, ConsentEvent.DECLINE, ConsentState.DECLINED) for one in _CONSENT_FROM),
        Arrow(ConsentState.SIGNATORY, ConsentEvent.REVISE, ConsentState.LAPSED),
        *(Arrow(one, ConsentEvent.RESET, ConsentState.NO_EMBARGO) for one in ConsentState),
    ),
)
