"""Run a folder of bundles whose outcome is known, and count what came out as it should.

Each folder below `cases` holds a bundle, interpreted or compiled, with `expected`: `reproduced`, or
`not_reproduced` for any verdict but REPRODUCED. The number that must be 0 is `false_reproduced`.
"""

import os
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.clearing.validate.reproduce.bundle import BundleError, expectation
from clearhouse.clearing.validate.reproduce.native import reproduce_folder
from clearhouse.clearing.validate.reproduce.packages import PackageCache


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """What came of one case."""

    case: str
    expected: str | None
    verdict: str
    level: str | None
    as_expected: bool | None
    """None when the case says nothing about what to expect."""
    seconds: float
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What came of all cases."""

    cases: tuple[CaseResult, ...]
    false_reproduced: int

    def as_json(self) -> dict[str, object]:
        """Return the scores as a JSON document."""
        return {
            "cases": [asdict(one) for one in self.cases],
            "false_reproduced": self.false_reproduced,
        }


def run_cases(
    folder: Path,
    cache: PackageCache,
    *,
    only: Collection[str] = (),
    workers: int | None = None,
    report: Callable[[CaseResult], None] = lambda _: None,
) -> Scores:
    """Run every case of a folder, as many at a time as there are processors and one more.

    The one more is being installed while the others run. The last case has the processors for
    itself. `only` names the cases to run, none meaning all; `report` is called with each result as
    it comes.
    """
    processors = os.cpu_count() or 1
    cases = sorted(
        path.parent for path in folder.glob("*/bundle.yaml") if not only or path.parent.name in only
    )

    def one(case: Path) -> CaseResult:
        result = run_case(case, cache, at_once=processors)
        report(result)
        return result

    with ThreadPoolExecutor(max_workers=workers or processors + 1) as pool:
        results = tuple(pool.map(one, cases))
    wrong = sum(
        one.verdict == VerdictKind.REPRODUCED and one.expected != "reproduced" for one in results
    )
    return Scores(cases=results, false_reproduced=wrong)


def run_case(case: Path, cache: PackageCache, *, at_once: int = 1) -> CaseResult:
    """Run one case; a bundle that cannot be read is a result too."""
    started = time.monotonic()
    expected = None
    try:
        expected = expectation(case)
        verdict = reproduce_folder(case, cache, now=datetime.now(UTC), at_once=at_once)
    except BundleError as error:
        kind, level, why = VerdictKind.INCONCLUSIVE, None, f"unsupported: {error}"
    else:
        kind = verdict.kind
        level = None if verdict.level is None else verdict.level.name
        why = verdict.reason if verdict.doubt is None else f"{verdict.doubt}: {verdict.reason}"
    agrees = (
        None if expected is None else (kind is VerdictKind.REPRODUCED) == (expected == "reproduced")
    )
    return CaseResult(
        case=case.name,
        expected=expected,
        verdict=str(kind),
        level=level,
        as_expected=agrees,
        seconds=round(time.monotonic() - started, 2),
        why=why,
    )
