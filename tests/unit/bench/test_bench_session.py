"""One guest for many commands: what stays between them, and what ends it."""

import shutil
import threading
import time

import pytest

from clearhouse.bench.sandbox.host import session as module
from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.bench.sandbox.host.record import MIB, Limits
from clearhouse.bench.sandbox.host.session import GuestError, SessionEndedError, open_session

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason=f"no sandbox here: {how_to_install()}"
)
QUICK = Limits(wall_s=60, memory_bytes=192 * MIB, pids=64, tmp_bytes=16 * MIB)


@pytest.fixture
def guest():
    session = open_session(QUICK)
    yield session
    session.end()


def sh(guest, script, **rest):
    return guest.execute(("sh", "-c", script), **rest)


def test_files_and_background_processes_stay_between_commands(guest):
    sh(guest, "mkdir there; echo kept > there/file; sleep 30 >/dev/null 2>&1 & echo $! > pid")
    assert guest.read("there/file", limit_bytes=100) == b"kept\n"
    assert sh(guest, "kill -0 $(cat pid)").code == 0


def test_the_session_is_looked_at_from_outside_like_every_run(guest):
    assert any("no interface but loopback" in one for one in guest.isolation)
    assert "system call filter on" in guest.isolation
    enforced = {one.name: one.enforced_by for one in guest.limits}
    assert enforced["wall clock"] == "host"


def test_a_command_has_its_own_input_environment_folder_and_exit_code(guest):
    done = sh(
        guest,
        'cat; echo "$WORD"; pwd; echo no >&2; exit 7',
        given=b"in\n",
        env=(("WORD", "w"),),
        cwd="/usr",
    )
    assert (done.code, done.stdout, done.stderr) == (7, b"in\nw\n/usr\n", b"no\n")
    assert sh(guest, "kill -TERM $$").code == 143


def test_a_command_over_its_time_is_killed_with_its_children(guest):
    done = sh(guest, "sleep 31 & sleep 32", timeout_s=0.3)
    assert done.timed_out
    assert sh(guest, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout.count(b"sleep 3") == 0


def test_output_beyond_the_limit_is_thrown_away_and_said(guest):
    done = sh(guest, "yes | head -c 100000", output_bytes=1000)
    assert (len(done.stdout), done.truncated) == (1000, True)


def test_a_command_that_leaves_its_output_open_does_not_hold_the_answer(guest):
    begin = time.monotonic()
    assert sh(guest, "sleep 40 & echo done").stdout == b"done\n"
    assert time.monotonic() - begin < 30


def test_files_that_cannot_be_used_say_why(guest):
    guest.write("file", b"12345")
    for path, name in (("nowhere", "ENOENT"), ("/usr", "EISDIR"), ("file", "EFBIG")):
        with pytest.raises(GuestError) as refused:
            guest.read(path, limit_bytes=4)
        assert refused.value.errno_name == name
        assert path in str(refused.value)
    with pytest.raises(GuestError) as refused:
        guest.write("/usr/file", b"")
    assert refused.value.errno_name in {"EROFS", "EACCES"}
    with pytest.raises(GuestError) as refused:
        guest.execute(("no-such-program",))
    assert refused.value.errno_name == "ENOENT"


def test_a_planted_link_shows_the_guests_files_and_never_the_hosts(guest, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("host")
    sh(guest, f"ln -s {secret} link")
    with pytest.raises(GuestError):
        guest.read("link", limit_bytes=100)


def test_commands_run_side_by_side(guest):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(sh(guest, "sleep 0.5").code))
        for _ in range(4)
    ]
    begin = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [0] * 4
    assert time.monotonic() - begin < 15


def test_what_runs_inside_cannot_look_into_the_server(guest):
    parent = sh(guest, "tr '\\0' ' ' </proc/$PPID/cmdline; ls /proc/$PPID/fd; : >/proc/$PPID/mem")
    assert b"serve.py" in parent.stdout
    assert parent.stderr.count(b"ermission denied") == 2


def test_a_guest_that_kills_everything_ends_its_own_session(guest):
    with pytest.raises(SessionEndedError):
        sh(guest, "kill -9 -1; sleep 5")
    with pytest.raises(SessionEndedError):
        sh(guest, "true")


def test_the_kill_switch_ends_a_running_command():
    guest = open_session(QUICK)
    threading.Timer(0.5, guest.end).start()
    begin = time.monotonic()
    with pytest.raises(SessionEndedError):
        sh(guest, "sleep 50")
    assert time.monotonic() - begin < 30
    with pytest.raises(SessionEndedError):
        guest.write("late", b"")


def test_the_wall_clock_of_the_session_is_the_last_word():
    guest = open_session(Limits(wall_s=1, memory_bytes=192 * MIB))
    with pytest.raises(SessionEndedError):
        sh(guest, "sleep 50")


@pytest.mark.parametrize("forged", [b"1\n", b"999999999 0\n", b"2 0\n[]", b"x y\n", b"5 0\n{}"])
def test_a_broken_message_ends_the_session(forged, tmp_path):
    file = tmp_path / "answer"
    file.write_bytes(forged)
    with file.open("rb") as pipe:
        assert module._answer(pipe) is None


def test_a_machine_that_cannot_start_a_session_says_so(monkeypatch):
    def broken(_job):
        raise module.SandboxUnavailableError("no room")

    monkeypatch.setattr(module, "make_group", broken)
    with pytest.raises(module.SandboxUnavailableError, match="no room"):
        open_session(QUICK)
