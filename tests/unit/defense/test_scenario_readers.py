import gzip
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest

from clearhouse.defense.scenario.event import SourceKind, UnreadableError, moment
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.recording import write
from evtx_file import evtx

AT = datetime(2026, 3, 9, 12, 0, 0, 250000, tzinfo=UTC)
NATIVE = {
    "Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
            "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "ws-01.example",
            "TimeCreated": {"#attributes": {"SystemTime": "2026-03-09T12:00:00.250000Z"}},
        },
        "EventData": {"Image": "C:\\a.exe", "User": "K\\ann"},
    }
}
RECORDS = {
    "native": (NATIVE, SourceKind.WINDOWS, "Sysmon/1", "ws-01.example"),
    "flat": (
        {"EventID": 4624, "Channel": "Security", "Hostname": "ws-01", "@timestamp": "2026-03-09T12:00:00.250Z", "TargetUserName": "ann"},
        SourceKind.WINDOWS, "Security/4624", "ws-01",
    ),
    "winlogbeat": (
        {"@timestamp": "2026-03-09T12:00:00.250Z", "winlog": {"event_id": 4625, "channel": "Security", "computer_name": "ws-01", "event_data": {"TargetUserName": "ann"}}},
        SourceKind.WINDOWS, "Security/4625", "ws-01",
    ),
    "older winlogbeat": (
        {"@timestamp": "2026-03-09T12:00:00.250Z", "type": "wineventlog", "event_id": 4625, "log_name": "Security", "computer_name": "ws-01", "source_name": "Microsoft-Windows-Security-Auditing", "event_data": {"TargetUserName": "ann"}},
        SourceKind.WINDOWS, "Security/4625", "ws-01",
    ),
    "log analytics": (
        {"TimeGenerated": "2026-03-09T12:00:00.25Z", "Computer": "ws-01", "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventSourceName": "Microsoft-Windows-Sysmon", "EventData": '<EventData>\r\n <Data Name="CommandLine">a &amp; b</Data></EventData>'},
        SourceKind.WINDOWS, "Sysmon/1", "ws-01",
    ),
    "eve": (
        {"timestamp": "2026-03-09T13:00:00.250000+0100", "event_type": "alert", "src_ip": "10.0.0.1", "alert": {"signature": "x", "severity": 1}},
        SourceKind.SURICATA, "alert", "10.0.0.1",
    ),
    "zeek": (
        {"ts": 1773057600.25, "uid": "C1", "_path": "dns", "id.orig_h": "10.0.0.1", "query": "a.example"},
        SourceKind.ZEEK, "dns", "10.0.0.1",
    ),
    "cloudtrail": (
        {"eventTime": "2026-03-09T12:00:00.250Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "sourceIPAddress": "10.0.0.1", "userIdentity": {"userName": "ann"}},
        SourceKind.CLOUDTRAIL, "CreateUser", "10.0.0.1",
    ),
    "ocsf": (
        {"class_uid": 1007, "class_name": "Process Activity", "time": 1773057600250, "device": {"hostname": "ws-01"}},
        SourceKind.OCSF, "Process Activity", "ws-01",
    ),
    "ecs": (
        {"@timestamp": "2026-03-09T12:00:00.250Z", "event": {"action": "login"}, "host": {"name": "ws-01"}},
        SourceKind.ECS, "login", "ws-01",
    ),
}  # fmt: skip


def events(*paths):
    tally = Tally()
    return list(read(paths, tally)), tally


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_each_json_format_is_read_with_its_time_in_utc(name, tmp_path):
    record, kind, what, host = RECORDS[name]
    path = tmp_path / "log.json"
    path.write_text(json.dumps(record) + "\n" + json.dumps(record))
    found, tally = events(path)
    assert tally.refused == 0
    assert [(one.kind, one.name, one.host, one.at) for one in found] == [(kind, what, host, AT)] * 2
    assert found[0].uid == found[1].uid


def test_a_record_keeps_what_the_log_says(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(NATIVE))
    (one,), _ = events(path)
    assert one.fields["Image"] == "C:\\a.exe"
    assert one.fields["Provider_Name"] == "Microsoft-Windows-Sysmon"
    assert one.user == "K\\ann"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("older winlogbeat", "Provider_Name", "Microsoft-Windows-Security-Auditing"),
        ("older winlogbeat", "TargetUserName", "ann"),
        ("log analytics", "Provider_Name", "Microsoft-Windows-Sysmon"),
        ("log analytics", "CommandLine", "a & b"),
    ],
)
def test_fields_have_the_names_that_rules_use_whatever_sent_them(name, field, value, tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(RECORDS[name][0]))
    (one,), _ = events(path)
    assert one.fields[field] == value


@pytest.mark.parametrize("beside", [{}, {"Binary": None}, {"Binary": "00"}])
def test_values_without_names_are_the_field_data_whatever_stands_beside_them(beside, tmp_path):
    record = json.loads(json.dumps(NATIVE))
    record["Event"]["EventData"] = {"Data": {"#text": ["show options", "1"]}, **beside}
    path = tmp_path / "log.json"
    path.write_text(json.dumps(record))
    (one,), _ = events(path)
    assert one.fields["Data"] == "show options\n1"


def sysmon(*numbers):
    return [
        (AT, 1, "Microsoft-Windows-Sysmon/Operational", {"CommandLine": f"run {one}"})
        for one in numbers
    ]


def test_an_event_log_of_windows_is_read_whole(tmp_path):
    path = tmp_path / "log.evtx"
    path.write_bytes(evtx(sysmon(1, 2), sysmon(3)))
    found, tally = events(path)
    assert [(one.name, one.at, one.host) for one in found] == [("Sysmon/1", AT, "ws-01")] * 3
    assert [one.fields["CommandLine"] for one in found] == ["run 1", "run 2", "run 3"]
    assert tally.refused == 0


@pytest.mark.parametrize(
    ("kept_bytes", "read_", "lost"), [(4096 + 65_536 + 900, 2, 1), (5_000, 0, 2)]
)
def test_an_event_log_that_was_cut_off_is_read_as_far_as_it_goes_and_said_to_end_early(
    kept_bytes, read_, lost, tmp_path
):
    path = tmp_path / "log.evtx"
    path.write_bytes(evtx(sysmon(1, 2), sysmon(3))[:kept_bytes])
    found, tally = events(path)
    assert len(found) == read_
    assert tally.reasons[0] == f"log.evtx ends early: {lost} of its 2 chunks are not there"


def test_a_damaged_record_is_noted_and_the_others_are_read(tmp_path):
    path = tmp_path / "log.evtx"
    whole = bytearray(evtx(sysmon(1, 2), sysmon(3)))
    whole[4096 + 700 : 4096 + 800] = b"\xff" * 100
    path.write_bytes(whole)
    found, tally = events(path)
    assert [one.fields["CommandLine"] for one in found] == ["run 2", "run 3"]
    assert tally.refused == 1


def test_zeeks_own_text_is_read(tmp_path):
    path = tmp_path / "conn.log"
    path.write_text(
        "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tservice\n#types\ttime\taddr\tstring\n"
        "1773057600.25\t10.0.0.1\t-\n1773057600.25\t10.0.0.1\n"
    )
    (one,), tally = events(path)
    assert (one.name, one.at, one.host) == ("conn", AT, "10.0.0.1")
    assert "service" not in one.fields
    assert tally.reasons == ["conn.log:6: 2 values for 3 fields"]


def test_lines_of_the_audit_log_with_one_serial_are_one_event(tmp_path):
    path = tmp_path / "audit.log"
    path.write_text(
        'node=fs-01 type=SYSCALL msg=audit(1773057600.250:7): syscall=59 comm="curl" auid=33\n'
        'type=EXECVE msg=audit(1773057600.250:7): argc=3 a0="curl" a1="-s" a2=687474703A2F2F782079\n'
        "rubbish\n"
        "type=USER_LOGIN msg=audit(1773057601.000:8): pid=1 msg='acct=\"ann\" res=failed'\n"
    )
    (first, second), tally = events(path)
    assert (first.host, first.fields["command"]) == ("fs-01", "curl -s http://x y")
    assert (second.name, second.user) == ("USER_LOGIN", "ann")
    assert tally.refused == 1


def test_an_export_of_a_siem_is_read_and_windows_events_in_it_stay_windows_events(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        "Timestamp,host,action,EventID,Channel\n"
        "2026-03-09 12:00:00.25,ws-01,login,,\n"
        "2026-03-09 12:00:00.25,ws-01,,4624,Security\n"
        "yesterday,ws-01,login,,\n"
    )
    (plain, windows), tally = events(path)
    assert (plain.kind, plain.name, plain.at) == (SourceKind.CSV, "login", AT)
    assert (windows.kind, windows.name) == (SourceKind.WINDOWS, "Security/4624")
    assert "not a time" in tally.reasons[0]


def test_events_of_several_time_zones_stand_in_one_order(tmp_path):
    path = tmp_path / "export.csv"
    rows = ("16:00:03+04:00,third", "12:00:01Z,first", "07:00:02-05:00,second")
    lines = [f"2026-03-09T{one}" for one in rows]
    path.write_text("\n".join(["timestamp,action", *lines]))
    found, _ = events(path)
    assert [one.name for one in write(found, tmp_path / "events")] == ["first", "second", "third"]


def test_folders_archives_and_mixed_files_are_opened(tmp_path):
    eve, ecs = (json.dumps(RECORDS[name][0]) for name in ("eve", "ecs"))
    (tmp_path / "a").mkdir()
    with gzip.open(tmp_path / "a" / "eve.json.gz", "wt") as file:
        file.write(f"{eve}\n{ecs}\n")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("in/trail.json", json.dumps({"Records": [RECORDS["cloudtrail"][0]]}))
        archive.writestr("in/picture.png", b"x")
    lines = io.BytesIO(f"{eve}\n".encode())
    for name, mode in (("c.tar", "w"), ("d.tar.gz", "w:gz"), ("e.tgz", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as tape:
            for inside in ("in/eve.json", "in/picture.png"):
                entry = tarfile.TarInfo(inside)
                entry.size = len(lines.getvalue())
                tape.addfile(entry, io.BytesIO(lines.getvalue()))
    found, tally = events(tmp_path)
    kinds = [one.kind for one in found]
    assert kinds == ["suricata", "ecs", "cloudtrail", "suricata", "suricata", "suricata"]
    assert tally.refused == 0


def test_what_cannot_be_read_is_counted_with_its_reason_and_stops_nothing(tmp_path):
    good = json.dumps(RECORDS["flat"][0])
    (tmp_path / "a.json").write_text(f'{good}\n{{"x": 1}}\n{{"half": \n[1]\n"text"\n{good}\n')
    (tmp_path / "b.log").write_bytes(b"\x00\x01\x02 nothing known\n")
    (tmp_path / "c.evtx").write_bytes(b"ElfFile\x00" + b"\x00" * 100)
    (tmp_path / "d.evtx").write_bytes(b"no")
    (tmp_path / "e.json.gz").write_bytes(gzip.compress(b"x" * 9000)[:40])
    (tmp_path / "f.zip").write_bytes(b"PK nothing")
    (tmp_path / "g.csv").write_text("a,b\n1,2\n")
    (tmp_path / "h.tar").write_bytes(b"no tape" * 200)
    found, tally = events(tmp_path)
    assert len(found) == 2
    said = "\n".join(tally.reasons)
    for words in (
        "not JSON",
        "not a record",
        "b.log",
        "d.evtx",
        "no column of times",
        "names its EventID",
        "h.tar",
    ):
        assert words in said


def test_an_archive_that_only_grows_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("clearhouse.defense.scenario.reading._MOST_EXPANSION", 1)
    monkeypatch.setattr("clearhouse.defense.scenario.reading._ALWAYS_ALLOWED_BYTES", 1 << 19)
    path = tmp_path / "bomb.json.gz"
    line = json.dumps(RECORDS["flat"][0]).encode() + b"\n"
    path.write_bytes(gzip.compress(line * 8_000))
    found, tally = events(path)
    assert 0 < len(found) < 8_000
    assert "grows more than" in tally.reasons[-1]


def test_a_line_without_end_is_refused_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("clearhouse.defense.scenario.reading._LONGEST_LINE", 400)
    good = json.dumps(RECORDS["flat"][0])
    (tmp_path / "a.json").write_text(f'{good}\n{{"x": "{"y" * 900}"}}\n{good}\n')
    found, tally = events(tmp_path / "a.json")
    assert len(found) == 2
    assert "longer" in tally.reasons[0]


@pytest.mark.parametrize("value", ["", "yesterday", None, float("inf"), "2026-13-01"])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(UnreadableError, match="not a time"):
        moment(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-09T12:00:00.2500000Z",
        "2026/03/09 12:00:00.25 UTC",
        "1773057600.25",
        1773057600.25,
        "2026-03-09T14:00:00.25+02:00",
        "2026-03-09T07:00:00.250-0500",
        "2026-03-09 17:45:00.25+05:45",
    ],
)
def test_the_ways_logs_write_times_are_understood(value):
    assert moment(value) == AT
