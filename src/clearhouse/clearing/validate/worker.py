"""The process that looks at what strangers sent: message in, message out.

It is started with a few settings of this machine and nothing else: no address of the database, no
key. Each line of its input is one request as JSON, each line of its output the answer. It runs
proofs in the sandbox, which it starts and which dies with it, and ends when its input does.

    python -m clearhouse.clearing.validate.worker
"""

import base64
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from pydantic import TypeAdapter

from clearhouse.bench.sandbox.host.record import SandboxUnavailableError
from clearhouse.clearing.deconflict.known import current
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.attached import bundle_files
from clearhouse.clearing.validate.examine import examine
from clearhouse.clearing.validate.record import InputHash, Verdict
from clearhouse.clearing.validate.reproduce.bundle import BundleError, read_files
from clearhouse.clearing.validate.reproduce.crossfix import Matrix, relate, run_matrix
from clearhouse.clearing.validate.reproduce.packages import BuildError, PackageCache


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A report as it travels to the process: its words, and its files in base64."""

    draft: Draft
    """Attachments without their data."""
    files: tuple[str, ...]
    """The attachments' data, in their order."""

    @classmethod
    def of(cls, draft: Draft) -> "Content":
        """Pack a report."""
        return cls(
            draft=replace(
                draft, attachments=tuple(replace(one, data=b"") for one in draft.attachments)
            ),
            files=tuple(base64.b64encode(one.data).decode("ascii") for one in draft.attachments),
        )

    def unpacked(self) -> Draft:
        """Return the report with its files."""
        pairs = zip(self.draft.attachments, self.files, strict=True)
        whole = tuple(replace(one, data=base64.b64decode(data)) for one, data in pairs)
        return replace(self.draft, attachments=whole)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One thing to do: examine the only report, or compare the proofs of several."""

    reports: tuple[Content, ...]
    known_folder: Path
    cache_folder: Path
    now: datetime
    inputs: tuple[InputHash, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What running the proofs of two reports on each other's fixes showed."""

    relation: str
    """As `crossfix.Relation` has it."""
    seen: tuple[str, ...]
    """Each run in words: proof, build, answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came of a request: a verdict, a comparison, or why there is neither."""

    verdict: Verdict | None = None
    compared: Compared | None = None
    fault: str | None = None
    """What went wrong on our side, without a word of the report."""


REQUEST, REPLY = TypeAdapter(Request), TypeAdapter(Reply)


def answer(request: Request) -> Reply:
    """Do what a request asks for."""
    cache = PackageCache(request.cache_folder)
    if len(request.reports) > 1:
        return Reply(compared=_compare(request, cache))
    verdict = examine(
        request.reports[0].unpacked(),
        current(request.known_folder),
        cache,
        now=request.now,
        inputs=request.inputs,
    )
    return Reply(verdict=verdict)


def _compare(request: Request, cache: PackageCache) -> Compared:
    """Run the proofs of two reports on each other's versions."""
    names = [f"proof {number}" for number, _ in enumerate(request.reports, start=1)]
    try:
        bundles = {
            name: read_files(bundle_files(one.unpacked().attachments) or {})
            for name, one in zip(names, request.reports, strict=True)
        }
        matrix = run_matrix(bundles, cache)
    except (BundleError, BuildError, SandboxUnavailableError, ValueError) as error:
        return Compared(relation="unknown", seen=(str(error),))
    return Compared(relation=str(relate(matrix, names[0], names[1])), seen=_seen(matrix))


def _seen(matrix: Matrix) -> tuple[str, ...]:
    words = {True: "fires", False: "is silent", None: "disagrees with itself"}
    return tuple(
        f"{proof} {words[answered]} on {build.name}"
        for proof in matrix.proofs
        for build, answered in zip(matrix.builds, matrix.row(proof), strict=True)
    )


def serve(requests: BinaryIO, replies: BinaryIO, leave: Callable[[int], object] = os._exit) -> None:
    """Answer requests until there are no more; then `leave` at once, with all that runs."""
    waiting: SimpleQueue[bytes | None] = SimpleQueue()

    def listen() -> None:
        for line in requests:
            waiting.put(line)
        waiting.put(None)
        leave(0)  # whoever asked is gone, and nobody would read the answer

    threading.Thread(target=listen, daemon=True).start()
    while (line := waiting.get()) is not None:
        try:
            reply = answer(REQUEST.validate_json(line))
        except Exception as error:  # noqa: BLE001 - the edge of a process; the report is not quoted
            reply = Reply(fault=type(error).__name__)
        replies.write(REPLY.dump_json(reply) + b"\n")
        replies.flush()


def main() -> None:
    """Keep the answers' channel to ourselves: whatever else prints goes to standard error."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
