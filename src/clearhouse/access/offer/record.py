"""The nouns of offer: a window, its times, and the version of the model it is for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.access.refusal import States
from clearhouse.kernel.ids import Compartment, PartyId


class Side(StrEnum):
    """The two who offer access together."""

    LAB = "lab"
    GOVERNMENT = "government"


class WindowState(StrEnum):
    """How far a window is."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class WindowStep(StrEnum):
    """What is done with a window."""

    OPEN = "open"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"


WINDOW: States[WindowState, WindowStep] = States(
    "window",
    WindowState.DRAFT,
    {
        (WindowState.DRAFT, WindowStep.OPEN): WindowState.OPEN,
        (WindowState.DRAFT, WindowStep.CLOSE): WindowState.CLOSED,
        (WindowState.OPEN, WindowStep.PAUSE): WindowState.PAUSED,
        (WindowState.PAUSED, WindowStep.RESUME): WindowState.OPEN,
        (WindowState.OPEN, WindowStep.CLOSE): WindowState.CLOSED,
        (WindowState.PAUSED, WindowStep.CLOSE): WindowState.CLOSED,
    },
)
"""A pause stops every call and stretches nothing: the end of the window stands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPin:
    """The one version of a model that a window is for."""

    name: str
    """What callers ask for."""
    digest: str
    """What the lab says identifies the weights, for example the SHA-256 of their manifest."""
    served_names: tuple[str, ...]
    """What the endpoint may call the model in its answers; anything else is another model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """The instants of a window, UTC: government first, then partners, then the public."""

    opens_at: datetime
    partners_from: datetime
    closes_at: datetime
    """The hard stop."""
    released_at: datetime | None = None
    """When the lab means to release to the public; None while it has not said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Early access to one version of one model."""

    window_id: str
    label: str
    lab: PartyId
    government: PartyId
    model: ModelPin
    times: Times
    state: WindowState
    opened_at: datetime | None
    """When it was first opened; from then on its start cannot be moved."""
    closed_at: datetime | None
    terms: str
    terms_sha256: str
    selection: str
    capacity: int
    """How many parties can take part."""
    compartment: Compartment
    readers: tuple[str, ...]
    deliberation: Compartment
    """What the two sides say to each other; nominated parties never read it."""

    def side_of(self, party: PartyId) -> Side | None:
        """Return which side a party is, None when it is neither."""
        return {self.lab: Side.LAB, self.government: Side.GOVERNMENT}.get(party)
