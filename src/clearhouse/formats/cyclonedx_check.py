"""Whether a CycloneDX document is valid, by CycloneDX's own schemas.

In: a parsed bill of materials or VEX of version 1.2 to 1.7. Out: every fault with its place.
Refused with `ImportError`: where the extra `advisories` is not installed. The schemas are those
that cyclonedx-python-lib carries.
Source: CycloneDX 1.7 (ECMA-424) and earlier.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from clearhouse.formats.fault import Fault, at
from clearhouse.formats.inventory_cyclonedx import VERSIONS
from clearhouse.formats.strict_json import Json

if TYPE_CHECKING:
    import jsonschema_rs

_BESIDE: Final = ("cryptography-defs", "jsf-0.82", "spdx")


def faults(document: Mapping[str, Json]) -> Iterator[Fault]:
    """Yield everything that is wrong with a document."""
    version = document.get("specVersion")
    if version not in VERSIONS:
        yield Fault(
            place="/specVersion",
            reason=f"is none of {', '.join(VERSIONS)}",
            rule="cyclonedx",
        )
        return
    rule = f"cyclonedx {version}"
    found = _schema(str(version)).iter_errors(dict(document))
    for error in found:
        reason = error.message if len(error.message) < 200 else "does not fit the schema here"
        yield Fault(place=at("", *error.instance_path), reason=reason, rule=rule)


@cache
def _schema(version: str) -> "jsonschema_rs.Draft7Validator":
    import jsonschema_rs  # noqa: PLC0415 (an extra)

    folder = files("cyclonedx.schema") / "_res"

    def load(name: str) -> dict[str, Json]:
        found: dict[str, Json] = json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        return found

    beside = [
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", load(name)) for name in _BESIDE
    ]
    return jsonschema_rs.Draft7Validator(
        load(f"bom-{version}"),
        validate_formats=True,
        registry=jsonschema_rs.Registry(beside),
    )
