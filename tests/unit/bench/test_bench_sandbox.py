"""Hostile programs in the real sandbox: each ends in a correct observation, the host unharmed."""

import contextlib
import os
import secrets
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host import machine as machine_module
from clearhouse.bench.sandbox.host.cgroups import probe
from clearhouse.bench.sandbox.host.machine import how_to_install, machine
from clearhouse.bench.sandbox.host.record import (
    MIB,
    Ended,
    Job,
    Limits,
    Mount,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.run import run

needs_sandbox = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason=f"no sandbox here: {how_to_install()}"
)
PYTHON = "/usr/bin/python3"
QUICK = Limits(wall_s=15, cpu_s=10, memory_bytes=192 * MIB, pids=64, tmp_bytes=16 * MIB)


def python(code, *, limits=QUICK, **rest):
    return run(Job(argv=(PYTHON, "-c", code), limits=limits, **rest))


def said(seen):
    return seen.stdout.decode()


@needs_sandbox
def test_a_harmless_program_runs_and_is_observed():
    seen = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (seen.ended, seen.exit_code) == (Ended.EXITED, 3)
    assert (seen.stdout, seen.stderr) == (b"out\n", b"err\n")
    assert seen.wall_s > 0
    assert any("no interface but loopback" in one for one in seen.isolation)


@needs_sandbox
def test_every_limit_says_what_enforced_it():
    seen = python("pass")
    enforced = {one.name: one.enforced_by for one in seen.limits}
    assert enforced["wall clock"] == "host"
    assert enforced["file size"] == "resource limit"
    if probe().version is not None:
        assert "cgroup" in enforced["memory"]


@needs_sandbox
def test_the_guest_runs_without_root_and_without_capabilities():
    seen = python(
        "import os;print(os.getuid(), os.geteuid());"
        "print([l for l in open('/proc/self/status') if l.startswith('CapEff')])"
    )
    uid = said(seen).split()[0]
    assert uid != "0"
    assert "0000000000000000" in said(seen)
    if os.geteuid() == 0:
        assert machine().worker_uid != 0


@needs_sandbox
def test_the_guest_reaches_its_own_loopback_and_nothing_else():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    code = f"""
import socket
own = socket.create_server(('127.0.0.1', 0))
socket.create_connection(own.getsockname(), 2)
print('own loopback works')
for place in (('127.0.0.1', {port}), ('1.1.1.1', 80), ('169.254.169.254', 80)):
    try:
        socket.create_connection(place, 2); print('REACHED', place)
    except OSError as error:
        print('refused', error.errno)
"""
    seen = python(code)
    listener.close()
    assert "own loopback works" in said(seen)
    assert "REACHED" not in said(seen)
    assert said(seen).count("refused") == 3


@needs_sandbox
@pytest.mark.parametrize(
    "path", ["/x", "/usr/x", "/etc/x", "/dev/x", "/proc/sys/kernel/hostname", "/sys/x", "/bin/sh"]
)
def test_nothing_of_the_system_can_be_written(path):
    seen = python(f"open({path!r}, 'w').write('x')")
    assert seen.exit_code == 1
    assert b"Error" in seen.stderr


@needs_sandbox
def test_the_hosts_files_are_not_there():
    seen = python(
        "import os\n"
        "for p in ('/root', '/home', '/etc/shadow', '/etc/passwd', '/var', '/opt', '/srv'):\n"
        "    print(p, os.path.exists(p))"
    )
    assert "True" not in said(seen)


@needs_sandbox
def test_the_hosts_environment_is_not_there(monkeypatch):
    monkeypatch.setenv("CLEARHOUSE_SECRET", "not for guests")
    assert "SECRET" not in said(python("import os; print(dict(os.environ))"))


@needs_sandbox
@pytest.mark.parametrize(
    "code",
    [
        "import os,ctypes; c=ctypes.CDLL(None,use_errno=True); print(c.unshare(0x10000000))",
        "import ctypes; c=ctypes.CDLL(None); print(c.mount(b'none',b'/tmp',b'tmpfs',0,None))",
        "import ctypes; c=ctypes.CDLL(None); print(c.umount2(b'/tmp',2))",
        "import ctypes; c=ctypes.CDLL(None); print(c.ptrace(16,1,0,0))",
        "import ctypes; c=ctypes.CDLL(None); print(c.setns(3,0))",
        "import ctypes; c=ctypes.CDLL(None); print(c.chroot(b'/tmp'))",
        "import ctypes; c=ctypes.CDLL(None); print(c.syscall(425,8,None))",
        "import ctypes; c=ctypes.CDLL(None); print(c.syscall(321,0,None,0))",
        "import ctypes; c=ctypes.CDLL(None); print(c.syscall(56,0x10000000|17,0,0,0,0))",
        "import ctypes; c=ctypes.CDLL(None); print(c.setuid(0))",
        "import ctypes; c=ctypes.CDLL(None); print(c.mknod(b'/tmp/d',0o60666,0x800))",
    ],
)
def test_system_calls_that_open_ways_out_are_refused(code):
    seen = python(code)
    assert (seen.ended, said(seen).strip()) == (Ended.EXITED, "-1")


@needs_sandbox
def test_setuid_programs_give_nothing():
    seen = run(Job(argv=("/bin/sh", "-c", "su -c id root || echo no"), limits=QUICK))
    assert "uid=0" not in said(seen)


@needs_sandbox
def test_other_processes_of_the_host_are_not_seen():
    seen = python("import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]))")
    assert int(said(seen)) <= 4


@needs_sandbox
def test_a_fork_bomb_ends_and_leaves_no_orphan():
    mark = secrets.token_hex(8)
    code = (
        f"import os,time # {mark}\n"
        "made=0\n"
        "for _ in range(5000):\n"
        "    try:\n"
        "        if os.fork()==0:\n"
        "            time.sleep(600); os._exit(0)\n"
        "        made+=1\n"
        "    except OSError: break\n"
        "print(made, flush=True); time.sleep(600)"
    )
    seen = python(code, limits=Limits(wall_s=3, pids=64, memory_bytes=512 * MIB))
    assert seen.ended is Ended.WALL_LIMIT
    assert int(said(seen)) < 64
    assert not _processes_with(mark)


@needs_sandbox
def test_a_daemon_that_left_its_parent_dies_with_the_guest():
    mark = secrets.token_hex(8)
    code = (
        f"import os,time # {mark}\n"
        "if os.fork()==0:\n"
        "    os.setsid()\n"
        "    if os.fork()==0: time.sleep(600)\n"
        "    os._exit(0)\n"
        "print('left')"
    )
    assert "left" in said(python(code))
    assert not _processes_with(mark)


@needs_sandbox
def test_a_killed_guest_leaves_no_dead_process_behind():
    seen = python("import time; time.sleep(600)", limits=Limits(wall_s=0.5))
    assert seen.ended is Ended.WALL_LIMIT
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in children]
    assert "bwrap" not in names


def _processes_with(mark):
    """Those whose command line has this mark, which a process keeps when it forks."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found += [entry.name] * (mark.encode() in (entry / "cmdline").read_bytes())
    return found


@needs_sandbox
def test_memory_beyond_the_limit_is_told_from_a_kill():
    if "memory" not in probe().folders:
        pytest.skip("no memory control group here")
    seen = python("x = bytearray(400 << 20); x[::4096] = b'x' * len(x[::4096])")
    assert seen.ended is Ended.OUT_OF_MEMORY


@needs_sandbox
def test_a_full_disk_stops_at_the_size_of_the_writable_place():
    code = (
        "n=0\n"
        "try:\n"
        "    for i in range(10**6):\n"
        "        open(f'/tmp/{i}','wb').write(b'x'*(1<<20)); n+=1\n"
        "except OSError as e: print(n, e.errno)"
    )
    count, error = said(python(code)).split()
    assert int(count) <= 16
    assert error == "28"


@needs_sandbox
def test_a_gigabyte_of_output_is_cut_and_does_not_stay_in_memory():
    seen = python(
        "import sys\nfor _ in range(256): sys.stdout.write('x' * (1 << 22))",
        limits=Limits(wall_s=60, output_bytes=1000),
    )
    assert (len(seen.stdout), seen.truncated, seen.ended) == (1000, True, Ended.EXITED)


@needs_sandbox
def test_a_program_that_never_ends_meets_the_wall_clock():
    started = time.monotonic()
    seen = python("import time; time.sleep(600)", limits=Limits(wall_s=1))
    assert seen.ended is Ended.WALL_LIMIT
    assert seen.exit_code is None
    assert time.monotonic() - started < 10


@needs_sandbox
def test_a_busy_loop_meets_the_processor_limit():
    seen = python("while True: pass", limits=Limits(wall_s=30, cpu_s=1))
    assert seen.ended is Ended.CPU_LIMIT


@needs_sandbox
@pytest.mark.skipif("cpuacct" not in probe().folders, reason="nothing measures processor time")
def test_a_late_run_goes_on_while_it_computes_and_not_while_it_waits():
    late = Limits(wall_s=0.5, late_s=30)
    code = "import time\nwhile time.process_time() < 2: pass\nprint('done', flush=True)"
    busy = python(code, limits=late)
    assert (busy.ended, said(busy)) == (Ended.EXITED, "done\n")
    idle = python("import time; time.sleep(600)", limits=late)
    assert idle.ended is Ended.WALL_LIMIT
    assert idle.wall_s < 15


@needs_sandbox
def test_a_crash_is_a_signal():
    seen = python("import os; os.abort()")
    assert (seen.ended, seen.exit_code) == (Ended.SIGNALLED, 128 + 6)


@needs_sandbox
def test_collected_files_are_read_and_links_are_not_followed(tmp_path):
    code = (
        "import os\n"
        "open('/out/real','w').write('data')\n"
        "os.symlink('/etc/ld.so.cache','/out/link')\n"
        "os.mkdir('/out/deep'); open('/out/deep/inner','w').write('inner')\n"
        "os.symlink('/usr','/out/folder'); os.mkfifo('/out/pipe')"
    )
    seen = python(code, collect=("/out", "/out/folder/bin/sh", "/nowhere"))
    found = {one.path: one.data for one in seen.collected}
    assert found["/out/real"] == b"data"
    assert found["/out/deep/inner"] == b"inner"
    assert not any("link" in path or "pipe" in path or "folder" in path for path in found)


@needs_sandbox
def test_collecting_stops_at_its_limit():
    limits = Limits(collected_bytes=1000)
    seen = python("open('/out/a','wb').write(b'x'*5000)", collect=("/out",), limits=limits)
    assert sum(len(one.data) for one in seen.collected) <= 1000


@needs_sandbox
def test_files_race_against_links_while_being_collected():
    code = (
        "import os\n"
        "if os.fork()==0:\n"
        "    while True:\n"
        "        try:\n"
        "            open('/out/x','w').write('own'); os.unlink('/out/x')\n"
        "            os.symlink('/etc/ld.so.cache','/out/x'); os.unlink('/out/x')\n"
        "        except OSError: pass\n"
    )
    for _ in range(5):
        seen = python(code, collect=("/out",))
        assert all(b"ld.so" not in one.data for one in seen.collected)


@needs_sandbox
def test_a_guest_that_talks_to_the_gate_cannot_keep_the_host_waiting():
    code = (
        "import os,glob\n"
        "for fd in glob.glob('/proc/*/fd/0'):\n"
        "    try: os.read(os.open(fd, os.O_RDONLY|os.O_NONBLOCK), 100)\n"
        "    except OSError: pass\n"
        "import time; time.sleep(60)"
    )
    started = time.monotonic()
    python(code, collect=("/out",), limits=Limits(wall_s=2))
    assert time.monotonic() - started < 30


@needs_sandbox
def test_files_of_a_job_are_laid_out_writable_below_work():
    seen = run(
        Job(
            argv=(PYTHON, "a/b.py"),
            files=(("a/b.py", b"open('a/c','w').write('x'); print('ran')"),),
            limits=QUICK,
        )
    )
    assert said(seen) == "ran\n"


@needs_sandbox
@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_a_file_name_that_leaves_its_place_is_refused(name):
    with pytest.raises(ValueError, match="below /work"):
        run(Job(argv=("/bin/true",), files=((name, b"x"),)))


@needs_sandbox
def test_a_mount_is_read_only(tmp_path):
    shown = Path("/usr/share") if os.geteuid() == 0 else tmp_path
    seen = python("open('/shown/x','w')", mounts=(Mount(source=shown, target="/shown"),))
    assert b"Read-only file system" in seen.stderr


@needs_sandbox
def test_a_folder_the_guest_cannot_read_is_no_verdict(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root has folders that its worker cannot read")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "inner").mkdir()
    with pytest.raises(SandboxUnavailableError, match="cannot read"):
        run(Job(argv=("/bin/true",), mounts=(Mount(source=closed / "inner", target="/x"),)))


@needs_sandbox
def test_a_program_that_is_not_there_is_an_exit_code_of_the_shell():
    assert run(Job(argv=("/no/such",), limits=QUICK)).exit_code == 127


@needs_sandbox
def test_runs_side_by_side_do_not_disturb_each_other():
    results = []

    def one(number):
        results.append(said(python(f"print({number})")).strip() == str(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


def test_without_bubblewrap_nothing_runs_and_the_answer_says_what_to_install(monkeypatch):
    monkeypatch.setattr(machine_module.shutil, "which", lambda name: None)
    machine.cache_clear()
    try:
        with pytest.raises(SandboxUnavailableError, match="not attempted: install bubblewrap"):
            run(Job(argv=("/bin/true",)))
    finally:
        machine.cache_clear()
