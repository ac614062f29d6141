"""Run git on a repository of a stranger, so that nothing of the repository takes effect.

Git reads objects through a folder of ours that borrows the stranger's object store: its settings,
hooks, filters, attributes, replacements and submodules are never looked at, and nothing is checked
out. Git runs as an account without rights, without the network (fetching excepted), with limits on
time, output, memory and file size.
"""

import os
import re
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from clearhouse.clearing.validate.reproduce.packages import BuildError

_NOBODY = 65534
_READ_CHUNK = 1 << 20
_MAX_MEMORY = 4 << 30
_MAX_REFS = 100_000
_MAX_REF_FILE = 64 << 20
_OBJECT = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"refs/(?:heads|tags|remotes)/[\w./+@%,=-]+")


class RepositoryError(BuildError):
    """The repository cannot be read or fetched; says why. Never the fault of the claim."""


def program() -> str:
    """Return where git stands.

    Raises: RepositoryError when it is not installed.
    """
    found = shutil.which("git")
    if found is None:
        raise RepositoryError("git is not installed; install git to look into repositories")
    return found


def run(
    folder: Path,
    arguments: Sequence[str],
    *,
    stdin: bytes = b"",
    limit_bytes: int = 64 << 20,
    timeout_s: float = 60,
    settings: Sequence[str] = (),
    write_bytes: int = 1 << 20,
) -> bytes:
    """Return what git prints.

    Raises: RepositoryError when git fails, takes too long or prints too much.
    """
    argv = [
        *_limited(timeout_s, write_bytes),
        *(program(), f"--git-dir={folder}", "--no-replace-objects", "--no-pager"),
        *("-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never", "-c", "gc.auto=0"),
        *("-c", "core.fsmonitor=false", "-c", "maintenance.auto=false", *settings),
        *arguments,
    ]
    with tempfile.TemporaryFile() as words, tempfile.TemporaryFile() as errors:
        words.write(stdin)
        words.seek(0)
        with subprocess.Popen(  # noqa: S603  # fixed program; names are checked or after `--`
            argv, stdin=words, stdout=subprocess.PIPE, stderr=errors, cwd="/", env=_environment(),
            start_new_session=True, user=account(), group=account(),
            extra_groups=[] if account() is not None else None,
        ) as child:  # fmt: skip
            try:
                printed = _read(child, limit_bytes, time.monotonic() + timeout_s)
            except RepositoryError:
                child.kill()
                raise
        if child.returncode != 0:
            errors.seek(0)
            last = errors.read(4096).decode("utf-8", "replace").strip().splitlines()[-1:]
            raise RepositoryError(
                f"git {arguments[0]} failed{': ' + last[0][:200] if last else ''}"
            )
    return printed


def borrow(source: Path, folder: Path) -> Path:
    """Make a folder of ours that shows the objects and refs of a repository, and return it.

    Raises: RepositoryError when `source` is no repository that is read.
    """
    store = _git_folder(source)
    if (store / "objects" / "info" / "alternates").exists():
        raise RepositoryError("the repository borrows objects from another one; copy it whole")
    if (store / "shallow").exists():
        raise RepositoryError("the repository is shallow; fetch its whole history")
    lines = "".join(f"{commit} {name}\n" for name, commit in sorted(_refs(store).items()))
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("objects/info", "refs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
    (folder / "HEAD").write_text(f"{_head(store)}\n")
    (folder / "objects" / "info" / "alternates").write_text(f"{(store / 'objects').resolve()}\n")
    (folder / "packed-refs").write_text(f"# pack-refs with: sorted\n{lines}")
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)
    return folder


def prepare(folder: Path) -> None:
    """Make an empty repository of ours that git's own account may fill."""
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
    if not (folder / "HEAD").is_file():
        (folder / "HEAD").write_text("ref: refs/heads/main\n")


def fetch(folder: Path, address: str, *, timeout_s: float, write_bytes: int) -> None:
    """Fetch all branches and tags of an HTTPS address; every object is checked on arrival.

    Raises: RepositoryError.
    """
    settings = ("-c", "protocol.https.allow=always", "-c", "http.followRedirects=false",
                "-c", "transfer.fsckObjects=true", "-c", "fetch.unpackLimit=1",
                "-c", "submodule.recurse=false")  # fmt: skip
    _give(folder, account())
    try:
        default = run(
            folder, ["ls-remote", "--symref", address, "HEAD"], timeout_s=timeout_s,
            settings=settings,
        ).decode("utf-8", "replace")  # fmt: skip
        run(
            folder,
            ["fetch", "--quiet", "--force", "--prune", "--no-recurse-submodules", "--no-tags",
             address, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
            timeout_s=timeout_s, settings=settings, write_bytes=write_bytes,
        )  # fmt: skip
    finally:
        _give(folder, None)
    named = re.match(r"ref: (refs/heads/\S+)\tHEAD", default)
    if named is not None and _sound(named[1]):
        (folder / "HEAD").write_text(f"ref: {named[1]}\n")


def _give(folder: Path, account: int | None) -> None:
    """Let an account write to a folder; None takes it back."""
    if os.geteuid() == 0:
        for place in (folder, *folder.rglob("*")):
            os.chown(place, account or 0, account or 0, follow_symlinks=False)


def account() -> int | None:
    """Return the account that git runs as, or None for this process's own."""
    return _NOBODY if os.geteuid() == 0 else None


def _git_folder(source: Path) -> Path:
    for place in (source, source / ".git"):
        if (place / "objects").is_dir() and (place / "HEAD").is_file():
            return place
    raise RepositoryError("there is no git repository at the configured place")


def _head(store: Path) -> str:
    """Return what HEAD holds, if it is what git writes there.

    Raises: RepositoryError.
    """
    text = _small(store / "HEAD").strip()
    if _OBJECT.fullmatch(text) or _REF.fullmatch(text.removeprefix("ref: ")):
        return text
    raise RepositoryError("the repository's HEAD is not readable")


def _refs(store: Path) -> dict[str, str]:
    """Read branches and tags, packed and loose, from files; links are not followed."""
    found: dict[str, str] = {}
    for line in _small(store / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if _OBJECT.fullmatch(commit) and _sound(name):
            found[name] = commit
    for folder, _, files in os.walk(store / "refs"):
        for file in files:
            place = Path(folder) / file
            name = place.relative_to(store).as_posix()
            text = "" if place.is_symlink() else _small(place).strip()
            if _OBJECT.fullmatch(text) and _sound(name):
                found[name] = text
        if len(found) > _MAX_REFS:
            raise RepositoryError(f"the repository has more than {_MAX_REFS} refs")
    return found


def _sound(name: str) -> bool:
    return bool(_REF.fullmatch(name)) and ".." not in name and not name.endswith((".lock", "/"))


def _small(place: Path) -> str:
    if place.is_symlink() or not place.is_file() or place.stat().st_size > _MAX_REF_FILE:
        return ""
    return place.read_bytes().decode("utf-8", "replace")


def _read(child: subprocess.Popen[bytes], limit: int, until: float) -> bytes:
    """Collect what git prints, up to a number of bytes and an instant.

    Raises: RepositoryError.
    """
    printed = bytearray()
    if child.stdout is None:
        return b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not waiting.select(left):
                raise RepositoryError("git took too long")
            chunk = os.read(child.stdout.fileno(), _READ_CHUNK)
            if not chunk:
                break
            printed += chunk
            if len(printed) > limit:
                raise RepositoryError(f"git printed more than {limit} bytes")
    try:
        child.wait(max(1, until - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise RepositoryError("git took too long") from error
    return bytes(printed)


def _limited(timeout_s: float, write_bytes: int) -> list[str]:
    """Set limits through a program that only does that, where there is one."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    cpu = f"--cpu={int(timeout_s) + 1}"
    return [prlimit, cpu, f"--as={_MAX_MEMORY}", f"--fsize={write_bytes}", "--core=0", "--"]


def _environment() -> dict[str, str]:
    """Give git nothing of ours but where programs and certificates stand."""
    passed = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in passed if name in os.environ} | {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ASKPASS": "/bin/false",
    }
