"""A TAXII client finds, pages through and filters the advisories, and can write nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from casebook import DRAFT, accepted, acting, do, move, set_clock
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish import revising
from clearhouse.surfaces.api.counter import application
from clearhouse.surfaces.api.requests import HourlyQuota
from clearhouse.surfaces.api.taxii import MEDIA_TYPE
from house import coordinator

OTHER = replace(DRAFT, title="Another flaw", description="It is quite another.")
NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
OBJECTS = "/taxii2/advisories/collections/advisories/objects/"
MANIFEST = "/taxii2/advisories/collections/advisories/manifest/"


@pytest.fixture
def client(app):
    """A counter with two advisories, of which the first was corrected and the second withdrawn."""
    set_clock(app, NOW)
    chief = coordinator(app)
    cases = [accepted(app, draft).id for draft in (DRAFT, OTHER)]
    for case in cases:
        _publish(app, chief, case)
    move(app, hours=1)
    do(app, chief, revising.revise, cases[0], summary="Says more")
    do(app, chief, revising.withdraw, cases[1], reason="It was no flaw")
    move(app, hours=1)
    publish.publish_due(app.desk)
    api = application(app.counter, HourlyQuota(app.counter.database.clock, 50))
    with TestClient(api, headers={"Accept": MEDIA_TYPE}) as http:
        yield http


def _publish(app, chief, case_id):
    with acting(app, chief) as transaction:
        found = casework.case(app.desk, transaction, chief, case_id)
    (vendor, *_) = found.vendors
    date = app.desk.database.clock() + timedelta(days=1)
    do(app, chief, casework.agree_date, case_id, vendor=vendor.id, date=date)
    move(app, days=1, seconds=1)
    assert len(publish.publish_due(app.desk)) == 1


def test_a_client_finds_its_way_from_the_address_alone(client):
    found = client.get("/taxii2/")
    assert found.headers["content-type"] == MEDIA_TYPE
    root = found.json()["default"]
    assert found.json()["api_roots"] == [root]
    assert client.get(root).json()["versions"] == [MEDIA_TYPE]
    (collection,) = client.get(f"{root}collections/").json()["collections"]
    assert (collection["can_read"], collection["can_write"]) == (True, False)
    assert client.get(f"{root}collections/{collection['id']}/").json() == collection
    listed = client.get(f"{root}collections/{collection['id']}/objects/").json()
    assert listed == client.get(OBJECTS).json()


def test_the_newest_version_of_every_advisory_is_an_object_and_a_withdrawn_one_is_revoked(client):
    first, second = client.get(OBJECTS).json()["objects"]
    assert {first["type"], second["type"]} == {"vulnerability"}
    assert "revoked" not in first
    assert second["revoked"] is True
    assert first["created"] < first["modified"]
    assert first["external_references"][-1]["external_id"].startswith("CLR-2026-")


def test_pages_hold_every_object_once_in_the_order_in_which_they_came(client):
    seen, start = [], None
    while True:
        asked = {"limit": 1, "match[version]": "all"} | ({"next": start} if start else {})
        answer = client.get(OBJECTS, params=asked)
        seen += [(one["id"], one["modified"]) for one in answer.json()["objects"]]
        added = answer.headers["x-taxii-date-added-first"]
        assert added == answer.headers["x-taxii-date-added-last"]
        start = answer.json().get("next")
        if start is None:
            break
    assert len(seen) == len(set(seen)) == 4
    listed = client.get(MANIFEST, params={"match[version]": "all"}).json()["objects"]
    assert [(one["id"], one["version"]) for one in listed] == seen
    later = client.get(MANIFEST, params={"match[version]": "all", "added_after": added}).json()
    assert later == {}


def test_filters_choose_objects_and_their_versions(client):
    one, _ = client.get(OBJECTS).json()["objects"]
    versions = client.get(f"{OBJECTS}{one['id']}/versions/").json()["versions"]
    assert len(versions) == 2
    assert versions[-1] == one["modified"]
    first = client.get(f"{OBJECTS}{one['id']}/", params={"match[version]": "first"}).json()
    assert [x["modified"] for x in first["objects"]] == versions[:1]
    named = {"match[id]": one["id"], "match[version]": f"{versions[0]},last"}
    assert len(client.get(OBJECTS, params=named).json()["objects"]) == 2
    assert client.get(OBJECTS, params={"match[type]": "malware"}).json() == {}
    assert client.get(OBJECTS, params={"match[spec_version]": "2.0"}).json() == {}


@pytest.mark.parametrize(
    ("path", "asked", "accept", "status"),
    [
        ("/taxii2/", {}, "application/taxii+json;version=2.0", 406),
        (OBJECTS, {}, "text/html", 406),
        (OBJECTS, {"next": "abc"}, MEDIA_TYPE, 400),
        (OBJECTS, {"added_after": "2026-01-01T00:00:00"}, MEDIA_TYPE, 400),
        (f"{OBJECTS}vulnerability--nothing/", {}, MEDIA_TYPE, 404),
        ("/taxii2/advisories/collections/other/objects/", {}, MEDIA_TYPE, 404),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_words_of_taxii(
    client, path, asked, accept, status
):
    answer = client.get(path, params=asked, headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["http_status"] == str(status)
    assert answer.json()["title"]


def test_nothing_can_be_written(client):
    assert client.post(OBJECTS, json={"objects": []}).status_code == 405
    assert client.delete(f"{OBJECTS}vulnerability--nothing/").status_code == 405
