"""Every task of the bundled suite is what it says: solvable, not for nothing, and worth its tier."""

import difflib
import json
import shutil

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.criteria.evaluate import suite as module
from clearhouse.criteria.evaluate.asking import question
from clearhouse.criteria.evaluate.scoring import ANSWER_BYTES, reference, score, shows_flaw
from clearhouse.criteria.evaluate.scripted import reference_answer
from clearhouse.criteria.evaluate.suite import Kind, SuiteError, bundled, program_of

SUITE = bundled()
NAMES = sorted(SUITE.programs)
needs_sandbox = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason=f"no sandbox here: {how_to_install()}"
)


def test_the_suite_has_at_least_24_tasks_in_three_tiers_each_with_each_kind():
    assert len(SUITE.task_ids) >= 24
    assert len(set(SUITE.task_ids)) == len(SUITE.task_ids)
    for tier in module.TIERS:
        assert sum(one.tier == tier for one in SUITE.programs.values()) >= 3
    assert {one.rpartition(".")[2] for one in SUITE.task_ids} == set(Kind)


def test_some_tasks_re_enact_published_flaws():
    assert sum(one.after.startswith("CVE-") for one in SUITE.programs.values()) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_the_flaw_is_where_the_suite_says(name):
    program = SUITE.programs[name]
    old, new = program.vulnerable.splitlines(), program.fixed.splitlines()
    first, last = program.lines
    changed = {
        number
        for tag, begin, end, _, _ in difflib.SequenceMatcher(a=old, b=new).get_opcodes()
        if tag != "equal"
        for number in range(begin + 1, max(end, begin + 1) + 1)
    }
    assert changed & set(range(first, last + 2))
    if program.function is not None:
        assert f"def {program.function}(" in program.vulnerable


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_the_reference_solves_and_nothing_else_does(name):
    program = SUITE.programs[name]
    for kind in Kind:
        assert score(program, kind, reference_answer(program, kind)).right, kind
        assert not score(program, kind, None).right
        assert not score(program, kind, b"{}").right
    assert not score(program, Kind.PATCH, program.vulnerable.encode()).right


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_a_flawed_program_still_answers_what_its_fix_answers(name):
    program = SUITE.programs[name]
    assert len(reference(program)) == len(program.keeps)
    broken = program.vulnerable.replace("def handle(", "def handled(")
    assert not score(program, Kind.PATCH, broken.encode()).right
    for request in program.attacks[1:]:
        assert shows_flaw(program, program.vulnerable, request)
        assert not shows_flaw(program, program.fixed, request)


@needs_sandbox
def test_a_patch_that_refuses_everything_does_not_count():
    program = SUITE.programs["next-page"]
    lazy = 'def handle(request):\n    return {"status": 303, "location": "/"}\n'
    found = score(program, Kind.PATCH, lazy.encode())
    assert (found.right, "no longer answered" in found.reason) == (False, True)


@needs_sandbox
def test_a_patch_that_prints_its_own_verdict_does_not_count():
    program = SUITE.programs["notes-path"]
    forged = (
        "import sys\nsys.__stdout__.write('{\"value\": true}\\n' * 9)\nimport os\nos._exit(0)\n"
    )
    assert not score(program, Kind.PATCH, forged.encode()).right


@needs_sandbox
def test_a_proof_that_breaks_both_versions_does_not_count():
    program = SUITE.programs["slow-header"]
    assert not score(program, Kind.PROVE, b'{"header": "gzip"}').right
    assert not score(program, Kind.PROVE, b"[]").right


@pytest.mark.parametrize(
    "answer", [b"\xff", b"nonsense", b"NaN", b"[" * 90_000, b"7", b"[" * 50_000]
)
def test_an_unreadable_answer_is_a_wrong_answer(answer):
    assert not score(SUITE.programs["notes-path"], Kind.FIND, answer).right


def test_finding_needs_function_line_and_class_together():
    program = SUITE.programs["notes-path"]
    right = json.loads(reference_answer(program, Kind.FIND))
    for change in ({"function": "names"}, {"line": 1}, {"line": True}, {"cwe": "CWE-79"}):
        assert not score(program, Kind.FIND, json.dumps(right | change).encode()).right
    assert score(program, Kind.FIND, json.dumps(right | {"cwe": "cwe-22"}).encode()).right


def test_an_answer_beyond_the_limit_is_wrong():
    assert not score(SUITE.programs["notes-path"], Kind.FIND, b" " * (ANSWER_BYTES + 1)).right


@pytest.mark.parametrize("task_id", SUITE.task_ids)
def test_the_question_carries_the_canary_and_no_answer(task_id):
    program, kind = SUITE.task(task_id)
    text = question(program, kind, canary=SUITE.canary)
    assert SUITE.canary in text
    assert program.about not in text
    assert not any(cwe in text for cwe in program.weaknesses)
    assert program.fixed not in text


def test_the_content_hash_moves_with_the_content():
    changed = module.Suite(id=SUITE.id, version=2, canary=SUITE.canary, programs=SUITE.programs)
    assert module.content_sha256(SUITE) == module.content_sha256(bundled())
    assert module.content_sha256(changed) != module.content_sha256(SUITE)


def test_an_unknown_task_is_refused_by_name():
    with pytest.raises(SuiteError, match=r"no task notes-path\.guess"):
        SUITE.task("notes-path.guess")


def test_a_program_with_faults_says_all_of_them():
    with pytest.raises(SuiteError) as refused:
        program_of("x", {"tier": 4, "oracle": {}, "flaw": {"lines": [5, 9]}}, {"vulnerable": "a"})
    for part in (
        "about",
        "tier is not",
        "lists no request",
        "oracle is not",
        "outside the program",
    ):
        assert part in str(refused.value)


def test_a_folder_that_is_no_suite_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="cannot read"):
        module.read(tmp_path)
    (tmp_path / "suite.yaml").write_text("- no mapping")
    with pytest.raises(SuiteError, match="not a mapping"):
        module.read(tmp_path)
    (tmp_path / "suite.yaml").write_text("format: other/1")
    with pytest.raises(SuiteError, match="format"):
        module.read(tmp_path)
    (tmp_path / "suite.yaml").write_text(f"format: {module.FORMAT}")
    with pytest.raises(SuiteError, match="names no programs"):
        module.read(tmp_path)
    (tmp_path / "suite.yaml").write_text(f"format: {module.FORMAT}\nprograms: [a]")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/program.yaml").write_text("about: b")
    with pytest.raises(SuiteError, match="cannot be read"):
        module.read(tmp_path)
