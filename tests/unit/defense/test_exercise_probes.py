from dataclasses import replace
from datetime import timedelta

import pytest

from clearhouse.defense.enroll.rarity import Rarity
from clearhouse.defense.enroll.record import Budget, ToolFaultError
from clearhouse.defense.enroll.scripted import scripted_agent
from clearhouse.defense.exercise.adjudicate import NotJudgedError, adjudicated, sample
from clearhouse.defense.exercise.baseline import BaselineError, coverage, suspicions, take
from clearhouse.defense.exercise.evasion import evade, mutants
from clearhouse.defense.exercise.injection import inject, plants
from clearhouse.defense.exercise.inventory import local_names
from clearhouse.defense.exercise.load import groups
from clearhouse.defense.exercise.probe import Case, ProbeKind, result
from clearhouse.defense.exercise.run import exercise
from clearhouse.defense.exercise.transplant import (
    Names,
    at_working_hours,
    invariance,
    leaks,
    rewrite,
    strangers,
    transplant,
)
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.pack import PackError
from clearhouse.defense.scenario.recording import temporary
from clearhouse.defense.scenario.truth import steps
from defense_scene import (
    NOON,
    Tool,
    event,
    finding,
    house_sigma,
    omniscient,
    small_audit,
    small_office,
)

BUDGET = Budget(seconds=120)


def test_the_injection_suite_has_twenty_five_cases_with_controls_of_the_same_length():
    given = plants(small_office())
    assert len(given) >= 25
    assert len({one.field for one in given}) >= 8
    for one in given:
        by = {event_.uid: event_ for event_ in one.events}
        texts = [
            sum(len(str(value)) for uid in task.events for value in by[uid].fields.values())
            for task in (one.planted, one.control)
        ]
        assert texts[0] == texts[1]
        assert one.canary in str([by[uid].fields for uid in one.planted.events])
        assert one.canary not in str([by[uid].fields for uid in one.control.events])


def test_the_gullible_agent_is_caught_and_the_careful_one_is_not():
    with scripted_agent() as careful, scripted_agent(gullible=True) as gullible:
        passed, caught = (inject(one, small_office(), BUDGET) for one in (careful, gullible))
    assert (passed.caught, passed.lost, passed.leaks) == (False, 0, 0)
    assert caught.caught
    assert caught.lost == caught.cases >= 25
    assert caught.leaks > 20
    assert caught.control.value == 1.0
    assert caught.p < 1e-6


def test_the_evasion_suite_has_twenty_five_cases_and_says_which_spelling_a_rule_misses():
    assert len(list(mutants(small_office()))) >= 25
    found = evade(house_sigma(), small_office(), BUDGET)
    by = {one.group: one.planted.value for one in found.groups}
    assert found.cases >= 25
    assert found.caught
    assert by["letter case"] == 1.0
    assert by["renamed program"] < 1.0
    assert evade(Rarity(), small_office(), BUDGET).lost == 0


def test_a_control_of_the_evasion_suite_leaves_the_command_alone():
    for one in mutants(small_office()):
        originals = {
            x.fields.get("CommandLine")
            for x in small_office()
            .events.get([uid for s in steps(small_office().truths) for uid in s.events])
            .values()
        }
        assert one.control.fields["CommandLine"] in originals
        assert one.planted.fields != one.control.fields
        break


def test_rules_do_not_mind_other_names_and_a_tool_that_remembered_one_is_seen():
    assert invariance(house_sigma(), small_office(), BUDGET).lost == 0
    remembers = Tool(lambda view: [
        finding(0, events=(one.uid,)) for one in view.events if "kestrel" in str(one.fields).lower()
    ])  # fmt: skip
    found = invariance(remembers, small_office(), BUDGET)
    assert found.caught
    assert found.lost > 10


def test_a_suite_is_summed_up_with_an_exact_test():
    cases = tuple(
        Case(id=str(n), group="g", control_held=True, planted_held=n > 5) for n in range(30)
    )
    found = result("t", ProbeKind.EVASION, cases)
    assert (found.lost, found.caught) == (6, True)
    assert found.p == pytest.approx(2 / 2**6)
    few = result("t", ProbeKind.INJECTION, cases[3:7])
    assert not few.caught
    leaked = result("t", ProbeKind.INJECTION, (replace(cases[9], leaked=True),))
    assert leaked.caught
    assert result("t", ProbeKind.INJECTION, ()).control.value is None


def own_days(days=8):
    return [
        event(
            minute,
            host=f"desk-{number:02d}.local.example",
            Image=f"C:\\app{number}.exe",
            CommandLine="work",
            User=f"LOCAL\\user{number}",
        )
        for minute in range(0, days * 1440, 60)
        for number in (1, 2, 3)
    ]


def test_a_transplant_leaves_no_name_of_the_laboratory_and_keeps_every_hit(tmp_path):
    made = small_office()
    with temporary(own_days()) as own:
        names = Names(rename=local_names(made, own), later=at_working_hours(made, NOON))
        planted = transplant(made, names, tmp_path / "planted", among=own)
    assert leaks(planted.events, made.scenario.lab_names) == 0
    hosts = {one.host for one in planted.events if one.kind is SourceKind.WINDOWS}
    assert any(str(host).startswith("desk-01") for host in hosts)
    assert min(one.start for one in steps(planted.truths)) == NOON
    assert len(steps(planted.truths)) == len(steps(made.truths))
    now = exercise(house_sigma(), planted, small_audit(), now=NOON)
    before = exercise(house_sigma(), made, small_audit(), now=NOON)
    assert [one.reached for one in now.steps if one.step != "spray-2"] == [
        one.reached for one in before.steps if one.step != "spray-2"
    ]


def test_a_transplant_with_a_name_left_over_is_refused(tmp_path):
    with pytest.raises(PackError, match="still name the laboratory"):
        transplant(small_office(), Names(rename={}), tmp_path / "x")


def test_names_are_rewritten_whatever_their_case_and_times_move_with_them():
    one = event(
        0, host="WS-03.kestrel.example", Path="C:\\KESTREL\\x", **{"@timestamp": NOON.isoformat()}
    )
    ((old, new),) = rewrite(
        [one], Names(rename={"kestrel": "zulu", "ws-03": "unit7"}, later=timedelta(days=1))
    )
    assert old is one
    assert (new.host, new.fields["Path"]) == ("unit7.zulu.example", "C:\\zulu\\x")
    assert new.at == NOON + timedelta(days=1)
    assert new.fields["@timestamp"] == new.at.isoformat()


def test_accounts_that_every_system_has_keep_their_names():
    assert "www-data" not in strangers(small_office()).rename


def test_a_baseline_is_taken_once_says_what_it_can_show_and_warns_when_it_is_short(tmp_path):
    log = tmp_path / "logs" / "a.csv"
    log.parent.mkdir()
    log.write_text(
        "timestamp,host,action\n"
        + "".join(f"2026-03-0{day}T10:00:00Z,pc,login\n" for day in (1, 2))
        + "bad,,\n"
    )
    made = take([log.parent], tmp_path / "own", house_sigma())
    assert (made.events, made.refused, made.kinds) == (2, 1, (SourceKind.CSV,))
    assert len(made.warnings) == 2
    assert made.suspicions == ()
    assert set(coverage(made.kinds, small_office()).values()) == {False}
    assert any(coverage((SourceKind.AUDITD,), small_office()).values())
    with pytest.raises(BaselineError, match="already"):
        take([log.parent], tmp_path / "own", house_sigma())
    (tmp_path / "none").mkdir()
    with pytest.raises(BaselineError, match="no event"):
        take([tmp_path / "none"], tmp_path / "other", house_sigma())


def test_a_real_intrusion_in_ones_own_logs_stops_everything():
    shown = [
        *own_days(1),
        event(5, CommandLine="vssadmin delete shadows", Image="C:\\x\\vssadmin.exe"),
    ]
    with temporary(shown) as own:
        (one,) = suspicions(own, house_sigma())
    assert (one.kind, one.techniques) == ("Shadow copies deleted", ("T1490",))
    assert len(one.events) == 1


def alerts(kinds):
    return groups(
        [
            finding(minute * 60, kind=kind)
            for kind, count in kinds.items()
            for minute in range(count)
        ]
    )


def test_a_stratified_sample_draws_rare_kinds_in_full_and_says_the_rate_of_all():
    found = alerts({"noisy": 400, "some": 40, "rare": 2})
    drawn = sample(found, size=50)
    counts = {kind: sum(one.stratum == kind for one in drawn.drawn) for kind in drawn.sizes}
    assert counts["rare"] == 2
    assert counts["noisy"] > counts["some"] > 2
    judged = {one.number: one.stratum == "rare" for one in drawn.drawn}
    made = adjudicated(drawn, judged, days=10)
    assert made.false_per_day == pytest.approx(44.0)
    assert made.interval.low < 44 <= made.interval.high
    assert len(made.real) == 2
    assert made.of == 442


def test_the_interval_of_a_sample_covers_the_truth_as_often_as_it_says():
    found = alerts({"a": 300, "b": 60})
    truth = {id(one): (place % 3 == 0) for place, one in enumerate(found)}
    wanted = sum(not real for real in truth.values())
    covered = 0
    for seed in range(200):
        drawn = sample(found, size=60, seed=seed)
        judged = {one.number: truth[id(one.group)] for one in drawn.drawn}
        covered += adjudicated(drawn, judged, days=1).interval.holds(wanted)
    assert covered >= 180


def test_a_kind_that_nobody_judged_gives_no_number():
    drawn = sample(alerts({"a": 3, "b": 3}))
    with pytest.raises(NotJudgedError):
        adjudicated(drawn, {1: False}, days=1)
    everything = {one.number: False for one in drawn.drawn}
    sure = adjudicated(drawn, everything, days=1)
    assert sure.interval.low == sure.interval.high == 6 or sure.judged < 6


def test_a_tool_that_breaks_in_a_probe_says_so():
    with pytest.raises(ToolFaultError):
        evade(Tool(fault="gone"), small_office(), BUDGET)
    assert omniscient(small_office()).run
