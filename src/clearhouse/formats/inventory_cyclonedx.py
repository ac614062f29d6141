"""CycloneDX bills of materials as inventories, JSON and XML.

In: a parsed JSON document, or the bytes of an XML one. Out: an `Inventory` with every component,
those inside components too. Refused with `InventoryError`: versions other than 1.2 to 1.7, XML
with a document type (it could define entities that grow without end), and nesting without end.

Components inside each other are walked with a list of what is still to do, so depth costs no
stack; the graph of dependencies, which may have cycles, decides nothing here and is not walked.

Source: CycloneDX 1.7, `components`, `metadata.component`; ECMA-424.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from xml.parsers import expat

from clearhouse.formats.inventory import (
    Component,
    Inventory,
    InventoryError,
    Skipped,
    collected,
    text_of,
)

VERSIONS: Final = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
MAX_XML_DEPTH: Final = 256
_NAMESPACE: Final = re.compile(r"http://cyclonedx\.org/schema/bom/(\d+\.\d+)")
_KEPT: Final = frozenset({"group", "name", "version", "purl", "cpe", "versionRange"})


def recognised(document: Mapping[str, object]) -> bool:
    """Answer whether a JSON document calls itself a CycloneDX bill of materials."""
    return document.get("bomFormat") == "CycloneDX" or "cyclonedx" in str(document.get("$schema"))


def read_json(document: Mapping[str, object]) -> Inventory:
    """Read a parsed JSON document.

    Raises: InventoryError.
    """
    version = text_of(document.get("specVersion")) or "unstated"
    _demand(version, "specVersion")
    metadata = document.get("metadata")
    root = metadata.get("component") if isinstance(metadata, Mapping) else None
    subject = text_of(root.get("name")) if isinstance(root, Mapping) else None
    pending: list[tuple[str, object]] = [("components", document.get("components", []))]
    if isinstance(root, Mapping):
        pending.append(("metadata.component.components", root.get("components", [])))
    return collected(f"CycloneDX {version} (JSON)", subject, _walk(pending))


def read_xml(data: bytes) -> Inventory:
    """Read the bytes of an XML document.

    Raises: InventoryError.
    """
    reader = _XmlReader()
    reader.feed(data)
    if reader.version is None:
        raise InventoryError("the XML document is no CycloneDX bill of materials")
    _demand(reader.version, "the namespace")
    return collected(f"CycloneDX {reader.version} (XML)", reader.subject, iter(reader.found))


def _demand(version: str, place: str) -> None:
    if version not in VERSIONS:
        raise InventoryError(f"{place}: CycloneDX is read from {VERSIONS[0]} to {VERSIONS[-1]}")


def _walk(roots: list[tuple[str, object]]) -> Iterator[Component | Skipped]:
    """Visit every component, in the order of the document."""
    pending: list[tuple[str, object]] = []
    for place, listed in reversed(roots):
        _push(pending, place, listed)
    while pending:
        where, one = pending.pop()
        if not isinstance(one, Mapping):
            yield Skipped(place=where, reason="is not a component, or not a list of them")
            continue
        yield _component(where, one)
        if "components" in one:
            _push(pending, f"{where}.components", one["components"])


def _push(pending: list[tuple[str, object]], place: str, listed: object) -> None:
    if isinstance(listed, list):
        pending.extend((f"{place}[{at}]", listed[at]) for at in range(len(listed) - 1, -1, -1))
    else:
        pending.append((place, None))


def _component(place: str, fields: Mapping[str, object]) -> Component | Skipped:
    name = text_of(fields.get("name"))
    if name is None:
        return Skipped(place=place, reason="has no name")
    group = text_of(fields.get("group"))
    ranged = text_of(fields.get("versionRange"))
    supplier = fields.get("supplier")
    return Component(
        place=place,
        name=f"{group}/{name}" if group else name,
        version=text_of(fields.get("version")),
        purl=text_of(fields.get("purl")),
        cpe=text_of(fields.get("cpe")),
        vendor=text_of(supplier.get("name")) if isinstance(supplier, Mapping) else group,
        remark="the file states a range of versions, not the one installed" if ranged else None,
    )


class _XmlReader:
    """Collects components while the parser runs; text of other elements is dropped."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.subject: str | None = None
        self.found: list[Component | Skipped] = []
        self._path: list[str] = []
        self._open: list[dict[str, object]] = []
        self._text: list[str] = []
        self._count = 0

    def feed(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise InventoryError(f"line {error.lineno}: not well-formed XML, or cut off") from None

    def _refuse(self, *_: object) -> None:
        raise InventoryError("the XML document has a document type, which no inventory needs")

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if not self._path:
            match = _NAMESPACE.fullmatch(space)
            self.version = match[1] if match and local == "bom" else None
        self._path.append(local)
        if len(self._path) > MAX_XML_DEPTH:
            raise InventoryError(f"elements are nested deeper than {MAX_XML_DEPTH}")
        if local == "component" and self._path[-2:-1] in (["components"], ["metadata"]):
            self._open.append({"place": f"component[{self._count}]", "root": self._root()})
            self._count += not self._root()
        self._text.clear()

    def _root(self) -> bool:
        return self._path[-2:-1] == ["metadata"]

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        parent = self._path[-2:-1]
        if self._open and parent == ["component"] and local in _KEPT:
            self._open[-1][local] = "".join(self._text)
        elif local == "component" and parent in (["components"], ["metadata"]) and self._open:
            self._close(self._open.pop())
        self._path.pop()
        self._text.clear()

    def _close(self, fields: dict[str, object]) -> None:
        if fields["root"]:
            self.subject = text_of(fields.get("name"))
        else:
            self.found.append(_component(str(fields["place"]), fields))
