"""A document of any format is judged, and every fault names its place."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest

from advisories import PLAIN
from clearhouse.clearing.publish.rules import documents
from clearhouse.formats.judging import Kind, judge, kind_of

NOW = datetime(2027, 1, 1, tzinfo=UTC)
KINDS = {
    "osv": Kind.OSV,
    "csaf": Kind.CSAF_20,
    "csaf-2.1": Kind.CSAF_21,
    "cve": Kind.CVE,
    "openvex": Kind.OPENVEX,
    "cyclonedx": Kind.CYCLONEDX,
    "ghsa": Kind.GHSA,
}
MADE = {name: json.loads(documents(PLAIN).bodies[name]) for name in KINDS}


def found(form, change, now=NOW):
    """Return the faults of our own document after one change, as place and reason."""
    document = copy.deepcopy(MADE[form])
    change(document)
    return [(one.place, one.reason) for one in judge(json.dumps(document).encode(), now).faults]


def put(*path_and_value):
    """Return a change that puts a value at a path."""
    *path, last, value = path_and_value

    def change(document):
        for step in path:
            document = document[step]
        document[last] = value

    return change


@pytest.mark.parametrize("form", KINDS)
def test_what_we_publish_is_known_again_and_valid(form):
    judgement = judge(documents(PLAIN).bodies[form], NOW)
    assert (judgement.kind, judgement.faults) == (KINDS[form], ())
    assert judgement.valid


@pytest.mark.parametrize("form", KINDS)
def test_a_document_from_the_future_is_no_valid_one(form):
    early = NOW - timedelta(days=365)
    faults = judge(documents(PLAIN).bodies[form], early).faults
    if form == "cyclonedx":
        assert faults == ()  # its schema knows no clock
    else:
        assert any(one.reason == "lies in the future" and one.place for one in faults)


@pytest.mark.parametrize(
    ("data", "place", "rule"),
    [
        (b"", "", "json empty"),
        (b'{"id": "x", "modif', "byte 12", "json syntax"),
        (b'{"id": "x", "id": "y"}', "/id", "json duplicate_key"),
        (b'{"a": ' * 200 + b"1" + b"}" * 200, "/a", "json too_deep"),
        (b"\xff\xfe{}", "byte 0", "json not_utf8"),
        (b'{"hello": 1}', "", "format"),
        (b"[]", "", "format"),
    ],
)
def test_what_is_no_document_says_where_it_ends_to_be_one(data, place, rule):
    judgement = judge(data, NOW)
    assert (judgement.kind, judgement.valid) == (None, False)
    (fault,) = judgement.faults
    assert (fault.place, fault.rule) == (place, rule)
    assert str(fault).startswith(f"{place or '/'}: ")


EVENTS = ("affected", 0, "ranges", 0, "events")
OSV_CASES = [
    (put(*EVENTS, [{"introduced": "5.4"}, {"fixed": "3.0"}]), "a range ends before it begins"),
    (put(*EVENTS, [{"introduced": "3.0"}, {"fixed": "3.0"}]), "a range ends before it begins"),
    (put(*EVENTS, [{"introduced": "not a version"}, {"fixed": "1"}]), "has a version that its"),
]


@pytest.mark.parametrize(("change", "reason"), OSV_CASES)
def test_an_osv_range_that_cannot_be_true_is_found(change, reason):
    faults = found("osv", change)
    assert [place for place, _ in faults] == ["/affected/0/ranges/0/events"]
    assert faults[0][1].startswith(reason)


@pytest.mark.parametrize(
    "events",
    [
        [{"introduced": "4.0"}, {"last_affected": "4.0"}],
        [{"introduced": "0"}, {"fixed": "3.0"}, {"introduced": "4.0"}, {"fixed": "4.1"}],
        [{"fixed": "5.4"}, {"introduced": "3.0"}],
        [{"introduced": "3.0"}, {"limit": "*"}],
    ],
)
def test_events_in_any_order_that_can_be_true_are_let_be(events):
    assert found("osv", put(*EVENTS, events)) == []


def test_a_range_in_an_order_that_nobody_knows_is_let_be():
    def change(document):
        document["affected"][0]["package"] = {"ecosystem": "OSS-Fuzz", "name": "x"}
        document["affected"][0]["ranges"][0]["events"] = [{"introduced": "b"}, {"fixed": "a"}]

    assert found("osv", change) == []


def test_faults_of_shape_have_pointers_too():
    assert found("osv", put("affected", 0, "ranges", 0, "events", [])) == [
        ("/affected/0/ranges/0", "has no events")
    ]
    assert found("osv", put("modified", "yesterday")) == [("/modified", "is not an instant in UTC")]


VERSION = ("containers", "cna", "affected", 0, "versions", 0)
PACKAGE = ("containers", "cna", "affected", 0)
CVE_CASES = [
    (put("dataType", "X"), "/dataType", "is not CVE_RECORD"),
    (put("dataVersion", "4.0"), "/dataVersion", "is no version 5"),
    (put("cveMetadata", None), "/cveMetadata", "is missing"),
    (put("cveMetadata", "cveId", "CVE-1"), "/cveMetadata/cveId", "is no CVE id"),
    (put("cveMetadata", "state", "OPEN"), "/cveMetadata/state", "is neither PUBLISHED nor"),
    (put("cveMetadata", "assignerOrgId", "us"), "/cveMetadata/assignerOrgId", "is no UUID"),
    (put("cveMetadata", "datePublished", "x"), "/cveMetadata/datePublished", "is no date"),
    (put("containers", {}), "/containers/cna", "is missing"),
    (put("containers", "cna", "references", []), "/containers/cna/references", "is missing"),
    (put(*VERSION, "lessThan", "2.0"), "/containers/cna/affected/0/versions/0", "ends before"),
    (put(*VERSION, "lessThan", "3.0"), "/containers/cna/affected/0/versions/0", "ends before"),
    (put(*VERSION, "status", "bad"), "/containers/cna/affected/0/versions/0/status", "is none"),
    (put(*VERSION, "lessThanOrEqual", "9"), "/containers/cna/affected/0/versions/0", "has two"),
    (put(*VERSION, {}), "/containers/cna/affected/0/versions/0", "has no version"),
    (put(*PACKAGE, "packageURL", "x"), "/containers/cna/affected/0/packageURL", "text is not"),
    (
        put(*PACKAGE, "packageURL", "pkg:pypi/a@1"),
        "/containers/cna/affected/0/packageURL",
        "has a version",
    ),
    (put(*PACKAGE, {"versions": []}), "/containers/cna/affected/0", "names no product"),
    (put(*PACKAGE, {"packageURL": "pkg:pypi/a"}), "/containers/cna/affected/0", "has neither"),
    (
        put(*VERSION, {"version": "1", "status": "affected", "lessThan": "2"}),
        "/containers/cna/affected/0/versions/0",
        "has an end without a versionType",
    ),
]


@pytest.mark.parametrize(("change", "place", "reason"), CVE_CASES)
def test_a_fault_of_a_cve_record_has_its_place(change, place, reason):
    assert any(one == place and why.startswith(reason) for one, why in found("cve", change))


def test_a_version_that_cannot_be_ordered_is_let_be():
    assert found("cve", put(*VERSION, "lessThan", "no version")) == []
    assert found("cve", put(*VERSION, "lessThan", "*")) == []


STATEMENT = ("statements", 0)
OPENVEX_CASES = [
    (lambda document: document.pop("author"), "", "has no author"),
    (put("colour", "red"), "/colour", "is no field of the format"),
    (put("@context", "https://openvex.dev/other"), "/@context", "is no context of OpenVEX"),
    (put("author", 1), "/author", "is no text"),
    (put("version", 0), "/version", "is no number from 1 on"),
    (put("timestamp", 5), "/timestamp", "is no date of RFC 3339"),
    (put("statements", []), "/statements", "has no statement"),
    (put(*STATEMENT, 1), "/statements/0", "is no object"),
    (put(*STATEMENT, "mood", 1), "/statements/0/mood", "is no field of a statement"),
    (put(*STATEMENT, "vulnerability", {}), "/statements/0/vulnerability", "names no"),
    (put(*STATEMENT, "status", "ok"), "/statements/0/status", "is none of"),
    (put(*STATEMENT, "status", "not_affected"), "/statements/0", "says not_affected without"),
    (put("statements", 1, "status", "affected"), "/statements/1", "says affected without"),
    (put(*STATEMENT, "justification", "none"), "/statements/0/justification", "is no"),
    (put(*STATEMENT, "products", 0, 1), "/statements/0/products/0", "is no object"),
    (put(*STATEMENT, "products", 0, {}), "/statements/0/products/0", "has neither"),
    (put(*STATEMENT, "products", 0, {"@id": 1}), "/statements/0/products/0/@id", "is no text"),
    (
        put(*STATEMENT, "products", 0, "identifiers", {"name": "x"}),
        "/statements/0/products/0/identifiers",
        "is none of",
    ),
    (
        put(*STATEMENT, "products", 0, "subcomponents", [{}]),
        "/statements/0/products/0/subcomponents/0",
        "has neither",
    ),
]


@pytest.mark.parametrize(("change", "place", "reason"), OPENVEX_CASES)
def test_a_fault_of_an_openvex_document_has_its_place(change, place, reason):
    assert any(one == place and why.startswith(reason) for one, why in found("openvex", change))


RANGE = ("vulnerabilities", 0, "vulnerable_version_range")
GHSA_CASES = [
    (put("summary", ""), "/summary", "is missing"),
    (put("severity", "awful"), "/severity", "is no rating"),
    (put("vulnerabilities", []), "/vulnerabilities", "names no package"),
    (put("vulnerabilities", 0, {}), "/vulnerabilities/0/package", "names no package"),
    (put(*RANGE, "all of them"), "/vulnerabilities/0/vulnerable_version_range", "is not written"),
    (put(*RANGE, ">= 5, < 3"), "/vulnerabilities/0/vulnerable_version_range", "ends before"),
    (
        put("cvss_severities", "cvss_v3", "vector_string", "CVSS:3.1/AV:X"),
        "/cvss_severities/cvss_v3/vector_string",
        "vector",
    ),
]


@pytest.mark.parametrize(("change", "place", "reason"), GHSA_CASES)
def test_a_fault_of_a_github_advisory_has_its_place(change, place, reason):
    assert any(one == place and why.startswith(reason) for one, why in found("ghsa", change))


def test_a_github_range_that_cannot_be_ordered_or_is_not_given_is_let_be():
    assert found("ghsa", put(*RANGE, ">= x, < y")) == []
    assert found("ghsa", put(*RANGE, "")) == []


def test_cyclonedx_of_an_unknown_version_or_shape_is_told():
    assert found("cyclonedx", put("specVersion", "9.9"))[0][0] == "/specVersion"
    places = [one for one, _ in found("cyclonedx", put("vulnerabilities", 0, "cwes", ["x"]))]
    assert "/vulnerabilities/0/cwes/0" in places


def test_csaf_of_an_unknown_version_is_told():
    assert found("csaf", put("document", "csaf_version", "3.0"))[0] == (
        "/document/csaf_version",
        "is neither 2.0 nor 2.1",
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (put("document", "tracking", "version", "7"), "csaf 6.1.16"),
        (
            put("product_tree", "branches", 0, "branches", 0, "branches", 0, "name", "vers:all/<1"),
            "csaf 6.1.50",
        ),
        (put("document", "title", ""), "csaf schema"),
    ],
)
def test_csaf_faults_name_the_test(change, rule):
    document = copy.deepcopy(MADE["csaf-2.1"])
    change(document)
    faults = judge(json.dumps(document).encode(), NOW).faults
    assert rule in {one.rule for one in faults}


def test_a_text_or_list_is_no_advisory():
    assert kind_of("text") is None
    assert kind_of([1]) is None
