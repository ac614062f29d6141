"""Joins receipts with the calls of an evaluation log, to see what was dropped or made elsewhere.

In: the entries of chains, and the request ids of a log. Out: what matches and what does not. A call
that was served and is in no log was dropped; a request id that no receipt has was answered off the
gateway; after a fingerprint that did not match, nothing counts as evidence any more.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Join:
    """What a log and the receipts say of each other."""

    matched: int
    dropped: tuple[str, ...]
    """Served calls of the chains in the log that it does not name."""
    extra: tuple[str, ...]
    """Request ids of the log that no receipt of the window has."""
    twice: tuple[str, ...]
    """Request ids that the log names more than once."""
    unserved: tuple[str, ...]
    """Named by the log, and refused or cut by the gateway."""
    invalid_from: str | None = None
    """Since when a fingerprint said that another model answers."""
    after_swap: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether log and receipts match one to one, and the model was the pinned one."""
        return not (self.dropped or self.extra or self.twice or self.unserved or self.after_swap)


def served_calls(chains: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the request ids of all calls that were served, with the instant of their end."""
    found = {}
    for name, bodies in chains.items():
        for entry in map(json.loads, bodies):
            if entry["kind"] == "closed" and entry.get("outcome") == "served":
                found[f"{name}:{entry['sequence']}"] = str(entry["at"])
    return found


def join(
    chains: Mapping[str, Sequence[str]],
    logged: Iterable[str],
    *,
    invalid_from: str | None = None,
) -> Join:
    """Join the calls of a log with the receipts of a window.

    `dropped` looks at the chains that the log uses at all: other holders have logs of their own.
    """
    counts = Counter(logged)
    served = served_calls(chains)
    known = {
        f"{name}:{entry['sequence']}"
        for name, bodies in chains.items()
        for entry in map(json.loads, bodies)
        if entry["kind"] in {"opened", "refused"}
    }
    used = {one.rpartition(":")[0] for one in counts}
    dropped = [one for one in served if one not in counts and one.rpartition(":")[0] in used]
    late = [
        one
        for one in counts
        if invalid_from is not None and one in served and served[one] >= invalid_from
    ]
    return Join(
        matched=sum(1 for one in counts if one in served),
        dropped=tuple(sorted(dropped)),
        extra=tuple(sorted(one for one in counts if one not in known)),
        twice=tuple(sorted(one for one, times in counts.items() if times > 1)),
        unserved=tuple(sorted(one for one in counts if one in known and one not in served)),
        invalid_from=invalid_from,
        after_swap=tuple(sorted(late)),
    )
