"""Reads an inventory of whatever kind: the content says which, not the name of the file.

In: bytes. Out: an `Inventory`. Refused with `InventoryError`, with the place: what is none of the
kinds, is cut off, or larger than is read.
"""

from clearhouse.formats import (
    inventory_csv,
    inventory_cyclonedx,
    inventory_npm,
    inventory_python,
    inventory_spdx,
)
from clearhouse.formats.inventory import MAX_BYTES, Inventory, InventoryError
from clearhouse.formats.strict_json import Repeats, StrictJsonError, Strictness, parse

KINDS = "CycloneDX 1.2 to 1.7, SPDX 2.3, pip freeze, package-lock.json, or CSV with a header"
_STRICTNESS = Strictness(
    max_bytes=MAX_BYTES, max_depth=512, repeats=Repeats.EVERYWHERE, byte_order_mark=True
)


def read(data: bytes) -> Inventory:
    """Read an inventory.

    Raises: InventoryError.
    """
    if len(data) > MAX_BYTES:
        raise InventoryError(f"larger than {MAX_BYTES} bytes; split it")
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return _json(data)
    if start.startswith(b"<"):
        return inventory_cyclonedx.read_xml(data)
    return _text(data)


def _json(data: bytes) -> Inventory:
    try:
        document = parse(data, _STRICTNESS)
    except StrictJsonError as error:
        where = f"{error.place}: " if error.place else ""
        raise InventoryError(f"{where}{error.reason}") from None
    if not isinstance(document, dict):
        raise InventoryError("is not a JSON object")
    if inventory_cyclonedx.recognised(document):
        return inventory_cyclonedx.read_json(document)
    if inventory_spdx.recognised(document):
        return inventory_spdx.read_json(document)
    if inventory_npm.recognised(document):
        return inventory_npm.read(document)
    raise InventoryError(f"is JSON of another kind; {KINDS} are read")


def _text(data: bytes) -> Inventory:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InventoryError(f"byte {error.start}: not UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise InventoryError("holds zero bytes; it is no text")
    if "SPDXVersion:" in text[:65536]:
        return inventory_spdx.read_tag_value(text)
    if inventory_csv.recognised(text):
        return inventory_csv.read(text)
    if inventory_python.recognised(text):
        return inventory_python.read(text)
    raise InventoryError(f"is no inventory; {KINDS} are read")
