"""Small repositories of a test's own, in folders that git's own account can reach."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def open_folder() -> Iterator[Path]:
    """Give a folder that every account can reach.

    Not below pytest's own folder: pytest shuts that to others whenever another run begins.
    """
    with tempfile.TemporaryDirectory(prefix="clearhouse-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def run(folder, *arguments):
    """Run git as an author without settings, and return what it prints."""
    env = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, env=env
    )
    return done.stdout.strip()


def commit(folder, files, *, remove=(), tag=None):
    """Write files, commit them, and return the commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in remove:
        (folder / name).unlink()
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", "change")
    if tag:
        run(folder, "tag", tag)
    return run(folder, "rev-parse", "HEAD")


def begin(folder):
    """Make an empty repository."""
    folder.mkdir(parents=True, exist_ok=True)
    run(folder, "init", "-q", "-b", "main")
    return folder
