"""Measure claim checks on genuine reports: none of them may be contradicted.

In comes a YAML list of published flaws with the places they cite; out comes, for every entry, what
looking at the real sources gave. An entry is `id`, `purl`, `version`, `text`, and `file` with
`functions`, or `places` with `file`, `function`, `line` and `snippet` each.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import yaml

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.validate.look import look
from clearhouse.clearing.validate.record import ClaimCheck, ClaimResult
from clearhouse.clearing.validate.rules import check_claims
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.shelf import SourceShelf

_WORKERS = 4
"""Most of the time goes by in waiting for registries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimsCase:
    """What came of one report."""

    case: str
    checks: tuple[ClaimCheck, ...]
    missing: str | None
    """Why its source could not be looked at."""
    seconds: float

    def count(self, result: ClaimResult) -> int:
        """Return how many claims got this answer."""
        return sum(one.result is result for one in self.checks)


class ClaimsDataError(ValueError):
    """The file of reports is not as it must be; says which entry."""


def read_reports(path: Path) -> list[tuple[str, Draft]]:
    """Read the reports of a file.

    Raises: ClaimsDataError.
    """
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClaimsDataError(f"{path.name} cannot be read as YAML") from error
    if not isinstance(entries, list):
        raise ClaimsDataError(f"{path.name} is not a list")
    return [_report(number, one) for number, one in enumerate(entries, start=1)]


def run_reports(
    reports: list[tuple[str, Draft]],
    shelf: SourceShelf,
    repositories: Repositories,
    *,
    report: Callable[[ClaimsCase], None] = lambda _: None,
) -> tuple[ClaimsCase, ...]:
    """Look up every report; `report` is called with each result as it comes."""

    def one(named: tuple[str, Draft]) -> ClaimsCase:
        started = time.monotonic()
        looked = look(named[1], Known(), shelf, repositories)
        local = check_claims(named[1], Known(), datetime.now(UTC))
        wrong = (check for check in local if check.result is ClaimResult.CONTRADICTED)
        case = ClaimsCase(
            case=named[0],
            checks=(*looked.checks, *wrong),
            missing=looked.missing,
            seconds=round(time.monotonic() - started, 2),
        )
        report(case)
        return case

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return tuple(pool.map(one, reports))


def as_json(cases: tuple[ClaimsCase, ...]) -> dict[str, object]:
    """Return what came of all reports as a JSON document."""
    counted = Counter(str(check.result) for case in cases for check in case.checks)
    return {
        "reports": len(cases),
        "looked_at": sum(case.missing is None for case in cases),
        "contradicted_reports": sum(bool(case.count(ClaimResult.CONTRADICTED)) for case in cases),
        "claims": {str(result): counted[str(result)] for result in ClaimResult},
        "cases": [_case(case) for case in cases],
    }


def _case(case: ClaimsCase) -> dict[str, object]:
    open_points = [one for one in case.checks if one.result is not ClaimResult.HOLDS]
    return {
        "case": case.case,
        "holds": case.count(ClaimResult.HOLDS),
        "not_holding": [
            {"claim": one.claim, "subject": one.subject, "result": one.result, "why": one.reason}
            for one in open_points
        ],
        "missing": case.missing,
        "seconds": case.seconds,
    }


def _report(number: int, entry: object) -> tuple[str, Draft]:
    if not isinstance(entry, dict) or not {"id", "purl", "version", "text"} <= entry.keys():
        raise ClaimsDataError(f"entry {number} needs id, purl, version and text")
    stated = cast("dict[str, object]", entry)
    draft = Draft(
        title=str(stated["text"]),
        description=str(stated["text"]),
        purl=str(stated["purl"]),
        tested_version=str(stated["version"]),
        locations=tuple(_places(number, stated)),
    )
    return f"{stated['id']} {stated['purl']}@{stated['version']}", draft


def _places(number: int, entry: dict[str, object]) -> Iterator[Location]:
    file, functions = entry.get("file"), entry.get("functions", [])
    places = entry.get("places", [])
    if not isinstance(functions, list) or not isinstance(places, list):
        raise ClaimsDataError(f"entry {number}: functions and places are lists")
    if file is not None:
        names: list[str | None] = [str(one) for one in functions]
        yield from (Location(file=str(file), function=one) for one in names or [None])
    for one in places:
        if not isinstance(one, dict) or not one.keys() <= {"file", "function", "line", "snippet"}:
            raise ClaimsDataError(f"entry {number}: a place has file, function, line and snippet")
        yield Location(**one)
