"""Logs that may be read by anybody who may read logs.

An exception's message can hold text of a report, so a logged exception shows its type and the
places in the code, and nothing that was said.
"""

import copy
import logging
import sys
import traceback
from types import TracebackType

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class WordlessFormatter(logging.Formatter):
    """Formats a record without the words of its exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record in words of ours, whatever another handler made of it before."""
        bare = copy.copy(record)
        bare.exc_text = None  # where the words are kept once any formatter has said them
        return super().format(bare)

    def formatException(self, ei: ExceptionInfo | tuple[None, None, None]) -> str:  # noqa: N802 - the name and shape that logging calls
        """Return the exception's type and the frames it came through."""
        kind, _, trace = ei
        frames = traceback.extract_tb(trace)
        places = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return "\n".join([f"{kind.__name__ if kind else 'no exception'} at", *places])


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Send every logger of the process to standard error, wordlessly."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(WordlessFormatter("clearhouse: %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
