"""Simulates five labs that find two thousand flaws, and says what deconfliction gave and told.

    .clearhouse/env/bin/python perf/deconflict_simulation.py ../shared/bench [--flaws 2000]
        [--labs 5] [--seed 1] [--plot docs/images/deconflict.svg]

The flaws and their wordings are real: clusters of public advisories that different databases wrote
about one flaw (`dedupe/dedupe_public.jsonl.gz`). Each lab that finds a flaw describes it in another
of the wordings. What its text names (functions, files, the package, the CWE family) makes its
fingerprints. Prints, as JSON:
- by grain, over all pairs of the benchmark and the crashes beside it: how many pairs of one flaw
  share a fingerprint (hits), and how many of two flaws do (false hits);
- for three rates of overlap, since nobody has published one: the share of duplicate work avoided
  when each lab asks before it works, with the false hits that it met; once in the words of the
  advisories, most of which name no place, and once only in words that name one, as reports from
  code do (too few flaws have two such wordings, so they are drawn again and again, each time as a
  flaw of its own, and false hits are then not measured);
- at the middle rate, through a real house with real keys: messages, bytes, bits told to the house,
  and that the blind answers are those of a plain comparison;
- scan leases: how many scans of one target overlap without leases and with them;
- a dictionary attack within the quota, by the size of the dictionary, beside a salted hash.
What is assumed and not measured: which labs find what, and that a lab that is told stops working.
"""

import argparse
import gzip
import itertools
import json
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clearhouse.app import Settings, build
from clearhouse.clearing import route
from clearhouse.clearing.deconflict.blind import answering, asking, epochs, holding, rules
from clearhouse.clearing.deconflict.blind.record import Fingerprint, Grain, Refusal
from clearhouse.clearing.deconflict.leases import rules as lease_rules
from clearhouse.clearing.deconflict.leases.record import Scope
from clearhouse.formats import cwe
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind
from clearhouse.kernel.services import App
from deconflict_plot import plotted

FUNCTION = re.compile(r"\b([A-Za-z_][\w:.]{2,60})\(\)|\b([A-Za-z_]\w*_\w+)\b(?= function)|function"
                      r" `?([A-Za-z_]\w{3,60})`?")  # fmt: skip
FILE = re.compile(r"\b([\w./-]+\.(?:c|h|cc|cpp|cxx|py|js|ts|go|rs|java|php|rb|cs|pl|jsp|asp))\b")
OVERLAPS = {"low": 0.1, "middle": 0.25, "high": 0.5}
"""Share of flaws that more than one lab finds."""
Prints = frozenset[str]


@dataclass(frozen=True)
class Report:
    """What one wording names."""

    packages: tuple[str, ...]
    functions: tuple[str, ...]
    files: tuple[str, ...]
    families: tuple[str, ...]


GRAINS: dict[str, Callable[[Report], Iterator[tuple[str, ...]]]] = {
    "package+file+function+family": lambda r: itertools.product(
        r.packages, r.files, r.functions, r.families
    ),
    "package+function+family": lambda r: itertools.product(r.packages, r.functions, r.families),
    "package+file+family": lambda r: itertools.product(r.packages, r.files, r.families),
    "package+function": lambda r: itertools.product(r.packages, r.functions),
    "package+file": lambda r: itertools.product(r.packages, r.files),
    "package+family": lambda r: itertools.product(r.packages, r.families),
}
FINE = ("package+file+function+family",)
"""What the house enters by default, of what a text can name."""
NAMES = (*FINE, "package+function", "package+file")
"""With the coarse grains that a house may turn on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("--flaws", type=int, default=2000)
    parser.add_argument("--labs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    reports, clusters, pairs = benchmark(asked.bench / "dedupe" / "dedupe_public.jsonl.gz")
    grains = by_grain(reports, pairs) | crashes(asked.bench / "crash" / "crash_public.jsonl.gz")
    found = {
        "by grain": grains,
        "duplicate work avoided": {
            words: {
                name: {
                    grain: worked(reports, some, asked, share, chosen, again=again)
                    for grain, chosen in (("as entered by default", FINE), ("with names", NAMES))
                }
                for name, share in OVERLAPS.items()
            }
            for words, some, again in (
                ("as published", clusters, False),
                ("naming a place", with_places(reports, clusters), True),
            )
        },
        "through a house": through_a_house(reports, clusters, asked),
        "scan leases": leased(asked),
        "dictionary": dictionary(),
    }
    print(json.dumps(found, indent=2))
    if asked.plot:
        asked.plot.write_text(plotted(found), encoding="utf-8")


def benchmark(file: Path) -> tuple[dict[str, Report], list[list[str]], list[tuple[str, str, int]]]:
    reports, pairs = {}, []
    clusters: defaultdict[str, list[str]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["type"] == "pair":
                pairs.append((line["a"], line["b"], line["label"]))
            else:
                reports[line["rid"]] = named(line)
                clusters[line["cluster"]].append(line["rid"])
    several = sorted(rids for rids in clusters.values() if len(rids) > 1)
    return reports, several, pairs


def named(line: dict) -> Report:
    text = f"{line['title']}\n{line['text']}"
    functions = {next(filter(None, found)).rsplit(".")[-1] for found in FUNCTION.findall(text)}
    functions |= {one.rsplit(".", 1)[-1] for one in line["symbols"]}
    packages = line["purl"] or [one.split()[-1] for one in line["component"] if one.split()]
    return Report(
        packages=_each(packages),
        functions=_each(functions),
        files=_each(found.rsplit("/", 1)[-1] for found in FILE.findall(text)),
        families=_each(_family(one) for one in line["cwe"]),
    )


def _each(values) -> tuple[str, ...]:
    return tuple(sorted({value.lower().rsplit("/", 1)[-1] for value in values}))


def _family(text: str) -> str:
    try:
        return cwe.family(text)
    except cwe.CweError:
        return text


def prints(report: Report, grains: Sequence[str]) -> Prints:
    return frozenset(
        "#".join((grain, *parts)) for grain in grains for parts in GRAINS[grain](report)
    )


def by_grain(
    reports: dict[str, Report], pairs: list[tuple[str, str, int]]
) -> dict[str, dict[str, float]]:
    found = {}
    for grain in GRAINS:
        of = {rid: prints(report, (grain,)) for rid, report in reports.items()}
        found[grain] = rates(
            (bool(of[a]) and bool(of[b]), bool(of[a] & of[b]), label) for a, b, label in pairs
        )
    return found


def crashes(file: Path) -> dict[str, dict[str, float]]:
    state, pairs = {}, []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["type"] == "report":
                kind = line["crash_type"].split(" ")[0]
                state[line["rid"]] = (line["project"], kind, *line["frames"])
            else:
                pairs.append((line["a"], line["b"], line["label"]))
    found = rates((True, state[a] == state[b], label) for a, b, label in pairs)
    return {"package+crash state": found}


def rates(compared) -> dict[str, float]:
    """Count pairs of one flaw and of two: all, those that have the grain, and those that share."""
    count = defaultdict(int)
    for both, shared, label in compared:
        side = "same" if label else "other"
        count[side] += 1
        count[side, "both"] += both
        count[side, "shared"] += shared
    return {
        "pairs of one flaw": count["same"],
        "of these both name it": count["same", "both"],
        "hits": count["same", "shared"],
        "hit rate": round(count["same", "shared"] / max(1, count["same"]), 4),
        "hit rate where both name it": round(
            count["same", "shared"] / max(1, count["same", "both"]), 4
        ),
        "pairs of two flaws": count["other"],
        "false hits": count["other", "shared"],
        "false hit rate": round(count["other", "shared"] / max(1, count["other"]), 5),
    }


def with_places(reports: dict[str, Report], clusters: list[list[str]]) -> list[list[str]]:
    """Return the flaws that two wordings name with a package and a function or file."""
    found = [
        [
            rid
            for rid in rids
            if reports[rid].packages and (reports[rid].functions or reports[rid].files)
        ]
        for rids in clusters
    ]
    return [rids for rids in found if len(rids) > 1]


def finds(
    clusters: list[list[str]], asked, share: float, *, again: bool = False
) -> list[tuple[int, int, str]]:
    """Return who finds which flaw in which words, in the order of time."""
    chance = random.Random(f"{asked.seed} {share}")
    chosen = (
        chance.choices(clusters, k=asked.flaws)
        if again
        else chance.sample(clusters, min(asked.flaws, len(clusters)))
    )
    events = []
    for flaw, wordings in enumerate(chosen):
        many = 1
        if chance.random() < share:
            many = min(asked.labs, 2 + sum(chance.random() < 0.35 for _ in range(asked.labs - 2)))
        words = chance.sample(wordings, len(wordings))
        labs = chance.sample(range(asked.labs), many)
        events += [(lab, flaw, words[place % len(words)]) for place, lab in enumerate(labs)]
    chance.shuffle(events)
    return events


def worked(
    reports: dict[str, Report],
    clusters: list[list[str]],
    asked,
    share: float,
    grains: tuple,
    *,
    again: bool,
) -> dict[str, object]:
    """Let each lab ask before it works, and enter what it works on."""
    known: dict[str, int] = {}
    begun, duplicates, avoided, false, unnamed = set[int](), 0, 0, 0, 0
    events = finds(clusters, asked, share, again=again)
    for _, flaw, rid in events:
        mine = prints(reports[rid], grains)
        if again:
            mine = frozenset(f"{one}~{flaw}" for one in mine)
        hits = {known[one] for one in mine if one in known}
        duplicate = flaw in begun
        duplicates += duplicate
        avoided += duplicate and flaw in hits
        unnamed += duplicate and not mine
        false += not duplicate and bool(hits)
        begun.add(flaw)
        for one in mine:
            known.setdefault(one, flaw)
    return {
        "findings": len(events),
        "duplicates": duplicates,
        "avoided": avoided,
        "share avoided": round(avoided / max(1, duplicates), 3),
        "duplicates whose words name nothing": unnamed,
        "new flaws with a false hit": None if again else false,
    }


def through_a_house(reports: dict[str, Report], clusters: list[list[str]], asked) -> dict:
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as folder:
        Path(folder).chmod(0o711)
        app = build(Settings(home=Path(folder)))
        try:
            route.turn_known_keys(app.desk)
            labs = [_lab(app, number) for number in range(asked.labs)]
            events = finds(clusters, asked, OVERLAPS["middle"])
            return asked_blindly(app, labs, [(lab, reports[rid]) for lab, _, rid in events])
        finally:
            app.stop()


def asked_blindly(app: App, labs: list[Actor], events: list[tuple[int, Report]]) -> dict:
    doors = [Counted(answering.HouseDoor(app.desk, lab)) for lab in labs]
    tables = [asking.Tables() for _ in labs]
    known, wrong, hits, questions = set[str](), 0, 0, 0
    for lab, report in events:
        mine = sorted(prints(report, NAMES))[: epochs.known_policy().asked_at_once]
        some = [Fingerprint(grain=Grain.PLACE, package=None, value=one) for one in mine]
        answers = asking.ask(doors[lab], some, tables=tables[lab])
        assert not isinstance(answers, Refusal), answers
        wrong += sum(one.known is not (one.fingerprint.value in known) for one in answers)
        hits += any(one.known for one in answers)
        questions += len(some)
        if mine and not any(one.known for one in answers):
            epoch, held = answers[0].epoch_id, [one.held for one in answers]
            with app.desk.database.transaction(labs[lab].actor_id) as transaction:
                done = holding.hold(
                    app.desk, transaction, labs[lab], epoch, held, subject="cmt_simulated"
                )
            assert not isinstance(done, Refusal), done
            known |= set(mine)
    return {
        "findings": len(events),
        "fingerprints asked for": questions,
        "findings with a hit": hits,
        "answers unlike the plain comparison": wrong,
        "messages": sum(door.messages for door in doors),
        "kB both ways": round(sum(door.size for door in doors) / 1000),
        "bits of outputs told to the house": sum(door.bits for door in doors),
        "tickets told to the house if each hit asks for an introduction": hits,
        "bits of fingerprints that a salted hash would have told": "all of each, by dictionary",
    }


class Counted:
    """Counts what passes a door: messages, and bytes of elements, proofs and tables."""

    def __init__(self, door: answering.HouseDoor) -> None:
        self.door, self.messages, self.size, self.bits = door, 0, 0, 0
        self.card = door.card

    def evaluate(self, epoch_id, elements):
        self._passed(64 * len(elements) + 64)
        return self.door.evaluate(epoch_id, elements)

    def table(self, epoch_id, after):
        part = self.door.table(epoch_id, after)
        self._passed(len(part.entries))
        return part

    def buckets(self, epoch_id, bits, prefixes):
        parts = self.door.buckets(epoch_id, bits, prefixes)
        self.bits += bits * len(prefixes)
        self._passed(sum(len(part.entries) for part in parts))
        return parts

    def _passed(self, size: int) -> None:
        self.messages, self.size = self.messages + 1, self.size + size


def _lab(app: App, number: int) -> Actor:
    with app.desk.database.transaction(None) as transaction:
        party = identity.add_party(transaction, PartyKind.LAB, f"Lab {number}")
        actor_id = identity.add_actor(transaction, party, ActorKind.PERSON, "Ada", roles=["finder"])
        actor = identity.actor(transaction, actor_id)
    assert actor is not None
    return actor


def leased(asked) -> dict[str, float]:
    """Let labs pick targets by popularity for a quarter, first without leases, then with them."""
    chance = random.Random(asked.seed)
    targets = [f"pkg:generic/t{number}" for number in range(400)]
    weights = [1 / (place + 1) for place in range(len(targets))]
    start = datetime(2026, 11, 1, tzinfo=UTC)
    wanted = []
    for _ in range(asked.labs * 60):
        begins = start + timedelta(days=chance.randrange(90))
        paths = () if chance.random() < 0.5 else (chance.choice(("src", "lib", "net")),)
        (target,) = chance.choices(targets, weights)
        wanted.append(
            Scope(target=target, starts=begins, until=begins + timedelta(days=10), paths=paths)
        )
    wanted.sort(key=lambda one: one.starts)
    held: list[Scope] = []
    moved = 0
    for scope in wanted:
        if any(lease_rules.overlap(scope, other)[0] for other in held):
            moved += 1
        else:
            held.append(scope)
    return {
        "scans wanted": len(wanted),
        "that overlap with an earlier one, without leases": sum(
            any(lease_rules.overlap(one, other)[0] for other in wanted[:place])
            for place, one in enumerate(wanted)
        ),
        "told before they begin, with leases": moved,
    }


def dictionary() -> dict[str, dict[str, float]]:
    """Say which share of a dictionary is tried in an epoch, by how many functions a package has."""
    policy, families = epochs.known_policy(), len(cwe.families())
    return {
        f"{functions} functions": {
            "guesses": functions * families,
            "tried in an epoch": round(min(1, policy.asked_per_epoch / (functions * families)), 4),
            "with a salted hash": 1.0,
            "chance to read an entry without asking": entries_by_chance(policy.asked_per_epoch),
        }
        for functions in (100, 1000, 10_000, 100_000)
    }


def entries_by_chance(tries: int) -> float:
    return tries / 2 ** (8 * rules.TAG_BYTES)


if __name__ == "__main__":
    main()
