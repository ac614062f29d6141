"""Our sandbox as Inspect knows sandboxes: one guest per sample, under the name `clearhouse`.

Commands and files go to a `Session`; no network, limited memory, processes, space and time, and
everything dies with the sample. What Inspect's contract asks and this sandbox cannot give is
refused by name: another user inside.
Source: Inspect `SandboxEnvironment` (0.3.285).
"""

from functools import partial
from typing import Any

import anyio
from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxEnvironment,
    SandboxEnvironmentLimits,
    SandboxUserUnsupportedError,
    sandboxenv,
)
from inspect_ai.util._sandbox.environment import SandboxUnavailableError

from clearhouse.bench.sandbox.host.record import MIB, Limits
from clearhouse.bench.sandbox.host.record import SandboxUnavailableError as OursUnavailableError
from clearhouse.bench.sandbox.host.session import GuestError, Session, open_session

LIMITS = Limits(
    wall_s=900, memory_bytes=512 * MIB, pids=128, tmp_bytes=128 * MIB, file_bytes=128 * MIB
)
"""Of one sample's guest, whatever the model does."""
_AT_ONCE = 16
_NOT_FOUND = 127
_ERRORS: dict[str, type[OSError]] = {
    "ENOENT": FileNotFoundError,
    "ENOTDIR": FileNotFoundError,
    "EISDIR": IsADirectoryError,
    "EACCES": PermissionError,
    "EPERM": PermissionError,
    "EROFS": PermissionError,
}


@sandboxenv(name="clearhouse")
class ClearhouseSandbox(SandboxEnvironment):
    """One sample's guest."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)

    @classmethod
    async def sample_init(
        cls, task_name: str, config: Any, metadata: dict[str, str]
    ) -> dict[str, SandboxEnvironment]:
        """Start the sample's guest."""
        del task_name, config, metadata
        session = await anyio.to_thread.run_sync(open_session, LIMITS)
        return {"default": cls(session)}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: Any,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        """End the sample's guest, whatever happened to the sample."""
        del task_name, config, interrupted
        for one in environments.values():
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(one.as_type(cls).session.end)

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,  # noqa: A002  # Inspect's name
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,  # noqa: ASYNC109  # Inspect's name
        timeout_retry: bool = True,
        concurrency: bool = True,
    ) -> ExecResult:
        """Run a command; see Inspect's contract for what it raises."""
        del timeout_retry, concurrency
        if user is not None:
            raise SandboxUserUnsupportedError(f"this sandbox has one user and cannot be {user}")
        limit = SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE
        given = input.encode() if isinstance(input, str) else input or b""
        try:
            done = await self._ask(
                self.session.execute,
                tuple(cmd),
                cwd=cwd or "",
                env=tuple((env or {}).items()),
                given=given,
                timeout_s=timeout,
                output_bytes=limit,
            )
        except GuestError as error:
            if _ERRORS.get(error.errno_name) is PermissionError:
                raise PermissionError(str(error)) from error
            return ExecResult(False, _NOT_FOUND, "", str(error))
        stdout, stderr = (one.decode("utf-8", "replace") for one in (done.stdout, done.stderr))
        if done.timed_out:
            raise TimeoutError(f"Command timed out after {timeout} seconds")
        if done.truncated:
            raise OutputLimitExceededError(
                SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE_STR, stdout
            )
        return ExecResult(done.code == 0, done.code, stdout, stderr)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Write a file inside."""
        data = contents.encode() if isinstance(contents, str) else contents
        try:
            await self._ask(self.session.write, file, data)
        except GuestError as error:
            raise _as_inspect(error) from error

    async def read_file(self, file: str, text: bool = True) -> Any:
        """Read a file as the guest sees it, never the host's."""
        limit = SandboxEnvironmentLimits.MAX_READ_FILE_SIZE
        try:
            data = await self._ask(self.session.read, file, limit_bytes=limit)
        except GuestError as error:
            raise _as_inspect(error) from error
        return data.decode("utf-8") if text else data

    async def _ask(self, act: Any, *arguments: Any, **named: Any) -> Any:
        """Wait in a thread of its own for what the guest says."""
        try:
            return await anyio.to_thread.run_sync(
                partial(act, *arguments, **named), abandon_on_cancel=True, limiter=self._limiter
            )
        except OursUnavailableError as error:
            raise SandboxUnavailableError(str(error)) from error


def _as_inspect(error: GuestError) -> Exception:
    """Return the exception that Inspect's contract names."""
    if error.errno_name == "EFBIG":
        return OutputLimitExceededError(SandboxEnvironmentLimits.MAX_READ_FILE_SIZE_STR, None)
    kind = _ERRORS.get(error.errno_name, OSError)
    return kind(str(error))
