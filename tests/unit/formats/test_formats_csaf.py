import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.formats import csaf
from clearhouse.formats.tlp import Tlp

AT = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
PLAIN = csaf.Advisory(
    id="CLR-2026-00001",
    title="A flaw",
    publisher=csaf.Publisher(name="House", namespace="https://house.example"),
    tlp=Tlp.CLEAR,
    revisions=(csaf.Revision(at=AT, summary="First issue"),),
    engine="Clearhouse",
    vendor="Vendor",
    product="Product",
    affected=(csaf.Product(id="p1", name="Product 1", version="1", purl="pkg:pypi/p@1"),),
    fixed=(),
    notes=(),
    descriptions=(csaf.Note(category="description", text="In words"),),
    remediations=(csaf.Remediation(category="none_available", details="No fix is known.", at=AT),),
)


def made(**changes):
    return csaf.document(replace(PLAIN, **changes))


@pytest.mark.parametrize(
    ("label", "written", "sentence"),
    [
        ("TLP:CLEAR", "WHITE", False),
        ("TLP:GREEN", "GREEN", False),
        ("TLP:AMBER", "AMBER", False),
        ("TLP:AMBER+STRICT", "RED", True),
        ("TLP:RED", "RED", False),
    ],
)
def test_labels_of_tlp_2_are_written_in_those_of_tlp_1_and_lose_nothing(label, written, sentence):
    distribution = made(tlp=Tlp(label))["document"]["distribution"]
    assert distribution["tlp"]["label"] == written
    assert ("text" in distribution) == sentence


def test_revisions_are_numbered_and_the_last_is_the_version():
    tracking = made(
        revisions=(*PLAIN.revisions, csaf.Revision(at=AT + timedelta(days=1), summary="Corrected"))
    )["document"]["tracking"]
    assert [one["number"] for one in tracking["revision_history"]] == ["1", "2"]
    assert tracking["version"] == "2"
    assert tracking["initial_release_date"] == "2026-11-01T09:00:00Z"
    assert tracking["current_release_date"] == "2026-11-02T09:00:00Z"


def test_scores_are_recomputed_from_the_vector():
    (score,) = made(vectors=(VECTOR, "AV:N/AC:L/Au:N/C:P/I:P/A:P"))["vulnerabilities"][0]["scores"]
    assert (score["cvss_v3"]["baseScore"], score["cvss_v3"]["baseSeverity"]) == (9.8, "CRITICAL")
    assert score["cvss_v2"]["baseScore"] == 7.5
    assert score["products"] == ["p1"]


def test_what_is_absent_is_left_out():
    text = json.dumps(made())
    assert "null" not in text
    flaw = made()["vulnerabilities"][0]
    assert not {"cve", "cwe", "scores", "threats", "ids", "acknowledgments"} & set(flaw)


def test_a_product_without_a_package_url_has_no_helper():
    bare = csaf.Product(id="p1", name="Product 1", version="1")
    tree = made(affected=(bare,))["product_tree"]
    leaf = tree["branches"][0]["branches"][0]["branches"][0]
    assert leaf["product"] == {"name": "Product 1", "product_id": "p1"}


@pytest.mark.parametrize(
    ("id_", "name"),
    [
        ("CLR-2026-00001", "clr-2026-00001.json"),
        ("Example Company - 2019-YH3234", "example_company_-_2019-yh3234.json"),
        ("RHBA-2019:0024", "rhba-2019_0024.json"),
        ("2022 #01-A", "2022_01-a.json"),
    ],
)
def test_the_file_name_follows_from_the_id(id_, name):
    assert csaf.filename(id_) == name


AFFECTED = PLAIN.affected[0]
SEEN = csaf.Involvement(party="vendor", status="open", at=AT)


@pytest.mark.parametrize(
    ("changes", "test"),
    [
        ({"affected": (AFFECTED, AFFECTED)}, "6.1.2"),
        ({"fixed": (AFFECTED,)}, "6.1.6"),
        ({"affected": ()}, "6.1.27.6"),
        ({"descriptions": ()}, "6.1.27.5"),
        ({"vectors": (VECTOR, VECTOR.replace("3.1", "3.0"))}, "6.1.7"),
        ({"withdrawn": csaf.Withdrawn(reason="Seen again")}, "6.1.27.16"),
        ({"revisions": ()}, "6.1.14"),
        (
            {"revisions": (*PLAIN.revisions, replace(PLAIN.revisions[0], at=AT - timedelta(1)))},
            "6.1.14",
        ),
        ({"affected": (replace(AFFECTED, version=None),)}, "6.1.31"),
        ({"affected": (replace(AFFECTED, vers="vers:pypi/*"),)}, "6.1.31"),
        ({"involvements": (SEEN, SEEN)}, "6.1.24"),
        ({"title": ""}, "schema"),
        ({"references": (("", "https://x.example"),)}, "schema"),
    ],
)
def test_what_a_mandatory_test_would_find_is_found_first(changes, test):
    assert any(test in one for one in csaf.problems(replace(PLAIN, **changes)))


def test_a_sound_advisory_has_no_problem():
    assert csaf.problems(PLAIN) == ()


def test_the_same_document_gives_the_same_bytes_with_sorted_members():
    text = csaf.write(made())
    assert text == csaf.write(dict(reversed(made().items())))
    assert list(json.loads(text)) == ["document", "product_tree", "vulnerabilities"]
