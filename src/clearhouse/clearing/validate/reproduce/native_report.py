"""Read an AddressSanitizer report that was written without symbols, and say whose fault it shows.

Pure. In comes the text of the private log; out comes a `Report` with its kind and the first stack
as modules and offsets, which the host names by itself. A report counts for the target when the
topmost frame outside the sanitizer and the C library lies in a module that was compiled from the
target's source alone: a fault in the harness or in a callback of it does not.

Source: the report format of LLVM compiler-rt, `lib/asan/asan_report.cpp` and
`lib/sanitizer_common/sanitizer_stacktrace_printer.cpp`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

_HEAD = re.compile(r"^==\d+==\s?ERROR: (AddressSanitizer|LeakSanitizer): (.{1,300})$")
_FRAME = re.compile(
    r"^\s+#(\d{1,4}) 0x[0-9a-f]{1,16}\s.{0,400}?\((/[^()\s]{1,300})\+(0x[0-9a-f]{1,16})\)"
)
_KIND = re.compile(r"[a-zA-Z-]{1,60}")
_RUNTIME = re.compile(
    r"(?:lib(?:asan|lsan|ubsan|clang_rt\.asan[\w-]*|c|m|dl|pthread|stdc\+\+|gcc_s)|ld-linux[\w-]*)"
    r"(?:[-.].*)?\.so(?:\.\d+)*"
)
_MAX_FRAMES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame of the first stack."""

    module: str
    """Path in the guest."""
    offset: str
    """In hexadecimal, as the report has it."""

    @property
    def is_runtime(self) -> bool:
        """Say whether the frame belongs to the sanitizer or the C library."""
        return bool(_RUNTIME.fullmatch(PurePosixPath(self.module).name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One sanitizer report."""

    kind: str
    """Such as `heap-buffer-overflow`, `SEGV` or `memory-leak`."""
    frames: tuple[Frame, ...]
    """The stack of the fault, or of the first leaked allocation."""


def parse(text: str) -> Report | None:
    """Return the first report of a log, or None when there is none."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        head = _HEAD.match(line)
        if head:
            kind = "memory-leak" if head[1] == "LeakSanitizer" else _kind(head[2])
            return Report(kind=kind, frames=_first_stack(lines[number + 1 :]))
    return None


def fault(report: Report) -> Frame | None:
    """Return the topmost frame outside the sanitizer and the C library."""
    return next((one for one in report.frames if not one.is_runtime), None)


def blames(report: Report, modules: Iterable[str]) -> bool:
    """Say whether the fault lies in one of these modules."""
    top = fault(report)
    return top is not None and top.module in set(modules)


def _kind(words: str) -> str:
    """Take the kind from the headline: `SEGV on unknown address` is `SEGV`."""
    found = _KIND.match(words)
    return found[0] if found else "unknown"


def _first_stack(lines: list[str]) -> tuple[Frame, ...]:
    """Collect the first unbroken run of frames that counts up from 0."""
    frames: list[Frame] = []
    for line in lines:
        found = _FRAME.match(line)
        if found and int(found[1]) == len(frames) and len(frames) < _MAX_FRAMES:
            frames.append(Frame(module=found[2], offset=found[3]))
        elif frames:
            break
    return tuple(frames)
