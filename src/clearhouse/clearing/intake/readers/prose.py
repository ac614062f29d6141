"""Cut a report in words into labelled lines, sections and fenced code.

In comes Markdown or plain text; out comes its title, the `Label: value` lines whose label is known,
and sections by what their heading says they hold. Headings are those of Markdown, lines in bold,
and bare lines that are a known heading. Nothing is interpreted further: `labels` and `words` do.
Time and space are linear in the text.

Source: CommonMark 0.31 §4.2, §4.3, §4.5 (headings and fences), in the form that reports use.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

MAX_LINES = 50_000
_LOG = "log"
"""In place of a fence's mark: a crash log that stands in plain text without a fence."""


class Topic(StrEnum):
    """What a section holds."""

    DESCRIPTION = "description"
    TRIGGER = "trigger"
    IMPACT = "impact"
    POC = "poc"
    PATCH = "patch"
    TESTS = "tests"
    CRASH = "crash"
    OTHER = "other"
    """Under a heading that nobody here knows; it stays part of the description."""


_HEADINGS = {
    Topic.DESCRIPTION: """summary|description|details|overview|abstract|background|introduction|
        vulnerability|vulnerability description|vulnerability details|technical details|analysis|
        technical description|technical analysis|root cause|root cause analysis|issue|finding|
        problem|bug|what happens|weakness""",
    Topic.TRIGGER: """steps to reproduce|reproduction|reproduction steps|how to reproduce|
        reproducing|to reproduce|reproduce|trigger|steps|exploitation steps|attack scenario|
        exploitation|attack vector|repro|repro steps""",
    Topic.IMPACT: """impact|security impact|consequence|consequences|impact analysis|
        severity rationale""",
    Topic.POC: """proof of concept|proof-of-concept|poc|exploit|exploit code|reproducer|
        demonstration|proof of vulnerability|demo|poc code""",
    Topic.PATCH: """patch|fix|suggested fix|proposed fix|recommended fix|remediation|proposed patch|
        suggested patch|recommendation|suggested remediation|mitigation""",
    Topic.TESTS: "test|tests|regression test|regression tests|test case|test cases|unit test",
    Topic.CRASH: """crash log|crash|asan|asan output|asan log|asan report|sanitizer output|
        sanitizer log|sanitizer report|stack trace|stacktrace|traceback|backtrace|crash output|
        crash report|log""",
}
_TOPICS = {
    " ".join(name.split()): topic for topic, names in _HEADINGS.items() for name in names.split("|")
}
_ATX = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_BOLD = re.compile(r"\*\*([^*]{1,80})\*\*:?\s*|__([^_]{1,80})__:?\s*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`]*)")
_LABEL = re.compile(
    r"(?:[-*|>][ \t]{1,4})?(?:\*\*|__|`)?([A-Za-z][A-Za-z0-9 /_()#.-]{1,48}?)(?:\*\*|__|`)?"
    r"[ \t]{0,2}[:|](?:\*\*|__)?(?:[ \t]+(.*)|)"
)
_LOG_START = re.compile(
    r"=+\d+=+ ?ERROR: |Traceback \(most recent call last\):|"
    r"thread '[^']{0,80}' panicked at |Exception in thread |panic: |"
    r"[\w./-]{1,200}:\d+:\d+: runtime error: "
)
_LOG_GOES_ON = re.compile(
    r"\s|=|#\d|SUMMARY: |Shadow |previously |freed by |allocated by |READ |WRITE |Address 0x|"
    r"HINT: |The above exception|During handling|Traceback |0x|goroutine |\[|NOTE: |Uninitialized |"
    r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt)\b"
)
_UNDERLINE = re.compile(r"={3,}|-{3,}")
_DECORATION = re.compile(r"^(?:\d{1,2}[.)]\s*|[^\w]+)+|[\s:#*_.]+$")
_PARENTHESIS = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(slots=True)
class Fence:
    """One block of fenced code."""

    language: str
    """The first word behind the fence, in lower case."""
    text: str


@dataclass(slots=True)
class Section:
    """What stands under one heading, without its fences' code."""

    topic: Topic
    heading: str | None = None
    lines: list[str] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words of the section."""
        return "\n".join(self.lines).strip()


@dataclass(slots=True)
class Prose:
    """A report in words, cut up."""

    title: str | None = None
    labels: list[tuple[str, str]] = field(default_factory=list)
    """Known label in canonical spelling, and its value, in order."""
    sections: list[Section] = field(default_factory=list)


def topic_of(heading: str) -> Topic | None:
    """Say what a heading announces, or None when it is not a known one."""
    name = _PARENTHESIS.sub("", _DECORATION.sub("", heading[:120])).lower()
    known = _TOPICS.get(name)
    if known is not None:
        return known
    return next((topic for start, topic in _TOPICS.items() if name.startswith(f"{start} ")), None)


class _Cutter:
    """Walks the lines once; holds the open section and fence."""

    def __init__(self, known_labels: dict[str, str]) -> None:
        self.prose = Prose(sections=[Section(topic=Topic.DESCRIPTION)])
        self._known = known_labels
        self._fence: tuple[str, str, list[str]] | None = None
        self._awaited: str | None = None
        self._awaits_paragraph = False
        self._outer: Section | None = None

    @property
    def section(self) -> Section:
        return self.prose.sections[-1]

    def line(self, line: str, following: str) -> None:
        """Take one line, knowing the one behind it."""
        if self._in_fence(line):
            return
        if not line.strip():
            self._paragraph_ends()
            return
        heading = self._heading(line, following)
        if heading is not None:
            self._open(heading)
        elif not (self._underline(line) or self._label(line)):
            self._awaited_value(line)

    def close(self) -> Prose:
        """End an unclosed fence and return what was found."""
        if self._fence is not None:
            self._end_fence()
        return self.prose

    def _in_fence(self, line: str) -> bool:
        if self._fence is not None:
            mark, _, body = self._fence
            bare = line.strip()
            if mark == _LOG and self._log_ends(line, body):
                self._end_fence()
                return False
            if mark != _LOG and bare.startswith(mark) and not bare.strip(mark[0]):
                self._end_fence()
            else:
                body.append(line)
            return True
        if _LOG_START.match(line.strip()):
            self._fence = (_LOG, "log", [line])
            return True
        found = _FENCE.fullmatch(line)
        if found is None:
            return False
        info = found.group(2).split()
        self._fence = (found.group(1), info[0].lower() if info else "", [])
        return True

    def _log_ends(self, line: str, body: list[str]) -> bool:
        """Say whether a log in plain text ends before this line."""
        if not line.strip():
            return False
        heading = _ATX.fullmatch(line) is not None and not re.match(r"#\d", line)
        return heading or not (body[-1].strip() or _LOG_GOES_ON.match(line))

    def _end_fence(self) -> None:
        if self._fence is not None:
            _, language, body = self._fence
            self.section.fences.append(Fence(language=language, text="\n".join([*body, ""])))
        self._fence = None

    def _paragraph_ends(self) -> None:
        if self._awaits_paragraph:
            self._awaited = None
        if self.section.lines and self.section.lines[-1]:
            self.section.lines.append("")
        if self._outer is not None and self.section.text:
            # `Impact: …` inside running text is one paragraph, then the outer section goes on.
            outer, self._outer = self._outer, None
            self.prose.sections.append(Section(topic=outer.topic, heading=outer.heading))

    def _heading(self, line: str, following: str) -> str | None:
        found = _ATX.fullmatch(line)
        if found:
            return found.group(1).strip().rstrip("#").strip()
        bold = _BOLD.fullmatch(line.strip())
        if bold:
            return str(bold.group(1) or bold.group(2)).strip()
        bare = line.strip()
        if len(bare) > 60:
            return None
        marked = bare.startswith(("-", "*", ">", "|")) or self._labels(bare)
        if _UNDERLINE.fullmatch(following.strip()) and not marked:
            return bare
        named = _TOPICS.get(bare.rstrip(":").lower())
        return bare if named is not None and (bare[0].isupper() or bare.endswith(":")) else None

    def _labels(self, line: str) -> bool:
        """Say whether a line gives a known label a value."""
        found = _LABEL.fullmatch(line)
        return (
            found is not None and bool(found.group(2)) and _spelled(found.group(1)) in self._known
        )

    def _underline(self, line: str) -> bool:
        return _UNDERLINE.fullmatch(line.strip()) is not None

    def _open(self, heading: str) -> None:
        self._outer = None
        label = self._known.get(_spelled(heading))
        if label is not None:
            self._awaited, self._awaits_paragraph = label, False
            return
        self._awaited = None
        topic = topic_of(heading)
        if topic is None and self.prose.title is None and not self._anything():
            self.prose.title = heading
            return
        self.prose.sections.append(Section(topic=topic or Topic.OTHER, heading=heading))

    def _anything(self) -> bool:
        return len(self.prose.sections) > 1 or bool(self.section.text)

    def _label(self, line: str) -> bool:
        found = _LABEL.fullmatch(line.strip()) if len(line) < 4096 else None
        if found is None:
            return False
        name, value = _spelled(found.group(1)), (found.group(2) or "").strip(" \t|")
        label = self._known.get(name)
        if label is not None:
            self._awaited, self._awaits_paragraph = (None if value else label), True
            if value:
                self.prose.labels.append((label, value))
            return True
        topic = _TOPICS.get(name)
        if topic is None or not value or not line.lstrip("-*+ ")[:1].isupper():
            return False
        self._outer = self._outer or self.section
        self.prose.sections.append(Section(topic=topic, heading=found.group(1), lines=[value]))
        return True

    def _awaited_value(self, line: str) -> None:
        if self._awaited is None:
            self.section.lines.append(line)
            return
        self.prose.labels.append((self._awaited, line.strip().lstrip("-*+ ").strip()))


def _spelled(name: str) -> str:
    bare = _PARENTHESIS.sub("", _DECORATION.sub("", name[:120]))
    return " ".join(bare.replace("_", " ").replace("-", " ").lower().split())


def cut(text: str, known_labels: dict[str, str]) -> Prose:
    """Cut a text up; `known_labels` maps labels as written, in lower case, to their own names."""
    lines = text.split("\n", MAX_LINES)
    cutter = _Cutter(known_labels)
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        cutter.line(line.rstrip("\r"), following)
    return cutter.close()
