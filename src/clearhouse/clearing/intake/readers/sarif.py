"""Read a SARIF log as reports: one draft for each group of results that is one flaw.

In comes the parsed log of SARIF 2.1.0; out come the drafts, or a refusal. Results of one run with
the same rule and the same fingerprint, or without fingerprints the same function (or file and
line), are one group. Results that pass, are suppressed or are gone are no reports.

A scanner's level is not a severity; only the rule's `security-severity` is, by CVSS's scale.

Source: SARIF 2.1.0 §3.27; GitHub code scanning, `security-severity`; CVSS v4.0 §6 (rating scale).
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.provenance import merged, read_provenance
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import with_ids
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Draft,
    Location,
    Notice,
    Provenance,
)
from clearhouse.formats.sarif import CONSUMED, SarifResult, results
from clearhouse.formats.strict_json import Json

MAX_REPORTS = 1000

_RATINGS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "none"))
_VERSION = ReadRefusal(
    code="unsupported_version",
    fault=Fault.UNSUPPORTED,
    reason="SARIF is read in the version 2.1.0",
    remedy="convert the log to SARIF 2.1.0",
    place="/version",
)
_NO_RUNS = ReadRefusal(
    code="no_runs",
    fault=Fault.DOCUMENT,
    reason="a SARIF log has a list of runs",
    remedy="give the runs as a list of objects",
    place="/runs",
)
_NO_RESULTS = ReadRefusal(
    code="no_flaw",
    fault=Fault.CONTENT,
    reason="the SARIF log holds no open failing result",
    remedy="send logs whose results report flaws",
    place="/runs",
)
_TOO_MANY = ReadRefusal(
    code="too_many_reports",
    fault=Fault.LIMIT,
    reason=f"one SARIF log is read up to {MAX_REPORTS} groups of results",
    remedy="send the log in parts, or only what was confirmed",
    place="/runs",
)


def recognised(members: dict[str, Json]) -> bool:
    """Say whether a document has the marks of SARIF."""
    return "runs" in members and bool(members.keys() & {"version", "$schema"})


def read(document: dict[str, Json]) -> Drafts:
    """Read one log."""
    if document.get("version") != "2.1.0":
        return _VERSION
    runs = document.get("runs")
    if not isinstance(runs, list):
        return _NO_RUNS
    groups: dict[tuple[object, ...], list[SarifResult]] = {}
    for result in results(document):
        if isinstance(result, SarifResult):
            groups.setdefault(_group(result), []).append(result)
            if len(groups) > MAX_REPORTS:
                return _TOO_MANY
    return tuple(_draft(group, runs[group[0].run]) for group in groups.values()) or _NO_RESULTS


def _group(result: SarifResult) -> tuple[object, ...]:
    """Return what results of one flaw share."""
    rule = (result.run, result.rule_id)
    if result.fingerprints:
        return (*rule, "fingerprint", result.fingerprints)
    if not result.locations:
        return (*rule, "message", result.message)
    first = result.locations[0]
    return (*rule, "place", first.file, first.function or first.line)


def _draft(group: Sequence[SarifResult], run: Json) -> Draft:
    first = group[0]
    whole = Node(run, f"/runs/{first.run}")
    own = Node(dict(first.source), first.place)
    own.use(*CONSUMED)
    properties, shared = own.node("properties"), whole.node("properties")
    version_control = next(iter(whole.nodes("versionControlProvenance")), Node({}))
    revision = version_control.text("revisionId")
    draft = Draft(
        title=_title(first),
        description="\n\n".join(_words(group)) or None,
        trigger="\n".join(f"{n}. {step}" for n, step in enumerate(first.steps, 1)) or None,
        purl=properties.text("purl") or shared.text("purl"),
        locations=tuple(
            Location(file=one.file, function=one.function, line=one.line, snippet=one.snippet)
            for result in group
            for one in result.locations
        ),
        cwes=tuple(dict.fromkeys(cwe for result in group for cwe in result.cwes)),
        tested_version=_tested(version_control),
        commits=(revision,) if revision else (),
        repository=version_control.text("repositoryUri"),
        severity=_rating(first.security_severity),
        attachments=tuple(_fixes(first)),
        provenance=_provenance(properties, shared, whole),
    )
    draft = with_ids(draft, "\n".join(result.message or "" for result in group))
    # Of the run only the property bag is given back; the rest is about the scanner.
    return settled(_with_notices(draft, group), own, shared)


def _title(result: SarifResult) -> str | None:
    place = next((one.function or one.file for one in result.locations), None)
    name = result.title or result.message or result.rule_id
    return f"{name} in {place}"[:300] if name and place else name


def _words(group: Sequence[SarifResult]) -> list[str]:
    """Join the messages of a group and what its rule says, each once."""
    said = [result.message for result in group] + [group[0].explanation]
    return list(dict.fromkeys(text for text in said if text))[:50]


def _tested(version_control: Node) -> str | None:
    tag = version_control.text("revisionTag")
    return tag.removeprefix("v") if tag and tag[:1] in "v0123456789" else None


def _rating(score: str | None) -> str | None:
    try:
        value = float(score) if score is not None else -1.0
    except ValueError:
        return None
    if not 0.0 <= value <= 10.0:
        return None
    return next(word for least, word in _RATINGS if value >= least)


def _provenance(properties: Node, shared: Node, whole: Node) -> Provenance:
    stated = merged(
        read_provenance(properties.node("clearhouse")), read_provenance(shared.node("clearhouse"))
    )
    driver = whole.node("tool").node("driver")
    version = driver.text("semanticVersion") or driver.text("version")
    tool = " ".join(part for part in (driver.text("name"), version) if part) or None
    return merged(stated, Provenance(discovery_method="automated-scan", tooling=tool))


def _fixes(result: SarifResult) -> list[Attachment]:
    """Keep proposed fixes as files; they are edits by position, not diffs."""
    return [
        Attachment(
            filename=f"fix-{number}.sarif.json",
            content_type="application/json",
            data=json.dumps(fix, ensure_ascii=False, indent=1).encode(),
            kind=AttachmentKind.PATCH,
            description="SARIF fix object",
        )
        for number, fix in enumerate(result.fixes[:8], 1)
    ]


def _with_notices(draft: Draft, group: Sequence[SarifResult]) -> Draft:
    notices = draft.notices
    if len(group) > 1:
        reason = f"{len(group)} results with one rule and fingerprint or place are this report"
        notices = (*notices, Notice(code="grouped_results", field=group[0].place, reason=reason))
    if draft.severity is not None:
        reason = "a word for the rule's security-severity, by the rating scale of CVSS"
        notices = (*notices, Notice(code="severity_from_score", field="severity", reason=reason))
    return replace(draft, notices=notices)
