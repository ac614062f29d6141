"""The launcher brings what the sandbox needs where it may, and says so where it may not.

The real launcher runs against a folder of programs in which `apt-get` is a stand-in that notes what
it is asked for, and `python` one that ends at once: installing for real is for fresh machines.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
NEEDED = ("sh", "dirname", "awk", "cat", "cmp", "grep", "mkdir", "rm", "timeout", "tr", "touch",
          "chmod")  # fmt: skip
INSTALLS = """#!/bin/sh
echo "$@" >> "{folder}/asked"
case "$*" in *bubblewrap*) touch "{folder}/bwrap" && chmod +x "{folder}/bwrap" ;; esac
"""
FAILS = """#!/bin/sh
echo "$@" >> "{folder}/asked"
echo "E: nothing is reachable"
exit 100
"""


@pytest.fixture
def machine(tmp_path):
    """A machine that is set up but has no sandbox; returns the folder of its programs."""
    programs, env = tmp_path / "programs", tmp_path / "home" / "env"
    programs.mkdir()
    (env / "bin").mkdir(parents=True)
    made_from = [(PROJECT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    for packages in ("core", "agents"):
        (env / f"installed-{packages}").write_bytes(b"".join(made_from))
    _program(env / "bin" / "python", "#!/bin/sh\n")
    for name in NEEDED:
        (programs / name).symlink_to(str(shutil.which(name)))
    _program(programs / "uname", "#!/bin/sh\necho Linux\n")
    _program(programs / "id", "#!/bin/sh\necho 0\n")
    return programs


def _program(path, text):
    path.write_text(text.format(folder=path.parent))
    path.chmod(0o755)


def _run(machine, *arguments, **environment):
    return subprocess.run(
        [PROJECT / "clearhouse", *arguments],
        env={"PATH": str(machine), "CLEARHOUSE_HOME": str(machine.parent / "home"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _launch(machine, *arguments, **environment):
    done = _run(machine, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stderr


def _asked(machine):
    noted = machine / "asked"
    return noted.read_text().splitlines() if noted.exists() else []


def test_root_on_debian_gets_bubblewrap_once_and_is_told(machine):
    _program(machine / "apt-get", INSTALLS)
    assert "installing bubblewrap through apt-get (once)" in _launch(machine, "up")
    assert len(_asked(machine)) == 1
    assert _asked(machine)[0].endswith("install bubblewrap")
    assert "bubblewrap" not in _launch(machine, "up")
    assert len(_asked(machine)) == 1


def test_a_failed_installation_is_not_tried_again_and_stops_nothing(machine):
    _program(machine / "apt-get", FAILS)
    for _ in range(2):
        assert "not attempted: install bubblewrap" in _launch(machine, "reproduce")
    assert [line.split()[-1] for line in _asked(machine)] == ["bubblewrap", "update"]
    assert "nothing is reachable" in (machine.parent / "home" / "apt.log").read_text()


def test_others_than_root_are_told_the_command_and_nothing_is_installed(machine):
    _program(machine / "apt-get", INSTALLS)
    _program(machine / "id", "#!/bin/sh\necho 1000\n")
    assert "apt-get install bubblewrap" in _launch(machine, "up")
    assert not _asked(machine)


def test_a_mac_is_told_that_proofs_are_not_attempted_there(machine):
    _program(machine / "apt-get", INSTALLS)
    _program(machine / "uname", "#!/bin/sh\necho Darwin\n")
    assert "not attempted on Darwin" in _launch(machine, "up")
    assert not _asked(machine)


def test_commands_that_run_no_proof_look_for_no_sandbox(machine):
    _program(machine / "apt-get", INSTALLS)
    assert "bubblewrap" not in _launch(machine, "submit")
    assert not _asked(machine)


def test_measuring_validation_also_brings_a_compiler(machine):
    _program(machine / "apt-get", INSTALLS)
    _launch(machine, "bench")
    assert {"bubblewrap", "gcc", "libc6-dev", "patch"} <= set(_asked(machine)[0].split())


def test_where_no_byte_code_may_stand_beside_sources_it_is_kept_with_the_installation(machine):
    shows = (
        '#!/bin/sh\necho "${{PYTHONDONTWRITEBYTECODE-unset}} ${{PYTHONPYCACHEPREFIX-unset}}" >&2\n'
    )
    _program(machine.parent / "home" / "env" / "bin" / "python", shows)
    kept = machine.parent / "home" / "bytecode"
    assert _launch(machine, "submit") == "unset unset\n"
    assert _launch(machine, "submit", PYTHONDONTWRITEBYTECODE="1") == f"unset {kept}\n"
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/elsewhere"}
    assert _launch(machine, "submit", **own) == "unset /elsewhere\n"


@pytest.mark.parametrize("browser", [None, "chromium", "google-chrome"])
def test_check_brings_the_steering_of_a_browser_where_there_is_one(machine, browser):
    """The installer notes what it is asked for; the packages of every other set are there."""
    env = machine.parent / "home" / "env"
    stamp = (env / "installed-core").read_bytes()
    for packages in ("check", "gateway", "defense", "advisories"):
        (env / f"installed-{packages}").write_bytes(stamp)
    _program(env / "bin" / "uv", f'#!/bin/sh\necho "$@" >> "{machine}/asked"\n')
    _program(env / "bin" / "python", f'#!/bin/sh\necho "{machine}"\n')
    if browser is not None:
        _program(machine / browser, "#!/bin/sh\n")
    said = _launch(machine, "check")
    assert ("installing browser packages" in said) == (browser is not None)
    assert any("--extra browser" in line for line in _asked(machine)) == (browser is not None)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no distribution's Python")
def test_the_distributions_python_is_taken_unless_another_is_named(machine):
    usable = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run(["/usr/bin/python3", "-c", usable], check=False).returncode:
        pytest.skip("the distribution has no Python 3.11 with venv")
    _program(machine / "python3", "#!/bin/sh\nexit 1\n")
    named = Path(sys.executable).resolve()
    assert _made_from(machine) == "/usr/bin"
    assert _made_from(machine, CLEARHOUSE_PYTHON=str(named)) == str(named.parent)


def _made_from(machine, **environment):
    """Let an environment be made, up to fetching the installer; return where its Python stands."""
    env = machine.parent / "home" / "env"
    shutil.rmtree(env)
    (machine / "awk").unlink()
    _program(machine / "awk", "#!/bin/sh\nexit 9\n")
    done = _run(machine, "submit", **environment)
    assert done.returncode == 9, done.stderr
    made = dict(line.split(" = ") for line in (env / "pyvenv.cfg").read_text().splitlines())
    return made["home"]
