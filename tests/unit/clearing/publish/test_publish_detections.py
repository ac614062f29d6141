"""Rules that find a flaw: tried on their sample, sealed by what they reveal, public at their time."""

import json
import shutil
import struct
from dataclasses import replace
from datetime import date

import pytest

from casebook import acting, move
from clearhouse import handoffs
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.deliver.verify.feed import verify_feed
from clearhouse.clearing.deliver.verify.places import FolderPlace
from clearhouse.clearing.publish import cards, detections, provider, release
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.detections import (
    Content,
    DetectionRefusedError,
    Fires,
    Kind,
    Leak,
    Seen,
)
from clearhouse.clearing.publish.shelf import Shelf
from clearhouse.formats import feed, feed_reading, suricata
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
    assert release.carry(app.desk) == []
    assert not app.desk.published_folder.exists()
    with app.counter.database.transaction(None) as transaction:
        assert detections.public(transaction, "CLR-2026-00001") == []


@pytest.fixture
def four(app):
    """A case with a rule of every class, on the day that it becomes public; ids by class."""
    case_id = embargoed(app)
    ids = {leak: add(app, case_id, leak, content=of(leak)) for leak in Leak}
    move(app, seconds=(OUT - app.desk.database.clock()).total_seconds())
    return case_id, ids


def of(leak):
    return replace(CONTENT, rule=SURICATA.replace("a; b", f"reveals {leak}"))


def listed(app):
    """Read the rules of the feed as a stranger, every file checked by its hash."""
    folder = app.desk.published_folder
    found = verify_feed(FolderPlace(str(folder)), at=app.desk.database.clock())
    assert found.holds, found.faults
    chain = feed_reading.read_keys((folder / feed.KEYS_PATH).read_bytes())
    data = (folder / feed.MANIFEST_PATH).read_bytes()
    (one,) = feed_reading.read_manifest(data, chain, at=None).manifest.lists
    (entry,) = feed_reading.read_list((folder / one.file.path).read_bytes(), one)
    assert found.rules == len(entry.rules)
    return entry.rules


def on_shelf(app):
    return b"".join(
        one.read_bytes() for one in app.desk.published_folder.rglob("*.*") if one.is_file()
    )


def given(app, advisory):
    with app.counter.database.transaction(None) as transaction:
        return detections.public(transaction, advisory)


def test_what_reveals_little_goes_out_in_the_instant_of_the_advisory_and_the_rest_never(app, four):
    _, ids = four
    puts = []
    put = Shelf._switch

    def counted(shelf, name):
        puts.append(name)
        put(shelf, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shelf, "_switch", counted)
        (advisory,) = publish.publish_due(app.desk)
    assert len(puts) == 1, "advisory and rules came by one rename"
    rules = listed(app)
    assert {one.id for one in rules} == {ids[Leak.L0], ids[Leak.L1]}
    assert all(one.file.path.startswith(f"detections/{advisory}/") for one in rules)
    found = given(app, advisory)
    assert {one.leak for one in found} == {Leak.L0, Leak.L1}
    assert "pcap" not in json.dumps(detections.as_json(found)), "the sample stays"
    shelf = on_shelf(app)
    for leak, expected in zip(Leak, (True, True, False, False), strict=True):
        assert (f"reveals {leak}".encode() in shelf) is expected
        assert (ids[leak].encode() in shelf) is expected
    assert b"pcap" not in shelf
    with app.counter.database.transaction(None) as transaction:
        text = repr(transaction.all("SELECT * FROM detection_public"))
    assert "reveals L0" in text
    assert "reveals L2" not in text
    assert release.carry(app.desk) == [], "nothing is left to do"
    assert len(listed(app)) == 2


@pytest.mark.parametrize("step", ["_switch", "_settle", "_forget"])
def test_killed_anywhere_rules_are_out_with_their_advisory_or_not_at_all(app, four, step):
    class KilledError(BaseException):
        pass

    def killed(*_):
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shelf, step, killed)
        with pytest.raises(KilledError):
            publish.publish_due(app.desk)
    public = on_shelf_now(app)
    assert public == ({"csaf.json": False, "rules": 0} if step == "_switch" else ALL_OUT)
    assert given(app, "CLR-2026-00001") == []
    (advisory,) = publish.publish_due(app.desk)
    assert on_shelf_now(app) == ALL_OUT
    assert len(given(app, advisory)) == len(listed(app)) == 2


ALL_OUT = {"csaf.json": True, "rules": 2}


def on_shelf_now(app):
    folder = app.desk.published_folder
    return {
        "csaf.json": (folder / "2026/CLR-2026-00001/csaf.json").exists(),
        "rules": sum(one.exists() for one in folder.glob("detections/*/*")),
    }


def test_a_rule_that_comes_later_is_carried_and_one_that_is_ended_leaves_the_feed(app):
    case_id, advisory = published(app)
    assert listed(app) == ()
    first, second = add(app, case_id, Leak.L0, content=of("L0")), add(app, case_id, Leak.L1)
    hidden = add(app, case_id, Leak.L3)
    assert set(release.carry(app.desk)) == {first, second}
    assert release.carry(app.desk) == []
    assert [one.id for one in listed(app)] == sorted([first, second])
    assert {one.detection_id for one in given(app, advisory)} == {first, second}
    expire(app, case_id, first)
    assert [one.detection_id for one in given(app, advisory)] == [second]
    release.carry(app.desk)
    assert [one.id for one in listed(app)] == [second]
    assert not [*app.desk.published_folder.glob(f"detections/*/{first}*")]
    assert hidden.encode() not in on_shelf(app)
    with pytest.raises(DetectionRefusedError, match="expired already"):
        expire(app, case_id, first)


def expire(app, case_id, id_, by=None):
    actor = by or coordinator(app)
    with acting(app, actor) as transaction:
        detections.expire(app.desk, transaction, actor, case_id, id_)


def test_only_who_is_read_in_can_end_a_rule(app):
    case_id = embargoed(app)
    id_ = add(app, case_id, Leak.L2)
    with pytest.raises(NoSuchCaseError):
        expire(app, case_id, id_, by=outsider(app))
    with pytest.raises(DetectionRefusedError, match="no such rule"):
        expire(app, case_id, "dtc_" + "a" * 26)
    expire(app, case_id, id_)


def test_a_rule_that_has_expired_is_given_to_nobody_and_leaves_the_feed(app):
    case_id, advisory = published(app)
    add(app, case_id, Leak.L0)
    release.carry(app.desk)
    assert len(given(app, advisory)) == 1
    move(app, days=365 * 6)
    assert given(app, advisory) == []
    release.carry(app.desk)
    assert listed(app) == ()


def test_a_folder_made_anew_carries_the_same_rules(app, four):
    publish.publish_due(app.desk)
    before = listed(app)
    shutil.rmtree(app.desk.published_folder)
    assert release.rebuild(app.desk) == 1
    assert listed(app) == before
    move(app, days=2)
    assert release.renew(app.desk)
    assert listed(app) == before


def test_a_card_takes_no_rule_that_reveals_more_than_everybody_may_know(app, four):
    publish.publish_due(app.desk)
    made = next(iter(cards.read(Shelf(app.desk.published_folder).hidden(provider.CARDS)).values()))
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        (one, *_) = detections.due(app.desk, transaction)[made.id]
    with pytest.raises(cards.CardError, match="reveals too much"):
        cards.with_rules(made, [replace(one, rule=replace(one.rule, leak="L2"))])


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


def capture(payload):
    """Return a capture of one UDP packet."""
    udp = struct.pack("!4H", 40000, 9999, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    packet = head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + udp
    summed = sum(struct.unpack("!10H", packet[:20]))
    checksum = ~((summed & 0xFFFF) + (summed >> 16)) & 0xFFFF
    packet = packet[:10] + struct.pack("!H", checksum) + packet[12:]
    frame = b"\x02" * 6 + b"\x04" * 6 + b"\x08\x00" + packet
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return file + struct.pack("<IIII", 1_790_000_000, 0, len(frame), len(frame)) + frame


@pytest.mark.skipif(shutil.which("suricata") is None, reason="Suricata is not installed")
def test_a_suricata_rule_is_tried_by_suricata_where_it_is():
    rule = 'alert udp any any -> any any (msg:"n"; content:"needle"; sid:1; rev:1;)'
    for payload, fires in ((b"a needle here", Fires.YES), (b"hay", Fires.NO)):
        seen = handoffs.try_detection(Kind.SURICATA, rule, capture(payload), "x.pcap")
        assert seen.fires is fires, seen.how


def test_what_cannot_be_run_here_says_so_and_is_never_called_firing(monkeypatch):
    monkeypatch.setattr(handoffs.shutil, "which", lambda _: None)
    seen = handoffs.try_detection(Kind.SURICATA, SURICATA, b"x", "x.pcap")
    assert seen.fires is Fires.NOT_RUN
    assert "not installed" in seen.how
