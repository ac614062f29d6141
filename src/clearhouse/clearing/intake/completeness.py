"""Judge which of the six elements of a ready report a draft really carries.

In comes a draft; out comes, for each element, where it was seen, or what the reporter can do to add
it. Nothing is refused for being incomplete, and nothing here judges whether a claim is true. The
judgement is honest about substance: an empty file is no proof of concept, "available on request" is
no proof of concept, advice in words is no patch, and "TODO" is no description.

Source: Akrites SIRT, the six elements of a ready report.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Provenance, Tooling

MIN_DESCRIPTION_WORDS = 8
MIN_TRIGGER_WORDS = 5
MAX_JUDGED_CHARS = 16 * 1024


class Element(StrEnum):
    """What a report needs before somebody can act on it without asking back."""

    DESCRIPTION = "description"
    TRIGGER = "trigger"
    SEVERITY = "severity"
    POC = "poc"
    PATCH = "patch"
    TESTS = "tests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One element that is there, and where."""

    element: Element
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """One element that is missing, in words that a reporter or an agent can act on."""

    element: Element
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """One statement about the discovery that is missing; it makes no report incomplete."""

    field: str
    """Of `Provenance`."""
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Completeness:
    """The completeness answer to one report."""

    seen: tuple[Seen, ...]
    missing: tuple[Gap, ...]
    hints: tuple[Hint, ...]

    @property
    def present(self) -> tuple[Element, ...]:
        """The elements that are there."""
        return tuple(one.element for one in self.seen)

    @property
    def ready(self) -> bool:
        """Whether all six elements are there."""
        return not self.missing


_WORD = re.compile(r"[^\W\d_]{2,}")
_STUB = re.compile(
    r"""\b(?:todo|tbd|tba|fixme|n/?a|none|lorem\ ipsum|placeholder
    |to\ be\ (?:added|done|provided|filled)
    |(?:will|can|could)\ (?:be\ )?(?:provided?|shared?|sen[dt]|suppl(?:y|ied)|follow|delivered)
    |(?:up)?on\ request|ask\ me|coming\ soon
    |not\ (?:yet\ )?(?:available|provided|included|attached)
    |(?:insert|add|put|your)\ .{0,40}here|xxx+
    |see\ (?:above|below|attached?|attachment)|no\ (?:poc|patch|proof))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_STUB_WORDS = 12
"""Text up to this many words that holds a stub phrase is a stub."""
_TEST_PATH = re.compile(
    rb"^\+\+\+ \S*?(?:(?<=[ /])(?:(?:tests?|__tests__|specs?)/|test_)|_test\.|\.test\.|\.spec\.)",
    re.MULTILINE,
)
_ADDED = re.compile(rb"^\+(?!\+\+ )\s*\S", re.MULTILINE)
_HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", re.MULTILINE)
_CHANGED = re.compile(rb"^[-+](?!--? |\+\+? )[^\n]*\S", re.MULTILINE)
_RATINGS = {"none", "low", "medium", "moderate", "important", "high", "critical"}
_PROOFS = (AttachmentKind.POC, AttachmentKind.REPRODUCER)

_ASK = {
    Element.DESCRIPTION: "Describe the flaw in at least two sentences: what the code does, what it"
    " should do, and who can make use of the difference.",
    Element.TRIGGER: "Say how the flaw is reached: the entry point, the input and the conditions,"
    " as steps that somebody else can follow.",
    Element.SEVERITY: "Give a CVSS 4.0 vector (3.1 is understood), or at least low, medium, high or"
    " critical.",
    Element.POC: "Attach the input or the script that shows the flaw, as a file of the type"
    " exploit-proof-of-concept or reproducer, or in a code block under 'Proof of concept'.",
    Element.PATCH: "Attach a unified diff that repairs the flaw, as a file of the type patch or in"
    " a code block.",
    Element.TESTS: "Attach a regression test that fails before the patch and passes after it, or"
    " include one in the patch.",
}
_HAS: dict[str, Callable[[Provenance], object]] = {
    "discovery_method": lambda provenance: provenance.discovery_method,
    "models": lambda provenance: provenance.models,
    "scaffold": lambda provenance: provenance.scaffold,
    "human_review": lambda provenance: provenance.human_review,
    "attempts": lambda provenance: provenance.attempts is not None,
    "confidentiality": lambda provenance: provenance.confidentiality is not Tooling.UNKNOWN,
    "duplicate_searches": lambda provenance: provenance.duplicate_searches,
}
_HINTS = {
    "discovery_method": "Say how the flaw was found: manual, ai-assisted, ai-discovered, hybrid or"
    " automated-scan.",
    "models": "Name each model that took part, with its version and vendor.",
    "scaffold": "Name the agent scaffold or harness, with its version.",
    "human_review": "Say which person looked at the finding, at what, and for how many minutes; say"
    " so when nobody did.",
    "attempts": "Say how many runs were made; one success in a thousand runs reads differently than"
    " one in one.",
    "confidentiality": "Say whether the tooling keeps what it sees to itself (confidential) or not"
    " (public); some embargo policies ask.",
    "duplicate_searches": "Say where you searched for earlier reports of this flaw, with what query"
    " and result.",
}
_BY_HAND = {"manual", "upstream-report", "human", "by hand"}


def judge(draft: Draft) -> Completeness:
    """Judge a draft against the six elements."""
    where = {
        Element.DESCRIPTION: _description(draft),
        Element.TRIGGER: _trigger(draft),
        Element.SEVERITY: _severity(draft),
        Element.POC: _poc(draft),
        Element.PATCH: _patch(draft),
        Element.TESTS: _tests(draft),
    }
    return Completeness(
        seen=tuple(Seen(element=one, where=place) for one, place in where.items() if place),
        missing=tuple(
            Gap(element=one, what_to_do=_ask(one, draft))
            for one, place in where.items()
            if not place
        ),
        hints=_hints(draft.provenance),
    )


def is_substance(text: str | None, *, words: int) -> bool:
    """Say whether a text says something: enough different words, and not only a stub phrase."""
    found = _WORD.findall((text or "")[:MAX_JUDGED_CHARS].lower())
    if len(set(found)) < words:
        return False
    return len(found) > _STUB_WORDS or _STUB.search(text or "") is None


def _description(draft: Draft) -> str | None:
    if is_substance(draft.description, words=MIN_DESCRIPTION_WORDS):
        return "description"
    return "impact" if is_substance(draft.impact, words=2 * MIN_DESCRIPTION_WORDS) else None


def _trigger(draft: Draft) -> str | None:
    """See the way to the flaw in words; a proof that walks it is an element of its own."""
    return "trigger" if is_substance(draft.trigger, words=MIN_TRIGGER_WORDS) else None


def _severity(draft: Draft) -> str | None:
    if draft.cvss_vectors:
        return "cvss_vectors"
    words = re.findall(r"[a-z]+", (draft.severity or "").lower())
    return "severity" if words and words[0] in _RATINGS else None


def _poc(draft: Draft) -> str | None:
    found = next((one for one in draft.attachments if one.kind in _PROOFS and _is_proof(one)), None)
    return f"attachment {found.filename}" if found is not None else None


def _is_proof(attachment: Attachment) -> bool:
    """Say whether a file can be a proof: some bytes, and not a sentence that promises one."""
    data = attachment.data[:MAX_JUDGED_CHARS]
    if not data.strip():
        return False
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return True
    return len(_WORD.findall(text)) > _STUB_WORDS or _STUB.search(text) is None


def _patch(draft: Draft) -> str | None:
    found = next(
        (one for one in draft.attachments if one.kind is AttachmentKind.PATCH and _repairs(one)),
        None,
    )
    return f"attachment {found.filename}" if found is not None else None


def _repairs(attachment: Attachment) -> bool:
    """Say whether a patch file changes something: a hunk with a changed line, or closed edits."""
    data = attachment.data.replace(b"\r\n", b"\n")
    if attachment.content_type == "application/json":
        return b"artifactChanges" in data
    return _HUNK.search(data) is not None and _CHANGED.search(data) is not None


def _tests(draft: Draft) -> str | None:
    for one in draft.attachments:
        if one.kind is AttachmentKind.TEST and _is_proof(one):
            return f"attachment {one.filename}"
        if one.kind is AttachmentKind.PATCH and _adds_test(one.data):
            return f"attachment {one.filename}"
    return None


def _adds_test(diff: bytes) -> bool:
    """Say whether a diff adds a line to a file of tests."""
    files = re.split(rb"(?m)^(?=--- )", diff.replace(b"\r\n", b"\n"))
    return any(_TEST_PATH.search(one) and _ADDED.search(one) for one in files)


def _ask(element: Element, draft: Draft) -> str:
    """Ask for an element, and say why what is there does not count."""
    kinds = {
        Element.POC: _PROOFS,
        Element.PATCH: (AttachmentKind.PATCH,),
        Element.TESTS: (AttachmentKind.TEST,),
    }.get(element, ())
    sent = next((one.filename for one in draft.attachments if one.kind in kinds), None)
    if sent is not None:
        return f"{sent} holds nothing that counts as one. {_ASK[element]}"
    if element is Element.PATCH and (draft.fixed_commit or draft.fixed_versions):
        return f"A repaired commit or version is named, not the change. {_ASK[element]}"
    if element is Element.DESCRIPTION and draft.description:
        return f"The description is too short to act on. {_ASK[element]}"
    if element is Element.SEVERITY and draft.severity:
        return f"The severity is no rating that is known. {_ASK[element]}"
    return _ASK[element]


def _hints(provenance: Provenance) -> tuple[Hint, ...]:
    """Ask how the flaw was found; a finding made by hand needs no more than that word."""
    if (provenance.discovery_method or "").strip().lower() in _BY_HAND:
        return ()
    return tuple(
        Hint(field=name, what_to_do=ask)
        for name, ask in _HINTS.items()
        if not _HAS[name](provenance)
    )
