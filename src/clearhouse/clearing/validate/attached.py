"""Find a reproduction bundle among a report's attachments.

In come attachments; out come named bytes for `bundle.read_files`, or None. A bundle is either
attached as its files, one of them `bundle.yaml`, or packed as zip or tar. Refused: links, special
files, names that leave the archive, encrypted members, and archives that unpack to more than a
bundle may hold; sizes are counted while unpacking, not believed.
"""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

from clearhouse.clearing.intake.record import Attachment
from clearhouse.clearing.validate.reproduce.bundle import MAX_BYTES, MAX_FILES, BundleError

MANIFEST = "bundle.yaml"
_MANIFEST_BYTES = 64 << 10
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def is_archive(filename: str) -> bool:
    """Say whether an attachment of this name may hold a packed bundle."""
    return filename.lower().endswith(_ARCHIVES)


def bundle_files(attachments: tuple[Attachment, ...]) -> dict[str, bytes] | None:
    """Return the files of the first bundle, or None when there is none.

    Raises: BundleError when an archive that looks like a bundle cannot be used.
    """
    loose = {one.filename: one.data for one in attachments}
    if MANIFEST in loose:
        return loose
    for attachment in attachments:
        if is_archive(attachment.filename):
            found = _unpacked(attachment)
            if found is not None:
                return found
    return None


def carries_bundle(attachments: tuple[Attachment, ...]) -> bool:
    """Say whether there is a bundle among the attachments that can be unpacked."""
    try:
        return bundle_files(attachments) is not None
    except BundleError:
        return False


def _unpacked(attachment: Attachment) -> dict[str, bytes] | None:
    """Return an archive's files below its manifest; None when it holds no manifest."""
    try:
        if attachment.filename.lower().endswith(".zip"):
            files = dict(_zip(attachment.data))
        else:
            files = dict(_tar(attachment.data))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise BundleError("an attached archive is damaged") from error
    except (NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError("an attached archive is packed in a way that is not taken") from error
    manifests = sorted((name for name in files if PurePosixPath(name).name == MANIFEST), key=len)
    if not manifests:
        return None
    top = manifests[0].removesuffix(MANIFEST)
    return {name.removeprefix(top): data for name, data in files.items() if name.startswith(top)}


def _zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    left = MAX_BYTES + _MANIFEST_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in _at_most(archive.infolist()):
            if member.is_dir():
                continue
            if member.external_attr >> 28 not in {0, 8}:  # Unix type: none, or a regular file
                raise BundleError("an attached archive holds a link or a special file")
            with archive.open(member) as file:
                content = _read(file, left)
            left -= len(content)
            yield _sound(member.filename), content


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    left = MAX_BYTES + _MANIFEST_BYTES
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for number, member in enumerate(archive):
            if number > 2 * MAX_FILES:
                raise BundleError(f"an attached archive holds more than {MAX_FILES} files")
            if member.isdir():
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                raise BundleError("an attached archive holds a link or a special file")
            content = _read(file, left)
            left -= len(content)
            yield _sound(member.name), content


def _at_most(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    if len(members) > 2 * MAX_FILES:
        raise BundleError(f"an attached archive holds more than {MAX_FILES} files")
    return members


def _read(file: IO[bytes], left: int) -> bytes:
    content = file.read(left + 1)
    if len(content) > left:
        raise BundleError(f"an attached archive unpacks to more than {MAX_BYTES} bytes")
    return content


def _sound(name: str) -> str:
    path = PurePosixPath(name.removeprefix("./"))
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise BundleError("a file name leaves the attached archive")
    return str(path)
