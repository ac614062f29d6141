"""Ask a registry which versions of a package were released, and for the source of one of them.

In comes a package; out come its versions, oldest first. Pre-releases are left out, and versions
whose order nobody can tell. The digest of a source comes from the registry's own index, so it says
that the file arrived whole, not that it is the right one.

Source: PEP 503 for the index of Python packages; the npm registry's package document.
"""

import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator

from clearhouse.clearing.validate.reproduce.archive import Archive
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources.download import read_url
from clearhouse.clearing.validate.sources.registries import SDIST, npm_registry, pypi_files
from clearhouse.clearing.validate.versions import parse_version
from clearhouse.formats.purl import Purl

_FINAL = re.compile(r"\d+(?:\.\d+)*(?:\.post\d+)?")
_MAX_DOCUMENT = 64 << 20


def released_versions(target: Purl) -> tuple[str, ...]:
    """Return the released versions of a package, oldest first.

    Raises: BuildError when the registry cannot be asked or the kind of package has no registry.
    """
    if target.type == "pypi":
        names: Iterable[str] = (version for version, _ in pypi_files(read_url, target.name))
    elif target.type == "npm":
        names = _npm(target)
    else:
        raise BuildError(f"no registry lists the versions of packages of type {target.type}")
    known = {
        parsed: name
        for name in names
        if _FINAL.fullmatch(name) and (parsed := parse_version(target.type, name)) is not None
    }
    if not known:
        raise BuildError("the registry lists no version of this package")
    return tuple(known[one] for one in sorted(known))


def source_of(target: Purl, version: str) -> Archive:
    """Return the published source of one version of a Python package.

    Raises: BuildError when there is none.
    """
    for stated, part in pypi_files(read_url, target.name):
        if stated == version and part.file.endswith(SDIST):
            return Archive(file=part.file, sha256=part.digest)
    raise BuildError(f"no source of version {version} is published")


def _npm(target: Purl) -> Iterator[str]:
    name = "/".join(part for part in (target.namespace, target.name) if part)
    data = read_url(f"{npm_registry()}/{urllib.parse.quote(name, safe='@')}", _MAX_DOCUMENT)
    try:
        document = json.loads(data or b"")
    except ValueError as error:
        raise BuildError("the registry could not be asked which versions there are") from error
    versions = document.get("versions") if isinstance(document, dict) else None
    yield from versions if isinstance(versions, dict) else ()
