"""Thirty days, whatever is edited: what the times of a window may be.

In: times, and the times before an edit. Out: every fault, none when they hold. The store holds the
same rule a second time (`thirty_days` and `hold_thirty_days` in the migration).
Source: Executive Order of 2 June 2026, sec. 3(b)(ii): up to 30 days before release to other trusted
partners.
"""

from datetime import timedelta

from clearhouse.access.offer.record import Times, Window
from clearhouse.access.refusal import Refused

LONGEST = timedelta(days=30)


def faults(times: Times) -> tuple[Refused, ...]:
    """Return everything that is wrong with the times of a window."""
    found = []
    if times.opens_at >= times.closes_at:
        found.append(Refused(code="order", reason="a window closes after it opens"))
    if times.closes_at - times.opens_at > LONGEST:
        found.append(Refused(code="thirty-days", reason="a window is open for at most 30 days"))
    if not times.opens_at <= times.partners_from <= times.closes_at:
        found.append(
            Refused(code="order", reason="partners come after the government, inside the window")
        )
    if times.released_at is not None and times.released_at < times.closes_at:
        found.append(Refused(code="order", reason="early access ends before the model is public"))
    return tuple(found)


def edit_faults(before: Window, times: Times) -> tuple[Refused, ...]:
    """Return everything that is wrong with giving a window other times."""
    found = list(faults(times))
    if before.closed_at is not None:
        found.append(Refused(code="closed", reason="a closed window stays closed"))
    if before.opened_at is not None and times.opens_at != before.times.opens_at:
        found.append(
            Refused(code="start-stands", reason="the start of a window that was opened stands")
        )
    return tuple(found)
