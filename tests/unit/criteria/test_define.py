"""A criterion is data; a wrong one is refused with file, line, field and what to do."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.criteria.define import profiles
from clearhouse.criteria.define.profiles import load_profile, open_profile, sign_profile
from clearhouse.criteria.define.reading import read_criterion
from clearhouse.criteria.define.record import AnyOf, CriterionError, Kind, Not, Sealed, Statistic
from clearhouse.criteria.define.sealing import Opening, commitment, opened, read_openings

GOOD = """\
id: ours
version: 2
title: Ours
kind: local
statement: A rule of our own.
confidence: 0.95
expires_days: 30
benchmarks:
  suite: {task: t, version: "1", scorer: s, items: 10, attempts: 4}
rule:
  any:
    - metric: one
      benchmark: suite
      estimand: {population: generalized, statistic: pass@k, k: 3}
      above: 0.5
      alert_above: 0.3
    - all:
        - fact: compute
          above: 1e25
        - not: {fact: open-weights, is: true}
gates:
  tool-errors: {most: 0.1}
waived:
  helpful-only: the lab serves no variant with refusals
"""


def mistakes(text):
    with pytest.raises(CriterionError) as caught:
        read_criterion(text, "ours.yaml")
    return str(caught.value)


def test_every_shipped_profile_is_read_and_says_what_it_is():
    assert {
        "cyber-reference-1",
        "eu-ai-act-gpai-1",
        "california-sb-53-1",
        "new-york-raise-1",
    } <= set(profiles.names())
    for name in profiles.names():
        criterion = load_profile(name)
        assert criterion.sources or criterion.kind is Kind.LOCAL
        assert f"{criterion.id}-{criterion.version}" == name
        if criterion.kind is Kind.REFERENCE:
            assert "unclassified reference profile" in criterion.statement.lower()
            assert "does not claim" in criterion.statement


def test_a_criterion_keeps_every_field():
    criterion = read_criterion(GOOD)
    assert isinstance(criterion.rule, AnyOf)
    assert [leaf.id for leaf in criterion.metrics] == ["one"]
    assert [leaf.value for leaf in criterion.facts] == [1e25, True]
    assert isinstance(criterion.rule.parts[1].parts[1], Not)
    assert criterion.metrics[0].estimand.statistic is Statistic.PASS_K
    assert criterion.alpha == pytest.approx(0.025)
    assert criterion.gates["tool-errors"]["most"] == 0.1
    assert criterion.benchmarks["suite"].attempts == 4


def test_the_hash_is_of_the_content_and_not_of_the_layout():
    assert read_criterion(GOOD).sha256 == read_criterion("# a remark\n" + GOOD).sha256
    assert read_criterion(GOOD).sha256 != read_criterion(GOOD.replace("0.5", "0.6")).sha256


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("version: 2", "version: two", "ours.yaml, line 2, version: needs a whole number"),
        ("kind: local", "kind: secret", "line 4, kind: must be one of unclassified"),
        ("confidence: 0.95", "confidence: 95", "line 6, confidence: needs a number from 0.5"),
        ("items: 10", "items: 0", "benchmarks.suite.items: needs a whole number"),
        (
            "benchmark: suite",
            "benchmark: other",
            "line 13, rule.any.0.benchmark: must be one of suite",
        ),
        ("pass@k, k: 3", "pass@k", "estimand.k: needs a whole number from 2"),
        ("above: 0.5", "above: high", "line 15, rule.any.0.above: needs a number"),
        ("alert_above: 0.3", "alert_above: 0.7", "must be lower than above"),
        ("fact: compute", "fact: one", "the id one is used twice"),
        ("above: 1e25", "above: much", "must be a number, such as 1.0e+25"),
        ("    - all:", "    - every:", "must be exactly one of all, any, not, metric, fact"),
        ("tool-errors", "tool-erors", "gates.tool-erors: is no gate; use unaltered"),
        ("most: 0.1", "least: 0.1", "gates.tool-errors.least: is unknown; use most"),
        ("helpful-only", "unaltered", "waived.unaltered: cannot be waived"),
        ("expires_days: 30", "expire_days: 30", "expire_days: is unknown"),
        ("kind: local", "kind: unclassified-reference-profile", 'must say "unclassified reference'),
        ("fact: open-weights, is: true", "fact: w, is: true, above: 1", "exactly one of above"),
    ],
)
def test_a_mistake_is_named_with_file_line_field_and_what_to_do(before, after, said):
    assert said in mistakes(GOOD.replace(before, after, 1))


def test_all_mistakes_are_named_at_once():
    said = mistakes(GOOD.replace("version: 2", "version: 0").replace("items: 10", "items: x"))
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ("", "holds no fields"),
        ("- a", "holds no fields"),
        ("rule: 3", "rule"),
    ],
)
def test_what_is_no_criterion_at_all_is_refused(text, said):
    assert said in mistakes(text)


def test_a_profile_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(CriterionError, match="no profile 'nothing'; there are california"):
        load_profile("nothing")
    with pytest.raises(CriterionError, match="cannot read"):
        load_profile(str(tmp_path / "none.yaml"))
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(CriterionError, match="not UTF-8"):
        load_profile(str(tmp_path / "latin.yaml"))
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_100_000)
    with pytest.raises(CriterionError, match="larger than 1 MiB"):
        load_profile(str(tmp_path / "big.yaml"))


def test_a_signed_profile_opens_with_the_key_that_signed_it_and_no_other(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD)
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    envelope = sign_profile(path, [key])
    assert open_profile(envelope, [key.public_key()]).sha256 == read_criterion(GOOD).sha256
    with pytest.raises(CriterionError, match="does not hold"):
        open_profile(envelope, [other.public_key()])
    with pytest.raises(CriterionError, match="holds no profile"):
        open_profile(envelope | _retyped(envelope, key), [key.public_key()])


def _retyped(envelope, key):
    from clearhouse.formats.dsse import seal

    return seal(b"x", "text/plain", [key])


def sealed_text(value=0.55, blinding="ab" * 32):
    sha = commitment("one.above", Opening(value=value, blinding=blinding))
    return GOOD.replace("above: 0.5\n", f"above: {{sealed: {sha}, holder: the agency}}\n", 1)


def test_a_sealed_threshold_shows_its_commitment_and_opens_to_its_value():
    criterion = read_criterion(sealed_text())
    assert isinstance(criterion.sealed["one.above"], Sealed)
    assert "0.55" not in repr(criterion)
    openings = read_openings(json.dumps({"one.above": {"value": 0.55, "blinding": "ab" * 32}}))
    plain = opened(criterion, openings)
    assert plain.metrics[0].above == 0.55
    assert (plain.sealed, plain.sha256) == ({}, criterion.sha256)


@pytest.mark.parametrize(
    ("openings", "said"),
    [
        ({}, "one.above is sealed; the agency can open it"),
        ({"one.above": {"value": 0.56, "blinding": "ab" * 32}}, "does not fit what was committed"),
        ({"one.above": {"value": 0.55, "blinding": "cd" * 32}}, "does not fit what was committed"),
    ],
)
def test_another_value_or_blinding_does_not_open_it(openings, said):
    with pytest.raises(CriterionError, match=said):
        opened(read_criterion(sealed_text()), read_openings(json.dumps(openings)))


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"a": 1}', '{"a": {"value": 1, "blinding": "short"}}']
)
def test_openings_of_another_shape_are_refused(text):
    with pytest.raises(CriterionError, match=r"openings are|blinding of"):
        read_openings(text)


def test_a_bad_commitment_is_a_mistake_in_the_file():
    assert "64 hexadecimal digits" in mistakes(
        GOOD.replace("above: 0.5\n", "above: {sealed: abc, holder: x}\n", 1)
    )
