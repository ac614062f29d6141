"""Rules that find a flaw: tried on their sample, sealed by what they reveal, public at their time."""

import json
from datetime import date

import pytest

from casebook import acting, move
from clearhouse import handoffs
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.deliver import detections
from clearhouse.clearing.deliver.detections import (
    Content,
    DetectionRefusedError,
    Fires,
    Kind,
    Leak,
    Seen,
)
from clearhouse.clearing.publish import operations as publish
from clearhouse.formats import suricata
from house import coordinator, outsider
from published import OUT, embargoed, published

SURICATA = 'alert http any any -> any any (msg:"a; b"; content:"\\"x\\""; sid:1; rev:1;)'
SIGMA = """
title: A shell under the print service
id: 11111111-2222-4333-8444-555555555555
status: test
logsource: {category: process_creation, product: windows}
detection:
  selection: {ParentImage|endswith: '\\spoolsv.exe', Image|endswith: '\\cmd.exe'}
  condition: selection
level: high
"""
EVENT = {
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Provider_Name": "Microsoft-Windows-Sysmon",
    "UtcTime": "2026-11-01 10:00:00.000",
    "@timestamp": "2026-11-01T10:00:00.000Z",
    "Hostname": "pc1",
    "ParentImage": "C:\\Windows\\System32\\spoolsv.exe",
    "Image": "C:\\Windows\\System32\\cmd.exe",
}
CONTENT = Content(rule=SURICATA, sample=b"\x00\xffpcap", sample_name="x.pcap", telemetry="HTTP")


def add(app, case_id, leak, *, content=CONTENT, kind=Kind.SURICATA, fires=Fires.NOT_RUN, by=None):
    actor = by or coordinator(app)
    with acting(app, actor) as transaction:
        return detections.add(
            app.desk, transaction, actor, case_id, kind=kind, leak=leak,
            expires_on=date(2031, 1, 1), content=content, seen=Seen(fires=fires, how="test"),
        )  # fmt: skip


def test_a_rule_comes_back_whole_to_those_who_are_read_in(app):
    case_id = embargoed(app)
    id_ = add(app, case_id, Leak.L3)
    with acting(app, coordinator(app)) as transaction:
        (found,) = detections.of_case(app.desk, transaction, coordinator(app), case_id)
    assert found.detection_id == id_
    assert (found.content.rule, found.content.sample) == (SURICATA, b"\x00\xffpcap")


@pytest.mark.parametrize("leak", [*Leak])
def test_nobody_else_sees_that_there_is_a_rule_while_the_case_is_sealed(app, leak):
    case_id = embargoed(app)
    add(app, case_id, leak)
    stranger = outsider(app)
    with acting(app, coordinator(app)) as transaction:
        assert transaction.one("SELECT count(*) AS n FROM detection")["n"] == 1, "there is one"
    with acting(app, stranger) as transaction:
        assert transaction.one("SELECT count(*) AS n FROM detection")["n"] == 0
        with pytest.raises(NoSuchCaseError):
            detections.of_case(app.desk, transaction, stranger, case_id)
    assert detections.release_due(app.desk) == []
    with app.counter.database.transaction(None) as transaction:
        assert detections.public(transaction, "CLR-2026-00001") == []


def test_what_reveals_little_goes_out_with_the_advisory_and_the_rest_never(app):
    case_id = embargoed(app)
    ids = {leak: add(app, case_id, leak) for leak in Leak}
    move(app, seconds=(OUT - app.desk.database.clock()).total_seconds())
    (advisory,) = publish.publish_due(app.desk)
    assert set(detections.release_due(app.desk)) == {ids[Leak.L0], ids[Leak.L1]}
    assert detections.release_due(app.desk) == []
    with app.counter.database.transaction(None) as transaction:
        found = detections.public(transaction, advisory)
        assert {one.leak for one in found} == {Leak.L0, Leak.L1}
        assert "pcap" not in json.dumps(detections.as_json(found)), "the sample stays"
        text = repr(transaction.all("SELECT * FROM detection_public"))
    assert ids[Leak.L2] not in text
    assert ids[Leak.L3] not in text


def test_a_rule_that_has_expired_is_given_to_nobody(app):
    case_id, advisory = published(app)
    add(app, case_id, Leak.L0)
    detections.release_due(app.desk)
    move(app, days=365 * 6)
    with app.counter.database.transaction(None) as transaction:
        assert detections.public(transaction, advisory) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rule": ""}, "rule"),
        ({"rule": "alert tcp"}, "rule: line 1"),
        ({"sample": b""}, "sample"),
        ({"telemetry": " "}, "telemetry"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_field(app, change, named):
    case_id = embargoed(app)
    fields = {
        name: getattr(CONTENT, name) for name in ("rule", "sample", "sample_name", "telemetry")
    }
    with pytest.raises(DetectionRefusedError, match=named):
        add(app, case_id, Leak.L0, content=Content(**(fields | change)))


def test_a_rule_that_is_silent_on_its_own_sample_is_refused(app):
    with pytest.raises(DetectionRefusedError, match="does not fire"):
        add(app, embargoed(app), Leak.L0, fires=Fires.NO)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (SURICATA, None),
        ("# only a comment", "no rule"),
        ('alert tcp any any -> any any (msg:"x"; sid:1', "parenthesis"),
        ('alert tcp any any -> any any (msg:"x; sid:1;)', "quote"),
        ("alert tcp any any -> any any (sid:1;)", "no msg"),
        (f"{SURICATA}\n{SURICATA}", "twice"),
        ('shout tcp any any -> any any (msg:"x"; sid:1;)', "action"),
    ],
)
def test_the_form_of_suricata_rules_is_checked_with_the_line(rule, fault):
    found = suricata.faults(rule)
    assert (found == ()) if fault is None else (fault in " ".join(found))


def test_a_sigma_rule_is_tried_by_the_engine_of_the_defense_room():
    pytest.importorskip("sigma", reason="the extra `defense` is not installed")
    events = (json.dumps(EVENT) + "\n").encode()
    fires = handoffs.try_detection(Kind.SIGMA, SIGMA, events, "events.json")
    assert fires.fires is Fires.YES, fires.how
    silent = handoffs.try_detection(
        Kind.SIGMA, SIGMA, events.replace(b"cmd.exe", b"calc.exe"), "events.json"
    )
    assert silent.fires is Fires.NO
    refused = handoffs.try_detection(Kind.SIGMA, "no: rule", events, "events.json")
    assert refused.fires is Fires.NO
    assert "refuses" in refused.how


def test_a_yara_rule_is_tried_by_yara_x_where_it_is():
    pytest.importorskip("yara_x", reason="YARA-X is not installed")
    rule = 'rule r { strings: $a = "needle" condition: $a }'
    assert handoffs.try_detection(Kind.YARA, rule, b"a needle", "x").fires is Fires.YES
    assert handoffs.try_detection(Kind.YARA, rule, b"hay", "x").fires is Fires.NO
    assert handoffs.try_detection(Kind.YARA, "rule {", b"hay", "x").fires is Fires.NO


def test_what_cannot_be_run_here_says_so_and_is_never_called_firing(monkeypatch):
    monkeypatch.setattr(handoffs.shutil, "which", lambda _: None)
    seen = handoffs.try_detection(Kind.SURICATA, SURICATA, b"x", "x.pcap")
    assert seen.fires is Fires.NOT_RUN
    assert "not installed" in seen.how
