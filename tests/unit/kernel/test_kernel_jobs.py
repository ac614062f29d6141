import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import procrastinate
import psycopg
import pytest
from procrastinate.jobs import Status

from clearhouse.kernel import jobs as module
from clearhouse.kernel.jobs import MAX_ATTEMPTS, Jobs

WORKER = """
import sys, time
import psycopg
from clearhouse.kernel.jobs import Jobs

def work(name):
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        connection.execute("INSERT INTO public.trace VALUES (%s)", [name])
    time.sleep(60)

jobs = Jobs(stalled_after_s=1.5)
jobs.add("work", work)
jobs.run(sys.argv[1])
"""


@pytest.fixture
def trace(owner):
    owner.execute("CREATE TABLE public.trace (name text)")
    owner.execute("GRANT ALL ON public.trace TO clearhouse_desk")
    yield
    owner.execute("DROP TABLE public.trace")


@pytest.fixture
def seen(app, trace):
    def names() -> list[str]:
        with app.desk.database.transaction(None) as transaction:
            return [row["name"] for row in transaction.all("SELECT name FROM public.trace")]

    return names


@pytest.fixture
def note(app, trace):
    def write(name: str) -> None:
        with app.desk.database.transaction(None) as transaction:
            transaction.execute("INSERT INTO public.trace VALUES (%s)", [name])

    return write


@pytest.fixture
def url(app):
    return app.desk.database.url


def waiting(owner):
    return owner.execute(
        "SELECT task_name, status::text, attempts FROM public.procrastinate_jobs ORDER BY id"
    ).fetchall()


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def run_until(jobs, url, condition):
    """Run a worker in this process as the supervisor would, and end it by a signal."""
    outcome: list[bool] = []

    def watch() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not condition():
            time.sleep(0.05)
        outcome.append(condition())
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch)
    threading.Timer(0.5, watcher.start).start()  # when the worker listens to signals
    jobs.run(url)
    watcher.join()
    assert outcome == [True]


def test_work_asked_for_is_done_with_its_arguments(app, url, note, seen, owner):
    jobs = Jobs()
    jobs.add("work", note)
    with app.desk.database.transaction(None) as transaction:
        jobs.ask(transaction, "work", name="from the desk")
    with app.counter.database.transaction(None) as transaction:
        jobs.ask(transaction, "work", name="from the counter")
    assert seen() == []
    jobs.run_until_empty(url)
    assert seen() == ["from the desk", "from the counter"]
    assert waiting(owner) == []


def test_work_of_another_queue_waits_for_its_own_worker_and_for_its_budget(app, url, note, seen):
    jobs, hurried = Jobs(), []

    def slow(name: str) -> None:
        time.sleep(0.4)
        note(name)

    jobs.add("slow", slow, queue="slow")
    for name in ("first", "second", "third", "fourth"):
        with app.desk.database.transaction(None) as transaction:
            jobs.ask(transaction, "slow", name=name)
    jobs.run_until_empty(url)
    assert seen() == []
    jobs.run_until_empty(url, queue="slow", budget_s=0.2, hurry=lambda: hurried.append(1))
    assert hurried == [1]
    assert len(seen()) < 4
    jobs.run_until_empty(url, queue="slow", concurrency=2)
    assert sorted(seen()) == ["first", "fourth", "second", "third"]


def test_work_asked_for_in_an_undone_transaction_is_never_done(app, url, note, seen, owner):
    jobs = Jobs()
    jobs.add("work", note)

    def fail_late() -> None:
        with app.counter.database.transaction(None) as transaction:
            jobs.ask(transaction, "work", name="never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    assert waiting(owner) == []
    jobs.run_until_empty(url)
    assert seen() == []


def test_the_counter_asks_for_work_and_sees_nothing_of_it(app):
    with app.counter.database.transaction(None) as transaction:
        Jobs().ask(transaction, "work", name="x")
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        app.counter.database.transaction(None) as transaction,
    ):
        transaction.all("SELECT args FROM public.procrastinate_jobs")


def test_no_commit_waits_for_an_announcement(owner):
    (mode,) = owner.execute(
        "SELECT tgenabled FROM pg_trigger"
        " WHERE tgname = 'procrastinate_jobs_notify_queue_job_inserted_v1'"
    ).fetchone()
    assert mode in (b"D", "D")


def test_work_that_fails_waits_a_little_and_is_done_again(app, url, note, seen, owner):
    attempts = []

    def work(name: str) -> None:
        attempts.append(name)
        if len(attempts) == 1:
            raise ConnectionError
        note(name)

    jobs = Jobs()
    jobs.add("work", work)
    with app.desk.database.transaction(None) as transaction:
        jobs.ask(transaction, "work", name="stubborn")
    jobs.run_until_empty(url)
    assert waiting(owner) == [("work", "todo", 1)]
    pause = owner.execute("SELECT scheduled_at - now() FROM public.procrastinate_jobs").fetchone()
    assert 0 < pause[0].total_seconds() <= 2
    owner.execute("UPDATE public.procrastinate_jobs SET scheduled_at = now()")
    jobs.run_until_empty(url)
    assert seen() == ["stubborn"]
    assert waiting(owner) == []


def test_work_that_fails_for_good_stays_to_be_seen(app, url, owner):
    def work() -> None:
        raise ConnectionError

    jobs = Jobs()
    jobs.add("work", work)
    with app.desk.database.transaction(None) as transaction:
        jobs.ask(transaction, "work")
    owner.execute("UPDATE public.procrastinate_jobs SET attempts = %s", [MAX_ATTEMPTS])
    jobs.run_until_empty(url)
    assert waiting(owner) == [("work", "failed", MAX_ATTEMPTS + 1)]


def orphaned(app, owner, jobs, attempts=0):
    """A job whose worker is gone, as a kill leaves it."""
    with app.desk.database.transaction(None) as transaction:
        jobs.ask(transaction, "work", name="orphan")
    owner.execute(
        "UPDATE public.procrastinate_jobs SET status = 'doing', worker_id = NULL, attempts = %s",
        [attempts],
    )


def test_work_whose_worker_died_is_done_by_the_next_that_comes(app, url, note, seen, owner):
    jobs = Jobs()
    jobs.add("work", note)
    orphaned(app, owner, jobs)
    jobs.run_until_empty(url)
    assert seen() == ["orphan"]


def test_work_that_kills_worker_after_worker_is_given_up(app, url, note, seen, owner):
    jobs = Jobs()
    jobs.add("work", note)
    orphaned(app, owner, jobs, attempts=MAX_ATTEMPTS - 1)
    jobs.run_until_empty(url)
    assert seen() == []
    assert waiting(owner) == [("work", "failed", MAX_ATTEMPTS)]


def test_a_rescue_that_comes_second_goes_on_with_the_rest(app, url, owner):
    jobs = Jobs()
    for _ in range(2):
        orphaned(app, owner, jobs)

    async def race() -> None:
        other = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        async with other.open_async():
            manager = other.job_manager
            found = list(await manager.get_stalled_jobs(seconds_since_heartbeat=30))
            assert len(found) == 2
            await manager.finish_job(found[0], Status.SUCCEEDED, delete_job=True)

            async def as_before(**_: float) -> list[procrastinate.jobs.Job]:
                return found

            manager.get_stalled_jobs = as_before
            await module._rescue(manager, 30)

    asyncio.run(race())
    assert waiting(owner) == [("work", "todo", 1)]


def test_work_of_a_worker_killed_in_the_middle_is_done_by_another(app, url, note, seen):
    jobs = Jobs(stalled_after_s=1.5)
    jobs.add("work", lambda name: note(f"{name}, again"))
    with app.desk.database.transaction(None) as transaction:
        jobs.ask(transaction, "work", name="begun")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", WORKER, url], env=environment) as worker:
        until(lambda: seen() == ["begun"])
        worker.kill()
    run_until(jobs, url, lambda: seen() == ["begun", "begun, again"])


def test_work_by_the_clock_is_done_again_and_again_by_a_worker(app, url, note, seen, owner):
    jobs = Jobs()
    jobs.add_periodic("tick", "* * * * * *", lambda: note("tick"))
    run_until(jobs, url, lambda: seen()[:2] == ["tick", "tick"])
    left = [row for row in waiting(owner) if row[1] != "todo"]
    assert left == []  # the signal let the work in hand end
