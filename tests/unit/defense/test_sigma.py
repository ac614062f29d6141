from datetime import UTC, datetime

import pytest

from clearhouse.defense.enroll.record import Budget, View
from clearhouse.defense.enroll.sigma.match import Matcher
from clearhouse.defense.enroll.sigma.rules import read_rules
from clearhouse.defense.enroll.sigma.tool import Sigma, sigma_of
from clearhouse.defense.scenario.event import SourceKind, make
from clearhouse.defense.scenario.task import Task, TaskKind, Triage
from defense_scene import event, house_sigma

HEAD = """\
title: {title}
id: 6a1c2f7e-6c40-4b3a-9a53-0d1f3a1b2c{number:02d}
status: stable
level: {level}
tags: [attack.t1059.001]
logsource: {{product: windows, category: process_creation}}
detection:
"""


def rules_of(tmp_path, *detections, level="high"):
    for number, detection in enumerate(detections):
        text = HEAD.format(title=f"rule {number}", number=number, level=level) + detection
        (tmp_path / f"{number}.yml").write_text(text)
    return read_rules([tmp_path])


def matches(tmp_path, detection, **fields):
    found = rules_of(tmp_path, detection)
    assert found.refused == ()
    return bool(Matcher(found.rules).match(event(**fields)))


SEL = "  selection: {{{}}}\n  condition: {}\n"


@pytest.mark.parametrize(
    ("selection", "condition", "value", "holds"),
    [
        ("CommandLine: Abc", "selection", "aBC", True),
        ("CommandLine: Abc", "selection", "abcd", False),
        ("CommandLine|startswith: Abc", "selection", "ABCd", True),
        ("CommandLine|startswith: Abc", "selection", "xabc", False),
        ("CommandLine|endswith: Abc", "selection", "xxABC", True),
        ("CommandLine|endswith: Abc", "selection", "abcx", False),
        ("CommandLine|contains: Abc", "selection", "xxabcxx", True),
        ("CommandLine|contains|all: [ab, cd]", "selection", "cd ab", True),
        ("CommandLine|contains|all: [ab, cd]", "selection", "ab", False),
        ("CommandLine: 'a*b?d'", "selection", "a--bcd", True),
        ("CommandLine: 'a*b?d'", "selection", "a--bd", False),
        ("CommandLine|contains|cased: Abc", "selection", "xAbc", True),
        ("CommandLine|contains|cased: Abc", "selection", "xabc", False),
        ("CommandLine|cased: Abc", "selection", "abc", False),
        ("CommandLine|re: '^a+$'", "selection", "aaa", True),
        ("CommandLine|re: '^a+$'", "selection", "AAA", False),
        ("CommandLine|re|i: '^a+$'", "selection", "AAA", True),
        ("CommandLine|cidr: 10.0.0.0/8", "selection", "10.2.3.4", True),
        ("CommandLine|cidr: 10.0.0.0/8", "selection", "11.2.3.4", False),
        ("CommandLine|cidr: 10.0.0.0/8", "selection", "nonsense", False),
        ("CommandLine|gte: 5", "selection", "7", True),
        ("CommandLine|lt: 5", "selection", "7", False),
        ("CommandLine|lt: 5", "selection", "x", False),
        ("CommandLine: 5", "selection", 5, True),
        ("CommandLine: null", "selection", None, True),
        ("CommandLine: null", "selection", "x", False),
        ("CommandLine: null", "selection", "", False),
        ("CommandLine: ''", "selection", "", True),
        ("CommandLine: ''", "selection", None, False),
        ("CommandLine|exists: true", "selection", "x", True),
        ("CommandLine|exists: true", "selection", None, False),
        ("CommandLine|exists: false", "selection", None, True),
        ("CommandLine|fieldref: Computer", "selection", "WS-01", True),
        ("CommandLine|fieldref: Computer", "selection", "ws-02", False),
        ("CommandLine|windash|contains: ' -f'", "selection", "x /f", True),
        ("CommandLine|contains: x", "not selection", "y", True),
        ("CommandLine|contains: x", "not selection", "x", False),
        ("CommandLine: '*'", "selection", "anything", True),
    ],
)
def test_a_comparison_means_what_the_specification_says(
    tmp_path, selection, condition, value, holds
):
    detection = SEL.format(selection, condition)
    assert matches(tmp_path, detection, CommandLine=value) is holds


def test_words_without_a_field_are_looked_for_in_every_field(tmp_path):
    detection = "  keywords: [needle, 'hay*stack']\n  condition: keywords\n"
    assert matches(tmp_path, detection, Anything="a NEEDLE here")
    assert matches(tmp_path, detection, Anything="hay and stack")
    assert not matches(tmp_path, detection, Anything="none")
    nothing = "  keywords: [none]\n  condition: keywords\n"
    assert not matches(tmp_path, nothing, Anything=None)


def test_a_rule_for_processes_reads_sysmon_and_the_audit_log_each_in_its_own_words(tmp_path):
    found = rules_of(tmp_path, SEL.format("Image|endswith: '\\evil.exe'", "selection"))
    matcher = Matcher(found.rules)
    assert matcher.match(event(Image="C:\\evil.exe"))
    assert matcher.match(event(name="Security/4688", NewProcessName="C:\\evil.exe"))
    assert not matcher.match(event(name="Security/4624", NewProcessName="C:\\evil.exe"))
    assert not matcher.match(event(name="Sysmon/11", Image="C:\\evil.exe"))


def test_rules_that_cannot_be_used_are_set_apart_with_the_reason(tmp_path):
    (tmp_path / "broken.yml").write_text("title: x\ndetection: [")
    (tmp_path / "placeholder.yml").write_text(
        HEAD.format(title="p", number=1, level="low")
        + "  selection:\n    CommandLine|expand: '%hosts%'\n  condition: selection\n"
    )
    (tmp_path / "regex.yml").write_text(
        HEAD.format(title="r", number=2, level="low").replace("process_creation", "nothing_known")
        + SEL.format("CommandLine: x", "selection")
    )
    (tmp_path / "correlation.yml").write_text("title: c\ncorrelation: {type: event_count}\n")
    found = read_rules([tmp_path])
    assert found.rules == ()
    assert len(found.refused) == 2
    assert found.unmapped == ("r",)


def test_a_rule_that_is_bound_to_no_log_never_matches_everything(tmp_path):
    text = HEAD.format(title="u", number=1, level="low").replace(
        "windows, category: process_creation", "okta, service: okta"
    )
    (tmp_path / "okta.yml").write_text(text + SEL.format("CommandLine|exists: true", "selection"))
    assert read_rules([tmp_path]).unmapped == ("u",)


def test_all_rules_of_one_field_are_looked_up_at_once_and_give_what_each_gives_alone(tmp_path):
    words = [f"w{number}x" for number in range(40)]
    found = rules_of(
        tmp_path, *(SEL.format(f"CommandLine|contains: {word}", "selection") for word in words)
    )
    together = Matcher(found.rules)
    shown = event(CommandLine="w3x w17x w39x")
    assert [rule.title for rule in together.match(shown)] == ["rule 17", "rule 3", "rule 39"] or {
        rule.title for rule in together.match(shown)
    } == {"rule 3", "rule 17", "rule 39"}
    alone = {rule.title for rule in found.rules if Matcher([rule]).match(shown)}
    assert alone == {"rule 3", "rule 17", "rule 39"}


def test_remembering_values_forgets_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("clearhouse.defense.enroll.sigma.match._REMEMBERED", 4)
    found = rules_of(tmp_path, SEL.format("CommandLine|contains: bad", "selection"))
    matcher = Matcher(found.rules)
    hits = [
        bool(matcher.match(event(CommandLine=f"{n} {'bad' if n % 2 else ''}"))) for n in range(20)
    ]
    assert hits == [bool(n % 2) for n in range(20)]
    assert all(len(one.memory) <= 4 for one in matcher._fields.values())


def test_the_houses_rules_are_all_usable_and_know_logs_beside_windows():
    found = house_sigma().rules
    assert found.refused == found.unmapped == ()
    assert {rule.source.kind for rule in found.rules} == set(SourceKind) - {
        "zeek",
        "csv",
        "ocsf",
        "ecs",
    }


def test_a_finding_cites_its_event_and_names_the_technique():
    tool = house_sigma()
    shown = event(
        Image="C:\\Windows\\System32\\vssadmin.exe", CommandLine="vssadmin delete shadows /all"
    )
    (one,) = tool.run(View(events=[shown]), Budget()).findings
    assert (one.events, one.techniques, one.score) == ((shown.uid,), ("T1490",), 40.0)


def test_a_level_leaves_the_lower_rules_out_and_stands_in_the_version():
    tool = sigma_of(level="critical")
    assert "critical" in tool.version
    assert {rule.level for rule in tool._matcher.rules} == {"critical"}


def test_a_flood_of_findings_ends_at_the_budget_and_says_so(tmp_path):
    tool = Sigma(rules_of(tmp_path, SEL.format("CommandLine: '*'", "selection")))
    shown = [event(minute, CommandLine=str(minute)) for minute in range(9)]
    output = tool.run(View(events=shown), Budget(findings=5))
    assert len(output.findings) == 5
    assert output.usage.faults == ("stopped at 5 findings",)
    assert tool.run(View(events=shown), Budget(seconds=-1)).usage.faults == ("stopped after -1 s",)


def test_an_alert_is_judged_by_whether_a_rule_fires_on_its_events():
    bad = event(CommandLine="vssadmin delete shadows", Image="C:\\x\\vssadmin.exe")
    low, good = event(name="Security/4624"), event(CommandLine="notepad")
    tasks = tuple(
        Task(id=one.uid, kind=TaskKind.TRIAGE, prompt="", events=(one.uid,)) for one in (bad, good)
    )
    answers = house_sigma().run(View(events=[bad, low, good], tasks=tasks), Budget()).answers
    assert [one.verdict for one in answers] == [Triage.TRUE_POSITIVE, Triage.UNSURE]


def test_the_cloud_and_the_file_server_are_matched_by_their_own_rules():
    at = datetime(2026, 3, 9, tzinfo=UTC)
    stop = make(
        SourceKind.CLOUDTRAIL,
        at,
        "StopLogging",
        {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"},
        host=None,
        user=None,
    )
    shell = make(
        SourceKind.AUDITD, at, "SYSCALL", {"acct": "www-data", "comm": "sh"}, host=None, user=None
    )
    found = house_sigma().run(View(events=[stop, shell]), Budget()).findings
    assert [one.techniques[0] for one in found] == ["T1685.002", "T1505.003"]
