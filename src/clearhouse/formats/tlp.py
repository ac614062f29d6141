"""Traffic Light Protocol: how far something may travel.

In: a label as somebody writes it, of TLP 2.0 or 1.0. Out: the label of TLP 2.0, and its order from
free to most restricted. Refused with `TlpError`: anything else.

Where a label has no twin in the other version it moves to the stricter side, so that translating
never widens an audience: AMBER+STRICT becomes RED in TLP 1.0.

Source: FIRST, Traffic Light Protocol 2.0, section 2 and appendix on TLP 1.0.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, Self


class TlpError(ValueError):
    """The text is not a label of the Traffic Light Protocol."""


class Tlp(StrEnum):
    """The labels of TLP 2.0 as they are written, freest first; they compare by strictness."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"

    @property
    def rank(self) -> int:
        """0 for the freest label, 4 for the strictest."""
        return list(type(self)).index(self)

    @property
    def version_1(self) -> Literal["WHITE", "GREEN", "AMBER", "RED"]:
        """The label of TLP 1.0 that lets no wider audience read."""
        labels: tuple[Literal["WHITE", "GREEN", "AMBER", "RED"], ...]
        labels = ("WHITE", "GREEN", "AMBER", "RED", "RED")
        return labels[self.rank]

    def permits(self, audience: Self) -> bool:
        """Answer whether something with this label may go out under that label or a stricter one.

        What is AMBER may be sent as RED and never as GREEN.
        """
        return audience.rank >= self.rank


def parse(text: str) -> Tlp:
    """Return the label, with or without `TLP:`, in any case; WHITE is read as CLEAR.

    Raises: `TlpError`.
    """
    name = text.strip().upper().removeprefix("TLP:").replace("_", "+").replace(" ", "+")
    if name == "WHITE":
        return Tlp.CLEAR
    try:
        return Tlp(f"TLP:{name}")
    except ValueError:
        raise TlpError("text is not a TLP label") from None


def strictest(labels: Iterable[Tlp]) -> Tlp:
    """Return the label that covers all of them; the strictest of none is RED.

    Nothing said about sharing means that nobody allowed it.
    """
    return max(labels, key=lambda label: label.rank, default=Tlp.RED)
