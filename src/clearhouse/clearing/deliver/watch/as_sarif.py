"""The answer as SARIF, for the places where a build shows its findings.

In: a `WatchReport` and the name of the inventory's file. Out: a SARIF 2.1.0 log: a rule for each
flaw, a result for each component that has it, and a notification for everything that was not
evaluated. Refused: nothing.

Source: OASIS SARIF 2.1.0, sections 3.14 (run), 3.20 (invocation), 3.27 (result).
"""

from typing import Final

from clearhouse.clearing.deliver.watch.record import Flaw, Hit, Unchecked, WatchReport
from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ERRORS: Final = frozenset({"3DF", "3D", "14D"})


def document(report: WatchReport, file: str) -> dict[str, Json]:
    """Return the log."""
    results: list[Json] = [
        _result(flaw, index, hit, file)
        for index, flaw in enumerate(report.flaws)
        for hit in flaw.hits
    ]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "clearhouse watch",
                        "rules": [_rule(one) for one in report.flaws],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not report.damage,
                        "endTimeUtc": instant(report.at),
                        "toolExecutionNotifications": [
                            *(_notification(one) for one in report.unchecked),
                            *(
                                {"level": "error", "message": {"text": one}}
                                for one in report.damage
                            ),
                            *(
                                {"level": "warning", "message": {"text": one}}
                                for one in report.warnings
                            ),
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }


def _rule(flaw: Flaw) -> dict[str, Json]:
    found: dict[str, Json] = {
        "id": flaw.id,
        "shortDescription": {"text": flaw.title},
        "properties": {"tags": ["security", *flaw.ids]},
    }
    remedies = "\n\n".join(one.text for one in flaw.remedies)
    return found | ({"help": {"text": remedies}} if remedies else {})


def _result(flaw: Flaw, index: int, hit: Hit, file: str) -> dict[str, Json]:
    due = "the next planned upgrade" if hit.urgency.due is None else hit.urgency.due.isoformat()
    fix = f"fixed in {hit.fixed_in}" if hit.fixed_in else "no fixed version is named"
    where = f" on {hit.component.asset}" if hit.component.asset else ""
    text = f"{hit.component.name} {hit.version}{where} has {flaw.id}; {fix}; due {due}."
    return {
        "ruleId": flaw.id,
        "ruleIndex": index,
        "level": "error" if hit.urgency.remediation.key in _ERRORS else "warning",
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": file}},
                "logicalLocations": [{"fullyQualifiedName": hit.component.place}],
            }
        ],
        "partialFingerprints": {
            "clearhouse/v1": f"{flaw.id} {hit.component.purl or hit.component.name}"
        },
    }


def _notification(one: Unchecked) -> dict[str, Json]:
    name = one.component.name if one.component is not None else one.place
    return {
        "level": "warning",
        "descriptor": {"id": "not-evaluated"},
        "message": {"text": f"{name} was not evaluated: {one.reason}; {one.action}"},
    }
