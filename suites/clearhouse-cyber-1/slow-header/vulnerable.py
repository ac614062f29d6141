"""Read the words of a header such as `gzip br; q`."""

import re

HEADER = re.compile(r"^(?:[\w.-]+\s*)+(?:;\s*\w*)?$")


def words(header):
    """Return the words before the semicolon, or None when the header is malformed."""
    if HEADER.match(header) is None:
        return None
    return header.partition(";")[0].split()


def handle(request):
    """Answer `{"header": ...}` with its words."""
    return {"words": words(request["header"])}
