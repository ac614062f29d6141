"""What the network's own sensor said already, as a baseline: every alert in the recording.

`run_suricata` makes such a recording from captured packets where Suricata is installed.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from clearhouse.defense.enroll.record import Budget, Finding, Output, ToolFaultError, Usage, View
from clearhouse.defense.scenario.event import Event, SourceKind, first
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.task import TaskKind

_ARTEFACT = "checksum"
_SUFFICIENT_S = 3600


class Sensor:
    """The alerts that are in the log."""

    name = "suricata"
    version = "as recorded"
    tasks = frozenset({TaskKind.DETECT})

    def run(self, view: View, budget: Budget) -> Output:
        """Return the sensor's alerts, without those about checksums, which capturing makes."""
        begun, found = monotonic(), []
        for event in view.events:
            if event.kind is not SourceKind.SURICATA or event.name != "alert":
                continue
            words = first(event.fields, "alert.signature") or "alert"
            if _ARTEFACT not in words.lower():
                found.append(_finding(event, words))
        return Output(
            findings=tuple(found[: budget.findings]), usage=Usage(seconds=monotonic() - begun)
        )


def _finding(event: Event, words: str) -> Finding:
    severity = event.fields.get("alert.severity")
    technique = first(
        event.fields, "alert.metadata.mitre_technique_id.0", "alert.metadata.mitre_technique_id"
    )
    ends = (first(event.fields, "src_ip"), first(event.fields, "dest_ip"))
    return Finding(
        kind=words,
        at=event.at,
        events=(event.uid,),
        techniques=(technique,) if technique else (),
        entities=tuple(one for one in ends if one),
        score=10.0 * (5 - severity) if isinstance(severity, int) else 10.0,
    )


def run_suricata(capture: Path, rules: Path, folder: Path, tally: Tally) -> Iterator[Event]:
    """Let an installed Suricata read a capture, and yield its events.

    Raises: ToolFaultError where it is not installed or fails.
    """
    program = shutil.which("suricata")
    if program is None:
        raise ToolFaultError("Suricata is not installed (Debian: apt-get install suricata)")
    command = [program, "-r", str(capture), "-S", str(rules), "-l", str(folder), "-k", "none"]
    done = subprocess.run(command, check=False, capture_output=True, timeout=_SUFFICIENT_S)  # noqa: S603 - a fixed program
    if done.returncode:
        raise ToolFaultError(f"Suricata ended with code {done.returncode}")
    yield from read([folder / "eve.json"], tally)
