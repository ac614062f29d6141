"""`package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3, as inventories.

In: a parsed document. Out: an `Inventory` of npm packages, one for each place that a package is
installed at. Refused with `InventoryError`: a lock version that is not known, and a document
without packages of the form that its version demands. Links to folders of the project are no
packages and are left to the folder's own entry.

Source: npm, package-lock.json, `lockfileVersion`, `packages`, `dependencies`.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from clearhouse.formats.inventory import (
    Component,
    Inventory,
    InventoryError,
    Skipped,
    collected,
    text_of,
)

_FOLDER: Final = "node_modules/"
_NOT_RELEASES: Final = ("git", "file:", "http:", "https:", "github:", "link:")


def recognised(document: Mapping[str, object]) -> bool:
    """Answer whether a JSON document has the mark of a lock file of npm."""
    return "lockfileVersion" in document


def read(document: Mapping[str, object]) -> Inventory:
    """Read a parsed lock file.

    Raises: InventoryError.
    """
    version = document.get("lockfileVersion")
    if version not in {1, 2, 3} or isinstance(version, bool):
        raise InventoryError("lockfileVersion: 1, 2 and 3 are read")
    key = "dependencies" if version == 1 else "packages"
    listed = document.get(key)
    if not isinstance(listed, Mapping):
        raise InventoryError(f"{key}: is missing or no object")
    found = _tree(listed) if version == 1 else _flat(listed)
    return collected(f"package-lock {version}", text_of(document.get("name")), found)


def _flat(packages: Mapping[str, object]) -> Iterator[Component | Skipped]:
    for path, fields in packages.items():
        place = f"packages[{path!r}]"
        if not isinstance(fields, Mapping):
            yield Skipped(place=place, reason="is not an object")
        elif _FOLDER in path and not fields.get("link"):
            name = text_of(fields.get("name")) or path.rpartition(_FOLDER)[2]
            yield _component(place, name, fields)


def _tree(dependencies: Mapping[str, object]) -> Iterator[Component | Skipped]:
    pending: list[tuple[str, Mapping[str, object]]] = [("dependencies", dependencies)]
    while pending:
        place, listed = pending.pop()
        for name, fields in listed.items():
            where = f"{place}[{name!r}]"
            if not isinstance(fields, Mapping):
                yield Skipped(place=where, reason="is not an object")
                continue
            yield _component(where, name, fields)
            inner = fields.get("dependencies")
            if isinstance(inner, Mapping):
                pending.append((f"{where}.dependencies", inner))


def _component(place: str, name: str, fields: Mapping[str, object]) -> Component | Skipped:
    stated = text_of(name)
    if stated is None:
        return Skipped(place=place, reason="has no name")
    version = text_of(fields.get("version"))
    if version is not None and version.startswith("npm:"):  # installed under another name
        stated, _, version = version[4:].rpartition("@")
    remark = None
    if version is not None and version.startswith(_NOT_RELEASES):
        version, remark = None, "it is installed from an address, which names no release"
    return Component(
        place=place,
        name=stated,
        version=version or None,
        purl=f"pkg:npm/{quote(stated.lower(), safe='/')}",
        remark=remark,
    )
