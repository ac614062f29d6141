"""What can be wrong with a signed feed, whose fault that is, and what to do about it.

In: a code, a file and a reason. Out: a `Fault`, or the `FeedError` that carries it. Pure.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """What can be wrong; a shipped code is never renamed."""

    MISSING = "missing"
    BROKEN = "broken"
    MISMATCH = "mismatch"
    UNTRUSTED = "untrusted"
    KEYS = "keys"
    FOREIGN = "foreign"
    ROLLED_BACK = "rolled-back"
    TWO_FACED = "two-faced"
    EXPIRED = "expired"
    FUTURE = "future"
    LEDGER = "ledger"


class Whose(StrEnum):
    """Where the fault most likely is."""

    PUBLISHER = "the publisher"
    CARRIER = "whoever carried the files: a mirror, a proxy, a broken download"
    READER = "this machine"


_NEXT: Final = {
    Code.MISSING: "fetch it again from the publisher's own address",
    Code.BROKEN: "fetch it again from the publisher's own address; keep what you have until then",
    Code.MISMATCH: "fetch both files again, the manifest first; use neither until they agree",
    Code.UNTRUSTED: "do not use it; ask the publisher by another way whether the keys changed",
    Code.KEYS: "do not use it; ask the publisher by another way which keys hold",
    Code.FOREIGN: "check the address; this is the feed of somebody else",
    Code.ROLLED_BACK: "keep the newer state that you have and fetch from the publisher's address",
    Code.TWO_FACED: "keep both files as evidence and tell the publisher",
    Code.EXPIRED: "fetch it again; if it stays so, the publisher or a mirror stands still",
    Code.FUTURE: "check the clock of this machine, then ask the publisher",
    Code.LEDGER: "do not rely on the proof; ask the publisher for the ledger's export",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong."""

    code: Code
    file: str
    """Path below the address of the feed, or the file's name."""
    field: str
    """JSON pointer; empty for the file as a whole."""
    reason: str
    whose: Whose

    @property
    def what_to_do(self) -> str:
        """One sentence on what the reader should do next."""
        return _NEXT[self.code]

    def __str__(self) -> str:
        """Return it in one line."""
        place = f"{self.file} {self.field}".rstrip()
        return f"{place}: {self.reason} ({self.whose}); {self.what_to_do}"


class FeedError(ValueError):
    """The feed, or one file of it, must not be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def refuse(
    code: Code, file: str, reason: str, *, field: str = "", whose: Whose = Whose.CARRIER
) -> FeedError:
    """Return the error of one fault."""
    return FeedError(Fault(code=code, file=file, field=field, reason=reason, whose=whose))
