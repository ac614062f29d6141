"""A table of what is installed where, as people keep it in a spreadsheet.

In: CSV text with a header line; commas, semicolons or tabs. Out: an `Inventory` with an asset,
exposure and human impact for each row that states them. Refused with `InventoryError`: a table
without a column that names software, and a header that names a column twice.

Columns may be called by any of the names in `COLUMNS`, in any case; others are ignored. A word for
exposure or impact that is not known makes the row skipped, because a wrong guess there moves a
deadline.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from clearhouse.formats.inventory import (
    Component,
    Exposure,
    HumanImpact,
    Inventory,
    InventoryError,
    Skipped,
    collected,
    text_of,
)

COLUMNS: Final = {
    "asset": ("asset", "host", "hostname", "machine", "system", "device"),
    "name": ("name", "software", "product", "component", "package"),
    "version": ("version", "release", "firmware"),
    "vendor": ("vendor", "supplier", "manufacturer", "publisher"),
    "purl": ("purl", "package url", "package-url"),
    "cpe": ("cpe", "cpe23"),
    "ecosystem": ("ecosystem", "package manager"),
    "exposure": ("exposure", "exposed", "publicly exposed", "internet"),
    "human_impact": ("human_impact", "human impact", "impact", "criticality"),
}
"""Every column with the names that it may have."""

_EXPOSURES: Final = {
    "yes": Exposure.OPEN, "y": Exposure.OPEN, "true": Exposure.OPEN, "public": Exposure.OPEN,
    "internet": Exposure.OPEN, "open": Exposure.OPEN, "external": Exposure.OPEN,
    "no": Exposure.CONTROLLED, "n": Exposure.CONTROLLED, "false": Exposure.CONTROLLED,
    "internal": Exposure.CONTROLLED, "controlled": Exposure.CONTROLLED,
    "small": Exposure.SMALL, "isolated": Exposure.SMALL, "local": Exposure.SMALL,
}  # fmt: skip
_IMPACTS: Final = {
    "low": HumanImpact.LOW, "medium": HumanImpact.MEDIUM, "high": HumanImpact.HIGH,
    "very high": HumanImpact.VERY_HIGH, "very-high": HumanImpact.VERY_HIGH,
    "critical": HumanImpact.VERY_HIGH, "life-critical": HumanImpact.VERY_HIGH,
}  # fmt: skip
_DELIMITERS: Final = ",;\t"


def recognised(text: str) -> bool:
    """Answer whether the first line is a header that names software."""
    columns, _ = _header(text)
    return "name" in columns or "purl" in columns


def read(text: str) -> Inventory:
    """Read a table.

    Raises: InventoryError.
    """
    columns, delimiter = _header(text)
    if not {"name", "purl"} & columns.keys():
        raise InventoryError("line 1: no column names the software; call one `name`")
    return collected("CSV inventory", None, _rows(text, columns, delimiter))


def _header(text: str) -> tuple[dict[str, int], str]:
    first = next(iter(text.lstrip("\ufeff").splitlines()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        cells = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return {}, delimiter
    spoken = [cell.strip().strip('"').lower() for cell in cells]
    columns: dict[str, int] = {}
    for column, names in COLUMNS.items():
        places = [place for place, name in enumerate(spoken) if name in names]
        if len(places) > 1:
            raise InventoryError(f"line 1: {len(places)} columns could be the {column}")
        if places:
            columns[column] = places[0]
    return columns, delimiter


def _rows(text: str, columns: Mapping[str, int], delimiter: str) -> Iterator[Component | Skipped]:
    table = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
    try:
        next(table, None)
        for row in table:
            if any(cell.strip() for cell in row):
                yield _row(f"line {table.line_num}", row, columns)
    except csv.Error as error:
        raise InventoryError(f"line {table.line_num}: {error}") from None


def _row(place: str, row: list[str], columns: Mapping[str, int]) -> Component | Skipped:
    cells = {column: text_of(row[at]) if at < len(row) else None for column, at in columns.items()}
    exposure, impact = cells.get("exposure"), cells.get("human_impact")
    purl = cells.get("purl")
    name = cells.get("name") or (purl.partition("@")[0] if purl else None)
    if name is None:
        return Skipped(place=place, reason="names no software")
    if exposure is not None and exposure.lower() not in _EXPOSURES:
        return Skipped(place=place, reason="exposure: write open, controlled or small")
    if impact is not None and impact.lower() not in _IMPACTS:
        return Skipped(place=place, reason="human_impact: write low, medium, high or very high")
    return Component(
        place=place,
        name=name,
        version=cells.get("version"),
        purl=purl,
        cpe=cells.get("cpe"),
        vendor=cells.get("vendor"),
        ecosystem=cells.get("ecosystem"),
        asset=cells.get("asset"),
        exposure=_EXPOSURES[exposure.lower()] if exposure else None,
        human_impact=_IMPACTS[impact.lower()] if impact else None,
    )
