"""Packages from npm that tests need: installed once from a lock file with hashes, or the test skips."""

import hashlib
import shutil
import subprocess

import pytest

from conftest import PROJECT


def installed(name):
    """Return the folder of what `tests/NAME/package-lock.json` pins, with the files beside it."""
    source = PROJECT / "tests" / name
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js with npm: Debian and Ubuntu: apt-get install nodejs npm")
    files = sorted(path for path in source.iterdir() if path.is_file())
    lock = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    folder = PROJECT / ".clearhouse" / f"{name.replace('_', '-')}-{lock[:12]}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copy(path, folder)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm could not install tests/{name}: {done.stderr[-200:]}")
        (folder / "installed").touch()
    return folder
