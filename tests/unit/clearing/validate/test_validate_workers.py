"""Strangers' code is looked at in a process that knows nothing of the store."""

import io
import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearhouse.clearing.intake.record import Attachment, Draft
from clearhouse.clearing.validate import worker, workers
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.clearing.validate.reproduce import crossfix
from clearhouse.clearing.validate.reproduce.crossfix import Build, Matrix
from clearhouse.clearing.validate.worker import REPLY, REQUEST, Content, Request
from clearhouse.clearing.validate.workers import StoppedError, WorkerGoneError, Workers

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BINARY = Attachment(filename="poc.bin", content_type="application/x", data=bytes(range(256)))
MANIFEST = (
    b"format: clearhouse-bundle/1\ntarget: pkg:pypi/x@1.0\nfixed: '1.1'\n"
    b"run: [python, -c, '1']\noracle: {kind: output, match: x}\n"
)


@pytest.fixture
def request_for(tmp_path):
    def make(*drafts):
        return Request(
            reports=tuple(map(Content.of, drafts)),
            known_folder=tmp_path,
            cache_folder=tmp_path / "cache",
            now=NOW,
        )

    return make


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setenv("CLEARHOUSE_DATABASE_URL", "postgresql://owner:secret@nowhere/x")
    monkeypatch.setenv("PGPASSWORD", "secret")
    found = Workers()
    yield found
    found.close()


def test_a_report_with_its_files_survives_the_journey(request_for):
    draft = Draft(title="x", attachments=(BINARY,))
    sent = REQUEST.validate_json(REQUEST.dump_json(request_for(draft)))
    assert sent.reports[0].unpacked() == draft


def test_the_process_answers_and_holds_no_way_to_the_store(pool, request_for):
    reply = pool.ask(request_for(Draft(title="x", attachments=(BINARY,))))
    assert reply.verdict.kind is VerdictKind.NOT_ATTEMPTED
    (process,) = pool._idle
    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    for secret in (b"DATABASE", b"PGPASS", b"postgresql", b"CLEARHOUSE_HOME"):
        assert secret not in environment
    opened = [str(one.readlink()) for one in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert not [one for one in opened if one.startswith("socket:")]


def test_a_process_serves_again_and_a_dead_one_is_replaced(pool, request_for):
    pool.ask(request_for(Draft(title="x")))
    (first,) = pool._idle
    pool.ask(request_for(Draft(title="y")))
    assert [one.pid for one in pool._idle] == [first.pid]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert pool.ask(request_for(Draft(title="z"))).verdict is not None


def test_a_process_ends_with_the_one_that_started_it(request_for):
    process = workers.start()
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    process.stdout.close()


def test_processes_that_die_before_they_answer_give_no_verdict(monkeypatch, request_for):
    real, begun = workers.start, []

    def doomed():
        process = real()
        process.kill()
        begun.append(process)
        return process

    monkeypatch.setattr(workers, "start", doomed)
    with pytest.raises(WorkerGoneError):
        Workers().ask(request_for(Draft(title="x")))
    assert len(begun) == 2


def test_a_fault_of_ours_is_named_without_a_word_of_the_report(monkeypatch, request_for):
    def broken(*_, **__):
        raise ZeroDivisionError("words of the report")

    monkeypatch.setattr(worker, "examine", broken)
    replies, left = io.BytesIO(), []
    line = REQUEST.dump_json(request_for(Draft(title="x"))) + b"\n"
    worker.serve(io.BytesIO(line), replies, left.append)
    reply = REPLY.validate_json(replies.getvalue())
    assert (reply.fault, reply.verdict) == ("ZeroDivisionError", None)
    assert b"words" not in replies.getvalue()


def test_two_reports_are_compared_by_running_their_proofs(monkeypatch, request_for):
    bundle = Attachment(filename="bundle.yaml", content_type="text/yaml", data=MANIFEST)

    def matrix(bundles, cache):
        fires = {("proof 1", "1.0"): True, ("proof 1", "1.1"): False}
        return Matrix(
            proofs=tuple(bundles),
            builds=(Build(name="1.0"), Build(name="1.1")),
            fires=fires | {("proof 2", "1.0"): True, ("proof 2", "1.1"): True},
        )

    monkeypatch.setattr(worker, "run_matrix", matrix)
    drafts = [Draft(title=name, attachments=(bundle,)) for name in "ab"]
    compared = worker.answer(request_for(*drafts)).compared
    assert compared.relation == crossfix.Relation.DIFFERENT
    assert "proof 2 fires on 1.1" in compared.seen
    without = worker.answer(request_for(Draft(title="a"), drafts[0])).compared
    assert without.relation == "unknown"


def test_stopped_processes_give_no_answer_and_none_is_begun(monkeypatch, request_for):
    pool = Workers()
    real = workers.start

    def slow():
        process = real()
        threading.Timer(0.1, pool.stop).start()
        os.kill(process.pid, signal.SIGSTOP)  # it will not answer before it is ended
        return process

    monkeypatch.setattr(workers, "start", slow)
    for _ in range(2):
        with pytest.raises(StoppedError):
            pool.ask(request_for(Draft(title="x")))
    assert not pool._busy
