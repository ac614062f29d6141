"""Build the system call filter: a deny list in classic BPF, for bubblewrap's `--seccomp`.

What a program under test never needs and what kernels have been broken through: other name
spaces, mounts, keys, tracing, modules, performance counters, user-fault handling and io_uring. A
denied call gives EPERM; `clone3` gives ENOSYS so that libraries fall back to `clone`, whose flags
can be read. A call made under another architecture's numbers kills the process.

Source: Linux `seccomp(2)`, `linux/filter.h`, and the system call tables of x86-64 and arm64.
"""

import errno
import platform
import struct

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_FIRST_ARGUMENT, _OFFSET_SECOND_ARGUMENT = 0, 4, 16, 24
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X32_BIT = 0x40000000
_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_TERMINAL_INJECTIONS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX push input into somebody's terminal."""

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_CLONE = (56, 220)
_CLONE3 = 435
_IOCTL = (16, 29)
_PTRACE = (101, 117)
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}


def build_filter(*, allow_ptrace: bool = False, machine: str | None = None) -> bytes | None:
    """Return the filter program, or None for an architecture whose numbers are not known here."""
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        return None
    column = _COLUMN[machine]
    denied = [numbers[column] for numbers in _DENIED.values()]
    if not allow_ptrace:
        denied.append(_PTRACE[column])
    code = [
        _statement(_LOAD, _OFFSET_ARCHITECTURE),
        _jump(_JUMP_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _statement(_RETURN, _KILL),
        _statement(_LOAD, _OFFSET_NUMBER),
        _jump(_JUMP_GREATER, _X32_BIT, 0, 1),
        _statement(_RETURN, _KILL),
    ]
    for number in denied:
        if number is not None:
            code += [_jump(_JUMP_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    code += [_jump(_JUMP_EQUAL, _CLONE3, 0, 1), _refuse(errno.ENOSYS)]
    code += _refuse_argument_bits(_CLONE[column])
    code += _refuse_terminal_injection(_IOCTL[column])
    code.append(_statement(_RETURN, _ALLOW))
    return b"".join(code)


def _refuse_argument_bits(number: int) -> list[bytes]:
    """Refuse `clone` when its flags ask for a new name space."""
    return [
        _jump(_JUMP_EQUAL, number, 0, 4),
        _statement(_LOAD, _OFFSET_FIRST_ARGUMENT),
        _jump(_JUMP_SET, _NEW_NAMESPACES, 0, 1),
        _refuse(errno.EPERM),
        _statement(_LOAD, _OFFSET_NUMBER),
    ]


def _refuse_terminal_injection(number: int) -> list[bytes]:
    """Refuse the two `ioctl` requests that type into a terminal."""
    first, second = _TERMINAL_INJECTIONS
    return [
        _jump(_JUMP_EQUAL, number, 0, 5),
        _statement(_LOAD, _OFFSET_SECOND_ARGUMENT),
        _jump(_JUMP_EQUAL, first, 1, 0),
        _jump(_JUMP_EQUAL, second, 0, 1),
        _refuse(errno.EPERM),
        _statement(_LOAD, _OFFSET_NUMBER),
    ]


def _statement(code: int, operand: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, operand)


def _jump(code: int, operand: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _refuse(error: int) -> bytes:
    return _statement(_RETURN, _ERRNO | error)
