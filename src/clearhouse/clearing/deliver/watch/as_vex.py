"""The answer as a CycloneDX VEX document, for tools that keep bills of materials.

In: a `WatchReport`. Out: a CycloneDX 1.7 document with the components that something is known
against, and one vulnerability for each flaw. Refused: nothing. Components that were not evaluated
are in it as components with a property that says so, because a VEX has no word for them.

Source: CycloneDX 1.7, `vulnerabilities`; ECMA-424.
"""

import uuid
from collections.abc import Iterator
from typing import Final

from clearhouse.clearing.deliver.watch.record import Flaw, WatchReport
from clearhouse.formats.canonical import Json
from clearhouse.formats.cvss import CYCLONEDX_METHODS, CvssError, parse
from clearhouse.formats.inventory import Component
from clearhouse.formats.osv import instant
from clearhouse.formats.statements import RemedyKind

_SPACE: Final = uuid.UUID("6f1f6f5e-26a7-5b36-9d0a-0c1c2cf3f0a2")


def document(report: WatchReport) -> dict[str, Json]:
    """Return the document; the same report gives the same one."""
    flaws = (*report.flaws, *(one for one in report.investigating if not one.hits))
    named = [one.component for flaw in flaws for one in flaw.hits]
    named += [one.component for flaw in flaws for one in (*flaw.investigating, *flaw.cleared)]
    unsure = [one.component for one in report.unchecked if one.component is not None]
    components: dict[str, Json] = {}
    for one in (*named, *unsure):
        components.setdefault(_ref(one), _component(one, evaluated=one in named))
    serial = uuid.uuid5(_SPACE, f"{report.inventory} {instant(report.at)}")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": instant(report.at),
            "tools": {"components": [{"type": "application", "name": "clearhouse watch"}]},
        },
        "components": list(components.values()),
        "vulnerabilities": [_vulnerability(one) for one in flaws],
    }


def _ref(one: Component) -> str:
    return f"{one.asset or ''}#{one.place}"


def _component(one: Component, *, evaluated: bool) -> dict[str, Json]:
    found: dict[str, Json] = {"type": "library", "bom-ref": _ref(one), "name": one.name}
    optional = {"version": one.version, "purl": one.purl if evaluated else None}
    found |= {name: value for name, value in optional.items() if value}
    if not evaluated:
        found["properties"] = [{"name": "clearhouse:watch", "value": "not evaluated"}]
    return found


def _vulnerability(flaw: Flaw) -> dict[str, Json]:
    found: dict[str, Json] = {
        "bom-ref": flaw.id,
        "id": flaw.id,
        "description": flaw.title,
        "ratings": [*_ratings(flaw)],
        "analysis": _analysis(flaw),
        "affects": [*_affects(flaw)],
    }
    if len(flaw.ids) > 1:
        found["references"] = [
            {"id": one, "source": {"name": one.partition("-")[0]}}
            for one in flaw.ids
            if one != flaw.id
        ]
    if flaw.published is not None:
        found["published"] = instant(flaw.published)
    fixes = sorted({f"{one.component.name} {one.fixed_in}" for one in flaw.hits if one.fixed_in})
    if fixes:
        found["recommendation"] = f"Update to {', '.join(fixes)}."
    around = [one.text for one in flaw.remedies if one.kind in _AROUND]
    if around:
        found["workaround"] = "\n\n".join(around)
    return {name: value for name, value in found.items() if value not in ([], "")}


_AROUND: Final = frozenset({RemedyKind.MITIGATION, RemedyKind.WORKAROUND})


def _analysis(flaw: Flaw) -> dict[str, Json]:
    if not flaw.hits:
        return {"state": "in_triage", "detail": "The vendor is still looking into it."}
    responses: list[Json] = []
    if any(one.fixed_in for one in flaw.hits):
        responses.append("update")
    if any(one.kind in _AROUND for one in flaw.remedies):
        responses.append("workaround_available")
    first = flaw.first.urgency
    due = first.due.isoformat() if first.due is not None else "the next planned upgrade"
    detail = f"{first.words} Due {due} ({first.remediation.table}); {first.deployer.outcome}"
    analysis: dict[str, Json] = {"state": "exploitable", "detail": f"{detail} (SSVC)."}
    return analysis | ({"response": responses} if responses else {})


def _affects(flaw: Flaw) -> Iterator[dict[str, Json]]:
    stated: list[tuple[Component, str, str | None]] = [
        (one.component, "affected", one.version) for one in flaw.hits
    ]
    stated += [(one.component, "unknown", one.component.version) for one in flaw.investigating]
    stated += [(one.component, "unaffected", one.component.version) for one in flaw.cleared]
    for component, status, version in stated:
        versions: list[Json] = [{"version": version, "status": status}] if version else []
        yield {"ref": _ref(component)} | ({"versions": versions} if versions else {})


def _ratings(flaw: Flaw) -> Iterator[dict[str, Json]]:
    for vector in flaw.vectors:
        try:
            score = parse(vector)
        except CvssError:
            continue  # the vector stays in the other formats
        yield {
            "score": score.score,
            "severity": str(score.rating),
            "method": CYCLONEDX_METHODS[score.version],
            "vector": score.vector,
        }
