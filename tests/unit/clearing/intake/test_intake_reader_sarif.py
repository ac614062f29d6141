import json

import pytest

from clearhouse.clearing.intake.completeness import Element, judge
from clearhouse.clearing.intake.readers import ReadRefusal, sarif
from clearhouse.clearing.intake.record import AttachmentKind, Location
from clearhouse.formats.sarif import SarifLocation, results


def log(*found, rules=(), **run):
    driver = {"name": "scan", "semanticVersion": "1.2", "rules": list(rules)}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(found)} | run],
    }


def at(uri="a.c", line=3, function=None, **extra):
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}
    return (
        place
        | ({"logicalLocations": [{"fullyQualifiedName": function}]} if function else {})
        | extra
    )


def hit(rule="R", text="m", **extra):
    return {"ruleId": rule, "message": {"text": text}, "locations": [at()]} | extra


RULE = {
    "id": "R",
    "name": "RuleName",
    "shortDescription": {"text": "Reads too far"},
    "fullDescription": {"text": "Explained."},
    "messageStrings": {"default": {"text": "{0} reads {1} {2}"}},
    "properties": {"tags": ["external/cwe/cwe-125"], "security-severity": "8.1"},
}


def one(*args, **kwargs):
    (result,) = results(log(*args, **kwargs))
    return result


def test_a_result_is_resolved_with_its_rule():
    result = one(hit(), rules=[RULE])
    assert (result.title, result.explanation, result.cwes) == (
        "Reads too far",
        "Explained.",
        ("CWE-125",),
    )
    assert (result.level, result.security_severity, result.place) == (
        "warning",
        "8.1",
        "/runs/0/results/0",
    )


@pytest.mark.parametrize(
    "reference",
    [
        {"ruleIndex": 0},
        {"rule": {"index": 0}},
        {"rule": {"id": "R"}},
        {"ruleId": "R/sub"},
        {"ruleId": "R"},
    ],
)
def test_a_rule_is_found_by_every_reference(reference):
    result = one({"message": {"text": "m"}} | reference, rules=[RULE])
    assert result.title == "Reads too far"


def test_a_rule_of_an_extension_is_found_by_its_component():
    found = {"message": {"text": "m"}, "rule": {"index": 0, "toolComponent": {"index": 0}}}
    document = log(found)
    document["runs"][0]["tool"]["extensions"] = [{"rules": [RULE]}]
    (result,) = results(document)
    assert result.title == "Reads too far"


def test_an_index_that_leads_nowhere_counts_as_absent():
    result = one({"ruleIndex": 99, "message": {"text": "m"}}, rules=[RULE])
    assert (result.title, result.rule_id) == (None, None)
    assert one({"rule": {"toolComponent": {"index": 7}, "index": 0}, "message": {}}).title is None


def test_a_message_by_id_takes_its_arguments():
    message = {"id": "default", "arguments": ["f", "x"]}
    assert one(hit(message=message), rules=[RULE]).message == "f reads x {2}"
    assert one(hit(message={"id": "absent"}), rules=[RULE]).message is None
    assert one(hit(message={"markdown": "**m**"})).message == "**m**"


def test_places_are_looked_up_and_decoded():
    artifacts = [{"location": {"uri": "dir%20x/b.c"}}]
    logical = [{"name": "g"}]
    found = hit(
        locations=[
            {
                "physicalLocation": {
                    "artifactLocation": {"index": 0},
                    "region": {"snippet": {"text": "s"}},
                }
            },
            {"logicalLocations": [{"index": 0}]},
            {"physicalLocation": {"artifactLocation": {"uri": "file:///C:/x/y.c"}}},
            {"physicalLocation": {"artifactLocation": {"uri": "file://[bad/y.c"}}},
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "win\\path.c"},
                    "region": {"startLine": -1},
                }
            },
            {},
        ]
    )
    assert one(found, artifacts=artifacts, logicalLocations=logical).locations == (
        SarifLocation(file="dir x/b.c", snippet="s"),
        SarifLocation(function="g"),
        SarifLocation(file="/C:/x/y.c"),
        SarifLocation(file="file://[bad/y.c"),
        SarifLocation(file="win/path.c"),
    )


def test_weaknesses_come_from_taxa_relationships_and_tags():
    taxon = {"id": "89", "toolComponent": {"name": "CWE"}}
    rule = {
        "id": "R",
        "relationships": [{"target": {"id": "CWE-79", "toolComponent": {"name": "CWE"}}}],
    }
    other = {"id": "1", "toolComponent": {"name": "OWASP"}}
    assert one(hit(taxa=[taxon, other]), rules=[rule]).cwes == ("CWE-89", "CWE-79")
    assert one(hit(rule="CWE-22")).cwes == ("CWE-22",)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"kind": "pass"}, "not a failure"),
        ({"kind": "informational"}, "not a failure"),
        ({"suppressions": [{"kind": "external"}]}, "suppressed"),
        ({"suppressions": [{"status": "accepted"}]}, "suppressed"),
        ({"baselineState": "absent"}, "absent"),
    ],
)
def test_a_result_that_reports_no_flaw_is_skipped_with_the_reason(fields, why):
    assert one(hit(**fields)) == why


def test_a_rejected_suppression_suppresses_nothing():
    assert one(hit(suppressions=[{"status": "rejected"}])).message == "m"


def test_the_level_comes_from_result_rule_or_standard():
    assert one(hit(level="error")).level == "error"
    assert (
        one(hit(), rules=[{"id": "R", "defaultConfiguration": {"level": "note"}}]).level == "note"
    )


def test_fields_of_another_type_count_as_absent():
    document = {"runs": [{"results": [{"locations": {}, "message": [], "taxa": "x"}, 5]}, "odd"]}
    (result,) = results(document)
    assert (result.message, result.locations) == (None, ())


def drafts(*args, **kwargs):
    found = sarif.read(log(*args, **kwargs))
    assert isinstance(found, tuple), found
    return found


def codes(draft):
    return [notice.code for notice in draft.notices]


def test_a_result_becomes_a_draft_with_what_its_run_says():
    flow = {
        "threadFlows": [
            {
                "locations": [
                    {"location": at(line=1, message={"text": "source"})},
                    {"location": at()},
                ]
            }
        ]
    }
    (draft,) = drafts(
        hit(
            locations=[at(function="f")],
            codeFlows=[flow],
            fixes=[{"artifactChanges": [{}]}],
            rank=3.0,
        ),
        rules=[RULE],
        properties={"purl": "pkg:pypi/x@2.0", "clearhouse": {"attempts": 2}, "team": "t"},
        versionControlProvenance=[
            {
                "repositoryUri": "https://example.org/x",
                "revisionId": "abcdef1",
                "revisionTag": "v2.0",
            }
        ],
    )
    assert (draft.title, draft.description) == ("Reads too far in f", "m\n\nExplained.")
    assert draft.trigger == "1. a.c:1 source\n2. a.c:3"
    assert (draft.purl, draft.affected_versions, draft.tested_version) == (
        "pkg:pypi/x",
        ("2.0",),
        "2.0",
    )
    assert (draft.repository, draft.commits, draft.cwes) == (
        "https://example.org/x",
        ("abcdef1",),
        ("CWE-125",),
    )
    assert draft.locations == (Location(file="a.c", function="f", line=3),)
    assert (draft.severity, codes(draft)) == ("high", ["severity_from_score"])
    assert (draft.provenance.discovery_method, draft.provenance.tooling) == (
        "automated-scan",
        "scan 1.2",
    )
    assert draft.provenance.attempts == 2
    assert draft.attachments[0].kind is AttachmentKind.PATCH
    assert json.loads(draft.attachments[0].data) == {"artifactChanges": [{}]}
    assert draft.unknown == {"/runs/0/results/0/rank": 3.0, "/runs/0/properties/team": "t"}
    assert Element.PATCH in judge(draft).present


@pytest.mark.parametrize(
    ("score", "word"),
    [
        ("9.8", "critical"),
        ("7.0", "high"),
        (6.9, "medium"),
        ("0.5", "low"),
        ("0", "none"),
        ("11", None),
        ("x", None),
    ],
)
def test_a_severity_is_the_word_for_the_rules_score(score, word):
    (draft,) = drafts(hit(), rules=[{"id": "R", "properties": {"security-severity": score}}])
    assert draft.severity == word


def test_a_level_alone_is_no_severity():
    assert drafts(hit(level="error"))[0].severity is None


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (hit(), hit(), 1),
        (hit(), hit(rule="S"), 2),
        (hit(), hit(locations=[at(line=9)]), 2),
        (hit(locations=[at(function="f")]), hit(locations=[at(line=9, function="f")]), 1),
        (hit(fingerprints={"a": "1"}), hit(fingerprints={"a": "1"}, locations=[at("b.c")]), 1),
        (hit(fingerprints={"a": "1"}), hit(fingerprints={"a": "2"}), 2),
        (
            hit(partialFingerprints={"a": "1"}),
            hit(partialFingerprints={"a": "1"}, locations=[at("b.c")]),
            1,
        ),
        (hit(locations=[]), hit(locations=[]), 1),
        (hit(locations=[]), hit(locations=[], text="other"), 2),
    ],
)
def test_results_of_one_flaw_are_one_report(first, second, count):
    found = drafts(first, second)
    assert len(found) == count
    assert ("grouped_results" in codes(found[0])) == (count == 1)


def test_a_group_keeps_the_places_and_words_of_all_its_results():
    (draft,) = drafts(
        hit(fingerprints={"a": "1"}), hit(fingerprints={"a": "1"}, text="n", locations=[at("b.c")])
    )
    assert [place.file for place in draft.locations] == ["a.c", "b.c"]
    assert draft.description == "m\n\nn"


def test_results_of_two_runs_are_never_one_group():
    document = log(hit())
    document["runs"] *= 2
    assert len(sarif.read(document)) == 2


def test_a_revision_tag_that_is_no_version_is_left_alone():
    assert (
        drafts(hit(), versionControlProvenance=[{"revisionTag": "release-x"}])[0].tested_version
        is None
    )


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"version": "2.0.0", "runs": []}, "unsupported_version"),
        ({"version": "2.1.0", "runs": None}, "no_runs"),
        ({"version": "2.1.0", "runs": []}, "no_flaw"),
        (log(hit(kind="pass")), "no_flaw"),
        (log(*[hit(rule=f"R{n}") for n in range(1001)]), "too_many_reports"),
    ],
)
def test_a_log_without_flaws_or_of_another_version_is_refused(document, code):
    refusal = sarif.read(document)
    assert isinstance(refusal, ReadRefusal)
    assert refusal.code == code
