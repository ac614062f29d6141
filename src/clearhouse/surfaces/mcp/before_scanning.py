"""Two questions before time is spent, from the agent's own side: is it reported, may we scan it.

In: a report that stays here, or a claim. Out: whether the house knows a flaw that is not public,
found out here: only blinded elements leave this machine, and what comes back says nothing to
anybody else (RFC 9497). A lease, or why there is none. Both are asked at the desk, under a token of
a party that may ask. Refused: a desk without TLS that is not on this machine.
"""

from dataclasses import dataclass
from typing import Any

import httpx2
from anyio import to_thread
from pydantic import Field

from clearhouse.clearing.deconflict.blind.asking import ask
from clearhouse.clearing.deconflict.blind.record import Answer
from clearhouse.clearing.deconflict.leases.record import Basis, Disclosure, Tool
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.clearing.intake.receive import Refused, look
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.formats.voprf import VoprfError
from clearhouse.kernel.outside import OutsideError
from clearhouse.surfaces.cli.house_door import HttpDoor, keep_tables, kept_tables
from clearhouse.surfaces.mcp import words
from clearhouse.surfaces.mcp.checking import incoming_of, refused_in_words
from clearhouse.surfaces.mcp.fence import Fence
from clearhouse.surfaces.mcp.shapes import Closed, Given, ReportArguments
from clearhouse.surfaces.mcp.toolbox import Caller, OfferedTool, ToolRefusedError

_PATIENCE_S = 60.0


class Reported(Given):
    """One fingerprint of the report."""

    grain: str
    known: bool
    since: str | None = Field(description="Since when; none where its holder does not tell.")


class ReportedAnswer(Given):
    """Whether the house knows a flaw like this one. Only this side learns it."""

    reported: bool
    fingerprints: list[Reported]
    next: str


class LeaseArguments(Closed):
    """What is to be scanned, when, with what, and by what right."""

    target: str = Field(min_length=1, max_length=400, description="Package URL or repository.")
    starts: str = Field(max_length=40, description="Instant with a zone, as 2026-12-01T00:00:00Z.")
    until: str = Field(max_length=40, description="Instant with a zone; days, not months.")
    tool: str = Field(
        json_schema_extra={"enum": [one.value for one in Tool]},
        description="The class of tool; `model` for a language model and all that one leads.",
    )
    basis: str = Field(
        json_schema_extra={"enum": [one.value for one in Basis]},
        description="Your right: the maintainers agreed, a published programme covers it, it is "
        "your own code, or a local copy of open source.",
    )
    reference: str = Field(
        min_length=1, max_length=2000, description="Where the right to scan can be read."
    )
    safe_harbour: str = Field(max_length=100, description="Id of the text that you accept.")
    paths: list[str] = Field(
        default=[], max_length=200, description="Folders or files; none means all of it."
    )
    versions: str | None = Field(
        default=None, max_length=2000, description="A `vers` range; none means all of them."
    )
    disclosure: str = Field(
        default=Disclosure.OVERLAP.value,
        json_schema_extra={"enum": [one.value for one in Disclosure]},
        description="What others are told of yours; `nothing` reserves nothing either.",
    )
    share: bool = Field(
        default=False, description="Go on although others do the same with the same class of tool."
    )


class LeaseAnswer(Given):
    """A lease is granted."""

    lease: str
    until: str
    overlaps: int
    next: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BeforeScanning:
    """The desk of a house, under a token."""

    desk: str
    token: str

    def tools(self) -> tuple[OfferedTool, ...]:
        """Return the tools."""
        return (
            OfferedTool(
                name="is_known_blind",
                title="Is it reported?",
                description=words.BLIND,
                takes=ReportArguments,
                gives=ReportedAnswer,
                work=self._reported,
                reads_only=True,
            ),
            OfferedTool(
                name="claim_lease",
                title="Claim a scan lease",
                description=words.LEASE,
                takes=LeaseArguments,
                gives=LeaseAnswer,
                work=self._lease,
                reads_only=False,
                repeatable=False,
            ),
        )

    async def _reported(self, _: Caller, sent: ReportArguments, __: Fence) -> ReportedAnswer:
        answers = await to_thread.run_sync(self._asked, sent)
        reported = any(one.known for one in answers)
        return ReportedAnswer(
            reported=reported,
            fingerprints=[
                Reported(
                    grain=one.fingerprint.grain.value,
                    known=one.known,
                    since=None if one.since is None else one.since.isoformat(),
                )
                for one in answers
            ],
            next=_NEXT[reported],
        )

    def _asked(self, sent: ReportArguments) -> tuple[Answer, ...]:
        found = look(incoming_of(sent, None))
        if isinstance(found, Refused):
            raise ToolRefusedError("refused", refused_in_words(found))
        prints = tuple(dict.fromkeys(one for each in found.drafts for one in fingerprints(each)))
        if not prints:
            raise ToolRefusedError(
                "nothing-to-ask",
                "the report names no place, proof, patch or crash to look up; add the file, the "
                "function and the CWE of the flaw",
            )
        tables, folder = kept_tables(self.desk)
        try:
            said = ask(HttpDoor(self.desk, self.token), prints, tables=tables)
        except (OutsideError, VoprfError) as error:
            raise ToolRefusedError("unavailable", str(error)) from None
        if isinstance(said, Refusal):
            raise ToolRefusedError(said.code, said.reason)
        keep_tables(tables, folder)
        return said

    async def _lease(self, _: Caller, wanted: LeaseArguments, __: Fence) -> LeaseAnswer:
        said = await self._posted("/v1/desk/leases", wanted.model_dump(mode="json"))
        overlaps = said.get("overlaps", [])
        return LeaseAnswer(
            lease=str(said["lease"]["lease_id"]),
            until=str(said["lease"]["scope"]["until"]),
            overlaps=len(overlaps),
            next="Scan no more than it covers, and hand it back with what was scanned.",
        )

    async def _posted(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.desk.rstrip('/')}{path}"
        try:
            async with httpx2.AsyncClient(headers=headers, timeout=_PATIENCE_S) as http:
                answer = await http.post(address, json=body)
                said: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError):
            raise ToolRefusedError("unavailable", "the desk does not answer") from None
        if answer.status_code != 200:
            raise ToolRefusedError("refused", str(said.get("detail", answer.status_code)))
        return said


_NEXT = {
    True: "Somebody reported a flaw like it. Send yours only if it adds proof or another version.",
    False: "Nobody is known to have reported it here. Go on with `check_report`.",
}
