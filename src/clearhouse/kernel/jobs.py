"""Durable work: asked for in the same transaction as its cause, done at least once.

In: a task's name and arguments. Out: the task run by a worker, retried with growing pauses when
the outside world fails, and taken over when its worker dies. Long work has a queue of its own, so
that it never holds up what is short.
Refused: nothing silently; a job that fails for good stays in the table with its attempts.
Every task must be idempotent, because a killed worker's job runs again.
Library: procrastinate (docs/adr/0003-jobs.md).
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import procrastinate
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.tidying import tidy_seldom

STALLED_AFTER_S = 30.0
POLL_S = 0.5
MAX_ATTEMPTS = 12
"""With pauses of 2, 4, 8 ... seconds, more than two hours of an outside world that fails."""
MAIN_QUEUE = "clearing"

Task = Callable[..., None]


@dataclass(slots=True)
class Jobs:
    """The tasks of one installation and the way to ask for them."""

    stalled_after_s: float = STALLED_AFTER_S
    """How long a worker may be silent before its jobs are given to others."""
    _tasks: dict[str, tuple[str, Task]] = field(default_factory=dict)
    """Name to queue and work."""
    _periodic: dict[str, tuple[str, Task]] = field(default_factory=dict)

    def add(self, name: str, task: Task, *, queue: str = MAIN_QUEUE) -> None:
        """Register a task that `ask` can name, and the queue that it waits in."""
        self._tasks[name] = queue, task

    def add_periodic(self, name: str, cron: str, task: Callable[[], None]) -> None:
        """Register a task that runs by the clock; `cron` may have a sixth field, seconds."""
        self._periodic[name] = (cron, task)

    def ask(
        self, transaction: Transaction, name: str, /, *, turn: int = 0, **arguments: str
    ) -> None:
        """Ask for a task when, and only when, `transaction` commits.

        What has a higher `turn` is begun before what waits longer.
        """
        queue, _ = self._tasks.get(name, (MAIN_QUEUE, None))
        transaction.execute(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW("
            "%s, %s, %s, NULL, NULL, %s, NULL)::procrastinate_job_to_defer_v1])",
            [queue, name, turn, json.dumps(arguments)],
        )

    def run_until_empty(
        self,
        url: str,
        after_each: Callable[[], None] = lambda: None,
        *,
        queue: str = MAIN_QUEUE,
        concurrency: int = 1,
        budget_s: float | None = None,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        """Do all waiting work of a queue in this process, that of dead workers too, then return.

        After `budget_s` nothing more is begun, and `hurry` is called to cut short what runs; what
        is left waits for the next worker.
        """
        app = self._worker_app(url, periodic=False, after_each=after_each)
        asyncio.run(self._drain(app, queue, concurrency, budget_s, hurry))

    async def _drain(
        self,
        app: procrastinate.App,
        queue: str,
        concurrency: int,
        budget_s: float | None,
        hurry: Callable[[], None],
    ) -> None:
        async with app.open_async():
            await _rescue(app.job_manager, self.stalled_after_s)
            working = asyncio.ensure_future(
                app.run_worker_async(
                    wait=False,
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    **self._worker_options(queue),
                )
            )
            await asyncio.wait({working}, timeout=budget_s)
            if not working.done():
                working.cancel()  # the worker lets what has begun end first
                hurry()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    def run(self, url: str, *, queue: str = MAIN_QUEUE, concurrency: int = 1) -> None:
        """Work until the process is asked to stop (SIGINT or SIGTERM)."""
        tidy_seldom()
        self._worker_app(url, periodic=queue == MAIN_QUEUE).run_worker(
            concurrency=concurrency,
            fetch_job_polling_interval=POLL_S,
            shutdown_graceful_timeout=10,
            **self._worker_options(queue),
        )

    def _worker_options(self, queue: str) -> dict[str, Any]:
        return {
            "queues": [queue],
            "listen_notify": False,
            "update_heartbeat_interval": self.stalled_after_s / 6,
            "stalled_worker_timeout": self.stalled_after_s,
            "delete_jobs": "successful",
        }

    def _worker_app(
        self, url: str, *, periodic: bool, after_each: Callable[[], None] = lambda: None
    ) -> procrastinate.App:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        retry = procrastinate.RetryStrategy(max_attempts=MAX_ATTEMPTS, exponential_wait=2)
        for name, (queue, task) in self._tasks.items():
            app.task(name=name, queue=queue, retry=retry)(_then(task, after_each))
        if periodic:
            for name, (cron, task) in self._periodic.items():
                _add_periodic(app, name, cron, task)
            _add_rescue(app, self.stalled_after_s)
        return app


def _then(task: Task, after: Callable[[], None]) -> Task:
    def run(**arguments: str) -> None:
        task(**arguments)
        after()

    return run


def _add_periodic(app: procrastinate.App, name: str, cron: str, task: Callable[[], None]) -> None:
    def run(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands it over
        task()

    registered = app.task(name=name, queue=MAIN_QUEUE, queueing_lock=name, lock=name)(run)
    app.periodic(cron=cron)(registered)


def _add_rescue(app: procrastinate.App, stalled_after_s: float) -> None:
    """Look for the jobs of dead workers three times as often as a worker is found dead."""

    async def rescue(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
        await _rescue(context.app.job_manager, stalled_after_s)

    # No lock: a worker that died in the middle of a rescue would hold it for ever.
    task = app.task(
        name="kernel.rescue", queue=MAIN_QUEUE, queueing_lock="kernel.rescue", pass_context=True
    )
    app.periodic(cron=f"* * * * * */{max(1, int(stalled_after_s / 3))}")(task(rescue))


async def _rescue(manager: JobManager, stalled_after_s: float) -> None:
    """Give the jobs of dead workers back; end those that killed one worker after the other."""
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after_s):
        # Another rescue, or a worker that was only slow, may be first; then nothing is left to do.
        with contextlib.suppress(ConnectorException):
            if job.attempts + 1 < MAX_ATTEMPTS:
                await manager.retry_job(job)
            else:
                await manager.finish_job(job, Status.FAILED, delete_job=False)
