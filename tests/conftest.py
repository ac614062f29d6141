"""What every test may ask for."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder beside the project that holds official test data and benchmarks."""
    folder = Path(os.environ.get("CLEARHOUSE_SHARED", PROJECT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared test data at {folder}; set CLEARHOUSE_SHARED")
    return folder


@pytest.fixture(scope="session")
def suites(shared: Path) -> Path:
    """Return the folder of the field's official test suites."""
    return shared / "suites"


@pytest.fixture(scope="session")
def examples() -> Path:
    """Return the project's own example input."""
    return PROJECT / "examples"
