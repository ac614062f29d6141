"""A small package with a flaw of our own, and patches that are right and wrong in each way."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.clearing.validate.record import Claim, ClaimResult, Level, Verdict, VerdictKind
from clearhouse.clearing.validate.reproduce import patch_gate, unified_diff
from clearhouse.clearing.validate.reproduce.bundle import read_files
from clearhouse.clearing.validate.reproduce.crossfix import (
    Build,
    Relation,
    relate,
    run_matrix,
)
from clearhouse.clearing.validate.reproduce.history import Span, span_of
from clearhouse.clearing.validate.reproduce.packages import BuildError, PackageCache
from clearhouse.clearing.validate.reproduce.patch_gate import Outcome, Step, run_gate, with_gate
from clearhouse.formats.purl import parse

OLD = """def area(text):
    width, height = text.split('x')
    return int(width) * int(height)
"""
RIGHT = OLD.replace("return int", "if '-' in text:\n        raise ValueError\n    return int")
ONE_CASE = OLD.replace("return int", "if text == '-3x4':\n        raise ValueError\n    return int")
BREAKS = OLD.replace("return int", "raise ValueError\n    return int")
TESTS = """import unittest
from box import area
class AreaTest(unittest.TestCase):
    def test_area(self):
        self.assertEqual(area('3x4'), 12)
"""
PROOF = """import sys
from box import area
try:
    found = area('-3x4')
except ValueError:
    sys.exit(0)
sys.exit(42 if found < 0 else 0)
"""
REGRESSION = """import unittest
from box import area
class SignTest(unittest.TestCase):
    def test_sign(self):
        with self.assertRaises(ValueError):
            area('-3x4')
"""
pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason=how_to_install())
CHECK = {"run": ["python", "-m", "unittest", "-q", "tests"], "path": ["src", "."]}


def archive(text, tests=TESTS):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as out:
        for name, content in (("box-1/src/box.py", text), ("box-1/tests.py", tests)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            out.addfile(member, io.BytesIO(content.encode()))
    return data.getvalue()


class Shelf(PackageCache):
    """A cache whose packages were put there by hand."""

    texts: ClassVar = {"1.0": OLD, "1.1": RIGHT}

    def environment(self, target, version, requires=(), pinned=()):
        def fill(content):
            (content / "box.py").write_text(self.texts[version])
            return {"kind": "pypi", "versions": [["box", version]], "own_files": ["box.py"]}

        return self.derived(f"box {version}", fill)

    def put(self, name, data):
        digest = hashlib.sha256(data).hexdigest()
        place = self.folder / "sources" / digest / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return {"file": name, "sha256": digest}


@pytest.fixture(scope="module")
def shelf():
    folder = Path("/var/tmp") / f"clearhouse-gate-{os.getpid()}"  # noqa: S108  # readable by the guest
    yield Shelf(folder)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def few_variants(monkeypatch):
    """Try few variants, since each is run three times; what they show is asked below."""
    monkeypatch.setattr(patch_gate, "VARIANTS_TRIED", 8)
    monkeypatch.setattr(patch_gate, "VARIANTS_WANTED", 2)


def bundle(shelf, *, fix=RIGHT, diff=None, tests=TESTS, proof=PROOF, regression=REGRESSION, **part):
    before = shelf.put("box-1.0.tar.gz", archive(OLD, tests))
    rule = {"with": shelf.put("box-1.1.tar.gz", archive(fix)), "files": ["src/box.py"]}
    stated = {"source": before, "tests": CHECK, "difference": rule}
    again = CHECK | {"run": ["python", "-m", "unittest", "-q", "again"]}
    stated["regression"] = again | {"files": ["again.py"]}
    if diff is not None:
        stated |= {"diff": "fix.diff", "difference": None}
    stated |= part
    manifest = {
        "format": "clearhouse-bundle/1",
        "target": "pkg:pypi/box@1.0",
        "fixed": "1.1",
        "run": ["python", "p.py"],
        "oracle": {"kind": "exit-code", "code": 42},
        "patch": {key: value for key, value in stated.items() if value is not None},
    }
    files = {"p.py": proof.encode(), "again.py": regression.encode(), "fix.diff": diff or b""}
    return read_files({"bundle.yaml": json.dumps(manifest).encode(), **files})


def outcomes(gate):
    return {one.step: one.outcome for one in gate.steps}


REPRODUCED = Verdict(
    level=Level.E5,
    kind=VerdictKind.REPRODUCED,
    reason="Fired.",
    not_established=("Not checked: a patch.", "Not confirmed."),
    rules="r",
    decided_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_right_patch_holds_in_every_step_and_lifts_the_verdict(shelf):
    gate = run_gate([bundle(shelf)], shelf)
    assert outcomes(gate) == dict.fromkeys(Step, Outcome.HOLDS), gate
    verdict = with_gate(REPRODUCED, gate)
    assert (verdict.level, verdict.not_established) == (Level.E6, ("Not confirmed.",))
    assert [one.claim for one in verdict.checks] == [Claim.PATCH] * 5
    assert {one.result for one in verdict.checks} == {ClaimResult.HOLDS}
    assert verdict.inputs[-1].name == "patch"


def test_a_patch_of_the_bundles_own_is_taken_too(shelf):
    diff = unified_diff.difference({"src/box.py": OLD.encode()}, {"src/box.py": RIGHT.encode()},
                                   ["src/box.py"])  # fmt: skip
    assert run_gate([bundle(shelf, diff=diff)], shelf).holds


def test_a_patch_for_one_spelling_lets_a_variant_through(shelf, monkeypatch):
    monkeypatch.setattr(patch_gate, "VARIANTS_WANTED", 8)
    gate = run_gate([bundle(shelf, fix=ONE_CASE)], shelf)
    assert outcomes(gate)[Step.SILENCES] is Outcome.HOLDS
    assert outcomes(gate)[Step.VARIANTS] is Outcome.FAILS
    verdict = with_gate(REPRODUCED, gate)
    assert verdict.level is Level.E5
    assert verdict.not_established[0].startswith("Patch, variants: ")
    assert ClaimResult.CONTRADICTED in {one.result for one in verdict.checks}


def test_a_patch_that_breaks_the_project_fails_its_tests(shelf):
    found = outcomes(run_gate([bundle(shelf, fix=BREAKS)], shelf))
    assert found[Step.TESTS] is Outcome.FAILS
    assert found[Step.REGRESSION] is Outcome.HOLDS


def test_a_patch_that_changes_nothing_that_matters_silences_nothing(shelf):
    found = outcomes(run_gate([bundle(shelf, fix=OLD + "# no change\n")], shelf))
    assert found[Step.SILENCES] is found[Step.REGRESSION] is found[Step.VARIANTS] is Outcome.FAILS


def test_every_proof_of_the_finding_must_be_silent(shelf):
    other = PROOF.replace("-3x4", "3x-4")
    gate = run_gate([bundle(shelf, fix=ONE_CASE), bundle(shelf, proof=other)], shelf)
    silences = gate.steps[1]
    assert (silences.outcome, silences.reason[:6]) == (Outcome.FAILS, "1 of 2")


def test_a_proof_that_is_silent_on_the_base_decides_nothing(shelf):
    found = run_gate([bundle(shelf, proof="from box import area\narea('1x2')\n")], shelf)
    assert outcomes(found)[Step.SILENCES] is Outcome.UNDECIDED
    assert outcomes(found)[Step.VARIANTS] is Outcome.UNDECIDED


def test_a_suite_that_fails_before_the_patch_says_nothing_about_it(shelf):
    broken = TESTS.replace("12", "13")
    found = run_gate([bundle(shelf, tests=broken)], shelf)
    assert outcomes(found)[Step.TESTS] is Outcome.UNDECIDED
    assert not found.holds


def test_a_suite_without_tests_is_no_suite(shelf):
    found = run_gate([bundle(shelf, tests="")], shelf)
    assert outcomes(found)[Step.TESTS] is Outcome.UNDECIDED


def test_a_regression_test_that_passes_before_or_fails_after_is_none(shelf):
    always = REGRESSION.replace("area('-3x4')", "raise ValueError")
    found = run_gate([bundle(shelf, regression=always)], shelf)
    assert outcomes(found)[Step.REGRESSION] is Outcome.FAILS
    never = REGRESSION.replace("'-3x4'", "'3x4'")
    found = run_gate([bundle(shelf, regression=never)], shelf)
    assert outcomes(found)[Step.REGRESSION] is Outcome.FAILS


def test_a_bundle_without_tests_says_so(shelf):
    found = outcomes(run_gate([bundle(shelf, tests=TESTS, regression=REGRESSION)], shelf))
    assert found[Step.TESTS] is Outcome.HOLDS
    lacking = bundle(shelf)
    lacking = replace(lacking, patch=replace(lacking.patch, tests=None, regression=None))
    found = outcomes(run_gate([lacking], shelf))
    assert found[Step.TESTS] is found[Step.REGRESSION] is Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("diff", "outcome"),
    [
        (b"--- a/src/box.py\n+++ b/src/box.py\n@@ -9 +9 @@\n-x\n+y\n", Outcome.FAILS),
        (b"--- a/../box.py\n+++ b/../box.py\n@@ -1 +1 @@\n-x\n+y\n", Outcome.FAILS),
        (b"--- /dev/null\n+++ b/NEWS\n@@ -0,0 +1 @@\n+text\n", Outcome.UNDECIDED),
    ],
)
def test_a_patch_that_does_not_apply_stops_at_the_first_step(shelf, diff, outcome):
    gate = run_gate([bundle(shelf, diff=diff)], shelf)
    assert gate.steps[0].outcome is outcome
    assert {one.outcome for one in gate.steps[1:]} == {Outcome.UNDECIDED}
    assert with_gate(REPRODUCED, gate).level is Level.E5


def test_a_patch_without_its_source_or_text_stops_too(shelf):
    for part in ({"source": None}, {"difference": None}):
        assert run_gate([bundle(shelf, **part)], shelf).steps[0].outcome is Outcome.UNDECIDED


def test_tests_whose_runner_cannot_be_had_are_undecided(shelf, monkeypatch):
    given = bundle(shelf, tests=TESTS)

    needy = replace(given.patch.tests, needs=(parse("pkg:pypi/runner"),))
    given = replace(given, patch=replace(given.patch, tests=needy, regression=needy))
    plain = shelf.environment

    def environment(target, version, requires=(), pinned=()):
        if requires:
            raise BuildError("no registry")
        return plain(target, version)

    monkeypatch.setattr(shelf, "environment", environment)
    found = outcomes(run_gate([given], shelf))
    assert found[Step.TESTS] is found[Step.REGRESSION] is Outcome.UNDECIDED


def test_a_verdict_that_is_not_reproduced_is_left_as_it_is(shelf):
    silent = replace(REPRODUCED, kind=VerdictKind.NOT_REPRODUCED)
    assert with_gate(silent, run_gate([bundle(shelf, source=None)], shelf)) is silent


def test_a_gate_needs_a_patch(shelf):
    with pytest.raises(ValueError, match="no patch"):
        run_gate([replace(bundle(shelf), patch=None)], shelf)


def test_proofs_meet_on_the_patched_build_of_each_other(shelf):
    twin = PROOF.replace("-3x4", "3x-4")
    apart = "import sys\nfrom box import area\nsys.exit(42 if area('3x4') == 12 else 0)\n"
    bundles = {
        "signed": bundle(shelf),
        "twin": replace(bundle(shelf, proof=twin), patch=None),
        "apart": replace(bundle(shelf, proof=apart), patch=None),
    }
    found = run_matrix(bundles, shelf)
    assert found.builds[-1] == Build(name="1.0 with the patch of signed", minimal=True)
    assert found.row("signed") == (True, False, False)
    assert relate(found, "signed", "twin") is Relation.SAME
    assert relate(found, "signed", "apart") is Relation.DIFFERENT


def test_the_span_of_a_flaw_is_found_by_running_every_version_that_is_asked_for(shelf):
    assert span_of(bundle(shelf), ("1.0", "1.1", "2.0"), Missing(shelf)) == Span(
        first="1.0", last="1.0", silent_before=None, silent_after="1.1", untried=(), tried=2
    )
    assert span_of(bundle(shelf), ("0.9", "1.0"), Missing(shelf)).untried == ("0.9",)


class Missing:
    """A shelf that lacks what was never put there."""

    def __init__(self, shelf):
        self.shelf, self.derived = shelf, shelf.derived

    def environment(self, target, version, requires=()):
        if version not in self.shelf.texts:
            raise BuildError("never released")
        return self.shelf.environment(target, version)
