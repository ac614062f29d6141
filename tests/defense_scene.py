"""A small office and tools of every temper, for the tests of defense."""

import functools
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clearhouse.defense.enroll.record import Finding, Output, ToolFaultError, Usage
from clearhouse.defense.enroll.sigma.tool import sigma_of
from clearhouse.defense.scenario.audit import audit
from clearhouse.defense.scenario.event import SourceKind, make
from clearhouse.defense.scenario.office.build import office
from clearhouse.defense.scenario.pack import Scenario, write_pack
from clearhouse.defense.scenario.recording import write
from clearhouse.defense.scenario.task import TaskKind
from clearhouse.defense.scenario.truth import Truth, TruthClass, steps

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
_FOLDER = tempfile.TemporaryDirectory(prefix="defense-tests-")


@functools.cache
def small_office():
    """The shipped office with a quarter of its ordinary work; the attacks are whole."""
    return office(Path(_FOLDER.name) / "office", pace=0.25)


@functools.cache
def small_audit():
    return audit(small_office())


@functools.cache
def house_sigma():
    return sigma_of()


def event(minutes=0, *, host="ws-01", name="Sysmon/1", **fields):
    channel = "Microsoft-Windows-Sysmon/Operational" if name.startswith("Sysmon") else "Security"
    return make(
        SourceKind.WINDOWS,
        NOON + timedelta(minutes=minutes),
        name,
        {"Channel": channel, "EventID": int(name.rpartition("/")[2]), "Computer": host, **fields},
        host=host,
        user=None,
    )


def step(
    uids=(),
    *,
    name="s1",
    attack="a1",
    start=0,
    end=5,
    technique="T1059.001",
    kind=TruthClass.MALICIOUS,
    entities=("ws-01",),
    visible_in=(SourceKind.WINDOWS,),
):
    return Truth(
        id=name, attack=attack, title=name, kind=kind, technique=technique, attack_version="19",
        start=NOON + timedelta(minutes=start), end=NOON + timedelta(minutes=end),
        events=tuple(uids), entities=entities, visible_in=visible_in,
    )  # fmt: skip


def finding(minutes=0, *, kind="rule", events=(), techniques=(), entities=(), score=1.0):
    return Finding(
        kind=kind, at=NOON + timedelta(minutes=minutes), events=tuple(events),
        techniques=tuple(techniques), entities=tuple(entities), score=score,
    )  # fmt: skip


def pack(folder, events, truths, **more):
    write(events, folder / "events")
    about = {
        "id": "made", "version": "1", "title": "made", "licence": "Apache-2.0", "provenance": "test",
        "environment": "none", "telemetry": (SourceKind.WINDOWS,), "attack_version": "19",
    }  # fmt: skip
    return write_pack(folder, Scenario(**{**about, **more}), truths)


class Tool:
    """Says what it is told, whatever it is shown."""

    version = "1"
    tasks = frozenset({TaskKind.DETECT})

    def __init__(self, say=None, *, name="tool", fault=None):
        self.name, self._say, self._fault = name, say, fault

    def run(self, view, budget):
        if self._fault:
            raise ToolFaultError(self._fault)
        found = self._say(view) if self._say else ()
        return Output(findings=tuple(found), usage=Usage(seconds=0.1))


def omniscient(pack_, *, all_but=(), name="omniscient"):
    """A tool that knows the truth; only tests have one."""
    known = {uid: one for one in steps(pack_.truths) if one.id not in all_but for uid in one.events}

    def say(view):
        return [
            Finding(
                kind=known[e.uid].title,
                at=e.at,
                events=(e.uid,),
                techniques=(known[e.uid].technique,),
                score=50,
            )
            for e in view.events
            if e.uid in known
        ]

    return Tool(say, name=name)


_TIMES = """
from datetime import datetime
import os
os.abort()  # a recipe that ran this file would not come back
phase = {'oak': {
    'network_scans': [datetime.strptime("2022-01-18 12:00:00", "%Y-%m-%d %H:%M:%S"),
                      datetime.strptime("2022-01-18 12:10:00", "%Y-%m-%d %H:%M:%S")],
    'dnsteal': [datetime.strptime("2022-01-18 20:00:00", "%Y-%m-%d %H:%M:%S"),
                datetime.strptime("2022-01-18 20:30:00", "%Y-%m-%d %H:%M:%S")],
    'false_positive_test': [datetime.strptime("2022-01-17 11:00:00", "%Y-%m-%d %H:%M:%S"),
                            datetime.strptime("2022-01-17 16:00:00", "%Y-%m-%d %H:%M:%S")]}}
"""
_BEGIN = int(datetime(2022, 1, 18, 12, tzinfo=UTC).timestamp())
_ROWS = [
    (-86_400, "Wazuh: update", "W-Sys-Cav", "false_positive", "-"),
    (-3_600, "Suricata: Alert - odd name", "S-Dns-Odd", "false_positive", "dnsteal"),
    (60, "AMiner: new value", "A-Dns-New", "network_scans", "dns_scan"),
    (60, "AMiner: new value", "A-Dns-New", "network_scans", "dns_scan"),
    (90, "Wazuh: update", "W-Sys-Cav", "network_scans", "-"),
    (86_400, "AMiner: new value", "A-Dns-New", "false_positive", "-"),
]


def alerts_of_a_network(folder):
    """A copy of an alert data set in the shape of AIT's, of one network."""
    (folder / "alerts_csv").mkdir(parents=True)
    (folder / "attacktimes.py").write_text(_TIMES)
    lines = ["time,name,ip,host,short,time_label,event_label"]
    lines += [f"{_BEGIN + at},{name},10.0.0.1,mail,{short},{time},{event}"
              for at, name, short, time, event in _ROWS]  # fmt: skip
    with zipfile.ZipFile(folder / "alerts_csv" / "alerts_csv.zip", "w") as archive:
        archive.writestr("alerts_csv/oak_alerts.txt", "\n".join(lines))
    return folder
