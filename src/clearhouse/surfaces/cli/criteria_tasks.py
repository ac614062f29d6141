"""`clearhouse criteria task-from-case`, `tasks` and `use-task`: tasks that no model has seen."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.criteria.evaluate import private
from clearhouse.criteria.evaluate.private import NoSuchTaskError, PrivateTask, TaskExistsError
from clearhouse.handoffs import NoTaskInCaseError, task_from_case
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect, emit, json_option
from clearhouse.surfaces.cli.owner import owner


@click.command("task-from-case")
@click.argument("case")
@json_option
@click.pass_obj
def from_case(connect: Connect, case: str, *, as_json: bool) -> None:
    """Make a sealed evaluation task of CASE, a closed, published case with a bundle."""
    app = connect()
    me = owner(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            made = task_from_case(app.desk, transaction, me, case)
    except NoSuchCaseError as error:
        _stop(error, EXIT_NO)
    except (NoTaskInCaseError, TaskExistsError) as error:
        _stop(error, EXIT_REFUSED)
    emit(_document(made), as_json=as_json, text=f"sealed as {made.task_id}, held until it is used")


@click.command("tasks")
@json_option
@click.pass_obj
def listed(connect: Connect, *, as_json: bool) -> None:
    """List the sealed tasks, and which have been used."""
    app = connect()
    me = owner(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        found = private.tasks(app.desk, transaction, me)
    text = "\n".join(f"{one.task_id}  {_state(one)}" for one in found) or "no tasks"
    emit({"tasks": [_document(one) for one in found]}, as_json=as_json, text=text)


@click.command("use-task")
@click.argument("task")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
@click.pass_obj
def use(connect: Connect, task: str, folder: Path, *, as_json: bool) -> None:
    """Open TASK and write its question to FOLDER; from now on it counts as seen."""
    app = connect()
    me = owner(app)
    try:
        with app.desk.database.transaction(me.actor_id) as transaction:
            content = private.use(app.desk, transaction, me, task)
    except NoSuchTaskError as error:
        _stop(error, EXIT_NO)
    folder.mkdir(parents=True, exist_ok=True)
    question = folder / "question.txt"
    question.write_text(f"{content.question}\n\n{content.canary}\n", "utf-8")
    document = {"task": task, "question": str(question)}
    emit(document, as_json=as_json, text=f"the question is {question}")


def _document(one: PrivateTask) -> dict[str, object]:
    return {
        "task": one.task_id,
        "made_at": one.made_at.isoformat(),
        "used_at": None if one.used_at is None else one.used_at.isoformat(),
    }


def _state(one: PrivateTask) -> str:
    return "held" if one.used_at is None else f"used {one.used_at:%Y-%m-%d}"


def _stop(error: Exception, code: int) -> NoReturn:
    click.echo(f"clearhouse: {error}", err=True)
    sys.exit(code)
