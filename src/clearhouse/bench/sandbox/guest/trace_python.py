"""Run a Python proof and note which of the target's functions it makes run.

Started inside the sandbox as `python trace_python.py TARGET OUT SCRIPT ARGUMENTS...`. Notes are
written to OUT as JSON: functions called (file, first line, name, calls, and whether any call came
from outside an import), native functions called, files of the target opened as data by the proof.
The proof runs in the same process and could forge the notes; the host treats them as a claim that
must agree with the runs that were not traced.
"""

# Starts before the proof in the proof's own process, so it loads little: no pathlib.
# ruff: noqa: PTH100, PTH105, PTH120, PTH123

import atexit
import json
import os
import sys
import threading
from types import CodeType, FrameType, ModuleType

_IMPORTING = "<frozen importlib._bootstrap>"
_CALLS_LOOKED_AT = 64
"""Calls of one function after which the search for one from outside an import ends."""


class Notes:
    """What was seen of the target so far."""

    def __init__(self, target: str, out: str, home: str) -> None:
        self.target, self.out, self.home = target, out, home
        self.calls: dict[CodeType, list[int]] = {}
        self.native: set[tuple[str, str]] = set()
        self.opened: set[str] = set()

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        """Count calls into the target; called by the interpreter."""
        if event == "call":
            code = frame.f_code
            if code.co_filename.startswith(self.target):
                seen = self.calls.setdefault(code, [0, 0])
                seen[0] += 1
                if not seen[1] and seen[0] <= _CALLS_LOOKED_AT and code.co_name != "<module>":
                    seen[1] = _outside_import(frame)
        elif event == "c_call":
            module = getattr(argument, "__module__", None)
            if module is None:
                module = type(getattr(argument, "__self__", None)).__module__
            origin = getattr(sys.modules.get(module), "__file__", None) or ""
            if origin.startswith(self.target) and _outside_import(frame):
                self.native.add((origin, getattr(argument, "__qualname__", "?")))

    def audit(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note files of the target that the proof itself opens; called by the interpreter."""
        if event != "open" or not isinstance(arguments[0], str):
            return
        path = os.path.abspath(arguments[0])
        if not path.startswith(self.target) or path in self.opened:
            return
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the only way to one's callers
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(("<frozen importlib", self.target)):
                return
            if name.startswith(self.home):
                self.opened.add(path)
                return
            frame = frame.f_back

    def write(self) -> None:
        """Write everything seen so far, replacing earlier notes."""
        sys.setprofile(None)
        cut = len(self.target)
        notes = {
            "functions": [
                {
                    "file": code.co_filename[cut:],
                    "line": code.co_firstlineno,
                    "name": code.co_name,
                    "calls": seen[0],
                    "driven": bool(seen[1]),
                }
                for code, seen in list(self.calls.items())
            ],
            "native": [
                {"file": origin[cut:], "name": name} for origin, name in sorted(self.native)
            ],
            "opened": [path[cut:] for path in sorted(self.opened)],
        }
        scratch = f"{self.out}.part"
        with open(scratch, "w", encoding="utf-8") as file:
            json.dump(notes, file)
        os.replace(scratch, self.out)

    def keep_writing(self) -> None:
        """Write every second, for proofs that never end by themselves."""
        while not threading.Event().wait(1.0):
            self.write()


def _outside_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return False
        frame = frame.f_back
    return True


def main() -> None:
    """Trace one proof."""
    target, out, script = sys.argv[1:4]
    notes = Notes(target, out, os.path.dirname(os.path.abspath(script)))
    threading.Thread(target=notes.keep_writing, daemon=True).start()
    atexit.register(notes.write)
    leave = os._exit

    def write_and_leave(status: int) -> None:
        notes.write()
        leave(status)

    os._exit = write_and_leave  # type: ignore[assignment]  # it does not return either
    sys.argv = sys.argv[3:]
    module = ModuleType("__main__")
    module.__file__ = script
    sys.modules["__main__"] = module
    with open(script, "rb") as file:
        code = compile(file.read(), script, "exec")
    sys.addaudithook(notes.audit)
    threading.setprofile(notes.profile)
    sys.setprofile(notes.profile)
    exec(code, module.__dict__)  # noqa: S102  # running the proof is what this program is for


main()
