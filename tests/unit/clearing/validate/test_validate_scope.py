import pytest

from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.validate.profiles import DEFAULT, load_profile, profile_for, profiles
from clearhouse.clearing.validate.record import ClaimResult
from clearhouse.clearing.validate.scope import check_scope


def scope(*files, purl=None, **rest):
    draft = Draft(locations=tuple(Location(file=file) for file in files), **rest)
    return check_scope(draft, profile_for(purl))


def test_every_profile_reads_and_says_where_it_comes_from():
    assert {"cpython", "curl", "django", "linux", "nodejs"} < {one.id for one in profiles()}
    for profile in profiles():
        assert profile.clauses
        assert (profile.source is None) == (profile.id == DEFAULT)
        assert (profile.as_of is None) == (profile.id == DEFAULT)
    assert load_profile(DEFAULT).applies_to == ()


@pytest.mark.parametrize(
    ("purl", "name"),
    [
        ("pkg:pypi/django", "django/1"),
        ("pkg:generic/curl", "curl/1"),
        ("pkg:npm/lodash", "default/1"),
        (None, "default/1"),
    ],
)
def test_a_package_gets_its_projects_profile_or_the_default(purl, name):
    assert profile_for(purl).name == name


@pytest.mark.parametrize(
    "path", ["test/bin/semver.js", "tests/x.py", "./tests/x.py", "lib/__tests__/a/b.js"]
)
def test_a_flaw_in_test_code_alone_falls_under_a_clause(path):
    found = scope(path)
    assert found.excluded_by.name == "test-code"
    assert "test-code" in found.checks[0].reason


@pytest.mark.parametrize("path", ["lib/range.js", "src/latest/x.py", "testing_tools.py"])
def test_shipped_code_falls_under_no_clause(path):
    found = scope(path)
    assert found.excluded_by is None
    assert found.checks[0].result is ClaimResult.HOLDS


def test_one_shipped_file_beside_a_test_keeps_the_report_in_scope():
    assert scope("tests/x.py", "lib/x.py").excluded_by is None


def test_a_report_without_files_is_not_excluded():
    assert scope().excluded_by is None


def test_what_needs_judgement_is_asked_and_never_answered():
    asked = [one for one in scope("lib/x.js").checks if "person" in one.reason]
    assert asked
    assert {one.result for one in asked} == {ClaimResult.UNCHECKABLE}


def test_cvss_is_named_where_the_project_does_not_want_it():
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    curl = scope("lib/x.c", purl="pkg:generic/curl", cvss_vectors=(vector,))
    assert any(one.subject == "cvss" for one in curl.checks)
    assert not any(one.subject == "cvss" for one in scope("a", cvss_vectors=(vector,)).checks)


def test_a_supported_version_holds_and_an_old_one_asks():
    def support(*versions):
        draft = Draft(locations=(Location(file="django/x.py"),), affected_versions=versions)
        profile = profile_for("pkg:pypi/django")
        found = check_scope(draft, profile).checks
        return next(one for one in found if one.subject == ", ".join(versions))

    newest = profile_for("pkg:pypi/django").supported_versions[-1]
    start = newest.split(",")[0].strip("<>= ")
    assert support(start).result is ClaimResult.HOLDS
    old = support("1.4.0", "1.5.0")
    assert old.result is ClaimResult.UNCHECKABLE
    assert "None of these versions" in old.reason


def test_a_clause_is_cited_with_the_page_that_states_it():
    asked = [
        one for one in scope("lib/x.c", purl="pkg:generic/curl").checks if "person" in one.reason
    ]
    assert all("https://" in one.looked_at for one in asked)


@pytest.mark.parametrize(
    ("stated", "result"),
    [
        ("*", ClaimResult.HOLDS),
        ("<1.5", None),
        ("the one from last spring", None),
    ],
)
def test_a_range_is_supported_when_it_reaches_a_supported_version(stated, result):
    draft = Draft(locations=(Location(file="django/x.py"),), affected_versions=(stated,))
    found = check_scope(draft, profile_for("pkg:pypi/django")).checks
    answers = {one.result for one in found if one.subject == stated}
    assert answers == (set() if result is None else {result})
