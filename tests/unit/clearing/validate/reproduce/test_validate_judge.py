import pytest

from clearhouse.clearing.validate.record import Doubt, Level, VerdictKind
from clearhouse.clearing.validate.reproduce.attribution import NOTHING, Function, Reached
from clearhouse.clearing.validate.reproduce.judge import Runs, judge

YES, NO = (True, True, True), (False, False, False)
RAN = Reached(
    functions=tuple(Function(file="a.py", name=name, text="") for name in "abcd"),
    files=("a.py",),
    inspected=(),
    noted=True,
)
LOOKED = Reached(functions=RAN.functions, files=(), inspected=("a.py",), noted=True)
LOADED = Reached(functions=(), files=("a.py",), inspected=(), noted=True)


def ruling(vulnerable, fixed, reached=RAN, *, changed=True, twins=(True, False)):
    runs = Runs(
        vulnerable=vulnerable,
        fixed=fixed,
        vulnerable_twin=twins[0],
        fixed_twin=twins[1],
    )
    return judge(runs, reached, changed=changed, noun="output oracle")


def test_everything_together_is_reproduced():
    found = ruling(YES, NO)
    assert (found.kind, found.level, found.doubt) == (VerdictKind.REPRODUCED, Level.E5, None)
    assert "a, b, c and 1 more" in found.reason


@pytest.mark.parametrize(
    ("given", "kind", "doubt", "level"),
    [
        ((NO, NO), VerdictKind.NOT_REPRODUCED, None, Level.E0),
        (((True, False, True), NO), VerdictKind.INCONCLUSIVE, Doubt.FLAKY, Level.E0),
        ((YES, None), VerdictKind.INCONCLUSIVE, Doubt.ORACLE, Level.E4),
        ((YES, None, None), VerdictKind.INCONCLUSIVE, Doubt.ORACLE, Level.E3),
        ((YES, YES), VerdictKind.INCONCLUSIVE, Doubt.ORACLE, Level.E4),
        ((YES, (True, False, False)), VerdictKind.INCONCLUSIVE, Doubt.FLAKY, Level.E4),
        ((YES, NO, LOOKED), VerdictKind.INCONCLUSIVE, Doubt.ATTRIBUTION, Level.E3),
        ((YES, NO, LOADED), VerdictKind.INCONCLUSIVE, Doubt.ATTRIBUTION, Level.E3),
        ((YES, NO, NOTHING), VerdictKind.INCONCLUSIVE, Doubt.ATTRIBUTION, Level.E3),
        ((YES, NO, None), VerdictKind.INCONCLUSIVE, Doubt.ATTRIBUTION, Level.E3),
    ],
)
def test_anything_less_is_named_as_what_it_is(given, kind, doubt, level):
    found = ruling(*given)
    assert (found.kind, found.doubt, found.level) == (kind, doubt, level)
    assert found.not_established


@pytest.mark.parametrize("twins", [(False, False), (True, True)])
def test_a_proof_that_follows_sizes_or_hashes_is_not_reproduced(twins):
    found = ruling(YES, NO, twins=twins)
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ATTRIBUTION)


def test_versions_told_apart_without_running_what_differs_is_not_reproduced():
    found = ruling(YES, NO, changed=False)
    assert (found.kind, found.level) == (VerdictKind.INCONCLUSIVE, Level.E4)


@pytest.mark.parametrize(
    ("vulnerable", "fixed"),
    [((False,), ()), ((True, False), (False,)), ((), (False,)), (YES, NO)],
)
def test_a_run_that_its_limit_ended_before_it_showed_anything_is_no_answer(vulnerable, fixed):
    found = judge(
        Runs(vulnerable=vulnerable, fixed=fixed, cut_short=True), RAN, changed=True, noun="oracle"
    )
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ENVIRONMENT)


def test_silence_says_nothing_against_the_claim():
    assert "says nothing against the claim" in ruling(NO, NO).reason
