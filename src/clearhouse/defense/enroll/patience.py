"""Read an answer that may be endless, or come a byte at a time, within a size and a time.

A socket's timeout begins anew with every byte; a tool that trickles would hold the run for ever.
"""

from http.client import HTTPResponse
from time import monotonic

_PART = 1 << 16


def read_within(answer: HTTPResponse, *, most_bytes: int, seconds: float) -> bytes:
    """Return what was answered, cut at `most_bytes`. Raises: TimeoutError after `seconds`."""
    until = monotonic() + seconds
    parts: list[bytes] = []
    while most_bytes > 0 and (part := answer.read1(min(_PART, most_bytes))):
        parts.append(part)
        most_bytes -= len(part)
        if monotonic() > until:
            raise TimeoutError(f"still answering after {seconds:g} s")
    return b"".join(parts)
