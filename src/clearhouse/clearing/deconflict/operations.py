"""The two questions before time is spent: is it known, and is somebody scanning it already.

In: fingerprints, or a claim. Out: answers, or why there are none. These are what doors call; the
house that is asked may be this one or another, through any `Door`.
"""

from collections.abc import Sequence

from clearhouse.clearing.deconflict.blind.answering import HouseDoor
from clearhouse.clearing.deconflict.blind.asking import Tables, ask
from clearhouse.clearing.deconflict.blind.record import Answer, Fingerprint
from clearhouse.clearing.deconflict.leases.operations import claim_lease, hand_back, who_scans
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk

__all__ = ["Tables", "ask", "claim_lease", "hand_back", "is_known", "who_scans"]


def is_known(
    desk: Desk, actor: Actor, fingerprints: Sequence[Fingerprint], *, bits: int = 0
) -> tuple[Answer, ...] | Refusal:
    """Say of each fingerprint whether it is known here; what is asked stays in this process.

    Raises: ForbiddenError; VoprfError when the house's answers do not hold.
    """
    return ask(HouseDoor(desk, actor), fingerprints, bits=bits)
