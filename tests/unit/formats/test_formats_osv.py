import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from clearhouse.formats import osv

AT = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
RANGE = osv.Range(
    type="ECOSYSTEM",
    events=(osv.Event(kind="introduced", value="0"), osv.Event(kind="fixed", value="2.0")),
)
ENTRY = osv.Entry(
    id="CLR-2026-00001",
    published=AT,
    modified=AT,
    summary="A flaw",
    details="In words",
    affected=(
        osv.Affected(
            package=osv.Package(ecosystem="PyPI", name="x", purl="pkg:pypi/x"), ranges=(RANGE,)
        ),
    ),
)


def document(**changes):
    return osv.document(ENTRY) | changes


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("CLR-2026-00001", "x_CLR-2026-00001"),
        ("CVE-2026-1234", "CVE-2026-1234"),
        ("openSUSE-SU-2026:1", "openSUSE-SU-2026:1"),
        ("SUSE-RU-2026:1", "SUSE-RU-2026:1"),
        ("cve-2026-1234", "x_cve-2026-1234"),
    ],
)
def test_an_unregistered_database_is_marked_as_such(id_, expected):
    assert osv.osv_id(id_) == expected


def test_what_an_entry_does_not_have_is_left_out():
    assert set(osv.document(ENTRY)) == {
        "schema_version",
        "id",
        "modified",
        "published",
        "summary",
        "details",
        "affected",
    }


def test_a_withdrawn_entry_says_since_when():
    withdrawn = osv.Entry(
        **{name: getattr(ENTRY, name) for name in osv.Entry.__dataclass_fields__}
        | {"withdrawn": AT}
    )
    assert osv.document(withdrawn)["withdrawn"] == "2026-11-01T09:00:00Z"


def test_instants_are_in_utc_and_whole_seconds():
    away = AT.replace(microsecond=999_999).astimezone(timezone(timedelta(hours=9)))
    assert osv.instant(away) == "2026-11-01T09:00:00Z"


def test_the_same_document_gives_the_same_bytes_whatever_its_order():
    value = document()
    reordered = dict(reversed(value.items()))
    assert osv.write(value) == osv.write(reordered)
    assert osv.write(value).endswith(b"}\n")
    assert json.loads(osv.write(value)) == value


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        osv.write({"x": float("nan")})


def events(*pairs):
    return [{kind: value} for kind, value in pairs]


def in_range(**range_):
    return document(affected=[{"ranges": [range_]}])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (document(id="CLR-2026-00001"), "id: has no prefix that OSV knows"),
        (document(id=None), "id: has no prefix that OSV knows"),
        (document(modified="yesterday"), "modified: is not an instant in UTC"),
        ({"id": "CVE-1", "affected": [{"versions": ["1"]}]}, "modified: is not an instant in UTC"),
        (document(withdrawn=None), "withdrawn: is not an instant in UTC"),
        (document(affected=[]), "affected: names no package"),
        (document(affected="x"), "affected: names no package"),
        (document(affected=["x"]), "affected[0]: is not an object"),
        (document(affected=[{}]), "affected[0]: names no version"),
        (document(affected=[{"ranges": "x"}]), "affected[0].ranges[0]: has no events"),
        (document(affected=[{"ranges": [{}]}]), "affected[0].ranges[0]: has no events"),
        (document(affected=[{"ranges": [3]}]), "affected[0].ranges[0]: has no events"),
        (
            in_range(type="SEMVER", events=events(("fixed", "1"))),
            "affected[0].ranges[0]: has an end without a beginning",
        ),
        (
            in_range(type="SEMVER", events=["x"]),
            "affected[0].ranges[0]: has an end without a beginning",
        ),
        (
            in_range(
                type="SEMVER", events=events(("introduced", "1"), ("fixed", "2"), ("fixed", "3"))
            ),
            "affected[0].ranges[0]: has an end without a beginning",
        ),
        (
            in_range(
                type="SEMVER",
                events=events(
                    ("introduced", "1"), ("fixed", "2"), ("introduced", "3"), ("last_affected", "4")
                ),
            ),
            "affected[0].ranges[0]: has fixed and last_affected together",
        ),
        (
            in_range(type="GIT", events=events(("introduced", "0"))),
            "affected[0].ranges[0]: names no repository",
        ),
        (
            in_range(type="GIT", repo="https://x.example", events=events(("introduced", "abc"))),
            "affected[0].ranges[0]: has a commit that is not a full hash",
        ),
    ],
)
def test_each_fault_is_named_with_its_place(value, problem):
    assert osv.problems(value) == (problem,)


def test_a_sound_document_has_no_problem():
    assert osv.problems(document()) == ()
    commit = "a" * 40
    assert (
        osv.problems(
            in_range(type="GIT", repo="https://x.example", events=events(("introduced", commit)))
        )
        == ()
    )
