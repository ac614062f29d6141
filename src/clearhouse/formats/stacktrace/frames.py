"""Reads one line of a stack trace.

In comes a line, out comes a frame, or None when the line is none. What a frame is called is cleaned
here, so that two tools name one frame alike.
"""

import re

from clearhouse.formats.stacktrace.record import Frame

MAX_LINE_CHARS = 700
"""Longer lines are cut: the names of templates can run to megabytes."""

_SOURCE = r"(?P<file>[^\s()'\"]*[/\\][^\s()'\"]*?|[\w+-]+\.\w+)(?::(?P<line>\d+))?(?::\d+)?"

_FORMATS: tuple[tuple[str, str, str], ...] = (
    # Who prints it; what every such line contains; how it reads.
    (
        "a kernel of the ARM family: (name+0x1/0x2) from [<c009>] (...)",
        "] (",
        r"[^(]*\[<[0-9a-f]+>\] \((?P<function>[\w.$]+)\+0x[0-9a-f]+/0x[0-9a-f]+\) from",
    ),
    (
        "a kernel: [<ffffffff8>] ? name+0x1/0x2 [module] file.c:1, pc : name+0x1/0x2",
        "/",
        (
            r"(?:.*\]|.*pc :|.*RIP: [0-9a-f:]+)?\s*(?:\[<[0-9a-fx]+>\]\s*)?(?P<guess>\? )?"
            r"(?P<function>[A-Za-z_][\w$]*)\+(?:0x)?[0-9a-f]+/(?:0x)?[0-9a-f]+"
            rf"(?: \[\w+\])?(?:\s+{_SOURCE})?.*$"
        ),
    ),
    (
        "Trusty: uSP+0x1: 0x2 in name file:1",
        "uSP+",
        rf".*uSP\+0x[0-9a-f]+: 0x[0-9a-f]+ in (?P<function>\S+)(?:\s+{_SOURCE})?",
    ),
    (
        "sanitizers, no function: #0 0x4f  (/lib/libc.so+0x12)",
        "+0x",
        r"\s*#\d+(?:\.\d+)?\s+(?:pc )?(?:0x)?[0-9a-f]+\s+\((?P<module>[^()]+\+0x[0-9a-f]+)\)",
    ),
    (
        "sanitizers, libFuzzer and gdb: #0 0x4f in name(args) /src/file.c:1:2 (module+0x1)",
        " in ",
        (
            rf"\s*#\d+\s+(?:0x)?[0-9a-f]+ in (?P<function>\S.*?)(?:\s+(?:at )?{_SOURCE})?"
            r"(?:\s+[(<]\S*[)>](?:\+0x[0-9a-f]+)?)?(?:\s+\(BuildId.*)?\s*$"
        ),
    ),
    (
        "gdb, innermost frame: #0  name (args) at file.c:1",
        ") at ",
        r"\s*#\d+\s+(?P<function>[A-Za-z_][\w:~<>]*) \(.*\) at " + _SOURCE,
    ),
    (
        "the debugger of Android: #00 pc 0003a1b0  /system/lib/libc.so (name+28)",
        " pc ",
        r"\s*#\d+\s+pc [0-9a-f]+\s+\S+ \((?P<function>.+?)(?:\+\d+)?\)(?:\s+\(BuildId.*)?$",
    ),
    (
        "Chromium and hwasan: #0 0x7f name()",
        "#",
        (
            r"\s*#\d+\s+(?:0x)?[0-9a-f]{6,}\s+(?P<function>(?!in\b)[A-Za-z_~!<(`].*?)"
            rf"(?:\s+{_SOURCE})?(?:\s+\(\S*\+0x[0-9a-f]+\))?(?:\s+\(BuildId.*)?\s*$"
        ),
    ),
    (
        "glibc: /lib/libv8.so(name(args)+0x67c) [0x7f]",
        "[0x",
        r"\s*/[^\s(]+\((?:void )?(?P<function>[A-Za-z_].*)\+0x[0-9a-f]+\)\s*\[0x[0-9a-f]+\]",
    ),
    (
        "Chromium on Windows: name [0x13454F91+33] (C:\\path\\file.cc:217)",
        "[0x",
        (
            r"\s+(?P<function>[^\s/].*?) \[0x[0-9A-Fa-f]+(?:\+\d+)?\]"
            r"(?:\s+\((?P<file>[^()]*):(?P<line>\d+)\))?"
        ),
    ),
    (
        "the debugger of Windows: 00000000`04 00000000`05 : 0 0 0 0 : MSHTML!name+0x1",
        "!",
        (
            r"[0-9a-f`]{8,} [0-9a-f`]{8,} .*[: ]\w+!(?P<function>[\w:~<>`'&@?$]+)"
            r"(?:\+(?:0x)?[0-9a-f]+)?"
            r"(?::| \[.*)?\s*$"
        ),
    ),
    (
        "Java: at a.b.Class.method(Class.java:12)",
        "at ",
        (
            r"\s*+at (?:[\w.@-]++/)?+(?P<function>(?=\S*\.)[\w$.<>-]++)"
            r"\((?:(?P<file>[\w$.-]+)(?::(?P<line>\d+))?|[^()]*)\)\s*$"
        ),
    ),
    (
        "JavaScript: at name (/path/file.js:1:2)",
        "at ",
        (
            r"\s*+at (?:async )?(?:new )?(?P<function>[\w$.<>\[\]]++(?: \[as \w+\])?)"
            r" \((?P<file>[^()]+?)"
            r":(?P<line>\d+):\d+\)\s*$"
        ),
    ),
    (
        "JavaScript, no function: at /path/file.js:1:2",
        "at ",
        r"\s*at (?P<function>)(?P<file>(?:file://|node:|/)[^():]+):(?P<line>\d+):\d+\s*$",
    ),
    (
        'Python: File "a.py", line 12, in name',
        'File "',
        r"\s*File \"(?P<file>[^\"]+)\", line (?P<line>\d+), in (?P<function>\S+)",
    ),
    (
        "Rust: 4: crate::module::name",
        "::",
        r"\s++\d+:\s+(?:0x[0-9a-f]+ - )?(?P<function>(?=\S*::)[a-z_<][\w<>{}$: ]*+)$",
    ),
    (
        "Go: host/path/package.(*Type).method(0x1, 0x2)",
        "(",
        (
            r"(?P<function>(?:[\w.~-]++/)*+[\w~-]++\.(?:\(\*?[\w.]++\)\.)?+[\w.\[\]-]++)"
            r"\((?P<go>[^()]*+)\)\s*$"
        ),
    ),
)
_PATTERNS = tuple((mark, re.compile(pattern)) for _, mark, pattern in _FORMATS)
_PYTHON = re.compile(r"\s*File \"")


def frame(line: str) -> Frame | None:
    """Return the frame that a line shows."""
    line = line[:MAX_LINE_CHARS]
    for mark, pattern in _PATTERNS:
        found = pattern.match(line) if mark in line else None
        if found:
            return _frame(found.groupdict())
    return None


def _frame(parts: dict[str, str | None]) -> Frame | None:
    """Return a frame unless the printer says that it only guesses (`? name`)."""
    if parts.get("guess"):
        return None
    number = parts.get("line")
    return Frame(
        function=_clean(parts.get("function"), go="go" in parts),
        file=parts.get("file"),
        line=int(number) if number else None,
        module=parts.get("module"),
    )


def outermost_first(line: str) -> bool:
    """Say whether the format of a line prints the innermost frame last."""
    return _PYTHON.match(line) is not None


_ANONYMOUS = re.compile(r"\(anonymous namespace\)::|`anonymous namespace'::|\(anonymous\)::")
_CLONE = re.compile(r"(?:\.(?:part|constprop|isra|cold|localalias|llvm)(?:\.\d+)*)+$")
_OFFSET = re.compile(r"\+0x[0-9a-f]+$")


def _clean(name: str | None, *, go: bool) -> str | None:
    """Cut the arguments and what compilers append; a Go name keeps its last path part."""
    if not name:
        return None
    if go:
        return name.rpartition("/")[2]
    name = _ANONYMOUS.sub("", name)
    name = _OFFSET.sub("", name.split("(", 1)[0].strip())
    return _CLONE.sub("", name).strip() or None
