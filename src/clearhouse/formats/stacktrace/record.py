"""The nouns of a crash: its frames and what they amount to."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame of a stack, as it was printed."""

    function: str | None
    """Function without its arguments; None when the frame was not symbolised."""
    file: str | None = None
    line: int | None = None
    module: str | None = None
    """Library or program with the offset inside it, for a frame that has no function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crash:
    """What one crash log says."""

    type: str | None
    """For example `Heap-buffer-overflow READ 4`; None when the log names no kind of crash."""
    frames: tuple[Frame, ...]
    """The stack that crashed, innermost first, runtime frames included."""
    state: tuple[str, ...]
    """At most three elements that stand for the crash: what failed, and the first telling frames.
    Empty when the log shows no crash."""
    address: str | None = None
