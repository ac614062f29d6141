"""The answer as one JSON document, for programs and for assistants.

In: a `WatchReport`. Out: a document whose members never change their meaning within a version.
Refused: nothing. Texts are given as they came; whoever shows them escapes them.
"""

from typing import Final

from clearhouse.clearing.deliver.watch.record import (
    DetectionRule,
    Flaw,
    Hit,
    Origin,
    Other,
    Unchecked,
    Urgency,
    WatchReport,
)
from clearhouse.clearing.prioritize.record import Answer
from clearhouse.formats.canonical import Json
from clearhouse.formats.inventory import Component
from clearhouse.formats.osv import instant

FORMAT: Final = "clearhouse-watch/1"


def document(report: WatchReport) -> dict[str, Json]:
    """Return the document."""
    return {
        "format": FORMAT,
        "at": instant(report.at),
        "inventory": report.inventory,
        "inventory_format": report.format,
        "conclusion": report.conclusion.value,
        "components": report.components,
        "affected_components": report.affected_components,
        "flaws": [_flaw(one) for one in report.flaws],
        "under_investigation": [_flaw(one) for one in report.investigating],
        "not_evaluated": [_unchecked(one) for one in report.unchecked],
        "withdrawn_documents": report.withdrawn,
        "sources": [_origin(one) for one in report.origins],
        "warnings": list(report.warnings),
        "policies": list(report.policies),
    }


def _flaw(one: Flaw) -> dict[str, Json]:
    kev: Json = None
    if one.kev is not None:
        kev = {"id": one.kev.id, "added": one.kev.added, "ransomware": one.kev.ransomware}
    return {
        "id": one.id,
        "ids": list(one.ids),
        "title": one.title,
        "published": None if one.published is None else instant(one.published),
        "vectors": list(one.vectors),
        "kev": kev,
        "remedies": [{"kind": each.kind.value, "text": each.text} for each in one.remedies],
        "links": list(one.links),
        "documents": list(one.documents),
        "affected": [_hit(each) for each in one.hits],
        "detection_rules": [_rule(each) for each in one.rules],
        "under_investigation": [_other(each) for each in one.investigating],
        "not_affected_by_vendor": [_other(each) for each in one.cleared],
    }


def _rule(one: DetectionRule) -> dict[str, Json]:
    rule = one.rule
    return {
        "id": rule.id,
        "kind": rule.kind,
        "leak": rule.leak,
        "expires": rule.expires.isoformat(),
        "telemetry": rule.telemetry,
        "fires_on_its_sample": rule.fires,
        "file": str(one.place),
        "sha256": rule.file.sha256,
    }


def _hit(one: Hit) -> dict[str, Json]:
    return {
        "component": _component(one.component),
        "version": one.version,
        "fixed_in": one.fixed_in,
        "documents": list(one.documents),
        "note": one.note,
        "urgency": _urgency(one.urgency),
    }


def _urgency(one: Urgency) -> dict[str, Json]:
    return {
        "due": None if one.due is None else one.due.isoformat(),
        "counted_from": one.counted_from.isoformat(),
        "words": one.words,
        "exposure": one.exposure,
        "human_impact": one.human_impact,
        "remediation": _answer(one.remediation),
        "deployer": _answer(one.deployer),
        "forensics": [
            {"id": each.id, "sentence": each.sentence, "due": instant(each.due)}
            for each in one.forensics
        ],
        "if_it_cannot_be_patched": one.fallback,
    }


def _answer(one: Answer) -> dict[str, Json]:
    return {
        "table": one.table,
        "outcome": one.outcome,
        "possible": list(one.possible),
        "inputs": [
            {
                "point": each.point,
                "name": each.name,
                "value": each.value,
                "reason": each.reason,
                "assumed": each.assumed,
            }
            for each in one.inputs
        ],
    }


def _component(one: Component) -> dict[str, Json]:
    return {
        "place": one.place,
        "name": one.name,
        "version": one.version,
        "purl": one.purl,
        "cpe": one.cpe,
        "asset": one.asset,
    }


def _other(one: Other) -> dict[str, Json]:
    return {
        "component": _component(one.component),
        "reason": one.reason,
        "document": one.document,
    }


def _unchecked(one: Unchecked) -> dict[str, Json]:
    return {
        "component": None if one.component is None else _component(one.component),
        "place": one.place,
        "reason": one.reason,
        "action": one.action,
    }


def _origin(one: Origin) -> dict[str, Json]:
    return {
        "name": one.name,
        "kind": one.kind,
        "documents": one.documents,
        "newest": None if one.newest is None else instant(one.newest),
        "unmatched": one.unmatched,
        "warnings": list(one.warnings),
        "damage": list(one.damage),
    }
