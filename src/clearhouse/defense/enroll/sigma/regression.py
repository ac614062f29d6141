"""Whether rules fire on the recordings that were made for them.

In: rules, and a folder of recordings whose file names are ids of rules, as SigmaHQ's regression
data. Out: how many fired. This shows that reading and matching work, and nothing about detection:
rules that pass all of it name the right technique of other people's recordings in half the cases.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clearhouse.defense.enroll.sigma.match import Matcher
from clearhouse.defense.enroll.sigma.rules import read_rules
from clearhouse.defense.scenario.reading import Tally, read
from clearhouse.defense.scenario.recipes.known import known_files, sha256_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Regression:
    """What became of the recordings."""

    fired: int
    recordings: int
    known: int
    """Recordings that are, to the byte, SigmaHQ's of August 2026."""
    silent: tuple[str, ...]
    """Recordings whose rule did not fire."""
    rules: int
    refused: int
    unmapped: int


def regression(rules: Iterable[Path], folder: Path) -> Regression:
    """Match every recording with all rules at once."""
    found = read_rules(rules)
    matcher = Matcher(found.rules)
    ours = set(known_files("sigma-regression").values())
    fired, silent, count, known = 0, [], 0, 0
    for path in sorted(folder.rglob("*.evtx")) or sorted(folder.rglob("*.json")):
        count += 1
        known += sha256_of(path) in ours
        tally = Tally()
        if any(
            rule.id == path.stem for event in read([path], tally) for rule in matcher.match(event)
        ):
            fired += 1
        else:
            silent.append(str(path.relative_to(folder)))
    return Regression(
        fired=fired,
        recordings=count,
        known=known,
        silent=tuple(silent),
        rules=len(found.rules),
        refused=len(found.refused),
        unmapped=len(found.unmapped),
    )
