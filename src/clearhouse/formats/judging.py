"""Judge one advisory of any format that we accept: what it is, whether it is valid, and why not.

In: the bytes of a document, and the reader's clock. Out: a `Judgement` with every fault, each with
its place; a document that cannot be read at all has one. Refused with `ImportError`: CSAF and
CycloneDX where the extra `advisories` is not installed. Nothing here raises for what is wrong with
a document, and nothing of a document is believed because another part of it is sound.
Source: RFC 8259 and RFC 7493 for JSON; each format's own specification in its own module.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from clearhouse.formats import (
    csaf_check,
    cve_check,
    cyclonedx_check,
    ghsa_check,
    openvex_check,
    osv_check,
)
from clearhouse.formats.fault import Fault, at, future
from clearhouse.formats.strict_json import Json, StrictJsonError, Strictness, parse

LIMITS: Final = Strictness(max_bytes=64 * 1024 * 1024, max_depth=100)


class Kind(StrEnum):
    """A format of advisories."""

    CSAF_20 = "csaf-2.0"
    CSAF_21 = "csaf-2.1"
    CVE = "cve"
    CYCLONEDX = "cyclonedx"
    GHSA = "ghsa"
    OPENVEX = "openvex"
    OSV = "osv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What became of one document."""

    kind: Kind | None
    """None: no advisory of a format that is known here."""
    faults: tuple[Fault, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.kind is not None and not self.faults


def judge(data: bytes, now: datetime) -> Judgement:
    """Judge a document by its bytes."""
    try:
        document = parse(data, LIMITS)
    except StrictJsonError as error:
        fault = Fault(place=error.place, reason=error.reason, rule=f"json {error.code}")
        return Judgement(kind=None, faults=(fault,))
    kind = kind_of(document)
    if kind is None or not isinstance(document, dict):
        reason = "is no advisory in OSV, CSAF, CVE, OpenVEX, CycloneDX or GitHub's format"
        return Judgement(kind=None, faults=(Fault(place="", reason=reason, rule="format"),))
    return Judgement(kind=kind, faults=tuple(_faults(kind, document, now)))


def kind_of(document: Json) -> Kind | None:
    """Return what a parsed document is, by the marks that its format demands."""
    if not isinstance(document, dict):
        return None
    head = document.get("document")
    if isinstance(head, dict) and "csaf_version" in head:
        return Kind.CSAF_21 if head["csaf_version"] == "2.1" else Kind.CSAF_20
    context = document.get("@context")
    marks = (
        (Kind.CVE, "cveMetadata" in document or document.get("dataType") == "CVE_RECORD"),
        (Kind.CYCLONEDX, document.get("bomFormat") == "CycloneDX"),
        (Kind.OPENVEX, isinstance(context, str) and "openvex.dev" in context),
        (Kind.GHSA, bool(document.keys() & {"ghsa_id", "cvss_severities", "cwe_ids"})),
        (Kind.OSV, {"id", "modified"} <= document.keys() or "schema_version" in document),
    )
    return next((kind for kind, is_it in marks if is_it), None)


def _faults(kind: Kind, document: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    checks = {
        Kind.CVE: cve_check.faults,
        Kind.GHSA: ghsa_check.faults,
        Kind.OPENVEX: openvex_check.faults,
        Kind.OSV: osv_check.faults,
    }
    if kind in checks:
        yield from checks[kind](document, now)
    elif kind is Kind.CYCLONEDX:
        yield from cyclonedx_check.faults(document)
    else:
        yield from csaf_check.faults(document)
        yield from _csaf_dates(document, now)


def _csaf_dates(document: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    head = document.get("document")
    tracking = head.get("tracking") if isinstance(head, dict) else None
    for name in ("initial_release_date", "current_release_date"):
        if isinstance(tracking, dict) and name in tracking:
            yield from future(tracking[name], at("/document/tracking", name), now, "csaf")
