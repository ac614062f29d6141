"""An analyst as a tool: a form to fill, timed, for the line that every other tool is held against.

Out: a CSV with one row a task. In: the same with `verdict`, `value`, `actions`, `started` and
`ended` filled. Time is the analyst's own; rows that were not filled are not answers.
"""

import csv
from pathlib import Path

from clearhouse.defense.enroll.record import Budget, Output, ToolFaultError, Usage, View
from clearhouse.defense.enroll.wire import Said
from clearhouse.defense.scenario.event import Event, UnreadableError, moment
from clearhouse.defense.scenario.task import TaskKind

COLUMNS = ("task", "prompt", "events", "verdict", "value", "actions", "started", "ended")
_SHOWN = ("CommandLine", "ServiceName", "TargetUserName", "dns.rrname", "http.url", "command")


def write_form(view: View, path: Path) -> int:
    """Write the form and return how many tasks it has."""
    wanted = {uid for task in view.tasks for uid in task.events}
    shown: dict[str, str] = {one.uid: _line(one) for one in view.events if one.uid in wanted}
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for task in view.tasks:
            events = "\n".join(shown[uid] for uid in task.events if uid in shown)
            rows.writerow([task.id, task.prompt, _inert(events), "", "", "", "", ""])
    return len(view.tasks)


class Analyst:
    """A filled form."""

    tasks = frozenset({TaskKind.TRIAGE, TaskKind.INVESTIGATE, TaskKind.RESPOND})

    def __init__(self, form: Path, *, name: str = "analyst") -> None:
        """Take the form; the name may be a pseudonym."""
        self.name, self.version, self._form = name, form.name, form

    def run(self, view: View, budget: Budget) -> Output:
        """Read the answers to the view's tasks."""
        try:
            with self._form.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ToolFaultError(f"{self._form} cannot be read: {error}") from error
        asked = {task.id: task for task in view.tasks}
        said, seconds = Said(budget=budget), 0.0
        for row in rows:
            filled = any(row.get(name) for name in ("verdict", "value", "actions"))
            if row.get("task") not in asked or not filled:
                continue
            seconds += _time(row, said)
            acts = [one.strip() for one in (row.get("actions") or "").split(",") if one.strip()]
            said.take_record({
                "task": row["task"], "verdict": row.get("verdict") or None,
                "value": row.get("value") or None, "actions": acts,
                "events": list(asked[row["task"]].events),
            })  # fmt: skip
        return Output(
            answers=tuple(said.answers),
            usage=Usage(seconds=seconds, faults=tuple(said.faults)),
        )


def _time(row: dict[str, str], said: Said) -> float:
    if not row.get("started") or not row.get("ended"):
        return 0.0
    try:
        return max(0.0, (moment(row["ended"]) - moment(row["started"])).total_seconds())
    except UnreadableError as error:
        said.fault(f"{row['task']}: {error}")
        return 0.0


def _line(event: Event) -> str:
    details = [f"{name}={event.fields[name]}" for name in _SHOWN if event.fields.get(name)]
    return " ".join([event.uid, event.at.isoformat(), event.name, str(event.host), *details])


def _inert(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: logs are from strangers."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text
