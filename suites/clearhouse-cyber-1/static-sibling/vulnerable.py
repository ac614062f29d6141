"""Give out files of one public folder."""

import os

PUBLIC = "/work/files/static"


def find(name):
    """Return the path of a public file, or None."""
    path = os.path.realpath(os.path.join(PUBLIC, name.lstrip("/")))
    if not path.startswith(PUBLIC):
        return None
    return path if os.path.isfile(path) else None


def handle(request):
    """Answer `{"path": ...}` with the file's text."""
    path = find(request["path"])
    if path is None:
        return {"status": 404}
    with open(path) as file:
        return {"status": 200, "text": file.read()}
