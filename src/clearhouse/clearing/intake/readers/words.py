"""Make the content of a draft from a report's words.

In comes a text: the body of a file or e-mail, or the description field of a JSON format. Out come
title, description, trigger, impact, crash log, and the files that stand in the text: proofs of
concept, patches and tests in fenced code, diffs without a fence. Code stays in the description
too, where it was written, so that a person reads the report as its author wrote it.

An id in running text is claimed for this flaw only when it stands in the title, or when it is the
only one and nothing beside it compares. Otherwise it is only mentioned: matching joins reports by
their ids, and a comparison must never join two bugs.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from clearhouse.clearing.intake.readers.files import is_diff
from clearhouse.clearing.intake.readers.labels import KNOWN, labelled_draft
from clearhouse.clearing.intake.readers.prose import Fence, Prose, Section, Topic, cut
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Notice
from clearhouse.formats.identifiers import find_vulnerability_ids, vulnerability_id

MENTIONED = "mentioned_ids"
"""Where `Draft.unknown` keeps ids that a text mentions and does not claim."""

_CRASH = re.compile(
    r"^\s*=+\d+=+ ?ERROR: \w*Sanitizer|^SUMMARY: \w*Sanitizer|Traceback \(most recent call last\):|"
    r"^\s*#\d+ 0x[0-9a-f]+|: runtime error: |thread '[^'\n]{0,80}' panicked at |^panic: |"
    r"^Exception in thread |^\s+at [\w.$<>]+\([\w./:-]*\)",
    re.MULTILINE,
)
_COMPARES = re.compile(
    r"\b(?:similar|unlike|related|see also|variant|bypass|incomplete|regression|differs?|different|"
    r"compare|compared|not the same|another|earlier|previous|like|as in|cf|distinct|duplicate)\b",
    re.IGNORECASE,
)
_EXTENSIONS = {
    "bash": "sh", "c": "c", "c++": "cpp", "cpp": "cpp", "go": "go", "html": "html", "http": "txt",
    "java": "java", "javascript": "js", "js": "js", "json": "json", "node": "js", "php": "php",
    "py": "py", "python": "py", "python3": "py", "rb": "rb", "ruby": "rb", "rust": "rs", "sh": "sh",
    "shell": "sh", "ts": "ts", "typescript": "ts", "xml": "xml", "yaml": "yml", "yml": "yml",
}  # fmt: skip
_KINDS = {
    Topic.POC: AttachmentKind.POC,
    Topic.TRIGGER: AttachmentKind.REPRODUCER,
    Topic.TESTS: AttachmentKind.TEST,
}
_STEMS = {
    AttachmentKind.POC: "poc",
    AttachmentKind.REPRODUCER: "reproducer",
    AttachmentKind.TEST: "test",
    AttachmentKind.PATCH: "patch",
}
_DESCRIBING = {Topic.DESCRIPTION, Topic.OTHER, Topic.POC, Topic.PATCH, Topic.TESTS}
_DIFF_START = re.compile(r"diff --git |Index: \S|--- \S")
_DIFF_LINE = re.compile(
    r"[ +\-@\\]|diff --git |index [0-9a-f]|new file|deleted file|Index: |=====|$"
)


def read_words(text: str) -> Draft:
    """Read a report in words, labels included."""
    prose = cut(text, KNOWN)
    labels = labelled_draft(prose.labels)
    first = _first_line(prose) if prose.title is None and labels.title is None else None
    draft = replace(
        labels,
        title=labels.title or prose.title or first,
        description=_description(prose),
        trigger=_of(prose, Topic.TRIGGER),
        impact=_of(prose, Topic.IMPACT),
        crash_log="\n".join(_crashes(prose)).strip() or None,
        attachments=tuple(_files(prose)),
    )
    return with_ids(draft, text)


def read_field(text: str | None) -> Draft:
    """Read a description field, whose labels are prose and claim nothing."""
    if text is None:
        return Draft()
    prose = cut(text, {})
    description = _description(prose)
    if prose.title:
        description = f"{prose.title}\n\n{description or ''}".strip()
    return Draft(
        description=description,
        trigger=_of(prose, Topic.TRIGGER),
        impact=_of(prose, Topic.IMPACT),
        crash_log="\n".join(_crashes(prose)).strip() or None,
        attachments=tuple(_files(prose)),
    )


def with_words(draft: Draft, words: Draft) -> Draft:
    """Fill the gaps of a structured draft from the words that came with it."""
    return replace(
        draft,
        title=draft.title or words.title,
        description=draft.description or words.description,
        trigger=draft.trigger or words.trigger,
        impact=draft.impact or words.impact,
        crash_log=draft.crash_log or words.crash_log,
        attachments=(*draft.attachments, *words.attachments),
    )


def _first_line(prose: Prose) -> str | None:
    """Take a short first line that stands alone as the title of a plain text."""
    lines = prose.sections[0].lines
    alone = len(lines) > 1 and not lines[1].strip()
    followed = any(line.strip() for line in lines[2:]) or len(prose.sections) > 1
    if not (alone and followed) or not 3 < len(lines[0].strip()) <= 120:
        return None
    prose.sections[0].lines = lines[2:]
    return lines[0].strip()


def _description(prose: Prose) -> str | None:
    """Join what describes the flaw, and what is said about files that stand in the text."""
    found = []
    for section in prose.sections:
        code = section.fences if section.topic in {Topic.DESCRIPTION, Topic.OTHER} else ()
        body = _with_code(section, [f for f in code if not _is_crash(section, f)])
        if section.topic in _DESCRIBING and body:
            titled = section.heading and section.topic is not Topic.DESCRIPTION
            found.append(f"{section.heading}\n{body}" if titled else body)
    return "\n\n".join(found) or None


def _of(prose: Prose, topic: Topic) -> str | None:
    found = (_with_code(one, one.fences) for one in prose.sections if one.topic is topic)
    return "\n\n".join(body for body in found if body) or None


def _with_code(section: Section, fences: list[Fence]) -> str:
    return "\n\n".join([section.text, *(f"```\n{f.text}```" for f in fences)]).strip()


def _is_crash(section: Section, fence: Fence) -> bool:
    if is_diff(fence.text.encode()):
        return False
    crash = _CRASH.search(fence.text) is not None
    return crash or fence.language == "log" or (section.topic is Topic.CRASH and bool(fence.text))


def _crashes(prose: Prose) -> Iterator[str]:
    for section in prose.sections:
        yield from (fence.text for fence in section.fences if _is_crash(section, fence))
        if section.topic is Topic.CRASH and section.text and not section.fences:
            yield section.text


def _files(prose: Prose) -> Iterator[Attachment]:
    """Give the files that stand in the text; each kind is numbered by itself."""
    counts: dict[AttachmentKind, int] = {}
    for section in prose.sections:
        for kind, language, text in _coded(section):
            counts[kind] = counts.get(kind, 0) + 1
            extension = "diff" if kind is AttachmentKind.PATCH else _EXTENSIONS.get(language, "txt")
            yield Attachment(
                filename=f"{_STEMS[kind]}-{counts[kind]}.{extension}",
                content_type="text/plain",
                data=text.encode("utf-8", "replace"),
                kind=kind,
                description=f"from the report's text, {section.heading or 'first section'}"[:200],
            )


def _coded(section: Section) -> Iterator[tuple[AttachmentKind, str, str]]:
    for fence in section.fences:
        if not fence.text.strip() or _is_crash(section, fence):
            continue
        if is_diff(fence.text.encode("utf-8", "replace")):
            yield AttachmentKind.PATCH, "diff", fence.text
        elif section.topic in _KINDS:
            yield _KINDS[section.topic], fence.language, fence.text
    if diff := _bare_diff(section.lines):
        yield AttachmentKind.PATCH, "diff", diff


def _bare_diff(lines: list[str]) -> str | None:
    """Find a diff that stands in the text without a fence."""
    start = next((at for at, line in enumerate(lines) if _DIFF_START.match(line)), None)
    if start is None:
        return None
    end = start
    while end < len(lines) and _DIFF_LINE.match(lines[end]):
        end += 1
    text = "\n".join(lines[start:end]).rstrip() + "\n"
    return text if is_diff(text.encode("utf-8", "replace")) else None


def with_ids(draft: Draft, text: str) -> Draft:
    """Claim or only mention the ids of running text; labelled ids are claimed already."""
    titled = [match.group() for match in find_vulnerability_ids(draft.title or "")]
    compared = _COMPARES.search(draft.title or "") is not None
    claimed = list(draft.aliases) + ([] if compared else titled)
    found = list(find_vulnerability_ids(text))
    names = dict.fromkeys(vulnerability_id(match.group()) or match.group() for match in found)
    notices = draft.notices
    if not claimed and len(names) == 1 and not any(_compared(text, match) for match in found):
        claimed = list(names)
        reason = "the only id in the text is taken as this flaw's id; label it to be sure"
        notices = (*notices, Notice(code="id_from_prose", field="aliases", reason=reason))
    spelled = {vulnerability_id(one) or one for one in claimed}
    mentioned = [name for name in names if name not in spelled]
    unknown = draft.unknown | ({MENTIONED: mentioned[:64]} if mentioned else {})
    return replace(draft, aliases=tuple(claimed), unknown=unknown, notices=notices)


def _compared(text: str, match: re.Match[str]) -> bool:
    """Say whether the sentence around an id compares instead of claims."""
    before = text[max(0, match.start() - 160) : match.start()]
    behind = text[match.end() : match.end() + 80]
    sentence = re.split(r"[.!?\n]\s", before)[-1] + re.split(r"[.!?\n]\s", behind)[0]
    return _COMPARES.search(sentence) is not None
