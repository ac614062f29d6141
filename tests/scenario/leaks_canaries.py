"""Words that occur nowhere else, one for every field, and a scanner that knows their disguises.

Almost every canary holds `MARK`, so one search finds them all; those that a format forces into
another shape stand in `PLAIN`.
"""

import base64
import hashlib

from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Credit,
    Draft,
    DuplicateSearch,
    ExploitState,
    HumanReview,
    Location,
    ModelUse,
    Provenance,
    Tooling,
)

MARK = "kestrelquoin"


def word(field):
    return f"{MARK}{field}"


PURL = f"pkg:pypi/{word('package')}"
ALIAS = "CVE-2026-774411"
COMMIT = "5ca1ab1e0ddba11cafe5ca1ab1e0ddba11cafe12"
POC = (
    f"#!/usr/bin/env python3\nimport sys\n# {word('poc')} builds the tree that overflows\n".encode()
    * 3
)
PATCH = (
    b"--- a/src/tree.c\n+++ b/src/tree.c\n@@ -1,1 +1,2 @@\n-old\n"
    b"+    if (depth > LIMIT) return TREE_TOO_DEEP; /* " + word("patch").encode() + b" */\n+ok\n"
)
PLAIN = (ALIAS, COMMIT)

DRAFT = Draft(
    title=f"Overflow in {word('title')}",
    description=f"The loader trusts the length {word('description')} and copies it.",
    trigger=f"Load a tree with {word('trigger')} levels.",
    impact=f"Code runs as {word('impact')}.",
    purl=PURL,
    software=word("software"),
    ecosystem="PyPI",
    affected_versions=("vers:pypi/>=1.0|<2.4", f"1.0+{word('version')}"),
    fixed_versions=("2.4",),
    tested_version=f"2.3+{word('tested')}",
    locations=(
        Location(
            file=f"src/{word('file')}.c",
            function=word("function"),
            line=4711,
            snippet=f"memcpy(buffer, {word('snippet')}, length);",
        ),
    ),
    cwes=("CWE-787",),
    aliases=(ALIAS,),
    references=(f"https://example.test/{word('reference')}",),
    introduced_commit=COMMIT,
    repository=f"https://example.test/{word('repository')}.git",
    cvss_vectors=("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",),
    severity="critical",
    exploit_state=ExploitState.POC,
    crash_log=f"==1==ERROR: AddressSanitizer: heap-buffer-overflow\n    #0 0x1 in {word('frame')} tree.c:9\n",
    attachments=(
        Attachment(
            filename=f"{word('filename')}.py",
            content_type="text/plain",
            data=POC,
            kind=AttachmentKind.POC,
            description=word("filedescription"),
        ),
        Attachment(
            filename=f"{word('patchname')}.diff",
            content_type="text/plain",
            data=PATCH,
            kind=AttachmentKind.PATCH,
        ),
    ),
    provenance=Provenance(
        discovery_method="ai-discovered",
        tooling=word("tooling"),
        models=(ModelUse(name=word("model"), version=word("modelversion"), vendor=word("lab")),),
        scaffold=word("scaffold"),
        human_review=(HumanReview(who=word("reviewer"), what=word("reviewed"), minutes=12),),
        confidentiality=Tooling.CONFIDENTIAL,
        duplicate_searches=(DuplicateSearch(where=word("tracker"), query=word("query")),),
    ),
    credits=(Credit(name=f"Quinn {word('credit')}"),),
    contact=f"{word('contact')}@example.test",
    unknown={word("unknownname"): word("unknownvalue")},
)
ORIGINAL = f"The original as it came, byte for byte: {word('original')}\n".encode() + POC

TAP_REPORT = {
    "purl": f"{PURL}@2.3",
    "affected_symbol": {"file": f"src/{word('file')}.c", "function": word("function")},
    "attachments": [
        {
            "filename": f"{word('filename')}.py",
            "data": POC.decode(),
            "content_type": "text/plain",
            "description": word("filedescription"),
            "type": "exploit-proof-of-concept",
        }
    ],
    "references": [f"https://example.test/{word('reference')}"],
    "upstream_ids": [ALIAS],
    "discovery_method": "ai-discovered",
    "discovery_tooling": word("tooling"),
    "email": f"{word('contact')}@example.test",
    "enrichment": {"title": word("title"), "models": [word("model")], "cwe": "CWE-787"},
}

MARKDOWN = f"""# Overflow in {word("markdowntitle")}

- Package: {PURL}
- Affected: < 2.4
- CWE: CWE-787
- CVE: {ALIAS}
- Reporter: {word("markdownreporter")}

## Description

The loader trusts the length {word("markdownbody")} and copies it.
"""


def fields(value, path=""):
    """Give every text and bytes of a record with its path."""
    if isinstance(value, str | bytes):
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from fields(name, path)
            yield from fields(part, f"{path}.{name}")
    elif isinstance(value, tuple | list):
        for part in value:
            yield from fields(part, path)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from fields(getattr(value, name), f"{path}.{name}")


def guessable():
    """Give everything whose unkeyed hash would let a thief confirm a guess."""
    texts = {text if isinstance(text, bytes) else text.encode() for _, text in fields(DRAFT)}
    texts |= {text.encode() for _, text in fields(TAP_REPORT) if isinstance(text, str)}
    texts |= {ORIGINAL, MARKDOWN.encode(), POC, PATCH, f"{PURL}@2.3".encode(), PURL[4:].encode()}
    texts |= {part.encode() for text in (PURL, ALIAS) for part in (text.lower(), text.upper())}
    texts |= {f"src/{word('file')}.c#{word('function')}".encode(), word("package").encode()}
    return {
        text
        for text in texts
        if MARK.encode() in text.lower() or text.decode("utf-8", "replace") in PLAIN
    }


class Scanner:
    """Finds canaries in any bytes: in the clear, as hex, base64 or backwards, and by their hash."""

    def __init__(self, *more):
        self._plain = [MARK.encode(), *(text.lower().encode() for text in (*PLAIN, *more))]
        self._coded = [form for text in (MARK, *PLAIN, *more) for form in _coded(text.encode())]
        self._coded += [form for text in guessable() for form in _hashes(text)]

    def found(self, data):
        """Return the disguises under which something was found, none if nothing was."""
        low = data.lower()
        return [needle for needle in self._plain if needle in low] + [
            needle for needle in self._coded if needle in (low if needle.islower() else data)
        ]


def _coded(text):
    forms = {
        text.hex().encode(),
        text[::-1],
        text.decode().encode("utf-16-le"),
        text.decode().encode("utf-16-be"),
    }
    for shift in range(3):  # base64 of a longer text shows the canary in one of three phases
        coded = base64.b64encode(b"\0" * shift + text + b"\0\0")
        inner = coded[4 if shift else 0 : len(coded) - 8]
        forms |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _hashes(text):
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, text).digest()
        yield from (digest, digest.hex().encode(), base64.b64encode(digest).rstrip(b"="))
