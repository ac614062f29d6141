"""Whether a CVE Record can be acted upon: its frame, its dates, and ranges that can be true.

In: a parsed record and the reader's clock. Out: every fault with its place. Refused: nothing here
raises. What depends on the registers of the CVE program (who owns an organisation id, whether an id
was reserved) is not looked at.
Source: CVE Record Format 5.2.0.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clearhouse.formats import purl as purls
from clearhouse.formats import vers
from clearhouse.formats.fault import Fault, at, future
from clearhouse.formats.strict_json import Json

_RULE: Final = "cve 5.2"
_ID: Final = re.compile(r"CVE-\d{4}-\d{4,19}", re.ASCII)
_VERSION: Final = re.compile(r"5\.\d+(\.\d+)?", re.ASCII)
_UUID: Final = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
)
_NEEDED: Final = {
    "PUBLISHED": ("providerMetadata", "descriptions", "affected", "references"),
    "REJECTED": ("providerMetadata", "rejectedReasons"),
}
_STATUSES: Final = ("affected", "unaffected", "unknown")


def faults(record: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    """Yield everything that is wrong with a record."""
    if record.get("dataType") != "CVE_RECORD":
        yield _fault("/dataType", "is not CVE_RECORD")
    version = record.get("dataVersion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        yield _fault("/dataVersion", "is no version 5")
    metadata = record.get("cveMetadata")
    if not isinstance(metadata, dict):
        yield _fault("/cveMetadata", "is missing")
        return
    yield from _metadata(metadata, now)
    containers = record.get("containers")
    cna = containers.get("cna") if isinstance(containers, dict) else None
    if not isinstance(cna, dict):
        yield _fault("/containers/cna", "is missing")
        return
    for name in _NEEDED.get(str(metadata.get("state")), ()):
        if not cna.get(name):
            yield _fault(at("/containers/cna", name), "is missing or empty")
    affected = cna.get("affected")
    for index, one in enumerate(affected if isinstance(affected, list) else []):
        if isinstance(one, dict):
            yield from _product(one, at("/containers/cna/affected", index))


def _fault(place: str, reason: str) -> Fault:
    return Fault(place=place, reason=reason, rule=_RULE)


def _metadata(metadata: dict[str, Json], now: datetime) -> Iterator[Fault]:
    if not _ID.fullmatch(str(metadata.get("cveId"))):
        yield _fault("/cveMetadata/cveId", "is no CVE id")
    if not _UUID.fullmatch(str(metadata.get("assignerOrgId"))):
        yield _fault("/cveMetadata/assignerOrgId", "is no UUID of version 4")
    if metadata.get("state") not in _NEEDED:
        yield _fault("/cveMetadata/state", "is neither PUBLISHED nor REJECTED")
    for name in ("dateReserved", "datePublished", "dateUpdated", "dateRejected"):
        if name in metadata:
            yield from future(metadata[name], at("/cveMetadata", name), now, _RULE)


def _product(one: dict[str, Json], place: str) -> Iterator[Fault]:
    named = ({"vendor", "product"}, {"collectionURL", "packageName"}, {"packageURL"})
    if not any(names <= one.keys() for names in named):
        yield _fault(place, "names no product")
    if not {"versions", "defaultStatus"} & one.keys():
        yield _fault(place, "has neither versions nor defaultStatus")
    scheme = None
    if "packageURL" in one:
        try:
            package = purls.parse(str(one["packageURL"]))
        except purls.PurlError as error:
            yield _fault(at(place, "packageURL"), str(error))
        else:
            scheme = vers.scheme_of(package.type)
            if package.version is not None:
                yield _fault(at(place, "packageURL"), "has a version, which belongs to versions")
    versions = one.get("versions", [])
    for index, stretch in enumerate(versions if isinstance(versions, list) else [None]):
        yield from _stretch(stretch, at(place, "versions", index), scheme)


def _stretch(stretch: Json, place: str, scheme: str | None) -> Iterator[Fault]:
    if not isinstance(stretch, dict) or not isinstance(stretch.get("version"), str):
        yield _fault(place, "has no version")
        return
    if stretch.get("status") not in _STATUSES:
        yield _fault(at(place, "status"), f"is none of {', '.join(_STATUSES)}")
    ends = [name for name in ("lessThan", "lessThanOrEqual") if name in stretch]
    if len(ends) > 1:
        yield _fault(place, "has two ends")
    if ends and "versionType" not in stretch:
        yield _fault(place, "has an end without a versionType")
    order = "semver" if stretch.get("versionType") == "semver" else scheme
    start, end = str(stretch["version"]), str(stretch.get(ends[0])) if ends else ""
    if order is None or not end or start in {"0", "*"} or "*" in end:
        return
    try:
        sign = vers.compare(order, start, end)
    except vers.VersError:
        return
    if sign > 0 or (sign == 0 and ends == ["lessThan"]):
        yield _fault(place, "ends before it begins")
