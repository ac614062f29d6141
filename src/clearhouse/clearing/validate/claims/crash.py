"""Say whether a crash log agrees with itself, with the weakness, and with the package.

Sanitizer reports are written by a program, so their parts agree: a region's size is its end minus
its start, a distance is the address minus an end, and the summary repeats the error. A log that
breaks this was not written by the sanitizer. A log that agrees proves nothing: it can be forged.

Source: AddressSanitizer report format (compiler-rt/lib/asan); Python's traceback format.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packageurl import PackageURL

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.subject import spellings
from clearhouse.clearing.validate.record import Claim, ClaimCheck
from clearhouse.clearing.validate.weaknesses import disjoint

_ERROR = re.compile(r"ERROR: (\w+Sanitizer): ([\w-]+)(?: on (?:unknown )?address 0x([0-9a-f]+))?")
_SUMMARY = re.compile(r"SUMMARY: (\w+Sanitizer): ([\w-]+)")
_REGION = re.compile(
    r"0x([0-9a-f]+) is located (\d+) bytes (to the right of|to the left of|inside of|after|before)"
    r" (\d+)-byte region \[0x([0-9a-f]+),\s*0x([0-9a-f]+)\)"
)
_PACKAGE_FRAME = re.compile(
    r"(?:site-packages|dist-packages|node_modules)[/\\]((?:@[\w.-]+[/\\])?[\w.-]+)"
)
_FRAME = re.compile(r"^\s*(?:#\d+ |File \"|at )", re.MULTILINE)
_PYTHON_LINE_ZERO = re.compile(r'^\s*File ".*", line 0(?:,|$)', re.MULTILINE)
_MEMORY_ERRORS = re.compile(
    r"(?:heap|stack|global|dynamic-stack|container)-\w*-?overflow|use-after|double-free"
    r"|heap-buffer|stack-buffer|bad-free|alloc-dealloc|negative-size|memcpy-param"
)
_PLACE = "the crash log"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Region:
    """What a sanitizer says about an address and the allocation near it."""

    address: int
    distance: int
    side: str
    size: int
    start: int
    end: int

    @property
    def agrees(self) -> bool:
        """Say whether the numbers fit each other."""
        if self.end - self.start != self.size:
            return False
        if self.side in {"to the right of", "after"}:
            return self.address - self.end == self.distance
        if self.side in {"to the left of", "before"}:
            return self.start - self.address == self.distance
        return self.address - self.start == self.distance


def check_crash(draft: Draft) -> Iterator[ClaimCheck]:
    """Look at the crash log that the report carries."""
    log = draft.crash_log
    if not log:
        return
    yield from _sanitizer(log)
    yield from _weakness(draft, log)
    yield from _packages(draft, log)
    if _PYTHON_LINE_ZERO.search(log):
        yield contradicted(
            Claim.CRASH_LOG, "line 0", "Lines of a Python traceback count from 1.", _PLACE
        )


def _sanitizer(log: str) -> Iterator[ClaimCheck]:
    """Compare the parts of a sanitizer report with each other."""
    error, summary = _ERROR.search(log), _SUMMARY.search(log)
    if error and summary and (error[1], error[2]) != (summary[1], summary[2]) and _fatal(error[2]):
        yield contradicted(
            Claim.CRASH_LOG,
            f"{error[1]}: {error[2]}; {summary[1]}: {summary[2]}",
            "The summary names another error than the report.",
            _PLACE,
        )
    for found in _REGION.finditer(log):
        region = _Region(
            address=int(found[1], 16),
            distance=int(found[2]),
            side=found[3],
            size=int(found[4]),
            start=int(found[5], 16),
            end=int(found[6], 16),
        )
        if region.agrees:
            yield holds(Claim.CRASH_LOG, found[0], "Address, distance and size agree.", _PLACE)
        else:
            yield contradicted(
                Claim.CRASH_LOG,
                found[0],
                "Address, distance and region do not fit each other, as a sanitizer's always do.",
                _PLACE,
            )


def _fatal(error: str) -> bool:
    """Say whether the summary always repeats this error's name."""
    return bool(_MEMORY_ERRORS.match(error))


def _weakness(draft: Draft, log: str) -> Iterator[ClaimCheck]:
    error = _ERROR.search(log)
    if error is None or not _MEMORY_ERRORS.match(error[2]) or not draft.cwes:
        return
    stated = ", ".join(draft.cwes)
    if disjoint(draft.cwes, ("CWE-787",)):
        yield contradicted(
            Claim.WEAKNESS,
            stated,
            f"The log shows a memory error ({error[2]}), the report claims another kind of flaw.",
            _PLACE,
        )
    else:
        yield holds(Claim.WEAKNESS, stated, f"Agrees with {error[2]} in the log.", _PLACE)


def _packages(draft: Draft, log: str) -> Iterator[ClaimCheck]:
    """Compare the packages whose files appear in the frames with the target."""
    if draft.purl is None or not _FRAME.search(log):
        return
    seen = {name.replace("\\", "/").lower() for name in _PACKAGE_FRAME.findall(log)}
    mine = {name.lower() for name in spellings(draft.purl)}
    package = PackageURL.from_string(draft.purl)
    mine.add("/".join(part for part in (package.namespace, package.name) if part).lower())
    if not seen:
        yield uncheckable(Claim.FRAME, draft.purl, "No frame says which package it is in.", _PLACE)
    elif any(name in mine or name.removesuffix(".py") in mine for name in seen):
        yield holds(Claim.FRAME, draft.purl, "A frame is in the target.", _PLACE)
    elif _mentions(draft, seen) or any(name in log.lower() for name in mine):
        yield uncheckable(
            Claim.FRAME, draft.purl, "No frame is surely in the target, but the text explains it."
        )
    else:
        yield contradicted(
            Claim.FRAME,
            draft.purl,
            f"Every frame of an installed package is in {', '.join(sorted(seen)[:3])}, "
            "none in the target.",
            _PLACE,
        )


def _mentions(draft: Draft, names: set[str]) -> bool:
    """Say whether the text itself speaks of another package that the frames are in."""
    words = "\n".join(part for part in (draft.title, draft.description) if part).lower()
    return any(name in words for name in names)
