"""A closed case becomes a task that nobody reads until it is used, and then it counts as seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from casebook import DRAFT, acting, move, opened, register, set_clock
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.intake.record import Attachment
from clearhouse.criteria.evaluate import private
from clearhouse.criteria.evaluate.private import NoSuchTaskError, TaskExistsError
from clearhouse.handoffs import NoTaskInCaseError, score_private_task, task_from_case
from clearhouse.kernel import identity, vault
from clearhouse.kernel.identity import ActorKind
from clearhouse.kernel.policy import ForbiddenError
from house import determiner, outsider

BUNDLE = Path(__file__).parents[3] / "examples" / "bundles" / "joblib-pre-dispatch-eval"
FILES = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def attached(files=FILES):
    return tuple(
        Attachment(filename=name, content_type="text/plain", data=data)
        for name, data in files.items()
    )


def maker(app):
    """A person of the house who is read in to cases and may make tasks."""
    with app.desk.database.transaction(None) as transaction:
        actor_id = identity.add_actor(
            transaction,
            app.desk.clearing_actor.party_id,
            ActorKind.PERSON,
            "Max Maker",
            roles=["coordinator", "coordinator_on_duty", "determiner"],
        )
        return identity.actor(transaction, actor_id)


@pytest.fixture
def case(app):
    set_clock(app, START)
    register(app)
    return opened(app, replace(DRAFT, attachments=attached()))


def publish(app, case):
    move(app, days=200)
    who = app.desk.clearing_actor
    with acting(app, who) as transaction:
        at = app.desk.database.clock() - timedelta(hours=1)
        done = casework.mark_published(app.desk, transaction, who, case.id, at)
        assert done.published_at is not None, done


def make(app, who, case):
    with acting(app, who) as transaction:
        return task_from_case(app.desk, transaction, who, case.id)


def test_a_published_case_with_a_bundle_becomes_a_held_task(app, case):
    publish(app, case)
    max_ = maker(app)
    made = make(app, max_, case)
    with acting(app, max_) as transaction:
        assert private.tasks(app.desk, transaction, max_) == [made]
        content = private.use(app.desk, transaction, max_, made.task_id)
    assert content.files == FILES
    assert content.case_id == case.id
    assert "joblib@1.1.0" in content.question
    assert "proof.py" in content.question
    assert "CVE-" not in content.question
    assert "CLEARHOUSE-EVALUATION-CANARY" in content.canary
    with acting(app, max_) as transaction:
        assert private.tasks(app.desk, transaction, max_)[0].used_at is not None


def test_making_and_using_a_task_stand_in_the_ledger_without_its_content(app, case):
    publish(app, case)
    max_ = maker(app)
    made = make(app, max_, case)
    for _ in range(2):
        with acting(app, max_) as transaction:
            private.use(app.desk, transaction, max_, made.task_id)
    with acting(app, max_) as transaction:
        rows = transaction.all(
            "SELECT kind, e::text AS text, convert_from(body, 'UTF8') AS body FROM ledger_event e"
            " WHERE subject = %s ORDER BY at, event_id",
            [made.task_id],
        )
    assert sorted(row["kind"] for row in rows) == ["task.made", "task.used", "task.used"]
    assert sum('"first":true' in row["body"] for row in rows) == 1
    text = " ".join(row["text"] + row["body"] for row in rows)
    assert "joblib" not in text
    assert case.id not in text


def test_an_embargoed_case_makes_no_task(app, case):
    with pytest.raises(NoTaskInCaseError, match="not published"):
        make(app, maker(app), case)


def test_one_bundle_makes_one_task(app, case):
    publish(app, case)
    max_ = maker(app)
    make(app, max_, case)
    with pytest.raises(TaskExistsError):
        make(app, max_, case)


def test_a_case_without_a_usable_bundle_says_why(app):
    set_clock(app, START)
    register(app)
    bare = opened(app)
    publish(app, bare)
    with pytest.raises(NoTaskInCaseError, match="no report of the case has a bundle"):
        make(app, maker(app), bare)


def test_a_bundle_without_a_fix_makes_no_task(app):
    set_clock(app, START)
    register(app)
    unfixed = FILES | {"bundle.yaml": FILES["bundle.yaml"].replace(b"fixed: 1.2.0\n", b"")}
    found = opened(app, replace(DRAFT, attachments=attached(unfixed)))
    publish(app, found)
    with pytest.raises(NoTaskInCaseError, match="needs a fixed version"):
        make(app, maker(app), found)


def test_others_cannot_make_read_count_or_use_a_task(app, case):
    publish(app, case)
    made = make(app, maker(app), case)
    stranger = outsider(app)
    with acting(app, stranger) as transaction:
        with pytest.raises(ForbiddenError):
            private.tasks(app.desk, transaction, stranger)
        with pytest.raises(ForbiddenError):
            private.use(app.desk, transaction, stranger, made.task_id)
        assert transaction.one("SELECT count(*) AS n FROM private_task")["n"] == 0
        row = transaction.one("SELECT count(*) AS n FROM payload WHERE kind = 'private task'")
        assert row["n"] == 0
    with acting(app, determiner(app)) as transaction:
        assert transaction.one("SELECT count(*) AS n FROM private_task")["n"] == 1
        payload = transaction.one("SELECT content_payload FROM private_task")["content_payload"]
    with acting(app, stranger) as transaction, pytest.raises(vault.SealedError):
        app.desk.vault.open(transaction, payload)


def test_whoever_is_not_read_in_to_the_case_makes_no_task_of_it(app, case):
    stranger = determiner(app)
    with pytest.raises((NoSuchCaseError, ForbiddenError)):
        make(app, stranger, case)


def test_a_task_that_is_not_there_is_refused_like_one_that_may_not_be_read(app):
    dana = determiner(app)
    with acting(app, dana) as transaction, pytest.raises(NoSuchTaskError):
        private.use(app.desk, transaction, dana, "tsk_nothing")


def test_an_answer_without_the_proofs_files_is_wrong(app, tmp_path):
    content = private.Content(case_id="cas_x", question="", canary="", files=FILES)
    right, reason = score_private_task(content, {"../x": b""}, None, now=START)
    assert not right
    assert "leaves the bundle" in reason
