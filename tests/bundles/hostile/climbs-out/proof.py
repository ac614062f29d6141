from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

import ctypes
import os
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
won = []


def attempt(name, result):
    if result >= 0:
        won.append(name)


for flag, name in (
    (0x10000000, "user"),
    (0x00020000, "mount"),
    (0x40000000, "network"),
    (0x20000000, "pid"),
):
    attempt(f"unshare {name}", libc.unshare(flag))
attempt("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
attempt("remount", libc.mount(b"none", b"/", None, 0x20 | 0x1000, None))
attempt("chroot", libc.chroot(b"/tmp"))
attempt("ptrace", libc.ptrace(16, os.getppid(), 0, 0))
attempt("setuid", libc.setuid(0))
attempt("setgid", libc.setgid(0))
attempt("io_uring", libc.syscall(425, 8, ctypes.create_string_buffer(256)))
attempt("bpf", libc.syscall(321, 0, ctypes.create_string_buffer(128), 128))
attempt("keys", libc.syscall(250, 0, 0, 0, 0, 0))
attempt("read memory", libc.syscall(310, os.getppid(), 0, 0, 0, 0, 0))
for place in ("/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/proc/sysrq-trigger"):
    try:
        open(place, "wb").close()
        won.append(place)
    except OSError:
        pass
try:
    os.mknod("/tmp/disk", 0o060666, os.makedev(254, 0))
    won.append("device")
except OSError:
    pass
for program in Path("/usr/bin").iterdir():
    if (
        program.stat(follow_symlinks=False).st_mode & 0o4000
        and os.spawnv(os.P_WAIT, "/usr/bin/env", ["env", str(program), "-c", "exit 77"]) == 77
    ):
        won.append(program.name)
if won:
    print("VULN", won)
