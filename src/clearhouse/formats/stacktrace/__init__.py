"""Crash logs: what kind of crash, in which frames, and what stands for it.

In comes the text of a log as sanitizers, fuzzers, language runtimes and kernels print it, out comes
a `Crash`. A log without a crash gives an empty state. No input is refused: what is not understood
is passed over. Long logs are read to a limit that `reading` states.
"""

from clearhouse.formats.stacktrace.reading import parse
from clearhouse.formats.stacktrace.record import Crash, Frame

__all__ = ["Crash", "Frame", "parse"]
