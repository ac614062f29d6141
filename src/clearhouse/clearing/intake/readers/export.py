"""Give a report back: what was understood, what was not, and the original beside them.

In come a draft and the bytes it was read from; out comes one JSON document whose field names are
those of TAP where TAP has the field. Fields that no slot of the draft holds stand under `unknown`
by their JSON pointer into the original. The reporter's address is not part of it; it stands in the
original alone, which the caller gives only to those who may read it.

Source: TAP Intake API, The report object, for the names; `readers.provenance` for `clearhouse`.
"""

import base64
import hashlib
from dataclasses import asdict
from typing import cast

from clearhouse.clearing.intake.record import Attachment, Draft, Location, Provenance
from clearhouse.formats.strict_json import Json

SHAPE = "clearhouse-report-1"


def exported(draft: Draft, *, original: bytes | None = None, format_: str | None = None) -> Json:
    """Return the report as a JSON document; absent fields are left out."""
    document: dict[str, Json] = {
        "shape": SHAPE,
        "title": draft.title,
        "description": draft.description,
        "trigger": draft.trigger,
        "impact": draft.impact,
        "crash_log": draft.crash_log,
        "purl": draft.purl,
        "software": draft.software,
        "ecosystem": draft.ecosystem,
        "versions": list(draft.affected_versions),
        "fixed_versions": list(draft.fixed_versions),
        "tested_version": draft.tested_version,
        "affected_symbols": [_symbol(place) for place in draft.locations],
        "upstream_ids": list(draft.aliases),
        "references": list(draft.references),
        "introduced_commit": draft.introduced_commit,
        "fixed_commit": draft.fixed_commit,
        "commits": list(draft.commits),
        "package_repo_url": draft.repository,
        "enrichment": _enrichment(draft),
        "attachments": [_file(one) for one in draft.attachments],
        "credits": [_said({"name": one.name, "role": one.role}) for one in draft.credits],
        "already_public": draft.already_public,
        "notify": draft.notify,
        "language": draft.language,
        "notices": [cast("Json", asdict(one)) for one in draft.notices],
        "unknown": cast("dict[str, Json]", dict(draft.unknown)),
        "original": _original(original, format_),
    }
    return _said(document)


def _said(document: dict[str, Json]) -> dict[str, Json]:
    """Leave out what nobody said; False and 0 are said."""
    return {
        name: value
        for name, value in document.items()
        if value is not None and value not in ("", [], {})
    }


def _symbol(place: Location) -> Json:
    return _said(
        {
            "file": place.file,
            "function": place.function,
            "line": place.line,
            "snippet": place.snippet,
        }
    )


def _enrichment(draft: Draft) -> Json:
    return _said(
        {
            "cvss_vectors": list(draft.cvss_vectors),
            "cwe": list(draft.cwes),
            "severity": draft.severity,
            "exploit_state": str(draft.exploit_state),
            "clearhouse": _provenance(draft.provenance),
        }
    )


def _provenance(provenance: Provenance) -> Json:
    """Write the `clearhouse` object that `read_provenance` reads."""
    return _said(
        {
            "discovery_method": provenance.discovery_method,
            "tooling": provenance.tooling,
            "models": [_said(asdict(one)) for one in provenance.models],
            "scaffold": provenance.scaffold,
            "scaffold_version": provenance.scaffold_version,
            "human_review": [_said(asdict(one)) for one in provenance.human_review],
            "attempts": provenance.attempts,
            "candidates": provenance.candidates,
            "confidentiality": str(provenance.confidentiality),
            "duplicate_searches": [_said(asdict(one)) for one in provenance.duplicate_searches],
        }
    )


def _file(attachment: Attachment) -> Json:
    return _said(
        {
            "filename": attachment.filename,
            "content_type": attachment.content_type,
            "type": str(attachment.kind),
            "description": attachment.description,
            "sha256": hashlib.sha256(attachment.data).hexdigest(),
            "data_base64": base64.b64encode(attachment.data).decode("ascii"),
        }
    )


def _original(original: bytes | None, format_: str | None) -> Json:
    if original is None:
        return None
    return _said(
        {
            "format": format_,
            "size_bytes": len(original),
            "sha256": hashlib.sha256(original).hexdigest(),
            "data_base64": base64.b64encode(original).decode("ascii"),
        }
    )
