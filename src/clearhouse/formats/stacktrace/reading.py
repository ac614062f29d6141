"""Reads a crash log line by line into one crash.

1. A headline opens a crash and throws away the frames read before it.
2. Frames gather until another stack begins: the frame numbers restart, or a line says whose stack
   follows (who freed the memory, who made the thread).
3. The state is what failed, then the first frames that tell one crash from another, three in all.

Source: the general rule of fuzzing services (the first telling frames stand for the crash); which
frames tell nothing is ours, in `noise.txt`.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from clearhouse.formats.stacktrace.frames import frame, outermost_first
from clearhouse.formats.stacktrace.headlines import (
    Effect,
    Headline,
    headline,
    numberless,
    shorten,
)
from clearhouse.formats.stacktrace.noise import is_noise
from clearhouse.formats.stacktrace.record import Crash, Frame

MAX_CHARS = 4_000_000
"""A longer log is read to here; the crash that matters is never that far down."""
MAX_LINES = 10_000
MAX_FRAMES = 400
"""A stack that overflowed prints thousands; they repeat."""
STATE_ELEMENTS = 3
NO_FRAMES = "NULL"
"""Stands in the state of a crash that shows no telling frame."""

_ENTRY = "LLVMFuzzerTestOneInput"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MESSAGE = re.compile(r"^#\s+(\S.*)")
_NUMBER = re.compile(r"\s*(?:\[ *[\d.]+\] )?#0*(\d+)(?:\.\d+)?\s")


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    type: str | None = None
    address: str | None = None
    subject: tuple[str, ...] = ()
    frames: list[Frame] = field(default_factory=list)
    last_number: int = -1
    closed: bool = False
    void: bool = False
    innermost_last: bool = False
    file: str | None = None
    """Where the program says that it failed, while its message is still to come."""
    alone: bool = False
    wanted: int | None = None


def parse(text: str) -> Crash:
    """Read a crash log."""
    reading = _Reading()
    for raw in text[:MAX_CHARS].splitlines()[:MAX_LINES]:
        line = _CONTROL.sub("", raw)
        said = headline(line)
        if said is not None:
            _hear(reading, said)
        if said is None:
            _take_message(reading, line)
        if said is None or said.effect is Effect.DETAILS:
            _take_frame(reading, line)
    frames = reading.frames[::-1] if reading.innermost_last else reading.frames
    return Crash(
        type=reading.type,
        frames=tuple(frames),
        state=() if reading.void else _state(reading, frames),
        address=reading.address,
    )


def _hear(reading: _Reading, said: Headline) -> None:  # noqa: C901 - one case per effect
    begun = reading.type is not None
    match said.effect:
        case Effect.VOID:
            reading.void = True
        case Effect.FIRST if _kind(reading.type) == _kind(said.type):
            reading.closed = bool(reading.frames)
        case Effect.RENAMES if reading.frames:
            reading.type = said.type
        case Effect.CLOSES:
            reading.closed = bool(reading.frames)
        case Effect.CONTINUES:
            told = sum(_name(frame) is not None for frame in reading.frames)
            reading.closed, reading.last_number = told >= STATE_ELEMENTS, -1
        case Effect.SAYS if begun:
            _say(reading, said)
        case Effect.DETAILS if begun:
            _detail(reading, said.type)
        case Effect.WEAK if begun:
            if not any(map(_name, reading.frames)):
                _restart(reading)
            reading.closed = bool(reading.frames)
        case Effect.OPENS | Effect.WEAK | Effect.FIRST | Effect.RENAMES:
            _open(reading, said)


def _kind(crash_type: str | None) -> str:
    return (crash_type or "").split("\n")[0]


def _open(reading: _Reading, said: Headline) -> None:
    file = reading.file if said.file == "" and reading.file else said.file
    reading.type, reading.address, reading.file = said.type, said.address, file
    reading.alone, reading.wanted = said.alone, said.frames
    reading.subject = tuple(shorten(f"{text} in {file}" if file else text) for text in said.subject)
    _restart(reading)


def _say(reading: _Reading, said: Headline) -> None:
    """Add an element to the subject, or words to its last element when they begin with a space."""
    for text in said.subject:
        if text.startswith(" ") and reading.subject:
            *before, last = reading.subject
            reading.subject = (*before, shorten(last + text) if text not in last else last)
        else:
            reading.subject += (text,)


def _detail(reading: _Reading, detail: str) -> None:
    kind = reading.type or ""
    checked = kind.endswith(("CHECK failure", "error")) or kind in {"ASSERT", "Abrt"}
    fits = (detail.startswith("\n") and not checked) or kind in {"UNKNOWN", "Null-dereference"}
    if fits and not reading.frames and detail not in kind:
        reading.type = kind + detail


def _restart(reading: _Reading) -> None:
    reading.frames, reading.last_number, reading.closed = [], -1, False


def _take_message(reading: _Reading, line: str) -> None:
    """Take the message that follows a line which only named the file of a fatal error."""
    found = _MESSAGE.match(line)
    if reading.file is not None and not reading.subject and found:
        text = numberless(found[1].rstrip("."))
        reading.subject = (shorten(f"{text} in {reading.file}" if reading.file else text),)


def _take_frame(reading: _Reading, line: str) -> None:
    found = frame(line)
    if found is None or len(reading.frames) >= MAX_FRAMES:
        return
    number = _NUMBER.match(line)
    if number:
        restarted = int(number[1]) < reading.last_number
        reading.closed = reading.closed or (restarted and bool(reading.frames))
        reading.last_number = int(number[1])
    if not reading.closed:
        reading.frames.append(found)
        reading.innermost_last = outermost_first(line)


def _state(reading: _Reading, frames: list[Frame]) -> tuple[str, ...]:
    names = [name for name in map(_name, frames) if name]
    if reading.type and "tack" in reading.type and "overflow" in reading.type:
        names = _cycle(names)
    if reading.type is None and not names:
        return ()
    subject = reading.subject or ((reading.file,) if reading.file else ())
    room = reading.wanted or STATE_ELEMENTS - len(subject)
    state = subject if reading.alone else (*subject, *names[: max(room, 0)])
    return tuple(map(shorten, state)) or (NO_FRAMES,)


def _name(frame: Frame) -> str | None:
    """Return what stands for a frame, None for one that tells nothing."""
    if frame.function is None:
        return None if frame.module is None or is_noise(frame.module) else _module(frame.module)
    if frame.function == _ENTRY:
        return re.split(r"[/\\]", frame.file)[-1] if frame.file else None
    return None if is_noise(frame.function) or is_noise(frame.file or "") else frame.function


def _cycle(names: list[str]) -> list[str]:
    """Drop what stands above the recursion, which differs with the depth at which it died."""
    seen = Counter(names)
    often = max(seen.values(), default=0) // 2
    return names[next((i for i, n in enumerate(names) if often > 1 and seen[n] > often), 0) :]


def _module(module: str) -> str:
    """Keep the offset in a library; in a program it changes with every build."""
    path, _, offset = module.rpartition("+")
    return module if path.endswith(".so") and offset else path
