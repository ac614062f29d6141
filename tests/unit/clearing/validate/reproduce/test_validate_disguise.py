import json
import subprocess
from pathlib import Path

import pytest

from clearhouse.clearing.validate.reproduce import disguise, packages
from clearhouse.clearing.validate.reproduce.disguise import rewrite_text
from clearhouse.clearing.validate.reproduce.packages import BuildError, Environment, PackageCache
from clearhouse.formats.purl import parse

TARGET = parse("pkg:pypi/some-name@1.2.3")


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ('__version__ = "1.2.4"', '__version__ = "1.2.3"'),
        ("VERSION = (1, 2, 4, 'final')", "VERSION = (1, 2, 3, 'final')"),
        ("[1,2,4]", "[1, 2, 3]"),
        ("v1.2.4!", "v1.2.4!"),
        ("11.2.4", "11.2.4"),
        ("1.2.40", "1.2.40"),
        ("1.2.4.1", "1.2.4.1"),
        ("f(11, 2, 4)", "f(11, 2, 4)"),
        ("ends with 1.2.4.", "ends with 1.2.3."),
    ],
)
def test_a_version_is_rewritten_where_it_stands_alone(text, changed):
    assert rewrite_text(text, "1.2.4", "1.2.3") == changed


def test_versions_that_are_not_numbers_are_rewritten_as_text_only():
    assert rewrite_text("1.0rc1 (1, 0)", "1.0rc1", "1.0") == "1.0 (1, 0)"


def environment(folder, kind="pypi"):
    package, info = folder / "some_name", folder / "some_name-1.2.4.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("__version__ = '1.2.4'\n")
    (package / "fast.so").write_bytes(b"\x7fELF\0" + b"1.2.4\0rest")
    (package / "data.bin").write_bytes(b"\xff1.2.4")
    (info / "METADATA").write_text("Name: some-name\nVersion: 1.2.4\n")
    (folder / "other-1.2.4.dist-info").mkdir()
    own = sorted(
        path.relative_to(folder).as_posix() for place in (package, info) for path in place.iterdir()
    )
    return Environment(
        folder=folder,
        kind=kind,
        versions=(("some-name", "1.2.4"),),
        own_files=tuple(own),
        sha256="a",
    )


def test_the_fixed_side_presents_itself_as_the_vulnerable_one(tmp_path):
    cache = PackageCache(tmp_path / "cache")
    real = environment(tmp_path / "real")
    shown = disguise.look_alike(cache, TARGET, real, real="1.2.4", shown="1.2.3")
    assert (shown.folder / "some_name/__init__.py").read_text() == "__version__ = '1.2.3'\n"
    assert b"1.2.3\0rest" in (shown.folder / "some_name/fast.so").read_bytes()
    assert (shown.folder / "some_name/data.bin").read_bytes() == b"\xff1.2.4"
    assert "1.2.3" in (shown.folder / "some_name-1.2.3.dist-info/METADATA").read_text()
    assert (shown.folder / "other-1.2.4.dist-info").is_dir()
    assert "some_name-1.2.3.dist-info/METADATA" in shown.own_files
    assert list(shown.folder.rglob("*.pyc"))
    times = {path.stat().st_mtime for path in shown.folder.rglob("*")}
    assert times == {0}


def test_a_disguise_is_made_once(tmp_path, monkeypatch):
    cache = PackageCache(tmp_path / "cache")
    real = environment(tmp_path / "real")
    first = disguise.look_alike(cache, TARGET, real, real="1.2.4", shown="1.2.3")
    monkeypatch.setattr(disguise, "_rewrite", None)
    assert disguise.look_alike(cache, TARGET, real, real="1.2.4", shown="1.2.3") == first


# packages, with tools that answer like pip and npm


class Tool:
    """Answers in the place of pip and npm."""

    registry = "https://x/npm"

    def __init__(self, fill, fail=()):
        self.fill, self.fail, self.asked = fill, list(fail), []

    def __call__(self, argv, cwd=None):
        self.asked.append(argv)
        if "get" in argv:
            return subprocess.CompletedProcess(argv, 0, f"{self.registry}\n", "")
        if "config" in argv or "compileall" in argv:
            return subprocess.CompletedProcess(argv, 0, "global.index-url='https://x/simple'\n", "")
        if self.fail:
            return subprocess.CompletedProcess(argv, 1, "", self.fail.pop(0))
        option = "--target" if "--target" in argv else "--prefix"
        self.fill(argv[argv.index(option) + 1])
        return subprocess.CompletedProcess(argv, 0, "", "")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch):
    """Let every test say what pip knows of registries; there is no uv unless a test brings it."""
    monkeypatch.setattr(packages, "_UV", "no-such-program")
    monkeypatch.setattr(packages, "out_of_reach", lambda address: "nowhere" in address)
    for remembered in (packages._pip_settings, packages._npm_registry):
        remembered.cache_clear()
    yield
    for remembered in (packages._pip_settings, packages._npm_registry):
        remembered.cache_clear()


def wheel(place):
    folder = Path(place)
    (folder / "some_name").mkdir()
    (folder / "some_name/__init__.py").write_text("x = 1\n")
    (folder / "bin").mkdir()
    info = folder / "some_name-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: Some.Name\nVersion: 1.2.3\n")
    (info / "RECORD").write_text("some_name/__init__.py,sha256=x,1\nbin/tool,,\n")
    (folder / "link").symlink_to("/etc/passwd")


def module(place):
    modules = Path(place) / "node_modules"
    inner = modules / "@scope" / "name" / "node_modules" / "dep"
    inner.mkdir(parents=True)
    (modules / "@scope/name/package.json").write_text(
        json.dumps({"name": "@scope/name", "version": "1.0.0"})
    )
    (modules / "@scope/name/index.js").write_text("")
    (inner / "package.json").write_text("not json")
    (modules / ".bin").mkdir()
    (modules / ".package-lock.json").write_text("{}")


def test_a_python_environment_keeps_only_what_belongs_to_it(tmp_path, monkeypatch):
    tool = Tool(wheel)
    monkeypatch.setattr(packages, "_tool", tool)
    cache = PackageCache(tmp_path)
    found = cache.environment(TARGET, "1.2.3", [parse("pkg:pypi/six"), parse("pkg:pypi/a@1")])
    assert found.own_files == ("some_name/__init__.py",)
    assert found.versions == (("Some.Name", "1.2.3"),)
    assert not (found.folder / "link").exists()
    assert not (found.folder / "bin").exists()
    assert not list(found.folder.rglob("RECORD"))
    assert tool.asked[-1][-3:] == ["some-name==1.2.3", "six", "a==1"]
    count = len(tool.asked)
    assert (
        cache.environment(TARGET, "1.2.3", [parse("pkg:pypi/six"), parse("pkg:pypi/a@1")]) == found
    )
    assert len(tool.asked) == count


def test_pinned_companions_that_do_not_fit_give_way(tmp_path, monkeypatch):
    tool = Tool(wheel, fail=["ERROR: ResolutionImpossible"])
    monkeypatch.setattr(packages, "_tool", tool)
    PackageCache(tmp_path).environment(TARGET, "1.2.3", pinned=[("six", "1.0")])
    first, second = (argv for argv in tool.asked if "install" in argv)
    assert "--constraint" in first
    assert "--constraint" not in second


def test_a_package_without_a_wheel_is_built_in_the_sandbox(tmp_path, monkeypatch):
    tool = Tool(wheel, fail=["ERROR: No matching distribution found for some-name"])
    built = []
    monkeypatch.setattr(packages, "_tool", tool)
    monkeypatch.setattr(
        packages, "_build_wheel", lambda target, version, wheels: built.append(version)
    )
    PackageCache(tmp_path).environment(TARGET, "1.2.3")
    assert built == ["1.2.3"]
    assert "--find-links" in tool.asked[-1]


class Uv(Tool):
    """Answers for uv with `words`, or does its work when there are none."""

    def __init__(self, words=None):
        super().__init__(wheel)
        self.words, self.tools = words, []

    def __call__(self, argv, cwd=None):
        tool = Path(argv[0]).name
        if "install" in argv:
            self.tools.append("uv" if tool == "python3" else "pip")
            if tool == "python3" and self.words is not None:
                return subprocess.CompletedProcess(argv, 1, "", self.words)
        return super().__call__(argv, cwd)


@pytest.mark.parametrize(
    ("words", "tools", "built"),
    [
        (None, ["uv"], []),
        ("error: tcp connect error", ["uv", "pip"], []),
        ("because x==1 has no usable wheels", ["uv", "uv", "pip"], ["1.2.3"]),
    ],
)
def test_the_fast_installer_is_asked_first_and_pip_for_what_it_does_not_get(
    tmp_path, monkeypatch, words, tools, built
):
    tool, wheels = Uv(words), []
    monkeypatch.setattr(packages, "_UV", "python3")  # a program beside this interpreter
    monkeypatch.setattr(packages, "_tool", tool)

    def build(target, version, place):
        wheels.append(version)
        tool.words = "error: what was built is for pip alone"

    monkeypatch.setattr(packages, "_build_wheel", build)
    found = PackageCache(tmp_path).environment(TARGET, "1.2.3")
    assert found.own_files == ("some_name/__init__.py",)
    assert (tool.tools, wheels) == (tools, built)


@pytest.mark.parametrize("words", ["ERROR: some fault\nnote: be kind", ""])
def test_a_registry_that_refuses_is_a_build_error_in_its_own_words(tmp_path, monkeypatch, words):
    monkeypatch.setattr(packages, "_tool", Tool(wheel, fail=[words] * 4))
    with pytest.raises(BuildError, match="some fault" if words else "no message"):
        PackageCache(tmp_path).environment(TARGET, "1.2.3")
    assert not list(tmp_path.glob("building-*"))


def test_the_fast_installer_is_told_of_the_registries_that_pip_knows(tmp_path, monkeypatch):
    tool = Uv()
    monkeypatch.setattr(packages, "_UV", "python3")
    monkeypatch.setattr(packages, "_tool", tool)
    PackageCache(tmp_path).environment(TARGET, "1.2.3")
    (asked,) = (argv for argv in tool.asked if "install" in argv)
    assert asked[asked.index("--index-url") + 1] == "https://x/simple"
    assert "--no-build" in asked


def test_the_fast_installer_is_left_out_where_pip_may_ask_no_index(tmp_path, monkeypatch):
    tool = Uv()
    monkeypatch.setattr(packages, "_UV", "python3")
    monkeypatch.setattr(packages, "_tool", tool)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    PackageCache(tmp_path).environment(TARGET, "1.2.3")
    assert tool.tools == ["pip"]


def test_a_registry_out_of_reach_is_said_before_any_tool_waits_for_it(tmp_path, monkeypatch):
    tool = Tool(wheel)
    tool.registry = "https://nowhere/npm"
    monkeypatch.setattr(packages, "_tool", tool)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:word@nowhere/simple")
    for target in (TARGET, parse("pkg:npm/x@1.0.0")):
        with pytest.raises(BuildError, match="cannot reach the package registry nowhere"):
            PackageCache(tmp_path).environment(target, "1.0.0")
    assert not [argv for argv in tool.asked if "install" in argv]


def test_a_registry_in_a_folder_of_this_machine_needs_no_reach(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_tool", Tool(wheel))
    monkeypatch.setenv("PIP_INDEX_URL", "https://nowhere/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert PackageCache(tmp_path / "cache").environment(TARGET, "1.2.3").own_files


def test_a_package_that_holds_nothing_is_a_build_error(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_tool", Tool(lambda place: None))
    with pytest.raises(BuildError, match="no files"):
        PackageCache(tmp_path).environment(TARGET, "1.2.3")


def test_a_kind_of_package_that_nobody_can_install_is_a_build_error(tmp_path):
    with pytest.raises(BuildError, match="cargo"):
        PackageCache(tmp_path).environment(parse("pkg:cargo/x@1.0.0"), "1.0.0")


def test_a_node_environment_stands_flat_and_knows_its_own_files(tmp_path, monkeypatch):
    tool = Tool(module)
    monkeypatch.setattr(packages, "_tool", tool)
    target = parse("pkg:npm/%40scope/name@1.0.0")
    found = PackageCache(tmp_path).environment(target, "1.0.0", [parse("pkg:npm/x@2.0.0")])
    assert found.own_files == ("@scope/name/index.js", "@scope/name/package.json")
    assert found.versions == (("@scope/name", "1.0.0"),)
    assert "--ignore-scripts" in tool.asked[-1]
    assert tool.asked[-1][-2:] == ["@scope/name@1.0.0", "x@2.0.0"]
    assert not (found.folder / ".bin").exists()


def test_npm_that_refuses_is_a_build_error(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_tool", Tool(module, fail=["npm error code E404"]))
    with pytest.raises(BuildError, match="E404"):
        PackageCache(tmp_path).environment(parse("pkg:npm/x@1.0.0"), "1.0.0")


def test_a_tool_that_takes_too_long_is_a_build_error(monkeypatch):
    monkeypatch.setattr(packages, "_INSTALL_S", 0.05)
    with pytest.raises(BuildError, match="longer than"):
        packages._tool(["sleep", "5"])


def test_what_this_machine_says_about_registries_is_passed_on(monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "_tool", Tool(wheel))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("CLEARHOUSE_TOKEN", "never")
    found = dict(packages._registry_env())
    assert found["PIP_INDEX_URL"] == "https://x/simple"
    assert "CLEARHOUSE_TOKEN" not in found
    assert [mount.source for mount in packages._registry_mounts()] == [tmp_path]


def test_a_build_that_gives_no_wheel_is_a_build_error(monkeypatch, tmp_path):
    from clearhouse.bench.sandbox.host.record import Collected, Ended, Observation, Stage

    def seen(collected):
        return Observation(
            ended=Ended.EXITED,
            exit_code=1,
            stdout=b"",
            stderr=b"error: no compiler",
            truncated=False,
            wall_s=1,
            cpu_s=1,
            peak_memory_bytes=1,
            collected=collected,
            limits=(),
            isolation=(),
        )

    jobs = []
    monkeypatch.setattr(packages, "run", lambda job: jobs.append(job) or seen(()))
    with pytest.raises(BuildError, match="no compiler"):
        packages._build_wheel(TARGET, "1.2.3", tmp_path / "wheels")
    assert jobs[0].stage is Stage.BUILD
    one = (Collected(path="/out/some_name-1.2.3-py3-none-any.whl", data=b"PK"),)
    monkeypatch.setattr(packages, "run", lambda job: seen(one))
    packages._build_wheel(TARGET, "1.2.3", tmp_path / "wheels")
    assert (tmp_path / "wheels/some_name-1.2.3-py3-none-any.whl").read_bytes() == b"PK"


def test_a_cache_that_cannot_be_written_is_a_build_error(tmp_path, monkeypatch):
    def full(place):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packages, "_tool", Tool(full))
    with pytest.raises(BuildError, match="No space"):
        PackageCache(tmp_path).environment(TARGET, "1.2.3")
