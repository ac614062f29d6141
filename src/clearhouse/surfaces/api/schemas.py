"""What the counter's OpenAPI document says about bodies that we parse ourselves.

The report object is written out with its limits so that clients and contract tests can use it.
Source: TAP Intake API, The report object.
"""

from typing import Any

_CONTENT_TYPES = [
    "text/plain", "text/markdown", "application/json", "application/pdf", "application/zip",
    "application/gzip", "application/x-bzip2", "application/octet-stream",
]  # fmt: skip


def _text(limit: int, **more: object) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": limit, **more}


def _list(entry: dict[str, object], most: int) -> dict[str, object]:
    return {"type": "array", "maxItems": most, "items": entry}


_COMMIT = {"type": "string", "pattern": "^[0-9a-fA-F]{7,64}$"}

_ATTACHMENT: dict[str, object] = {
    "type": "object",
    "required": ["filename", "data", "content_type"],
    "additionalProperties": False,
    "properties": {
        "filename": _text(255),
        "data": _text(1024 * 1024),
        "content_type": {"enum": _CONTENT_TYPES},
        "description": _text(1024),
        "type": {
            "enum": ["patch", "exploit-proof-of-concept", "reproducer", "threat-model", "other"]
        },
    },
}

REPORT: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": ["purl"]}, {"required": ["software", "ecosystem"]}],
    "properties": {
        "purl": _text(512, examples=["pkg:npm/lodash@4.17.20"]),
        "software": _text(256),
        "ecosystem": _text(128, examples=["npm", "PyPI"]),
        "versions": _list(_text(64), 64),
        "code_path": _text(1024),
        "affected_symbol": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "file": _text(512),
                "function": _text(256),
                "line": {"type": "integer", "minimum": 0},
            },
        },
        "attachments": _list(_ATTACHMENT, 16),
        "references": _list(_text(512, pattern="^https?://"), 16),
        "upstream_ids": _list(_text(128), 16),
        "introduced_commit": _COMMIT,
        "fixed_commit": _COMMIT,
        "package_repo_url": _text(512, pattern="^https?://"),
        "discovery_method": _text(32),
        "discovery_tooling": _text(128),
        "email": _text(256),
        "notify": {"enum": ["off", "final", "milestones", "all"]},
        "enrichment": {"type": "object"},
        "exploit": _text(1024 * 1024, deprecated=True),
        "exploit_content_type": {"enum": _CONTENT_TYPES, "deprecated": True},
        "raw": _text(1024 * 1024, deprecated=True),
        "raw_content_type": {"enum": _CONTENT_TYPES, "deprecated": True},
    },
}

REPORT_BODY: dict[str, Any] = {
    "security": [{"token": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": REPORT},
            "multipart/mixed": {"schema": {"type": "object", "properties": {"report": REPORT}}},
        },
    },
}

DOCUMENT_BODY: dict[str, Any] = {
    "security": [{"token": []}],
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/json", "text/markdown", "text/plain", "message/rfc822")
        },
    },
}

_RECEIPT = {"type": "string", "pattern": "^SUB-[a-z2-7]{18}$"}

_ENTRY = {
    "type": "object",
    "required": ["code", "field", "reason"],
    "properties": {name: {"type": "string"} for name in ("code", "field", "reason")},
}

ACCEPTED: dict[str, Any] = {
    "description": "Accepted: everything is on disk",
    "headers": {
        "Link": {
            "description": 'the status URL, rel="monitor" (RFC 8288)',
            "schema": {"type": "string"},
        }
    },
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["receipt", "message", "reports"],
                "properties": {
                    "receipt": _RECEIPT,
                    "message": {"type": "string"},
                    "warnings": {"type": "array", "items": _ENTRY},
                    "reports": {
                        "type": "array",
                        "description": "what each report has and lacks",
                        "items": {
                            "type": "object",
                            "required": ["ready", "present", "missing"],
                            "properties": {
                                "ready": {"type": "boolean"},
                                "present": {"type": "array", "items": {"type": "string"}},
                                "hints": {"type": "array", "items": {"type": "string"}},
                                "missing": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "properties": {
                                            "element": {"type": "string"},
                                            "what_to_do": {"type": "string"},
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            }
        }
    },
}

STATUS: dict[str, Any] = {
    "description": "How far the submission has come",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["receipt", "status", "at"],
                "properties": {
                    "receipt": _RECEIPT,
                    "status": {"enum": ["queued", "processing", "done"]},
                    "at": {"type": "string", "format": "date-time"},
                },
            }
        }
    },
}
