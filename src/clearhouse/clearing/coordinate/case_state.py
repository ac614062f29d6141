"""Case state (CS): how far the flaw itself is, on the vendor's side and in the world.

Six things happen to a flaw, each once: the vendor learns of it (V), a fix is ready (F) and deployed
(D), the public learns of it (P), an exploit is public (X), attacks are seen (A). A state names
those that happened in capitals: `VFdPxa`. The vendor's three come in their order; what is public
reaches the vendor next, and a public exploit makes the flaw public next. 32 states and 70 histories
are left of 720 orders.
Source: Vultron protocol specification, SM-09-001; Householder and Spring, *Are We Skillful or Just
Lucky?* (2021), §2 and §3.
"""

from collections.abc import Iterator
from enum import StrEnum

from clearhouse.clearing.coordinate.machine import Arrow, Machine


class CsEvent(StrEnum):
    """What happens to a flaw."""

    VENDOR_AWARE = "V"
    FIX_READY = "F"
    FIX_DEPLOYED = "D"
    PUBLIC_AWARE = "P"
    EXPLOIT_PUBLIC = "X"
    ATTACKS_OBSERVED = "A"


class CsState(StrEnum):
    """What has happened so far, in capitals; the vendor's side first, then the world's."""

    NOTHING = "vfdpxa"
    P = "vfdPxa"
    X = "vfdpXa"
    A = "vfdpxA"
    PX = "vfdPXa"
    PA = "vfdPxA"
    XA = "vfdpXA"
    PXA = "vfdPXA"
    V = "Vfdpxa"
    VP = "VfdPxa"
    VX = "VfdpXa"
    VA = "VfdpxA"
    VPX = "VfdPXa"
    VPA = "VfdPxA"
    VXA = "VfdpXA"
    VPXA = "VfdPXA"
    VF = "VFdpxa"
    VFP = "VFdPxa"
    VFX = "VFdpXa"
    VFA = "VFdpxA"
    VFPX = "VFdPXa"
    VFPA = "VFdPxA"
    VFXA = "VFdpXA"
    VFPXA = "VFdPXA"
    VFD = "VFDpxa"
    VFDP = "VFDPxa"
    VFDX = "VFDpXa"
    VFDA = "VFDpxA"
    VFDPX = "VFDPXa"
    VFDPA = "VFDPxA"
    VFDXA = "VFDpXA"
    VFDPXA = "VFDPXA"


def _next_events(state: str) -> tuple[CsEvent, ...]:
    """Return what may happen next; where something is forced, nothing else."""
    waiting = tuple(event for event in CsEvent if event.value.lower() in state)
    if "p" in state and "X" in state:
        return (CsEvent.PUBLIC_AWARE,)
    if "v" in state and "P" in state:
        return (CsEvent.VENDOR_AWARE,)
    return tuple(
        event
        for event in waiting
        if not (event is CsEvent.FIX_READY and "v" in state)
        and not (event is CsEvent.FIX_DEPLOYED and "f" in state)
    )


CASE_STATE: Machine[CsState, CsEvent] = Machine(
    "case state",
    CsState.NOTHING,
    tuple(
        Arrow(state, event, CsState(state.value.replace(event.value.lower(), event.value)))
        for state in CsState
        for event in _next_events(state.value)
    ),
)


def histories() -> Iterator[tuple[CsEvent, ...]]:
    """Yield every order in which all six can happen."""
    table = CASE_STATE.table()

    def onwards(state: CsState, so_far: tuple[CsEvent, ...]) -> Iterator[tuple[CsEvent, ...]]:
        if len(so_far) == len(CsEvent):
            yield so_far
        for event in CsEvent:
            arrow = table.get((state, event))
            if arrow is not None:
                yield from onwards(arrow.target, (*so_far, event))

    yield from onwards(CASE_STATE.start, ())
