"""Alerts that a tool raised while the recording was made, as that tool: nothing runs again.

In: a recording in which alerts name the tool that raised them in a field `tool`, as packs of alert
data sets do. Out: each alert of one tool as a finding that cites itself.
"""

from time import monotonic

from clearhouse.defense.enroll.record import Budget, Finding, Output, Usage, View
from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import TaskKind


class Recorded:
    """One of the tools whose alerts are in the recording."""

    version = "as recorded"
    tasks = frozenset({TaskKind.DETECT})

    def __init__(self, tool: str) -> None:
        """Take the alerts of the tool of this name."""
        self.name = tool

    def run(self, view: View, budget: Budget) -> Output:
        """Return the tool's alerts."""
        begun = monotonic()
        found: list[Finding] = []
        faults: tuple[str, ...] = ()
        for event in view.events:
            if event.fields.get("tool") != self.name:
                continue
            if len(found) == budget.findings:
                faults = (f"stopped at {budget.findings} findings",)
                break
            found.append(_finding(event))
        usage = Usage(seconds=monotonic() - begun, faults=faults)
        return Output(findings=tuple(found), usage=usage)


def _finding(event: Event) -> Finding:
    return Finding(
        kind=event.name,
        at=event.at,
        events=(event.uid,),
        entities=tuple(one for one in (event.host, event.user) if one),
    )
