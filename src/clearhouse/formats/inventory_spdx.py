"""SPDX 2.2 and 2.3 documents as inventories, JSON and tag-value.

In: a parsed JSON document, or the text of a tag-value one. Out: an `Inventory` of its packages;
files and snippets are no components. Refused with `InventoryError`: other versions of SPDX, which
say so themselves.

Relationships, which may form cycles, decide nothing here and are not walked.

Source: SPDX 2.3, clause 7 (package information) and 7.21 (external references).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from clearhouse.formats.inventory import (
    Component,
    Inventory,
    InventoryError,
    Skipped,
    collected,
    text_of,
)

VERSIONS: Final = ("SPDX-2.2", "SPDX-2.3")
_CPE: Final = frozenset({"cpe22Type", "cpe23Type"})


def recognised(document: Mapping[str, object]) -> bool:
    """Answer whether a JSON document calls itself SPDX, in whatever version."""
    return "spdxVersion" in document or "spdx.org" in str(document.get("@context"))


def read_json(document: Mapping[str, object]) -> Inventory:
    """Read a parsed JSON document.

    Raises: InventoryError.
    """
    version = text_of(document.get("spdxVersion")) or "SPDX-3"
    _demand(version)
    packages = document.get("packages", [])
    if not isinstance(packages, list):
        raise InventoryError("packages: is not a list")
    return collected(
        f"{version.replace('-', ' ')} (JSON)", text_of(document.get("name")), _json(packages)
    )


def read_tag_value(text: str) -> Inventory:
    """Read the text of a tag-value document.

    Raises: InventoryError.
    """
    pairs = [*_pairs(text)]
    heads = {
        tag: value for _, tag, value in reversed(pairs) if tag in {"SPDXVersion", "DocumentName"}
    }
    version = heads.get("SPDXVersion", "unstated")
    _demand(version)
    return collected(
        f"{version.replace('-', ' ')} (tag-value)",
        text_of(heads.get("DocumentName")),
        _tagged(pairs),
    )


def _demand(version: str) -> None:
    if version not in VERSIONS:
        raise InventoryError(
            f"spdxVersion: {', '.join(VERSIONS)} are read; export the document as one of them"
        )


def _json(packages: list[object]) -> Iterator[Component | Skipped]:
    for index, one in enumerate(packages):
        place = f"packages[{index}]"
        if not isinstance(one, Mapping):
            yield Skipped(place=place, reason="is not a package")
            continue
        listed = one.get("externalRefs", [])
        references = [
            (str(each.get("referenceType")), text_of(each.get("referenceLocator")))
            for each in (listed if isinstance(listed, list) else [])
            if isinstance(each, Mapping)
        ]
        yield _component(
            place, one.get("name"), one.get("versionInfo"), one.get("supplier"), references
        )


def _component(
    place: str,
    name: object,
    version: object,
    supplier: object,
    references: list[tuple[str, str | None]],
) -> Component | Skipped:
    stated = text_of(name)
    if stated is None:
        return Skipped(place=place, reason="has no name")
    vendor = text_of(supplier)
    return Component(
        place=place,
        name=stated,
        version=text_of(version),
        purl=next((at for kind, at in references if kind == "purl"), None),
        cpe=next((at for kind, at in references if kind in _CPE), None),
        vendor=vendor.partition(":")[2].partition("(")[0].strip() or None if vendor else None,
    )


def _pairs(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, tag and value; a value in `<text>` may have several lines."""
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        tag, colon, value = line.partition(":")
        if not colon or line.lstrip().startswith("#"):
            continue
        value = value.strip()
        if value.startswith("<text>") and "</text>" not in value:
            rest = [value]
            for _, more in lines:
                rest.append(more)
                if "</text>" in more:
                    break
            value = "\n".join(rest)
        yield number, tag.strip(), value.removeprefix("<text>").removesuffix("</text>")


def _tagged(pairs: list[tuple[int, str, str]]) -> Iterator[Component | Skipped]:
    current: dict[str, str] = {}
    references: list[tuple[str, str | None]] = []
    for number, tag, value in [*pairs, (0, "PackageName", "")]:
        if tag in {"PackageName", "FileName"} and current:
            yield _component(
                f"line {current['line']}",
                current["PackageName"],
                current.get("PackageVersion"),
                current.get("PackageSupplier"),
                references,
            )
            current, references = {}, []
        if tag == "PackageName" and number:
            current = {"line": str(number), tag: value}
        elif current and tag in {"PackageVersion", "PackageSupplier"}:
            current[tag] = value
        elif current and tag == "ExternalRef":
            parts = value.split()
            if len(parts) == 3:
                references.append((parts[1], text_of(parts[2])))
