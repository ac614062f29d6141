from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

import os

PLACES = (
    "/dev/mem",
    "/dev/kmem",
    "/dev/sda",
    "/dev/vda",
    "/dev/kvm",
    "/dev/fuse",
    "/dev/net/tun",
    "/proc/kcore",
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/1/mem",
    "/proc/1/environ",
    "/proc/self/oom_score_adj",
    "/sys/kernel/debug",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/power/state",
)
won = []
for place in PLACES:
    for mode in (os.O_WRONLY, os.O_RDONLY):
        if place in ("/proc/self/oom_score_adj", "/proc/1/mem", "/proc/1/environ"):
            continue
        try:
            handle = os.open(place, mode)
        except OSError:
            continue
        try:
            read = mode == os.O_WRONLY or os.read(handle, 1)
        except OSError:
            read = False
        os.close(handle)
        if read and not place.startswith("/proc/sys/"):
            won.append(place)
for number in (0x0100, 0x0800):
    try:
        os.mknod(f"/tmp/node{number}", 0o600 | 0o060000, number)
        won.append("mknod")
    except OSError:
        pass
print("VULN" if won else "SAFE", won)
