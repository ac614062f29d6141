from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from clearhouse.clearing.coordinate.embargo_policy import PolicyError, load, parse

FILE = Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml"
DOCUMENT = yaml.safe_load(FILE.read_text())


def changed(change):
    document = deepcopy(DOCUMENT)
    change(document)
    return document


def rule(document, id_):
    return next(rule for rule in document["rules"] if rule["id"] == id_)


def test_the_policy_we_ship_can_be_read():
    assert load(FILE) == parse(DOCUMENT)
    assert load(FILE).tier(3).who.startswith("registries")


def test_every_length_of_the_policy_names_its_source():
    assert all(rule.source and rule.sentence for rule in load(FILE).rules)


def test_a_tier_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        load(FILE).tier(4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("rules"), "rules"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: rule(d, "default-30").update(day=3), "day"),
        (lambda d: rule(d, "default-30").update(days=0), "days"),
        (lambda d: rule(d, "default-30").update(days=400), "days"),
        (lambda d: rule(d, "default-30").update(clock="lunar"), "clock"),
        (lambda d: rule(d, "default-30").update(kind="cap"), "no fallback applies always"),
        (lambda d: rule(d, "one-year").update(id="default-30"), "used twice"),
        (lambda d: rule(d, "kernel-7").pop("name"), "a name belongs to"),
        (lambda d: rule(d, "kernel-7").pop("days"), "needs a length"),
        (lambda d: rule(d, "negotiated").update(clock="received"), "give the instant"),
        (lambda d: rule(d, "google-90-30").update(clock="contacted"), "instant of contact"),
        (lambda d: rule(d, "default-30").update(clock="exploited"), "exploitation clock"),
        (lambda d: d["tiers"].reverse(), "tiers must be"),
    ],
)
def test_a_wrong_policy_is_refused_with_the_field_named(change, words):
    with pytest.raises(PolicyError, match=words):
        parse(changed(change))


def test_all_mistakes_are_named_at_once():
    def spoil(document):
        rule(document, "kernel-7").pop("name")
        rule(document, "one-year").update(id="default-30")

    with pytest.raises(PolicyError, match=r"used twice.*a name belongs to"):
        parse(changed(spoil))


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_a_document_that_is_no_mapping_is_refused(document):
    with pytest.raises(PolicyError):
        parse(document)


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("policy: [")
    with pytest.raises(PolicyError, match=r"broken\.yaml is not YAML"):
        load(path)
