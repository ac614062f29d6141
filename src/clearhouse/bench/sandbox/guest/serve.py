"""Serve commands and files inside the sandbox, one working folder for all of them.

Started as `python serve.py` with the host's pipe as standard input and output. A message is a line
with two lengths, a JSON object, and bytes. Asked for: `exec`, `read`, `write`. Commands run side by
side; one that passes its time is killed with its whole session of processes. What runs here may be
hostile and has this program's account, so this program lets nobody look into it; it can still be
killed, and then the host ends the whole guest. The host believes nothing beyond what a command may
say about itself.
"""

# Runs without anything of ours, on whatever Python the machine has.
# ruff: noqa: PTH103, PTH107, PTH112, PTH118, PTH120, PTH123

import ctypes
import errno
import json
import os
import signal
import subprocess
import threading
from typing import IO, Any

Head = dict[str, Any]
"""The JSON part of a message."""
_PR_SET_DUMPABLE = 4
_LEFTOVER_S = 1.0
"""How long output is awaited from what an ended command has left running."""
_BLOCK = 1 << 16
_WORK = "/work"


class Output:
    """The kept part of one output stream."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        self.pipe, self.limit = pipe, limit
        self.kept = bytearray()
        self.truncated = False

    def drain(self) -> None:
        """Read to the end; keep no more than the limit."""
        while True:
            data = os.read(self.pipe.fileno(), _BLOCK)
            if not data:
                return
            room = self.limit - len(self.kept)
            self.kept += data[: max(0, room)]
            self.truncated = self.truncated or len(data) > room


class Server:
    """Answers one host."""

    def __init__(self) -> None:
        self.requests = os.fdopen(os.dup(0), "rb")
        self.answers = os.fdopen(os.dup(1), "wb")
        self.lock = threading.Lock()

    def serve(self) -> None:
        """Answer until the host hangs up."""
        while True:
            line = self.requests.readline(64)
            if not line:
                return
            head_size, body_size = (int(part) for part in line.split())
            head = json.loads(self.requests.read(head_size))
            body = self.requests.read(body_size)
            threading.Thread(target=self.answer, args=(head, body), daemon=True).start()

    def answer(self, head: Head, body: bytes) -> None:
        """Do what one message asks and send what came of it."""
        try:
            found, data = {"exec": execute, "read": read, "write": write}[head["do"]](head, body)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "EIO")
            found, data = {"error": name, "word": os.strerror(error.errno or errno.EIO)}, b""
        except (KeyError, TypeError, ValueError) as error:
            found, data = {"error": "EINVAL", "word": type(error).__name__}, b""
        text = json.dumps({**found, "id": head["id"]}).encode()
        with self.lock:
            self.answers.write(b"%d %d\n" % (len(text), len(data)) + text)
            self.answers.write(data)
            self.answers.flush()


def execute(head: Head, body: bytes) -> tuple[Head, bytes]:
    """Run one command to its end or to the end of its time."""
    cwd = os.path.join(_WORK, head.get("cwd") or "")
    process = subprocess.Popen(  # noqa: S603  # running commands is what this program is for
        head["argv"],
        cwd=cwd,
        env={**os.environ, **head["env"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    pipes = (process.stdout, process.stderr)
    outputs = [Output(pipe, head["output_bytes"]) for pipe in pipes if pipe is not None]
    readers = [threading.Thread(target=one.drain, daemon=True) for one in outputs]
    feeder = threading.Thread(target=feed, args=(process, body), daemon=True)
    for thread in (*readers, feeder):
        thread.start()
    timed_out = False
    try:
        code = process.wait(timeout=head["timeout_s"])
    except subprocess.TimeoutExpired:
        timed_out = True
        kill(process)
        code = process.wait()
    for thread in readers:
        thread.join(_LEFTOVER_S)
    out, err = (bytes(one.kept) for one in outputs)
    found = {
        "code": code if code >= 0 else 128 - code,
        "timed_out": timed_out,
        "truncated": any(one.truncated for one in outputs),
        "out": len(out),
    }
    return found, out + err


def feed(process: "subprocess.Popen[bytes]", body: bytes) -> None:
    """Write a command's input and close it."""
    try:
        process.stdin.write(body)  # type: ignore[union-attr]  # made with a pipe
        process.stdin.close()  # type: ignore[union-attr]
    except OSError:
        return


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a command and everything in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()


def read(head: Head, _body: bytes) -> tuple[Head, bytes]:
    """Read a file that is not larger than the host takes."""
    path = os.path.join(_WORK, head["path"])
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        data = file.read(head["limit_bytes"] + 1)
    if data is None or len(data) > head["limit_bytes"]:
        return {"error": "EFBIG", "word": "file too large"}, b""
    return {}, data


def write(head: Head, body: bytes) -> tuple[Head, bytes]:
    """Write a file, making its folders."""
    path = os.path.join(_WORK, head["path"])
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(body)
    return {}, b""


def main() -> None:
    """Close this program to others, then serve."""
    os.remove(__file__)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    server = Server()
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
    server.serve()


if __name__ == "__main__":
    main()
