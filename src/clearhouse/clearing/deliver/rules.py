"""How far an advisory has come to the operators, said honestly.

In: an advisory's id, and whether it is written. Out: one `Notice` for every way. Refused: nothing.
This version writes files and a signed feed and shows pages, and operators match on their own
machines. It hears nothing back, so it never says how many were reached: that is unknown, not zero.
"""

from typing import Final

from clearhouse.clearing.deliver.record import Notice, Progress, Way

_NOT_ATTEMPTED: Final = {
    Way.ACKNOWLEDGEMENT: "this version takes no word back; how many were reached is not known",
}


def notices(advisory_id: str, *, written: bool) -> tuple[Notice, ...]:
    """Return how far an advisory has come on every way, in the order of `Way`."""
    return tuple(_notice(advisory_id, way, written=written) for way in Way)


def _notice(advisory_id: str, way: Way, *, written: bool) -> Notice:
    progress, reason = Progress.NOT_ATTEMPTED, _NOT_ATTEMPTED.get(way)
    if reason is None:
        progress = Progress.DONE if written else Progress.WAITING
        reason = "it is public" if written else "it is not written yet"
    return Notice(advisory_id=advisory_id, way=way, progress=progress, reason=reason)
