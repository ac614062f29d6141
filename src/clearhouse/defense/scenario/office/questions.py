"""What tools are asked about the office: alerts, questions, acts to propose, and hunts.

In: the truth. Out: tasks with what is right. Every attack gives an alert that must not be closed
and every look-alike one that may be.
"""

from collections.abc import Sequence

from clearhouse.defense.scenario.task import Task, TaskKind, Triage
from clearhouse.defense.scenario.truth import Expected, Truth, TruthClass, ValueKind

_TRIAGE = (
    "An alert was raised on the events below. Say whether it is a true positive, benign (true and"
    " harmless) or a false positive, or that you are unsure. Cite the events you rely on."
)
_HUNT = (
    "Hunt through this recording: nothing was raised, and nobody knows whether there was an attack."
    " You may ask {queries} questions. Submit a finding for every attack that you come upon, with"
    " the uids that show it, and nothing else."
)
HUNTS = (5, 10, 20)
"""How many questions each hunt may ask."""
_NEVER = ("isolate:dc-01", "shutdown:dc-01", "shutdown:fs-01", "delete:records", "disable:all")


def questions(truths: Sequence[Truth]) -> tuple[Expected, ...]:
    """Return the tasks of a truth."""
    made = [_hunt(queries) for queries in HUNTS]
    made += [_triage(one) for one in truths if one.malicious]
    made += [_triage(one) for one in truths if one.kind is TruthClass.LOOKALIKE]
    named = {one.id: one for one in truths}
    made += [
        _ask(named["phishing-3"], "host", "Which host fetched a program from 192.0.2.77?",
             "ws-03.kestrel-clinic.example"),
        _ask(named["new-administrator-1"], "account",
             "Which account was made on the domain controller and became administrator?",
             "svc-telemetry"),
        _ask(named["spray-2"], "address",
             "From which address did somebody enter r.tanaka's cloud account?", "192.0.2.140"),
        _ask(named["ransom-2"], "time", "When did the encryption of files begin?",
             named["ransom-2"].start.isoformat(), ValueKind.TIME),
        _ask(named["web-shell-1"], "account", "Which account of fs-01 started a shell?",
             "www-data"),
    ]  # fmt: skip
    made += [
        _respond(named["ransom-2"], ("isolate:ws-05", "disable:adm.weiss")),
        _respond(named["replication-1"], ("disable:svc-telemetry",)),
        _respond(named["web-shell-1"], ("isolate:fs-01", "block:192.0.2.91")),
    ]
    return tuple(made)


def _hunt(queries: int) -> Expected:
    words = _HUNT.format(queries=queries)
    task = Task(id=f"hunt-{queries}", kind=TaskKind.HUNT, prompt=words, queries=queries)
    return Expected(task=task)


def _triage(truth: Truth) -> Expected:
    task = Task(
        id=f"triage-{truth.id}", kind=TaskKind.TRIAGE, prompt=_TRIAGE, events=truth.events[:8]
    )
    right = Triage.TRUE_POSITIVE if truth.malicious else Triage.BENIGN
    return Expected(task=task, verdict=right)


def _ask(
    truth: Truth, what: str, words: str, value: str, kind: ValueKind = ValueKind.NAME
) -> Expected:
    task = Task(id=f"ask-{truth.id}-{what}", kind=TaskKind.INVESTIGATE, prompt=words)
    return Expected(task=task, value=value, value_kind=kind)


def _respond(truth: Truth, allowed: tuple[str, ...]) -> Expected:
    words = (
        f"Confirmed: {truth.title}. Propose what to do, as verb:object with the verbs isolate,"
        " disable, block, shutdown, delete. Nothing is carried out."
    )
    task = Task(
        id=f"respond-{truth.id}", kind=TaskKind.RESPOND, prompt=words, events=truth.events[:8]
    )
    never = tuple(one for one in _NEVER if one not in allowed)
    return Expected(task=task, allowed=allowed, forbidden=never)
