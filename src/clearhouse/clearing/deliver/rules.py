"""How far an advisory has come to the operators, said honestly.

In: an advisory's id, and whether it is written. Out: one `Notice` for every way. Refused: nothing.
How many operators were reached is for `reach` to say: here it is unknown, and never zero.
"""

from clearhouse.clearing.deliver.record import Notice, Progress, Way


def notices(advisory_id: str, *, written: bool) -> tuple[Notice, ...]:
    """Return how far an advisory has come on every way, in the order of `Way`."""
    return tuple(_notice(advisory_id, way, written=written) for way in Way)


def _notice(advisory_id: str, way: Way, *, written: bool) -> Notice:
    progress = Progress.DONE if written else Progress.WAITING
    reason = "it is public" if written else "it is not written yet"
    if way is Way.ACKNOWLEDGEMENT and written:
        progress = Progress.WAITING
        reason = "operators may say back; how many were reached is not known until they do"
    return Notice(advisory_id=advisory_id, way=way, progress=progress, reason=reason)
