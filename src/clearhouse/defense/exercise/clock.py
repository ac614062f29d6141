"""Whether a tool tells the time of the recording, or of a clock that is hours off.

In: findings and the recording. Out: by how much the times that it gives lie from the events that it
cites, where that is so much and so steady that it is a wrong clock or time zone. Its times to
detect are then no numbers: a clock that is slow would find attacks before they begin.
"""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from clearhouse.defense.enroll.record import Finding
from clearhouse.defense.scenario.event import EventUid
from clearhouse.defense.scenario.recording import Recording

_ASKED = 200
"""Findings that are looked at, spread over all."""
_FEWEST = 3
_TOLERATED = timedelta(minutes=30)
"""Findings of an hour's events may be about any of them."""


def clock_error(findings: Sequence[Finding], recording: Recording) -> timedelta | None:
    """Return how far a tool's times are from its events, None when they agree or cannot tell."""
    citing = [one for one in findings if one.events]
    asked = citing[:: max(1, len(citing) // _ASKED)][:_ASKED]
    known = recording.get({one.events[0] for one in asked})
    gaps = [
        (one.at - event.at).total_seconds()
        for one in asked
        if (event := known.get(EventUid(one.events[0]))) is not None
    ]
    if len(gaps) < _FEWEST:
        return None
    middle = timedelta(seconds=median(gaps))
    return middle if abs(middle) >= _TOLERATED else None


def in_words(error: timedelta) -> str:
    """Return a clock's error as a fault."""
    hours = error / timedelta(hours=1)
    return (
        f"its times lie {hours:+.1f} h from the events that it cites, as with a wrong clock or time"
        " zone; times to detect are not told"
    )
