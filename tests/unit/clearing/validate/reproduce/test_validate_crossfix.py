import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.validate.reproduce import crossfix
from clearhouse.clearing.validate.reproduce.bundle import read_files
from clearhouse.clearing.validate.reproduce.crossfix import (
    Build,
    Matrix,
    Relation,
    relate,
    run_matrix,
)
from clearhouse.clearing.validate.reproduce.history import find_span
from clearhouse.clearing.validate.reproduce.oracles import Answer
from clearhouse.clearing.validate.reproduce.trials import Trial


def matrix(one, other, *, minimal=False):
    builds = tuple(
        Build(name=str(number), minimal=minimal and number == len(one) - 1)
        for number in range(len(one))
    )
    rows = {"a": one, "b": other}
    return Matrix(
        proofs=("a", "b"),
        builds=builds,
        fires={
            (name, build.name): answer
            for name, row in rows.items()
            for build, answer in zip(builds, row, strict=True)
        },
    )


@pytest.mark.parametrize(
    ("one", "other", "minimal", "relation"),
    [
        # harfbuzz 20924 and 21026: the same crash state, two bugs, proven in eight runs
        ((True, False, False, False), (True, True, True, False), False, Relation.DIFFERENT),
        ((True, False), (True, False), False, Relation.TOGETHER),
        ((True, False), (True, False), True, Relation.SAME),
        ((True, True), (True, True), False, Relation.UNKNOWN),
        ((False, False), (True, False), False, Relation.UNKNOWN),
        ((True, None), (True, False), True, Relation.UNKNOWN),
    ],
)
def test_the_matrix_says_same_only_through_a_minimal_patch(one, other, minimal, relation):
    assert relate(matrix(one, other, minimal=minimal), "a", "b") is relation


answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6)


@given(answers, st.booleans())
def test_the_relation_of_two_proofs_does_not_depend_on_their_order(rows, minimal):
    one, other = zip(*rows, strict=True)
    found = matrix(one, other, minimal=minimal)
    assert relate(found, "a", "b") is relate(found, "b", "a")


def bundle(fixed, name="x"):
    manifest = (
        f"format: clearhouse-bundle/1\ntarget: pkg:pypi/{name}@1.0\nfixed: {fixed}\n"
        "run: [python, p.py]\noracle: {kind: output, match: ^V}\n"
    )
    return read_files({"bundle.yaml": manifest.encode(), "p.py": b""})


def test_every_proof_runs_on_every_version_of_the_group(monkeypatch):
    asked = []

    class Cache:
        def environment(self, target, version, requires):
            return version

    def try_once(proof, shown):
        asked.append((proof.fixed, shown))
        fired = shown < proof.fixed
        return Trial(answer=Answer(fired=fired, evidence=""), seen=None)

    monkeypatch.setattr(crossfix.disguise, "look_alike", lambda *a, real, shown: real)
    monkeypatch.setattr(crossfix.trials, "try_once", try_once)
    found = run_matrix({"a": bundle("1.1"), "b": bundle("1.2")}, Cache())
    assert [build.name for build in found.builds] == ["1.0", "1.1", "1.2"]
    assert found.row("a") == (True, False, False)
    assert found.row("b") == (True, True, False)
    assert relate(found, "a", "b") is Relation.DIFFERENT
    assert len(asked) == 2 * 3 * crossfix.REPEATS


def test_a_proof_that_disagrees_with_itself_gives_no_answer(monkeypatch):
    flips = iter([True, False] * 4)

    class Cache:
        def environment(self, *given):
            return "x"

    monkeypatch.setattr(crossfix.disguise, "look_alike", lambda *a, **k: "x")
    monkeypatch.setattr(
        crossfix.trials,
        "try_once",
        lambda *a: Trial(answer=Answer(fired=next(flips), evidence=""), seen=None),
    )
    found = run_matrix({"a": bundle("1.1")}, Cache())
    assert found.row("a") == (None, None)


def test_bundles_of_two_packages_make_no_matrix():
    with pytest.raises(ValueError, match="one package"):
        run_matrix({"a": bundle("1.1"), "b": bundle("1.1", "y")}, None)


VERSIONS = [f"1.{number}" for number in range(20)]


@given(st.integers(0, 19), st.integers(0, 19), st.data())
def test_the_span_of_a_flaw_is_found_exactly(one, other, data):
    first, last = sorted((one, other))
    known = data.draw(st.integers(first, last))
    span = find_span(
        VERSIONS, VERSIONS[known], lambda version: first <= VERSIONS.index(version) <= last
    )
    assert (span.first, span.last) == (VERSIONS[first], VERSIONS[last])
    assert span.silent_before == (VERSIONS[first - 1] if first else None)
    assert span.silent_after == (VERSIONS[last + 1] if last < 19 else None)
    assert span.tried <= 12


@given(st.sets(st.integers(0, 19)), st.integers(0, 19), st.integers(0, 19))
def test_versions_that_cannot_be_built_are_left_out_and_named(broken, one, other):
    first, last = sorted((one, other))
    broken -= {first}

    def ask(version):
        number = VERSIONS.index(version)
        return None if number in broken else first <= number <= last

    span = find_span(VERSIONS, VERSIONS[first], ask)
    usable = [number for number in range(first, last + 1) if number not in broken]
    assert span.last == VERSIONS[max(usable)]
    assert {VERSIONS.index(version) for version in span.untried} <= broken


def test_a_proof_that_does_not_fire_on_its_own_version_has_no_span():
    assert find_span(VERSIONS, "1.3", lambda version: False) is None
    assert find_span(VERSIONS, "9.9", lambda version: True) is None
