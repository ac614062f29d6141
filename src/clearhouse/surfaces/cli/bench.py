"""`clearhouse bench`: what a room is worth, measured on files whose truth is known."""

import os
from pathlib import Path

import click

from clearhouse.clearing.match import bench as match_bench
from clearhouse.clearing.match.bench_crashes import run_crashes
from clearhouse.clearing.match.bench_stacks import stacks as read_stacks
from clearhouse.clearing.validate import claims_bench
from clearhouse.clearing.validate.record import ClaimResult
from clearhouse.clearing.validate.reproduce.benchmark import CaseResult, run_cases
from clearhouse.clearing.validate.reproduce.packages import PackageCache
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.shelf import SourceShelf
from clearhouse.surfaces.cli.main import emit, json_option

_file = click.Path(path_type=Path, exists=True, dir_okay=False)
_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group("bench")
def command() -> None:
    """Measure a room on files whose truth is known."""


@command.command("match")
@click.option("--data", type=_file, required=True, help="Reports and pairs, JSON lines, maybe .gz.")
@click.option("--split", help="Only this split of the file.")
@click.option("--predictions", type=click.Path(path_type=Path, dir_okay=False),
              help="Write what was said of every report and pair.")  # fmt: skip
@json_option
def match(data: Path, split: str | None, predictions: Path | None, *, as_json: bool) -> None:
    """Rank and judge every report and pair of a file, and measure."""
    measured = match_bench.run(data, split=split, predictions=predictions)
    emit(measured, as_json=as_json, text=_outline(measured))


@command.command("crashes")
@click.option("--data", type=_file, required=True)
@json_option
def crashes(data: Path, *, as_json: bool) -> None:
    """Compare crash reports, beside the published comparison rule."""
    measured = run_crashes(data)
    emit(measured, as_json=as_json, text=_outline(measured))


@command.command("stacks")
@click.option("--data", type=_folder, required=True)
@json_option
def stacks(data: Path, *, as_json: bool) -> None:
    """Read the crash logs of a folder and compare their states with the expected ones."""
    measured = read_stacks(data)
    emit(measured, as_json=as_json, text=f"{measured['exact']} of {measured['total']} exact")


@command.command("validate")
@click.option("--cases", type=_folder, help="Folder of bundles, each in a folder of its own.")
@click.option("--nightly", is_flag=True, help="The project's own set of published flaws, whole.")
@json_option
def validate(cases: Path | None, *, nightly: bool, as_json: bool) -> None:
    """Reproduce every bundle of a folder and compare with what is expected."""
    if nightly is (cases is not None):
        raise click.UsageError("name a folder with --cases, or take --nightly")
    own = Path(os.environ.get("CLEARHOUSE_PROJECT", ".")) / "examples" / "bundles"
    scores = run_cases(cases or own, package_cache(), report=_say)
    agreed = sum(one.as_expected is True for one in scores.cases)
    emit(
        scores.as_json(),
        as_json=as_json,
        text=f"{agreed} of {len(scores.cases)} as expected,"
        f" {scores.false_reproduced} falsely reproduced",
    )


@command.command("claims")
@click.option("--data", type=_file, required=True, help="Genuine reports, a YAML list.")
@click.option("--only", help="Only entries whose name has this text.")
@json_option
def claims(data: Path, only: str | None, *, as_json: bool) -> None:
    """Look genuine reports up in their real sources; none of them may be contradicted."""
    try:
        reports = claims_bench.read_reports(data)
    except claims_bench.ClaimsDataError as error:
        raise click.UsageError(str(error)) from error
    folder = package_cache().folder
    cases = claims_bench.run_reports(
        [one for one in reports if only is None or only in one[0]],
        SourceShelf(folder / "source"),
        Repositories.configured(folder / "git"),
        report=_say_claims,
    )
    measured = claims_bench.as_json(cases)
    wrong = [f"\n  {case.case}: {one.claim} {one.subject}: {one.reason}"
             for case in cases for one in case.checks
             if one.result is ClaimResult.CONTRADICTED]  # fmt: skip
    emit(
        measured,
        as_json=as_json,
        text=f"{measured['contradicted_reports']} of {measured['looked_at']} contradicted"
        f" ({len(cases)} reports){''.join(wrong)}",
    )


def package_cache() -> PackageCache:
    """Return the cache of packages that were fetched and installed for reproduction."""
    return PackageCache(Path(os.environ.get("CLEARHOUSE_HOME", ".clearhouse")) / "validate")


def _say(result: CaseResult) -> None:
    mark = {True: "ok", False: "NOT AS EXPECTED", None: "?"}[result.as_expected]
    line = f"{result.case}: {result.verdict} {result.level or ''} {result.seconds:.1f} s {mark}"
    click.echo(f"clearhouse: {line}", err=True)


def _say_claims(case: claims_bench.ClaimsCase) -> None:
    wrong = case.count(ClaimResult.CONTRADICTED)
    mark = "CONTRADICTED" if wrong else case.missing or f"{case.count(ClaimResult.HOLDS)} hold"
    click.echo(f"clearhouse: {case.case}: {mark} {case.seconds:.1f} s", err=True)


def _outline(value: object, indent: int = 0) -> str:
    if not isinstance(value, dict):
        return str(value)
    margin = "\n" + "  " * indent
    return margin.join(f"{name}: {_outline(inner, indent + 1)}" for name, inner in value.items())
