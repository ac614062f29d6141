"""A front that keeps strangers away from /admin, and the server behind it."""

import re

ENTRY = re.compile(r"(GET|POST) (\S+) HTTP/1.1\r\n((?:[^\r\n]+\r\n)*)\r\n")


def field(head, name):
    """Return the value of a header field, or None."""
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def front_length(head):
    """How the front reads the length of a body."""
    value = field(head, "content-length")
    if value is None:
        return 0
    return int(value)


def server_length(head):
    """How the server reads the length of a body: digits, or there is none."""
    value = field(head, "content-length")
    return int(value) if value is not None and re.fullmatch("[0-9]+", value) else 0


def paths(stream, length):
    """Return the paths asked for in a stream of requests."""
    found = []
    while (entry := ENTRY.match(stream)) is not None:
        found.append(entry[2])
        size = length(entry[3])
        stream = stream[entry.end() + size :]
    return found


def handle(request):
    """Answer `{"stream": ...}` with the paths that the server served."""
    try:
        if any(path.startswith("/admin") for path in paths(request["stream"], front_length)):
            return {"status": 403, "served": ""}
    except ValueError:
        return {"status": 400, "served": ""}
    return {"status": 200, "served": " ".join(paths(request["stream"], server_length))}
