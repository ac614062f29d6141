"""Exact keys: values that two reports share or do not, and what sharing one proves.

In comes a draft, out come keys. A public id, the bytes of a proof of concept and a patch are
proof inside one package when nothing else contradicts them (`rules.proof`); a place, a commit and a
crash signature only nominate candidates. Stub files, empty patches and ids of unknown shape give
no key.
"""

import hashlib
import re
from collections.abc import Callable, Iterator

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.match.record import ExactKey, KeyKind

POC_MIN_BYTES = 64
"""Shorter files (empty, ten times `A`, a one-line shell call) come with unrelated reports."""
POC_MIN_DISTINCT = 8
"""A file of fewer different bytes is filler and says nothing about the bug."""
PATCH_MIN_BYTES = 32
"""A patch that changes less (a lone `return;`) may fix anything."""

_POC_KINDS = {AttachmentKind.POC, AttachmentKind.REPRODUCER}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PUBLIC_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
"""A hunk's header counts the lines of each side, so content is never taken for a header."""


def exact_keys(
    draft: Draft,
    *,
    family: Callable[[str], str],
    canonical_id: Callable[[str], str] = str.upper,
    crash: str | None = None,
) -> tuple[ExactKey, ...]:
    """Collect the keys of one report, sorted, each once.

    `family` maps a CWE id to its family, `canonical_id` maps an id to the one that its known
    aliases share, and `crash` is the crash signature if a stack was parsed.
    """
    found = {
        *_public_ids(draft.aliases, canonical_id),
        *_files(draft.attachments),
        *_places(draft.locations, draft.cwes, family),
        *_commits("brought in by", draft.introduced_commit),
        *_commits("fixed by", draft.fixed_commit),
    }
    if crash is not None:
        found.add(ExactKey(kind=KeyKind.CRASH, value=crash))
    return tuple(sorted(found))


def _public_ids(aliases: tuple[str, ...], canonical_id: Callable[[str], str]) -> Iterator[ExactKey]:
    for alias in aliases:
        if _PUBLIC_ID.fullmatch(alias.upper()):
            yield ExactKey(kind=KeyKind.PUBLIC_ID, value=canonical_id(alias.upper()).upper())


def _commits(what: str, commit: str | None) -> Iterator[ExactKey]:
    if commit and _COMMIT.fullmatch(commit.lower()):
        yield ExactKey(kind=KeyKind.COMMIT, value=f"{what} {commit.lower()}")


def _files(attachments: tuple[Attachment, ...]) -> Iterator[ExactKey]:
    for attachment in attachments:
        if attachment.kind in _POC_KINDS and not is_stub(attachment.data):
            digest = hashlib.sha256(attachment.data).hexdigest()
            yield ExactKey(kind=KeyKind.POC, value=digest)
        if attachment.kind is AttachmentKind.PATCH:
            identity = patch_id(attachment.data)
            if identity is not None:
                yield ExactKey(kind=KeyKind.PATCH, value=identity)


def is_stub(data: bytes) -> bool:
    """Say whether a file is too small or too uniform to identify a bug."""
    return len(data.strip()) < POC_MIN_BYTES or len(set(data)) < POC_MIN_DISTINCT


def patch_id(patch: bytes) -> str | None:
    """Return an id that survives moved lines, white space and another checkout folder.

    Only added and removed lines count, under the base name of their file, files in order of
    name. None when the patch changes too little to identify anything.

    Source: the idea of `git patch-id --stable`; the values differ from git's.
    """
    sections = sorted(_sections(patch))
    if sum(len(body) for _, body in sections) < PATCH_MIN_BYTES:
        return None
    digest = hashlib.sha256()
    for part in (part for section in sections for part in section):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _sections(patch: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give for each file its base name and its changed lines without their white space."""
    name, body, left = b"", bytearray(), 0
    for line in patch.splitlines():
        hunk = _HUNK.match(line)
        if left > 0:
            left -= 2 if line[:1] in {b" ", b""} else 1 if line[:1] in {b"+", b"-"} else 0
            squeezed = b"".join(line[1:].split())
            if line[:1] in {b"+", b"-"} and squeezed:
                body += line[:1] + squeezed + b"\n"
        elif hunk:
            left = int(hunk[1] or 1) + int(hunk[2] or 1)
        elif line.startswith((b"--- ", b"+++ ")):
            path = line[4:].split(b"\t")[0].strip()
            if line.startswith(b"--- ") and body:
                yield name, bytes(body)
                body = bytearray()
            if path != b"/dev/null":
                name = path.rsplit(b"/", 1)[-1]
    if body:
        yield name, bytes(body)


def _places(
    locations: tuple[Location, ...], cwes: tuple[str, ...], family: Callable[[str], str]
) -> Iterator[ExactKey]:
    families = {family(cwe) for cwe in cwes}
    for location in locations:
        if location.file and location.function:
            place = f"{location.file.removeprefix('./')}#{location.function}"
            for name in families:
                yield ExactKey(kind=KeyKind.PLACE, value=f"{place}#{name}")
