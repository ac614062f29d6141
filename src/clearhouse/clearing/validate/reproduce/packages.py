"""Build environments from package registries, once each, into a cache.

A key over the exact request names a folder; a finished folder never changes. Wheels and npm
packages are installed without running any of their code. A package without a wheel is built in the
sandbox's build stage, which sees the network and nothing else. What the proof later runs on is a
read-only view of the folder.

Every failure is a `BuildError`: the registry or the build, never the claim.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.record import MIB, Ended, Job, Limits, Mount, Stage
from clearhouse.bench.sandbox.host.run import run
from clearhouse.clearing.validate.reproduce.reach import out_of_reach
from clearhouse.formats.purl import Purl

_LAYOUT = "3"
"""Raise when the content of environments changes, so that old ones are not used."""
_INSTALL_S = 300
_BUILD = Limits(
    wall_s=300, cpu_s=280, memory_bytes=2048 * MIB, tmp_bytes=512 * MIB, collected_bytes=64 * MIB
)
_PASSED_ON = re.compile(
    r"PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|PROXY|CERT|CLIENT_CERT)$"
    r"|(?:NPM_CONFIG|npm_config)_|.*_proxy$|.*_PROXY$|.*SSL_CERT.*|.*CA_.*"
)
"""What says how a registry is reached, and nothing that names other files of this machine."""


_PYPI = "https://pypi.org/simple"
_UV = "uv"
_NO_WHEELS = "no usable wheels"
"""What uv says of a version that was published as source alone."""

Builder = Callable[[Path], dict[str, object]]
"""Fills an empty folder and says what is in it."""


class BuildError(RuntimeError):
    """The environment could not be made; says what the tool said last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Installed packages, ready to be shown to a guest."""

    folder: Path
    kind: str
    """`pypi` or `npm`."""
    versions: tuple[tuple[str, str], ...]
    """Name and version of everything installed, sorted."""
    own_files: tuple[str, ...]
    """The target's own files, relative to the folder."""
    sha256: str
    """Over names and content of all files."""


class PackageCache:
    """Environments below one folder, which the sandbox's account can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()  # tools are started in folders of their own
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)

    def environment(
        self,
        target: Purl,
        version: str,
        requires: Sequence[Purl] = (),
        pinned: Sequence[tuple[str, str]] = (),
    ) -> Environment:
        """Return the target in this version with its companions, built if need be.

        `pinned` holds versions of the companions to prefer, so that two sides differ in the
        target alone; when they do not fit, the registry's own choice is taken.
        Raises: BuildError; SandboxUnavailableError.
        """
        install = {"pypi": _install_python, "npm": _install_node}.get(target.type)
        if install is None:
            raise BuildError(f"packages of type {target.type} cannot be installed yet")
        request = {
            "layout": _LAYOUT,
            "target": target.identity,
            "version": version,
            "requires": sorted(str(one) for one in requires),
            "pinned": sorted(pinned),
            "interpreter": (runtime.python() if target.type == "pypi" else runtime.node()).version,
        }
        key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        place = self.folder / key
        if not (place / "about.json").is_file():
            self._build(place, lambda content: install(content, target, version, requires, pinned))
        return _read(place)

    def derived(self, name: str, build: Builder) -> Environment:
        """Return an environment made from others by `build`, which fills an empty folder.

        A guest can see in its mount table where it lies on the host. The cache's own secret keeps
        a proof from knowing beforehand how the folders will be called.
        """
        place = (
            self.folder / hashlib.sha256(f"{_LAYOUT} {self._salt()} {name}".encode()).hexdigest()
        )
        if not (place / "about.json").is_file():
            self._build(place, build)
        return _read(place)

    def _salt(self) -> str:
        place = self.folder / "salt"
        if not place.exists():
            with tempfile.NamedTemporaryFile("w", dir=self.folder, encoding="ascii") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                with contextlib.suppress(FileExistsError):  # somebody else was first
                    os.link(file.name, place)
        return place.read_text(encoding="ascii")

    def _build(self, place: Path, fill: Builder) -> None:
        scratch = Path(tempfile.mkdtemp(prefix="building-", dir=self.folder))
        try:
            scratch.chmod(0o755)
            content = scratch / "content"
            content.mkdir()
            about = fill(content)
            _open_up(content)
            (scratch / "about.json").write_text(json.dumps(about | {"sha256": _digest(content)}))
            scratch.replace(place)
        except OSError as error:
            if not (place / "about.json").is_file():  # nobody else finished it meanwhile
                raise BuildError(f"the cache could not be written: {error.strerror}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _install_python(
    content: Path,
    target: Purl,
    version: str,
    requires: Sequence[Purl],
    pinned: Sequence[tuple[str, str]],
) -> dict[str, object]:
    """Install wheels; build the target's wheel first where the registry has none."""
    settings = dict(_registry_env())
    if "PIP_PROXY" not in settings and not _registry_mounts():
        _assert_in_reach(settings.get("PIP_INDEX_URL", _PYPI))
    wanted = [f"{target.name}=={version}", *map(_requirement, requires)]
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={one}\n" for name, one in pinned))
        attempts = [
            ["--constraint", str(constraints)],
            [],
            ["--find-links", str(Path(scratch) / "wheels")],
        ]
        for number, extra in enumerate(attempts if pinned else attempts[1:], start=1):
            if extra[:1] == ["--find-links"]:
                _build_wheel(target, version, Path(extra[1]))
            done = _wheels(content, [*extra, *wanted])
            if done.returncode == 0:
                break
            last = number == (3 if pinned else 2)
            if last or not _lacks_wheel(done.stderr):
                if extra[:1] == ["--constraint"]:
                    continue
                raise BuildError(_last_words("pip", done.stderr))
    return _finish_python(content, target)


def _assert_in_reach(registry: str) -> None:
    """Refuse at once what tools would wait minutes for.

    Raises: BuildError.
    """
    if out_of_reach(registry):
        host = urllib.parse.urlsplit(registry).netloc.rpartition("@")[2]
        raise BuildError(f"this machine cannot reach the package registry {host}")


@cache
def _npm_registry() -> str:
    return _tool(["npm", "config", "get", "registry"]).stdout.strip()


def _wheels(content: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Install wheels into a folder that stays empty when that fails.

    `uv` is ten times as fast; what it does not get is asked for again with pip, which may know of a
    local registry.
    """
    for tool in (_uv, _pip):
        done = tool(content, arguments)
        if done is not None and done.returncode == 0:
            return done
        shutil.rmtree(content)
        content.mkdir()
        if done is not None and _NO_WHEELS in done.stderr:
            return done
    assert done is not None  # noqa: S101  # pip always answers
    return done


def _uv(content: Path, arguments: list[str]) -> subprocess.CompletedProcess[str] | None:
    """Run uv on the registries that pip was told of; None where it is not installed."""
    program = Path(sys.executable).with_name(_UV)
    if not program.is_file():
        return None
    settings = dict(_registry_env())
    if "PIP_NO_INDEX" in settings:
        return None
    remote = [
        word
        for name, option in (("PIP_INDEX_URL", "--index-url"), ("PIP_EXTRA_INDEX_URL", "--index"))
        for url in settings.get(name, "").split()
        if url.startswith(("https://", "http://"))
        for word in (option, url)
    ]
    done = _tool(
        [
            *(str(program), "pip", "install", "--quiet", "--no-config", "--no-python-downloads"),
            *("--system-certs", "--no-build", "--link-mode", "copy", *remote),
            *("--cache-dir", str(content.parents[1] / "downloads")),
            *("--python", str(runtime.python().program), "--target", str(content), *arguments),
        ]
    )
    (content / ".lock").unlink(missing_ok=True)
    return done


def _pip(content: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    interpreter = runtime.python()
    same = interpreter.version.split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    chosen = [] if same else ["--python", str(interpreter.program)]
    return _tool(
        [
            *(sys.executable, "-m", "pip", *chosen, "--no-input", "install", "--quiet"),
            *("--target", str(content), "--no-compile", "--only-binary", ":all:", *arguments),
        ]
    )


def _tool(argv: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a package tool that executes no package code.

    Raises: BuildError when it takes too long.
    """
    try:
        return subprocess.run(  # noqa: S603  # fixed tool; names and versions come from parsed purls
            argv, check=False, capture_output=True, text=True, timeout=_INSTALL_S, cwd=cwd
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{Path(argv[0]).name} took longer than {_INSTALL_S} s") from error


def _lacks_wheel(words: str) -> bool:
    return any(
        one in words for one in (_NO_WHEELS, "No matching distribution", "Could not find a version")
    )


def _build_wheel(target: Purl, version: str, wheels: Path) -> None:
    """Build a source distribution in the sandbox's build stage and keep the wheel.

    Raises: BuildError.
    """
    import pip  # noqa: PLC0415  # only the build needs to know where pip stands

    interpreter = runtime.python()
    script = ("-m", "pip", "wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", "/out")
    job = Job(
        argv=(str(interpreter.program), *script, f"{target.name}=={version}"),
        mounts=(
            *_prefix_mounts(interpreter),
            Mount(source=Path(pip.__file__).parent, target="/pip/pip"),
            *_registry_mounts(),
        ),
        env=(("PYTHONPATH", "/pip"), *_registry_env()),
        limits=_BUILD,
        collect=("/out",),
        stage=Stage.BUILD,
    )
    seen = run(job)
    built = [one for one in seen.collected if one.path.endswith(".whl")]
    if seen.ended is not Ended.EXITED or not built:
        words = (seen.stdout + seen.stderr).decode("utf-8", "replace")
        raise BuildError(_last_words(f"building the wheel ({seen.ended})", words))
    wheels.mkdir()
    for one in built:
        (wheels / Path(one.path).name).write_bytes(one.data)


def _prefix_mounts(interpreter: runtime.Interpreter) -> tuple[Mount, ...]:
    if interpreter.prefix is None:
        return ()
    return (Mount(source=interpreter.prefix, target=str(interpreter.prefix)),)


def _registry_env() -> tuple[tuple[str, str], ...]:
    """Pass on how this machine reaches its registries."""
    found = {key: value for key, value in os.environ.items() if _PASSED_ON.match(key)}
    for line in _pip_settings():
        name, _, value = line.partition("=")
        key = f"PIP_{name.rpartition('.')[2].upper().replace('-', '_')}"
        if _PASSED_ON.match(key):
            found.setdefault(key, value.strip("'"))
    return tuple(sorted(found.items()))


def _registry_mounts() -> tuple[Mount, ...]:
    """Show the local folders that serve as registries, if there are any."""
    words = " ".join(value for _, value in _registry_env()).split()
    paths = {Path(word.removeprefix("file://")) for word in words}
    folders = {path for path in paths if path.is_absolute() and path.is_dir()}
    return tuple(
        Mount(source=path, target=str(path))
        for path in sorted(folders)
        if not path.is_relative_to("/etc") and not path.is_relative_to("/usr")
    )


@cache
def _pip_settings() -> tuple[str, ...]:
    done = _tool([sys.executable, "-m", "pip", "config", "list"])
    known = ("global.", "user.", "site.", "install.", "wheel.")
    return tuple(line for line in done.stdout.splitlines() if line.startswith(known))


def _finish_python(content: Path, target: Purl) -> dict[str, object]:
    """Note versions and the target's own files, and remove what tells two installs apart."""
    versions, own = [], []
    for info in sorted(content.glob("*.dist-info")):
        metadata = (info / "METADATA").read_text(encoding="utf-8", errors="replace")
        name, version = _field(metadata, "Name"), _field(metadata, "Version")
        versions.append((name, version))
        record = info / "RECORD"
        if _normal(name) == _normal(target.name):
            own = [line.rsplit(",", 2)[0].strip('"') for line in record.read_text().splitlines()]
        for file in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            (info / file).unlink(missing_ok=True)
    shutil.rmtree(content / "bin", ignore_errors=True)
    kept = sorted(one for one in own if (content / one).is_file())
    if not kept:
        raise BuildError("the registry's package holds no files of its own")
    return {"kind": "pypi", "versions": versions, "own_files": kept}


def compile_python(content: Path) -> None:
    """Compile a finished environment once, bound to its content and its place in the guest."""
    _tool(
        [
            # Alone: variables may ask for byte code to be kept elsewhere.
            *(str(runtime.python().program), "-I", "-m", "compileall", "-q", "-j", "1"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(content), "-p", GUEST_PYTHON),
            str(content),
        ]
    )


GUEST_PYTHON = "/target"
GUEST_NODE = "/work/node_modules"


def _install_node(
    content: Path,
    target: Purl,
    version: str,
    requires: Sequence[Purl],
    _pinned: Sequence[tuple[str, str]],
) -> dict[str, object]:
    """Install npm packages without running their scripts."""
    _assert_in_reach(_npm_registry())
    name = "/".join(part for part in (target.namespace, target.name) if part)
    wanted = [f"{name}@{version}", *map(_node_requirement, requires)]
    (content / "package.json").write_text('{"private": true}')
    done = _tool(
        [
            *("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"),
            *("--loglevel=error", "--no-update-notifier", "--prefix", str(content), *wanted),
        ],
        cwd=content,
    )
    if done.returncode != 0:
        raise BuildError(_last_words("npm", done.stderr))
    modules = content / "node_modules"
    shutil.rmtree(modules / ".bin", ignore_errors=True)
    for name_of in ("package.json", "package-lock.json", "node_modules/.package-lock.json"):
        (content / name_of).unlink(missing_ok=True)
    for entry in sorted(modules.iterdir()):
        entry.rename(content / entry.name)
    modules.rmdir()
    own = sorted(
        path.relative_to(content).as_posix()
        for path in (content / name).rglob("*")
        if path.is_file() and "node_modules" not in path.relative_to(content / name).parts
    )
    return {"kind": "npm", "versions": list(_node_versions(content)), "own_files": own}


def _node_versions(content: Path) -> Iterator[tuple[str, str]]:
    for manifest in sorted(content.rglob("package.json")):
        try:
            about = json.loads(manifest.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        if isinstance(about, dict) and {"name", "version"} <= about.keys():
            yield str(about["name"]), str(about["version"])


def _requirement(purl: Purl) -> str:
    return purl.name if purl.version is None else f"{purl.name}=={purl.version}"


def _node_requirement(purl: Purl) -> str:
    name = "/".join(part for part in (purl.namespace, purl.name) if part)
    return name if purl.version is None else f"{name}@{purl.version}"


def _field(metadata: str, name: str) -> str:
    found = re.search(rf"^{name}: (.+)$", metadata, re.MULTILINE)
    return found[1].strip() if found else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _last_words(tool: str, words: str) -> str:
    noise = ("note:", "hint:", "[notice]", "[end of output]")
    lines = [
        line.strip()
        for line in words.splitlines()
        if line.strip() and not line.strip().lower().startswith(noise)
    ]
    errors = [line for line in lines if "error" in line.lower()] or lines
    return f"{tool}: {' / '.join(errors[-3:])[:400] or 'no message'}"


def _open_up(content: Path) -> None:
    """Let the sandbox's account read everything, and make times say nothing."""
    for path in (content, *content.rglob("*")):
        if path.is_symlink():
            path.unlink()
            continue
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (0, 0))


def _digest(content: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(content.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            data = path.read_bytes()
            digest.update(f"{path.relative_to(content)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _read(place: Path) -> Environment:
    about = json.loads((place / "about.json").read_text())
    return Environment(
        folder=place / "content",
        kind=about["kind"],
        versions=tuple((name, version) for name, version in about["versions"]),
        own_files=tuple(about["own_files"]),
        sha256=about["sha256"],
    )
