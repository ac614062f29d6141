"""Unpack an uploaded archive and show its readme."""

import base64
import io
import os
import tarfile

PLACE = "/work/files/upload"


def unpack(data):
    """Lay out an archive below PLACE; names must stay inside."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = os.path.normpath(member.name)
            if name.startswith(("/", "..")):
                raise ValueError("a name leaves the folder")
            path = os.path.join(PLACE, name)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
            elif member.issym():
                raise ValueError("links are not taken")
            elif member.isreg():
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(archive.extractfile(member).read())


def readme():
    """Return the readme of the unpacked archive, or None."""
    path = os.path.join(PLACE, "README")
    if not os.path.isfile(path):
        return None
    with open(path) as file:
        return file.read()


def handle(request):
    """Answer `{"archive": base64 of a tar file}` with its readme."""
    os.makedirs(PLACE, exist_ok=True)
    unpack(base64.b64decode(request["archive"]))
    return {"readme": readme()}
