"""Name and classify the files that come with a report, without opening any of them.

In come a name as somebody wrote it, a media type and bytes; out come an attachment under a name
that is safe to store and show, and notices. Archives stay closed: nothing here or later in intake
unpacks them, so that a bomb stays a few bytes.

Source: TAP Intake API, Attachments, for the kinds.
"""

import re
import unicodedata
from pathlib import PurePosixPath

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Notice

MAX_NAME_CHARS = 128
MAX_FILE_BYTES = 8 * 1024 * 1024

_ARCHIVES = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_PATCH_NAME = re.compile(r"\.(patch|diff)$")
_TEST_NAME = re.compile(r"(^|[_.-])tests?([_.-]|$)|_test\.|\.spec\.")
_POC_NAME = re.compile(r"(^|[_.-])(poc|exploit|pov)([_.-]|\d|$)")
_REPRODUCER_NAME = re.compile(r"(^|[_.-])(repro|reproducer|crash|testcase|payload)([_.-]|\d|$)")
_MODEL_NAME = re.compile(r"threat[_.-]?model")
_PROGRAM = frozenset(
    [
        "bash",
        "c",
        "cc",
        "cpp",
        "cs",
        "go",
        "html",
        "java",
        "js",
        "jsx",
        "kt",
        "lua",
        "mjs",
        "php",
        "pl",
        "ps1",
        "py",
        "rb",
        "rs",
        "sh",
        "swift",
        "ts",
    ]
)
_DIFF = re.compile(
    rb"^(?:diff --git \S|Index: \S|--- \S[^\n]*\n\+\+\+ \S|@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@)",
    re.MULTILINE,
)


def archive_kind(data: bytes) -> str | None:
    """Name the archive format of some bytes by their first ones, or None."""
    return next((kind for magic, kind in _ARCHIVES if data.startswith(magic)), None)


def is_diff(data: bytes) -> bool:
    """Say whether bytes hold a unified diff: a file header or a hunk at the start of a line."""
    return _DIFF.search(data.replace(b"\r\n", b"\n")) is not None


def safe_name(name: str) -> str:
    """Return the last part of a path, without control or invisible characters."""
    bare = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(c for c in bare if unicodedata.category(c)[0] not in "CZ" or c == " ")
    return shown.strip(" .")[:MAX_NAME_CHARS] or "unnamed"


def kind_of(name: str, content_type: str, data: bytes) -> AttachmentKind:
    """Guess what a file is for from its name, its media type and whether it is a diff.

    A program that comes with a report and is not a test or a patch is taken as its proof of
    concept; data files are not, unless their name says so.
    """
    name = name.lower()
    if _PATCH_NAME.search(name) or content_type in {"text/x-patch", "text/x-diff"}:
        return AttachmentKind.PATCH
    for pattern, kind in (
        (_MODEL_NAME, AttachmentKind.THREAT_MODEL),
        (_TEST_NAME, AttachmentKind.TEST),
        (_POC_NAME, AttachmentKind.POC),
        (_REPRODUCER_NAME, AttachmentKind.REPRODUCER),
    ):
        if pattern.search(name):
            return kind
    if content_type in {"text/plain", "text/markdown"} and is_diff(data):
        return AttachmentKind.PATCH
    program = name.rpartition(".")[2] in _PROGRAM and "." in name
    return AttachmentKind.POC if program else AttachmentKind.OTHER


def file_notices(attachment: Attachment) -> tuple[Notice, ...]:
    """Say what a reader of the report should know about one file before opening it."""
    field = f"attachment {safe_name(attachment.filename)}"
    found = []
    if not attachment.data.strip():
        found.append(Notice(code="empty_attachment", field=field, reason="holds nothing"))
    if archive := archive_kind(attachment.data):
        reason = f"a {archive} archive is kept as it came and never unpacked here"
        found.append(Notice(code="archive_not_unpacked", field=field, reason=reason))
    if safe_name(attachment.filename) != attachment.filename:
        reason = "its name held a path or invisible characters; only a plain name is kept"
        found.append(Notice(code="unsafe_filename", field=field, reason=reason))
    return tuple(found)
