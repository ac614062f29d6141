import contextlib
import csv
import json
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.record import SandboxUnavailableError
from clearhouse.defense.enroll.agent import Agent, Endpoint, post_json
from clearhouse.defense.enroll.cli import CommandTool
from clearhouse.defense.enroll.http import HttpTool
from clearhouse.defense.enroll.human import Analyst, write_form
from clearhouse.defense.enroll.rarity import Rarity, habits, type_of
from clearhouse.defense.enroll.record import Budget, ToolFaultError, View
from clearhouse.defense.enroll.scripted import scripted_agent
from clearhouse.defense.enroll.selftest import self_test
from clearhouse.defense.enroll.sensor import Sensor, run_suricata
from clearhouse.defense.enroll.siem import SiemAlerts, export_bulk
from clearhouse.defense.enroll.wire import Said
from clearhouse.defense.scenario.event import SourceKind, make
from clearhouse.defense.scenario.reading import Tally
from clearhouse.defense.scenario.task import Task, TaskKind, Triage
from defense_scene import NOON, Tool, event, finding, small_office

SHOWN = [event(minute, CommandLine=f"cmd {minute}") for minute in range(4)]
VIEW = View(events=SHOWN)
SHORT = Budget(seconds=10)


def honest(view):
    return [
        finding(0, events=(one.uid,))
        for one in view.events
        if "cmd" in str(one.fields.get("CommandLine"))
    ]


def test_a_tool_that_does_its_work_passes_the_self_test():
    tested = self_test(Tool(honest), SHOWN)
    assert tested.passed
    assert tested.faults == ()


@pytest.mark.parametrize(
    ("tool", "fault"),
    [
        (Tool(lambda view: [finding(0)]), "empty log"),
        (Tool(lambda view: []), "known positives"),
        (
            Tool(
                lambda view: (
                    [finding(0, events=("invented",)), *honest(view)] if view.events else []
                )
            ),
            "cited events exist",
        ),
        (Tool(fault="it broke"), "it broke"),
        (
            Tool(
                lambda view, said=[]: (
                    said.append(1),
                    [*honest(view), *([finding(len(said))] if view.events else [])],
                )[1]
            ),
            "same again",
        ),
    ],
)
def test_a_tool_or_adapter_at_fault_fails_the_self_test(tool, fault):
    tested = self_test(tool, SHOWN)
    if fault == "same again":
        tool._say = lambda view, n=[0]: (
            n.__setitem__(0, n[0] + 1),
            honest(view) + [finding(0, kind=str(n[0]))] * bool(len(view.events)),
        )[1]
        tested = self_test(tool, SHOWN)
    assert not tested.passed
    assert any(fault in one for one in tested.faults)


def test_a_tool_that_fails_only_on_the_positives_or_the_second_time_is_at_fault():
    class Breaks(Tool):
        runs = 0

        def run(self, view, budget):
            self.runs += 1
            if self.runs >= self.after:
                raise ToolFaultError("gone")
            return super().run(view, budget)

    for after, name in ((3, "known positives"), (4, "same again")):
        tool = Breaks(honest)
        tool.after = after
        assert any(one.startswith(name) for one in self_test(tool, SHOWN).faults)


def said(*lines, **budget):
    found = Said(budget=Budget(**budget), span=(NOON, NOON))
    found.take(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    )
    return found


GOOD = {"kind": "k", "time": NOON.isoformat(), "events": ["a"], "techniques": ["t1003"], "score": 3}


def test_what_a_tool_says_is_read_strictly_and_what_is_wrong_is_a_fault():
    found = said(
        GOOD, "", "not json", "[1]", {"kind": ""}, {**GOOD, "score": "high"}, {**GOOD, "score": float("inf")},
        {**GOOD, "events": "a"}, {**GOOD, "time": "soon"}, {**GOOD, "time": (NOON + timedelta(days=3)).isoformat()},
        {"task": "t", "verdict": "TRUE_POSITIVE", "actions": ["Isolate:X"]}, {"task": "t", "verdict": "maybe"},
        "x" * (1 << 19), "[" * 100_000,
    )  # fmt: skip
    assert [(one.kind, one.techniques) for one in found.findings] == [("k", ("T1003",))]
    assert [(one.verdict, one.actions) for one in found.answers] == [
        (Triage.TRUE_POSITIVE, ("isolate:x",))
    ]
    words = "\n".join(found.faults)
    for part in (
        "not JSON",
        "neither finding",
        "what kind",
        "score",
        "list of texts",
        "not a time",
        "outside",
        "verdict",
        "longer",
    ):
        assert part in words


def test_a_flood_is_cut_at_the_budget_and_faults_are_bounded():
    found = said(*[GOOD] * 9, findings=2)
    assert len(found.findings) == 2
    assert "more than 2 findings" in found.faults[0]
    assert len(said(*["rubbish"] * 500).faults) == 20
    answers = said(*[{"task": "t"}] * 9, findings=2)
    assert len(answers.answers) == 2
    assert "more than 2 answers" in answers.faults[0]


@pytest.fixture
def tool_folder():
    """A folder that the sandbox's account may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def program(folder, body):
    (folder / "tool.py").write_text(body)
    return CommandTool(["/usr/bin/python3", "/tool/tool.py"], folder, name="program")


READS = """\
import json
for line in open("/data/events.ndjson"):
    event = json.loads(line)
    if "cmd" in (event.get("fields", {}).get("CommandLine") or ""):
        print(json.dumps({"kind": "k", "time": event["time"], "events": [event["uid"]], "score": 1}), flush=True)
"""


def ran(tool, view=VIEW, budget=SHORT):
    try:
        return tool.run(view, budget)
    except ToolFaultError as error:
        if isinstance(error.__cause__, SandboxUnavailableError):
            pytest.skip(str(error))
        raise


def test_a_program_finds_in_the_sandbox_and_reaches_no_network(tool_folder):
    reaches = (
        READS
        + "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 22), 1)\nexcept OSError:\n    pass\nelse:\n    raise SystemExit(3)\n"
    )
    output = ran(program(tool_folder, reaches))
    assert [one.events[0] for one in output.findings] == [one.uid for one in SHOWN]
    assert output.usage.faults == ()


def test_a_program_that_hangs_is_ended_and_what_it_said_counts(tool_folder):
    output = ran(
        program(tool_folder, READS + "import time\ntime.sleep(60)\n"), budget=Budget(seconds=3)
    )
    assert len(output.findings) == 4
    assert output.usage.faults == ("it was ended: wall-limit",)


def test_a_program_that_fails_and_says_nothing_is_a_fault_and_no_miss(tool_folder):
    with pytest.raises(ToolFaultError, match="ended with code 3"):
        ran(program(tool_folder, "raise SystemExit(3)"))


@contextmanager
def served(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self):
            self._answer(b"")

        def _answer(self, body):
            status, text = answer(self.command, self.path, body, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_product_gets_all_events_and_its_findings_are_polled_until_it_is_done():
    got, polls = [], []

    def answer(method, path, body, headers):
        assert headers["Authorization"] == "Bearer secret"
        if method == "POST":
            got.extend(body.splitlines() if path == "/events" else [path])
            return 200, b"{}"
        polls.append(1)
        return 200, json.dumps(
            {"done": len(polls) > 1, "findings": [GOOD], "answers": [{"task": "t", "value": "x"}]}
        ).encode()

    with served(answer) as url:
        output = HttpTool(url, secret="secret").run(VIEW, SHORT)
    assert len(got) == len(SHOWN) + 1
    assert (len(output.findings), len(output.answers)) == (1, 1)


def test_a_product_that_is_never_done_is_cut_off_and_one_that_fails_is_a_fault():
    def slow(method, path, body, headers):
        return 200, b'{"done": false, "findings": "none"}'

    with served(slow) as url:
        output = HttpTool(url).run(VIEW, Budget(seconds=0.3))
    assert output.usage.faults == ("it was not done after 0.3 s",)
    for status, text in ((500, b""), (200, b"<html>"), (200, b"[]")):
        with (
            served(
                lambda method, *_, status=status, text=text: (
                    status if method == "GET" else 200,
                    text,
                )
            ) as url,
            pytest.raises(ToolFaultError),
        ):
            HttpTool(url).run(VIEW, SHORT)
    with pytest.raises(ToolFaultError, match="did not answer"):
        HttpTool("http://127.0.0.1:9").run(VIEW, SHORT)


def test_a_product_that_takes_events_slowly_is_cut_off_and_what_it_said_counts(monkeypatch):
    monkeypatch.setattr("clearhouse.defense.enroll.http._BATCH", 1)
    got = []

    def slow(method, path, body, headers):
        if method == "POST":
            got.append(path)
            time.sleep(0.2)
        return 200, json.dumps({"done": True, "findings": [GOOD]}).encode()

    with served(slow) as url:
        output = HttpTool(url).run(VIEW, Budget(seconds=0.3))
    assert len(got) < len(SHOWN)
    assert len(output.findings) == 1
    assert output.usage.faults[0] == "it did not take all events within 0.3 s"


@contextmanager
def trickling():
    """Answers a byte at a time, for ever: a socket's timeout never comes."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        with contextlib.suppress(OSError):
            speaker, _ = listener.accept()
            with speaker:
                speaker.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                while not stop.wait(0.02):
                    speaker.sendall(b" ")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.close()
        thread.join()


def test_an_answer_that_never_ends_is_no_answer(monkeypatch):
    monkeypatch.setattr("clearhouse.defense.enroll.http._PATIENCE_S", 0.3)
    with trickling() as url, pytest.raises(ToolFaultError, match="did not answer: TimeoutError"):
        HttpTool(url).run(VIEW, SHORT)
    with trickling() as url, pytest.raises(ToolFaultError, match="did not answer: TimeoutError"):
        post_json(url, {}, timeout_s=0.3)


@pytest.mark.parametrize(
    "url", ["http://siem.example", "http://10.0.0.1", "ftp://127.0.0.1", "nonsense"]
)
def test_events_leave_the_machine_only_when_the_operator_says_so(url):
    with pytest.raises(ToolFaultError):
        HttpTool(url)
    HttpTool("http://localhost:1")
    HttpTool("http://siem.example", remote=True)


def model(*calls, tokens=10):
    """A model that makes these calls one after the other, and then talks."""
    left = list(calls)

    def answer(method, path, body, headers):
        asked = json.loads(body)
        assert asked["temperature"] == 0
        message = {"role": "assistant", "content": "hm"}
        if left:
            name, arguments = left.pop(0)
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            message["tool_calls"] = [{"id": "1", "function": {"name": name, "arguments": text}}]
        document = {"choices": [{"message": message}], "usage": {"total_tokens": tokens}}
        return 200, json.dumps(document).encode()

    return answer


def asked(*calls, view=VIEW, budget=SHORT, **more):
    with served(model(*calls)) as url:
        return Agent(
            Endpoint(url=f"{url}/v1", model="m", price_per_million_tokens=2.0, **more)
        ).run(view, budget)


def test_a_model_queries_looks_and_submits_and_its_tokens_are_counted():
    output = asked(
        ("query", {"sql": "SELECT uid FROM events"}), ("get_event", {"uid": SHOWN[0].uid}),
        ("submit", {"findings": [{**GOOD, "events": [SHOWN[0].uid]}]}),
    )  # fmt: skip
    assert [one.events for one in output.findings] == [(SHOWN[0].uid,)]
    assert (output.usage.tokens, output.usage.queries) == (30, 2)
    assert output.usage.cost == pytest.approx(60e-6)
    assert output.usage.asked == ("query", "get_event", "submit")


def test_a_model_that_misbehaves_is_recorded_as_what_it_is():
    assert "without submitting" in asked().usage.faults[0]
    wild = asked(
        ("query", "{half"),
        ("shell", {"x": 1}),
        ("query", {"sql": "DROP TABLE events"}),
        ("get_event", {"uid": "no"}),
        ("submit", {"findings": [3]}),
    )
    assert wild.usage.faults == ("something it said is neither finding nor answer",)
    task = Task(id="t", kind=TaskKind.TRIAGE, prompt="?")
    unsure = asked(("submit", {"verdict": "perhaps"}), view=View(events=SHOWN, tasks=(task,)))
    assert "a verdict is none of" in unsure.usage.faults[0]
    spent = asked(
        *[("query", {"sql": "SELECT 1"})] * 4, budget=Budget(seconds=10, queries=1, tokens=15)
    )
    assert "budget was spent" in spent.usage.faults[0]
    endless = asked(
        *[("query", {"sql": "SELECT repeat('x', 400) FROM events, events AS b, events AS c"})] * 70
    )
    assert "60 rounds" in endless.usage.faults[0]


def test_a_hunt_asks_only_so_often_and_brings_findings_back():
    task = Task(id="h", kind=TaskKind.HUNT, prompt="hunt", queries=1)
    good = {**GOOD, "events": [SHOWN[0].uid]}
    said = asked(
        ("query", {"sql": "SELECT 1"}), ("query", {"sql": "SELECT 2"}),
        ("submit", {"findings": [good, "no", {**good, "time": "1999-01-01"}]}),
        view=View(events=SHOWN, tasks=(task,)),
    )  # fmt: skip
    assert said.findings == ()
    assert [one.events for one in said.answers[0].findings] == [(SHOWN[0].uid,)]
    assert len(said.usage.faults) == 2


def test_a_model_answers_a_task_about_the_events_that_it_is_shown():
    task = Task(id="t", kind=TaskKind.TRIAGE, prompt="?", events=(SHOWN[1].uid,))
    seen = []

    def answer(method, path, body, headers):
        seen.append(json.loads(body)["messages"][1]["content"])
        return model(("submit", {"verdict": "benign"}))(method, path, body, headers)

    with served(answer) as url:
        output = Agent(Endpoint(url=url, model="m", key="k")).run(
            View(events=SHOWN, tasks=(task,)), SHORT
        )
    assert SHOWN[1].uid in seen[0]
    assert SHOWN[2].uid not in seen[0]
    assert output.answers[0].verdict is Triage.BENIGN
    assert output.usage.cost is None


def test_an_endpoint_that_fails_is_a_fault_of_the_adapter_and_never_shows_the_key():
    with pytest.raises(ToolFaultError, match="no address"):
        Agent(Endpoint(url="file:///etc/passwd", model="m"))
    for status, text in ((401, b"k-secret"), (200, b"<html>"), (200, b"[]")):
        with served(lambda *_, status=status, text=text: (status, text)) as url:
            with pytest.raises(ToolFaultError) as caught:
                Agent(Endpoint(url=url, model="m", key="k-secret")).run(VIEW, SHORT)
            assert "k-secret" not in str(caught.value)
    with pytest.raises(ToolFaultError, match="did not answer"):
        post_json("http://127.0.0.1:9/", {}, timeout_s=1)


def test_the_scripted_analysts_pass_the_self_test_through_their_real_endpoint():
    made = small_office()
    positives = list(
        made.events.get(
            [uid for one in made.truths if one.malicious for uid in one.events[:1]]
        ).values()
    )
    for gullible in (False, True):
        with scripted_agent(gullible=gullible) as agent:
            assert self_test(agent, positives).passed


def test_rarity_reports_what_the_history_did_not_have_and_nothing_that_it_had_often():
    usual = [event(minute, Image="C:\\usual.exe") for minute in range(200)]
    odd = event(30, Image="C:\\odd.exe")
    output = Rarity().run(View(events=[*usual[:5], odd], history=usual, tasks=(
        Task(id="odd", kind=TaskKind.TRIAGE, prompt="", events=(odd.uid,)),
        Task(id="usual", kind=TaskKind.TRIAGE, prompt="", events=(usual[0].uid,)),
    )), SHORT)  # fmt: skip
    assert [one.events for one in output.findings] == [(odd.uid,)]
    assert [one.verdict for one in output.answers] == [Triage.TRUE_POSITIVE, Triage.BENIGN]
    assert type_of(event(1, Image="C:\\a7.exe")) == type_of(event(2, Image="C:\\a99.exe"))


def test_a_burst_is_one_thing_that_happened_and_does_not_make_a_type_usual():
    burst = [event(0.01 * number, Image="C:\\burst.exe") for number in range(500)]
    steady = [event(60 * hour, Image="C:\\steady.exe") for hour in range(100)]
    known = habits([*burst, *steady])
    assert sorted(known.values()) == [1, 100]
    shown = [event(9_000, Image="C:\\steady.exe"), event(9_000, Image="C:\\burst.exe")]
    (one,) = Rarity(known).run(View(events=shown), SHORT).findings
    assert one.events == (shown[1].uid,)


def test_of_equally_rare_groups_of_a_day_the_first_of_each_type_come_first():
    often = [event(60 * hour, Image="C:\\a.exe") for hour in range(3)]
    once = event(200, Image="C:\\b.exe")
    found = Rarity().run(View(events=[*often, once]), SHORT).findings
    assert [one.events[0] for one in found][:2] == [often[0].uid, once.uid]
    assert all(one.entities[0] == "ws-01" for one in found)


def test_what_happened_is_told_apart_by_its_number_and_details_are_not():
    assert type_of(event(1, name="Sysmon/1")) != type_of(event(1, name="Sysmon/3"))


def eve(words, severity=1):
    return make(
        SourceKind.SURICATA,
        NOON,
        "alert",
        {"alert.signature": words, "alert.severity": severity, "src_ip": "1.1.1.1"},
        host="1.1.1.1",
        user=None,
    )


def test_the_sensors_own_alerts_are_findings_but_not_those_about_checksums():
    shown = [eve("worm"), eve("SURICATA TCPv4 invalid checksum"), eve("odd", "x"), *SHOWN]
    found = Sensor().run(View(events=shown), SHORT).findings
    assert [(one.kind, one.score) for one in found] == [("worm", 40.0), ("odd", 10.0)]


def test_suricata_is_run_where_it_is_installed_and_its_absence_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = (tmp_path / "a.pcap", tmp_path / "a.rules", tmp_path)
    with pytest.raises(ToolFaultError, match="not installed"):
        list(run_suricata(*arguments, Tally()))
    fake = tmp_path / "suricata"
    fake.write_text('#!/bin/sh\n[ "$7" = -k ] && exit 1\n')
    fake.chmod(0o755)
    (tmp_path / "eve.json").write_text(
        json.dumps({"event_type": "alert", "timestamp": NOON.isoformat()})
    )
    fake.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(ToolFaultError, match="code 1"):
        list(run_suricata(*arguments, Tally()))
    fake.write_text("#!/bin/sh\nexit 0\n")
    assert [one.name for one in run_suricata(*arguments, Tally())] == ["alert"]


def test_a_siem_gets_the_events_under_their_ids_and_its_alerts_are_read_back(tmp_path):
    later = timedelta(days=30)
    assert export_bulk(SHOWN, tmp_path / "bulk.ndjson", index="test", later=later) == 4
    lines = (tmp_path / "bulk.ndjson").read_text().splitlines()
    assert json.loads(lines[0])["index"]["_id"] == SHOWN[0].uid
    alert = {
        "@timestamp": (NOON + later).isoformat(),
        "rule": {"name": "r"},
        "event": {"id": f"{SHOWN[0].uid}, {SHOWN[1].uid}"},
        "risk_score": 70,
    }
    (tmp_path / "alerts.json").write_text(json.dumps({"_source": alert}) + "\nhalf{\n")
    (tmp_path / "list.json").write_text(json.dumps([alert]))
    for name in ("alerts.json", "list.json"):
        output = SiemAlerts(tmp_path / name, later=later).run(VIEW, SHORT)
        (one,) = output.findings
        assert (one.at, one.events, one.score) == (NOON, (SHOWN[0].uid, SHOWN[1].uid), 70)
    (tmp_path / "alerts.csv").write_text(
        f"rule.name,@timestamp,event.id,risk_score\nr,{NOON.isoformat()},{SHOWN[0].uid},high\n"
    )
    assert SiemAlerts(tmp_path / "alerts.csv").run(VIEW, SHORT).findings[0].score == 0
    assert SiemAlerts(tmp_path / "alerts.csv").run(View(events=()), SHORT).findings == ()
    with pytest.raises(ToolFaultError, match="cannot be read"):
        SiemAlerts(tmp_path / "none").run(VIEW, SHORT)


def test_an_analyst_fills_a_form_and_is_timed(tmp_path):
    risky = event(1, CommandLine="=cmd|calc")
    tasks = tuple(
        Task(id=name, kind=TaskKind.TRIAGE, prompt="?", events=(risky.uid,)) for name in "abc"
    )
    view = View(events=[risky], tasks=tasks)
    path = tmp_path / "form.csv"
    assert write_form(view, path) == 3
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(not row["events"].startswith("=") for row in rows)
    rows[0] |= {
        "verdict": "benign",
        "started": "2026-03-09T12:00:00Z",
        "ended": "2026-03-09T12:01:30Z",
    }
    rows[1] |= {"actions": "isolate:ws-01, block:x", "started": "noon", "ended": "later"}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    output = Analyst(path).run(view, SHORT)
    assert [one.task for one in output.answers] == ["a", "b"]
    assert output.usage.seconds == 90
    assert len(output.usage.faults) == 1
    with pytest.raises(ToolFaultError):
        Analyst(tmp_path / "none.csv").run(view, SHORT)
