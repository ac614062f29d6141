import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats.cvss import (
    MAX_VECTOR_LENGTH,
    CvssError,
    Rating,
    as_json,
    parse,
    rating_of,
)

V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


def test_a_v4_vector_gives_score_rating_and_nomenclature():
    score = parse(V4)
    assert (score.version, score.score, score.rating) == ("4.0", 9.3, Rating.CRITICAL)
    assert score.nomenclature == "CVSS-B"
    assert score.metric("AV") == "N"
    assert score.metric("E") is None


def test_the_base_score_leaves_threat_metrics_out():
    score = parse(V4 + "/E:U")
    assert score.base == 9.3
    assert score.score < score.base
    assert score.nomenclature == "CVSS-BT"


def test_environmental_and_supplemental_metrics_are_told_apart():
    assert parse(V4 + "/CR:L/AU:Y/U:Red").nomenclature == "CVSS-BE"
    assert parse(V4 + "/AU:Y/U:Red").nomenclature == "CVSS-B"
    assert parse(V4 + "/E:A/MAV:L").nomenclature == "CVSS-BTE"
    assert parse(V4 + "/E:X").nomenclature == "CVSS-B"


def test_older_versions_are_read_and_labelled():
    v31 = parse("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P")
    assert (v31.version, v31.base, v31.score, v31.nomenclature) == ("3.1", 9.8, 9.3, "CVSS-BT")
    v30 = parse("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    assert (v30.version, v30.score) == ("3.0", 9.8)
    v2 = parse("(AV:N/AC:L/Au:N/C:C/I:C/A:C)")
    assert (v2.version, v2.score, v2.rating) == ("2.0", 10.0, Rating.HIGH)


def test_a_v2_environment_counts_only_when_it_is_set():
    assert parse("AV:N/AC:L/Au:N/C:P/I:P/A:P/E:ND").nomenclature == "CVSS-B"
    assert parse("AV:N/AC:L/Au:N/C:P/I:P/A:P/CDP:H/TD:H").nomenclature == "CVSS-BE"


@pytest.mark.parametrize(
    ("vector", "rounded_up"),
    [
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:N/UI:A/VC:N/VI:N/VA:N/SC:H/SI:H/SA:H", 5.0),
        ("CVSS:4.0/AV:N/AC:H/AT:N/PR:H/UI:A/VC:L/VI:N/VA:H/SC:L/SI:N/SA:N", 5.7),
        ("CVSS:4.0/AV:P/AC:L/AT:P/PR:N/UI:N/VC:H/VI:N/VA:L/SC:L/SI:N/SA:N/E:P/CR:M/IR:M/AR:H", 0.7),
    ],
)
def test_a_mean_that_falls_on_half_a_tenth_rounds_up(vector, rounded_up):
    assert parse(vector).score == rounded_up


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "high",
        "9.8",
        "CVSS:5.0/AV:N",
        "CVSS:4.0/",
        V4 + "/",
        V4 + "/AV:N",
        V4 + "/ZZ:N",
        V4 + "/E",
        V4.replace("AV:N", "AV:Q"),
        V4.replace("/SA:N", ""),
        V4 + " " + V4,
        V4.lower(),
        "CVSS:3.1/AV:N/AC:L",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X",
        "AV:N/AC:L",
        "AV:N/AC:L/Au:N/C:P/I:P/A:ND",
        "(AV:N/AC:L/Au:N/C:P/I:P/A:P",
        V4 + "/E:A" * MAX_VECTOR_LENGTH,
    ],
)
def test_what_is_no_single_well_formed_vector_is_refused(vector):
    with pytest.raises(CvssError):
        parse(vector)


def test_a_refusal_never_repeats_the_input():
    for secret in (
        "CVSS:4.0/AV:SECRET",
        V4 + "/SECRET:1",
        "SECRET",
        "CVSS:3.1/SECRET",
        "AV:SECRET",
    ):
        with pytest.raises(CvssError) as caught:
            parse(secret)
        assert "SECRET" not in str(caught.value)
        assert caught.value.__cause__ is None


@given(st.text(alphabet="CVSS:4.031/AVNLPRUIHX()\x00é ", max_size=60))
def test_any_text_is_scored_or_refused(text):
    for candidate in (
        text,
        V4 + "/" + text,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/" + text,
    ):
        try:
            assert 0.0 <= parse(candidate).score <= 10.0
        except CvssError:
            continue


@pytest.mark.parametrize(
    ("score", "rating"),
    [(0.0, "none"), (0.1, "low"), (3.9, "low"), (4.0, "medium"), (7.0, "high"), (9.0, "critical")],
)
def test_ratings_change_at_the_published_steps(score, rating):
    assert rating_of(score) == rating


def test_v2_has_three_ratings():
    assert [rating_of(score, "2.0") for score in (0.0, 4.0, 7.0)] == ["low", "medium", "high"]


def test_json_says_only_what_the_vector_sets():
    found = as_json("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:A/CR:H")
    assert found["modifiedAttackVector"] == "ADJACENT_NETWORK"
    assert "modifiedScope" not in found
    assert found["vectorString"].endswith("/CR:H")


def test_json_of_version_4_has_the_members_that_are_required():
    vector = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
    assert as_json(vector) == {
        "version": "4.0",
        "vectorString": vector,
        "baseScore": 9.3,
        "baseSeverity": "CRITICAL",
    }
