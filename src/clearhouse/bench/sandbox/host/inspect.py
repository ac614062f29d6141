"""Look at a waiting guest from outside and refuse to let it run unless it is isolated.

The guest has passed its last `exec` before the untrusted program, so what the kernel says about it
now is what the program will have. Nothing the guest says is used.
"""

from collections.abc import Iterator
from pathlib import Path

from clearhouse.bench.sandbox.host.record import IsolationError

_NAMESPACES = ("net", "pid", "mnt", "user", "ipc", "uts")
_MEMORY_BACKED = {"tmpfs", "devpts", "proc", "mqueue"}


def assert_isolated(pid: int, *, filtered: bool, network: bool = False) -> tuple[str, ...]:
    """Return what was asserted about the process; `network` is for the build stage alone.

    Raises: IsolationError naming everything that is not as it must be.
    """
    proc = Path("/proc") / str(pid)
    try:
        faults = [
            *_namespace_faults(proc, skip={"net"} if network else set()),
            *(() if network else _network_faults(proc)),
            *_privilege_faults(proc, filtered=filtered),
            *_mount_faults(proc),
        ]
    except OSError as error:
        raise IsolationError("the guest ended before it could be looked at") from error
    if faults:
        raise IsolationError("not isolated: " + "; ".join(faults))
    return (
        "build stage: reaches the network"
        if network
        else "own network name space with no interface but loopback and no route out",
        "own process, mount, user, ipc and host name spaces",
        "no capabilities, no new privileges, not root",
        "system call filter on" if filtered else "no system call filter on this architecture",
        "nothing writable but memory-backed folders",
    )


def _namespace_faults(proc: Path, *, skip: set[str]) -> Iterator[str]:
    own = Path("/proc/self/ns")
    for name in _NAMESPACES:
        if name not in skip and (proc / "ns" / name).readlink() == (own / name).readlink():
            yield f"shares the {name} name space"


def _network_faults(proc: Path) -> Iterator[str]:
    """Be the egress canary: no interface leads out, and no route would use one."""
    devices = [
        line.split(":")[0].strip()
        for line in (proc / "net/dev").read_text(encoding="ascii").splitlines()[2:]
    ]
    if devices != ["lo"]:
        yield "has network interfaces beyond its own loopback"
    routes = (proc / "net/route").read_text(encoding="ascii").splitlines()[1:]
    if routes:
        yield "has a route out"


def _privilege_faults(proc: Path, *, filtered: bool) -> Iterator[str]:
    status = dict(
        line.split(":\t", 1)
        for line in (proc / "status").read_text(encoding="utf-8", errors="replace").splitlines()
        if ":\t" in line
    )
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(status[name], 16) != 0:
            yield f"has capabilities ({name})"
    if status["NoNewPrivs"] != "1":
        yield "may gain privileges"
    if "0" in status["Uid"].split():
        yield "runs as root"
    if filtered and status["Seccomp"] != "2":
        yield "has no system call filter"


def _mount_faults(proc: Path) -> Iterator[str]:
    for line in (proc / "mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        place, options = before.split()[4:6]
        kind = after.split()[0]
        if "ro" in options.split(","):
            continue
        if kind not in _MEMORY_BACKED and not place.startswith("/dev/"):
            yield f"can write to {place}"
        elif place == "/":
            yield "can write to its root"
