import io
import zipfile

import zipp

archive = zipfile.ZipFile(io.BytesIO(), "w")
archive.writestr("//member", b"")
print([one.name for one in zipp.Path(archive).iterdir()])
