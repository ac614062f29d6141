"""Headlines: the lines of a log that say that something crashed, and how.

In comes a line, out comes a `Headline`, or None. The words of the types follow the usage of the
fuzzing services (`Heap-buffer-overflow READ 4`), so that our states and theirs can be compared.
A `weak` headline (an abort, a trap) gives way to what was said before it: a failed check ends in an
abort, and the check is what happened.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MESSAGE_CHARS = 80
"""How much of a message or a name stands in a state."""


class Effect(StrEnum):
    """What a headline does to what was read before it."""

    OPENS = "opens"
    """A crash begins; frames read before do not belong to it."""
    WEAK = "weak"
    """As OPENS, unless a crash has begun: then only its stack begins anew."""
    FIRST = "first"
    """Opens a crash; when one of its kind has begun, another stack of that follows."""
    RENAMES = "renames"
    """Says more exactly what happened; the stack stays."""
    DETAILS = "details"
    """Adds to the type of the crash that has begun."""
    SAYS = "says"
    """Adds to the subject of the crash that has begun."""
    CLOSES = "closes"
    """What follows is another stack, of the same crash or none."""
    CONTINUES = "continues"
    """What follows tells more of the same crash where the stack before told little."""
    VOID = "void"
    """The log shows no crash of the program (it ran out of memory)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """What one line says about a crash."""

    type: str = ""
    subject: tuple[str, ...] = ()
    """Elements of the state that come before the frames, such as a failed condition."""
    effect: Effect = Effect.OPENS
    file: str | None = None
    """Where the program says that it failed, when the message follows on the next line."""
    alone: bool = False
    """No frames belong to the state."""
    frames: int | None = None
    """How many frames belong to the state besides the subject, where it is not the usual."""
    address: str | None = None


Maker = Callable[[re.Match[str]], Headline | None]


def shorten(text: str) -> str:
    """Cut a text to what a state holds."""
    return text[:MESSAGE_CHARS]


def headline(line: str) -> Headline | None:
    """Return what a line says."""
    for mark, pattern, make in _TABLE:
        found = pattern.search(line) if mark in line else None
        if found:
            made = make if isinstance(make, Headline) else make(found)
            if made is not None:
                return made
    return None


def _base(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def numberless(text: str) -> str:
    """Replace free-standing numbers, which differ from run to run."""
    return re.sub(r"\b\d+\b", "NUMBER", text)


def _condition(text: str) -> str:
    """Cut the values and the comment that follow a condition: `a == b (1 vs. 2): why`."""
    text = re.split(r"\s*\((?:[^()]|\([^()]*\))* vs\.? ", text)[0]
    text = re.sub(r"\s+\(\"?[^()]* vs\.? .*$", "", text)
    return text.strip().rstrip(".").strip()


def _check(kind: str) -> Maker:
    def make(found: re.Match[str]) -> Headline:
        file = found.groupdict().get("file")
        said = _condition(found["text"])
        subject = f"{said} in {_base(file)}" if file else said
        return Headline(type=kind, subject=(shorten(subject),))

    return make


def _v8_check(kind: str) -> Maker:
    """Return a maker for a condition whose file stood on the line before."""

    def make(found: re.Match[str]) -> Headline:
        return Headline(type=kind, subject=(numberless(_condition(found["text"])),), file="")

    return make


def _security_check(found: re.Match[str]) -> Headline | None:
    return _check(f"Security {found['debug']}CHECK failure")(found)


def _message(kind: str, *, alone: bool = False, frames: int | None = None) -> Maker:
    return lambda found: Headline(
        type=kind, subject=(shorten(found["text"].strip()),), alone=alone, frames=frames
    )


def _plain(kind: str, *, weak: bool = False) -> Maker:
    effect = Effect.WEAK if weak else Effect.OPENS
    return lambda _found: Headline(type=kind, effect=effect)


_SANITIZER_TYPES = {
    "SEGV": "UNKNOWN",
    "access-violation": "UNKNOWN",
    "unknown-crash": "UNKNOWN",
    "FPE": "Floating-point-exception",
    "ABRT": "Abrt",
    "BUS": "Bus",
    "ILL": "Ill",
    "illegal-instruction": "Ill",
    "TRAP": "Trap",
    "breakpoint": "Breakpoint",
    "int-divide-by-zero": "Divide-by-zero",
    "stack-overflow": "Stack-overflow",
    "attempting double-free": "Heap-double-free",
    "attempting free": "Invalid-free",
    "attempting": "Invalid-free",
    "use-of-uninitialized-value": "Use-of-uninitialized-value",
}
_WEAK = {"Fatal-signal", "Abrt", "Ill", "Trap", "Breakpoint"}


def _sanitizer(found: re.Match[str]) -> Headline | None:
    words = found["what"]
    if words in {"detected", "Stack", "undefined-behavior", "CHECK", "failed"} or words.isdigit():
        return None
    kind = _SANITIZER_TYPES.get(words) or words[:1].upper() + words[1:]
    address = found.groupdict().get("address")
    if kind == "UNKNOWN" and address and int(address, 16) < 0x1000:
        kind = "Null-dereference"
    effect = Effect.WEAK if kind in _WEAK else Effect.OPENS
    return Headline(type=kind, effect=effect, address=address)


def _thread(found: re.Match[str]) -> Headline:
    what = found["what"].strip()
    return Headline(type=what[:1].upper() + what[1:])


def _rust_panic(found: re.Match[str]) -> Headline:
    """Read both spellings: `'message', src/a.rs:1:2` and, since 1.73, `src/a.rs:1:2:`."""
    old = re.match(r"'(.*)', ", found["text"])
    if old:
        return Headline(type="Rust panic", subject=(shorten(numberless(old[1])),))
    return Headline(type="Rust panic", file=None)


def _runtime_error(found: re.Match[str]) -> Headline | None:
    text = found["text"]
    for pattern, kind in _UNDEFINED:
        if re.search(pattern, text):
            return Headline(type=kind)
    return None


_UNDEFINED = (
    (r"division by zero", "Divide-by-zero"),
    (r"signed integer overflow|negation of|integer overflow", "Integer-overflow"),
    (r"load of value .* type 'bool'", "Invalid-bool-value"),
    (r"load of value .* type", "Invalid-enum-value"),
    (r"misaligned address", "Misaligned-address"),
    (r"upcast of null|cast of null", "Upcast-of-null-pointer"),
    (r"load of null pointer", "Null-dereference READ"),
    (r"store to null pointer", "Null-dereference WRITE"),
    (r"null pointer of type|null pointer", "Null-dereference"),
    (r"pointer index expression|offset .* (?:to|from) .*pointer|overflowed to", "Pointer-overflow"),
    (r"shift exponent|left shift", "Undefined-shift"),
    (r"out of bounds for type", "Index-out-of-bounds"),
    (r"execution reached (?:an unreachable|the end)", "Unreachable code"),
    (r"assumption is violated", "Assumption-violation"),
    (r"outside the range of representable", "Float-cast-overflow"),
    (r"variable length array bound", "Non-positive-vla-bound-value"),
    (r"incorrect function type|through pointer to incorrect", "Incorrect-function-pointer-type"),
    (r"null pointer .* nonnull", "Invalid-null-argument"),
)


def _go_panic(found: re.Match[str]) -> Headline:
    text = found["text"].strip()
    if text.startswith("runtime error: "):
        kind = re.sub(r" \[.*", "", text.removeprefix("runtime error: ")).strip()
        return Headline(type=kind[:1].upper() + kind[1:])
    return Headline(
        type="ASSERT", subject=(shorten(numberless(re.sub(r" \[recovered\]$", "", text))),)
    )


def _go_fatal(found: re.Match[str]) -> Headline:
    text = found["text"].strip()
    if text == "stack overflow":
        return Headline(type="Stack overflow")
    return Headline(type="Fatal error", subject=(shorten(text),))


def _access(found: re.Match[str]) -> Headline:
    kind = f"\n{found['how'].upper()} {found['size']}"
    return Headline(type=kind, effect=Effect.DETAILS)


def _cause(found: re.Match[str]) -> Headline:
    return Headline(type=f" {found['how']}", effect=Effect.DETAILS)


def _says(*subject: str) -> Headline:
    return Headline(subject=tuple(map(shorten, subject)), effect=Effect.SAYS)


def _correctness(found: re.Match[str]) -> Headline:
    subject = (shorten(f"{found['what']}: {found['text']}"),)
    if found["what"] == "configs":
        return Headline(type="V8 correctness failure", subject=subject, alone=True)
    return _says(*subject)


def _v8_fatal(found: re.Match[str]) -> Headline:
    return Headline(type="Fatal error", file=_base(found["file"]) if found["line"] else "")


def _v8_unreachable(_found: re.Match[str]) -> Headline:
    return Headline(type="Unreachable code", file="")


def _bad_cast(found: re.Match[str]) -> Headline:
    return Headline(type="Bad-cast", subject=(shorten(f"Bad-cast to {found['to']}"),))


def _cast_from(found: re.Match[str]) -> Headline:
    return _says(f" from {found['of'] or 'invalid vptr'}")


def _detected(found: re.Match[str]) -> Headline:
    return Headline(type=found["text"].strip())


def _leak(_found: re.Match[str]) -> Headline:
    return Headline(type="Direct-leak", effect=Effect.FIRST)


def _fault(_found: re.Match[str]) -> Headline:
    return Headline(type="Kernel failure", effect=Effect.FIRST)


def _panic(found: re.Match[str]) -> Headline:
    what = found["what"].strip().replace(" ", "-")
    return Headline(type=f"Kernel failure\n{what}", effect=Effect.FIRST)


def _kernel(found: re.Match[str]) -> Headline:
    what = found["what"].strip().replace(" ", "-")
    kind = f"Kernel failure\n{what[:1].upper()}{what[1:]}"
    return Headline(type=kind, effect=Effect.FIRST)


def _library(found: re.Match[str]) -> Headline:
    return Headline(type="Missing-library", subject=(shorten(found["text"].strip()),), alone=True)


def _signal(found: re.Match[str]) -> Headline:
    kinds = {"SIGSEGV": "UNKNOWN", "SIGABRT": "Abrt", "SIGILL": "Ill", "SIGBUS": "Bus"}
    kind = kinds.get(found["what"], found["what"])
    return Headline(type=kind, effect=Effect.WEAK)


_CHECK = _check("CHECK failure")
_ASSERT = _message("ASSERT")
_UNCAUGHT = _plain("Uncaught exception")
_OUT_OF_MEMORY = Headline(effect=Effect.VOID)
_OTHER_STACK = Headline(effect=Effect.CLOSES)
_MORE = Headline(effect=Effect.CONTINUES)
_SANDBOX = Headline(type="V8 sandbox violation", effect=Effect.RENAMES)
_AT = r"FATAL:(?P<file>[^()\s]++)\(\d+\)\] "
_GLOG = r"^F\d{4} [^\]]*? (?P<file>[\w.-]++):\d+\] "

_ROWS: tuple[tuple[str, str, Maker | Headline], ...] = (
    # What every such line contains; how it reads; what it says. The first that fits speaks.
    ("llocator is out of memory", "", _OUT_OF_MEMORY),
    ("requested allocation size", "", _OUT_OF_MEMORY),
    ("Out of memory.", "", _OUT_OF_MEMORY),
    ("out of memory", r"out of memory(?:$|:)", _OUT_OF_MEMORY),
    ("out-of-memory (", "", _OUT_OF_MEMORY),
    ("CALL_AND_RETRY_LAST", r"Fatal error in", _OUT_OF_MEMORY),
    ("SUMMARY: ", r"^SUMMARY", _OTHER_STACK),
    (" is located ", r"^\S*+ is located ", _OTHER_STACK),
    ("previously allocated by", "", _OTHER_STACK),
    ("was created ", r"was created (?:by|at)", _OTHER_STACK),
    ("Address 0x", r"^Address 0x[0-9a-f]+ is", _OTHER_STACK),
    ("allocated by thread", r"^allocated", _OTHER_STACK),
    ("created by", r"^Thread T\d+ ", _OTHER_STACK),
    ("DEDUP_TOKEN", "", _OTHER_STACK),
    ("freed by thread", r"^freed", _MORE),
    ("V8 sandbox violation detected", r"^## ", _SANDBOX),
    ("V8 correctness ", r"^#? ?V8 correctness (?P<what>\w+): (?P<text>.*)", _correctness),
    ("V8 error: ", r"V8 error: (?P<text>.*?)\.?$", _message("V8 API error", frames=3)),
    ("Fatal error in ", r"^#\s*+Fatal error in (?P<file>[^,]*+)(?P<line>, line \d+)?", _v8_fatal),
    ("Debug check failed: ", r"^#\s.*?: (?P<text>.*)", _v8_check("DCHECK failure")),
    ("Check failed: ", r"^#\s.*?: (?P<text>.*)", _v8_check("CHECK failure")),
    (" code", r"^#\s+(?:unreachable|unimplemented) code", _v8_unreachable),
    ("CHECK failed: ", _AT + r"Security (?P<debug>D?)CHECK failed: (?P<text>.*)", _security_check),
    ("heck failed: ", _AT + r"D?[Cc]heck failed: (?P<text>.*)", _CHECK),
    ("CHECK failed: ", _AT + r"D?CHECK failed: (?P<text>.*)", _CHECK),
    ("Abort message: ", _AT + r"(?P<text>.*)", _CHECK),
    ("assert failure: ", r"\] assert failure: (?P<text>.*)", _ASSERT),
    ("][assert] ", r"\]\[assert\] \S+ panic: (?P<text>.*)", _ASSERT),
    ("assertion failed: (", r"assertion failed: (?P<text>\(.*\))", _ASSERT),
    ("assert.h assertion failed at ", r" in [\w:]*\w: (?P<text>.*)", _ASSERT),
    ("Assertion ", r"Assertion [`'](?P<text>.*[^\d].*)' failed", _ASSERT),
    ("Check failed: ", _GLOG + r"Check failed: (?P<text>.*)", _CHECK),
    ("F", _GLOG + r"(?P<text>.*)", _check("Fatal error")),
    (
        ") failed",
        r"(?P<file>[\w-]+\.[\w-]+):\d+ (?P<text>CHECK(?:_\w+)?\(.*\) failed)",
        _CHECK,
    ),
    ("flow integrity check for type", r"type '(?P<to>[^']+)' failed", _bad_cast),
    ("downcast of address", r" type '?(?P<to>[\w:<>, ]++)'?$", _bad_cast),
    ("note: invalid vtable", r"(?P<of>)", _cast_from),
    ("note: object is of type", r"type '?(?P<of>[\w:<>, ]++)'?$", _cast_from),
    ("CFI: Most likely", "", _plain("Bad-cast")),
    ("runtime error: ", r"runtime error: (?P<text>.*)", _runtime_error),
    ("ThreadSanitizer: ", r"Sanitizer: (?P<what>[\w -]++)(?: \(|$)", _thread),
    (
        "Sanitizer: ",
        (
            r"(?:Address|Memory|Undefined\w*|Leak)Sanitizer: (?P<what>attempting double-free"
            r"|attempting free|[\w-]++)(?:.*? address (?P<address>0x[0-9a-f]+))?"
        ),
        _sanitizer,
    ),
    ("Direct leak of", "", _leak),
    ("Indirect leak of", "", _plain("Indirect-leak", weak=True)),
    ("fuzz target exited", r"libFuzzer:", _plain("Unexpected-exit", weak=True)),
    ("deadly signal", r"libFuzzer:", _plain("Fatal-signal", weak=True)),
    ("Stack limit exceeded", "", _plain("Stack-overflow")),
    ("BUG DETECTED: Arbitrary domain name", "", _plain("Arbitrary DNS resolution")),
    ("===BUG DETECTED: ", r"DETECTED: (?P<text>[^:=]++)", _detected),
    ("FuzzerSecurityIssue", r"== Java Exception:", _plain("Security exception")),
    ("== Java Exception:", "", _UNCAUGHT),
    ("== JavaScript Exception", "", _UNCAUGHT),
    ("Uncaught exception:", "", _UNCAUGHT),
    ("=== Uncaught Python exception", "", _UNCAUGHT),
    ("Traceback (most recent call last)", r"^Traceback", _UNCAUGHT),
    ("FATAL EXCEPTION:", "", _plain("Fatal Exception")),
    ('Exception in thread "', "", _UNCAUGHT),
    ("panicked at ", r"^thread '.*' panicked at (?P<text>.*)", _rust_panic),
    ("panic: ", r"^panic: (?P<text>.*\D.*)", _go_panic),
    ("fatal error: ", r"^(?:.*\] )?fatal error: (?P<text>.*)", _go_fatal),
    ("BUG: KASAN: ", r"KASAN: (?P<what>[\w -]+?) (?:in|on)\b", _kernel),
    ("Unhandled fault:", "", _fault),
    ("Unable to handle kernel", "", _fault),
    ("general protection fault:", "", _plain("Kernel failure\nGeneral-protection-fault")),
    ("Kernel panic - not syncing: ", r"syncing: (?P<what>.*)", _panic),
    (" of size ", r"(?P<how>READ|WRITE|Read|Write) of size (?P<size>\d+)", _access),
    (" memory access", r"caused by a (?P<how>READ|WRITE) memory access", _cause),
    (" not found", r"library \"?(?P<text>[\w+-]++\.so[\w.]*+)\"? not found", _library),
    ("loading shared libraries: ", r"libraries: (?P<text>[^:]++):", _library),
    ("GPU process exited unexpectedly", "", _plain("GPU failure", weak=True)),
    (
        "1) ",
        r"^1\) (?P<text>\w++\(com\.google\.security\.wycheproof\..*\))",
        _message("Wycheproof error", alone=True),
    ),
    ("received signal ", r"Program received signal (?P<what>SIG\w+)", _signal),
    ("signal ", r"\bsignal \d+ \((?P<what>SIG\w+)\)", _signal),
    ("Received signal ", r"signal \d+ (?P<what>\w+)", _signal),
)
_TABLE = tuple((mark, re.compile(pattern), what) for mark, pattern, what in _ROWS)
