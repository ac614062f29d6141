"""Run the instrument on public recordings, and print what was measured beside what was expected.

    perf/defense_public.py --rules SIGMA/rules SIGMA/rules-emerging-threats …
        [--regression SIGMA/regression_data] [--otrf COPY] [--evtx-to-mitre COPY] [--ait COPY]
        [--packs FOLDER]

Each copy is a repository that you fetched: SigmaHQ/sigma, OTRF/Security-Datasets,
mdecrevoisier/EVTX-to-MITRE-Attack, ait-aecid/alert-data-set. Packs are made of them, or read from
`--packs` where an earlier run left them. Expected is what other code made of the same recordings
in 2026: one SQL query for each rule, and counting by hand. Where a number differs the line ends
with what differs, as far as it is known; docs/defense.md explains.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from clearhouse.defense.enroll.rarity import Rarity, habits
from clearhouse.defense.enroll.record import Budget, View
from clearhouse.defense.enroll.recorded import Recorded
from clearhouse.defense.enroll.sigma.regression import regression
from clearhouse.defense.enroll.sigma.rules import LEVELS, read_rules
from clearhouse.defense.enroll.sigma.tool import Sigma
from clearhouse.defense.exercise.detection import chance_technique, claims, results
from clearhouse.defense.exercise.load import BUDGETS, alert_load, groups, recall_at_budgets
from clearhouse.defense.exercise.matching import Places, Times, technique_tiers
from clearhouse.defense.exercise.record import Tier, share
from clearhouse.defense.exercise.transplant import Names, leaks, rewrite
from clearhouse.defense.scenario.attack_map import AttackMap, attack_map
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.pack import read_pack
from clearhouse.defense.scenario.recipes.alerts import ait
from clearhouse.defense.scenario.recipes.windows import evtx_to_mitre, otrf
from clearhouse.defense.scenario.truth import steps

AS_WRITTEN = AttackMap(name="none", to="", renamed={}, placeholders=frozenset())
LEFT_OUT = ("GoldenSAMLADFSMailAccess/", "aptsimulator_cobaltstrike")
"""Recordings that the expected numbers do not have: a `.Zip`, and one in a folder of its own."""
TRANSPLANTED = 30
DRAWN = 200
DAY = timedelta(days=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rules", type=Path, nargs="+", default=[])
    for name in ("regression", "otrf", "evtx-to-mitre", "ait", "packs"):
        parser.add_argument(f"--{name}", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        packs = asked.packs or Path(scratch)
        sigma = Sigma(read_rules(asked.rules)) if asked.rules else None
        if sigma:
            print(f"{len(sigma.rules.rules)} rules, {len(sigma.rules.refused)} refused,"
                  f" {len(sigma.rules.unmapped)} for logs that nothing here maps")  # fmt: skip
        if asked.regression:
            selftest(asked.rules, asked.regression)
        if asked.otrf:
            otrf_numbers(made(otrf, asked.otrf, packs / "otrf"), sigma)
        if asked.ait:
            ait_numbers(ait_packs(asked.ait, packs / "ait"))
        if asked.evtx_to_mitre:
            mitre_numbers(made(evtx_to_mitre, asked.evtx_to_mitre, packs / "evtx-to-mitre"), sigma)


def made(recipe, copy, folder):
    return read_pack(folder) if (folder / "manifest.json").is_file() else recipe(copy, folder)


def ait_packs(copy, folder):
    there = sorted(path.parent for path in folder.glob("*/manifest.json"))
    return [read_pack(one) for one in there] if there else ait(copy, folder)


def line(what, expected, measured, note=""):
    print(f"  {what:58} {expected!s:>16} {measured!s:>16}  {note}".rstrip())


def head(title):
    print(f"\n{title}\n  {'':58} {'expected':>16} {'measured':>16}")


def selftest(rules, folder):
    head("Rules on the recordings made for them")
    found = regression(rules, folder)
    line("recordings that raise their rule", "201 of 202", f"{found.fired} of {found.recordings}")
    for one in found.silent:
        print(f"    silent: {one}")


def ran(sigma, pack):
    begun = time.process_time()
    output = sigma.run(View(events=pack.events), Budget(seconds=36_000, findings=10_000_000))
    spent = time.process_time() - begun
    print(f"  ({len(pack.events)} events in {spent:.0f} s of processor)")
    return output.findings


def otrf_numbers(pack, sigma):
    head("OTRF Security-Datasets, Sigma")
    left_out = [one for one in pack.truths if any(x in one.attack for x in LEFT_OUT)]
    beside = {uid for one in left_out for uid in one.events}
    findings = [one for one in ran(sigma, pack) if one.events[0] not in beside]
    labelled = [one for one in steps(pack.truths) if one not in left_out]
    recordings = {one.attack for one in labelled}
    line("recordings, labels", "116, 173", f"{len(recordings)}, {len(labelled)}")
    hits = {(one.kind, uid) for one in findings for uid in one.events}
    line("alerts", 12_176, len(hits))
    line("rules that fire", 318, len({kind for kind, _ in hits}))
    line(
        "events with an alert",
        "1.1%",
        f"{len({uid for _, uid in hits}) / (len(pack.events) - len(beside)):.1%}",
    )
    cuts(findings, labelled, {
        "informational": ("114", "92", "104", ".09/.15"),
        "medium": ("107", "69", "81", ".05/.11"),
        "high": ("92", "45", "54", ".03/.07"),
    })  # fmt: skip
    medium = at_least(findings, "medium")
    drift(medium, labelled, "94")
    by_technique(medium, labelled)
    artefact(findings, labelled)
    delays(medium, labelled)
    transplanted(sigma, pack, labelled)


def at_least(findings, level):
    return [one for one in findings if one.score >= LEVELS.index(level) * 10]


def cuts(findings, labelled, expected):
    recordings = {one.attack for one in labelled}
    for level, (any_, exact, parent, chance) in expected.items():
        kept = at_least(findings, level)
        claimed, _ = claims(kept, labelled)
        seen = {labelled[place].attack for place in claimed}
        line(f"{level} and above: recordings with any alert", any_, told(len(seen), recordings))
        reached = reach(claimed, labelled, AS_WRITTEN)
        line("    labels, exact technique", exact, told(reached[Tier.EXACT], labelled))
        line("    labels, parent technique", parent, told(reached[Tier.PARENT], labelled))
        tiers = (Tier.EXACT, Tier.PARENT)
        dealt = [chance_technique(claimed, labelled, tier, AS_WRITTEN) for tier in tiers]
        together = [chance_of_recordings(claimed, labelled, tier) for tier in tiers]
        line("    chance, exact/parent", chance, shares(together), "labels of a recording together")
        line("    as the instrument counts it", "", shares(dealt), "each label by itself")


def shares(values):
    return "/".join(f"{one:.2f}"[1:] for one in values)


def chance_of_recordings(claimed, labelled, tier):
    """Return what the claims would reach if recordings swapped their labels at random."""
    said = {}
    for place, one in enumerate(labelled):
        said.setdefault(one.attack, set()).update(claimed.get(place, ()))
    total = sum(
        tier in technique_tiers(label, claims_, AS_WRITTEN)
        for claims_ in said.values()
        for label in labelled
    )
    return total / len(said) / len(labelled)


def told(hits, of):
    found = share(hits, len(of))
    return f"{hits} ({found.value:.2f})"


def reach(claimed, labelled, names):
    return Counter(
        tier
        for place, said in claimed.items()
        for tier in technique_tiers(labelled[place], said, names)
    )


def drift(findings, labelled, expected):
    claimed, _ = claims(findings, labelled)
    reached = reach(claimed, labelled, attack_map())
    line("medium: labels, parent, ids of today", expected, told(reached[Tier.PARENT], labelled))


def by_technique(findings, labelled):
    claimed, _ = claims(findings, labelled)
    hit = {
        labelled[place].technique[:5]
        for place, said in claimed.items()
        if Tier.PARENT in technique_tiers(labelled[place], said, AS_WRITTEN)
    }
    every = {one.technique[:5] for one in labelled}
    line("medium: parent techniques ever named", "23 of 42", f"{len(hit)} of {len(every)}")
    parents = defaultdict(set)
    for one in labelled:
        for uid in one.events:
            parents[uid].add(one.technique[:5])
    inside = [one for one in findings if parents.get(one.events[0])]
    off = sum(
        parents[one.events[0]].isdisjoint(said[:5] for said in one.techniques) for one in inside
    )
    line("medium: alerts off the label", "70%", f"{off / len(inside):.0%}")


def artefact(findings, labelled):
    high = at_least(findings, "high")
    cleared = [
        one for one in findings if "cleared" in one.kind.lower() and "log" in one.kind.lower()
    ]
    line("alerts about cleared event logs", 72, len(cleared), str(Counter(x.kind for x in cleared)))
    known = {id(one) for one in cleared}
    claimed, _ = claims([one for one in high if id(one) not in known], labelled)
    seen = {labelled[place].attack for place in claimed}
    line("high: recordings without those", 82, len(seen))


def delays(findings, labelled):
    first = first_on_label(findings, labelled).values()
    line("seconds to the first alert on the label, median (n)", "24 (69)",
         f"{statistics.median(first):.0f} ({len(first)})")  # fmt: skip
    lengths = {one.attack: (one.end - one.start).total_seconds() for one in labelled}
    line("seconds of a recording, median", 86, f"{statistics.median(lengths.values()):.0f}")


def first_on_label(findings, labelled):
    owners = defaultdict(list)
    for one in labelled:
        for uid in one.events:
            owners[uid].append(one)
    found = {}
    for one in findings:
        for truth in owners.get(one.events[0], ()):
            if technique_tiers(truth, one.techniques, AS_WRITTEN):
                after = (one.at - truth.start).total_seconds()
                found[truth.attack] = min(after, found.get(truth.attack, after))
    return found


def transplanted(sigma, pack, labelled):
    every = sorted({one.attack for one in labelled})
    wanted = every[:: len(every) // TRANSPLANTED or 1][:TRANSPLANTED]
    lab = pack.scenario.lab_names
    names = Names(rename={one: f"zulu{place:02d}" for place, one in enumerate(lab)})
    same = left = named = 0
    for attack in wanted:
        truth = next(one for one in labelled if one.attack == attack)
        pairs = list(rewrite(pack.events.get(truth.events).values(), names))
        named += leaks((old for old, _ in pairs), lab)
        left += leaks((new for _, new in pairs), lab)
        same += all(sigma.fired(old) == sigma.fired(new) for old, new in pairs)
    note = f"{named} events named the laboratory, {left} after"
    line("recordings with the same alerts under other names", "30 of 30",
         f"{same} of {len(wanted)}", note)  # fmt: skip


def mitre_numbers(pack, sigma):
    head("EVTX-to-MITRE-Attack, Sigma")
    findings = ran(sigma, pack)
    labelled = steps(pack.truths)
    cuts(findings, labelled, {"medium": (".51", ".12", ".24", "/.02")})
    drift(at_least(findings, "medium"), labelled, ".27")


def ait_numbers(packs):
    """Per tool: what is read in quiet time, and what is found of the phases, against chance."""
    head("AIT alert data set, eight networks")
    networks = [network(pack) for pack in packs]
    phases = [(one, step) for one in networks for step in one.phases]
    line("alerts, networks, days", "2655821, 8, 39.9",
         f"{sum(len(one.pack.events) for one in networks)}, {len(networks)},"
         f" {sum(one.days for one in networks):.1f}")  # fmt: skip
    line("phases, without dnsteal", "79, 71", f"{len(phases)}, {len(scorable(networks))}")
    for tool, expected in AIT.items():
        ait_tool(tool, expected, networks, phases)
    union = set().union(*(found_by(one, tool) for one in networks for tool in AIT))
    line("phases with an alert labelled as attack, any tool", 60, len(union))
    labels(networks)
    rarity(networks)


AIT = {
    "Wazuh": ("14953 (6016-23022)", "", ".86/.60", 34, 5.4, ".65"),
    "Suricata": ("7715", "4118", ".59/.42", 17, 4.0, ".29"),
    "AMiner": ("191 (136-416)", "", ".90/.19", 53, 5.7, ".88"),
}


@dataclass
class Network:
    """One pack, with what is asked of it again and again."""

    pack: object
    span: tuple
    phases: list
    findings: dict

    @property
    def days(self):
        return (self.span[1] - self.span[0]) / DAY


def network(pack):
    findings = {
        tool: Recorded(tool)
        .run(View(events=pack.events), Budget(seconds=36_000, findings=10_000_000))
        .findings
        for tool in AIT
    }
    return Network(pack, pack.events.span(), steps(pack.truths), findings)


def scorable(networks):
    return [step for one in networks for step in one.phases if step.title != "dnsteal"]


def found_by(one, tool):
    found = results(one.findings[tool], one.phases, (SourceKind.CSV,))
    return {
        result.step
        for result, step in zip(found, one.phases, strict=True)
        if Tier.PLACE in result.reached and step.title != "dnsteal"
    }


def ait_tool(tool, expected, networks, phases):
    outside, unlabelled, load, groups_ = [], [], [], []
    for one in networks:
        inside = [(step.start, step.end) for step in one.phases]
        labelled = {uid for step in one.phases for uid in step.events}
        quiet = [x for x in one.findings[tool] if not any(a <= x.at <= b for a, b in inside)]
        outside.append(len(quiet) / one.days)
        unlabelled.append(sum(x.events[0] not in labelled for x in quiet) / one.days)
        measured = alert_load(one.findings[tool], one.pack.truths, one.span)
        load.append(measured.findings / measured.days)
        groups_.append(measured.per_day)
    line(f"{tool}: alerts/day outside phases, median (range)", expected[0],
         f"{statistics.median(outside):.0f} ({min(outside):.0f}-{max(outside):.0f})")  # fmt: skip
    line(
        "    without those labelled as attack", expected[1], f"{statistics.median(unlabelled):.0f}"
    )
    line(
        "    the instrument: alerts, groups a quiet day",
        "",
        f"{statistics.median(load):.0f}, {statistics.median(groups_):.0f}",
    )
    times = {id(one): Times(x.at for x in one.findings[tool]) for one in networks}
    seen = sum(times[id(one)].any(step.start, step.end) for one, step in phases) / len(phases)
    chance = statistics.fmean(by_chance(one, step, times[id(one)]) for one, step in phases)
    line(
        "    phase has any alert / a random quiet window",
        expected[2],
        f"{seen:.2f}/{chance:.2f}"[0:],
    )
    line("    corrected for chance", expected[5], f"{(seen - chance) / (1 - chance):.2f}")
    line(
        "    phases with an alert labelled as attack",
        expected[3],
        sum(len(found_by(one, tool)) for one in networks),
    )
    delays_ = [x for one in networks if (x := first_minutes(one, tool)) is not None]
    line(
        "    minutes to the first of them, median (networks)",
        expected[4],
        f"{statistics.median(delays_):.1f} ({len(delays_)})",
    )


def by_chance(one, step, times):
    """Return how often a window of a phase's length, anywhere without a phase, has an alert."""
    draw = random.Random(step.id)
    length = step.end - step.start
    hits = tried = 0
    while tried < DRAWN:
        start = one.span[0] + draw.random() * (one.span[1] - one.span[0] - length)
        if not any(x.start <= start + length and start <= x.end for x in one.phases):
            tried += 1
            hits += times.any(start, start + length)
    return hits / tried


def first_minutes(one, tool):
    begun = min(step.start for step in one.phases if step.title == "network scans")
    known = {uid for step in one.phases if step.title != "dnsteal" for uid in step.events}
    after = [x.at for x in one.findings[tool] if x.events[0] in known and x.at >= begun]
    return (min(after) - begun).total_seconds() / 60 if after else None


def labels(networks):
    """Count on which alerts the two sets of labels agree."""
    both = event_only = interval_only = 0
    for one in networks:
        labelled = {uid for step in one.phases for uid in step.events}
        inside = [(step.start, step.end) for step in one.phases]
        for findings in one.findings.values():
            for x in findings:
                within, marked = any(a <= x.at <= b for a, b in inside), x.events[0] in labelled
                both += within and marked
                event_only += marked and not within
                interval_only += within and not marked
    line("alerts of the attack by line and phase, line, phase", "1745038 72212 19543",
         f"{both} {event_only} {interval_only}")  # fmt: skip


def rarity(networks):
    """Rank each network's alerts by what the other seven made in quiet time."""
    head("Rarity on the AIT alert data set: phases found within a budget of groups")
    learnt = [habits(quiet_alerts(one)) for one in networks]
    whole, daily = Counter(), Counter()
    for place, one in enumerate(networks):
        others = sum((x for y, x in enumerate(learnt) if y != place), Counter())
        output = Rarity(others).run(View(events=one.pack.events), Budget(findings=10_000_000))
        wanted = [step for step in one.phases if step.title != "dnsteal"]
        daily += by_day(output.findings, wanted)
        whole += over_all(output.findings, wanted, one.days)
    n = len(scorable(networks))
    for budget, expected in ((20, 47), (50, 55), (200, 60)):
        line(
            f"{budget} a day, ranked over the whole recording",
            f"{expected} of 71",
            f"{whole[budget]} of {n}",
        )
    for budget in (20, 50, 200):
        line(f"{budget} a day, each day by itself", "", f"{daily[budget]} of {n}")


def quiet_alerts(one):
    labelled = {uid for step in one.phases for uid in step.events}
    inside = [(step.start, step.end) for step in one.phases]
    return (
        event
        for event in one.pack.events
        if event.uid not in labelled and not any(a <= event.at <= b for a, b in inside)
    )


def by_day(findings, wanted):
    points, _ = recall_at_budgets(findings, wanted, results(findings, wanted, (SourceKind.CSV,)))
    return Counter({one.groups_per_day: round(one.found.value * one.found.n) for one in points})


def over_all(findings, wanted, days):
    places = Places(wanted)
    least = {}
    ranked = sorted(groups(findings), key=lambda one: (-one.score, one.first))
    for rank, group in enumerate(ranked, 1):
        for place in set().union(*(places.of(one) for one in group.findings)):
            least.setdefault(place, rank)
    return Counter(
        {budget: sum(one <= budget * days for one in least.values()) for budget in BUDGETS}
    )


if __name__ == "__main__":
    main()
