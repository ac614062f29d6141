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


@dataclass(frozen=True, kw_only=True, slots=True)
class Regression:
    """What became of the recordings."""

    fired: int
    recordings: int
    silent: tuple[str, ...]
    """Recordings whose rule did not fire."""
    rules: int
    refused: int
    unmapped: int


def regression(rules: Iterable[Path], folder: Path) -> Regression:
    """Match every recording with all rules at once."""
    found = read_rules(rules)
    matcher = Matcher(found.rules)
    fired, silent, count = 0, [], 0
    for path in sorted(folder.rglob("*.evtx")) or sorted(folder.rglob("*.json")):
        count += 1
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
        silent=tuple(silent),
        rules=len(found.rules),
        refused=len(found.refused),
        unmapped=len(found.unmapped),
    )
