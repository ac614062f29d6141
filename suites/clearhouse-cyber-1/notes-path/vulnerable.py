"""A notebook: lists notes and reads one by its name."""

from pathlib import Path

NOTES = Path("/work/files/notes")


def names():
    """Return the names of all notes."""
    return sorted(path.name for path in NOTES.iterdir())


def read(name):
    """Return the text of one note, or None."""
    path = NOTES / name
    if not path.is_file():
        return None
    return path.read_text()


def handle(request):
    """Answer `{"do": "list"}` or `{"do": "read", "name": ...}`."""
    if request["do"] == "list":
        return {"names": names()}
    return {"text": read(request["name"])}
