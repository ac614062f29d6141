"""Durable work: asked for in the same transaction as its cause, done at least once.

In: a task's name and arguments. Out: the task run by a worker, retried with growing pauses when
the outside world fails, and taken over when its worker dies.
Refused: nothing silently; a job that fails for good stays in the table with its attempts.
Every task must be idempotent, because a killed worker's job runs again.
Library: procrastinate (docs/adr/0003-jobs.md).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import procrastinate
from procrastinate import JobContext

from clearhouse.kernel.store.database import Transaction

STALLED_AFTER_S = 30.0
POLL_S = 0.5
_QUEUE = "clearing"

Task = Callable[..., None]


@dataclass(slots=True)
class Jobs:
    """The tasks of one installation and the way to ask for them."""

    _deferrer: procrastinate.App = field(
        default_factory=lambda: procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
    )
    _tasks: dict[str, Task] = field(default_factory=dict)
    _periodic: dict[str, tuple[str, Task]] = field(default_factory=dict)

    def add(self, name: str, task: Task) -> None:
        """Register a task that `ask` can name."""
        self._tasks[name] = task

    def add_periodic(self, name: str, cron: str, task: Callable[[], None]) -> None:
        """Register a task that runs by the clock; `cron` may have a sixth field, seconds."""
        self._periodic[name] = (cron, task)

    def ask(self, transaction: Transaction, name: str, **arguments: str) -> None:
        """Ask for a task when, and only when, `transaction` commits."""
        self._deferrer.configure_task(
            name, queue=_QUEUE, connection=transaction.connection, allow_unknown=True
        ).defer(**arguments)

    def run_until_empty(self, url: str) -> None:
        """Do all waiting work in this process, then return."""
        self._worker_app(url, periodic=False).run_worker(
            wait=False, queues=[_QUEUE], install_signal_handlers=False, listen_notify=False
        )

    def run(self, url: str, *, concurrency: int = 1) -> None:
        """Work until the process is asked to stop (SIGINT or SIGTERM)."""
        self._worker_app(url, periodic=True).run_worker(
            queues=[_QUEUE],
            concurrency=concurrency,
            listen_notify=False,
            fetch_job_polling_interval=POLL_S,
            update_heartbeat_interval=STALLED_AFTER_S / 6,
            stalled_worker_timeout=STALLED_AFTER_S,
            delete_jobs="successful",
            shutdown_graceful_timeout=10,
        )

    def _worker_app(self, url: str, *, periodic: bool) -> procrastinate.App:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        retry = procrastinate.RetryStrategy(max_attempts=12, exponential_wait=2)
        for name, task in self._tasks.items():
            app.task(name=name, queue=_QUEUE, retry=retry)(task)
        if periodic:
            for name, (cron, task) in self._periodic.items():
                _add_periodic(app, name, cron, task)
            _add_rescue(app)
        return app


def _add_periodic(app: procrastinate.App, name: str, cron: str, task: Callable[[], None]) -> None:
    def run(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands it over
        task()

    registered = app.task(name=name, queue=_QUEUE, queueing_lock=name, lock=name)(run)
    app.periodic(cron=cron)(registered)


def _add_rescue(app: procrastinate.App) -> None:
    """Give the jobs of dead workers back, every ten seconds."""

    async def rescue(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
        manager = context.app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
            await manager.retry_job(job)

    task = app.task(
        name="kernel.rescue", queue=_QUEUE, queueing_lock="kernel.rescue", pass_context=True
    )
    app.periodic(cron="* * * * * */10")(task(rescue))
