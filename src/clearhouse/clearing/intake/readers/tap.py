"""Read a TAP submission into a draft.

In come the body and its content type, or a report that `formats.tap` has judged; out comes one
draft, or the refusal of the TAP rules with its first violations in words. A text file of the type
`other` is read for the words that TAP has no field for, and an OSV document among the attachments
for its claims; TAP's own fields win.

Source: TAP Intake API, The report object; Attachments ("An OSV document is ...").
"""

from dataclasses import replace

from clearhouse.clearing.intake.readers import osv
from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.provenance import merged, read_provenance
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import read_words
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Draft,
    ExploitState,
    Location,
    Notice,
    Provenance,
)
from clearhouse.formats import tap
from clearhouse.formats.strict_json import StrictJsonError, Strictness, parse
from clearhouse.formats.tap_record import SIZE_CODES, TapAttachment, TapRefusal, TapReport

_WORDS = {"text/plain", "text/markdown"}
_SHOWN_VIOLATIONS = 5


def read(data: bytes, content_type: str = "application/json") -> Drafts:
    """Judge and read one submission."""
    report = tap.read(data, content_type)
    return _refusal(report) if isinstance(report, TapRefusal) else (draft_of(report),)


def draft_of(report: TapReport) -> Draft:
    """Make the draft of an accepted report."""
    enrichment = Node(dict(report.enrichment), "/enrichment")
    stated = _stated(report, enrichment)
    words, documents = _from_files(report)
    draft = _filled(stated, words)
    warnings = tuple(Notice(code=w.code, field=w.field, reason=w.reason) for w in report.warnings)
    return settled(replace(draft, notices=(*warnings, *draft.notices)), enrichment, *documents)


def _stated(report: TapReport, enrichment: Node) -> Draft:
    """Take what the report's own fields say."""
    symbol = report.affected_symbol
    provenance = Provenance(
        discovery_method=report.discovery_method, tooling=report.discovery_tooling
    )
    places = (
        [Location(file=symbol.file, function=symbol.function, line=symbol.line)] if symbol else []
    )
    return Draft(
        purl=report.identity,
        software=report.software,
        ecosystem=report.ecosystem,
        affected_versions=report.versions,
        locations=(*places, *([Location(file=report.code_path)] if report.code_path else [])),
        cwes=enrichment.texts("cwe"),
        aliases=report.upstream_ids,
        references=report.references,
        introduced_commit=report.introduced_commit,
        fixed_commit=report.fixed_commit,
        repository=report.package_repo_url,
        cvss_vectors=enrichment.texts("cvss_vector"),
        severity=enrichment.text("severity"),
        exploit_state=_exploit_state(report),
        attachments=tuple(map(_attachment, report.attachments)),
        provenance=merged(read_provenance(enrichment.node("clearhouse")), provenance),
        contact=report.email,
        notify=report.notify,
    )


def _exploit_state(report: TapReport) -> ExploitState:
    given = any(file.type == "exploit-proof-of-concept" for file in report.attachments)
    return ExploitState.POC if given else ExploitState.UNKNOWN


def _attachment(file: TapAttachment) -> Attachment:
    return Attachment(
        filename=file.filename,
        content_type=file.content_type,
        data=file.data,
        kind=AttachmentKind(file.type),
        description=file.description,
    )


def _from_files(report: TapReport) -> tuple[Draft | None, list[Node]]:
    """Read the first attachment that holds the report's words, or an OSV document."""
    for file in report.attachments:
        if file.type == "other" and file.content_type in _WORDS:
            return read_words(file.data.decode("utf-8", "replace")), []
        if file.type == "other" and file.content_type == "application/json":
            document = _osv_document(file)
            if document is not None:
                return osv.claims(document), [document]
    return None, []


def _osv_document(file: TapAttachment) -> Node | None:
    try:
        document = parse(file.data, Strictness())
    except StrictJsonError:
        return None
    node = Node(document, f"/attachments/{file.filename}")
    return node if osv.recognised(node.members) else None


def _filled(stated: Draft, words: Draft | None) -> Draft:
    """Fill what the report's own fields leave open from the words of an attachment."""
    if words is None:
        return stated
    return replace(
        stated,
        title=words.title,
        description=words.description,
        trigger=words.trigger,
        impact=words.impact,
        crash_log=words.crash_log,
        fixed_versions=words.fixed_versions,
        tested_version=words.tested_version,
        locations=stated.locations or words.locations,
        cwes=stated.cwes or words.cwes,
        aliases=tuple(dict.fromkeys((*stated.aliases, *words.aliases))),
        references=stated.references or words.references,
        cvss_vectors=stated.cvss_vectors or words.cvss_vectors,
        severity=stated.severity or words.severity,
        already_public=words.already_public,
        attachments=(*stated.attachments, *words.attachments),
        provenance=merged(stated.provenance, words.provenance),
        credits=words.credits,
        unknown=words.unknown,
        notices=words.notices,
    )


def _refusal(refusal: TapRefusal) -> ReadRefusal:
    """Tell a TAP refusal in the words of intake, field by field."""
    shown = [f"{v.field}: {v.reason}" for v in refusal.errors[:_SHOWN_VIOLATIONS]]
    more = len(refusal.errors) - len(shown)
    if more > 0:
        shown.append(f"and {more} more")
    sized = refusal.status == 413 or any(v.code in SIZE_CODES for v in refusal.errors)
    return ReadRefusal(
        code=str(refusal.errors[0].code) if refusal.errors else "not_tap",
        fault=Fault.LIMIT if sized else Fault.DOCUMENT,
        reason="; ".join(shown) or refusal.detail,
        remedy="correct the TAP report and send it again",
        place=refusal.errors[0].field if refusal.errors else "",
    )
