from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.match.picture import AGAINST, FOR, HALF, picture
from clearhouse.clearing.match.record import Reason, ReasonCode

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own output


def reason(text, weight):
    return Reason(code=ReasonCode.TEXT, text=text, weight=weight)


def test_what_speaks_against_points_the_other_way():
    root = parsed(picture([reason("shared words", 0.5), reason("other flaw", -0.25)]))
    good, bad = root.iter(f"{SVG}rect")
    assert (good.get("fill"), bad.get("fill")) == (FOR, AGAINST)
    assert float(good.get("x")) == HALF
    assert float(bad.get("x")) + float(bad.get("width")) == HALF


def test_words_from_strangers_stay_words():
    root = parsed(picture([reason("<script>alert(1)</script>", 1.0)]))
    assert not list(root.iter(f"{SVG}script"))
    assert any("<script>" in (text.text or "") for text in root.iter(f"{SVG}text"))


def test_no_reason_is_said_plainly():
    assert "Nothing in common" in picture([])


@given(st.lists(st.builds(reason, st.text(max_size=200), st.floats(-9, 9)), max_size=9))
def test_any_reasons_give_a_well_formed_picture(reasons):
    root = parsed(picture(reasons))
    assert len(list(root.iter(f"{SVG}rect"))) == len(reasons)
