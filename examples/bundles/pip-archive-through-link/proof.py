import contextlib
import io
import os
import tarfile

from pip._internal.exceptions import InstallationError
from pip._internal.utils.unpacking import untar_file

if hasattr(tarfile, "data_filter"):
    del tarfile.data_filter
os.mkdir("/tmp/elsewhere")
with tarfile.open("/tmp/given.tar", "w") as archive:
    link = tarfile.TarInfo("top/way")
    link.type, link.linkname = tarfile.SYMTYPE, "/tmp/elsewhere"
    archive.addfile(link)
    archive.addfile(tarfile.TarInfo("top/way/member"), io.BytesIO())
with contextlib.suppress(InstallationError):
    untar_file("/tmp/given.tar", "/tmp/unpacked")
