"""`clearhouse check`: everything that must hold, the same here and in CI."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from clearhouse.surfaces.cli.main import EXIT_NO

_BRANCH_FLOOR = 95
"""Least share of covered branches and lines in the kernel and on the route, in per cent."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must hold, and the command that shows it."""

    name: str
    command: tuple[str, ...]


def steps(bin_folder: Path) -> tuple[Step, ...]:
    """Return the steps in their order; a later one runs even when an earlier one failed."""
    workers = (os.cpu_count() or 1) + 1  # tests wait for processes and the store

    def tool(name: str, *arguments: str) -> tuple[str, ...]:
        return (str(bin_folder / name), *arguments)

    def covered(package: str) -> tuple[str, ...]:
        include = f"--include=src/clearhouse/{package}/*"
        return tool(
            "coverage", "report", f"--fail-under={_BRANCH_FLOOR}", include, "--skip-covered"
        )

    return (
        Step("format", tool("ruff", "format", "--check", "--quiet", ".")),
        Step("style", tool("ruff", "check", "--quiet", ".")),
        Step("types", tool("mypy", "--no-error-summary")),
        Step("import contracts", tool("lint-imports", "--no-cache")),
        Step("forget old coverage", tool("coverage", "erase")),
        Step(
            "tests",
            tool(
                # Measuring trebles the time of what computes: no more of it than is asked below.
                *("pytest", "-q", "--cov-report=", "--cov-sparingly"),
                *("--cov=src/clearhouse/kernel", "--cov=src/clearhouse/clearing"),
                # A file stays together, with what it set up; the long ones come before the units.
                *("-n", str(workers), "--dist", "loadscope", "--no-loadscope-reorder"),
            ),
        ),
        Step("coverage of the kernel", covered("kernel")),
        Step("coverage of the route", covered("clearing")),
    )


@click.command("check")
def command() -> None:
    """Run everything that must hold: style, types, import contracts, tests, coverage."""
    project = Path(os.environ["CLEARHOUSE_PROJECT"])
    failed = [step.name for step in steps(Path(sys.executable).parent) if not _holds(step, project)]
    if failed:
        click.echo(f"clearhouse: does not hold: {', '.join(failed)}", err=True)
        sys.exit(EXIT_NO)
    click.echo("clearhouse: everything holds")


def _holds(step: Step, project: Path) -> bool:
    click.echo(f"== {step.name}")
    begin = time.monotonic()
    done = subprocess.run(step.command, cwd=project, check=False)  # noqa: S603 - our own tools
    click.echo(f"   {time.monotonic() - begin:.0f} s")
    return done.returncode == 0
