"""The operator's tool: are we affected, answered where the inventory is.

In: the name of an inventory that the operator put up when the helper was started; an agent names no
path. Out: what is affected, by when to act, and what could not be evaluated. Nothing of the
inventory leaves this machine; only feeds are fetched. Titles and remedies are words of whoever
published them, and come fenced.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread
from pydantic import Field

from clearhouse.clearing.deliver.watch.fetching import FetchError
from clearhouse.clearing.deliver.watch.index import IndexFaultError
from clearhouse.clearing.deliver.watch.operations import am_i_affected
from clearhouse.clearing.deliver.watch.record import Flaw, Hit, WatchReport
from clearhouse.clearing.deliver.watch.sources import Keeping, Source, SourceError, open_source
from clearhouse.formats.feed_faults import FeedError
from clearhouse.formats.inventory import InventoryError
from clearhouse.formats.inventory_reading import read
from clearhouse.kernel.clock import Clock
from clearhouse.surfaces.mcp import words
from clearhouse.surfaces.mcp.fence import Fence, Fenced, one_line
from clearhouse.surfaces.mcp.shapes import Closed, Given
from clearhouse.surfaces.mcp.toolbox import Caller, OfferedTool, ToolRefusedError

_MOST_FLAWS, _MOST_HITS, _MOST_REST = 40, 20, 30


class AffectedArguments(Closed):
    """Which inventory."""

    inventory: str = Field(
        default="",
        max_length=100,
        description="Its name, of those that the operator put up; the only one when not given.",
    )


class Affected(Given):
    """One component that is affected."""

    component: str
    version: str | None
    fixed_in: str | None
    due: str | None = Field(description="By when to act; none when the tables set no date.")
    why: str


class FlawFound(Given):
    """One flaw that the inventory has."""

    id: str
    ids: list[str]
    title: Fenced
    affected: list[Affected]
    remedies: list[Fenced]


class AffectedAnswer(Given):
    """Whether the inventory is affected. Silence about a component is no clean bill."""

    inventory: str
    conclusion: str = Field(description="affected, clean, or not-evaluated.")
    components: int
    affected_components: int
    flaws: list[FlawFound]
    left_out: int = Field(description="Flaws that are not listed; `clearhouse watch` lists all.")
    not_evaluated: int = Field(description="Components and documents that nothing can be said of.")
    reasons: list[Fenced]
    next: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """What the operator put up."""

    inventories: Mapping[str, Path]
    feeds: Sequence[str]
    keeping: Keeping
    clock: Clock

    def tool(self) -> OfferedTool:
        """Return the tool."""

        async def affected(_: Caller, which: AffectedArguments, fence: Fence) -> AffectedAnswer:
            path = self._path(which.inventory)
            return _answer(await to_thread.run_sync(self._report, path), fence)

        return OfferedTool(
            name="am_i_affected",
            title="Are we affected?",
            description=words.AFFECTED,
            takes=AffectedArguments,
            gives=AffectedAnswer,
            work=affected,
            reads_only=True,
        )

    def _path(self, name: str) -> Path:
        if not name and len(self.inventories) == 1:
            return next(iter(self.inventories.values()))
        found = self.inventories.get(name)
        if found is None:
            known = ", ".join(sorted(self.inventories))
            raise ToolRefusedError("no-such-inventory", f"the operator put up: {known}")
        return found

    def _report(self, path: Path) -> WatchReport:
        at = self.clock()
        try:
            inventory = read(path.read_bytes())
            with self._sources() as sources:
                name = inventory.subject or path.name
                return am_i_affected(inventory, sources, at=at, name=name)
        except InventoryError as error:
            raise ToolRefusedError("inventory", f"it is refused: {error}") from None
        except (SourceError, FeedError, IndexFaultError) as error:
            raise ToolRefusedError("feed", f"a feed is refused: {error}") from None
        except (FetchError, OSError) as error:
            kind = type(error).__name__
            raise ToolRefusedError("unavailable", f"inventory or feed: {kind}") from None

    @contextmanager
    def _sources(self) -> Iterator[list[Source]]:
        opened: list[Source] = []
        try:
            for one in self.feeds:
                opened.append(open_source(one, self.keeping, at=self.clock()))  # noqa: PERF401 - what was opened is closed, also when the next one fails
            yield opened
        finally:
            for source in opened:
                if source.index is not None:
                    source.index.close()


def _answer(report: WatchReport, fence: Fence) -> AffectedAnswer:
    return AffectedAnswer(
        inventory=one_line(report.inventory, 100),
        conclusion=report.conclusion.value,
        components=report.components,
        affected_components=report.affected_components,
        flaws=[_flaw(one, fence) for one in report.flaws[:_MOST_FLAWS]],
        left_out=max(0, len(report.flaws) - _MOST_FLAWS),
        not_evaluated=len(report.unchecked),
        reasons=[
            fence.around(f"{one.place}: {one.reason}", 300) for one in report.unchecked[:_MOST_REST]
        ],
        next=_NEXT[bool(report.flaws), bool(report.unchecked)],
    )


_NEXT = {
    (True, True): "Tell the operator, the earliest date first, and what could not be evaluated.",
    (True, False): "Tell the operator, the earliest date first.",
    (False, True): "Nothing was found, but not everything could be evaluated: say so.",
    (False, False): "Nothing is known against this inventory in these feeds.",
}


def _flaw(one: Flaw, fence: Fence) -> FlawFound:
    return FlawFound(
        id=one_line(one.id, 80),
        ids=[one_line(name, 80) for name in one.ids[:20]],
        title=fence.around(one.title or "", 300),
        affected=[_hit(hit) for hit in one.hits[:_MOST_HITS]],
        remedies=[
            fence.around(f"{each.kind.value}: {each.text}", 500) for each in one.remedies[:3]
        ],
    )


def _hit(one: Hit) -> Affected:
    due = one.urgency.due
    return Affected(
        component=one_line(one.component.name, 200),
        version=None if one.version is None else one_line(one.version, 80),
        fixed_in=None if one.fixed_in is None else one_line(one.fixed_in, 80),
        due=None if due is None else due.isoformat(),
        why=one_line(one.urgency.words),
    )
