"""Says whether a Sigma rule fires on a file of events: `python -m … RULE EVENTS`.

In: two files. Out: one JSON object on standard output, `{"fires": true, "of": 12}`, or `refused`
with the reason. It is a program of its own, so that whoever asks needs none of the packages that
read recordings, and a rule that takes forever ends with its process.
"""

import json
import sys
from pathlib import Path

from clearhouse.defense.enroll.sigma.match import Matcher
from clearhouse.defense.enroll.sigma.rules import read_rules
from clearhouse.defense.scenario.reading import Tally, read


def main(rule: Path, events: Path) -> None:
    """Print the answer."""
    sys.stdout.write(json.dumps(_answer(rule, events)))


def _answer(rule: Path, events: Path) -> dict[str, object]:
    found = read_rules([rule])
    if not found.rules:
        reasons = [*map(str, found.refused), *map(str, found.unmapped)]
        return {"refused": "; ".join(reasons)[:400] or "no rule in it"}
    matcher = Matcher(found.rules)
    count = fired = 0
    for event in read([events], Tally()):
        count += 1
        fired += bool(matcher.match(event))
    return {"fires": fired > 0, "of": count}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
