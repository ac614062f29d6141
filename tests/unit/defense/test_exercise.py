from dataclasses import replace
from datetime import timedelta

import pytest

from clearhouse.bench.statistics.intervals import wilson
from clearhouse.defense.enroll.rarity import Rarity
from clearhouse.defense.enroll.record import Answer, Output, Usage
from clearhouse.defense.exercise.answers import by_task, f1, response, right, triage, typed
from clearhouse.defense.exercise.clock import clock_error
from clearhouse.defense.exercise.detection import detection, results
from clearhouse.defense.exercise.hunting import hunting
from clearhouse.defense.exercise.load import alert_load, groups, recall_at_budgets
from clearhouse.defense.exercise.matching import Places
from clearhouse.defense.exercise.record import Tier, share
from clearhouse.defense.exercise.run import exercise
from clearhouse.defense.exercise.waiting import time_to_detect
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.task import Task, TaskKind, Triage
from clearhouse.defense.scenario.truth import Expected, TruthClass, ValueKind, steps
from defense_scene import (
    NOON,
    Tool,
    finding,
    house_sigma,
    omniscient,
    small_audit,
    small_office,
    step,
)

SPAN = (NOON - timedelta(days=3), NOON + timedelta(days=4))
WINDOWS = (SourceKind.WINDOWS,)


def reached(found, *truths):
    return [set(one.reached) for one in results(found, list(truths), WINDOWS)]


def test_the_tiers_are_told_apart():
    one = step(["e1"], technique="T1059.001")
    assert reached([], one) == [set()]
    assert reached([finding(2)], one) == [{Tier.ANY}]
    assert reached([finding(2, entities=["WS-01"])], one) == [{Tier.ANY, Tier.PLACE}]
    assert reached([finding(2, events=["e1"])], one) == [{Tier.ANY, Tier.PLACE}]
    parent = [finding(2, events=["e1"], techniques=["T1059.003"])]
    assert reached(parent, one) == [{Tier.ANY, Tier.PLACE, Tier.PARENT}]
    exact = [finding(2, events=["e1"], techniques=["T1086"])]
    assert reached(exact, one) == [set(Tier)]


def test_citing_the_wrong_events_near_an_attack_is_not_right_by_luck():
    one = step(["e1"])
    assert reached([finding(2, events=["other"], entities=["ws-01"])], one) == [{Tier.ANY}]


def test_a_finding_counts_for_a_while_after_the_step_and_not_before_it():
    one = step(end=5)
    assert reached([finding(19, entities=["ws-01"])], one) == [{Tier.ANY, Tier.PLACE}]
    assert reached([finding(21, entities=["ws-01"])], one) == [set()]
    assert reached([finding(-1, entities=["ws-01"])], one) == [set()]
    assert Places([one]).of(finding(2, entities=["ws-02"])) == set()


def measured(found, *truths, events=1000):
    made = results(found, list(truths), WINDOWS)
    return {one.tier: one for one in detection(made, found, list(truths), events=events, span=SPAN)}


def test_a_tool_that_always_says_something_is_detected_by_chance_and_gets_no_credit():
    noise = [finding(minute) for minute in range(-4320, 5760, 10)]
    found = measured(noise, step(["e1"]))[Tier.ANY]
    assert found.found.value == 1.0
    assert found.chance == pytest.approx(1.0, abs=0.02)
    assert found.lift is None or found.lift <= 0.5


def test_a_silent_tool_has_no_chance_and_no_lift():
    found = measured([], step(["e1"]))
    assert [one.found.value for one in found.values()] == [0, 0, 0, 0]
    assert found[Tier.ANY].chance == 0


def test_naming_every_technique_is_chance_as_well():
    truths = [step([f"e{n}"], name=f"s{n}", attack=f"a{n}", technique=f"T100{n}") for n in range(5)]
    every = [one.technique for one in truths]
    found = measured([finding(2, events=one.events, techniques=every) for one in truths], *truths)
    assert found[Tier.EXACT].found.value == 1.0
    assert found[Tier.EXACT].chance == 1.0
    assert found[Tier.EXACT].lift is None
    named = measured(
        [finding(2, events=one.events, techniques=[one.technique]) for one in truths], *truths
    )
    assert named[Tier.EXACT].chance == pytest.approx(0.2)
    assert named[Tier.EXACT].lift == pytest.approx(1.0)


def test_steps_that_the_given_logs_cannot_show_are_no_misses():
    hidden = step(["e1"], visible_in=(SourceKind.CLOUDTRAIL,))
    assert measured([], hidden)[Tier.PLACE].found.n == 0
    assert measured([], hidden, step(["e2"], name="s2"))[Tier.PLACE].found.n == 1


def test_steps_of_one_attack_widen_the_interval():
    many = [step([f"e{n}"], name=f"s{n}", attack=f"a{n}") for n in range(12)]
    few = [replace(one, attack=f"a{n // 6}") for n, one in enumerate(many)]
    found = [finding(2, events=one.events) for one in many[:6]]
    apart, together = (measured(found, *truths)[Tier.PLACE].found for truths in (many, few))
    assert apart.value == together.value == 0.5
    assert together.high - together.low > apart.high - apart.low


def test_false_alarms_are_groups_in_quiet_time_per_day():
    attack = step(["e1"], start=0, end=30)
    lookalike = step(["e2"], name="l", attack=None, kind=TruthClass.LOOKALIKE, start=600, end=610)
    unknown = step(["e3"], name="u", attack=None, kind=TruthClass.UNKNOWN, start=900, end=910)
    found = [
        finding(5), finding(5, events=["e1"]), finding(601, events=["e2"]), finding(905, events=["e3"]),
        finding(1300, entities=["a"]), finding(1301, entities=["a"]), finding(1300, entities=["b"]),
    ]  # fmt: skip
    load = alert_load(found, [attack, lookalike, unknown], SPAN)
    assert (load.groups, load.findings) == (3, 4)
    assert load.days == pytest.approx(7 - (45 + 25) / 1440)
    assert load.low < load.per_day < load.high
    assert load.by_kind == (("rule", 3),)


def test_nothing_seen_on_quiet_days_leaves_three_in_so_many_possible():
    load = alert_load([], [], SPAN)
    assert load.per_day == 0
    assert load.high == pytest.approx(3 / 7, rel=0.01)
    assert alert_load([], [step(start=-9000, end=9000)], SPAN) is None


def test_recall_within_a_budget_reads_the_most_urgent_groups_of_each_day():
    truths = [step([f"e{n}"], name=f"s{n}", attack=f"a{n}") for n in range(3)]
    found = [finding(2, kind=f"n{n}", entities=["x"], score=9) for n in range(4)]
    found += [
        finding(3, kind="hit", events=["e0"], score=10),
        finding(3, kind="low", events=["e1"], score=1),
    ]
    made = results(found, truths, WINDOWS)
    points, area = recall_at_budgets(found, truths, made)
    recall = {one.groups_per_day: one.found.value for one in points}
    assert (recall[1], recall[5], recall[10]) == (1 / 3, 1 / 3, 2 / 3)
    assert 1 / 3 < area < 2 / 3
    assert recall_at_budgets([], [], ())[1] is None


def test_one_kind_on_one_machine_in_one_hour_is_one_group():
    found = groups(
        [
            finding(1, entities=["a"]),
            finding(30, entities=["a"], score=5),
            finding(70, entities=["a"]),
        ]
    )
    assert [(len(one.findings), one.score) for one in found] == [(2, 5), (1, 1)]


def test_attacks_that_are_never_seen_are_censored_and_not_left_out():
    truths = [step([f"e{n}"], name=f"s{n}", attack=f"a{n}") for n in range(4)]
    found = [finding(2, events=["e0"]), finding(4, events=["e1"])]
    time = time_to_detect(results(found, truths, WINDOWS), truths, NOON + timedelta(days=2))
    assert (time.attacks, time.missed, time.median_s) == (4, 2, 240.0)
    assert time.restricted_mean_s == pytest.approx((120 + 240 + 2 * 86_400) / 4)
    hidden = [replace(one, visible_in=(SourceKind.ZEEK,)) for one in truths]
    assert time_to_detect(results([], hidden, WINDOWS), hidden, NOON) is None


def expected(verdict=None, kind=TaskKind.TRIAGE, **more):
    return Expected(
        task=Task(id=more.pop("id", "t"), kind=kind, prompt=""), verdict=verdict, **more
    )


def test_closing_a_true_alert_is_counted_by_itself():
    asked = [expected(Triage.TRUE_POSITIVE, id=f"t{n}") for n in range(4)] + [
        expected(Triage.BENIGN, id="b")
    ]
    said = by_task([
        Answer(task="t0", verdict=Triage.TRUE_POSITIVE), Answer(task="t1", verdict=Triage.FALSE_POSITIVE),
        Answer(task="t2", verdict=Triage.UNSURE), Answer(task="b", verdict=Triage.FALSE_POSITIVE),
        Answer(task="t1", verdict=Triage.TRUE_POSITIVE),
    ])  # fmt: skip
    found = triage(asked, said)
    assert (found.right.value, found.closed_true_positives.value) == (2 / 5, 1 / 4)
    assert (found.unsure, found.unanswered) == (1, 1)
    assert found.confusion["true-positive → no answer"] == 1
    assert triage([], said) is None


@pytest.mark.parametrize(
    ("kind", "wanted", "value", "holds"),
    [
        (ValueKind.NAME, "ws-03.kestrel.example", "WS-03", True),
        (ValueKind.NAME, "ann", "KESTREL\\Ann", True),
        (ValueKind.NAME, "ann", "ann@kestrel", True),
        (ValueKind.NAME, "192.0.2.1", "192.0.2.2", False),
        (ValueKind.NAME, "ann", None, False),
        (ValueKind.TIME, NOON.isoformat(), "2026-03-09 12:04", True),
        (ValueKind.TIME, NOON.isoformat(), "2026-03-09 12:06", False),
        (ValueKind.TIME, NOON.isoformat(), "noon", False),
        (ValueKind.NAMES, "a,b", "B, A", True),
        (ValueKind.NAMES, "a,b", "a", False),
        (ValueKind.NUMBER, "1000", "1_000", True),
        (ValueKind.NUMBER, "1000", "many", False),
    ],
)
def test_typed_answers_are_compared_by_their_type(kind, wanted, value, holds):
    one = expected(kind=TaskKind.INVESTIGATE, value=wanted, value_kind=kind)
    assert right(one, Answer(task="t", value=value)) is holds
    assert typed([one], {"t": Answer(task="t", value=value)}).value == float(holds)
    assert typed([], {}) is None


def test_sets_are_scored_by_precision_and_recall():
    assert f1(frozenset("ab"), frozenset("bc")) == 0.5
    assert f1(frozenset(), frozenset()) == 1.0


def test_proposed_acts_are_scored_and_a_harmful_one_is_named():
    one = expected(kind=TaskKind.RESPOND, allowed=("isolate:ws-05",), forbidden=("shutdown:dc-01",))
    said = {"t": Answer(task="t", actions=("isolate:WS-05", "shutdown:dc-01.kestrel.example"))}
    found = response([one], said)
    assert (found.helpful.value, found.harmful.value, found.acts) == (1, 1, ("shutdown:dc-01",))
    assert response([one], {}).helpful.value == 0
    assert response([], {}) is None


def hunted(queries, *findings):
    name = f"hunt-{queries}"
    task = Task(id=name, kind=TaskKind.HUNT, prompt="hunt", queries=queries)
    return Expected(task=task), Answer(task=name, findings=tuple(findings))


def test_a_hunt_counts_attacks_that_it_came_upon_against_citations_at_random():
    truths = [
        step(["e1"], name="s1", attack="a1"), step(["e2"], name="s2", attack="a1"),
        step(["e3"], name="s3", attack="a2"),
        step(["e4"], name="s4", attack="a3", visible_in=(SourceKind.ZEEK,)),
    ]  # fmt: skip
    hunts = [
        hunted(20, finding(events=["e1"]), finding(events=["e3"]), finding(events=["e9"])),
        hunted(5, finding(events=["e2"])),
        hunted(10),
    ]
    expected_, answers = zip(*hunts, strict=True)
    made = hunting(expected_, by_task(answers), truths, [SourceKind.WINDOWS], events=100)
    assert [one.queries for one in made] == [5, 10, 20]
    assert [one.found for one in made] == [share(1, 2), share(0, 2), share(2, 2)]
    assert [one.right for one in made] == [share(1, 1), share(0, 0), share(2, 3)]
    # Three citations among a hundred events, of which two are the first attack's and one the other's.
    assert made[2].chance == pytest.approx(((1 - 0.98**3) + (1 - 0.99**3)) / 2)
    assert made[1].chance == 0


def test_a_hunt_that_nobody_went_on_is_not_scored():
    asked, _ = hunted(5)
    (made,) = hunting([asked], {}, [step(["e1"])], [SourceKind.WINDOWS], events=9)
    assert (made.found, made.right.n) == (share(0, 1), 0)
    assert hunting([], {}, [step(["e1"])], [SourceKind.WINDOWS], events=9) == ()


def test_a_share_of_nothing_is_no_number():
    assert share(0, 0).value is None
    assert share(3, 8).low == wilson(3, 8).low


def exercised(tool, **more):
    return exercise(tool, small_office(), small_audit(), now=NOON, **more)


def test_a_tool_that_knows_the_truth_is_perfect_in_every_number():
    found = exercised(omniscient(small_office()), repeats=2)
    assert found.void == ()
    assert all(one.found.value == 1.0 for one in found.detection)
    assert found.load.groups == 0
    assert found.time.missed == 0
    assert found.grounding.in_truth.value == 1.0
    assert found.stability.flips.value == 0
    assert found.budget_area > 0.8
    assert found.tier(Tier.PLACE).found.n == len(steps(small_office().truths))


def test_what_was_left_out_shows_exactly():
    names = [one.id for one in steps(small_office().truths)][:5]
    found = exercised(omniscient(small_office(), all_but=names))
    missed = {one.step for one in found.steps if Tier.PLACE not in one.reached}
    assert missed == set(names)


def test_an_adapter_that_fails_its_self_test_has_no_numbers_at_all():
    found = exercised(Tool(lambda view: []))
    assert found.void
    assert (found.detection, found.load, found.time, found.steps) == ((), None, None, ())


def test_a_tool_that_breaks_in_the_middle_is_void_too():
    tool = omniscient(small_office())
    runs = []
    first = tool.run

    def run(view, budget):
        runs.append(1)
        if len(runs) > 4:
            tool._fault = "connection lost"
        return first(view, budget)

    tool.run = run
    assert exercised(tool).void == ("connection lost",)


def test_invented_ids_and_names_are_counted_and_do_not_help():
    true = omniscient(small_office())

    class Liar:
        name, version, tasks = "liar", "1", true.tasks

        def run(self, view, budget):
            output = true.run(view, budget)
            if len(view.events) < 1000:  # behaves in the self-test
                return output
            lies = (finding(1, events=["f" * 20], entities=["ws-99-invented"]), finding(2))
            return Output(findings=output.findings + lies, usage=Usage(faults=("late",)))

    found = exercised(Liar())
    assert found.grounding.exist.value < 1
    assert found.grounding.uncited.value > 0
    assert found.grounding.invented_entities == ("ws-99-invented",)
    assert found.faults == ("late",)


def test_what_is_left_out_of_a_kind_that_is_answered_is_unanswered_and_other_kinds_are_not_scored():
    office = small_office()
    asked = [one.task for one in office.questions if one.task.kind is TaskKind.TRIAGE]

    class Hasty:
        name, version, tasks = "hasty", "1", frozenset(TaskKind) - {TaskKind.DETECT}

        def run(self, view, budget):
            judged = [one for one in view.tasks if one.id == asked[0].id]
            return Output(
                answers=tuple(Answer(task=one.id, verdict=Triage.TRUE_POSITIVE) for one in judged)
            )

    found = exercised(Hasty(), repeats=2)
    assert found.stability.flips.value == 0
    assert found.triage.unanswered == len(asked) - 1
    assert found.triage.right == share(1, len(asked))
    assert (found.answers, found.response, found.hunts) == (None, None, ())


@pytest.mark.parametrize(("hours", "told"), [(2, "+2.0 h"), (-5, "-5.0 h"), (0.2, None)])
def test_a_tool_whose_clock_is_hours_off_is_told_so_and_gets_no_times_to_detect(hours, told):
    true = omniscient(small_office())

    class Late:
        name, version, tasks = "late", "1", true.tasks

        def run(self, view, budget):
            output = true.run(view, budget)
            moved = (replace(x, at=x.at + timedelta(hours=hours)) for x in output.findings)
            return replace(output, findings=tuple(moved))

    found = exercised(Late())
    assert found.tier(Tier.PLACE).found.value == 1
    assert (found.time is None) is (told is not None)
    assert any(told in one for one in found.faults) if told else found.faults == ()


def test_citations_that_do_not_exist_say_nothing_of_the_clock():
    lies = [finding(900, events=[f"{number:020}"]) for number in range(9)]
    assert clock_error(lies, small_office().events) is None
    assert clock_error([], small_office().events) is None


def test_a_tool_that_changes_its_mind_is_unstable():
    one, other = omniscient(small_office()), omniscient(small_office(), all_but=["ransom-1"])

    class Fickle:
        name, version, tasks, runs = "fickle", "1", one.tasks, 0

        def run(self, view, budget):
            self.runs += len(view.events) > 1000
            return (one if self.runs % 2 else other).run(view, budget)

    found = exercised(Fickle(), repeats=2)
    assert found.stability.flips.value > 0
    assert found.stability.all_of_k.value < 1


def test_sigma_finds_most_steps_and_rarity_more_at_the_price_of_more_to_read():
    sigma, rarity = exercised(house_sigma()), exercised(Rarity())
    assert 0.6 < sigma.tier(Tier.EXACT).found.value < 1
    assert rarity.tier(Tier.PLACE).found.value > sigma.tier(Tier.PLACE).found.value
    assert rarity.load.per_day > 5 * sigma.load.per_day
    assert rarity.tier(Tier.EXACT).found.value == 0
    assert sigma.triage.closed_true_positives.n == len(steps(small_office().truths))
